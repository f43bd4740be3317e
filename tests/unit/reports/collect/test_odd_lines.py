"""Whatever a line of the ledger holds, reading never fails, and each line is a row or set aside."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.collect.compaction import compact
from reports.collect.load import Source, load
from reports.collect.staging import RawFile, Staged, prepare, stage
from tests.unit.reports.collect.ledger_rows import STAGE, attempt_row, instance_row, task_row, usage_row

GOOD = {
    "attempts": attempt_row("job-good"),
    "usage": usage_row("job-good"),
    "ecs": instance_row("i-good"),
}
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 5, 1.5, 2**31, 2**63, 2**64, 10**18, 10**400, -(10**30), 1e308),
    *(float("nan"), float("inf"), -float("inf")),
    *("", "x", "0", "-1", "NaN", "inf", "1e400", "9" * 30, "9" * 5000, "\ud800", "a\ud800b", "\0", "\u2028", "�"),
    *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z"),
    *("9999-12-31T23:59:59-23:59", "1969-12-31T23:59:59Z", "2025-11-21", "2025-11-21T12:00:00"),
    *(-62_135_596_800_000, 253_402_300_799_000, 253_402_300_800_000, 10**15, 999_999_999_999),
    *([], {}, [5], [[]], [{}], [None], {"a": 1}, {"name": "CPU"}, [{"name": "CPU", "integerValue": 2**40}]),
    [{"name": "MEMORY", "integerValue": -(2**70)}],
    [{"name": "ecs.instance-type", "value": "\udfff"}],
    *([{"type": "VCPU", "value": value}, {"type": "MEMORY", "value": "1024"}] for value in ("NaN", "inf", "-1", "1e9")),
    *([{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": value}] for value in ("-5", "9" * 20, "1.5", 1.5)),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything inside."""
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield from places(one, (*path, key))


def changed(row: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    made = copy.deepcopy(row)
    inner: Any = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return made


ROWS = (
    ("attempts", attempt_row("job-odd")),
    ("usage", usage_row("job-odd")),
    ("ecs", instance_row("i-odd")),
    ("ecs", task_row("job-odd")),
)
PLACES = [(kind, row, path) for kind, row in ROWS for path in places(row)]
odd_rows = st.tuples(st.sampled_from(PLACES), st.sampled_from(ODD)).map(
    lambda drawn: (drawn[0][0], json.dumps(changed(drawn[0][1], drawn[0][2], drawn[1])))
)


def write(folder: Path, lines: list[tuple[str, str]]) -> list[RawFile]:
    files = []
    for kind, good in GOOD.items():
        key = f"{kind}/day=2025-11-21/a"
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        texts = [json.dumps(good), *(text for of, text in lines if of == kind)]
        (folder / key).write_text("\n".join(texts) + "\n", encoding="utf-8", errors="surrogatepass")
        files.append(RawFile(key=key, path=folder / key))
    return files


def jobs_or_aside(connection: duckdb.DuckDBPyConnection, staged: Staged) -> int:
    """Lines that are rows, a job's attempts being of one, and lines that are set aside."""
    of_jobs = connection.execute("SELECT count(DISTINCT job_id), count(*) FROM ledger_attempts").fetchall()[0]
    return int(staged.rows - of_jobs[1] + of_jobs[0] + len(staged.set_aside))


def is_parent(text: str) -> bool:
    """A line of an array's parent, which runs nothing, is no attempt."""
    row = json.loads(text)
    return "array_size" in row and not row["attempts"] and str(row["array_size"]) not in ("", "None")


@settings(max_examples=80)
@given(odd_rows)
def test_an_odd_line_is_a_row_or_set_aside_and_the_others_are_there(odd: tuple[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        files = write(Path(folder), [odd])
        prepare(connection)
        staged = stage(connection, files, stage=STAGE)
        assert jobs_or_aside(connection, staged) == len(GOOD) + 1 - is_parent(odd[1])
        loaded = load(connection, Source(stage=STAGE, raw=Path(folder)), since=None, until=None)
        assert loaded.set_aside_lines == len(staged.set_aside)
        assert ("job-good",) in connection.execute("SELECT job_id FROM attempts").fetchall()
        assert ("i-good",) in connection.execute("SELECT instance_id FROM instances").fetchall()


def test_all_odd_lines_together_are_read_and_compacted(tmp_path: Path) -> None:
    lines = [(kind, json.dumps(changed(row, path, value))) for kind, row, path in PLACES for value in ODD[::7]]
    write(tmp_path / "raw", lines)
    source = Source(stage=STAGE, raw=tmp_path / "raw")
    with duckdb.connect() as connection:
        loaded = load(connection, source, since=None, until=None)
        assert ("job-good",) in connection.execute("SELECT job_id FROM attempts").fetchall()
    compacted = Source(stage=STAGE, raw=tmp_path / "raw", compacted=tmp_path / "compacted")
    compact(compacted)
    with duckdb.connect() as connection:
        again = load(connection, compacted, since=None, until=None)
    assert (again.attempts, again.instances) == (loaded.attempts, loaded.instances)
    assert again.set_aside_lines == loaded.set_aside_lines > 0


@pytest.mark.parametrize("depth", [500, 990, 5_000, 100_000])
@pytest.mark.parametrize("kind", ["attempts", "usage", "ecs"])
def test_deep_nesting_is_a_row_or_set_aside(tmp_path: Path, kind: str, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    row = {"attempts": attempt_row("job-odd"), "usage": usage_row("job-odd"), "ecs": instance_row("i-odd")}[kind]
    lines = []
    for name in row:
        text = json.dumps(row | {name: "HERE"}).replace('"HERE"', deep)
        lines.append((kind, text))
    files = write(tmp_path, lines)
    with duckdb.connect() as connection:
        prepare(connection)
        staged = stage(connection, files, stage=STAGE)
    assert staged.rows >= len(GOOD)
    assert staged.unreadable == []
    assert len(staged.set_aside) > 0
