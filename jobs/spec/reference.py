"""The keys of a model as a Markdown table: `docs/job-yaml.md` and `docs/settings.md` are made by it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_HEAD = "| key | takes | default | meaning |\n|---|---|---|---|\n"


def table(schema: Mapping[str, Any], *, hidden: frozenset[str] = frozenset()) -> str:
    """One row a key, inner keys behind the key that holds them; `hidden` keys of the top are left out."""
    rows = _rows(schema, schema.get("$defs", {}), "", hidden)
    return _HEAD + "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |\n" for row in rows)


def _rows(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str, hidden: frozenset[str]
) -> Iterator[tuple[str, str, str, str]]:
    required = schema.get("required", ())
    for key, described in schema["properties"].items():
        if key in hidden:
            continue
        inner, suffix = _inner(described, definitions)
        default = "required" if key in required else _default(described)
        takes = _takes(described) if inner is None else f"{_word(described)}{_holder(suffix)}"
        yield f"`{prefix}{key}`", takes, default, described.get("description", "")
        if inner is not None:
            yield from _rows(inner, definitions, f"{prefix}{key}{suffix}", frozenset())


def _inner(described: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str]:
    """The model a key holds, and what stands between the key and the model's keys."""
    for option in (described, *described.get("anyOf", ())):
        named = (option.get("additionalProperties"), *option.get("patternProperties", {}).values())
        for holder, suffix in (
            (option, "."),
            (option.get("items"), "[]."),
            *((holder, ".<name>.") for holder in named),
        ):
            if isinstance(holder, Mapping) and "$ref" in holder:
                return definitions[holder["$ref"].rpartition("/")[2]], suffix
    return None, ""


def _holder(suffix: str) -> str:
    return {".": "mapping", "[].": "list of mappings"}.get(suffix, "mapping by name")


def _word(described: Mapping[str, Any]) -> str:
    """What a key takes in place of its mapping."""
    return "true, false or " if {"type": "boolean"} in described.get("anyOf", ()) else ""


def _default(described: Mapping[str, Any]) -> str:
    value = described.get("default")
    return "" if value is None or value == [] or isinstance(value, dict) else f"`{json.dumps(value)}`"


def _takes(described: Mapping[str, Any]) -> str:
    options = [option for option in described.get("anyOf", (described,)) if option.get("type") != "null"]
    return " or ".join(_one(option) for option in options)


def _one(option: Mapping[str, Any]) -> str:
    if "enum" in option:
        return ", ".join(f"`{word}`" for word in option["enum"])
    kind = option.get("type")
    if kind in ("integer", "number"):
        words = "whole number" if kind == "integer" else "number"
        low, high = option.get("minimum"), option.get("maximum")
        return words if low is None else f"{words}, {low:,} and more" if high is None else f"{words}, {low:,}–{high:,}"
    if kind == "array":
        return f"list of {_takes(option['items'])}"
    if kind == "object":
        values = [option.get("additionalProperties"), *option.get("patternProperties", {}).values()]
        numbers = any(isinstance(value, Mapping) and value.get("type") in ("number", "integer") for value in values)
        return "name: number" if numbers else "name: text"
    return "true or false" if kind == "boolean" else "text"
