"""Files of the ledger → the tables, with the reader in Python as the judge."""

from __future__ import annotations

import gzip
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.collect.load import Loaded, Source, load
from reports.collect.rows import RowReader
from reports.model.attempt import NOT_IN_LEDGER
from reports.model.tables import ATTEMPTS
from tests.unit.reports.collect.ledger_rows import CREATED_MS, STAGE, attempt_row, line, told, usage_row
from tests.worlds.ledger import Delivery, clusters, compute_environments, write
from tests.worlds.world import World, make

OF_LEDGER = [name for name in ATTEMPTS.names if name not in NOT_IN_LEDGER]
DAY = date(2025, 11, 21)


def put(folder: Path, key: str, *lines: str) -> None:
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def loaded(folder: Path, **more: Any) -> tuple[Loaded, list[dict[str, Any]]]:
    connection = duckdb.connect()
    told_of = load(connection, Source(stage=STAGE, raw=folder, **more), since=None, until=None)
    cursor = connection.execute("SELECT * FROM attempts ORDER BY stopped_at, submitted_at, attempt_id")
    names = [column[0] for column in cursor.description or ()]
    return told_of, [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def expected(objects: dict[str, list[str]]) -> tuple[list[tuple[Any, ...]], set[tuple[str, str]]]:
    reader = RowReader(stage=STAGE)
    for key, lines in objects.items():
        (reader.add_attempt_lines if key.startswith("attempts") else reader.add_usage_lines)(lines, key)
    collected = reader.collected()
    rows = [
        tuple(value for name, value in zip(ATTEMPTS.names, attempt.row(), strict=True) if name in OF_LEDGER)
        for attempt in collected.attempts
    ]
    return rows, {(aside.reason, aside.text) for aside in collected.set_aside}


CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"status": "FAILED", "attempts": [told(2, 5, exitCode=1)], "exit_code": 1},
    {"attempts": [told(2, 4, statusReason="Host EC2 (instance i-1) terminated."), told(90_000, 90_002, exitCode=0)]},
    {"status": "FAILED", "attempts": [told(2, 5, exitCode=137, reason='OutOfMemoryError: "x" \\ é')]},
    {"status": "FAILED", "attempts": [], "status_reason": "not needed", "exit_code": ""},
    {"status": "FAILED", "attempts": [], "time": "soon"},
    {"attempts": [], "array_size": 2, "job_id": "parent"},
    {"array_index": 3},
    {"platform_capabilities": ["FARGATE"]},
    {"platform_capabilities": ["LAMBDA"], "job_definition": "flights", "job_queue": "lambda"},
    {"platform_capabilities": "", "parameters": ""},
    {"created_at": str(CREATED_MS), "exit_code": "0"},
    {"created_at": 12},
    {"job_id": 7},
    {"job_queue": "elsewhere"},
    {"resource_requirements": ""},
    {"resource_requirements": [{"type": "MEMORY", "value": "12"}, {"type": "VCPU", "value": "0.25"}]},
    {"attempts": ""},
    {"status": "RUNNING"},
    {"job_definition": None},
)
ROWS = st.builds(
    lambda job, number: {**attempt_row(f"job-{job}"), **CHANGES[number], "event_id": f"event-{job}-{number}"},
    st.integers(0, 5),
    st.integers(0, len(CHANGES) - 1),
)
USAGE = st.builds(
    lambda job, changes: {**usage_row(f"job-{job}"), **changes},
    st.integers(0, 6),
    st.sampled_from(
        [
            {},
            {"attempt": 2, "cpu_s": 3},
            {"ended_at": "2025-11-21T12:00:09Z", "peak_memory_mib": None},
            {"ended_at": "2025-11-21T12:00:10Z", "owner": 'an "owner"'},
            {"attempt": "2", "ended_at": "2025-11-22T12:00:10Z"},
            {"cpu_s": -1},
            {"cpu_s": 1e-7, "ended_at": "2025-11-21T12:00:11Z"},
            {"items": None, "ended_at": "2025-11-21T12:00:12Z"},
            {"items": 10**12, "ended_at": "2025-11-21T12:00:12Z"},
            {"items": 10**12 + 1},
            {"items": "12"},
            {"items": 1.0},
            {"items": -0.0},
            {"version": 2},
            {"exit_code": ""},
        ]
    ),
)
LINES = st.one_of(
    ROWS.map(lambda row: ("attempts", json.dumps(row))),
    USAGE.map(lambda row: ("usage", json.dumps(row))),
    st.sampled_from(
        [
            ("attempts", "{broken"),
            ("usage", "[1]"),
            ("attempts", ""),
            ("usage", "5"),
            ("attempts", line(attempt_row("a")) + line(attempt_row("b"))),
            ("usage", '{"job_id": "\\ud800"}'),
            ("attempts", "  " + line(attempt_row("spaces")) + "\r"),
        ]
    ),
)


@given(lines=st.lists(LINES, max_size=25), pieces=st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_files_give_the_attempts_that_the_reader_in_python_gives(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str]], pieces: int
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    objects: dict[str, list[str]] = {}
    for number, (kind, text) in enumerate(lines):
        objects.setdefault(f"{kind}/day={DAY + timedelta(days=number % 2)}/{number // pieces}", []).append(text)
    for key, texts in objects.items():
        put(folder, key, *texts)
    got, rows = loaded(folder)
    attempts, aside = expected(objects)
    assert [tuple(row[name] for name in OF_LEDGER) for row in rows] == attempts
    assert {(one.reason, one.text) for one in got.set_aside} == aside
    assert got.attempts == len(attempts)


