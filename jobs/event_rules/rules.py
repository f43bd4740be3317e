"""The EventBridge rule of a trigger: which events it takes, and which parameters the job gets from them. Pure.

The pattern's leaves may be anything that becomes text later, so that components can leave names to the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from jobs import conventions
from jobs.event_rules.pattern import PatternError, parse_pattern
from jobs.event_rules.sample import sample_upload

if TYPE_CHECKING:  # the specifications check themselves with this module
    from jobs.spec.s3_source import S3Source
    from jobs.spec.triggers import Trigger

PATTERN_MAX_CHARACTERS: Final = 2048
"""What PutRule takes unless AWS raised the account's quota (EventBridge User Guide, quotas)."""

S3_PATHS: Final[Mapping[str, str]] = {"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"}
assert tuple(S3_PATHS) == conventions.S3_TRIGGER_PARAMETERS


class Places(Protocol):
    """What a stage calls the things a trigger names."""

    def bucket(self, name: str) -> Any:
        """Its physical name."""


@dataclass(frozen=True, kw_only=True)
class EventRule:
    """A rule and its target's input transformer."""

    pattern: Mapping[str, Any]
    paths: Mapping[str, str]
    """Placeholder → where the event has its value."""
    template: str
    """`{"Parameters":{…}}` with `<placeholder>`s."""


def event_rule(trigger: Trigger, places: Places) -> EventRule | None:
    """None for triggers that aren't events: schedules."""
    if trigger.s3 is None:
        return None
    return EventRule(
        pattern=upload_pattern(places.bucket(trigger.s3.bucket), trigger.s3),
        paths=S3_PATHS,
        template=input_template(trigger.parameters, S3_PATHS),
    )


def upload_pattern(bucket_name: Any, source: S3Source) -> dict[str, Any]:
    """Prefix and suffix together are one wildcard: two entries of a list would mean either."""
    detail: dict[str, Any] = {"bucket": {"name": [bucket_name]}}
    about: dict[str, Any] = {}
    keys = _key_entries(source)
    if keys:
        about["key"] = keys
    if source.size is not None:
        ends = ((">=", source.size.min_bytes), ("<=", source.size.max_bytes))
        about["size"] = [{"numeric": [part for end in ends if end[1] is not None for part in end]}]
    if about:
        detail["object"] = about
    return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}


def _key_entries(source: S3Source) -> list[dict[str, str]]:
    prefix, suffixes = source.prefix, source.suffix
    if source.wildcard:
        return [{"wildcard": text} for text in source.wildcard]
    if prefix and suffixes:
        return [{"wildcard": f"{prefix}*{suffix}"} for suffix in suffixes]
    if suffixes:
        return [{"suffix": suffix} for suffix in suffixes]
    return [{"prefix": prefix}] if prefix else []


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a rule can't be as it is, in the words of a problem."""

    got: str
    allowed: str
    remedy: str


class _LongestNames:
    """Stands for a stage whose names have AWS's full length."""

    def bucket(self, name: str) -> str:
        return name.ljust(63, "x")


def check_rule(trigger: Trigger) -> Refusal | None:
    """What EventBridge would refuse of the trigger's rule, or a rule that its own sample event doesn't fulfil."""
    places = _LongestNames()
    rule = event_rule(trigger, places)
    if rule is None:
        return None
    text = _json(rule.pattern)
    try:
        pattern = parse_pattern(text)
    except PatternError as error:
        return Refusal(got=f"no pattern ({error})", allowed="EventBridge must take it", remedy="change it there")
    if len(text) > PATTERN_MAX_CHARACTERS:
        return Refusal(
            got=f"a pattern of {len(text):,} characters",
            allowed=f"EventBridge takes {PATTERN_MAX_CHARACTERS:,}",
            remedy="name fewer or shorter alternatives, or make several triggers",
        )
    assert trigger.s3 is not None
    sample = sample_upload(places.bucket(trigger.s3.bucket), trigger.s3)
    if not pattern.matches(sample):
        return Refusal(
            got=f"not fulfilled by its own sample, {sample['detail']['object']}"[:200],
            allowed="a trigger takes some event",
            remedy="change what contradicts itself",
        )
    return None


def input_template(parameters: Mapping[str, str], offered: Mapping[str, str]) -> str:
    """The input transformer's template: `{"Parameters":{"bucket":<bucket>,"key":<key>,"size":"small"}}`.

    `offered` names are filled in by the event unless `parameters` fix them. EventBridge puts quotes around text it
    fills in, and escapes nothing in it: a key with a quote starts no job.
    """
    fixed = {name: _json(value) for name, value in parameters.items()}
    filled = {name: f"<{name}>" for name in offered if name not in fixed}
    entries = sorted((fixed | filled).items())
    return '{"Parameters":{' + ",".join(f"{_json(name)}:{value}" for name, value in entries) + "}}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
