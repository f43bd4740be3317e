"""What moves to Lambda by one word, and what of a job Lambda hasn't got."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.problems import Problems
from jobs.spec import parse_job
from jobs.spec.on_lambda import ENVIRONMENT_MAX_BYTES, vcpus_of
from tests.unit.jobs.spec.test_mutations import is_helpful, outcome, paths_of, round_trip, values

SOUND: dict[str, Any] = {
    "description": "Resize every uploaded photograph",
    "owner": "media",
    "platform": "lambda",
    "queue": "standard",
    "resources": {"vcpus": 1, "memory_mib": 1769},
    "storage": {"ephemeral_storage_mib": 1024},
    "timeout_s": 900,
    "retry": {"attempts": 3, "on_application_error": "retry"},
    "permissions": {"read": ["uploads"], "write": ["results"]},
    "command": ["--key", "Ref::key", "--size", "Ref::size"],
    "parameters": {"size": "small"},
    "environment": {"LEVEL": "info"},
    "secrets": {"KEY": {"secret": "stamps/key", "key": "ink"}},
    "architecture": "arm64",
    "triggers": [{"s3": {"bucket": "uploads", "prefix": "photos/"}}],
}
FARGATE = "or write platform: fargate"


def changed(**change: Any) -> str:
    return yaml.safe_dump({**copy.deepcopy(SOUND), **change}, sort_keys=False)


def refused(text: str) -> list[str]:
    with pytest.raises(Problems) as raised:
        parse_job(text, Path("jobs/x"))
    return [str(problem).partition(" is ")[2] for problem in raised.value]


def test_the_sound_one_is_a_job() -> None:
    assert parse_job(changed(), Path("jobs/x")).spec.platform == "lambda"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"timeout_s": 901}, f"901; Lambda ends an attempt after 900 s; write 900 or less, {FARGATE}"),
        (
            {"resources": {"vcpus": 1, "memory_mib": 512}},
            "1; on Lambda memory brings the vCPUs, 1,769 MiB one: 512 MiB come with 0.29; "
            f"write memory_mib: 1769 or vcpus: 0.28, {FARGATE}",
        ),
        (
            {"resources": {"vcpus": 8, "memory_mib": 10240}},
            "8; on Lambda memory brings the vCPUs, 1,769 MiB one: 10,240 MiB come with 5.79; "
            f"write vcpus: 5.78, {FARGATE}",
        ),
        (
            {"resources": {"vcpus": 0.25, "memory_mib": 64}},
            f"64; a function has 128–10,240 MiB; write a number in that range, {FARGATE}",
        ),
        (
            {"resources": {"vcpus": 1, "memory_mib": 2048, "gpus": 1}},
            "1; Lambda has no GPUs; write platform: ec2",
        ),
        (
            {"retry": {"attempts": 4}},
            f"4; Lambda tries an event three times in all; write 1–3, {FARGATE}",
        ),
        (
            {"retry": {"on_out_of_memory": "retry"}},
            "retry beside on_application_error: fail; Lambda doesn't tell the two apart: it tries again after any "
            "error or after none; write on_application_error: retry too, or leave both out",
        ),
        ({"array": {"size": 2}}, f"given with platform: lambda; Lambda has no array jobs; remove it, {FARGATE}"),
        (
            {"isolated": True},
            f"given with platform: lambda; Lambda has no place in the stage's network; remove it, {FARGATE}",
        ),
        (
            {"schedulable": True},
            f"given with platform: lambda; Lambda has no submissions, which users' schedules are; remove it, {FARGATE}",
        ),
        ({"share": "a"}, f"given with platform: lambda; Lambda has no queues, and so no shares; remove it, {FARGATE}"),
        (
            {"storage": {"ephemeral_storage_gib": 30}},
            f"given with platform: lambda; Lambda takes ephemeral_storage_mib; remove it, {FARGATE}",
        ),
        (
            {"environment": {"AWS_LAMBDA_X": "1"}},
            "a name Lambda refuses; a function's variable is two or more letters, digits and _, first a letter, and "
            "not Lambda's own; rename it",
        ),
        (
            {"environment": {"LONG": "x" * ENVIRONMENT_MAX_BYTES}},
            "3,219 bytes with parameters and secrets; Lambda leaves 3,072 bytes for environment, parameters and names "
            "of secrets; put long values into a file of a bucket",
        ),
    ],
)
def test_what_lambda_has_not_got_is_refused(change: dict[str, Any], problem: str) -> None:
    assert refused(changed(**change)) == [problem]


@pytest.mark.parametrize("platform", ["ec2", "fargate"])
def test_lambdas_storage_is_lambdas(platform: str) -> None:
    (problem,) = refused(changed(platform=platform))
    assert problem.startswith(f"given with platform: {platform}; ")


@given(st.integers(128, 10_240))
@settings(max_examples=50, deadline=None)
def test_what_a_remedy_says_is_accepted(memory_mib: int) -> None:
    """vCPUs are refused above what memory brings, and nowhere else."""
    most = max(0.25, int(vcpus_of(memory_mib) * 100) / 100)
    sound = changed(resources={"vcpus": most, "memory_mib": memory_mib})
    assert parse_job(sound, Path("jobs/x")).spec.resources.vcpus == most
    assert refused(changed(resources={"vcpus": round(most + 0.02, 2), "memory_mib": memory_mib}))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_change_of_a_job_on_lambda_is_a_job_or_problems(data: st.DataObject) -> None:
    whole: dict[str, Any] = copy.deepcopy(SOUND)
    path = data.draw(st.sampled_from([one for one in paths_of(whole) if one]))
    holder: Any = whole
    for part in path[:-1]:
        holder = holder[part]
    if data.draw(st.booleans()):
        holder[path[-1]] = data.draw(values)
    else:
        del holder[path[-1]]
    result = outcome(yaml.safe_dump(whole, allow_unicode=True))
    assert is_helpful(result) if isinstance(result, Problems) else round_trip(result.spec) == result.spec
