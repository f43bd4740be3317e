"""What EventBridge would refuse of a trigger's rule, and what nobody would want of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jobs.event_rules.mismatch import mismatches
from jobs.event_rules.pattern import PatternError, parse_pattern
from jobs.event_rules.rules import batch_template, event_rule
from jobs.event_rules.sample import sample_end, sample_upload

if TYPE_CHECKING:  # the specifications check themselves with this module
    from jobs.spec.triggers import Trigger

PATTERN_MAX_CHARACTERS: Final = 2048
"""What PutRule takes unless AWS raised the account's quota (EventBridge User Guide, quotas)."""
TEMPLATE_MAX_CHARACTERS: Final = 8192
_FOREIGN: Final[Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]] = {
    "aws.batch": (
        (("detail", "jobQueue"), "arn:aws:batch:us-east-1:123456789012:job-queue/another-stages-queue"),
        (("detail", "jobDefinition"), "arn:aws:batch:us-east-1:123456789012:job-definition/another-stages-job:1"),
        (("detail", "jobName"), "another-stages-job"),
    ),
    "aws.s3": ((("detail", "bucket", "name"), "another-stages-bucket"),),
    "aws.ecs": ((("detail", "clusterArn"), "arn:aws:ecs:us-east-1:123456789012:cluster/another-stages-cluster"),),
}
"""Source of events that every stage of an account sends → fields that tell whose they are, with another stage's."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a rule can't be as it is, in the words of a problem; `key` goes on from the trigger's kind."""

    got: str
    allowed: str
    remedy: str
    key: tuple[str, ...] = ()


class LongestNames:
    """Stands for a stage whose names have AWS's full length."""

    def bucket(self, name: str) -> str:
        return name.ljust(63, "x")

    def queue_arn(self, job: str) -> str:
        return f"arn:aws-us-gov:batch:ap-southeast-99:123456789012:job-queue/{job.ljust(128, 'x')}"

    def definition_arn_prefix(self, job: str) -> str:
        return f"arn:aws-us-gov:batch:ap-southeast-99:123456789012:job-definition/{job.ljust(128, 'x')}:"

    def function_arn(self, job: str) -> None:
        """A job's own file doesn't say where another runs; on Lambda its names are shorter."""


def check_rule(trigger: Trigger) -> Refusal | None:
    """A rule that EventBridge refuses, that its own sample event doesn't fulfil, or that takes events of any stage."""
    places = LongestNames()
    rule = event_rule(trigger, places)
    if rule is None:
        return None
    key = ("pattern",) if trigger.event is not None else ()
    try:
        text = json.dumps(rule.pattern, ensure_ascii=False)
        pattern = parse_pattern(text)
    except (PatternError, RecursionError) as error:
        return Refusal(
            got=f"no event pattern ({_plain(str(error), 160)})",
            allowed="EventBridge must take it",
            remedy="write lists of values or operators where the event has values",
            key=key,
        )
    for kind, length, most in (
        ("pattern", len(text), PATTERN_MAX_CHARACTERS),
        ("template", len(batch_template(rule.parameters)), TEMPLATE_MAX_CHARACTERS),
    ):
        if length > most:
            return Refusal(
                got=f"a {kind} of {length:,} characters",
                allowed=f"EventBridge takes {most:,}",
                remedy="name fewer or shorter ones, or make several triggers",
                key=key,
            )
    sample = _sample(trigger, places)
    for one in mismatches(pattern, sample)[:1]:
        return Refusal(
            got=f"not fulfilled by its own sample, whose {_plain(one.field, 80)} is {_short(one.got_or_none)}",
            allowed="a trigger takes its own sample",
            remedy=f"the pattern wants {_short(one.wanted)}; change one of the two",
            key=key,
        )
    return _catches_others(rule.pattern) if trigger.event is not None and rule.bus == "default" else None


def _sample(trigger: Trigger, places: LongestNames) -> Mapping[str, Any]:
    if trigger.s3 is not None:
        return sample_upload(places.bucket(trigger.s3.bucket), trigger.s3)
    if trigger.after is not None:
        job = trigger.after.job
        return sample_end(places.queue_arn(job), places.definition_arn_prefix(job), trigger.after)
    assert trigger.event is not None
    return trigger.event.sample


def _catches_others(pattern: Mapping[str, Any]) -> Refusal | None:
    """A pattern on events that every stage sends, which none of the telling fields keeps to one stage's."""
    for source, fields in _FOREIGN.items():
        if not parse_pattern(json.dumps({"source": pattern["source"]})).matches({"source": source}):
            continue
        if not any(_keeps_out(pattern, path, foreign) for path, foreign in fields):
            names = " or ".join(".".join(path) for path, _ in fields)
            return Refusal(
                got=f"one that takes {source} events of every stage in the account",
                allowed=f"such a pattern limits {names} to names of one stage",
                remedy={"aws.batch": "write after: for a job's end", "aws.s3": "write s3: for uploads"}.get(
                    source, "name what is meant"
                ),
                key=("pattern",),
            )
    return None


def _keeps_out(pattern: Mapping[str, Any], path: tuple[str, ...], foreign: str) -> bool:
    """Whether the pattern has a condition for the field that another stage's value doesn't fulfil."""
    expected: Any = pattern
    for key in path:
        expected = expected.get(key) if isinstance(expected, Mapping) else None
    return isinstance(expected, list) and not parse_pattern(json.dumps({"field": expected})).matches({"field": foreign})


def _short(value: Any) -> str:
    return _plain(json.dumps(value, ensure_ascii=False, default=str), 80)


def _plain(text: str, most: int) -> str:
    """On one line and short, whatever somebody wrote into a pattern."""
    shown = text if text.isprintable() else repr(text)[1:-1]
    return shown if len(shown) <= most else f"{shown[:most]}…"
