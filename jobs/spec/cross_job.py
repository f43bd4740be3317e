"""Checks between the fields of a job that have nothing to do with its triggers."""

from __future__ import annotations

from jobs.spec.found import Found, PlaceOf, problem_at
from jobs.spec.model import JobSpec


def job_problems(spec: JobSpec, place_of: PlaceOf, bad: set[int | str]) -> list[Found]:
    """`bad` are the job's own fields that hold a mistake, and so nothing of its author's."""
    found: list[Found] = []
    if not bad & {"environment", "secrets"}:
        found += _given_twice(spec, place_of)
    return found


def _given_twice(spec: JobSpec, place_of: PlaceOf) -> list[Found]:
    return [
        problem_at(
            place_of,
            ("secrets", name),
            "in environment too",
            "a variable has one source",
            "remove it from environment, where values are for everybody to see",
        )
        for name in spec.secrets
        if name in spec.environment
    ]
