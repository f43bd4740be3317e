"""docs/stages.md says every setting and every output there is."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from components.reference import EnvironmentLocation, LedgerLocation, NetworkLocation, StageReference
from components.settings import Settings
from jobs.user_schedules import StageSchedules

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "stages.md"
SET_BY_THE_STACK = {"stage", "file"}


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """Every model an annotation mentions, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and not isinstance(annotation, UnionType):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_of(part)]


def keys(model: type[BaseModel], *, overrides: bool = False) -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(name)
        # what a job's overrides hold is the job specification's to explain
        if not overrides:
            for inner in models_of(field.annotation):
                found |= keys(inner, overrides=inner.__name__ == "JobOverrides")
    return found


@pytest.fixture(scope="module")
def words() -> set[str]:
    prose = re.sub(r"(?ms)^```.*?^```", "", DOCUMENT.read_text(encoding="utf-8"))
    quoted = re.findall(r"`([^`\n]+)`", prose)
    return {word for text in quoted for word in re.split(r"[^A-Za-z0-9_]+", text)}


def test_every_setting_is_described(words: set[str]) -> None:
    assert sorted(keys(Settings) - SET_BY_THE_STACK - words) == []


def test_every_output_is_described(words: set[str]) -> None:
    kinds = (StageReference, EnvironmentLocation, LedgerLocation, NetworkLocation)
    outputs = {field.name for kind in kinds for field in fields(kind)} | set(StageSchedules.model_fields)
    assert sorted(outputs - words) == []
