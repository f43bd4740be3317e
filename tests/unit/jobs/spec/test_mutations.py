"""Any change to a sound job.yaml is a job with a meaning, or problems that help: never another exception."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.problems import Problems
from jobs.spec import JobSpec, LoadedSpec, json_schema, parse_job

FULL: dict[str, Any] = {
    "description": "Resize every uploaded photograph",
    "owner": "media",
    "platform": "ec2",
    "queue": "standard",
    "isolated": {
        "egress": [
            {"cidr": "203.0.113.0/24", "port": 443},
            {"security_group": "sg-01234567", "port": 53, "protocol": "udp"},
        ],
        "max_vcpus": 8,
    },
    "resources": {"vcpus": 1, "memory_mib": 512, "gpus": 0},
    "timeout_s": 600,
    "retry": {
        "attempts": 3,
        "on_out_of_memory": "fail",
        "on_application_error": "retry",
        "on_reclaim": "retry",
    },
    "permissions": {"read": ["uploads"], "write": ["results"]},
    "results": {
        "bucket": "results",
        "format": "csv",
        "athena": {"columns": {"city": "string", "rows": "bigint"}, "since": "2026-11-01"},
        "quicksight": True,
    },
    "environment": {"LEVEL": "info"},
    "command": ["--key", "Ref::key", "--size", "Ref::size"],
    "parameters": {"size": "800"},
    "array": {"size": 2},
    "triggers": [
        {
            "s3": {"bucket": "uploads", "prefix": "photos/", "suffix": [".jpg"]},
            "parameters": {"size": "10"},
            "enabled": True,
        },
        {"s3": {"bucket": "uploads", "wildcard": ["a/*.jpg"], "size": {"min_bytes": 1, "max_bytes": 9}}},
        {"schedule": {"cron": "0 6 ? * MON *", "timezone": "Europe/Berlin"}, "parameters": {"key": "x"}},
        {
            "schedule": {"rate": "1 day", "window_minutes": 5, "start": "2030-01-01T00:00", "end": "2031-01-01T00:00"},
            "parameters": {"key": "x"},
        },
        {"schedule": {"at": "2030-01-01T00:00"}, "parameters": {"key": "x"}},
        {"after": {"job": "flights", "status": "failed", "take": {"key": "month"}}},
        {
            "event": {
                "bus": "shop",
                "pattern": {
                    "source": ["shop"],
                    "detail": {"paid": [{"exists": True}], "lines": [{"numeric": [">", 0]}]},
                },
                "sample": {"source": "shop", "detail": {"paid": True, "lines": 3, "order": "a"}},
                "take": {"key": "$.detail.order"},
            }
        },
        {"sqs": {"take": {"key": "$.body.key"}, "receives": 3}},
        {
            "sns": {
                "topic": "orders",
                "filter": {"kind": ["paid", {"prefix": "re"}], "cents": [{"numeric": [">", 0]}]},
                "take": {"key": "$.body.key"},
                "receives": 3,
            }
        },
        {
            "dynamodb": {
                "table": "orders",
                "events": ["insert", "modify"],
                "filter": {"NewImage": {"status": {"S": ["paid", {"prefix": "re"}]}}, "Keys": {"id": {"N": ["1"]}}},
                "take": {"key": "$.dynamodb.NewImage.id.S"},
                "starting_position": "TRIM_HORIZON",
                "retries": 2,
            }
        },
    ],
    "schedulable": True,
    "enabled": True,
}
# what Redshift loads is no array
LOADED: dict[str, Any] = {
    **{key: value for key, value in FULL.items() if key != "array"},
    "results": {
        **FULL["results"],
        "redshift": {"cluster": "warehouse", "user": "loader", "database": "dev", "table": "public.rows"},
    },
}
TEXT = yaml.safe_dump(FULL, sort_keys=False)
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, part in inside for deeper in paths_of(part, (*path, key)))]


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-2, 20_000),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["ec2", "fargate", "lambda", "fail", "Ref::key", "Ref::", "*", "<key>", "standard", "5 minutes", "a" * 9000]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """FULL or LOADED with one to three places replaced, removed, renamed or doubled."""
    whole: Any = {"": copy.deepcopy(draw(st.sampled_from([FULL, LOADED])))}
    for _ in range(draw(st.integers(1, 3))):
        candidates = [path for path in paths_of(whole) if path]
        path = draw(st.sampled_from(candidates))
        holder = whole
        for part in path[:-1]:
            holder = holder[part]
        action = draw(st.sampled_from(["replace", "remove", "rename", "double"]))
        if action == "replace" or len(path) == 1:
            holder[path[-1]] = draw(values)
        elif action == "remove":
            del holder[path[-1]]
        elif action == "rename" and isinstance(holder, dict):
            holder[draw(st.text(max_size=10))] = holder.pop(path[-1])
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(holder[path[-1]]))
    return whole[""]


def without_empty(value: Any) -> Any:
    """A key without a value counts as left out."""
    if isinstance(value, dict):
        return {key: without_empty(part) for key, part in value.items() if part is not None}
    return [without_empty(part) for part in value] if isinstance(value, list) else value


def outcome(content: str | bytes) -> LoadedSpec | Problems:
    try:
        return parse_job(content, Path("jobs/x"))
    except Problems as problems:
        return problems


def is_helpful(problems: Problems) -> bool:
    return len(problems) > 0 and all(
        problem.place.startswith("jobs/x/job.yaml")
        and all((problem.got, problem.allowed, problem.remedy))
        and str(problem).isprintable()
        and len(str(problem)) < 1200
        for problem in problems
    )


def round_trip(spec: JobSpec) -> JobSpec:
    """Through the file's form: what a specification says can be written down again."""
    value = json.loads(spec.model_dump_json(exclude_none=True))
    return parse_job(yaml.safe_dump(value, allow_unicode=True), Path("jobs/x")).spec


