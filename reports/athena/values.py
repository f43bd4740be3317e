"""Athena's answers are texts beside their types; here they become what DuckDB would have given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Final


def _whole_or_exact(text: str) -> int | Decimal:
    value = Decimal(text)
    return int(value) if value == value.to_integral_value() else value


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is no boolean")
    return text.lower() == "true"


_READERS: Final[Mapping[str, Callable[[str], object]]] = {
    "varchar": str,
    "char": str,
    "tinyint": int,
    "smallint": int,
    "integer": int,
    "bigint": int,
    "double": float,
    "decimal": _whole_or_exact,
    "boolean": _truth,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
}


class UnknownType(ValueError):
    """A column of a type that no query of the report asks for."""


def value(type_name: str, text: str | None) -> object:
    """A value of Athena's type (`decimal(38,0)`, `timestamp(3)`, …): money as int, exactly. Raises ValueError."""
    if text is None:
        return None
    bare = type_name.partition("(")[0].strip().lower()
    reader = _READERS.get(bare)
    if reader is None:
        raise UnknownType(f"a column of the type {type_name}; known are {', '.join(sorted(_READERS))}")
    return reader(text)
