"""Lines of the ledger's files → DuckDB's staging tables: strictly and fast, or line by line where a line is bad.

The fast way is DuckDB's JSON reader; it takes only what plainly is a row. A file in which it meets anything else is
read again in Python (rows.py), which knows what to set aside and why. So both ways give the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
from duckdb import DuckDBPyConnection

from jobs import conventions
from reports.collect.ecs import EcsEvents, task_id
from reports.collect.ledger import decode
from reports.collect.queries import query
from reports.collect.rows import RowReader, SetAside
from reports.collect.values import plain

Kind = Literal["attempts", "usage", "ecs"]
KINDS: Final[tuple[Kind, ...]] = ("attempts", "usage", "ecs")
_BATCH_BYTES: Final = 256 * 1024 * 1024
"""Of raw lines staged at once; their intermediate tables take about as much again."""
_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_RATIO: Final = 12
_ONE_ATTEMPT: Final = (
    'STRUCT(container STRUCT("containerInstanceArn" JSON, "taskArn" JSON, "exitCode" JSON, reason JSON, '
    '"logStreamName" JSON), "startedAt" JSON, "stoppedAt" JSON, "statusReason" JSON)[]'
)
_TYPES: Final = {"attempts": _ONE_ATTEMPT, "resource_requirements": "STRUCT(type JSON, value JSON)[]"}
_COLUMNS: Final[dict[Kind, tuple[str, ...]]] = {
    "attempts": conventions.ATTEMPT_COLUMNS,
    "usage": conventions.USAGE_COLUMNS,
    "ecs": conventions.ECS_COLUMNS,
}
_LINES: Final[dict[Kind, str]] = {"attempts": "attempt_lines", "usage": "usage_lines", "ecs": "ecs_lines"}
"""The query that makes the table of its name out of lines."""
_ROWS: Final[dict[Kind, tuple[tuple[str, str], ...]]] = {
    "attempts": (("ledger_attempts", "SELECT * EXCLUDE (filename, suspect) FROM attempt_lines WHERE {good}"),),
    "usage": (("ledger_usage", "SELECT * EXCLUDE (filename, suspect) FROM usage_lines WHERE {good}"),),
    "ecs": (
        ("ledger_instances", "SELECT instance.* FROM ecs_lines WHERE instance IS NOT NULL AND {good}"),
        ("ledger_tasks", "SELECT task.* FROM ecs_lines WHERE task IS NOT NULL AND {good}"),
    ),
}
"""The staging tables, and which of those lines are their rows."""


@dataclass(frozen=True, kw_only=True)
class RawFile:
    """An object of the ledger on this machine."""

    key: str
    """`attempts/day=2026-11-21/…`."""
    path: Path

    @property
    def kind(self) -> str:
        return self.key.partition("/")[0]

    @property
    def partition(self) -> str:
        """`attempts/day=2026-11-21`."""
        return self.key.rpartition("/")[0]

    @property
    def arrived(self) -> date | None:
        """UTC day of the partition; None outside of one."""
        try:
            return date.fromisoformat(self.key.partition("day=")[2][:10])
        except ValueError:
            return None


@dataclass(kw_only=True)
class Staged:
    """What reading told besides rows."""

    rows: int = 0
    """Rows of any kind, duplicates included."""
    set_aside: dict[str, SetAside] = field(default_factory=dict)
    """By the line's text: a bad line delivered twice is one."""
    read_by_line: int = 0
    """Files that had a bad line."""
    unreadable: list[str] = field(default_factory=list)
    """Keys of files that couldn't be read at all."""


def prepare(connection: DuckDBPyConnection) -> None:
    """Make the staging tables, empty."""
    connection.execute(query("staging"))


def stage(connection: DuckDBPyConnection, files: Iterable[RawFile], *, stage: str) -> Staged:
    """Add the rows of `files` to the staging tables. No file and no line of it makes this fail."""
    staged = Staged()
    by_kind: dict[str, list[RawFile]] = {}
    for file in files:
        by_kind.setdefault(file.kind, []).append(file)
    for kind in KINDS:
        for batch in _batches(by_kind.get(kind, [])):
            _stage_batch(connection, kind, batch, stage, staged)
    return staged


def _batches(files: Sequence[RawFile]) -> Iterator[list[RawFile]]:
    # plain and gzipped files apart: DuckDB takes one compression for a list
    for zipped in (False, True):
        batch: list[RawFile] = []
        total = 0
        for file in files:
            try:
                with file.path.open("rb") as stream:
                    is_zipped = stream.read(2) == _GZIP_MAGIC
                size = file.path.stat().st_size
            except OSError:
                is_zipped, size = False, 0  # said when it is read
            if is_zipped != zipped:
                continue
            batch.append(file)
            total += size * (_GZIP_RATIO if zipped else 1)
            if total >= _BATCH_BYTES:
                yield batch
                batch, total = [], 0
        if batch:
            yield batch


