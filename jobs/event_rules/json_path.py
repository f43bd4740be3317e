"""The JSON paths EventBridge takes in InputPath and InputPathsMap: names, indices and `*`; no filters. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, Final, Literal


class Absent(Enum):
    """What `resolve` gives where the event has nothing at the path (null is a value)."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
EVERY: Final[Literal["*"]] = "*"
_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]|\[(?P<every>\*)\]|\['(?P<quoted>[^']+)'\]")


class PathError(ValueError):
    """A path EventBridge refuses."""


@lru_cache(maxsize=4096)
def parse_path(path: str) -> tuple[str | int, ...]:
    """`$.detail.list[0].name` → ("detail", "list", 0, "name"). Raises PathError."""
    if not path.startswith("$"):
        raise PathError(f"{path} must start with $")
    steps: list[str | int] = []
    position = 1
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise PathError(f"{path} can't be read from {path[position:]!r}; use .name, [0] or [*]")
        index = step["index"]
        steps.append(int(index) if index is not None else step["name"] or step["quoted"] or EVERY)
        position = step.end()
    return tuple(steps)


def resolve(path: str, event: Any) -> Any:
    """The event's value at the path, or ABSENT. Raises PathError."""
    return _walk(parse_path(path), event)


def _walk(steps: tuple[str | int, ...], value: Any) -> Any:
    for number, step in enumerate(steps):
        if step == EVERY and isinstance(value, list):
            found = [_walk(steps[number + 1 :], element) for element in value]
            return [one for one in found if one is not ABSENT]
        fits_list = isinstance(step, int) and isinstance(value, list) and step < len(value)
        if fits_list or (isinstance(value, Mapping) and step in value):
            value = value[step]
        else:
            return ABSENT
    return value
