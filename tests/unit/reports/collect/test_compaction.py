"""Compacted and raw give the same attempts, whatever comes late, twice, at once, or is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.collect.compaction import Compacted, compact
from reports.collect.load import Loaded, Source, load
from reports.collect.store import Store, StoreError
from reports.model.tables import ATTEMPTS
from tests.unit.reports.collect.ledger_rows import STAGE, attempt_row, line, task_arn, task_row, told, usage_row
from tests.worlds.ledger import Delivery, clusters, compute_environments, write
from tests.worlds.world import World, make

DAY = date(2025, 11, 21)
NEXT = DAY + timedelta(days=1)
POINTS = ("staged", "day", "written", "held", "committed", "swept")


def put(folder: Path, key: str, *lines: str) -> None:
    path = folder / "raw" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def a_source(folder: Path, **more: Any) -> Source:
    return Source(stage=STAGE, raw=folder / "raw", compacted=folder / "compacted", **more)


def attempts(source: Source, *, raw_only: bool = False) -> tuple[Loaded, list[tuple[Any, ...]]]:
    connection = duckdb.connect()
    if raw_only:
        source = Source(stage=source.stage, raw=source.raw, clusters=source.clusters)
    with source.reading():
        got = load(connection, source, since=None, until=None)
        return got, connection.execute(f"SELECT {', '.join(ATTEMPTS.names)} FROM attempts ORDER BY ALL").fetchall()


def check_same(source: Source) -> Loaded:
    """Compacted, or half of it, or raw: the same attempts."""
    got, rows = attempts(source)
    raw, expected = attempts(source, raw_only=True)
    assert rows == expected
    assert (got.pulls_not_believed, got.tasks_without_attempt) == (raw.pulls_not_believed, raw.tasks_without_attempt)
    return got


def a_ledger(folder: Path) -> Source:
    """Two days, a bad line, a copy, a line of the probe and a task before their attempt."""
    put(folder, f"attempts/day={DAY}/a", line(attempt_row("a")), line(attempt_row("b")), "{broken")
    put(folder, f"usage/day={DAY}/u", line(usage_row("a")), line(usage_row("late")))
    put(folder, f"ecs/day={DAY}/e", line(task_row("late")))
    late = attempt_row("late", attempts=[told(2, 5, exitCode=0, taskArn=task_arn("late"))])
    put(folder, f"attempts/day={NEXT}/a", line(attempt_row("a")), line(late))
    put(folder, f"usage/day={NEXT}/u", line(usage_row("b")))
    return a_source(folder)


def test_compacted_days_hold_what_the_raw_objects_held(tmp_path: Path) -> None:
    source = a_ledger(tmp_path)
    done = compact(source)
    assert (done.objects, done.days_written) == (5, (DAY.isoformat(),))
    got = check_same(source)
    assert (got.attempts, got.files_read, got.compacted_days) == (3, 0, 1)
    assert (got.duplicates, got.set_aside_lines, got.usage_without_attempt) == (1, 1, 0)
    assert [aside.place for aside in got.set_aside] == [f"attempts/day={DAY}/a:2"] or len(got.set_aside) == 1


def test_compacting_again_changes_nothing(tmp_path: Path) -> None:
    source = a_ledger(tmp_path)
    compact(source)
    before = files(source)
    assert compact(source) == Compacted()
    assert files(source) == before


def test_a_late_row_rewrites_its_day_only(tmp_path: Path) -> None:
    source = a_ledger(tmp_path)
    put(tmp_path, f"attempts/day={NEXT}/b", line(attempt_row("c", attempts=[told(90_000, 90_001, exitCode=0)])))
    compact(source)
    before = files(source)
    put(tmp_path, "attempts/day=2025-12-24/late", line(attempt_row("much-later")))
    assert check_same(source).files_read == 1
    assert compact(source).days_written == (DAY.isoformat(),)
    assert check_same(source).files_read == 0
    kept = {name for name in before if f"day={NEXT}" in name}
    assert kept
    assert kept < files(source)


def test_a_later_event_of_a_job_moves_its_attempt_to_another_day(tmp_path: Path) -> None:
    source = a_source(tmp_path)
    early = attempt_row("x", attempts=[], status="FAILED", time="2025-11-22T00:00:01Z", exit_code="")
    put(tmp_path, f"attempts/day={NEXT}/a", line(early))
    compact(source)
    put(tmp_path, f"attempts/day={NEXT}/b", line(attempt_row("x")))
    assert check_same(source).attempts == 1
    assert compact(source).days_written == (DAY.isoformat(), NEXT.isoformat())
    assert check_same(source).attempts == 1
    assert list(Store(folder=tmp_path / "compacted").manifest().days) == [DAY.isoformat()]


class Killed(BaseException):
    """Nothing in Batchyard catches it."""


def dying(point: str, nth: int) -> Callable[[str], None]:
    seen: list[str] = []

    def at(passed: str) -> None:
        seen.append(passed)
        if seen.count(point) == nth and passed == point:
            raise Killed

    return at


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_nothing_is_lost_or_doubled(tmp_path: Path, point: str) -> None:
    for nth in (1, 2):
        folder = tmp_path / f"{nth}"
        source = a_ledger(folder)

        with pytest.raises(Killed):
            compact(source, at=dying(point, nth), step_bytes=1)
        check_same(source)
        compact(source)
        assert check_same(source).files_read == 0
        named = Store(folder=folder / "compacted").manifest().files
        assert files(source) == {*named, "manifest.json", "lock", "readers"}


KILLED = """
import os, signal, sys
from pathlib import Path
from reports.collect.compaction import compact
from reports.collect.load import Source
folder, point = Path(sys.argv[1]), sys.argv[2]
compact(
    Source(stage="local", raw=folder / "raw", compacted=folder / "compacted"),
    at=lambda passed: os.kill(os.getpid(), signal.SIGKILL) if passed == point else None,
    step_bytes=1,
)
"""


@pytest.mark.parametrize("point", ["day", "held", "committed"])
def test_a_process_killed_for_good_leaves_no_lock_and_no_harm(tmp_path: Path, point: str) -> None:
    source = a_ledger(tmp_path)
    root = Path(__file__).parents[4]
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), point],
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=120,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    check_same(source)
    compact(source)
    assert check_same(source).files_read == 0


def test_two_at_once_do_the_work_once(tmp_path: Path) -> None:
    source = a_ledger(tmp_path)
    done: list[Compacted] = []
    threads = [threading.Thread(target=lambda: done.append(compact(source))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert sorted(one.objects for one in done) == [0, 0, 5]
    assert check_same(source).duplicates == 1


def test_a_reader_finds_its_files_while_they_are_replaced(tmp_path: Path) -> None:
    source = a_ledger(tmp_path)
    compact(source)
    expected = attempts(source)[1]

    def again() -> None:
        for number in range(4):
            put(tmp_path, f"attempts/day={DAY}/copy-{number}", line(attempt_row("a")))
            compact(source)

    thread = threading.Thread(target=again)
    thread.start()
    while thread.is_alive():
        assert attempts(source)[1] == expected
    thread.join()
    assert attempts(source)[1] == expected


def test_what_is_read_stays_until_its_reader_is_done(tmp_path: Path) -> None:
    source = a_ledger(tmp_path)
    compact(source)
    (old,) = (tmp_path / "compacted/attempts").rglob("*.parquet")
    with duckdb.connect() as connection:
        with source.reading(), source.reading():
            load(connection, source, since=None, until=None)
            put(tmp_path, f"attempts/day={DAY}/more", line(attempt_row("more")))
            compact(source)
            assert connection.execute("SELECT count(*) FROM attempts").fetchall() == [(3,)]
        compact(source)
    (new,) = (tmp_path / "compacted/attempts").rglob("*.parquet")
    assert new != old


def test_what_cannot_be_written_is_read_without_a_hold(tmp_path: Path) -> None:
    source = a_ledger(tmp_path)
    (tmp_path / "compacted").write_text("no folder")
    with source.reading():
        pass


def test_a_store_of_another_version_says_what_to_do(tmp_path: Path) -> None:
    source = a_ledger(tmp_path)
    compact(source)
    (tmp_path / "compacted/manifest.json").write_text('{"version": 7}')
    with pytest.raises(StoreError, match=r"version is 7; this Batchyard reads 2; remove the folder"):
        compact(source)


@pytest.mark.parametrize("name", ["manifest.json", "held"])
@pytest.mark.parametrize(
    "text", ["", "[]", "5", "{", '{"version": 2}', '{"version": 2, "set_aside": [5]}', '["a", 5]', '\udcff{"a"']
)
def test_a_damaged_list_of_files_is_said_and_the_report_reads_the_raw_objects(
    tmp_path: Path, name: str, text: str
) -> None:
    source = a_ledger(tmp_path)
    compact(source)
    _, rows = attempts(source)
    (file, *_) = [path for path in sorted((tmp_path / "compacted").rglob("*.json")) if name in str(path)]
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    if not (name == "held" and text == "[]"):  # it held nothing, which is a list too
        for step in (compact, attempts):
            with pytest.raises(StoreError, match="remove the folder, it is made anew from the ledger"):
                step(source)
    _, raw = attempts(source, raw_only=True)
    assert raw == rows


def test_a_damaged_compacted_file_is_an_error_not_an_empty_day(tmp_path: Path) -> None:
    source = a_ledger(tmp_path)
    compact(source)
    (path,) = (tmp_path / "compacted/attempts").rglob("*.parquet")
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(duckdb.Error):
        attempts(source)


def test_instances_known_later_reach_attempts_compacted_before(tmp_path: Path) -> None:
    made = make(World(seed=22, days=2, instances=4, fargate_attempts=5, mean_run_s=3600))
    write(made, tmp_path / "raw", stage="prod", delivery=Delivery(seed=2))
    whole = Source(
        stage="prod",
        raw=tmp_path / "raw",
        compacted=tmp_path / "compacted",
        clusters=clusters(made),
        compute_environments=compute_environments("prod"),
    )
    (tmp_path / "raw/ecs").rename(tmp_path / "aside")
    compact(whole)
    (tmp_path / "aside").rename(tmp_path / "raw/ecs")
    connection = duckdb.connect()
    for _ in range(2):
        got = load(connection, whole, since=None, until=None)
        assert (got.attempts, got.instances) == (len(made.attempts), len(made.instances))
        counted = connection.execute(
            "SELECT count(*), count(environment), count(purchase), count(instance_id) FROM attempts"
        ).fetchall()
        on_ec2 = int((made.attempts["platform"] == "ec2").sum())
        assert counted == [(got.attempts, got.attempts, got.attempts, on_ec2)]
        compact(whole)


CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"time": "2025-11-21T13:00:00Z", "status": "FAILED", "attempts": [told(2, 9, exitCode=1)]},
    {"attempts": [told(2, 4, statusReason="Host EC2 (instance i-1) terminated."), told(90_000, 90_002, exitCode=0)]},
    {"status": "FAILED", "attempts": [], "time": "2025-11-23T00:00:01Z", "exit_code": ""},
)


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=16),
    pauses=st.sets(st.integers(0, 15), max_size=3),
)
@settings(max_examples=12, deadline=None)
def test_compacting_between_any_rows_is_the_same_as_never(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, int, bool]], pauses: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    source = a_source(folder)
    for number, (job, change, late, measured) in enumerate(rows):
        arrived = DAY + timedelta(days=late)
        row = {**attempt_row(f"job-{job}"), **CHANGES[change], "event_id": f"{job}-{change}"}
        row["attempts"] = [
            {**one, "container": {**one["container"], "taskArn": task_arn(f"job-{job}", n)}}
            for n, one in enumerate(row["attempts"], start=1)
        ]
        put(folder, f"attempts/day={arrived}/{number}", line(row))
        # two clocks tell of the same task, one of them a second after the attempt's start
        task = task_row(f"job-{late}", 1 + job % 2, pull_started_at=f"2025-11-21T12:00:0{change}Z")
        put(folder, f"ecs/day={DAY + timedelta(days=job)}/{number}", line(task))
        if measured:
            ended = f"2025-11-21T12:00:{10 + change}Z"
            usage = usage_row(f"job-{job}", 1 + change % 2, ended_at=ended, cpu_s=change)
            put(folder, f"usage/day={arrived}/{number}", line(usage))
        if number in pauses:
            compact(source)
    check_same(source)


def files(source: Source) -> set[str]:
    assert source.compacted is not None
    folder = source.compacted
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
