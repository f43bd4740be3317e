"""pydantic's errors as problems: place, got, allowed, remedy."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from jobs.problems import Problem, listing, suggestion
from jobs.spec.base import Hint
from jobs.spec.yaml_file import KeyPath, show

_TYPES = {
    "string_type": ("text", "write text; in YAML numbers, true and false are text only in quotes"),
    "int_type": ("a whole number", "write a whole number without quotes"),
    "int_from_float": ("a whole number", "write a whole number"),
    "float_type": ("a number", "write a number without quotes"),
    "finite_number": ("a finite number", "write a number"),
    "bool_type": ("true or false", "write true or false without quotes"),
    "dict_type": ("a mapping", "write key: value lines below it"),
    "model_type": ("a mapping", "write key: value lines below it"),
    "model_attributes_type": ("a mapping", "write key: value lines below it"),
    "tuple_type": ("a list", "write [a, b] or lines that begin with a dash"),
    "list_type": ("a list", "write [a, b] or lines that begin with a dash"),
}


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    place_of: Callable[[KeyPath], str],
    *,
    hidden: frozenset[str] = frozenset(),
) -> list[tuple[tuple[KeyPath, ...], Problem]]:
    """Each mistake with the paths it is about; `place_of` gives the text of a place, `hidden` keys are not offered."""
    found = []
    for detail in error.errors(include_url=False):
        loc = detail["loc"]
        path = tuple(part for part in loc if part != "[key]")
        if detail["type"] == "extra_forbidden":
            got, allowed, remedy = _unknown_key(model, loc, hidden)
        else:
            got, allowed, remedy = _texts(detail, model, loc)
        where = place_of((*path, *detail.get("ctx", {}).get("key", ())))
        about = detail.get("ctx", {}).get("about", ())
        paths = (path, *((*path, key) for key in about))
        found.append((paths, Problem(place=where, got=got, allowed=allowed, remedy=remedy)))
    return found


def _texts(detail: Mapping[str, Any], model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[str, str, str]:
    kind, value = detail["type"], detail["input"]
    context: Mapping[str, Any] = detail.get("ctx", {})
    if kind == "batchyard":
        return context["got"], context["allowed"], context["remedy"]
    hint = _hint(model, loc)
    if kind == "missing":
        allowed = hint.allowed if hint else "the key is required"
        return "missing", allowed, f"add {_example(model, loc)}"
    if kind in _TYPES:
        allowed, remedy = _TYPES[kind]
        got = show(value)
        return (
            got,
            (hint.allowed if hint else f"it must be {allowed}"),
            ("remove the key or give it a value" if value is None else remedy),
        )
    if hint is not None:
        return show(value), hint.allowed, hint.remedy
    if kind == "literal_error":
        words = [str(word) for word in _literals(model, loc)]
        return (
            show(value),
            f"allowed are {listing(words)}",
            suggestion(str(value), words, otherwise=f"write {words[0]}" if words else "change it"),
        )
    return show(value), _sentence(detail["msg"]), "change it accordingly"


def _example(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    """`owner: media`: the key with the first of its examples."""
    key = str(loc[-1])
    owner = model_at(model, loc[:-1])
    field = owner.model_fields.get(key) if owner else None
    if field is None or not field.examples or isinstance(field.examples[0], dict | list):
        return f"{key}:"
    return f"{key}: {field.examples[0]}"


def _sentence(message: str) -> str:
    return message[:1].lower() + message[1:] if message else "it is not allowed"


def _unknown_key(model: type[BaseModel], loc: tuple[int | str, ...], hidden: frozenset[str]) -> tuple[str, str, str]:
    owner = model_at(model, loc[:-1])
    keys = [key for key in owner.model_fields if owner is not model or key not in hidden] if owner else []
    return "an unknown key", f"known are {listing(keys)}", suggestion(str(loc[-1]), keys, otherwise="remove it")


def _hint(model: type[BaseModel], loc: Iterable[int | str]) -> Hint | None:
    metadata, _ = _resolve(model, loc)
    return next((item for item in metadata if isinstance(item, Hint)), None)


def _literals(model: type[BaseModel], loc: Iterable[int | str]) -> tuple[Any, ...]:
    _, annotation = _resolve(model, loc)
    for option in _options(annotation):
        if get_origin(option) is Literal:
            return get_args(option)
    return ()


def model_at(model: type[BaseModel], loc: Iterable[int | str]) -> type[BaseModel] | None:
    """The model that stands at a place inside another, None where none does."""
    _, annotation = _resolve(model, loc)
    return next(
        (option for option in _options(annotation) if isinstance(option, type) and issubclass(option, BaseModel)), None
    )


def _resolve(model: type[BaseModel], loc: Iterable[int | str]) -> tuple[list[Any], Any]:
    """Metadata and annotation of the place `loc` in a model: follows fields, items of lists and values of mappings."""
    metadata: list[Any] = []
    annotation: Any = model
    parts = list(loc)
    for position, part in enumerate(parts):
        if part == "[key]":
            continue
        is_key = position + 1 < len(parts) and parts[position + 1] == "[key]"
        metadata, annotation = _step(annotation, part, is_key=is_key)
    return metadata, annotation


def _step(annotation: Any, part: int | str, *, is_key: bool) -> tuple[list[Any], Any]:
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            field: FieldInfo | None = option.model_fields.get(str(part))
            if field is not None:
                return _unwrap(field.annotation, list(field.metadata))
        elif get_origin(option) in (tuple, list) and isinstance(part, int):
            return _unwrap(get_args(option)[0], [])
        elif get_origin(option) is dict:
            return _unwrap(get_args(option)[0 if is_key else 1], [])
    return [], None


def _unwrap(annotation: Any, metadata: list[Any]) -> tuple[list[Any], Any]:
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        metadata = [*metadata, *more]
    for option in _options(annotation):
        if get_origin(option) is Annotated:
            metadata = [*metadata, *get_args(option)[1:]]
    return metadata, annotation


def _options(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _options(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [
            option
            for member in get_args(annotation)
            for option in ([member] if get_origin(member) is Annotated else _options(member))
        ]
    return [annotation]
