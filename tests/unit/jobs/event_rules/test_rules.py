"""The rule of each trigger: it takes what the trigger says, nothing else, and always its own sample."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jobs.event_rules.check import check_rule
from jobs.event_rules.pattern import Pattern, parse_pattern
from jobs.event_rules.rules import upload_pattern
from jobs.event_rules.sample import sample_upload
from jobs.spec import S3Source, Trigger
from jobs.spec.s3_source import SIZE_MAX_BYTES
from local.emulator.s3.object_events import CREATED, object_event


def upload(key: str, size: int) -> dict[str, Any]:
    facts = {"key": key, "size": size, "etag": "e"}
    return object_event(
        CREATED, bucket="uploads", region="us-east-1", account="1", facts=facts, version_id=None, reason="PutObject"
    )


def takes(key: str, bytes_: int, /, **source: Any) -> bool:
    parsed = S3Source.model_validate({"bucket": "uploads", **source})
    pattern: Pattern = parse_pattern(json.dumps(upload_pattern("uploads", parsed)))
    return pattern.matches(upload(key, bytes_))


@pytest.mark.parametrize(
    ("size", "taken"), [(0, False), (9, False), (10, True), (20, True), (21, False), (SIZE_MAX_BYTES + 1, False)]
)
def test_a_size_is_a_range_with_both_ends(size: int, taken: bool) -> None:
    assert takes("a", size, size={"min_bytes": 10, "max_bytes": 20}) is taken


def test_one_end_is_enough() -> None:
    assert takes("a", SIZE_MAX_BYTES, size={"min_bytes": 1})
    assert not takes("a", 0, size={"min_bytes": 1})
    assert not takes("a", SIZE_MAX_BYTES + 1, size={"min_bytes": 1})
    assert takes("a", 0, size={"max_bytes": 1})


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        ("in/2026/part-1.csv", True),
        ("in/a/b/part-.csv", True),
        ("in/part-1.csv", False),
        ("in/2026/part-1.csv.gz", False),
        ("stars/*", True),
        ("stars/x", False),
    ],
)
def test_a_wildcard_is_the_whole_key(key: str, taken: bool) -> None:
    assert takes(key, 1, wildcard=["in/*/part-*.csv", "stars/\\*"]) is taken


TEXTS = st.text(st.sampled_from("ab/.*\\ é\"'"), max_size=8)


@settings(max_examples=300, deadline=None)
@given(
    prefix=TEXTS,
    suffix=st.lists(TEXTS, max_size=2),
    wildcard=st.lists(TEXTS, max_size=2),
    size=st.none() | st.dictionaries(st.sampled_from(["min_bytes", "max_bytes"]), st.integers(-1, 9)),
)  # fmt: skip
def test_what_a_specification_accepts_eventbridge_takes_and_its_sample_fulfils(
    prefix: str, suffix: list[str], wildcard: list[str], size: dict[str, int] | None
) -> None:
    given_source = {"bucket": "uploads", "prefix": prefix, "suffix": suffix, "wildcard": wildcard, "size": size}
    try:
        source = S3Source.model_validate(given_source)
    except ValidationError:
        return
    assert check_rule(Trigger(s3=source)) is None
    pattern = parse_pattern(json.dumps(upload_pattern("uploads", source)))
    assert pattern.matches(sample_upload("uploads", source))


def test_a_pattern_longer_than_eventbridge_takes_is_refused() -> None:
    suffixes = tuple(f".{number:060}" for number in range(40))
    refused = check_rule(Trigger(s3=S3Source(bucket="uploads", suffix=suffixes)))
    assert refused is not None
    assert "EventBridge takes 2,048" in refused.allowed


def test_a_pattern_that_its_sample_cannot_fulfil_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.event_rules.check.sample_upload", lambda *_arguments: upload("elsewhere", 1))
    refused = check_rule(Trigger(s3=S3Source(bucket="uploads", prefix="in/")))
    assert refused is not None
    assert refused.got == 'not fulfilled by its own sample, whose detail.bucket.name is "uploads"'
