"""`after:` over all jobs: who is named, what is taken, and that every chain has an end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.chain_check import chain_problems
from jobs.spec import LoadedSpec, parse_job

HEAD = """\
description: x
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
"""


def job(name: str, *after: str, more: str = "") -> LoadedSpec:
    triggers = "".join(f"  - after: {{job: {other}}}\n" for other in after)
    return parse_job(HEAD + more + (f"triggers:\n{triggers}" if after else ""), Path("jobs") / name)


def said(*jobs: LoadedSpec, known: tuple[str, ...] = ()) -> list[str]:
    return [str(problem) for problem in chain_problems(jobs, [*(one.name for one in jobs), *known])]


def test_a_chain_of_known_jobs_is_fine() -> None:
    assert said(job("a"), job("b", "a"), job("c", "a", "b")) == []


def test_an_unknown_job_is_named_with_the_one_meant() -> None:
    assert said(job("flights"), job("b", "flihgts")) == [
        "jobs/b/job.yaml:7: triggers[0].after.job is the unknown job flihgts; known are b, flights; "
        "did you mean flights?"
    ]


def test_a_job_the_stage_leaves_out_starts_nothing() -> None:
    assert said(job("b", "a"), known=("a",)) == [
        "jobs/b/job.yaml:7: triggers[0].after.job is a, which the stage leaves out; a job waits for one that runs; "
        "set enabled: true for a, or leave b out too"
    ]


def test_what_is_taken_must_be_there() -> None:
    taking = parse_job(
        f"{HEAD}command: ['Ref::day']\ntriggers:\n  - after: {{job: a, take: {{day: dat}}}}\n", Path("jobs/b")
    )
    first = job("a", more="command: ['Ref::date']\nparameters: {date: today}\n")
    assert said(first, taking) == [
        "jobs/b/job.yaml:8: triggers[0].after.take.day is the unknown parameter dat of a; a has date; "
        "did you mean date?"
    ]


def test_results_are_asked_of_a_job_that_has_them() -> None:
    asking = parse_job(f"{HEAD}command: ['Ref::after_results']\ntriggers:\n  - after: {{job: a}}\n", Path("jobs/b"))
    assert said(job("a", more="results: {}\n"), asking) == []
    assert said(job("a"), asking) == [
        "jobs/b/job.yaml:8: triggers[0].after.job is a, which has no results, and the command asks for "
        "Ref::after_results; a job with results leaves a manifest for the next; add results: to a, or leave "
        "Ref::after_results out"
    ]


@pytest.mark.parametrize(
    ("jobs", "chain"),
    [
        ([("a", "a")], "a after a"),
        ([("a", "b"), ("b", "a")], "a after b after a"),
        ([("a", "c"), ("b", "a"), ("c", "b"), ("d", "c")], "a after c after b after a"),
    ],
)
def test_a_cycle_is_one_problem_with_its_way(jobs: list[tuple[str, str]], chain: str) -> None:
    (problem,) = said(*(job(name, other) for name, other in jobs))
    assert f"({chain}); a chain of jobs has an end; remove one of these triggers" in problem


NAMES = [f"j{number}" for number in range(6)]


@settings(max_examples=60, deadline=None)
@given(graph=st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=2, unique=True)))
def test_there_is_a_problem_exactly_when_there_is_a_cycle(graph: Mapping[str, list[str]]) -> None:
    jobs = [job(name, *graph.get(name, [])) for name in NAMES]
    left = {name: set(graph.get(name, [])) for name in NAMES}
    while ends := [name for name, waits_for in left.items() if not waits_for]:
        left = {name: waits_for - set(ends) for name, waits_for in left.items() if name not in ends}
    assert bool(said(*jobs)) is bool(left)
