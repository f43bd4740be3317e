"""Rows of `ecs/`: instances' lives and their sizes, image pulls of attempts, in any order and any number."""

from __future__ import annotations

import json
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.collect.compaction import compact
from reports.collect.instances import Environment
from reports.collect.load import Loaded, Source, load
from tests.unit.reports.collect.ledger_rows import (
    CLUSTER,
    STAGE,
    attempt_row,
    instance_row,
    line,
    task_arn,
    task_row,
    told,
)

DAY = "2025-11-21"
CLUSTERS = {CLUSTER: Environment(name="spot", purchase="spot")}


def put(folder: Path, key: str, *lines: str) -> None:
    path = folder / "raw" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def at(time: str) -> datetime:
    """As DuckDB gives it: UTC, without a zone."""
    return datetime.fromisoformat(f"{DAY}T{time}")


def a_source(folder: Path, *, clusters: dict[str, Environment] = CLUSTERS) -> Source:
    return Source(stage=STAGE, raw=folder / "raw", compacted=folder / "compacted", clusters=clusters)


def read(source: Source) -> tuple[Loaded, list[dict[str, Any]], list[dict[str, Any]]]:
    """What was found, attempts, instances."""
    connection = duckdb.connect()
    got = load(connection, source, since=None, until=None)
    attempts = rows_of(connection, "SELECT * FROM attempts ORDER BY attempt_id")
    return got, attempts, rows_of(connection, "SELECT * FROM instances ORDER BY ALL")


def rows_of(connection: duckdb.DuckDBPyConnection, text: str) -> list[dict[str, Any]]:
    cursor = connection.execute(text)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def an_attempt(job_id: str, **changes: Any) -> str:
    return line(attempt_row(job_id, attempts=[told(2, 5, exitCode=0, taskArn=task_arn(job_id))], **changes))


def test_an_attempts_pull_began_when_its_task_says(tmp_path: Path) -> None:
    put(tmp_path, f"attempts/day={DAY}/a", an_attempt("x"), an_attempt("never"))
    put(tmp_path, f"ecs/day={DAY}/e", line(task_row("x")), line(task_row("x")), line(task_row("else")))
    got, (never, x), instances = read(a_source(tmp_path))
    assert x["pull_started_at"] == at("12:00:01")
    assert (x["environment"], x["purchase"]) == ("spot", "spot"), "by the task's cluster"
    assert never["pull_started_at"] is None
    assert (got.duplicates, got.tasks_without_attempt, got.pulls_not_believed, instances) == (1, 1, 0, [])


@pytest.mark.parametrize("compacted_first", [None, "attempts", "ecs", "both"])
def test_a_task_may_come_before_its_attempt_or_long_after(tmp_path: Path, compacted_first: str | None) -> None:
    source = a_source(tmp_path)
    rows = {
        "attempts": (f"attempts/day={DAY}/a", an_attempt("x")),
        "ecs": ("ecs/day=2025-12-24/e", line(task_row("x"))),
    }
    for kind in sorted(rows, key=lambda kind: kind != compacted_first):
        put(tmp_path, *rows[kind])
        if compacted_first is not None:
            compact(source)
    for _ in range(2):
        got, (x,), _ = read(source)
        assert x["pull_started_at"] == at("12:00:01")
        assert (x["environment"], got.tasks_without_attempt, got.duplicates) == ("spot", 0, 0)
        compact(source)


@pytest.mark.parametrize(
    ("pull", "believed"),
    [
        ("2025-11-21T12:00:02Z", True),
        ("2025-11-21T12:00:02.001Z", False),
        ("2025-11-21T11:00:00Z", True),
        ("2025-11-21T10:59:59.999Z", False),
        ("", None),
    ],
)
def test_a_pull_after_the_start_or_long_before_the_submission_is_not_believed(
    tmp_path: Path, pull: str, believed: bool | None
) -> None:
    source = a_source(tmp_path)
    put(tmp_path, f"attempts/day={DAY}/a", an_attempt("x"))
    put(tmp_path, f"ecs/day={DAY}/e", line(task_row("x", pull_started_at=pull)))
    for _ in range(2):
        got, (x,), _ = read(source)
        assert (x["pull_started_at"] is not None, got.pulls_not_believed) == (believed is True, believed is False)
        assert x["environment"] == "spot"
        compact(source)


def test_a_pull_that_one_event_belies_is_believed_with_the_next(tmp_path: Path) -> None:
    source = a_source(tmp_path)
    early = attempt_row("x", attempts=[told(2, 5, taskArn=task_arn("x"))], event_id="1")
    late = attempt_row("x", attempts=[told(8, 9, taskArn=task_arn("x"))], event_id="2")
    put(tmp_path, f"attempts/day={DAY}/a", line(early))
    put(tmp_path, f"ecs/day={DAY}/e", line(task_row("x", pull_started_at="2025-11-21T12:00:07Z")))
    compact(source)
    assert read(source)[0].pulls_not_believed == 1
    put(tmp_path, f"attempts/day={DAY}/b", line(late))
    for _ in range(2):
        got, (x,), _ = read(source)
        assert (x["pull_started_at"], got.pulls_not_believed) == (at("12:00:07"), 0)
        compact(source)


