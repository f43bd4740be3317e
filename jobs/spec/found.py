"""What checks between fields find: a problem, and the path of what it is about."""

from __future__ import annotations

from collections.abc import Callable

from jobs.problems import Problem
from jobs.spec.yaml_file import KeyPath

PlaceOf = Callable[[KeyPath], str]
Found = tuple[KeyPath, Problem]


def problem_at(place_of: PlaceOf, path: KeyPath, got: str, allowed: str, remedy: str) -> Found:
    """A problem with its path."""
    return path, Problem(place=place_of(path), got=got, allowed=allowed, remedy=remedy)
