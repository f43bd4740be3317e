"""Checks of `after:` over all jobs of a stage: the job that is named, what is taken from it, and cycles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from jobs.problems import Problem, listing, suggestion
from jobs.spec import JobSpec, LoadedSpec
from jobs.spec.event_sources import AFTER_RESULTS, AfterSource


def chain_problems(deployed: Sequence[LoadedSpec], known: Iterable[str]) -> list[Problem]:
    """Every mistake of every `after:`. `known` are all jobs, those included that the stage leaves out."""
    jobs = {loaded.name: loaded for loaded in deployed}
    names = list(known)
    problems: list[Problem] = []
    for loaded in deployed:
        for position, source in _afters(loaded.spec):
            other = jobs.get(source.job)
            if other is None:
                problems.append(_absent(loaded, position, source.job, jobs, names))
            else:
                problems += _taken(loaded, position, source, other.spec)
                problems += _no_results(loaded, position, source, other.spec)
    return [*problems, *_cycles(jobs)]


def _afters(spec: JobSpec) -> list[tuple[int, AfterSource]]:
    return [(position, trigger.after) for position, trigger in enumerate(spec.triggers) if trigger.after is not None]


def _absent(
    loaded: LoadedSpec, position: int, job: str, deployed: Mapping[str, LoadedSpec], known: Sequence[str]
) -> Problem:
    where = loaded.place("triggers", position, "after", "job")
    if job in known:
        return Problem(
            place=where,
            got=f"{job}, which the stage leaves out",
            allowed="a job waits for one that runs",
            remedy=f"set enabled: true for {job}, or leave {loaded.name} out too",
        )
    return Problem(
        place=where,
        got=f"the unknown job {job}",
        allowed=f"known are {listing(deployed)}",
        remedy=suggestion(job, deployed, otherwise="add the job, or name one of these"),
    )


def _taken(loaded: LoadedSpec, position: int, source: AfterSource, other: JobSpec) -> list[Problem]:
    offered = {*other.references, *other.parameters}.union(*(trigger.offered for trigger in other.triggers))
    return [
        Problem(
            place=loaded.place("triggers", position, "after", "take", name),
            got=f"the unknown parameter {parameter} of {source.job}",
            allowed=f"{source.job} has {listing(offered)}",
            remedy=suggestion(parameter, offered, otherwise=f"add it to {source.job}, or take another"),
        )
        for name, parameter in source.take.items()
        if parameter not in offered
    ]


def _no_results(loaded: LoadedSpec, position: int, source: AfterSource, other: JobSpec) -> list[Problem]:
    asked = AFTER_RESULTS in loaded.spec.references and AFTER_RESULTS not in loaded.spec.triggers[position].parameters
    if not asked or other.results is not None:
        return []
    return [
        Problem(
            place=loaded.place("triggers", position, "after", "job"),
            got=f"{source.job}, which has no results, and the command asks for Ref::{AFTER_RESULTS}",
            allowed="a job with results leaves a manifest for the next",
            remedy=f"add results: to {source.job}, or leave Ref::{AFTER_RESULTS} out",
        )
    ]


def _cycles(jobs: Mapping[str, LoadedSpec]) -> list[Problem]:
    """One problem a cycle, at its alphabetically first job: it would submit itself without end."""
    waits_for = {
        name: sorted({source.job for _, source in _afters(loaded.spec) if source.job in jobs})
        for name, loaded in jobs.items()
    }
    problems: list[Problem] = []
    for start in sorted(jobs):
        cycle = _shortest_way_back(start, waits_for)
        if cycle is None or min(cycle) != start:
            continue
        loaded = jobs[start]
        position = next(position for position, source in _afters(loaded.spec) if source.job == cycle[0])
        problems.append(
            Problem(
                place=loaded.place("triggers", position, "after", "job"),
                got=f"{cycle[0]}, which comes after {start} itself ({' after '.join([start, *cycle])})",
                allowed="a chain of jobs has an end",
                remedy="remove one of these triggers",
            )
        )
    return problems


def _shortest_way_back(start: str, waits_for: Mapping[str, Sequence[str]]) -> list[str] | None:
    """Jobs from what `start` waits for up to `start` again; None when there is no way back."""
    ways = [[name] for name in waits_for[start]]
    seen: set[str] = set()
    while ways:
        longer: list[list[str]] = []
        for way in ways:
            if way[-1] == start:
                return way
            if way[-1] not in seen:
                seen.add(way[-1])
                longer += [[*way, name] for name in waits_for[way[-1]]]
        ways = longer
    return None
