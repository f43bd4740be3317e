"""Types of a table's columns, in Hive's words, which Glue and Athena share."""

from __future__ import annotations

import re
from typing import Final

SIMPLE: Final = (
    "boolean",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "float",
    "double",
    "string",
    "date",
    "timestamp",
    "binary",
)
IN_TEXT: Final = ("string", "boolean", "int", "bigint", "double")
"""What Athena's reader of quoted CSV makes of a column."""
NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,127}")
_TOKEN: Final = re.compile(r"[a-z_][a-z0-9_]*|[0-9]+|[<>(),:]")
_DEPTH_MAX: Final = 8


def is_column_type(text: str) -> bool:
    """Whether it is a type: `bigint`, `decimal(10,2)`, `varchar(40)`, `array<struct<day:date,count:int>>`."""
    if len(text) > 512 or _TOKEN.sub("", text):
        return False
    rest = _type(_TOKEN.findall(text), 0)
    return rest is not None and not rest


def _type(tokens: list[str], depth: int) -> list[str] | None:
    """What is left of the tokens behind a type; None where none stands."""
    if not tokens or depth > _DEPTH_MAX:
        return None
    word, rest = tokens[0], tokens[1:]
    if word in SIMPLE:
        return rest
    if word == "decimal":
        return _decimal(rest)
    if word in ("char", "varchar"):
        most = 255 if word == "char" else 65_535
        sized = len(rest) >= 3 and (rest[0], rest[2]) == ("(", ")") and rest[1].isdecimal()
        return rest[3:] if sized and 1 <= int(rest[1]) <= most else None
    if rest[:1] != ["<"]:
        return None
    if word == "array":
        return _closed(_type(rest[1:], depth + 1))
    if word == "map":
        key = rest[1:2]
        value = _after(rest[2:], ",")
        return _closed(_type(value, depth + 1)) if key and key[0] in SIMPLE and value is not None else None
    return _fields(rest[1:], depth) if word == "struct" else None


def _decimal(tokens: list[str]) -> list[str] | None:
    if tokens[:1] != ["("]:
        return tokens
    given = tokens[1:5]
    if len(given) < 4 or (given[1], given[3]) != (",", ")") or not (given[0].isdecimal() and given[2].isdecimal()):
        return None
    return tokens[5:] if 1 <= int(given[0]) <= 38 and int(given[2]) <= int(given[0]) else None


def _fields(tokens: list[str], depth: int) -> list[str] | None:
    seen: set[str] = set()
    rest: list[str] | None = tokens
    while True:
        if not rest or NAME.fullmatch(rest[0]) is None or rest[0] in seen:
            return None
        seen.add(rest[0])
        typed = _after(rest[1:], ":")
        rest = None if typed is None else _type(typed, depth + 1)
        if rest is None:
            return None
        following = _after(rest, ",")
        if following is None:
            return _closed(rest)
        rest = following


def _after(tokens: list[str], mark: str) -> list[str] | None:
    return tokens[1:] if tokens[:1] == [mark] else None


def _closed(tokens: list[str] | None) -> list[str] | None:
    return None if tokens is None else _after(tokens, ">")
