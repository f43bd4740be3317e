"""Stack configuration → Settings, with every mistake at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.settings_model import Settings
from jobs import conventions
from jobs.problems import Problem, Problems, place, raise_any
from jobs.spec.mistakes import every_mistake
from jobs.spec.yaml_file import KeyPath, YamlFile, key_text, read_yaml, show

NAMESPACE = f"{conventions.PROJECT}:"
SETTING_KEYS = tuple(name for name in Settings.model_fields if name not in ("stage", "file"))
"""Keys of the namespace `batchyard:`."""
_GIVEN = frozenset({"stage", "file"})
"""Fields that are no configuration keys."""
_TEXTS = frozenset({"region", "owner", "timezone", "promote_from"})


def load_settings(config: Mapping[str, object], *, stage: str, file: str) -> Settings:
    """Settings from a stack's configuration.

    `config` has keys with or without `batchyard:`; values are plain, or JSON text as Pulumi hands objects to programs.
    `aws:region` serves when no `region` is given; other namespaces are passed over. `file` is what problems name; where
    it can be read, they name lines too. Raises Problems.
    """
    return _settings(dict(config), stage=stage, source=_positions(file))


def load_settings_file(path: Path, *, stage: str | None = None) -> Settings:
    """Settings straight from a `Pulumi.<stack>.yaml`, without the engine, which reads aliases too. Raises Problems."""
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    source = read_yaml(path, file=str(shown), aliases=True)
    if not source.problems and not isinstance(source.value, Mapping):
        raise Problems([_no_mapping(source.place(()), source.value)])
    if not isinstance(source.value, Mapping):
        raise Problems(source.problems)
    config = source.value.get("config")
    name = stage if stage is not None else path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    problems = [replace(problem, place=problem.place.replace(": config.", ": ", 1)) for problem in source.problems]
    if not isinstance(config, Mapping):
        raise Problems([*problems, _no_mapping(source.place(("config",)), config)])
    try:
        settings = _settings(dict(config), stage=name, source=source)
    except Problems as error:
        raise Problems([*problems, *error]) from None
    raise_any(problems)
    return settings


def settings_places(settings: Settings) -> Callable[..., str]:
    """For problems found later: `("queues", "critical")` → `Pulumi.dev.yaml:12: batchyard:queues.critical`.

    The file is read again for its lines, once and only when there is a problem to place.
    """
    source: YamlFile | None = None

    def place_of(*path: str | int) -> str:
        nonlocal source
        if source is None:
            source = _positions(settings.file)
        return _place(source, path)

    return place_of


def settings_place(settings: Settings, *path: str | int) -> str:
    """The same for one problem."""
    return settings_places(settings)(*path)


def _positions(file: str) -> YamlFile:
    read = read_yaml(Path(file), file=file, aliases=True) if Path(file).is_file() else YamlFile(file=file, value=None)
    return YamlFile(file=file, value=None, positions=read.positions)  # its broken places don't concern given values


def _place(source: YamlFile, path: KeyPath) -> str:
    if not path:
        return source.place(("config",))
    if path[0] == "stage":
        return place(source.file, "the stack's name")
    if path[0] == "region" and ("config", f"{NAMESPACE}region") not in source.positions:
        return place(source.file, "aws:region", source.line(("config", "aws:region")))
    named: KeyPath = (f"{NAMESPACE}{path[0]}", *path[1:])
    return place(source.file, key_text(named), source.line(("config", *named)))


def _no_mapping(where: str, value: object) -> Problem:
    return Problem(
        place=where,
        got=show(value),
        allowed="it is a mapping of keys",
        remedy="write config: with batchyard: keys below it",
    )


def _settings(config: dict[str, object], *, stage: str, source: YamlFile) -> Settings:
    values: dict[str, Any] = {}
    region = config.get("aws:region")
    for key, value in config.items():
        name = key.removeprefix(NAMESPACE)
        if ":" in name:
            continue
        values[name] = _plain(name, value)
    if region is not None:
        values.setdefault("region", region)
    problems = [
        Problem(
            place=place(source.file, key := f"{NAMESPACE}{name}", source.line(("config", key))),
            got="given",
            allowed="the stack itself gives it",
            remedy="remove the key",
        )
        for name in sorted(_GIVEN & values.keys())
    ]
    values |= {"stage": stage, "file": source.file}
    checked = every_mistake(
        Settings,
        values,
        lambda path: _place(source, path),
        broken=frozenset((_bare(path[1]), *path[2:]) for path in source.broken if path[:1] == ("config",) and path[1:]),
        hidden=_GIVEN,
    )
    raise_any([*problems, *checked.problems])
    if checked.value is None:
        raise AssertionError("a configuration without problems makes settings")
    return checked.value


def _bare(key: int | str) -> str:
    return str(key).removeprefix(NAMESPACE)


def _plain(name: str, value: object) -> object:
    """Pulumi hands objects, numbers and booleans to a program as JSON text."""
    if not isinstance(value, str) or name in _TEXTS:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