def _stage_batch(
    connection: DuckDBPyConnection, kind: Kind, files: Sequence[RawFile], stage_name: str, staged: Staged
) -> None:
    lines = _LINES[kind]
    try:
        _read(connection, kind, files, stage_name)
    except duckdb.Error:
        if len(files) > 1:
            middle = len(files) // 2
            _stage_batch(connection, kind, files[:middle], stage_name, staged)
            _stage_batch(connection, kind, files[middle:], stage_name, staged)
        else:
            _stage_by_line(connection, kind, files[0], stage_name, staged)
        return
    suspects = {row[0] for row in connection.execute(f"SELECT DISTINCT filename FROM {lines} WHERE suspect").fetchall()}
    good = f"filename NOT IN (SELECT filename FROM {lines} WHERE suspect)" if suspects else "TRUE"
    for table, rows in _ROWS[kind]:
        inserted = connection.execute(f"INSERT INTO {table} BY NAME {rows.format(good=good)}")
        staged.rows += inserted.fetchall()[0][0]
    connection.execute(f"DROP TABLE {lines}")
    for file in files:
        if str(file.path) in suspects:
            _stage_by_line(connection, kind, file, stage_name, staged)


def _read(connection: DuckDBPyConnection, kind: Kind, files: Sequence[RawFile], stage_name: str) -> None:
    paths = ", ".join(_quoted(str(file.path)) for file in files)
    columns = ", ".join(f"{_quoted(name)}: {_quoted(_TYPES.get(name, 'JSON'))}" for name in _COLUMNS[kind])
    with files[0].path.open("rb") as stream:
        compression = "gzip" if stream.read(2) == _GZIP_MAGIC else "none"
    source = (
        f"read_json([{paths}], format = 'newline_delimited', columns = {{{columns}}}, filename = TRUE, "
        f"compression = '{compression}')"
    )
    text = query(_LINES[kind]).replace("{lines}", source)
    parameters = {
        "prefix": f"{conventions.PROJECT}-{stage_name}-",
        "instance_change": json.dumps(conventions.ECS_INSTANCE_CHANGE),
        "task_change": json.dumps(conventions.ECS_TASK_CHANGE),
        "instance_type": json.dumps(conventions.ECS_INSTANCE_TYPE),
    }
    connection.execute(text, {name: value for name, value in parameters.items() if f"${name}" in text})


def _stage_by_line(connection: DuckDBPyConnection, kind: Kind, file: RawFile, stage_name: str, staged: Staged) -> None:
    try:
        text = decode(file.path.read_bytes()).split("\n")
    except OSError:
        staged.unreadable.append(file.key)
        return
    staged.read_by_line += 1
    tables, aside = _BY_LINE[kind](text, file.key, stage_name)
    for full, line in aside.items():
        staged.set_aside.setdefault(full, line)
    for (table, _), rows in zip(_ROWS[kind], tables, strict=True):
        staged.rows += len(rows)
        if rows:
            marks = ", ".join("?" for _ in rows[0])
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


_Rows = list[tuple[Any, ...]]
_ByLine = tuple[Sequence[_Rows], Mapping[str, SetAside]]
"""The rows of each of the kind's tables, and what is none."""


def _attempts_by_line(lines: list[str], key: str, stage_name: str) -> _ByLine:
    reader = RowReader(stage=stage_name)
    reader.add_attempt_lines(lines, key)
    rows: _Rows = []
    for row, attempts in reader.rows():
        told = row.get("attempts") or []
        for one in attempts:
            container = (told[one.attempt - 1].get("container") or {}) if told else {}
            arn = container.get("containerInstanceArn")
            rows.append(
                (
                    one.job_id,
                    one.attempt,
                    one.job,
                    one.queue,
                    one.platform,
                    one.image,
                    one.vcpus,
                    one.memory_mib,
                    plain(one.submitted_at),
                    plain(one.started_at),
                    plain(one.stopped_at),
                    one.outcome,
                    one.exit_code,
                    one.array_index,
                    arn if isinstance(arn, str) and arn else None,
                    len(told),
                    str(row.get("time", "")),
                    str(row.get("event_id", "")),
                    task_id(container.get("taskArn")),
                    None,
                    None,
                    None,
                )
            )
    return [rows], reader.set_aside_by_text


def _usage_by_line(lines: list[str], key: str, stage_name: str) -> _ByLine:
    reader = RowReader(stage=stage_name)
    reader.add_usage_lines(lines, key)
    rows: _Rows = [
        (
            one.job_id,
            one.attempt,
            one.row.get("owner") or "",
            one.row.get("compute_environment") or "",
            one.usage.peak_memory_mib,
            one.usage.cpu_s,
            one.usage.items,
            one.row.get("started_at") or "",
            one.ended_at,
        )
        for one in reader.usage()
    ]
    return [rows], reader.set_aside_by_text


def _ecs_by_line(lines: list[str], key: str, _: str) -> _ByLine:
    events = EcsEvents()
    events.add_lines(lines, key)
    return [events.instances, events.tasks], events.set_aside


_BY_LINE: Final[dict[Kind, Callable[[list[str], str, str], _ByLine]]] = {
    "attempts": _attempts_by_line,
    "usage": _usage_by_line,
    "ecs": _ecs_by_line,
}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
