"""A stage's overrides merged onto job specifications."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from components.settings_load import settings_place
from components.settings_model import Settings
from jobs.problems import Problems, raise_any
from jobs.spec import JobSpec, LoadedSpec
from jobs.spec.discovery import validate
from jobs.spec.triggers import numbered
from jobs.spec.yaml_file import KeyPath

_MERGED = ("resources", "retry", "environment", "secrets", "isolated")


def effective_spec(settings: Settings, loaded: LoadedSpec) -> JobSpec:
    """The specification this stage deploys: overrides applied, schedules with a time zone, triggers resting or awake.

    Raises Problems that name the stack's file, where an override makes no sense for the job.
    """
    overrides = settings.jobs.get(loaded.name)
    given: dict[str, Any] = {} if overrides is None else overrides.model_dump(exclude_none=True, exclude_unset=True)
    triggers_enabled, single = given.pop("triggers_enabled", None), given.pop("triggers", {})
    value = loaded.spec.model_dump()
    for key, change in given.items():
        value[key] = value[key] | change if key in _MERGED else change
    names = [name for name, _ in numbered(loaded.spec.triggers)]
    for name, trigger in zip(names, value["triggers"], strict=True):
        if triggers_enabled is not None:
            trigger["enabled"] = triggers_enabled
        trigger |= single.get(name, {})
        if trigger["schedule"] is not None and trigger["schedule"]["timezone"] is None:
            trigger["schedule"]["timezone"] = settings.timezone

    def place_of(path: KeyPath) -> str:
        return settings_place(settings, "jobs", loaded.name, *path)

    return validate(value, place_of)


def effective_specs(settings: Settings, specs: Iterable[LoadedSpec]) -> list[LoadedSpec]:
    """All that this stage deploys; jobs that aren't enabled are left out. Raises Problems of all jobs."""
    merged: list[LoadedSpec] = []
    problems: list[Any] = []
    for loaded in specs:
        try:
            spec = effective_spec(settings, loaded)
        except Problems as error:
            problems += error
        else:
            if spec.enabled:
                merged.append(loaded.with_spec(spec))
    raise_any(problems)
    return merged
