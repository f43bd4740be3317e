"""Checks that need more than one field of a job. They run on what is sound of a spec when other fields are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jobs import conventions
from jobs.problems import Problem, listing, suggestion
from jobs.spec.cross_job import job_problems
from jobs.spec.mistakes import under
from jobs.spec.model import JobSpec
from jobs.spec.triggers import Trigger
from jobs.spec.yaml_file import KeyPath

PlaceOf = Callable[[KeyPath], str]
Found = tuple[KeyPath, Problem]

FARGATE_TIMEOUT_MAX_S = 1_209_600
DEFINITION_MAX_BYTES = 20 * 1024
"""Batch takes 24 KiB in all for a job definition; the rest is its other fields."""


def check(spec: JobSpec, place_of: PlaceOf, broken: frozenset[KeyPath] = frozenset()) -> list[Problem]:
    """Mistakes between fields; what stands in the places of `broken` isn't the author's and passed over."""
    bad = {path[0] for path in broken if path}
    bad_triggers = _bad_triggers(broken)
    triggers = {position: trigger for position, trigger in enumerate(spec.triggers) if position not in bad_triggers}
    found: list[Found] = []
    if not bad & {"command", "parameters"}:
        for position, trigger in triggers.items():
            found += _references(spec, trigger, position, place_of)
    if "platform" not in bad:
        found += _platform(spec, place_of)
    found += _same_triggers(triggers, place_of)
    if "permissions" not in bad:
        found += _loops(spec, triggers, place_of)
    found += job_problems(spec, place_of, bad)
    found += _size(spec, place_of)
    return [problem for path, problem in found if not under(path, broken)]


def _bad_triggers(broken: frozenset[KeyPath]) -> set[int | str]:
    return {path[1] for path in broken if path[:1] == ("triggers",) and len(path) > 1}


def _references(spec: JobSpec, trigger: Trigger, position: int, place_of: PlaceOf) -> list[Found]:
    found: list[Found] = []
    path: KeyPath = ("triggers", position)
    close = [*spec.parameters, *(conventions.S3_TRIGGER_PARAMETERS if trigger.s3 is not None else ())]
    for name in spec.references:
        if name not in spec.parameters and name not in trigger.offered:
            found.append(
                (
                    path,
                    Problem(
                        place=place_of(path),
                        got=f"without a value for Ref::{name}",
                        allowed=f"a Ref:: is given by the trigger ({listing(trigger.offered)}) "
                        f"or by the job's parameters ({listing(spec.parameters)})",
                        remedy=suggestion(name, close, otherwise=f"add {name} to the parameters of one of them"),
                    ),
                )
            )
    known = {*spec.references, *spec.parameters}
    for name in trigger.parameters:
        if name not in known:
            inside: KeyPath = (*path, "parameters", name)
            found.append(
                (
                    inside,
                    Problem(
                        place=place_of(inside),
                        got="not used by the command",
                        allowed=f"known are {listing(known)}",
                        remedy=suggestion(name, known, otherwise=f"add Ref::{name} to the command or remove it"),
                    ),
                )
            )
    return found


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


def _same_triggers(triggers: Mapping[int, Trigger], place_of: PlaceOf) -> list[Found]:
    found: list[Found] = []
    for position, trigger in triggers.items():
        first = next(earlier for earlier, other in triggers.items() if other == trigger)
        if first < position:
            allowed = "each trigger submits the job once more"
            found.append(
                _problem(place_of, ("triggers", position), f"the same as triggers[{first}]", allowed, "remove it")
            )
    return found


def _loops(spec: JobSpec, triggers: Mapping[int, Trigger], place_of: PlaceOf) -> list[Found]:
    """Every result would submit the job again: a bill without end."""
    found: list[Found] = []
    for position, trigger in triggers.items():
        source = trigger.s3
        if source is not None and source.bucket in spec.permissions.write and not source.prefix and not source.suffix:
            found.append(
                _problem(
                    place_of,
                    ("triggers", position, "s3", "bucket"),
                    f"{source.bucket}, which the job writes to",
                    "a job's results may not submit it again",
                    "give a prefix or suffix that its results don't have",
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


def _problem(place_of: PlaceOf, path: KeyPath, got: str, allowed: str, remedy: str) -> Found:
    return path, Problem(place=place_of(path), got=got, allowed=allowed, remedy=remedy)
