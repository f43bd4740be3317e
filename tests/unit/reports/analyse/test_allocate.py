"""The allocation on made-up worlds whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reports.analyse.allocate import Allocated, allocate
from reports.analyse.engine import query
from reports.model.tables import ATTEMPTS, BILL_LINES, INSTANCES
from tests.worlds.world import Made, World, make

NOW = datetime(2026, 12, 1, tzinfo=UTC).replace(tzinfo=None)  # tables hold UTC without a zone
WORLDS = {
    "plain": World(seed=1, days=3, instances=30),
    "swinging spot prices": World(seed=2, days=3, instances=40, spot_price_swing=0.3),
    "tag gaps": World(seed=3, days=3, instances=30, untagged_fraction=0.3),
    "savings plan": World(seed=4, days=3, instances=30, savings_plan_fraction=0.5),
    "many reclaims": World(seed=5, days=3, instances=40, reclaim_fraction=0.6),
    "credits": World(seed=6, days=3, instances=30, credit_nano=5_000_000_000),
    "short runs": World(seed=7, days=3, instances=12, mean_run_s=60),
    "runs over many hours": World(seed=8, days=5, instances=60, mean_run_s=20_000, jobs=3),
    "mostly idle": World(seed=9, days=3, instances=40, idle_fraction=0.8),
    "mostly Fargate": World(seed=10, days=3, instances=5, fargate_attempts=2_000),
    "mostly Lambda": World(seed=11, days=3, instances=5, fargate_attempts=20, lambda_attempts=2_000),
}


def _connection(made: Made) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for table, frame in ((ATTEMPTS, made.attempts), (INSTANCES, made.instances), (BILL_LINES, made.bill_lines)):
        connection.execute(table.duckdb_ddl())
        if len(frame):
            connection.register("frame", frame)
            connection.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM frame")
            connection.unregister("frame")
    return connection


def _allocated(made: Made) -> tuple[Allocated, duckdb.DuckDBPyConnection]:
    connection = _connection(made)
    return allocate(connection, now=NOW), connection


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())
def test_each_jobs_cost_is_within_one_percent_of_the_truth(world: World) -> None:
    made = make(world)
    _, connection = _allocated(made)
    got = dict(
        connection.execute(
            "SELECT job, CAST(sum(cost_nano) AS DOUBLE) FROM allocations WHERE category = 'job' GROUP BY job"
        ).fetchall()
    )
    truth = made.truth.groupby(made.attempts["job"]).sum()
    assert set(got) == set(truth.index)
    for job, nano_dollars in truth.items():
        assert got[job] == pytest.approx(nano_dollars, rel=0.01), job


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())
def test_the_parts_add_up_to_the_bill_and_less_than_half_a_percent_is_unexplained(world: World) -> None:
    made = make(world)
    allocated, _ = _allocated(made)
    usage = made.bill_lines[made.bill_lines["record_type"] == "usage"]
    assert sum(allocated.by_category.values()) == allocated.bill_nano == int(usage["cost_nano"].sum())
    assert 0 <= allocated.unexplained_nano <= allocated.bill_nano * 0.005


def test_what_runs_on_somebody_elses_instances_takes_nobodys_money() -> None:
    """Instances of an unmanaged environment, of the same types at the same hours, aren't on the stage's bill."""
    made = make(World(seed=12, days=2, instances=8))
    unmanaged = {"environment": "theirs", "purchase": "unmanaged"}
    instances = made.instances.assign(instance_id="theirs-" + made.instances["instance_id"], **unmanaged)
    attempts = made.attempts[made.attempts["platform"] == "ec2"]
    attempts = attempts.assign(
        attempt_id="theirs-" + attempts["attempt_id"], instance_id="theirs-" + attempts["instance_id"], **unmanaged
    )
    both = replace(
        made,
        instances=pd.concat([made.instances, instances], ignore_index=True),
        attempts=pd.concat([made.attempts, attempts], ignore_index=True),
    )
    plain, _ = _allocated(made)
    beside, _ = _allocated(both)
    assert beside.by_category == plain.by_category
    assert beside.attempts_without_cost == plain.attempts_without_cost + len(attempts)


def test_an_instance_that_moved_to_another_environment_is_one_machine() -> None:
    """It is in both until the first lets go of it; an attempt is that environment's which it ran in."""
    begin = NOW.replace(month=11, day=3, hour=10)
    half = timedelta(minutes=30)
    runs = [(begin, begin + half, 1.0), (begin + half, begin + 2 * half, 1.0)]
    connection = _one_hour(runs, cost_nano=1_000_000_000, begin=begin)
    connection.execute("UPDATE instances SET environment = 'first', ended_at = ended_at - INTERVAL 20 MINUTE")
    connection.execute(
        "INSERT INTO instances SELECT * REPLACE ('second' AS environment, "
        "started_at + INTERVAL 30 MINUTE AS started_at, started_at + INTERVAL 1 HOUR AS ended_at) FROM instances"
    )
    connection.execute("UPDATE attempts SET environment = CASE attempt_id WHEN '0000#1' THEN 'first' ELSE 'second' END")
    allocated = allocate(connection, now=NOW)
    assert (allocated.attempts_with_cost, allocated.attempts_without_cost) == (2, 0)
    rows = connection.execute(
        "SELECT attempt_id, environment, cost_nano FROM allocations WHERE category = 'job' ORDER BY attempt_id"
    )
    assert rows.fetchall() == [("0000#1", "first", 500_000_000), ("0001#1", "second", 500_000_000)]
    connection.execute(query("run_cube"))
    counted = connection.execute("SELECT environment, sum(attempts) FROM run_cube GROUP BY ALL ORDER BY ALL")
    assert counted.fetchall() == [("first", 1), ("second", 1)]


