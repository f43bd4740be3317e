"""The schema editors use: current, valid, and of one mind with the models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from components.settings import Settings
from jobs.problems import Problems
from jobs.spec import JobSpec, json_schema, parse_job
from jobs.spec.schema import schema_text

REPOSITORY = Path(__file__).parents[4]
FILE = REPOSITORY / "docs" / "job.schema.json"
SCHEMA = json_schema()


def models_of(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The model and all it holds."""
    found: list[type[BaseModel]] = [model]
    for field in model.model_fields.values():
        for inner in inner_models(field.annotation):
            found += models_of(inner)
    return list(dict.fromkeys(found))


def inner_models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [inner for part in getattr(annotation, "__args__", ()) for inner in inner_models(part)]


def test_the_file_is_current(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update"):
        FILE.write_text(schema_text(), encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == schema_text(), "write it anew: pytest --update, or make schema"


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_key_is_described() -> None:
    for part in (SCHEMA, *SCHEMA["$defs"].values()):
        for key, described in part["properties"].items():
            assert described.get("description"), key


@pytest.mark.parametrize("model", [*models_of(JobSpec), *models_of(Settings)])
def test_what_must_be_given_has_a_sound_example(model: type[BaseModel]) -> None:
    """A remedy shows it, and checking goes on with it after a mistake."""
    required = {name: field for name, field in model.model_fields.items() if field.is_required()}
    assert all(field.examples for field in required.values())
    extra = model.model_config.get("json_schema_extra")
    examples: list[Any] = [{name: (field.examples or [None])[0] for name, field in required.items()}]
    if isinstance(extra, dict) and isinstance(extra["examples"], list):
        examples = extra["examples"]
    if model.__name__ in ("Trigger", "ScheduleSource", "ComputeEnvironmentSettings") and not isinstance(extra, dict):
        return  # they need one of several keys
    for example in examples:
        model.model_validate(example)


@pytest.mark.parametrize("name", ["flights", "thumbnails", "weekly-cost-report"])
def test_the_shipped_jobs_agree_with_it(name: str) -> None:
    text = (REPOSITORY / "jobs" / name / "job.yaml").read_text(encoding="utf-8")
    jsonschema.validate(yaml.safe_load(text), SCHEMA)


SOUND = {
    "description": "x",
    "owner": "media",
    "platform": "ec2",
    "queue": "standard",
    "resources": {"vcpus": 1, "memory_mib": 512},
}


@pytest.mark.parametrize(
    "change",
    [
        {"platform": "eks"},
        {"timeout_s": 59},
        {"retry": {"attempts": 11}},
        {"array": {"size": 1}},
        {"queue": "Bad"},
        {"resources": {"vcpus": 1}},
        {"atempts": 1},
        {"triggers": [{"enabled": True}]},
        {"triggers": [{"s3": {"bucket": "a"}, "schedule": {"rate": "1 day"}}]},
        {"triggers": [{"schedule": {"timezone": "UTC"}}]},
        {"environment": {"A": 1}},
        {"triggers": [{"s3": {"bucket": "uploads", "suffix": 3}}]},
    ],
)
def test_it_refuses_what_the_models_refuse(change: dict[str, Any]) -> None:
    value = SOUND | change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, SCHEMA)
    with pytest.raises(Problems):
        parse_job(yaml.safe_dump(value), Path("jobs/x"))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {
            "triggers": [
                {"s3": {"bucket": "uploads", "suffix": ".csv"}},
                {"s3": {"bucket": "uploads", "suffix": [".a"]}},
            ]
        },
        {"triggers": [{"schedule": {"rate": "1 day", "timezone": "Europe/Berlin"}, "enabled": False}]},
        {"platform": "fargate", "resources": {"vcpus": 0.25, "memory_mib": 512}},
        {"array": {"size": 10_000}, "environment": {"A": "b"}, "command": ["x", "Ref::y"], "parameters": {"y": "z"}},
    ],
)
def test_it_accepts_what_the_models_accept(change: dict[str, Any]) -> None:
    value = SOUND | change
    jsonschema.validate(value, SCHEMA)
    parse_job(yaml.safe_dump(value), Path("jobs/x"))
