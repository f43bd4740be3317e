"""CloudWatch Logs filter patterns: JSON patterns and text terms. Pure.

`{ $.type = "usage" && $.exit_code != 0 }`, `ERROR -heartbeat`, `?timeout ?"out of memory"`, `%regular expression%`.
The space-delimited form (`[ip, user, …]`) is refused with a clear error. Behaviour: the CloudWatch Logs User Guide,
page FilterAndPatternSyntax.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

MAX_LENGTH = 1024
_TOKEN = re.compile(
    r"\s*(?:(?P<op>&&|\|\||!=|<=|>=|=|<|>|\(|\))|(?P<text>\"(?:\\.|[^\"\\])*\")|(?P<word>[^\s()=!<>&|\"]+))", re.DOTALL
)
_TERM = re.compile(r'\s*([-?]?)(?:"((?:\\.|[^"\\])*)"|%([^%]+)%|(\S+))', re.DOTALL)
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ABSENT = object()

Test = Callable[[Any], bool]


class FilterPatternError(ValueError):
    """A pattern CloudWatch Logs, or this emulator, can't evaluate."""


@lru_cache(maxsize=1024)
def parse_filter(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether a log line matches. Raises FilterPatternError."""
    text = pattern.strip()
    if len(pattern) > MAX_LENGTH:
        raise FilterPatternError(f"the filter pattern has {len(pattern)} characters; {MAX_LENGTH} are allowed")
    if text.startswith("["):
        raise FilterPatternError(
            f"the filter pattern {text} is space-delimited; the emulator evaluates JSON patterns and text terms"
        )
    if not text.startswith("{"):
        return _terms(text)
    if not text.endswith("}"):
        raise FilterPatternError(f"the filter pattern {text} has no closing brace")
    test = _Parser(text[1:-1]).whole()

    def matches(line: str) -> bool:
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            return False
        return isinstance(value, dict) and test(value)

    return matches


# Text terms -----------------------------------------------------------------------------------------------------------


def _terms(text: str) -> Callable[[str], bool]:
    all_of: list[Callable[[str], bool]] = []
    any_of: list[Callable[[str], bool]] = []
    none_of: list[Callable[[str], bool]] = []
    groups = {"": all_of, "?": any_of, "-": none_of}
    for sign, phrase, regex, word in _TERM.findall(text):
        groups[sign].append(_term(_unescape(phrase) or word, regex))

    def matches(line: str) -> bool:
        if any_of and not all_of and not none_of:
            return any(term(line) for term in any_of)
        return all(term(line) for term in all_of) and not any(term(line) for term in none_of)

    return matches


def _term(words: str, regex: str) -> Callable[[str], bool]:
    if not regex:
        return lambda line: words in line
    try:
        compiled = re.compile(regex)
    except re.error as error:
        raise FilterPatternError(f"the regular expression %{regex}% can't be read: {error}") from error
    return lambda line: compiled.search(line) is not None


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


# JSON patterns --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


class _Parser:
    """`or` of `and`s of comparisons; parentheses group."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    def whole(self) -> Test:
        test = self._either()
        if self._at < len(self._tokens):
            raise self._error(f"{self._tokens[self._at].text!r} isn't expected")
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._take("||"):
            tests.append(self._both())
        return lambda value: any(test(value) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._take("&&"):
            tests.append(self._one())
        return lambda value: all(test(value) for test in tests)

    def _one(self) -> Test:
        if self._take("("):
            test = self._either()
            if not self._take(")"):
                raise self._error("a parenthesis isn't closed")
            return test
        selector = _selector(self._word())
        name = self._word().upper()
        if name == "IS":
            return _is(selector, self._word().upper(), self._error)
        if name == "NOT":
            if self._word().upper() != "EXISTS":
                raise self._error("NOT must be followed by EXISTS")
            return lambda value: _at(selector, value) is _ABSENT
        return _comparison(selector, name, self._token(), self._error)

    def _take(self, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == _Token("op", text):
            self._at += 1
            return True
        return False

    def _token(self) -> _Token:
        if self._at >= len(self._tokens):
            raise self._error("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _word(self) -> str:
        return self._token().text

    def _error(self, why: str) -> FilterPatternError:
        return FilterPatternError(f"the filter pattern {{{self._text}}} can't be read: {why}")


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise FilterPatternError(f"the filter pattern {{{text}}} can't be read at {text[position:].strip()!r}")
        kind = match.lastgroup or ""
        found.append(_Token(kind, match[kind]))
        position = match.end()
    return found


def _selector(text: str) -> tuple[str | int, ...]:
    if not text.startswith("$."):
        raise FilterPatternError(f"the selector {text} must start with $.")
    steps: list[str | int] = []
    for name, index in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", text[1:]):
        steps.append(int(index) if index else name)
    return tuple(steps)


def _at(selector: tuple[str | int, ...], value: Any) -> Any:
    for step in selector:
        fits_list = isinstance(step, int) and isinstance(value, list) and step < len(value)
        if fits_list or (isinstance(value, dict) and step in value):
            value = value[step]
        else:
            return _ABSENT
    return value


def _is(selector: tuple[str | int, ...], word: str, error: Callable[[str], FilterPatternError]) -> Test:
    constants = {"NULL": None, "TRUE": True, "FALSE": False}
    if word not in constants:
        raise error(f"IS must be followed by NULL, TRUE or FALSE, not {word}")
    return lambda value: _at(selector, value) is constants[word]


def _comparison(
    selector: tuple[str | int, ...], name: str, token: _Token, error: Callable[[str], FilterPatternError]
) -> Test:
    number = _number(token)
    if name in _ORDER:
        if number is None:
            raise error(f"{name} compares with a number, not {token.text}")
        return lambda value: _is_number(_at(selector, value)) and _ORDER[name](_at(selector, value), number)
    if name not in ("=", "!="):
        raise error(f"{name!r} is no comparison")
    text = _unescape(token.text[1:-1]) if token.kind == "text" else token.text
    regex = re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)

    def equals(value: Any) -> bool:
        found = _at(selector, value)
        if number is not None and _is_number(found):
            return bool(found == number)
        return isinstance(found, str) and regex.fullmatch(found) is not None

    def differs(value: Any) -> bool:
        found = _at(selector, value)
        # A selector that meets nothing, an object or an array never matches, not even with !=.
        return found is not _ABSENT and not isinstance(found, (dict, list)) and not equals(value)

    return equals if name == "=" else differs


def _number(token: _Token) -> float | None:
    if token.kind != "word":
        return None
    try:
        return float(token.text)
    except ValueError:
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
