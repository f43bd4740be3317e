"""Validation that goes on after the first mistake: what was refused is replaced by something sound and looked at again.

pydantic reports all fields at once, but checks between fields only run on models whose fields are sound.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from jobs.problems import Problem
from jobs.spec.refusals import model_at, problems_of
from jobs.spec.yaml_file import KeyPath

M = TypeVar("M", bound=BaseModel)
_ROUNDS = 6


@dataclass(frozen=True, kw_only=True)
class Checked(Generic[M]):
    """What came of it."""

    value: M | None
    """The model; with mistakes it holds examples in their places. None when even that can't be made."""
    problems: list[Problem]
    broken: frozenset[KeyPath]
    """Places whose content is no longer the author's."""


def under(path: KeyPath, broken: frozenset[KeyPath]) -> bool:
    """Is `path` a broken place, or inside one?"""
    return any(path[:end] in broken for end in range(len(path) + 1)) if broken else False


def every_mistake(
    model: type[M],
    value: Mapping[str, Any],
    place_of: Callable[[KeyPath], str],
    *,
    broken: frozenset[KeyPath] = frozenset(),
    hidden: frozenset[str] = frozenset(),
) -> Checked[M]:
    """All problems of a value; places in `broken` have been reported already, keys in `hidden` are not offered."""
    problems: list[Problem] = []
    sound: Any = value
    for _ in range(_ROUNDS):
        try:
            return Checked(value=model.model_validate(sound), problems=problems, broken=broken)
        except ValidationError as error:
            if sound is value:
                sound = copy.deepcopy(dict(value))
            found = problems_of(error, model, place_of, hidden=hidden)
            problems += [problem for paths, problem in found if not any(under(path, broken) for path in paths)]
            broken |= {
                _repair(model, sound, detail["loc"]) for detail in error.errors(include_url=False, include_input=False)
            }
    return Checked(value=None, problems=problems, broken=broken)


def _repair(model: type[BaseModel], sound: Any, loc: tuple[int | str, ...]) -> KeyPath:
    """Puts something sound where `loc` points, or around it; gives the place."""
    is_key = loc[-1:] == ("[key]",)
    path: KeyPath = loc[:-1] if is_key else loc
    while path:
        parent, part = _at(sound, path[:-1]), path[-1]
        if _replace(model, parent, path, part, drop=is_key):
            return path
        path, is_key = path[:-1], False
    return path


def _at(value: Any, path: KeyPath) -> Any:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _replace(model: type[BaseModel], parent: Any, path: KeyPath, part: int | str, *, drop: bool) -> bool:
    owner = model_at(model, path[:-1])
    if isinstance(parent, dict) and owner is not None:
        field = owner.model_fields.get(str(part))
        if field is not None and field.is_required():
            if not field.examples:
                return False
            parent[part] = copy.deepcopy(field.examples[0])
        else:
            parent.pop(part, None)
        return True
    example = _example(model_at(model, path))
    if isinstance(parent, dict):
        parent.pop(part, None)
        if example is not None:
            parent["x" if drop else part] = example
        return True
    if isinstance(parent, list) and isinstance(part, int) and part < len(parent) and example is not None:
        parent[part] = example
        return True
    return False


def _example(model: type[BaseModel] | None) -> Any:
    extra = None if model is None else model.model_config.get("json_schema_extra")
    examples = extra.get("examples") if isinstance(extra, dict) else None
    return copy.deepcopy(examples[0]) if isinstance(examples, list) else None
