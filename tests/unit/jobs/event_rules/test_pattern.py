from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.event_rules.pattern import PatternError, parse_pattern

JOB_EVENT = json.loads((Path(__file__).parent / "batch-job-state-change-succeeded-ec2.json").read_text())
OBJECT_CREATED = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {"bucket": {"name": "uploads"}, "object": {"key": "photos/A b.JPG", "size": 12}, "reason": None},
    "resources": ["arn:aws:s3:::uploads", "arn:aws:s3:::other"],
}


def matches(pattern: Any, event: Any) -> bool:
    return parse_pattern(json.dumps(pattern)).matches(event)


KEY = "photos/A b.JPG"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (KEY, True),
        ("photos/a b.jpg", False),
        ({"prefix": "photos/"}, True),
        ({"prefix": "Photos/"}, False),
        ({"prefix": {"equals-ignore-case": "PHOTOS/"}}, True),
        ({"suffix": ".JPG"}, True),
        ({"suffix": ".jpg"}, False),
        ({"suffix": {"equals-ignore-case": ".jpg"}}, True),
        ({"equals-ignore-case": "PHOTOS/a B.jpg"}, True),
        ({"wildcard": "photos/*.JPG"}, True),
        ({"wildcard": "photos/*.png"}, False),
        ({"wildcard": "*b*"}, True),
        ({"wildcard": "photos/A b\\*"}, False),
        ({"anything-but": "x"}, True),
        ({"anything-but": [KEY, "x"]}, False),
        ({"anything-but": {"prefix": "photos/"}}, False),
        ({"anything-but": {"prefix": ["videos/", "x"]}}, True),
        ({"anything-but": {"suffix": ".JPG"}}, False),
        ({"anything-but": {"wildcard": "*/A*"}}, False),
        ({"anything-but": {"wildcard": ["*/B*", "*/C*"]}}, True),
        ({"anything-but": {"equals-ignore-case": ["PHOTOS/A B.JPG"]}}, False),
        ({"exists": True}, True),
        ({"exists": False}, False),
        ({"numeric": [">", 0]}, False),
        ({"cidr": "10.0.0.0/24"}, False),
    ],
)
def test_operators_on_a_key(entry: Any, expected: bool) -> None:
    assert matches({"detail": {"object": {"key": [entry]}}}, OBJECT_CREATED) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"detail": {"object": {"size": [{"numeric": [">", 0, "<=", 12]}]}}}, True),
        ({"detail": {"object": {"size": [{"numeric": ["=", 13]}]}}}, False),
        ({"detail": {"object": {"size": [12]}}}, True),
        ({"detail": {"object": {"size": [12.0]}}}, False),
        ({"detail": {"object": {"size": ["12"]}}}, False),
        ({"detail": {"reason": [None]}}, True),
        ({"detail": {"missing": [None]}}, False),
        ({"detail": {"missing": [{"exists": False}]}}, True),
        ({"detail": {"missing": {"deeper": [{"exists": False}]}}}, True),
        ({"detail": {"missing": {"deeper": [{"exists": True}]}}}, False),
        ({"detail": {"missing": [{"anything-but": "x"}]}}, False),
        # exists looks at leaves: an object is none
        ({"detail": {"object": [{"exists": True}]}}, False),
        ({"resources": ["arn:aws:s3:::other"]}, True),
        ({"resources": [{"prefix": "arn:aws:sqs"}]}, False),
        ({"detail": {"$or": [{"object": {"size": [1]}}, {"bucket": {"name": ["uploads"]}}]}}, True),
        ({"detail": {"$or": [{"object": {"size": [1]}}, {"object": {"size": [2]}}]}}, False),
        ({"source": ["aws.s3"], "$or": [{"account": ["1"]}, {"detail-type": ["Object Created"]}]}, True),
        ({"source": ["aws.ec2"], "$or": [{"account": ["1"]}, {"detail-type": ["Object Created"]}]}, False),
    ],
)
def test_patterns(pattern: Any, expected: bool) -> None:
    assert matches(pattern, OBJECT_CREATED) is expected


def test_fields_below_an_array_hold_for_one_element() -> None:
    event = {"detail": {"attempts": [{"exit": 0, "host": "a"}, {"exit": 1, "host": "b"}]}}
    assert matches({"detail": {"attempts": {"exit": [1], "host": ["b"]}}}, event)
    assert not matches({"detail": {"attempts": {"exit": [1], "host": ["a"]}}}, event)


