"""Where Firehose puts an object: prefix expressions, the date appended to a prefix without one, and file names. Pure.

`!{timestamp:…}` takes Java's DateTimeFormatter letters y, M, d, D, H, m, s, S and quoted text; `!{firehose:…}` takes
random-string and, in an error prefix, error-output-type. Behaviour: the Firehose Developer Guide, page s3-prefixes.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

_EXPRESSION = re.compile(r"!\{([^:}]+):([^}]*)\}")
_STRAY = re.compile(r"!\{")
_JAVA = re.compile(r"'([^']*)'|([A-Za-z])\2*|[^A-Za-z']+")
_DATE = "yyyy/MM/dd/HH/"
_LETTERS: dict[str, Callable[[datetime, int], str]] = {
    "y": lambda moment, width: f"{moment.year % 100:02d}" if width == 2 else f"{moment.year:0{width}d}",
    "M": lambda moment, width: f"{moment.month:0{width}d}",
    "d": lambda moment, width: f"{moment.day:0{width}d}",
    "D": lambda moment, width: f"{moment.timetuple().tm_yday:0{width}d}",
    "H": lambda moment, width: f"{moment.hour:0{width}d}",
    "m": lambda moment, width: f"{moment.minute:0{width}d}",
    "s": lambda moment, width: f"{moment.second:0{width}d}",
    "S": lambda moment, width: f"{moment.microsecond:06d}".ljust(width, "0")[:width],
}
_LETTERS["u"] = _LETTERS["y"]


class PrefixError(ValueError):
    """A prefix Firehose refuses when the stream is made."""


def check_prefixes(prefix: str, error_prefix: str) -> None:
    """Refuses what Firehose refuses of a stream's two prefixes. Raises PrefixError."""
    for text, is_error in ((prefix, False), (error_prefix, True)):
        rest = _EXPRESSION.sub("", text)
        if _STRAY.search(rest):
            raise PrefixError(f"{text} has an expression that isn't closed or has no value; write !{{namespace:value}}")
        for namespace, value in _EXPRESSION.findall(text):
            _check_expression(text, namespace, value, is_error=is_error)
    if _EXPRESSION.search(prefix) and "!{firehose:error-output-type}" not in error_prefix:
        raise PrefixError(
            "ErrorOutputPrefix cannot be null or empty and must contain !{firehose:error-output-type} when Prefix "
            "contains expressions"
        )


def _check_expression(text: str, namespace: str, value: str, *, is_error: bool) -> None:
    if namespace == "timestamp":
        _java(value)
        return
    allowed = ("random-string", "error-output-type") if is_error else ("random-string",)
    if namespace == "firehose" and value in allowed:
        return
    raise PrefixError(
        f"{text}: !{{{namespace}:{value}}} isn't known; the emulator has timestamp:<format>, "
        f"{', '.join('firehose:' + one for one in allowed)}"
    )


def object_key(*, prefix: str, stream: str, version: str, arrived: datetime, identifier: str, extension: str) -> str:
    """The key of an object whose oldest record came at `arrived` (in the stream's time zone)."""
    return _folder(prefix, arrived, None) + _file_name(stream, version, arrived, identifier, extension)


def error_key(*, prefix: str, kind: str, stream: str, version: str, arrived: datetime, identifier: str) -> str:
    """As object_key, for records that failed: `kind` is `processing-failed` and the like."""
    folder = _folder(prefix or "!{firehose:error-output-type}/", arrived, kind)
    if "!{firehose:error-output-type}" not in (prefix or "!{firehose:error-output-type}"):
        folder += f"{kind}/"
    return folder + _file_name(stream, version, arrived, identifier, "")


def _folder(prefix: str, arrived: datetime, kind: str | None) -> str:
    has_time = False

    def value(match: re.Match[str]) -> str:
        nonlocal has_time
        namespace, argument = match.groups()
        if namespace == "timestamp":
            has_time = True
            return "".join(part(arrived) for part in _java(argument))
        if argument == "error-output-type":
            return kind or ""
        return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(11))

    folder = _EXPRESSION.sub(value, prefix)
    return folder if has_time else folder + "".join(part(arrived) for part in _java(_DATE))


def _file_name(stream: str, version: str, arrived: datetime, identifier: str, extension: str) -> str:
    return f"{stream}-{version}-{arrived:%Y-%m-%d-%H-%M-%S}-{identifier}{extension}"


@lru_cache(maxsize=256)
def _java(pattern: str) -> tuple[Callable[[datetime], str], ...]:
    parts: list[Callable[[datetime], str]] = []
    position = 0
    while position < len(pattern):
        match = _JAVA.match(pattern, position)
        if match is None:
            raise PrefixError(f"the timestamp format {pattern} has a quote that isn't closed")
        position = match.end()
        letter = match[2]
        if letter is None:
            text = match[0] if match[1] is None else match[1] or "'"
            parts.append(lambda _, text=text: text)  # type: ignore[misc]
            continue
        if letter not in _LETTERS:
            known = ", ".join(sorted(_LETTERS))
            raise PrefixError(f"the timestamp format {pattern} has the letter {letter}; the emulator knows {known}")
        render, width = _LETTERS[letter], len(match[0])
        parts.append(lambda moment, render=render, width=width: render(moment, width))  # type: ignore[misc]
    return tuple(parts)