@pytest.mark.parametrize("whole", [FULL, LOADED])
def test_the_unchanged_one_is_a_job(whole: dict[str, Any]) -> None:
    loaded = outcome(yaml.safe_dump(whole, sort_keys=False))
    assert isinstance(loaded, LoadedSpec)
    assert round_trip(loaded.spec) == loaded.spec


@given(mutated())
@settings(max_examples=100, deadline=None)
def test_any_changed_structure_is_a_job_or_problems(value: Any) -> None:
    result = outcome(yaml.safe_dump(value, allow_unicode=True))
    if isinstance(result, Problems):
        assert is_helpful(result)
    else:
        assert round_trip(result.spec) == result.spec
        # the schema is never stricter than the models: an editor marks no sound file, but for keys left empty
        assert VALIDATOR.is_valid(without_empty(value))


@given(st.integers(0, len(TEXT)), st.integers(0, 12), st.one_of(st.text(max_size=8), st.binary(max_size=8)))
@settings(max_examples=100, deadline=None)
def test_any_changed_text_is_a_job_or_problems(at: int, removed: int, inserted: str | bytes) -> None:
    middle = inserted if isinstance(inserted, bytes) else inserted.encode()
    result = outcome(TEXT[:at].encode() + middle + TEXT[at + removed :].encode())
    if isinstance(result, Problems):
        assert is_helpful(result)
    else:
        assert round_trip(result.spec) == result.spec


@given(st.one_of(values, mutated()))
@settings(max_examples=50, deadline=None)
def test_a_mistake_at_one_place_never_hides_one_elsewhere(value: Any) -> None:
    spoiled = copy.deepcopy(FULL) | {"environment": value}
    spoiled["retry"]["attempts"] = 12
    result = outcome(yaml.safe_dump(spoiled, allow_unicode=True))
    assert isinstance(result, Problems)
    assert "retry.attempts is 12" in str(result)
