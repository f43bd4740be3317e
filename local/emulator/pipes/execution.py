"""One message or record on its way through a pipe: the event it becomes, and the submission or statement made of it.
Pure.

A parameter that is a JSON path gets the event's value there; a body that is JSON is looked into. A path that leads to
nothing or to no scalar fails the execution.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jobs.event_rules.json_path import ABSENT, PathError, resolve
from jobs.event_rules.pattern import parse_pattern

_PLACEHOLDER = re.compile(r"<(?:(?P<path>\$\.[^<>]+)|(?P<time>aws\.pipes\.event\.ingestion-time))>")


class ExecutionError(Exception):
    """Nothing can be submitted; the text is the reason a log line gives."""


def event_of(message: Mapping[str, Any], *, queue_arn: str, region: str) -> dict[str, Any]:
    """A received message as pipes see it (EventBridge User Guide, eb-pipes-sqs)."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: {key[0].lower() + key[1:]: _plain(value) for key, value in attribute.items()}
            for name, attribute in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }


def event_of_record(record: Mapping[str, Any], *, stream_arn: str, region: str) -> dict[str, Any]:
    """A stream's record as pipes see it (EventBridge User Guide, eb-pipes-dynamodb): times are seconds, binary values
    Base64."""
    plain: dict[str, Any] = _plain(record)
    return {**plain, "awsRegion": region, "eventSourceARN": stream_arn}


def passes(source_parameters: Mapping[str, Any] | None, event: Mapping[str, Any]) -> bool:
    """Whether the event fulfils one of the filters, or there is none. A body that is JSON is looked into."""
    filters = ((source_parameters or {}).get("FilterCriteria") or {}).get("Filters") or []
    seen = _with_body(event)
    return not filters or any(parse_pattern(one["Pattern"]).matches(seen) for one in filters)


def submission(parameters: Mapping[str, Any], *, queue_arn: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """SubmitJob's arguments from a target's BatchJobParameters. Raises ExecutionError."""
    job: dict[str, Any] = {
        "jobName": _value("JobName", parameters["JobName"], event),
        "jobQueue": queue_arn,
        "jobDefinition": _value("JobDefinition", parameters["JobDefinition"], event),
        "parameters": parameter_values(parameters.get("Parameters") or {}, event),
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


def parameter_values(parameters: Mapping[str, str], event: Mapping[str, Any]) -> dict[str, str]:
    """The job's parameters, with the event's values for those that are paths. Raises ExecutionError."""
    return {name: _value(name, value, event) for name, value in parameters.items()}


def statement(parameters: Mapping[str, Any], *, target: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """BatchExecuteStatement's arguments from a target's RedshiftDataParameters. Raises ExecutionError."""
    *_, service, _region, _account, resource = target.split(":", 5)
    if service == "redshift":
        place = {"ClusterIdentifier": resource.removeprefix("cluster:")}
    else:
        place = {"WorkgroupName": resource.removeprefix("workgroup/")}
    asked: dict[str, Any] = {
        **place,
        "Database": _value("Database", parameters["Database"], event),
        "Sqls": [_value("Sqls", sql, event) for sql in parameters["Sqls"]],
    }
    for theirs, ours in (("DbUser", "DbUser"), ("SecretManagerArn", "SecretArn"), ("StatementName", "StatementName")):
        if parameters.get(theirs):
            asked[ours] = _value(theirs, parameters[theirs], event)
    if parameters.get("WithEvent"):
        asked["WithEvent"] = True
    return asked


def credentials_needed(target: str, asked: Mapping[str, Any]) -> tuple[str, list[str | tuple[str, ...]]]:
    """Action and resources of the credentials that Redshift makes for a statement without a secret."""
    if "WorkgroupName" in asked:
        return "redshift-serverless:GetCredentials", [target]
    here, cluster = target.partition(":cluster:")[0], asked["ClusterIdentifier"]
    names: list[str | tuple[str, ...]] = [
        f"{here}:dbuser:{cluster}/{asked.get('DbUser', '')}",
        f"{here}:dbname:{cluster}/{asked['Database']}",
    ]
    return "redshift:GetClusterCredentials", names


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
        return {**event, "body": json.loads(event["body"])} if "body" in event else event
    except ValueError:
        return event


def _plain(value: Any) -> Any:
    """What an SDK made of JSON, as JSON again."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime):
        return round(value.timestamp())
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
