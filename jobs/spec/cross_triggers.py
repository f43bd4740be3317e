"""Checks of triggers that need more than one field of a job."""

from __future__ import annotations

from collections.abc import Mapping

from jobs.event_rules.check import check_rule
from jobs.problems import Problem, listing, suggestion
from jobs.spec.found import Found, PlaceOf, problem_at
from jobs.spec.model import JobSpec
from jobs.spec.triggers import Trigger
from jobs.spec.yaml_file import KeyPath


def check(spec: JobSpec, place_of: PlaceOf, broken: frozenset[KeyPath]) -> list[Found]:
    """Mistakes between a trigger and the rest of the job; what stands in the places of `broken` is passed over."""
    bad = {path[0] for path in broken if path}
    bad_triggers = _bad_triggers(broken)
    triggers = {position: trigger for position, trigger in enumerate(spec.triggers) if position not in bad_triggers}
    found: list[Found] = []
    if not bad & {"command", "parameters"}:
        for position, trigger in triggers.items():
            found += _references(spec, trigger, position, place_of)
    found += _same_triggers(triggers, place_of)
    if not bad & {"permissions", "results"}:
        found += _loops(spec, triggers, place_of)
    for position, trigger in triggers.items():
        refused = check_rule(trigger)
        if refused is not None:
            path: KeyPath = ("triggers", position, trigger.kind, *refused.key)
            found.append(problem_at(place_of, path, refused.got, refused.allowed, refused.remedy))
    return found


def _bad_triggers(broken: frozenset[KeyPath]) -> set[int | str]:
    return {path[1] for path in broken if path[:1] == ("triggers",) and len(path) > 1}


def _references(spec: JobSpec, trigger: Trigger, position: int, place_of: PlaceOf) -> list[Found]:
    found: list[Found] = []
    path: KeyPath = ("triggers", position)
    close = [*spec.parameters, *trigger.source_parameters]
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


def _same_triggers(triggers: Mapping[int, Trigger], place_of: PlaceOf) -> list[Found]:
    found: list[Found] = []
    for position, trigger in triggers.items():
        first = next(earlier for earlier, other in triggers.items() if other == trigger)
        if first < position:
            allowed = "each trigger submits the job once more"
            found.append(
                problem_at(place_of, ("triggers", position), f"the same as triggers[{first}]", allowed, "remove it")
            )
    return found


def _loops(spec: JobSpec, triggers: Mapping[int, Trigger], place_of: PlaceOf) -> list[Found]:
    """Every result would submit the job again: a bill without end."""
    found: list[Found] = []
    written = {*spec.permissions.write, *([] if spec.results is None else [spec.results.bucket])}
    for position, trigger in triggers.items():
        source = trigger.s3
        if source is not None and source.bucket in written and source.all_keys:
            found.append(
                problem_at(
                    place_of,
                    ("triggers", position, "s3", "bucket"),
                    f"{source.bucket}, which the job writes to",
                    "a job's results may not submit it again",
                    "give a prefix or suffix that its results don't have",
                )
            )
    return found