def test_an_attempt_in_the_second_its_instance_ended_in_ran_on_it() -> None:
    """ECS tells of an instance's end in whole seconds, and the local stage ends one right after its last attempt."""
    begin = NOW.replace(month=11, day=3, hour=10)
    made = make(World(seed=16, days=2, instances=4, fargate_attempts=2))
    instance = {**made.instances.iloc[0].to_dict(), "instance_id": "i-1", "purchase": "on-demand"}
    instance |= {"instance_type": "m6i.large", "started_at": begin, "ended_at": begin + timedelta(seconds=60)}
    attempts = []
    for n, (since, until) in enumerate(((60.1, 60.8), (61.2, 61.9))):
        attempt = {**made.attempts.iloc[n].to_dict(), "platform": "ec2", "purchase": "on-demand", "instance_id": "i-1"}
        started = begin + timedelta(seconds=since)
        stopped = begin + timedelta(seconds=until)
        attempts.append(attempt | {"started_at": started, "pull_started_at": started, "stopped_at": stopped})
    line = {**made.bill_lines.iloc[0].to_dict(), "day": begin.date(), "kind": "ec2", "purchase": "on-demand"}
    line |= {"instance_type": "m6i.large", "quantity": "0.0169444444", "cost_nano": 1_626_666}

    def allocated(count: int) -> Allocated:
        told = {"attempts": pd.DataFrame(attempts[:count]), "instances": pd.DataFrame([instance])}
        return _allocated(Made(**told, bill_lines=pd.DataFrame([line]), truth=made.truth[:count]))[0]

    within = allocated(1)
    assert (within.attempts_with_cost, within.attempts_without_cost) == (1, 0)
    assert within.by_category["job"] == pytest.approx(1_626_666 * 0.7 / 61, rel=0.01)
    # a second later it is another machine's time, or another clock's
    assert allocated(2).attempts_without_cost == 2


def test_a_credit_is_no_usage_and_changes_no_jobs_cost() -> None:
    plain, _ = _allocated(make(World(seed=11, days=2, instances=8)))
    credited, _ = _allocated(make(World(seed=11, days=2, instances=8, credit_nano=7_000_000_000)))
    assert credited == plain


def test_an_empty_week_has_nothing_to_allocate() -> None:
    made = make(World(seed=12, days=2, instances=4))
    empty = Made(
        attempts=made.attempts[:0], instances=made.instances[:0], bill_lines=made.bill_lines[:0], truth=made.truth[:0]
    )
    allocated, _ = _allocated(empty)
    assert allocated == Allocated(bill_nano=0, by_category={}, attempts_with_cost=0, attempts_without_cost=0)


def test_a_bill_without_a_ledger_is_unexplained_but_for_what_its_lines_say_themselves() -> None:
    made = make(World(seed=13, days=2, instances=6))
    allocated, _ = _allocated(
        Made(attempts=made.attempts[:0], instances=made.instances[:0], bill_lines=made.bill_lines, truth=made.truth[:0])
    )
    assert set(allocated.by_category) == {"storage", "logs", "unexplained"}
    assert sum(allocated.by_category.values()) == allocated.bill_nano


