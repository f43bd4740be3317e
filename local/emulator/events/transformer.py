"""What a rule's target receives: the event, Input, InputPath or InputTransformer. Pure.

The transformer follows what was recorded against AWS: values are pasted in without escaping, a path the event doesn't
have gives an empty string, texts get their quotes outside a quoted text only, and in a template that is itself a text
the quotes of pasted objects are dropped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.event_rules.json_path import ABSENT, PathError, parse_path, resolve

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.\-]+)>")
_PIECE = re.compile(r'<([A-Za-z0-9_.\-]+)>|\\.|[^<\\"]+|.', re.DOTALL)
_WAYS = ("Input", "InputPath", "InputTransformer")
PREDEFINED = frozenset(
    {
        "aws.events.rule-arn",
        "aws.events.rule-name",
        "aws.events.event",
        "aws.events.event.json",
        "aws.events.event.ingestion-time",
    }
)


class InputError(ValueError):
    """The input of one event can't be made: what the template gives isn't JSON. The event goes to the target's
    dead-letter queue."""


class TargetInputError(ValueError):
    """A target PutTargets refuses; the text is AWS's where AWS's is known."""


@dataclass(frozen=True, kw_only=True)
class RuleFacts:
    """What the predefined variables tell of the rule."""

    arn: str
    name: str


def check_input(target: Mapping[str, Any]) -> None:
    """Refuses at PutTargets what AWS refuses there. Raises TargetInputError."""
    name = target["Id"]
    if sum(target.get(way) is not None for way in _WAYS) > 1:
        raise TargetInputError(f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}.")
    if target.get("Input") is not None:
        try:
            json.loads(target["Input"])
        except json.JSONDecodeError as error:
            raise TargetInputError(f"JSON syntax error in input for target {name}.") from error
    if target.get("InputPath"):
        _check_path(name, "InputPath", target["InputPath"])
    transformer = target.get("InputTransformer")
    if transformer is None:
        return
    paths = transformer.get("InputPathsMap") or {}
    for path in paths.values():
        _check_path(name, "InputTransformer", path)
    for placeholder in _PLACEHOLDER.findall(transformer["InputTemplate"]):
        if placeholder not in paths and placeholder not in PREDEFINED:
            raise TargetInputError(f"InputTemplate for target {name} contains invalid placeholder {placeholder}.")


def _check_path(name: str, way: str, path: str) -> None:
    try:
        parse_path(path)
    except PathError as error:
        raise TargetInputError(f"Invalid {way} for target {name}. Reason: {error}.") from error


def input_for(target: Mapping[str, Any], event: Mapping[str, Any], *, rule: RuleFacts, ingestion_time: str) -> str:
    """The text the target receives. Raises InputError."""
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath"):
        found = resolve(target["InputPath"], event)
        return as_json("" if found is ABSENT else found)
    transformer = target.get("InputTransformer")
    if transformer is None:
        return as_json(event)
    values = {name: resolve(path, event) for name, path in (transformer.get("InputPathsMap") or {}).items()}
    return transform(transformer["InputTemplate"], values | predefined(event, rule=rule, ingestion_time=ingestion_time))


def predefined(event: Mapping[str, Any], *, rule: RuleFacts, ingestion_time: str) -> dict[str, Any]:
    """The `<aws.events.…>` variables; `aws.events.event` has no detail and says detailType (recorded)."""
    short = {key: value for key, value in event.items() if key not in ("detail", "detail-type")}
    return {
        "aws.events.rule-arn": rule.arn,
        "aws.events.rule-name": rule.name,
        "aws.events.event": short | {"detailType": event["detail-type"], "time": ingestion_time},
        "aws.events.event.json": dict(event),
        "aws.events.event.ingestion-time": ingestion_time,
    }


def transform(template: str, values: Mapping[str, Any]) -> str:
    """The template with each `<name>` replaced by its value. Raises InputError where a JSON template gives no JSON."""
    is_text = template.lstrip().startswith('"')
    quoted = False
    pieces: list[str] = []
    for match in _PIECE.finditer(template):
        name = match[1]
        if name is not None and name in values:
            pieces.append(_render(values[name], quoted=quoted, is_text=is_text))
            continue
        if match[0] == '"':
            quoted = not quoted
        # Lines of a text template may be told apart by an escaped line end between their quotes (recorded).
        pieces.append("\n" if is_text and not quoted and match[0] == "\\n" else match[0])
    result = "".join(pieces)
    if not is_text:
        try:
            json.loads(result)
        except json.JSONDecodeError as error:
            raise InputError(
                f"The transformed input isn't JSON ({error.msg} at character {error.pos}): {result[:500]}"
            ) from error
    return result


def _render(value: Any, *, quoted: bool, is_text: bool) -> str:
    text = "" if value is ABSENT else value
    if isinstance(text, str):
        return text if quoted else f'"{text}"'
    rendered = as_json(text)
    return rendered.replace('"', "") if quoted and is_text else rendered


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
