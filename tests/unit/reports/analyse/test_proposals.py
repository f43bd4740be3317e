"""The memory rule: what it proposes, and when it says nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.analyse.proposals import JobHistory, MemoryRule, Runs, propose_memory, sold_memory
from reports.model.report import NoProposal, Proposal

BEGIN = datetime(2026, 11, 2, tzinfo=UTC)
RULE = MemoryRule()
GRID = {0.25: (512, 1024, 2048), 1.0: tuple(range(2048, 8193, 1024))}


def _sold(platform: str, vcpus: float, needed_mib: int) -> int | None:
    return sold_memory(platform, vcpus, needed_mib, grid=GRID, step_mib=RULE.step_mib)


def _run(peak: float | None = 300.0, n: int = 0, **changed: Any) -> Runs:
    """An attempt that nothing else is like."""
    facts: dict[str, Any] = {
        "image": "flights@sha256:1",
        "outcome": "succeeded",
        "memory_mib": 1024,
        "vcpus": 1.0,
        "attempts": 1,
        "measured": 0 if peak is None else 1,
        "peak_memory_mib": peak,
        "cost_nano": 1_000_000,
        "first_ended_at": BEGIN + timedelta(hours=n),
        "last_ended_at": BEGIN + timedelta(hours=n),
    }
    return Runs(**{**facts, **changed})


def _propose(*runs: Runs, **changed: Any) -> Proposal | NoProposal:
    facts: dict[str, Any] = {"job": "flights", "platform": "ec2", "vcpus": 1.0, "memory_mib": 1024, "weeks": 1.0}
    return propose_memory(JobHistory(**{**facts, **changed}, runs=runs), rule=RULE, sold=_sold)


def test_ten_measured_runs_give_the_largest_peak_with_its_margin_rounded_up() -> None:
    proposal = _propose(*(_run(peak=200.0 + n, n=n) for n in range(10)))
    assert isinstance(proposal, Proposal)
    assert (proposal.now, proposal.proposed) == ("1024", "256")  # 209 × 1.15 = 240.4
    # each run weighed 9 · 1024 + 1024, and would weigh 768 less: 7.5 % of ten times a million
    assert proposal.saving_nano_per_week == 750_000
    assert proposal.evidence == "peak 209 MiB over 10 runs of its image, × 1.15"


def test_alike_runs_are_told_as_one_group() -> None:
    each = _propose(*(_run(peak=200.0 + n, n=n) for n in range(10)))
    group = _run(209.0, attempts=10, measured=10, cost_nano=10_000_000, last_ended_at=BEGIN + timedelta(hours=9))
    assert _propose(group) == each


def test_nine_runs_are_too_little_and_the_answer_says_so() -> None:
    answer = _propose(*(_run(n=n) for n in range(9)), _run(peak=None, n=9))
    assert answer == NoProposal(
        job="flights", reason="9 measured runs of its image succeeded, 10 are needed, 1 more had no probe"
    )


def test_runs_that_crashed_are_no_evidence_for_less_memory() -> None:
    crashed = [_run(n=n, outcome="application-error") for n in range(20)]
    answer = _propose(*crashed, *(_run(n=n) for n in range(20, 29)))
    reason = "9 measured runs of its image succeeded, 10 are needed, 20 more didn't succeed"
    assert answer == NoProposal(job="flights", reason=reason)


@pytest.mark.parametrize("outcome", ["application-error", "timed-out", "reclaimed", "cancelled"])
def test_the_peak_of_a_run_that_failed_is_held_too(outcome: str) -> None:
    proposal = _propose(_run(peak=700.0, outcome=outcome), *(_run(peak=200.0, n=n) for n in range(1, 11)))
    assert isinstance(proposal, Proposal)
    assert proposal.proposed == "832"  # 700 × 1.15 = 805
    assert proposal.evidence == "peak 700 MiB over 11 runs of its image, 10 of them successful, × 1.15"


def test_after_an_out_of_memory_more_than_what_was_too_little_and_than_every_peak_is_asked() -> None:
    killed = _run(peak=None, outcome="out-of-memory", memory_mib=2048)
    proposal = _propose(_run(peak=3000.0, memory_mib=4096), killed, memory_mib=1024)
    assert isinstance(proposal, Proposal)
    assert proposal.proposed == "3456"  # 3000 × 1.15 = 3450, past 2048 × 1.5
    proposal = _propose(_run(peak=None, outcome="out-of-memory"), killed, memory_mib=1024)
    assert isinstance(proposal, Proposal)
    assert (proposal.proposed, proposal.evidence) == ("3072", "2 runs were killed for memory at up to 2048 MiB")


def test_runs_of_an_earlier_image_are_no_evidence() -> None:
    answer = _propose(*(_run(n=n, image="flights@sha256:0") for n in range(20)), _run(n=20))
    assert isinstance(answer, NoProposal)
    assert answer.reason.startswith("1 measured runs")


def test_an_out_of_memory_raises_at_once() -> None:
    proposal = _propose(_run(peak=None, outcome="out-of-memory"))
    assert isinstance(proposal, Proposal)
    assert (proposal.proposed, proposal.saving_nano_per_week) == ("1536", None)
    assert proposal.evidence == "1 run was killed for memory at 1024 MiB"


def test_memory_that_was_once_too_little_is_never_proposed_again() -> None:
    killed = _run(peak=None, n=0, outcome="out-of-memory", memory_mib=512)
    proposal = _propose(killed, *(_run(peak=100.0, n=n) for n in range(1, 12)))
    assert isinstance(proposal, Proposal)
    assert int(proposal.proposed) > 512


def test_a_job_that_fits_is_left_alone() -> None:
    answer = _propose(*(_run(peak=880.0, n=n) for n in range(10)))
    assert answer == NoProposal(job="flights", reason="1024 MiB fits: its peak was 880 MiB")


def test_fargate_is_rounded_to_a_size_of_its_row_or_refused() -> None:
    runs = [_run(peak=700.0, n=n, vcpus=0.25, memory_mib=2048) for n in range(10)]
    proposal = _propose(*runs, platform="fargate", vcpus=0.25, memory_mib=2048)
    assert isinstance(proposal, Proposal)
    assert proposal.proposed == "1024"
    answer = _propose(*(_run(peak=2000.0, n=n) for n in range(10)), platform="fargate", vcpus=0.25, memory_mib=2048)
    assert answer == NoProposal(job="flights", reason="2300 MiB with 0.25 vCPUs is not sold")


def test_a_job_without_runs_or_without_a_bill_says_so() -> None:
    assert _propose() == NoProposal(job="flights", reason="no finished run in the weeks looked at")
    unpriced = _propose(*(_run(n=n, cost_nano=None) for n in range(10)))
    assert isinstance(unpriced, Proposal)
    assert unpriced.saving_nano_per_week is None


@given(
    peaks=st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(1, 60_000)),
            st.sampled_from(["succeeded", "application-error", "out-of-memory", "timed-out"]),
        ),
        max_size=25,
    ),
    asked=st.integers(128, 65_536),
    platform=st.sampled_from(["ec2", "fargate"]),
)
def test_whatever_is_proposed_holds_every_peak_that_was_seen(
    peaks: list[tuple[float | None, str]], asked: int, platform: str
) -> None:
    runs = [_run(peak=peak, n=n, outcome=outcome) for n, (peak, outcome) in enumerate(peaks)]
    answer = _propose(*runs, memory_mib=asked, platform=platform)
    if isinstance(answer, Proposal):
        assert int(answer.proposed) >= max((peak or 0 for peak, _ in peaks), default=0) * RULE.margin


def test_a_function_is_never_made_smaller_for_its_memory_brings_its_processor() -> None:
    answer = _propose(*(_run(peak=200.0, n=n) for n in range(10)), platform="lambda")
    assert isinstance(answer, NoProposal)
    assert answer.reason == "on Lambda less memory is less processor too"


def test_a_function_killed_for_memory_is_given_more_up_to_what_lambda_has() -> None:
    raised = _propose(*(_run(None, n, outcome="out-of-memory") for n in range(2)), platform="lambda")
    assert isinstance(raised, Proposal)
    assert raised.proposed == "1536"
    most = _propose(_run(None, outcome="out-of-memory", memory_mib=10_240), platform="lambda", memory_mib=10_240)
    assert isinstance(most, NoProposal)
