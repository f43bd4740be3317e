"""`sns:` of a trigger: what is published to a topic, one message a job."""

from __future__ import annotations

import json
from math import prod
from typing import Annotated, Any, Final

from pydantic import Field, field_validator

from jobs.event_rules.pattern import PatternError, parse_pattern
from jobs.spec.base import Strict, TopicName, refuse
from jobs.spec.queue_sources import MESSAGE_PARAMETERS, Receives, message_paths

MAX_ATTRIBUTES: Final = 5
MAX_COMBINATIONS: Final = 150
"""SNS multiplies the numbers of values of all attributes (developer guide, filter policy constraints)."""
NUMBER_LIMIT: Final = 1e9
_OPERATORS: Final = ("anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix")


class SnsSource(Strict):
    """What is published to a topic and passes the filter; each message submits the job once."""

    topic: TopicName = Field(examples=["orders"])
    """A topic of the stage's settings (`batchyard:topics`)."""
    filter: Annotated[dict[str, Any], Field(examples=[{"kind": ["paid", {"prefix": "refund"}]}])] = Field(
        default_factory=dict
    )
    """SNS's filter policy on message attributes: attribute → list of values or operators. Left out: every message."""
    take: Annotated[dict[str, str], Field(max_length=90, examples=[{"order": "$.body.order"}])] = Field(
        default_factory=dict
    )
    """Parameter: JSON path into the message where its value is; `$.body` is what was published, `$.body.key` looks
    into JSON, `$.messageAttributes.kind.stringValue` is an attribute."""
    receives: Receives = 5
    """How often a message is tried before it goes to the dead-letter queue."""

    @field_validator("take")
    @classmethod
    def _take(cls, take: dict[str, str]) -> dict[str, str]:
        return message_paths(take)

    @field_validator("filter")
    @classmethod
    def _filter(cls, policy: dict[str, Any]) -> dict[str, Any]:
        if len(policy) > MAX_ATTRIBUTES:
            raise refuse(
                f"on {len(policy)} attributes",
                f"SNS filters by {MAX_ATTRIBUTES} at most",
                "leave some out, or let the job look at the rest",
            )
        for name, wanted in policy.items():
            _check_attribute(name, wanted)
        combinations = prod(len(wanted) for wanted in policy.values())
        if combinations > MAX_COMBINATIONS:
            raise refuse(
                f"one of {combinations:,} combinations",
                f"SNS takes {MAX_COMBINATIONS}: the numbers of values of all attributes, multiplied",
                "name fewer values, or make several triggers",
            )
        return policy

    @property
    def offered(self) -> dict[str, str]:
        """Parameter → path."""
        return {**MESSAGE_PARAMETERS, **self.take}


def _check_attribute(name: str, wanted: Any) -> None:
    remedy = f'write for example {_plain(name)[:40]}: [paid, {{prefix: "re"}}]'
    if not isinstance(wanted, list) or name == "$or":
        got = "a $or" if name == "$or" else "an object" if isinstance(wanted, dict) else f"{str(wanted)[:60]!r}"
        raise refuse(got, "an attribute has a list of values or operators", remedy, key=(name,))
    for position, one in enumerate(wanted):
        operator = next(iter(one), None) if isinstance(one, dict) else None
        if isinstance(one, dict) and operator not in _OPERATORS:
            raise refuse(
                f"{str(operator)[:60]!r}, which SNS doesn't know",
                f"its operators are {', '.join(_OPERATORS)}",
                "use one of these",
                key=(name, position),
            )
        if isinstance(one, int | float) and not isinstance(one, bool) and abs(one) >= NUMBER_LIMIT:
            raise refuse(
                f"{one}"[:60],
                "SNS compares numbers below a thousand millions",
                "send it as text, and write it in quotes",
                key=(name, position),
            )
    try:
        parse_pattern(json.dumps({"attribute": wanted}))
    except (PatternError, RecursionError) as error:
        raise refuse(f"no condition ({_plain(str(error))})", "SNS must take it", remedy, key=(name,)) from None


def _plain(text: str) -> str:
    shown = text if text.isprintable() else repr(text)[1:-1]
    return shown[:160]
