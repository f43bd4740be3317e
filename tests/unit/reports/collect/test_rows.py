"""Rows of any order, any number of copies and any damage → the same attempts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.collect.rows import Collected, RowReader
from reports.model.attempt import NOT_IN_LEDGER
from reports.model.tables import ATTEMPTS
from tests.unit.reports.collect.ledger_rows import CREATED, CREATED_MS, STAGE, attempt_row, line, told, usage_row


def collect(attempts: list[str], usage: list[str] | None = None, owners: dict[str, str] | None = None) -> Collected:
    reader = RowReader(stage=STAGE, owners=owners or {})
    reader.add_attempt_lines(attempts, "attempts/a")
    reader.add_usage_lines(usage or [], "usage/u")
    return reader.collected()


def test_one_row_and_its_usage_are_one_attempt() -> None:
    collected = collect([line(attempt_row())], [line(usage_row())])
    (attempt,) = collected.attempts
    assert (attempt.attempt_id, attempt.job, attempt.queue, attempt.owner, attempt.stage) == (
        "job-1#1",
        "flights",
        "critical",
        "analytics",
        "local",
    )
    assert (attempt.status, attempt.outcome, attempt.exit_code) == ("SUCCEEDED", "succeeded", 0)
    assert (attempt.vcpus, attempt.memory_mib, attempt.peak_memory_mib, attempt.cpu_s) == (1, 1024, 150.25, 1.5)
    assert attempt.items == 12
    assert (attempt.submitted_at, attempt.wait_s, attempt.run_s) == (CREATED, 2, 3)
    assert attempt.parameters == {"bucket": "uploads-1", "key": "flights/2013-01.csv"}
    assert (collected.set_aside, collected.duplicates, collected.usage_without_attempt) == ((), 0, 0)


def test_a_row_of_a_function_is_an_attempt_on_lambda() -> None:
    row = attempt_row(
        "request.1763726400000", platform_capabilities=["LAMBDA"], job_definition="flights", job_queue="lambda"
    )
    (attempt,) = collect([line(row)]).attempts
    assert (attempt.platform, attempt.job, attempt.queue) == ("lambda", "flights", "lambda")


def test_a_row_of_the_attempts_table_has_its_columns() -> None:
    (attempt,) = collect([line(attempt_row())], [line(usage_row())]).attempts
    row = dict(zip(ATTEMPTS.names, attempt.row(), strict=True))
    assert {name for name, value in row.items() if value is None} == NOT_IN_LEDGER | {"array_index"}
    assert row["submitted_at"] == CREATED.replace(tzinfo=None)
    assert row["day"] == CREATED.date()


def test_an_attempt_without_usage_takes_its_owner_from_the_stage() -> None:
    (attempt,) = collect([line(attempt_row())], owners={"flights": "analytics"}).attempts
    assert (attempt.usage, attempt.peak_memory_mib, attempt.owner) == (None, None, "analytics")


def test_retries_are_an_attempt_each() -> None:
    attempts = [
        told(2, 4, statusReason="Host EC2 (instance i-1) terminated."),
        told(10, 12, exitCode=0, statusReason="Essential container in task exited"),
    ]
    collected = collect([line(attempt_row(attempts=attempts))], [line(usage_row(attempt=2))])
    first, second = collected.attempts
    assert (first.attempt_id, first.status, first.outcome, first.exit_code) == ("job-1#1", "FAILED", "reclaimed", None)
    assert (second.attempt_id, second.status, second.usage is not None) == ("job-1#2", "SUCCEEDED", True)
    # the second one waited from the end of the first, not from the submission
    assert (first.wait_s, second.wait_s) == (2, 6)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        (
            {"attempts": [told(2, 5, exitCode=1)], "status_reason": "Essential container in task exited"},
            "application-error",
        ),
        ({"attempts": [told(2, 5, exitCode=137, reason="OutOfMemoryError: Container killed")]}, "out-of-memory"),
        ({"attempts": [told(2, 5)], "status_reason": "Host EC2 (instance i-0) terminated."}, "reclaimed"),
        ({"attempts": [told(2, 5)], "status_reason": "Your Spot Task was interrupted."}, "reclaimed"),
        (
            {"attempts": [told(2, 5, exitCode=137)], "status_reason": "Job attempt duration exceeded timeout"},
            "timed-out",
        ),
        ({"attempts": [told(2, 5, exitCode=143)], "status_reason": "not needed any more"}, "cancelled"),
        ({"attempts": [], "status_reason": "not needed any more", "exit_code": ""}, "cancelled"),
        ({"attempts": [], "status_reason": "", "exit_code": ""}, "not-started"),
        (
            {
                "attempts": [
                    {"container": {"reason": "CannotPullContainerError: no such image"}, "stoppedAt": CREATED_MS + 1}
                ],
                "status_reason": "Task failed to start",
                "started_at": "",
                "stopped_at": "",
                "exit_code": "",
            },
            "not-started",
        ),
    ],
)
def test_how_an_attempt_ended(changes: dict[str, Any], outcome: str) -> None:
    if changes["attempts"] and "startedAt" not in changes["attempts"][0]:
        row = {**attempt_row(), **changes}
    else:
        row = attempt_row(**{"exit_code": "", **changes})
    (attempt,) = collect([line({**row, "status": "FAILED"})]).attempts
    assert (attempt.status, attempt.outcome) == ("FAILED", outcome)


def test_a_job_that_never_ran_ended_when_its_event_came() -> None:
    row = attempt_row(attempts=[], status="FAILED", status_reason="gone", exit_code="")
    (attempt,) = collect([line(row)]).attempts
    assert (attempt.started_at, attempt.wait_s, attempt.run_s) == (None, None, None)
    assert attempt.stopped_at == CREATED + timedelta(seconds=6)


def test_an_arrays_parent_is_no_attempt_and_its_children_are() -> None:
    parent = attempt_row("parent", attempts=[], array_size=2)
    children = [attempt_row(f"parent:{index}", array_index=index) for index in range(2)]
    usage = [usage_row(f"parent:{index}", array_index=index) for index in range(2)]
    collected = collect([line(row) for row in [parent, *children]], [line(row) for row in usage])
    assert [(one.job_id, one.array_index, one.usage is not None) for one in collected.attempts] == [
        ("parent:0", 0, True),
        ("parent:1", 1, True),
    ]


def test_usage_before_its_attempt_is_kept_for_it() -> None:
    reader = RowReader(stage=STAGE)
    reader.add_usage_lines([line(usage_row())], "usage/u")
    early = reader.collected()
    assert (early.attempts, early.usage_without_attempt) == ((), 1)
    reader.add_attempt_lines([line(attempt_row())], "attempts/a")
    (attempt,) = reader.collected().attempts
    assert attempt.peak_memory_mib == 150.25


def test_two_rows_on_one_line_are_two_rows() -> None:
    collected = collect([line(attempt_row("a")) + line(attempt_row("b"))])
    assert [attempt.job_id for attempt in collected.attempts] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"job_id": "x', "is no JSON"),
        ("[1]", "is a JSON list, a row is an object"),
        (line(attempt_row("")), "has no job_id"),
        (line(attempt_row(status="RUNNING")), "has the status 'RUNNING', not SUCCEEDED or FAILED"),
        (line(attempt_row(created_at="")), "has no created_at"),
        (line(attempt_row(created_at="soon")), "has the created_at 'soon', which is no whole number"),
        (
            line(attempt_row(created_at=1_763_726_400)),
            "has the created_at 1763726400, which is no time in milliseconds",
        ),
        (line(attempt_row(resource_requirements="")), "has resource_requirements without a VCPU and a MEMORY"),
        (line({**attempt_row(), "attempts": "x"}), "has attempts that are no list of objects"),
        (line(attempt_row(parameters=[1])), "has parameters that are no object"),
        (line(attempt_row(job_queue="")), "has no job_definition or no job_queue"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_bad_attempt_line_is_set_aside_with_its_reason(text: str, reason: str) -> None:
    collected = collect([text, "", line(attempt_row("good"))])
    assert [attempt.job_id for attempt in collected.attempts] == ["good"]
    (aside,) = collected.set_aside
    assert (aside.place, aside.reason) == ("attempts/a:1", reason)
    assert text.startswith(aside.text)
    assert len(aside.text) <= 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "other"}, "has the type 'other', not 'usage'"),
        ({"version": 2}, "has version 2; this Batchyard reads version 1"),
        ({"job_id": ""}, "has no job_id, attempt or exit_code"),
        ({"attempt": 0}, "has no job_id, attempt or exit_code"),
        ({"cpu_s": -1}, "has a cpu_s that is no number from 0 on"),
        ({"peak_memory_mib": "much"}, "has a peak_memory_mib that is no number from 0 on"),
        ({"items": -1}, "has items that are no whole number from 0 to 1000000000000"),
        ({"items": 10**12 + 1}, "has items that are no whole number from 0 to 1000000000000"),
        ({"items": "12"}, "has items that are no whole number from 0 to 1000000000000"),
        ({"items": True}, "has items that are no whole number from 0 to 1000000000000"),
    ],
)
def test_a_bad_usage_line_is_set_aside(changes: dict[str, Any], reason: str) -> None:
    collected = collect([line(attempt_row())], [line(usage_row(**changes))])
    assert [aside.reason for aside in collected.set_aside] == [reason]
    assert collected.attempts[0].usage is None


def test_figures_the_probe_could_not_read_stay_unknown() -> None:
    usage = usage_row(
        peak_memory_mib=None, memory_limit_mib=None, cpu_s=None, wall_s=None, cgroup_version=0, items=None
    )
    (attempt,) = collect([line(attempt_row())], [line(usage)]).attempts
    assert attempt.usage is not None
    assert (attempt.peak_memory_mib, attempt.cpu_s, attempt.usage.cgroup_version) == (None, None, 0)
    assert attempt.items is None


LINES = [
    *[("attempts", line(attempt_row(f"job-{number}"))) for number in range(3)],
    # the same job told again by an event that knows less
    ("attempts", line(attempt_row("job-1", attempts=[], status_reason="early", event_id="other"))),
    ("attempts", line(attempt_row("job-2", time="2025-11-21T12:00:09Z", event_id="again"))),
    *[("usage", line(usage_row(f"job-{number}"))) for number in range(3)],
    ("usage", line(usage_row("job-1", ended_at="2025-11-21T12:00:09Z", cpu_s=9))),
    ("usage", line(usage_row("job-9"))),
    ("attempts", "{broken"),
]


@given(order=st.lists(st.sampled_from(range(len(LINES))), min_size=len(LINES), max_size=40), pieces=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_any_order_and_any_copies_give_the_same_attempts(order: list[int], pieces: int) -> None:
    expected = RowReader(stage=STAGE)
    for kind, text in LINES:
        (expected.add_attempt_lines if kind == "attempts" else expected.add_usage_lines)([text], "x")
    reader = RowReader(stage=STAGE)
    # every line at least once, in the drawn order, in objects of a drawn size
    drawn = [LINES[index] for index in [*order, *range(len(LINES))]]
    for begin in range(0, len(drawn), pieces):
        for kind, text in drawn[begin : begin + pieces]:
            (reader.add_attempt_lines if kind == "attempts" else reader.add_usage_lines)([text], "x")
        reader.collected()
    assert reader.collected().attempts == expected.collected().attempts
    assert len(reader.collected().set_aside) == 1
    assert reader.collected().usage_without_attempt == 1