def test_attempts_of_days_the_bill_lacks_have_no_cost_and_are_counted() -> None:
    made = make(World(seed=14, days=2, instances=6))
    allocated, _ = _allocated(
        Made(attempts=made.attempts, instances=made.instances, bill_lines=made.bill_lines[:0], truth=made.truth)
    )
    assert allocated.attempts_with_cost == 0
    assert allocated.attempts_without_cost == len(made.attempts)


def test_an_instance_with_one_attempt_all_its_hour_gives_it_the_whole_hour() -> None:
    begin = NOW.replace(month=11, day=3, hour=10)
    end = begin.replace(hour=11)
    made = make(World(seed=15, days=2, instances=4, fargate_attempts=1))
    attempt = {**made.attempts.iloc[0].to_dict(), "platform": "ec2", "purchase": "spot", "instance_id": "i-1"}
    attempt |= {"started_at": begin, "pull_started_at": begin, "stopped_at": end}
    instance = {
        **made.instances.iloc[0].to_dict(),
        "instance_id": "i-1",
        "instance_type": "m6i.large",
        "purchase": "spot",
    }
    instance |= {"started_at": begin, "ended_at": end}
    line = {**made.bill_lines.iloc[0].to_dict(), "day": begin.date(), "kind": "ec2", "purchase": "spot"}
    line |= {"instance_type": "m6i.large", "quantity": "1", "cost_nano": 36_480_000}
    allocated, _ = _allocated(
        Made(
            attempts=pd.DataFrame([attempt]),
            instances=pd.DataFrame([instance]),
            bill_lines=pd.DataFrame([line]),
            truth=pd.Series([36_480_000.0]),
        )
    )
    assert allocated.by_category == {"job": 36_480_000}


def _one_hour(
    runs: list[tuple[datetime, datetime, float]], *, cost_nano: int, begin: datetime, hours: int = 1
) -> duckdb.DuckDBPyConnection:
    """One spot instance from `begin` on, with a bill on its first day; a run is from, to and vCPUs, with a GiB."""
    made = make(World(seed=16, days=2, instances=4, fargate_attempts=1))
    whole = {"platform": "ec2", "purchase": "spot", "instance_id": "i-1", "memory_mib": 1024}
    attempts = [
        {**made.attempts.iloc[0].to_dict(), **whole, "attempt_id": f"{n:04}#1", "job_id": f"{n:04}", "day": to.date()}
        | {"started_at": at, "pull_started_at": at, "stopped_at": to, "vcpus": vcpus}
        for n, (at, to, vcpus) in enumerate(runs)
    ]
    instance = {**made.instances.iloc[0].to_dict(), "instance_id": "i-1", "instance_type": "m6i.large"}
    instance |= {"purchase": "spot", "started_at": begin, "ended_at": begin + timedelta(hours=hours)}
    line = {**made.bill_lines.iloc[0].to_dict(), "day": begin.date(), "kind": "ec2", "purchase": "spot"}
    line |= {"instance_type": "m6i.large", "quantity": str(hours), "cost_nano": cost_nano}
    return _connection(
        Made(
            attempts=pd.DataFrame(attempts),
            instances=pd.DataFrame([instance]),
            bill_lines=pd.DataFrame([line]),
            truth=pd.Series([0.0] * len(runs)),
        )
    )


