"""What is published to an SNS topic, as a filter policy compares it and as a queue gets it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def attribute_values(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A notification's `MessageAttributes` as a filter policy compares them: numbers and lists for what is sent as
    text. Binary ones are compared with nothing."""
    found: dict[str, Any] = {}
    for name, attribute in attributes.items():
        kind, value = attribute.get("Type", ""), attribute.get("Value")
        if kind.startswith("Binary"):
            continue
        try:
            found[name] = json.loads(value) if kind.startswith(("Number", "String.Array")) else value
        except (TypeError, ValueError):
            found[name] = value
    return found


def raw_message(notification: Mapping[str, Any], *, queue_arn: str) -> dict[str, Any]:
    """The notification as a pipe reads it from a queue with raw delivery. The queue gives it an id of its own."""
    attributes = notification.get("MessageAttributes") or {}
    return {
        "messageId": notification.get("MessageId", ""),
        "body": notification.get("Message", ""),
        "attributes": {},
        "messageAttributes": {
            name: {
                "dataType": one.get("Type", ""),
                "binaryValue" if one.get("Type", "").startswith("Binary") else "stringValue": str(one.get("Value")),
            }
            for name, one in attributes.items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
    }
