"""EventBridge event patterns, matched as AWS matches them. Pure: no clock, no moto.

A pattern is an object of the event's shape whose leaves are lists of allowed values or operators. All fields must
match, any entry of a list suffices, and an array in the event matches when one of its elements does (fields named
below one array must hold for one and the same element). Behaviour: the EventBridge User Guide, pages eb-event-patterns
and eb-create-pattern-operators.
"""

from __future__ import annotations

import ipaddress
import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

NUMERIC_LIMIT = 5.0e9
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


class PatternError(ValueError):
    """A pattern EventBridge refuses; the text is what follows AWS's `Event pattern is not valid. Reason: `."""


@dataclass(frozen=True, kw_only=True)
class Pattern:
    fields: Mapping[str, Any]

    def matches(self, event: Mapping[str, Any]) -> bool:
        return _object_matches(self.fields, event)


@lru_cache(maxsize=4096)
def parse_pattern(text: str) -> Pattern:
    """The pattern in a rule's EventPattern (JSON text). Raises PatternError."""
    try:
        fields = json.loads(text)
    except json.JSONDecodeError as error:
        raise PatternError(f"Invalid JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    if not isinstance(fields, dict):
        raise PatternError("Filter is not an object")
    if not fields:
        raise PatternError("Event pattern is empty")
    _check_object(fields)
    return Pattern(fields=fields)


# Matching -------------------------------------------------------------------------------------------------------------


def _object_matches(pattern: Mapping[str, Any], value: Any) -> bool:
    if isinstance(value, list):
        objects = [element for element in value if isinstance(element, dict)]
        return any(_object_matches(pattern, element) for element in objects or [{}])
    holder = value if isinstance(value, Mapping) else {}
    return all(field_matches(key, expected, holder) for key, expected in pattern.items())


def field_matches(key: str, expected: Any, holder: Mapping[str, Any]) -> bool:
    """Whether one field of a pattern (its key and what is expected there) holds for the object around it."""
    if key == "$or":
        return any(_object_matches(alternative, holder) for alternative in expected)
    if isinstance(expected, Mapping):
        return _object_matches(expected, holder.get(key, {}))
    leaves = list(_leaves(holder[key])) if key in holder else []
    return any(_entry_matches(entry, leaves) for entry in expected)


def _leaves(value: Any) -> Iterator[Any]:
    """The scalar values of a field; objects and empty arrays have none, so `exists` is false on them, as on AWS."""
    if isinstance(value, list):
        for element in value:
            yield from _leaves(element)
    elif not isinstance(value, Mapping):
        yield value


def _entry_matches(entry: Any, leaves: Sequence[Any]) -> bool:
    if not isinstance(entry, Mapping):
        return any(_same(entry, leaf) for leaf in leaves)
    ((name, argument),) = entry.items()
    if name == "exists":
        return bool(leaves) is bool(argument)
    return any(_OPERATORS[name].matches(argument, leaf) for leaf in leaves)


def _same(expected: Any, leaf: Any) -> bool:
    # AWS compares numbers by their text (300 isn't 300.0); and true isn't 1.
    return type(expected) is type(leaf) and bool(expected == leaf)


def _any_text(argument: Any, leaf: Any, holds: Callable[[str, str], bool]) -> bool:
    """`argument` is a text, a list of texts, or {"equals-ignore-case": either}."""
    if not isinstance(leaf, str):
        return False
    if isinstance(argument, Mapping):
        return _any_text(_fold(argument["equals-ignore-case"]), leaf.casefold(), holds)
    texts = argument if isinstance(argument, list) else [argument]
    return any(holds(leaf, text) for text in texts)


def _fold(argument: Any) -> Any:
    return [text.casefold() for text in argument] if isinstance(argument, list) else argument.casefold()


def _equals_ignore_case(argument: Any, leaf: Any) -> bool:
    return _any_text({"equals-ignore-case": argument}, leaf, operator.eq)


def _wildcard(argument: Any, leaf: Any) -> bool:
    return _any_text(argument, leaf, lambda text, pattern: _wildcard_regex(pattern).fullmatch(text) is not None)


@lru_cache(maxsize=4096)
def _wildcard_regex(pattern: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    return re.compile("".join(".*" if part == "*" else re.escape(part[-1]) for part in parts), re.DOTALL)


def _anything_but(argument: Any, leaf: Any) -> bool:
    if isinstance(argument, Mapping):
        ((name, inner),) = argument.items()
        return not _OPERATORS[name].matches(inner, leaf)
    refused = argument if isinstance(argument, list) else [argument]
    return not any(_same(value, leaf) for value in refused)


def _numeric(argument: Any, leaf: Any) -> bool:
    if isinstance(leaf, bool) or not isinstance(leaf, (int, float)) or abs(leaf) > NUMERIC_LIMIT:
        return False
    return all(_COMPARE[name](leaf, value) for name, value in zip(argument[::2], argument[1::2], strict=True))


def _cidr(argument: Any, leaf: Any) -> bool:
    try:
        return ipaddress.ip_address(leaf) in ipaddress.ip_network(argument, strict=False)
    except ValueError:
        return False


# Checking -------------------------------------------------------------------------------------------------------------


def _check_object(pattern: Mapping[str, Any]) -> None:
    for key, expected in pattern.items():
        if key == "$or":
            if (
                not isinstance(expected, list)
                or len(expected) < 2
                or not all(isinstance(one, dict) for one in expected)
            ):
                raise PatternError("There must have at least 2 Objects in $or relationship")
            for alternative in expected:
                _check_object(alternative)
        elif isinstance(expected, dict):
            if not expected:
                raise PatternError("Empty objects are not allowed")
            _check_object(expected)
        elif isinstance(expected, list):
            if not expected:
                raise PatternError("Empty arrays are not allowed")
            for entry in expected:
                _check_entry(entry)
        else:
            raise PatternError(f'"{key}" must be an object or an array')


def _check_entry(entry: Any) -> None:
    if isinstance(entry, list):
        raise PatternError("Match value must be String, number, true, false, or null")
    if not isinstance(entry, dict):
        return
    if len(entry) != 1:
        raise PatternError("Only one key allowed in match expression")
    ((name, argument),) = entry.items()
    if name not in _OPERATORS:
        raise PatternError(f"Unrecognized match type {name}")
    _OPERATORS[name].check(argument)


def _check_text(name: str) -> Callable[[Any], None]:
    def check(argument: Any) -> None:
        if not isinstance(argument, str):
            raise PatternError(f"{name} match pattern must be a string")

    return check


def _check_affix(name: str) -> Callable[[Any], None]:
    def check(argument: Any) -> None:
        if isinstance(argument, dict):
            if list(argument) != ["equals-ignore-case"]:
                raise PatternError(f"Unsupported {name} pattern: {', '.join(argument) or 'an empty object'}")
            argument = argument["equals-ignore-case"]
        _check_text(name)(argument)

    return check


def _check_wildcard(argument: Any) -> None:
    _check_text("wildcard")(argument)
    if "**" in argument.replace("\\*", ""):
        raise PatternError(f"Consecutive wildcard characters at pos {argument.index('**')}")
    stray = re.sub(r"\\[\\*]", "", argument).find("\\")
    if stray >= 0:
        raise PatternError("Invalid escape character in wildcard")


def _check_anything_but(argument: Any) -> None:
    if isinstance(argument, dict):
        if len(argument) != 1 or next(iter(argument)) not in _INSIDE_ANYTHING_BUT:
            raise PatternError(f"Unsupported anything-but pattern: {', '.join(argument) or 'an empty object'}")
        ((name, inner),) = argument.items()
        for text in inner if isinstance(inner, list) else [inner]:
            _OPERATORS[name].check(text)
        return
    values = argument if isinstance(argument, list) else [argument]
    if not values:
        raise PatternError("Empty arrays are not allowed")
    texts = all(isinstance(value, str) for value in values)
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    if not (texts or numbers or (len(values) == 1 and (values[0] is None or isinstance(values[0], bool)))):
        raise PatternError(
            "Inside anything but list, either all values are number or string, mixed type is not supported"
        )


def _check_exists(argument: Any) -> None:
    if not isinstance(argument, bool):
        raise PatternError("exists match pattern must be either true or false.")


def _check_numeric(argument: Any) -> None:
    if not isinstance(argument, list) or not argument or len(argument) % 2:
        raise PatternError("Value of numeric must be an array of operators and numbers")
    for name, value in zip(argument[::2], argument[1::2], strict=True):
        if not isinstance(name, str) or name not in _COMPARE:
            raise PatternError(f"Unrecognized numeric range operator: {name}")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise PatternError("Value of numeric operators must be numeric")
        if abs(value) > NUMERIC_LIMIT:
            raise PatternError(f"Value must be between {-NUMERIC_LIMIT:.1E} and {NUMERIC_LIMIT:.1E}, inclusive")


def _check_cidr(argument: Any) -> None:
    try:
        ipaddress.ip_network(argument, strict=False)
    except (TypeError, ValueError):
        raise PatternError("Malformed CIDR, one '/' required") from None


@dataclass(frozen=True, kw_only=True)
class _Operator:
    matches: Callable[[Any, Any], bool]
    check: Callable[[Any], None]


_OPERATORS: dict[str, _Operator] = {
    "prefix": _Operator(
        matches=lambda argument, leaf: _any_text(argument, leaf, str.startswith), check=_check_affix("prefix")
    ),
    "suffix": _Operator(
        matches=lambda argument, leaf: _any_text(argument, leaf, str.endswith), check=_check_affix("suffix")
    ),
    "equals-ignore-case": _Operator(matches=_equals_ignore_case, check=_check_text("equals-ignore-case")),
    "wildcard": _Operator(matches=_wildcard, check=_check_wildcard),
    "anything-but": _Operator(matches=_anything_but, check=_check_anything_but),
    "numeric": _Operator(matches=_numeric, check=_check_numeric),
    "cidr": _Operator(matches=_cidr, check=_check_cidr),
    # Answered in _entry_matches: it asks about all of a field's values at once.
    "exists": _Operator(matches=lambda argument, _: bool(argument), check=_check_exists),
}
_INSIDE_ANYTHING_BUT = frozenset({"prefix", "suffix", "equals-ignore-case", "wildcard"})
