"""Checks that need more than one field of a job. They run on what is sound of a spec when other fields are not."""

from __future__ import annotations

from jobs.problems import Problem
from jobs.spec import cross_triggers
from jobs.spec.cross_job import job_problems
from jobs.spec.found import Found, PlaceOf
from jobs.spec.found import problem_at as _problem
from jobs.spec.mistakes import under
from jobs.spec.model import JobSpec
from jobs.spec.on_lambda import lambda_problems
from jobs.spec.yaml_file import KeyPath

FARGATE_TIMEOUT_MAX_S = 1_209_600
DEFINITION_MAX_BYTES = 20 * 1024
"""Batch takes 24 KiB in all for a job definition; the rest is its other fields."""


def check(spec: JobSpec, place_of: PlaceOf, broken: frozenset[KeyPath] = frozenset()) -> list[Problem]:
    """Mistakes between fields; what stands in the places of `broken` isn't the author's and passed over."""
    bad = {path[0] for path in broken if path}
    found: list[Found] = cross_triggers.check(spec, place_of, broken)
    if "platform" not in bad:
        found += _platform(spec, place_of)
        found += lambda_problems(spec, place_of, bad)
    found += job_problems(spec, place_of, bad)
    found += _size(spec, place_of)
    return [problem for path, problem in found if not under(path, broken)]


def _platform(spec: JobSpec, place_of: PlaceOf) -> list[Found]:
    found: list[Found] = []
    if spec.platform == "ec2" and spec.resources.vcpus != int(spec.resources.vcpus):
        found.append(
            _problem(
                place_of,
                ("resources", "vcpus"),
                spec.resources.vcpus_text,
                "on ec2 vCPUs are whole numbers from 1 up",
                "round up, or write platform: fargate",
            )
        )
    if spec.platform == "fargate" and spec.resources.gpus:
        found.append(
            _problem(
                place_of, ("resources", "gpus"), str(spec.resources.gpus), "Fargate has no GPUs", "write platform: ec2"
            )
        )
    if spec.platform == "fargate" and spec.timeout_s > FARGATE_TIMEOUT_MAX_S:
        found.append(
            _problem(
                place_of,
                ("timeout_s",),
                str(spec.timeout_s),
                f"Fargate keeps a task 14 days, {FARGATE_TIMEOUT_MAX_S:,} s",
                "lower it, or write platform: ec2",
            )
        )
    return found


def _size(spec: JobSpec, place_of: PlaceOf) -> list[Found]:
    texts = [*spec.command, *spec.environment, *spec.environment.values(), *spec.parameters, *spec.parameters.values()]
    size = sum(len(text.encode()) for text in texts)
    if size <= DEFINITION_MAX_BYTES:
        return []
    allowed = f"Batch takes {DEFINITION_MAX_BYTES:,} bytes of command, environment and parameters"
    return [_problem(place_of, (), f"{size:,} bytes in these", allowed, "put long values into a file of a bucket")]
