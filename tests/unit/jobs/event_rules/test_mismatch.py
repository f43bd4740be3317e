"""Why a pattern doesn't match: the same answer as matching gives, and fields a person can find."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.event_rules.json_path import ABSENT
from jobs.event_rules.mismatch import Mismatch, mismatches
from jobs.event_rules.pattern import parse_pattern

UPLOAD = {
    "source": "aws.s3",
    "detail": {"bucket": {"name": "uploads"}, "object": {"key": "photos/a.jpg"}, "tags": [{"name": "a", "value": 1}]},
}


def why(pattern: dict[str, Any], event: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(one.field, one.got) for one in mismatches(parse_pattern(json.dumps(pattern)), event)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"source": ["aws.s3"]}, []),
        ({"source": ["aws.batch"], "detail": {"object": {"key": [{"prefix": "x"}]}}},
         [("source", "aws.s3"), ("detail.object.key", "photos/a.jpg")]),
        ({"detail": {"object": {"size": [{"numeric": [">", 1]}]}}}, [("detail.object.size", ABSENT)]),
        ({"detail": {"object": {"size": {"deep": [1]}}}}, [("detail.object.size.deep", ABSENT)]),
        ({"detail": {"bucket": [{"exists": True}]}}, [("detail.bucket", {"name": "uploads"})]),
        ({"detail": {"tags": {"name": ["a"], "value": [2]}}}, [("detail.tags", [{"name": "a", "value": 1}])]),
        ({"$or": [{"source": ["x"]}, {"account": ["1"]}]}, [("$or", {"source": "aws.s3", "account": None})]),
    ],
)  # fmt: skip
def test_every_field_that_differs_is_named(pattern: dict[str, Any], expected: list[tuple[str, Any]]) -> None:
    assert why(pattern, UPLOAD) == expected


def test_what_was_wanted_is_the_patterns_own_text() -> None:
    (one,) = mismatches(parse_pattern('{"source": ["a", {"prefix": "b"}]}'), UPLOAD)
    assert one == Mismatch(field="source", got="aws.s3", wanted=["a", {"prefix": "b"}])


KEYS = st.sampled_from(["a", "b", "c"])
LEAVES = st.sampled_from(["x", "xy", 1, 2, None, True])
EVENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
ENTRIES = LEAVES | st.sampled_from([{"prefix": "x"}, {"exists": True}, {"exists": False}, {"anything-but": "x"}])
PATTERNS = st.recursive(
    st.lists(ENTRIES, min_size=1, max_size=2),
    lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(fields=st.dictionaries(KEYS, PATTERNS, min_size=1, max_size=3), event=st.dictionaries(KEYS, EVENTS, max_size=3))
def test_there_is_a_reason_exactly_when_there_is_no_match(fields: dict[str, Any], event: dict[str, Any]) -> None:
    pattern = parse_pattern(json.dumps(fields))
    assert bool(mismatches(pattern, event)) is not pattern.matches(event)
