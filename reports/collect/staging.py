"""Lines of the ledger's files → DuckDB's staging tables: strictly and fast, or line by line where a line is bad.

The fast way is DuckDB's JSON reader; it takes only what plainly is a row. A file in which it meets anything else is
read again in Python (rows.py), which knows what to set aside and why. So both ways give the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
from duckdb import DuckDBPyConnection

from jobs import conventions
from reports.collect.instances import InstanceEvents
from reports.collect.ledger import decode
from reports.collect.queries import query
from reports.collect.rows import RowReader, SetAside

Kind = Literal["attempts", "usage", "instances"]
KINDS: Final[tuple[Kind, ...]] = ("attempts", "usage", "instances")
_BATCH_BYTES: Final = 256 * 1024 * 1024
"""Of raw lines staged at once; their intermediate tables take about as much again."""
_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_RATIO: Final = 12
_ONE_ATTEMPT: Final = (
    'STRUCT(container STRUCT("containerInstanceArn" JSON, "exitCode" JSON, reason JSON, "logStreamName" JSON), '
    '"startedAt" JSON, "stoppedAt" JSON, "statusReason" JSON)[]'
)
_TYPES: Final = {"attempts": _ONE_ATTEMPT, "resource_requirements": "STRUCT(type JSON, value JSON)[]"}
INSTANCE_COLUMNS: Final = (
    "time",
    "container_instance_arn",
    "instance_id",
    "cluster_arn",
    "status",
    "registered_at",
    "instance_type",
    "vcpus_registered",
    "memory_mib_registered",
    "agent_connected",
)
_COLUMNS: Final[dict[Kind, tuple[str, ...]]] = {
    "attempts": conventions.ATTEMPT_COLUMNS,
    "usage": tuple(dict.fromkeys((*conventions.USAGE_COLUMNS, "compute_environment"))),
    "instances": INSTANCE_COLUMNS,
}
_LINES: Final[dict[Kind, tuple[str, str]]] = {
    "attempts": ("attempt_lines", "ledger_attempts"),
    "usage": ("usage_lines", "ledger_usage"),
    "instances": ("instance_lines", "ledger_instances"),
}


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
    lines, table = _LINES[kind]
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
    good = "" if not suspects else f"WHERE filename NOT IN (SELECT filename FROM {lines} WHERE suspect)"
    staged.rows += connection.execute(
        f"INSERT INTO {table} BY NAME SELECT * EXCLUDE (filename, suspect) FROM {lines} {good}"
    ).fetchall()[0][0]
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
    lines, _ = _LINES[kind]
    text = query(lines).replace("{lines}", source)
    parameters = {"prefix": f"{conventions.PROJECT}-{stage_name}-"} if "$prefix" in text else {}
    connection.execute(text, parameters)


def _stage_by_line(connection: DuckDBPyConnection, kind: Kind, file: RawFile, stage_name: str, staged: Staged) -> None:
    try:
        text = decode(file.path.read_bytes()).split("\n")
    except OSError:
        staged.unreadable.append(file.key)
        return
    staged.read_by_line += 1
    rows, aside = _BY_LINE[kind](text, file.key, stage_name)
    for full, line in aside.items():
        staged.set_aside.setdefault(full, line)
    staged.rows += len(rows)
    if rows:
        marks = ", ".join("?" for _ in rows[0])
        connection.executemany(f"INSERT INTO {_LINES[kind][1]} VALUES ({marks})", rows)


_Rows = tuple[list[tuple[Any, ...]], Mapping[str, SetAside]]


def _attempts_by_line(lines: list[str], key: str, stage_name: str) -> _Rows:
    reader = RowReader(stage=stage_name)
    reader.add_attempt_lines(lines, key)
    rows: list[tuple[Any, ...]] = []
    for row, attempts in reader.rows():
        told = row.get("attempts") or []
        for one in attempts:
            arn = (told[one.attempt - 1].get("container") or {}).get("containerInstanceArn") if told else None
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
                    _plain(one.submitted_at),
                    _plain(one.started_at),
                    _plain(one.stopped_at),
                    one.outcome,
                    one.exit_code,
                    one.array_index,
                    arn if isinstance(arn, str) and arn else None,
                    len(told),
                    str(row.get("time", "")),
                    str(row.get("event_id", "")),
                    None,
                    None,
                    None,
                )
            )
    return rows, reader.set_aside_by_text


def _usage_by_line(lines: list[str], key: str, stage_name: str) -> _Rows:
    reader = RowReader(stage=stage_name)
    reader.add_usage_lines(lines, key)
    rows: list[tuple[Any, ...]] = [
        (
            one.job_id,
            one.attempt,
            one.row.get("owner") or "",
            one.row.get("compute_environment") or "",
            one.usage.peak_memory_mib,
            one.usage.cpu_s,
            one.row.get("started_at") or "",
            one.ended_at,
        )
        for one in reader.usage()
    ]
    return rows, reader.set_aside_by_text


def _instances_by_line(lines: list[str], key: str, _: str) -> _Rows:
    events = InstanceEvents()
    events.add_lines(lines, key)
    return events.rows, events.set_aside


_BY_LINE: Final[dict[Kind, Callable[[list[str], str, str], _Rows]]] = {
    "attempts": _attempts_by_line,
    "usage": _usage_by_line,
    "instances": _instances_by_line,
}


def _plain(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
