"""What a result costs: successes, failures, retries, an array's children; and how long queues made them wait."""

from __future__ import annotations

import pandas as pd
import pytest

from reports.model.report import Report
from tests.unit.reports.analyse.test_summary import WEEK, report_of
from tests.worlds.world import Made, World, make


@pytest.fixture(scope="module")
def made() -> Made:
    """job-0 is an array of which every other child failed once; the rest is as it comes.

    Runs of job-1 tell their items, the failed ones too; of job-2 all but one of the week's successful ones do.
    """
    plain = make(World(seed=41, days=14, instances=12, fargate_attempts=40))
    attempts = plain.attempts.copy()
    children = attempts.index[attempts["job"] == "job-0"]
    pairs = [(children[n], children[n + 1]) for n in range(0, len(children) - 1, 2)]
    attempts["array_index"] = attempts["array_index"].astype("Int64")
    for index, (first, second) in enumerate(pairs):
        attempts.loc[[first, second], "array_index"] = index
        attempts.loc[[first, second], "job_id"] = f"parent:{index}"
        attempts.loc[first, "outcome"] = "application-error"
        attempts.loc[second, "outcome"] = "succeeded"
        attempts.loc[second, "attempt"] = 2
    attempts["items"] = attempts["items"].astype("Int64")
    attempts.loc[attempts["job"].isin(["job-1", "job-2"]), "items"] = 7
    week = (attempts["day"] >= WEEK.since) & (attempts["day"] < WEEK.until) & (attempts["outcome"] == "succeeded")
    attempts.loc[attempts.index[week & (attempts["job"] == "job-2")][0], "items"] = pd.NA
    attempts["attempt_id"] = attempts["job_id"] + "#" + attempts["attempt"].astype(str)
    return Made(attempts=attempts, instances=plain.instances, bill_lines=plain.bill_lines, truth=plain.truth)


@pytest.fixture(scope="module")
def report(made: Made) -> Report:
    return report_of(made)


def in_week(made: Made, job: str) -> pd.DataFrame:
    attempts = made.attempts
    return attempts[(attempts["job"] == job) & (attempts["day"] >= WEEK.since) & (attempts["day"] < WEEK.until)]


def known(nano: int | None) -> int:
    assert nano is not None
    return nano


def test_successes_and_failures_are_the_whole_cost(report: Report) -> None:
    assert report.units
    groups = {group.key: group for group in report.breakdowns["job"]}
    for unit in report.units:
        group = groups[unit.job]
        assert known(unit.success_nano) + known(unit.failed_nano) == unit.cost_nano == group.cost_nano
        assert (unit.failed_nano, unit.retried_nano) == (group.failed_nano, group.retried_nano)
        assert known(unit.retried_nano) <= known(unit.failed_nano)
        assert (unit.succeeded, unit.per_success_nano) == (group.succeeded, group.per_success_nano)


def test_a_childs_price_holds_the_attempts_that_failed_before_it(made: Made, report: Report) -> None:
    (array,) = [unit for unit in report.units if unit.job == "job-0"]
    attempts = in_week(made, "job-0")
    later = made.attempts[made.attempts["attempt"] == 2]["job_id"]
    last = attempts[(attempts["attempt"] == 2) | ~attempts["job_id"].isin(later)]
    assert array.children == last["array_index"].notna().sum() > 10
    assert known(array.retried_nano) > 0
    assert array.per_child_nano == pytest.approx(known(array.cost_nano) / array.children, rel=0.05)


def test_a_job_that_is_no_array_has_no_price_of_a_child(report: Report) -> None:
    assert {(unit.children, unit.per_child_nano) for unit in report.units if unit.job != "job-0"} == {(0, None)}


def test_an_item_pays_for_the_failed_attempts_too(made: Made, report: Report) -> None:
    (unit,) = [unit for unit in report.units if unit.job == "job-1"]
    attempts = in_week(made, "job-1")
    assert known(unit.failed_nano) > 0
    assert unit.told_items == unit.succeeded == (attempts["outcome"] == "succeeded").sum() < len(attempts)
    assert unit.items == 7 * unit.succeeded
    assert unit.per_item_nano == known(unit.cost_nano) / unit.items


def test_an_item_has_no_price_where_a_successful_run_told_none(report: Report) -> None:
    (unit,) = [unit for unit in report.units if unit.job == "job-2"]
    assert (unit.told_items, unit.items, unit.per_item_nano) == (unit.succeeded - 1, 7 * (unit.succeeded - 1), None)
    others = [unit for unit in report.units if unit.job not in ("job-1", "job-2")]
    assert others
    assert {(unit.told_items, unit.items, unit.per_item_nano) for unit in others} == {(0, 0, None)}


def test_a_job_that_handled_no_item_at_all_has_no_price_of_one(made: Made) -> None:
    attempts = made.attempts.copy()
    attempts.loc[attempts["job"] == "job-1", "items"] = 0
    report = report_of(Made(attempts=attempts, instances=made.instances, bill_lines=made.bill_lines, truth=made.truth))
    (unit,) = [unit for unit in report.units if unit.job == "job-1"]
    assert (unit.told_items, unit.items, unit.per_item_nano) == (unit.succeeded, 0, None)


def test_what_every_failed_attempt_cost_is_wasted_under_one_reason(made: Made) -> None:
    attempts = made.attempts.copy()
    some = attempts.index[attempts["outcome"] == "application-error"]
    attempts.loc[some[::2], "outcome"] = "cancelled"
    attempts.loc[some[1::4], "outcome"] = "timed-out"
    attempts.loc[some[3::8], "outcome"] = "not-started"
    report = report_of(Made(attempts=attempts, instances=made.instances, bill_lines=made.bill_lines, truth=made.truth))
    reasons = {waste.reason: waste.cost_nano for waste in report.waste}
    assert {"application error", "cancelled", "timed out", "not started", "out of memory"} <= reasons.keys()
    failed = sum(cost for reason, cost in reasons.items() if reason not in ("idle", "unused memory", "unused cpu"))
    assert failed == sum(group.failed_nano or 0 for group in report.breakdowns["job"])


def test_each_queue_tells_how_long_first_attempts_waited(made: Made, report: Report) -> None:
    assert [queue.queue for queue in report.queues] == ["serverless", "standard"]
    attempts = made.attempts
    week = attempts[(attempts["day"] >= WEEK.since) & (attempts["day"] < WEEK.until) & (attempts["attempt"] == 1)]
    for queue in report.queues:
        first = week[week["queue"] == queue.queue]
        waits = (first["started_at"] - first["submitted_at"]).dt.total_seconds()
        assert queue.attempts == len(first)
        assert queue.wait_p50_s == pytest.approx(waits.quantile(0.5))
        assert queue.wait_p95_s == pytest.approx(waits.quantile(0.95))


def test_what_changed_adds_up_to_one_line(report: Report) -> None:
    assert report.change_total is not None
    for name in ("difference_nano", "price_nano", "volume_nano", "efficiency_nano"):
        assert getattr(report.change_total, name) == sum(getattr(change, name) for change in report.changes)