def test_addresses() -> None:
    event = {"detail": {"ip": "10.0.0.7"}}
    assert matches({"detail": {"ip": [{"cidr": "10.0.0.0/24"}]}}, event)
    assert not matches({"detail": {"ip": [{"cidr": "10.0.1.0/24"}]}}, event)


def test_a_failed_job_rule_on_a_real_event() -> None:
    queue = JOB_EVENT["detail"]["jobQueue"]
    pattern = {
        "source": ["aws.batch"],
        "detail-type": ["Batch Job State Change"],
        "detail": {
            "status": ["SUCCEEDED", "FAILED"],
            "jobQueue": [queue],
            "jobDefinition": [{"prefix": "arn:aws:batch:"}],
        },
    }
    assert matches(pattern, JOB_EVENT)
    assert matches({"detail": {"attempts": {"container": {"exitCode": [{"numeric": ["=", 0]}]}}}}, JOB_EVENT)
    assert not matches({**pattern, "detail": {"status": ["FAILED"]}}, JOB_EVENT)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("{", "Invalid JSON"),
        ("[]", "Filter is not an object"),
        ("{}", "Event pattern is empty"),
        ('{"source": "aws.s3"}', '"source" must be an object or an array'),
        ('{"source": []}', "Empty arrays are not allowed"),
        ('{"source": [{"prefx": "a"}]}', "Unrecognized match type prefx"),
        ('{"source": [{"prefix": 1}]}', "prefix match pattern must be a string"),
        ('{"source": [{"wildcard": "a**b"}]}', "Consecutive wildcard characters at pos 1"),
        ('{"source": [{"exists": "yes"}]}', "exists match pattern must be either true or false."),
        ('{"size": [{"numeric": [">", 6000000000]}]}', "Value must be between"),
        ('{"size": [{"numeric": ["~", 1]}]}', "Unrecognized numeric range operator: ~"),
        ('{"$or": [{"a": [1]}]}', "at least 2 Objects"),
        ('{"a": [{"anything-but": ["x", 1]}]}', "mixed type is not supported"),
        ('{"a": [{"anything-but": {"cidr": "10.0.0.0/8"}}]}', "Unsupported anything-but pattern: cidr"),
        ('{"a": [{"cidr": "nonsense"}]}', "Malformed CIDR"),
    ],
)
def test_refused_patterns(pattern: str, reason: str) -> None:
    with pytest.raises(PatternError, match=re.escape(reason)):
        parse_pattern(pattern)


SCALARS = st.none() | st.booleans() | st.integers(-1000, 1000) | st.text("aB/.*- é\\", max_size=6)
EVENTS = st.recursive(
    st.dictionaries(
        st.sampled_from("abc"), SCALARS | st.lists(SCALARS, min_size=1, max_size=3), min_size=1, max_size=3
    ),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3),
    max_leaves=6,
)


def exactly(event: Any) -> Any:
    """A pattern that asks for everything an event has."""
    if isinstance(event, dict):
        return {key: exactly(value) for key, value in event.items()}
    return event if isinstance(event, list) else [event]


@settings(max_examples=100, deadline=None)
@given(EVENTS)
def test_an_event_matches_itself_and_no_event_that_lacks_a_field(event: dict[str, Any]) -> None:
    pattern = exactly(event)
    assert matches(pattern, event)
    assert matches(pattern, {**event, "more": 1})
    assert not matches({**pattern, "lacking": ["x"]}, event)
    assert matches({**pattern, "lacking": [{"exists": False}]}, event)


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(st.integers(-50, 50), st.text("ab", max_size=3)),
    st.lists(st.text("ab", max_size=3), min_size=1, max_size=4),
)
def test_anything_but_is_the_opposite_of_its_values(value: Any, refused: list[str]) -> None:
    event = {"field": value}
    assert matches({"field": [{"anything-but": refused}]}, event) is not matches({"field": refused}, event)


@settings(max_examples=100, deadline=None)
@given(st.text("ab/*.", max_size=8), st.lists(st.sampled_from(["a", "b", "/", "*", "."]), max_size=6))
def test_wildcards_agree_with_fnmatch(text: str, parts: list[str]) -> None:
    pattern = re.sub(r"\*+", "*", "".join(parts))
    assert matches({"field": [{"wildcard": pattern}]}, {"field": text}) is fnmatch.fnmatchcase(text, pattern)


@settings(max_examples=100, deadline=None)
@given(EVENTS, EVENTS, EVENTS)
def test_or_is_any_of_its_alternatives(event: dict[str, Any], one: dict[str, Any], other: dict[str, Any]) -> None:
    alternatives = [exactly(one), exactly(other)]
    assert matches({"$or": alternatives}, event) is any(matches(each, event) for each in alternatives)
