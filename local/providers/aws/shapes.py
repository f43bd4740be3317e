"""Two-way tables between Pulumi's property names and a service's request and answer fields.

Pulumi says `deadLetterConfig: {arn: …}` where EventBridge says `DeadLetterConfig: {Arn: …}`; lists of blocks are plural
in Pulumi and singular in AWS. One table a block describes both directions: what is written and what is read can't drift
apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.providers.framework.errors import ProviderError

Shape = Mapping[str, "Field"]
"""Pulumi's property name -> where and how the service keeps it."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One property of a block."""

    name: str  # the service's field name
    shape: Shape | None = None  # of a nested block, or of each block of a list
    many: bool = False  # a list of blocks
    encode: Callable[[Any], Any] | None = None  # Pulumi's value -> the service's
    decode: Callable[[Any], Any] | None = None  # the service's value -> Pulumi's


def shape(**fields: str | Field) -> Shape:
    """A table from keyword arguments; a plain string is the service's name of a value both sides write alike."""
    return {key: value if isinstance(value, Field) else Field(name=value) for key, value in fields.items()}


def pascal(*keys: str, **fields: str | Field) -> Shape:
    """A table where the service writes Pulumi's names with a capital first letter; `fields` holds the exceptions."""
    return shape(**{key: key[0].upper() + key[1:] for key in keys}, **fields)


def same(*keys: str, **fields: str | Field) -> Shape:
    """A table where the service writes names as Pulumi does (AWS Batch, mostly); `fields` holds the exceptions."""
    return shape(**{key: key for key in keys}, **fields)


def block(name: str, inner: Shape) -> Field:
    """A nested block."""
    return Field(name=name, shape=inner)


def blocks(name: str, inner: Shape) -> Field:
    """A list of nested blocks."""
    return Field(name=name, shape=inner, many=True)


def to_service(table: Shape, value: Mapping[str, Any], *, block: str = "") -> dict[str, Any]:
    """The service's form of a block; unset (None) properties are left out.

    Of a resource's whole inputs, the table takes its own. With `block`, the name of a nested block, the table must know
    every key. Errors: ProviderError for one it doesn't, which would silently be lost.
    """
    unknown = sorted(set(value) - set(table)) if block else []
    if unknown:
        raise ProviderError(
            f"'{block}.{unknown[0]}' isn't a property the local stand-in knows; allowed: {', '.join(sorted(table))}; "
            "remedy: leave it out, or use a stage with the official plugin"
        )
    out: dict[str, Any] = {}
    for key, field in table.items():
        found = value.get(key)
        if found is None:
            continue
        if field.encode is not None:
            out[field.name] = field.encode(found)
        elif field.shape is not None and field.many:
            out[field.name] = [to_service(field.shape, item, block=key) for item in found]
        elif field.shape is not None:
            out[field.name] = to_service(field.shape, found, block=key)
        else:
            out[field.name] = found
    return out


def from_service(table: Shape, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Pulumi's form of what a service answered; absent fields stay absent."""
    out: dict[str, Any] = {}
    for key, field in table.items():
        found = answer.get(field.name)
        if found is None:
            continue
        if field.decode is not None:
            out[key] = field.decode(found)
        elif field.shape is not None and field.many:
            out[key] = [from_service(field.shape, item) for item in found]
        elif field.shape is not None:
            out[key] = from_service(field.shape, found)
        else:
            out[key] = found
    return out


def only(value: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """The given keys of a mapping, where they are set (not None)."""
    return {key: value[key] for key in keys if value.get(key) is not None}


def drop_empty(value: Mapping[str, Any]) -> dict[str, Any]:
    """Without None, "", [] and {}: what a service answers for "not set"; False and 0 stay."""
    return {key: item for key, item in value.items() if item is not None and item not in ("", [], {})}