def test_a_bad_line_is_set_aside_with_its_place_and_its_neighbours_count(tmp_path: Path) -> None:
    put(tmp_path, f"attempts/day={DAY}/a", line(attempt_row("one")), "{broken", line(attempt_row("two")))
    put(tmp_path, f"attempts/day={DAY}/b", line(attempt_row("three")), "{broken")
    got, rows = loaded(tmp_path)
    assert [row["job_id"] for row in rows] == ["one", "three", "two"]
    (aside,) = got.set_aside
    assert (aside.place, aside.reason, got.set_aside_lines) == (f"attempts/day={DAY}/a:2", "is no JSON", 1)


def test_zipped_and_plain_objects_are_read_and_a_damaged_one_is_set_aside(tmp_path: Path) -> None:
    put(tmp_path, f"attempts/day={DAY}/plain", line(attempt_row("plain")))
    whole = gzip.compress(line(attempt_row("zipped")).encode())
    (tmp_path / f"attempts/day={DAY}/zipped").write_bytes(whole)
    (tmp_path / f"attempts/day={DAY}/cut.gz").write_bytes(whole[:-20])
    got, rows = loaded(tmp_path)
    assert [row["job_id"] for row in rows] == ["plain", "zipped"]
    assert [aside.place for aside in got.set_aside] == [f"attempts/day={DAY}/cut.gz:1"]


def test_rows_land_on_the_day_they_ended_however_late_they_come(tmp_path: Path) -> None:
    put(tmp_path, "attempts/day=2025-12-24/late", line(attempt_row("late")))
    connection = duckdb.connect()
    source = Source(stage=STAGE, raw=tmp_path)
    assert load(connection, source, since=DAY, until=DAY + timedelta(days=1)).attempts == 1
    assert load(connection, source, since=DAY + timedelta(days=1), until=None).attempts == 0
    assert load(connection, source, since=None, until=DAY).attempts == 0


def test_usage_and_its_attempt_may_come_on_different_days_and_a_copy_counts_as_one(tmp_path: Path) -> None:
    put(tmp_path, f"attempts/day={DAY}/a", line(attempt_row("x")))
    put(tmp_path, "attempts/day=2025-11-23/a", line(attempt_row("x")))
    put(tmp_path, "usage/day=2025-11-24/u", line(usage_row("x")), line(usage_row("not-yet")))
    got, (row,) = loaded(tmp_path)
    assert (row["peak_memory_mib"], row["owner"]) == (150.25, "analytics")
    assert (got.duplicates, got.usage_without_attempt) == (1, 1)


def test_a_line_of_an_older_probe_names_no_compute_environment_and_no_items(tmp_path: Path) -> None:
    older = usage_row("x")
    del older["compute_environment"], older["items"]
    newer = usage_row("y", compute_environment="spot-0a1b")
    put(tmp_path, f"attempts/day={DAY}/a", line(attempt_row("x")), line(attempt_row("y")))
    put(tmp_path, f"usage/day={DAY}/u", line(older), line(newer))
    got, rows = loaded(tmp_path)
    assert [(row["peak_memory_mib"], row["environment"]) for row in rows] == [(150.25, None), (150.25, "spot-0a1b")]
    assert [row["items"] for row in rows] == [None, 12]
    assert got.set_aside == ()


def test_an_attempt_without_usage_takes_its_owner_from_the_stage(tmp_path: Path) -> None:
    put(tmp_path, f"attempts/day={DAY}/a", line(attempt_row("x")))
    _, (row,) = loaded(tmp_path, owners={"flights": "analytics"})
    assert row["owner"] == "analytics"


def test_a_ledger_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    got, rows = loaded(tmp_path / "nothing")
    assert (got.attempts, got.instances, rows, got.set_aside) == (0, 0, [], ())


def test_a_world_comes_back_with_its_environments_instances_and_purchases(tmp_path: Path) -> None:
    made = make(World(seed=21, days=3, instances=8, fargate_attempts=40, lambda_attempts=40, mean_run_s=3600))
    made.attempts["items"] = [None if n % 3 else n * 10**9 for n in range(len(made.attempts))]
    made.attempts["items"] = made.attempts["items"].astype("Int64")
    write(made, tmp_path, stage="prod", delivery=Delivery(seed=1, twice=0.3, late=0.1, bad_lines=5))
    connection = duckdb.connect()
    source = Source(
        stage="prod", raw=tmp_path, clusters=clusters(made), compute_environments=compute_environments("prod")
    )
    got = load(connection, source, since=None, until=None)
    assert got.attempts == len(made.attempts)
    assert got.instances == len(made.instances)
    assert 1 <= got.set_aside_lines <= 5
    assert got.duplicates > 0
    told_of = ["job", "owner", "stage", "queue", "environment", "platform", "purchase", "instance_id", "image", "vcpus"]
    told_of += ["memory_mib", "outcome", "day", "items"]
    connection.register("made", made.attempts)
    connection.register("lives", made.instances)
    different = connection.execute(
        f"SELECT m.* FROM made AS m JOIN attempts AS a USING (attempt_id) "
        f"WHERE {' OR '.join(f'm.{name} IS DISTINCT FROM a.{name}' for name in told_of)} "
        "OR abs(epoch_ms(m.stopped_at) - epoch_ms(a.stopped_at)) > 1 OR abs(m.cpu_s - a.cpu_s) > 0.001 "
        "OR (a.pull_started_at IS NULL) <> (a.platform = 'lambda') "
        "OR abs(epoch_ms(m.pull_started_at) - epoch_ms(a.pull_started_at)) > 1"
    ).fetchall()
    assert different == []
    wrong = connection.execute(
        "SELECT * FROM (SELECT * FROM instances) EXCEPT SELECT instance_id, environment, stage, instance_type, "
        "purchase, vcpus, memory_mib, started_at, ended_at FROM lives"
    ).fetchall()
    assert wrong == []
