"""Notifications of SNS topics and records of DynamoDB streams for `batchyard events test`: what pipes would make of
them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from components.names import AUTO_SUFFIX_LENGTH, Names
from components.settings import Settings
from jobs.event_rules.mismatch import Mismatch, mismatches
from jobs.event_rules.notification import attribute_values, raw_message
from jobs.event_rules.pattern import parse_pattern
from jobs.problems import Problem, Problems
from jobs.spec.triggers import Trigger
from local.emulator.pipes.execution import parameter_values

_TABLE = re.compile(r"(?:.*:)?table/(?P<name>[^/]+)(?:/.*)?")


@dataclass(frozen=True, kw_only=True)
class Piped:
    """Something a pipe reads."""

    kind: Literal["sns", "dynamodb"]
    source: str
    """The topic's ARN or name; the table's name."""
    given: Mapping[str, Any]
    """The notification, or the record."""


def piped_from(event: Mapping[str, Any], *, place: str) -> Piped | None:
    """A notification (`Type: Notification`) or a record (`eventSource: aws:dynamodb`); None for any other event. Raises
    Problems for one that doesn't say whose it is."""
    if event.get("Type") == "Notification":
        _texts(event, place, TopicArn="a notification has the TopicArn it came from", Message="its Message is text")
        attributes = event.get("MessageAttributes") or {}
        if not isinstance(attributes, dict) or not all(
            isinstance(one, dict) and isinstance(one.get("Type"), str) for one in attributes.values()
        ):
            allowed = 'MessageAttributes are like {"kind": {"Type": "String", "Value": "paid"}}'
            raise Problems([_problem(f"{place}: MessageAttributes", "none that SNS sends", allowed)])
        return Piped(kind="sns", source=event["TopicArn"], given=event)
    if event.get("eventSource") == "aws:dynamodb":
        _texts(
            event,
            place,
            eventSourceARN="a record has the eventSourceARN of its stream",
            eventName="its eventName is INSERT, MODIFY or REMOVE",
        )
        found = _TABLE.fullmatch(event["eventSourceARN"])
        if found is None or not isinstance(event.get("dynamodb"), dict):
            allowed = "a record has the ARN of its table's stream, and what changed under dynamodb"
            raise Problems([_problem(place, "no record of a table", allowed)])
        return Piped(kind="dynamodb", source=found["name"], given=event)
    return None


def differences(piped: Piped, trigger: Trigger, settings: Settings) -> list[Mismatch]:
    """Why a trigger of the event's kind doesn't take it."""
    if trigger.sns is not None:
        names = _topic_names(settings, trigger.sns.topic)
        if not any(re.fullmatch(name, piped.source) for name in names):
            return [Mismatch(field="TopicArn", got=piped.source, wanted=[trigger.sns.topic])]
        if not trigger.sns.filter:
            return []
        values = {"MessageAttributes": attribute_values(piped.given.get("MessageAttributes") or {})}
        return mismatches(parse_pattern(json.dumps({"MessageAttributes": trigger.sns.filter})), values)
    assert trigger.dynamodb is not None
    table = settings.tables.get(trigger.dynamodb.table)
    if table is None or piped.source not in (trigger.dynamodb.table, table.name):
        return [Mismatch(field="table", got=piped.source, wanted=[table.name if table else trigger.dynamodb.table])]
    pattern = {"eventName": [event.upper() for event in trigger.dynamodb.events], **trigger.dynamodb.pattern}
    return mismatches(parse_pattern(json.dumps(pattern)), piped.given)


def parameters(piped: Piped, trigger: Trigger) -> dict[str, str]:
    """What the pipe submits the job with. Raises ExecutionError where a path leads to nothing."""
    assert trigger.piped is not None
    event = raw_message(piped.given, queue_arn="") if piped.kind == "sns" else piped.given
    return parameter_values({**trigger.piped.offered, **trigger.parameters}, event)


def _topic_names(settings: Settings, topic: str) -> list[str]:
    """Patterns of what a topic of the settings may be called."""
    given = settings.topics.get(topic)
    if given is not None and given.arn is not None:
        return [re.escape(given.arn), re.escape(topic)]
    made = re.escape(Names(stage=settings.stage).of("topic", topic))
    return [
        re.escape(topic),
        rf"(?:arn:[^:]*:sns:{re.escape(settings.region)}:\d*:)?{made}-[0-9a-f]{{{AUTO_SUFFIX_LENGTH - 1}}}",
    ]


def _texts(event: Mapping[str, Any], place: str, **wanted: str) -> None:
    """Raises Problems where one of these keys has no text."""
    problems = [
        _problem(f"{place}: {key}", "missing" if key not in event else "no text", allowed)
        for key, allowed in wanted.items()
        if not isinstance(event.get(key), str)
    ]
    if problems:
        raise Problems(problems)


def _problem(place: str, got: str, allowed: str) -> Problem:
    return Problem(place=place, got=got, allowed=allowed, remedy="write it as docs/triggers.md shows")
