"""The EventBridge rule of a trigger: which events it takes, and which parameters the job gets from them. Pure.

The pattern's leaves may be anything that becomes text later, so that components can leave names to the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from jobs import conventions
from jobs.spec.triggers import S3Source, Trigger

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
    keys = _key_entries(source.prefix, source.suffix)
    if keys:
        detail["object"] = {"key": keys}
    return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}


def _key_entries(prefix: str, suffixes: Sequence[str]) -> list[dict[str, str]]:
    if prefix and suffixes:
        return [{"wildcard": f"{prefix}*{suffix}"} for suffix in suffixes]
    if suffixes:
        return [{"suffix": suffix} for suffix in suffixes]
    return [{"prefix": prefix}] if prefix else []


def input_template(parameters: Mapping[str, str], offered: Mapping[str, str]) -> str:
    """The input transformer's template: `{"Parameters":{"bucket":<bucket>,"key":<key>,"size":"small"}}`.

    `offered` names are filled in by the event unless `parameters` fix them. EventBridge puts quotes around text it
    fills in, and escapes nothing in it: a key with a quote starts no job.
    """
    fixed = {name: _json(value) for name, value in parameters.items()}
    filled = {name: f"<{name}>" for name in offered if name not in fixed}
    entries = sorted((fixed | filled).items())
    return '{"Parameters":{' + ",".join(f"{_json(name)}:{value}" for name, value in entries) + "}}"


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
