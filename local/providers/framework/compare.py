"""Comparing what a service holds with what a program asks for, as the official plugins do.

Old *state* is compared with new *inputs*: drift found by refresh shows, and what a service writes differently doesn't.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.providers.framework.resource_type import Kind, ResourceType
from local.providers.framework.values import UNKNOWN, Asset, Path, holds_unknown


@dataclass(frozen=True, kw_only=True)
class Change:
    """One differing place; `pattern` is its path without list indices, joined with dots."""

    path: Path
    kind: Kind
    pattern: str
    replaces: bool


def pattern_of(path: Path) -> str:
    """The dotted name of a path, without list indices."""
    return ".".join(step for step in path if isinstance(step, str))


def is_empty(value: Any) -> bool:
    """None, "", [], {}, 0 and False: what a service can't tell from a property that was never set."""
    if value is None or value is False or (not isinstance(value, bool) and value == 0):
        return True
    return isinstance(value, str | list | dict | tuple) and not value


def _under(pattern: str, paths: frozenset[str]) -> bool:
    """Whether a pattern is one of `paths` or lies in one of them."""
    if pattern in paths:
        return True
    while "." in pattern:
        pattern = pattern.rpartition(".")[0]
        if pattern in paths:
            return True
    return False


class Comparison:
    """All differences of one resource between its state and its new inputs."""

    def __init__(self, resource: ResourceType) -> None:
        self._resource = resource

    def changes(
        self, old: Mapping[str, Any], new: Mapping[str, Any], old_inputs: Mapping[str, Any] | None = None
    ) -> list[Change]:
        """Every difference, in the order of property names."""
        found: list[Change] = []
        for key in sorted(self._resource.every_input):
            before, after = old.get(key), new.get(key)
            if after is None and (key in self._resource.every_computed or is_empty(before)):
                continue
            if after is None and isinstance(before, Mapping) and key in self._resource.every_map:
                after = {}
            self._compare((key,), before, after, (old_inputs or {}).get(key), found)
        return found

    def equivalent(self, path: Path, old: Any, new: Any) -> bool:
        """Whether the two values mean the same at this place."""
        found: list[Change] = []
        self._compare(path, old, new, None, found)
        return not found

    def _compare(self, path: Path, old: Any, new: Any, old_input: Any, found: list[Change]) -> None:
        if new is UNKNOWN:
            self._add(path, "add" if is_empty(old) else "update", found)
            return
        pattern = pattern_of(path)
        whole = isinstance(path[-1], str)  # a property, not an element of its list
        if whole and pattern in self._resource.equal and not holds_unknown(new):
            if not self._resource.equal[pattern](old, new):
                self._add(path, "add" if is_empty(old) else "delete" if new is None else "update", found)
            return
        if self._same_text(pattern, old, new):
            return
        if isinstance(new, Mapping) and isinstance(old, Mapping):
            self._compare_objects(path, pattern, old, new, old_input, found)
        elif isinstance(new, list) and isinstance(old, list):
            if pattern in self._resource.sets:
                self._compare_sets(path, old, new, found)
            else:
                self._compare_lists(path, old, new, old_input, found)
        elif is_empty(old) and is_empty(new):
            return
        elif is_empty(old) and old is not False and old != 0:
            self._add(path, "add", found)
        elif new is None:
            self._add(path, "delete", found)
        elif not _same_scalar(old, new):
            self._add(path, "update", found)

    def _same_text(self, pattern: str, old: Any, new: Any) -> bool:
        resource = self._resource
        if not isinstance(old, str) or not isinstance(new, str):
            return False
        if old == new:
            return True
        if pattern in resource.policies:
            return _documents_equal(old, new, _policy)
        return pattern in resource.json and _documents_equal(old, new, lambda document: document)

    def _compare_objects(
        self,
        path: Path,
        pattern: str,
        old: Mapping[str, Any],
        new: Mapping[str, Any],
        old_input: Any,
        found: list[Change],
    ) -> None:
        resource = self._resource
        free_keys = _under(pattern, resource.every_map)
        asked_before = old_input if isinstance(old_input, Mapping) else {}
        for key in sorted({*old, *new}):
            before, after = old.get(key), new.get(key)
            here = (*path, key)
            if free_keys:
                if key not in new:
                    self._add(here, "delete", found)
                elif key not in old:
                    self._add(here, "add", found)
                else:
                    self._compare(here, before, after, None, found)
            elif after is not None:
                self._compare(here, before, after, asked_before.get(key), found)
            elif f"{pattern}.{key}" in resource.computed:
                continue
            elif not is_empty(before) and not is_empty(asked_before.get(key)):
                self._add(here, "delete", found)

    def _compare_lists(self, path: Path, old: list[Any], new: list[Any], old_input: Any, found: list[Change]) -> None:
        asked_before = old_input if isinstance(old_input, list) else []
        for index in range(max(len(old), len(new))):
            here = (*path, index)
            if index >= len(new):
                self._add(here, "delete", found, count=True)
            elif index >= len(old):
                self._add(here, "add", found, count=True)
            else:
                before = asked_before[index] if index < len(asked_before) else None
                self._compare(here, old[index], new[index], before, found)

    def _compare_sets(self, path: Path, old: list[Any], new: list[Any], found: list[Change]) -> None:
        left = list(enumerate(old))
        unmatched: list[tuple[int, Any]] = []
        for index, value in enumerate(new):
            match = next((entry for entry in left if self.equivalent((*path, index), entry[1], value)), None)
            if match is None:
                unmatched.append((index, value))
            else:
                left.remove(match)
        counts = len(old) != len(new)
        for (index, value), gone in zip(unmatched, left, strict=False):
            inner: list[Change] = []
            self._compare((*path, index), gone[1], value, None, inner)
            found.extend(inner)
        for index, _ in unmatched[len(left) :]:
            self._add((*path, index), "add", found, count=counts)
        for index, _ in left[len(unmatched) :]:
            self._add((*path, index), "delete", found, count=counts)

    def _add(self, path: Path, kind: Kind, found: list[Change], *, count: bool = False) -> None:
        pattern = pattern_of(path)
        resource = self._resource
        whole_list = count or len(path) == 1
        replaces = _under(pattern, resource.every_replace) or (whole_list and pattern in resource.replace_on_count)
        found.append(Change(path=path, kind=kind, pattern=pattern, replaces=replaces))

    # --- what is kept when both mean the same ---

    def settle(self, known: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
        """The state after a read: what the service says, in the words known before where they mean the same.

        A key `read` doesn't mention keeps its known value; one that is None is dropped.
        """
        state = dict(known)
        for key, value in read.items():
            if value is None:
                state.pop(key, None)
            elif key in known:
                state[key] = self._settled((key,), known[key], value)
            else:
                state[key] = value
        return state

    def _settled(self, path: Path, known: Any, read: Any) -> Any:
        if known is None:
            return read
        pattern = pattern_of(path)
        if isinstance(path[-1], str) and pattern in self._resource.equal:
            return known if self.equivalent(path, read, known) else read
        if isinstance(known, Mapping) and isinstance(read, Mapping):
            merged = {key: self._settled((*path, key), known.get(key), value) for key, value in read.items()}
            if not _under(pattern, self._resource.every_map):
                merged |= {key: value for key, value in known.items() if key not in read and is_empty(value)}
            return merged
        if isinstance(known, list) and isinstance(read, list):
            if pattern in self._resource.sets:
                return self._settled_set(path, known, read)
            shared = [self._settled((*path, index), *pair) for index, pair in enumerate(zip(known, read, strict=False))]
            return shared + read[len(shared) :]
        return known if self.equivalent(path, read, known) else read

    def _settled_set(self, path: Path, known: list[Any], read: list[Any]) -> list[Any]:
        left = list(read)
        kept: list[Any] = []
        for value in known:
            match = next((index for index, entry in enumerate(left) if self.equivalent(path, entry, value)), None)
            if match is not None:
                kept.append(self._settled(path, value, left.pop(match)))
        return kept + left


def _same_scalar(old: Any, new: Any) -> bool:
    if isinstance(old, Asset) and isinstance(new, Asset):
        return old.hash == new.hash
    if type(old) is type(new) or (isinstance(old, int | float) and isinstance(new, int | float)):
        return bool(old == new)
    if isinstance(old, Mapping | list) or isinstance(new, Mapping | list):
        return False
    return _text(old) == _text(new)  # "8080" and 8080, "true" and true: the service's type wins


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _documents_equal(old: str, new: str, normal: Callable[[Any], Any]) -> bool:
    try:
        return bool(normal(json.loads(old)) == normal(json.loads(new)))
    except ValueError:
        return False


def _policy(document: Any) -> Any:
    """An IAM policy so that equivalent ones compare equal."""
    if isinstance(document, Mapping):
        return {
            key: _statements(value) if key == "Statement" else _policy(value)
            for key, value in document.items()
            if value not in ("", [], {}) or key == "Resource"
        }
    if isinstance(document, list):
        items = [_policy(item) for item in document]
        if all(isinstance(item, str) for item in items):
            items = sorted(set(items))
        return items[0] if len(items) == 1 else items
    return _text(document) if isinstance(document, bool | int | float) else document


def _statements(value: Any) -> list[Any]:
    statements = value if isinstance(value, list) else [value]
    return sorted((_policy(item) for item in statements), key=lambda item: json.dumps(item, sort_keys=True))
