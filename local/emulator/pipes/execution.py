"""One message on its way through a pipe: the event it becomes, and the submission made of it. Pure.

A parameter that is a JSON path gets the event's value there; a body that is JSON is looked into. A path that leads to
nothing or to no scalar fails the execution, and so the message goes back to its queue.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jobs.event_rules.json_path import ABSENT, PathError, resolve

_PLACEHOLDER = re.compile(r"<(?:(?P<path>\$\.[^<>]+)|(?P<time>aws\.pipes\.event\.ingestion-time))>")


class ExecutionError(Exception):
    """The message can't be submitted; the text is the reason a log line gives."""


def event_of(message: Mapping[str, Any], *, queue_arn: str, region: str) -> dict[str, Any]:
    """A received message as pipes see it (EventBridge User Guide, eb-pipes-sqs)."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": message.get("MessageAttributes", {}),
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }


def submission(parameters: Mapping[str, Any], *, queue_arn: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """SubmitJob's arguments from a target's BatchJobParameters. Raises ExecutionError."""
    job: dict[str, Any] = {
        "jobName": _value("JobName", parameters["JobName"], event),
        "jobQueue": queue_arn,
        "jobDefinition": _value("JobDefinition", parameters["JobDefinition"], event),
        "parameters": {
            name: _value(name, value, event) for name, value in (parameters.get("Parameters") or {}).items()
        },
    }
    size = (parameters.get("ArrayProperties") or {}).get("Size")
    if size:
        job["arrayProperties"] = {"size": size}
    attempts = (parameters.get("RetryStrategy") or {}).get("Attempts")
    if attempts:
        job["retryStrategy"] = {"attempts": attempts}
    return job


def function_input(template: str | None, event: Mapping[str, Any]) -> str:
    """What a function gets of one event: all of it, or the template with its `<$.path>`s filled in, as JSON. Raises
    ExecutionError."""
    if not template:
        return json.dumps(event)

    def fill(match: re.Match[str]) -> str:
        if match["time"]:
            return json.dumps(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        return json.dumps(_value("InputTemplate", match["path"], event), ensure_ascii=False)

    return _PLACEHOLDER.sub(fill, template)


def _value(name: str, value: str, event: Mapping[str, Any]) -> str:
    if not value.startswith("$."):
        return value
    try:
        found = resolve(value, event if value == "$.body" else _with_body(event))
    except PathError as error:
        raise ExecutionError(f"{name}: {error}") from error
    if found is ABSENT or found is None:
        raise ExecutionError(f"{name}: the event has nothing at {value}")
    if isinstance(found, dict | list):
        raise ExecutionError(f"{name}: at {value} the event has no text or number")
    return found if isinstance(found, str) else json.dumps(found)


def _with_body(event: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return {**event, "body": json.loads(event["body"])}
    except ValueError:
        return event