@settings(max_examples=25, deadline=None)
@given(
    cost_nano=st.integers(10**15, 4 * 10**15),
    runs=st.lists(st.tuples(st.integers(1, 3_600_000_000), st.integers(1, 192)), min_size=2, max_size=4),
)
@example(cost_nano=2008605995280054, runs=[(1627701205, 116), (2648959733, 165)])  # doubles are one off, both ways
def test_a_share_is_the_exact_floor_however_large(cost_nano: int, runs: list[tuple[int, int]]) -> None:
    begin = NOW.replace(month=11, day=3, hour=10)
    connection = _one_hour(
        [(begin, begin + timedelta(microseconds=us), float(vcpus)) for us, vcpus in runs],
        cost_nano=cost_nano,
        begin=begin,
    )
    allocate(connection, now=NOW)
    weights = [(9 * vcpus + 1) * 1024 * us for us, vcpus in runs]
    busy_nano = cost_nano * max(us for us, _ in runs) // 3_600_000_000
    rows = connection.execute("SELECT cost_nano FROM allocations WHERE category = 'job' ORDER BY attempt_id").fetchall()
    assert [row[0] for row in rows] == [busy_nano * weight // sum(weights) for weight in weights]


def _over_midnight(*, billed_days: int) -> tuple[Allocated, duckdb.DuckDBPyConnection]:
    """Two attempts over midnight and one that ended before, on an instance that the bill tells of for so many days."""
    begin = NOW.replace(month=11, day=3, hour=21)
    over = (begin + timedelta(hours=1), begin + timedelta(hours=5), 1.0)
    before = (begin, begin + timedelta(minutes=90), 1.0)
    connection = _one_hour([over, before, over], cost_nano=6_000_000_000, begin=begin, hours=6)
    if billed_days == 2:
        connection.execute("INSERT INTO bill_lines SELECT * REPLACE (day + 1 AS day) FROM bill_lines")
    return allocate(connection, now=NOW), connection


def test_an_attempt_over_midnight_has_a_row_a_day_and_counts_once() -> None:
    allocated, connection = _over_midnight(billed_days=2)
    assert (allocated.attempts_with_cost, allocated.attempts_without_cost) == (3, 0)
    rows = connection.execute("SELECT attempt_id, count(*) FROM allocations WHERE category = 'job' GROUP BY ALL")
    assert sorted(rows.fetchall()) == [("0000#1", 2), ("0001#1", 1), ("0002#1", 2)]
    assert sum(allocated.by_category.values()) == 12_000_000_000


def test_an_attempt_whose_end_no_bill_tells_of_is_not_reached_by_it() -> None:
    allocated, connection = _over_midnight(billed_days=1)
    assert (allocated.attempts_with_cost, allocated.attempts_without_cost) == (1, 2)
    # what ran on the first day has its cost all the same
    rows = connection.execute("SELECT attempt_id, count(*) FROM allocations WHERE category = 'job' GROUP BY ALL")
    assert sorted(rows.fetchall()) == [("0000#1", 1), ("0001#1", 1), ("0002#1", 1)]
    assert sum(allocated.by_category.values()) == 6_000_000_000


@pytest.mark.parametrize(
    ("platform", "begin_s", "ran_s"),
    [("ec2", 23.5 * 3600, 1800), ("fargate", 23.5 * 3600, 1800), ("fargate", 86_390, 4), ("fargate", 86_390, 10)],
    ids=["ec2 until midnight", "fargate until midnight", "a minute's rest after midnight", "no time after midnight"],
)
def test_an_attempt_that_stopped_before_midnight_needs_no_bill_of_the_next_day(
    platform: str, begin_s: float, ran_s: float
) -> None:
    midnight = NOW.replace(month=11, day=3)
    at, to = midnight + timedelta(seconds=begin_s), midnight + timedelta(seconds=begin_s + ran_s)
    connection = _one_hour([(at, to, 1.0)], cost_nano=1_000_000_000, begin=midnight + timedelta(hours=23))
    if platform == "fargate":
        connection.execute("UPDATE attempts SET platform = 'fargate', instance_id = NULL")
        connection.execute("UPDATE bill_lines SET kind = 'fargate-vcpu', instance_type = ''")
    allocated = allocate(connection, now=NOW)
    assert (allocated.attempts_with_cost, allocated.attempts_without_cost) == (1, 0)
    # counted on the day it ended on, be that the next one
    told = connection.execute("SELECT ended_on, sum(attempts) FROM attempt_sums WHERE attempts > 0 GROUP BY ALL")
    assert told.fetchall() == [(to.date(), 1)]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    grouping=st.lists(
        st.sampled_from(["day", "category", "job", "owner", "stage", "queue", "environment", "platform", "purchase"]),
        unique=True,
    ),
)
def test_dollars_neither_appear_nor_vanish_under_any_grouping(seed: int, grouping: list[str]) -> None:
    made = make(World(seed=seed, days=2, instances=5, fargate_attempts=20))
    allocated, connection = _allocated(made)
    groups = connection.execute(
        f"SELECT {', '.join([*grouping, 'sum(cost_nano)'])} FROM allocations GROUP BY ALL"
    ).fetchall()
    assert sum(int(group[-1]) for group in groups) == allocated.bill_nano
