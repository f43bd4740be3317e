"""SQS and SNS keep a resource as a map of text attributes; these turn Pulumi's typed properties into it and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Attributes = Mapping[str, tuple[str, type]]
"""Pulumi's property -> (the service's attribute, bool | int | str)."""


def to_attributes(table: Attributes, properties: Mapping[str, Any]) -> dict[str, str]:
    """The service's text of every property that is set; "" counts as not set."""
    out: dict[str, str] = {}
    for key, (attribute, kind) in table.items():
        value = properties.get(key)
        if value is None or value == "":
            continue
        out[attribute] = str(value).lower() if kind is bool else str(kind(value))
    return out


def from_attributes(table: Attributes, answer: Mapping[str, str]) -> dict[str, Any]:
    """Typed properties of the attributes the service answered."""
    out: dict[str, Any] = {}
    for key, (attribute, kind) in table.items():
        text = answer.get(attribute)
        if text is None or (text == "" and kind is not str):
            continue
        out[key] = text.lower() == "true" if kind is bool else kind(text)
    return out


def attribute_changes(table: Attributes, changed: Collection[str], new: Mapping[str, Any]) -> dict[str, str]:
    """The attributes to set for the properties that differ; one the program no longer sets is emptied."""
    after = to_attributes(table, new)
    return {attribute: after.get(attribute, "") for key, (attribute, _) in table.items() if key in changed}
