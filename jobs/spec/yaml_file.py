"""Reading YAML with the place of every key. Bad input of any kind becomes problems, never another exception.

Scalars follow YAML 1.2's core schema, as editors show them: `yes`, `on` and dates are text. The file is read as a
stream of events, so that nesting, anchors and duplicate keys are seen before anything is built from them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from jobs.problems import Problem, place

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's where PyYAML was built with it: 10 times faster
_MAX_BYTES = 256 * 1024
_MAX_DEPTH = 20
_MAX_DIGITS = 18
_MAX_SHARED = 10_000
"""Values that aliases stand for, each counted with all it holds: a short text can't become a huge value."""
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OTHER_INTEGER = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Mapping[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_:/-]*")

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Position:
    """Both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, kw_only=True)
class YamlFile:
    """One file's content: mappings, lists, texts, numbers, booleans and None; `value` is None when it can't be read."""

    file: str
    """As problems show it, relative to the repository."""
    value: object
    positions: Mapping[KeyPath, Position] = field(default_factory=dict)
    """Of every key and list item."""
    problems: tuple[Problem, ...] = ()
    broken: frozenset[KeyPath] = frozenset()
    """Places whose value was refused while reading: what is found there later has been said already."""

    def place(self, path: KeyPath) -> str:
        """`jobs/x/job.yaml:7: retry.attempts`; a key that isn't there has its mapping's line."""
        return place(self.file, key_text(path), self.line(path))

    def line(self, path: KeyPath) -> int | None:
        for end in range(len(path), -1, -1):
            position = self.positions.get(path[:end])
            if position is not None:
                return position.line
        return None


def key_text(path: KeyPath) -> str:
    """`triggers[0].s3.bucket`; a key with odd characters is quoted, a long one shortened."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part) and len(part) <= 60:
            text += f".{part}" if text else part
        else:
            text += f"[{part[:60]!r}]"
    return text


def show(value: object) -> str:
    """A value as problems show it: short, on one line."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value) if len(value) <= 60 else f"{value[:60]!r}… ({len(value)} characters)"
    if isinstance(value, int) and abs(value) >= 10**30:
        return "a number of more than 30 digits"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    return f"of the type {type(value).__name__}"


def read_yaml(path: Path, *, file: str, aliases: bool = False) -> YamlFile:
    """Reads one file; what can't be read is a problem of the result, aliases too unless they are asked for."""
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            return _unreadable(
                file, f"{size} bytes long", f"at most {_MAX_BYTES} bytes are read", "keep data out of it"
            )
        data = path.read_bytes()
    except OSError as error:
        return _unreadable(
            file, f"not readable ({error.strerror or error})", "it must be a readable file", "look at its permissions"
        )
    return parse_yaml(data, file=file, aliases=aliases)


def parse_yaml(data: bytes | str, *, file: str, aliases: bool = False) -> YamlFile:
    """The same for a file's content."""
    if isinstance(data, str):
        text = data
    else:
        if b"\0" in data:
            return _unreadable(file, "a binary file", "YAML is text in UTF-8", "write it anew with a text editor")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            return _unreadable(
                file, f"not UTF-8 (byte {error.start})", "YAML is text in UTF-8", "save it as UTF-8", line
            )
    reader = _Reader(file, aliases=aliases)
    try:
        return reader.read(text)
    except yaml.YAMLError as error:
        return _syntax_problem(file, error, text)


def _unreadable(file: str, got: str, allowed: str, remedy: str, line: int | None = None) -> YamlFile:
    return YamlFile(
        file=file, value=None, problems=(Problem(place=place(file, "", line), got=got, allowed=allowed, remedy=remedy),)
    )


def _syntax_problem(file: str, error: yaml.YAMLError, text: str) -> YamlFile:
    mark = getattr(error, "problem_mark", None)
    line = None if mark is None else min(mark.line, text.count("\n")) + 1
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "unknown syntax"
    got = f"no YAML ({what}{'' if mark is None else f' in column {mark.column + 1}'})"
    source = text.splitlines()[line - 1] if line and line <= len(text.splitlines()) else ""
    if source[: len(source) - len(source.lstrip())].count("\t"):
        return _unreadable(file, got, "YAML is indented with spaces", "replace the tabs", line)
    if mark is not None and set(source[max(0, mark.column - 1) : mark.column + 1]) & {"*", "&"}:
        return _unreadable(file, got, "text that begins with * or & stands in quotes", "quote it", line)
    return _unreadable(
        file, got, "it must be valid YAML", "look at this line and the one before: indentation, quotes, colons", line
    )