def test_an_environment_made_known_later_reaches_attempts_compacted_before(tmp_path: Path) -> None:
    put(tmp_path, f"attempts/day={DAY}/a", an_attempt("x", platform_capabilities=["FARGATE"]))
    put(tmp_path, f"ecs/day={DAY}/e", line(task_row("x")))
    unknown = a_source(tmp_path, clusters={})
    compact(unknown)
    (x,) = read(unknown)[1]
    assert (x["environment"], x["purchase"]) == (None, None)
    (x,) = read(a_source(tmp_path))[1]
    assert (x["environment"], x["purchase"]) == ("spot", "spot")


def test_an_instance_says_its_size_and_type_and_a_bad_line_beside_it_is_set_aside(tmp_path: Path) -> None:
    put(
        tmp_path,
        f"ecs/day={DAY}/e",
        line(instance_row("i-1")),
        line(instance_row("i-1", status="INACTIVE", time="2025-11-21T13:00:00Z", attributes=[])),
        line(instance_row("i-2", attributes=[{"name": "ecs.capability.x"}])),
    )
    bad = {
        "no time": instance_row("i-3", time="soon"),
        "no ARN": instance_row("i-3", container_instance_arn=""),
        "no list": instance_row("i-3", registered_resources="CPU"),
        "no number": instance_row("i-3", registered_resources=[{"name": "CPU", "integerValue": "two"}]),
        "a fraction": instance_row("i-3", registered_resources=[{"name": "CPU", "integerValue": 2.5}]),
        "no task": task_row("x", task_arn=""),
        "no kind": instance_row("i-3", detail_type="ECS Deployment State Change"),
    }
    put(tmp_path, f"ecs/day={DAY}/f", *(line(row) for row in bad.values()), line(instance_row("i-4")))
    got, _, instances = read(a_source(tmp_path))
    assert [(one["instance_id"], one["instance_type"], one["vcpus"], one["memory_mib"]) for one in instances] == [
        ("i-1", "m6i.large", 2, 3767),
        ("i-2", "", 2, 3767),
        ("i-4", "m6i.large", 2, 3767),
    ]
    assert (instances[0]["ended_at"], instances[1]["ended_at"]) == (at("13:00:00"), None)
    assert len(got.set_aside) == len(bad)


INSTANCES = st.builds(
    lambda number, changes: {**instance_row(f"i-{number}"), **changes},
    st.integers(0, 2),
    st.sampled_from(
        [
            {},
            {"time": "2025-11-21T12:30:00.25Z", "agent_connected": False},
            {"time": "2025-11-21T12:30:00.25Z", "registered_at": ""},
            {"time": "2025-11-21T12:40:00+00:00", "status": "DEREGISTERING"},
            {"time": "2025-11-22T12:40:00Z", "status": "INACTIVE", "attributes": "", "registered_resources": ""},
            {"registered_at": "2025-11-21T11:59:58.123456Z"},
            {"agent_connected": ""},
            {"agent_connected": "yes"},
            {"attributes": [{"name": "ecs.instance-type", "value": 'a "quoted" é type'}]},
            {"attributes": [{"name": "ecs.instance-type"}, 5, {"value": "x"}]},
            {"attributes": {"name": "ecs.instance-type"}},
            {"registered_resources": [{"name": "CPU", "integerValue": "1024"}, {"name": "MEMORY"}]},
            {"registered_resources": [{"name": "CPU", "integerValue": "much"}]},
            {"instance_id": 5},
            {"cluster_arn": None},
            {"time": "now"},
        ]
    ),
)
TASKS = st.builds(
    lambda number, changes: {**task_row(f"job-{number}"), **changes},
    st.integers(0, 2),
    st.sampled_from(
        [
            {},
            {"pull_started_at": "2025-11-21T12:00:01.75Z"},
            {"pull_started_at": ""},
            {"pull_started_at": "then"},
            {"created_at": ""},
            {"created_at": 12},
            {"task_arn": "bare"},
            {"task_arn": "ends/"},
            {"cluster_arn": ""},
            {"attributes": "text"},
        ]
    ),
)


@given(rows=st.lists(st.one_of(INSTANCES, TASKS), min_size=1, max_size=12), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_any_order_and_either_reader_tell_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], seed: int
) -> None:
    """DuckDB's reader a row at a time; the one in Python, for a bad line in the same object; shuffled, with copies."""
    folder = tmp_path_factory.mktemp("ledger")
    for name in ("fast", "slow"):
        put(folder / name, f"attempts/day={DAY}/a", *(an_attempt(f"job-{n}") for n in range(3)))
    for number, row in enumerate(rows):
        put(folder / "fast", f"ecs/day={DAY}/{number}", json.dumps(row))
    shuffled = [*rows, *rows[:4]]
    random.Random(seed).shuffle(shuffled)
    put(folder / "slow", f"ecs/day={DAY}/e", "{broken", *(json.dumps(row) for row in shuffled))
    fast, *told_fast = read(a_source(folder / "fast"))
    slow, *told_slow = read(a_source(folder / "slow"))
    assert told_fast == told_slow
    assert {(one.reason, one.text) for one in slow.set_aside} - {(one.reason, one.text) for one in fast.set_aside} == {
        ("is no JSON", "{broken")
    }
    assert fast.pulls_not_believed == slow.pulls_not_believed
    assert fast.tasks_without_attempt == slow.tasks_without_attempt
