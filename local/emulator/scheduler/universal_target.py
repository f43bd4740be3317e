"""EventBridge Scheduler's universal targets: what their input must look like, and what becomes of it. Pure.

The input is SubmitJob's in PascalCase; AWS checks it when the schedule is made. Maps of the caller's own keys
(Parameters, Tags) keep their keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

SUBMIT_JOB = "arn:aws:scheduler:::aws-sdk:batch:submitJob"
_ARN = re.compile(r"arn:aws:scheduler:::aws-sdk:(?P<service>[a-zA-Z0-9-]+):(?P<action>[a-zA-Z0-9]+)")
_KEYWORD = re.compile(r"<aws\.scheduler\.(schedule-arn|scheduled-time|execution-id|attempt-number)>")
MAX_SUBMIT_JOB_BYTES = 30 * 1024


class InputError(ValueError):
    """An input AWS refuses; the text is AWS's for missing fields."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """What a universal target calls, in boto3's words."""

    service: str
    operation: str  # PascalCase, as botocore names it


def action_of(arn: str) -> Action | None:
    """The call behind a universal target's ARN; None for any other ARN."""
    match = _ARN.fullmatch(arn)
    if match is None:
        return None
    name = match["action"]
    return Action(service=match["service"], operation=name[0].upper() + name[1:])


def call_arguments(text: str, shape: StructureShape) -> dict[str, Any]:
    """The input as botocore wants it: checked against the operation's shape, keys in its own case. Raises
    InputError."""
    try:
        given = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise InputError(f"Invalid RequestJson provided. Reason The input is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise InputError("Invalid RequestJson provided. Reason The input is not a JSON object")
    missing = [pascal(name) for name in _required(shape) if pascal(name) not in given]
    if missing:
        raise InputError(
            "Invalid RequestJson provided. Reason Request payload is missing the following field(s): "
            + ", ".join(missing)
        )
    arguments = _converted(given, shape, "")
    assert isinstance(arguments, dict)
    return arguments


def pascal(name: str) -> str:
    return name[0].upper() + name[1:]


def _required(shape: StructureShape) -> list[str]:
    # In the order AWS names them: the shape's own, which for SubmitJob is jobName, jobQueue, jobDefinition.
    return [name for name in shape.members if name in shape.required_members]


def _converted(value: Any, shape: Shape, place: str) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        names = {pascal(name): name for name in shape.members}
        unknown = [key for key in value if key not in names]
        if unknown:
            raise InputError(
                f"Invalid RequestJson provided. Reason {place or shape.name} has no field {', '.join(unknown)}; "
                f"it has {', '.join(names)} (names are PascalCase)"
            )
        return {names[key]: _converted(one, shape.members[names[key]], f"{place}{key}.") for key, one in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, Sequence) and not isinstance(value, str):
        return [_converted(one, shape.member, place) for one in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: _converted(one, shape.value, f"{place}{key}.") for key, one in value.items()}
    return value


def with_context(text: str, *, schedule_arn: str, scheduled_time: str, execution_id: str, attempt_number: int) -> str:
    """The input with the `<aws.scheduler.…>` keywords filled in, wherever they stand."""
    values = {
        "schedule-arn": schedule_arn,
        "scheduled-time": scheduled_time,
        "execution-id": execution_id,
        "attempt-number": str(attempt_number),
    }
    return _KEYWORD.sub(lambda match: values[match[1]], text)