@dataclass(kw_only=True)
class _Open:
    """A mapping or list that hasn't ended yet."""

    path: KeyPath
    container: dict[str, object] | list[object]
    key: str | None = None
    """Of a mapping: the key whose value comes next."""
    skip: bool = False
    """The value that comes next is read past: its key was refused."""
    ignored: bool = False
    """Everything in it is read past."""
    is_key: bool = False
    """It stands where a key should."""


class _Reader:
    def __init__(self, file: str, *, aliases: bool) -> None:
        self.file = file
        self.anchors: dict[str, object] | None = {} if aliases else None
        self.sizes: dict[int, int] = {}
        """Of mappings and lists that have ended, by their identity: the values in them."""
        self.shared = 0
        self.positions: dict[KeyPath, Position] = {}
        self.problems: list[Problem] = []
        self.broken: set[KeyPath] = set()
        self.stack: list[_Open] = []
        self.documents = 0
        self.root: object = None

    def read(self, text: str) -> YamlFile:
        for event in self._events(text):
            position = Position(line=event.start_mark.line + 1, column=event.start_mark.column + 1)
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event, position)
            elif isinstance(event, yaml.MappingStartEvent):
                self._start({}, event, position)
            elif isinstance(event, yaml.SequenceStartEvent):
                self._start([], event, position)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._end()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(str(event.anchor), position)
            elif isinstance(event, yaml.DocumentStartEvent):
                self.documents += 1
                if self.documents == 2:
                    self._refuse(position, "a second document", "a file holds one", "remove what begins at ---")
        return YamlFile(
            file=self.file,
            value=self.root,
            positions=self.positions,
            problems=tuple(self.problems),
            broken=frozenset(self.broken),
        )

    def _events(self, text: str) -> Iterator[Any]:
        loader = LOADER(text)
        try:
            while loader.check_event():
                if len(self.stack) > _MAX_DEPTH:
                    self._too_deep()
                    return
                yield loader.get_event()
        finally:
            loader.dispose()

    def _too_deep(self) -> None:
        self.problems = [
            Problem(
                place=place(self.file),
                got=f"nested deeper than {_MAX_DEPTH} levels",
                allowed=f"at most {_MAX_DEPTH} levels are read",
                remedy="make it flatter",
            )
        ]
        self.root = None

    def _refuse(self, position: Position, got: str, allowed: str, remedy: str, *, broken: bool = False) -> None:
        path = self._path()
        if broken:
            self.broken.add(path)
        where = place(self.file, key_text(path), position.line)
        self.problems.append(Problem(place=where, got=got, allowed=allowed, remedy=remedy))

    def _path(self) -> KeyPath:
        """Of the value that comes next."""
        if not self.stack:
            return ()
        top = self.stack[-1]
        if isinstance(top.container, list):
            return (*top.path, len(top.container))
        return top.path if top.key is None else (*top.path, top.key)

    def _awaits_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].container, dict) and self.stack[-1].key is None

    def _refuse_key(self, position: Position, got: str, remedy: str) -> None:
        self._refuse(position, got, "keys are text", remedy)
        self.stack[-1].key, self.stack[-1].skip = "?", True

    def _alias(self, anchor: str, position: Position) -> None:
        if self._awaits_key():
            self._refuse_key(position, f"an alias (*{anchor[:40]}) as a key", "write the key out")
            return
        if self.anchors is not None and anchor in self.anchors:
            value = self.anchors[anchor]
            self.shared += self.sizes.get(id(value), 1)
            # one that stands in what it names has no end
            if self.shared <= _MAX_SHARED and not any(one.container is value for one in self.stack):
                self._put(value, position)
                return
        self._refuse(
            position,
            f"an alias (*{anchor[:40]})",
            "anchors and aliases aren't read" if self.anchors is None else "it names a value that ended before",
            "write the value out, or quote text that begins with *",
            broken=True,
        )
        self._put(None, position)

    def _check_extras(self, event: Any, position: Position) -> None:
        if event.anchor is not None and self.anchors is None:
            self._refuse(
                position,
                f"an anchor (&{event.anchor[:40]})",
                "anchors and aliases aren't read",
                "write the value out where it is used, or quote text that begins with &",
            )
        if event.tag is not None and event.tag != "!":
            got = f"tagged {event.tag[:40]!r}"
            self._refuse(position, got, "tags aren't read", "remove the tag, or quote text that begins with !")

    def _scalar(self, event: Any, position: Position) -> None:
        self._check_extras(event, position)
        if self._awaits_key():
            self._key(event.value, position)
        else:
            value = self._resolve(event.value, position) if event.implicit[0] else event.value
            self._note(event, value)
            self._put(value, position)

    def _key(self, key: str, position: Position) -> None:
        top = self.stack[-1]
        assert isinstance(top.container, dict)
        top.key = key
        top.skip = top.ignored or key in top.container
        if not top.skip:
            self.positions[(*top.path, key)] = position
        elif not top.ignored:
            first = self.positions[(*top.path, key)].line
            self.problems.append(
                Problem(
                    place=place(self.file, key_text(self._path()), position.line),
                    got=f"given twice, first in line {first}",
                    allowed="a key stands once in a mapping",
                    remedy="remove one of the two",
                )
            )

    def _note(self, event: Any, value: object) -> None:
        if event.anchor is not None and self.anchors is not None:
            self.anchors[event.anchor] = value

    def _start(self, container: dict[str, object] | list[object], event: Any, position: Position) -> None:
        self._check_extras(event, position)
        self._note(event, container)
        is_key = self._awaits_key()
        ignored = is_key or self.documents > 1 or (bool(self.stack) and (self.stack[-1].ignored or self.stack[-1].skip))
        opened = _Open(path=self._path(), container=container, ignored=ignored, is_key=is_key)
        if not is_key:
            self._put(container, position)
        self.stack.append(opened)

    def _end(self) -> None:
        ended = self.stack.pop()
        held = ended.container.values() if isinstance(ended.container, dict) else ended.container
        self.sizes[id(ended.container)] = 1 + sum(self.sizes.get(id(one), 1) for one in held)
        if isinstance(ended.container, dict) and self.anchors is not None:
            _merge(ended.container)
        if ended.is_key:
            start = self.positions.get(ended.path, Position(line=1, column=1))
            self._refuse_key(start, "given a mapping or list as a key", "quote text that begins with { or [")

    def _put(self, value: object, position: Position) -> None:
        if not self.stack:
            if self.documents == 1:
                self.root = value
                self.positions[()] = position
            return
        top = self.stack[-1]
        if isinstance(top.container, list):
            if not top.ignored:
                self.positions[(*top.path, len(top.container))] = position
            top.container.append(value)
            return
        assert top.key is not None
        if not top.skip:
            top.container[top.key] = value
        top.key, top.skip = None, False

    def _resolve(self, text: str, position: Position) -> object:
        """YAML 1.2's core schema: null, booleans, numbers; the rest is text."""
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text) or _OTHER_INTEGER.fullmatch(text):
            if len(text) <= _MAX_DIGITS:
                return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
            got, allowed = f"a number of {len(text)} characters", f"numbers have at most {_MAX_DIGITS}"
        elif _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
            return number
        elif _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
            got, allowed = f"{text[:40]}, which is no finite number", "numbers are finite"
        else:
            return text
        self._refuse(position, got, allowed, "write another number, or quote it if it is text", broken=True)
        return 0


def _merge(container: dict[str, object]) -> None:
    """YAML's merge key: what `<<` names gives the keys that the mapping itself lacks, the first of several first."""
    told = container.get("<<")
    sources = told if isinstance(told, list) else [told]
    mappings = [one for one in sources if isinstance(one, dict)]
    if not sources or len(mappings) < len(sources):
        return  # a key like any other, which nothing knows
    del container["<<"]
    for one in mappings:
        for key, value in one.items():
            container.setdefault(key, value)
