"""What an update would do: the differences, whether they replace, and which outputs become unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace as with_fields
from typing import Any

from local.providers.framework.compare import Change, Comparison
from local.providers.framework.errors import ProviderError
from local.providers.framework.resource_type import ResourceType
from local.providers.framework.values import UNKNOWN, Path, Properties

_STEP = re.compile(r'\[(?P<index>\d+)\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]|\[(?P<any>\*)\]|(?P<name>[^.\[\]]+)')


class Plan:
    """Handed to a type's `plan` function, which may look at the differences and change what follows from them."""

    def __init__(
        self,
        resource: ResourceType,
        *,
        old: Mapping[str, Any] | None,
        new: Mapping[str, Any],
        old_inputs: Mapping[str, Any] | None = None,
        ignore: Iterable[str] = (),
    ) -> None:
        """`old` is the state, None for a creation. Errors: ProviderError from the type's `plan`."""
        self.resource = resource
        self.creating = old is None
        self.old: Properties = dict(old or {})
        self.new: Properties = dict(new)
        self.recomputed: set[str] = set()
        self.changes: list[Change] = []
        if old is not None:
            ignored = [parse_path(text) for text in ignore]
            found = Comparison(resource).changes(old, new, old_inputs)
            self.changes = [change for change in found if not any(_covers(path, change.path) for path in ignored)]
            if self.changes:
                self.recomputed |= resource.fresh_on_update
        if resource.plan is not None:
            resource.plan(self)

    @property
    def changed(self) -> frozenset[str]:
        """Top-level properties that differ."""
        return frozenset(str(change.path[0]) for change in self.changes)

    @property
    def replaces(self) -> bool:
        return any(change.replaces for change in self.changes)

    def touches(self, *paths: str) -> bool:
        """Whether anything at or under one of these dotted paths differs."""
        return any(
            change.pattern == path or change.pattern.startswith(path + ".") or path.startswith(change.pattern + ".")
            for change in self.changes
            for path in paths
        )

    def replace_on(self, *paths: str) -> None:
        """Differences at or under these dotted paths replace the resource."""
        self.changes = [
            with_fields(change, replaces=True) if _at(change.pattern, paths) else change for change in self.changes
        ]

    def drop(self, *paths: str) -> None:
        """Differences at or under these dotted paths are none."""
        self.changes = [change for change in self.changes if not _at(change.pattern, paths)]

    def recompute(self, *outputs: str) -> None:
        """These outputs aren't known until the update is done: dependents show changes in the preview."""
        self.recomputed |= set(outputs)

    def fail(self, text: str) -> None:
        """Refuse the plan with this sentence."""
        raise ProviderError(text)

    def planned(self, region: str | None = None) -> Properties:
        """The properties a preview shows: what is known of the result, the rest unknown."""
        if self.creating:
            state: Properties = {
                key: UNKNOWN for key in (*self.resource.outputs, *self.resource.computed) if "." not in key
            }
            if self.resource.regional and region:
                state["region"] = region
            return state | self.new
        state = self.kept()
        return state | dict.fromkeys(self.recomputed, UNKNOWN)

    def kept(self) -> Properties:
        """The old state with the new inputs in it, and without the inputs that are no longer asked for."""
        resource = self.resource
        dropped = {key for key in resource.every_input - resource.every_computed if key not in self.new}
        return {key: value for key, value in self.old.items() if key not in dropped} | self.new

    def deletes_first(self, defaulted: Iterable[str]) -> bool:
        """Whether a replacement deletes the old object before it creates the new one."""
        resource = self.resource
        if not self.replaces:
            return False
        if resource.delete_before_replace:
            return True
        name = resource.auto_name
        if name is None or not resource.explicit_name_deletes_first:
            return False
        return name.property in self.new and name.property not in set(defaulted)


def _at(pattern: str, paths: Iterable[str]) -> bool:
    return any(pattern == path or pattern.startswith(path + ".") for path in paths)


def parse_path(text: str) -> Path:
    """The steps of a property path such as `tags.a`, `rules[0].x`, `tags["a.b"]`; `*` stands for any step."""
    steps: list[str | int] = []
    for match in _STEP.finditer(text):
        if match["index"] is not None:
            steps.append(int(match["index"]))
        elif match["quoted"] is not None:
            steps.append(match["quoted"].replace('\\"', '"'))
        else:
            steps.append(match["any"] or match["name"])
    return tuple(steps)


def path_text(path: Path) -> str:
    """A path as the engine writes it."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", step):
            text += f".{step}" if text else step
        else:
            text += '["' + step.replace('"', '\\"') + '"]'
    return text


def _covers(ignored: Path, path: Path) -> bool:
    return len(ignored) <= len(path) and all(wanted in ("*", step) for wanted, step in zip(ignored, path, strict=False))
