"""The ledger's raw objects → Parquet by the day attempts ended. Killed at any moment, nothing is lost or doubled.

Raw objects are taken a few arrival days at a time. Each step writes new files beside the old ones, then replaces the
manifest, which names both the files that count and the raw objects they hold; only then old files go. What was killed
before the manifest is done again, what was killed after it is swept by the next run. Raw objects are only read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb
from duckdb import DuckDBPyConnection

from reports.collect.instances import known
from reports.collect.load import Source
from reports.collect.merging import (
    COMPACTED_COLUMNS,
    add_kept,
    count,
    kept,
    listed_files,
    merge,
    note_jobs,
    pull,
    staged_rows,
)
from reports.collect.rows import SetAside
from reports.collect.staging import RawFile, Staged, prepare, stage
from reports.collect.store import Manifest, Store

_MEMORY_LIMIT: Final = "600MB"
STEP_BYTES: Final = 384 * 1024 * 1024
_PARQUET: Final = "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"


@dataclass(frozen=True, kw_only=True)
class Compacted:
    """What a run did."""

    objects: int = 0
    """Raw objects that compacted files hold now and didn't before."""
    days_written: tuple[str, ...] = ()
    """Days whose file was written, each once however many steps wrote it."""
    unreadable: tuple[str, ...] = ()
    """Raw objects that couldn't be read; the next run tries again."""


def compact(source: Source, *, at: Callable[[str], None] = lambda _: None, step_bytes: int = STEP_BYTES) -> Compacted:
    """Bring `source.compacted` up to what `source.raw` holds. Waits for another run that is at it.

    A step takes about `step_bytes` of raw objects, whole arrival days. `at` is told each point the run passes. Raises
    StoreError, and OSError where the folder can't be written.
    """
    if source.compacted is None:
        raise ValueError("the source names no folder for compacted files")
    store = Store(folder=source.compacted)
    done = Compacted()
    with store.locked():
        manifest = store.manifest()
        store.sweep(manifest)
        by_day: dict[str, list[RawFile]] = {}
        held: dict[str, frozenset[str]] = {}
        for file in source.files():
            if file.partition not in held:
                held[file.partition] = store.held(manifest, file.partition)
            if file.key not in held[file.partition]:
                by_day.setdefault(file.partition.partition("/")[2], []).append(file)
        for read in _read_ahead(source, store, _together([files for _, files in sorted(by_day.items())], step_bytes)):
            with read.connection as connection:
                step = _step(connection, source, store, manifest, read, at)
            manifest = step.manifest
            store.commit(manifest)
            at("committed")
            store.sweep(manifest)
            at("swept")
            done = Compacted(
                objects=done.objects + step.objects,
                days_written=tuple(sorted({*done.days_written, *step.days})),
                unreadable=(*done.unreadable, *step.unreadable),
            )
    return done


@dataclass(frozen=True, kw_only=True)
class _Step:
    manifest: Manifest
    objects: int
    days: frozenset[str]
    unreadable: tuple[str, ...]


def _together(days: Sequence[Sequence[RawFile]], step_bytes: int) -> list[list[RawFile]]:
    """Small days in one step: a step costs the same few queries for a line as for a million."""
    steps: list[list[RawFile]] = []
    room = 0
    for files in days:
        size = sum(file.path.stat().st_size for file in files if file.path.exists())
        if not steps or size > room:
            steps.append([])
            room = step_bytes
        steps[-1].extend(files)
        room -= size
    return steps


@dataclass(frozen=True, kw_only=True)
class _Read:
    """Some arrival days' raw objects, staged in a database of their own."""

    connection: DuckDBPyConnection
    files: Sequence[RawFile]
    staged: Staged


def _read_ahead(source: Source, store: Store, steps: Sequence[Sequence[RawFile]]) -> Iterator[_Read]:
    """The steps in order. While one is merged and written, the next is read: each keeps a core busy."""

    def read(files: Sequence[RawFile]) -> _Read:
        connection = duckdb.connect(
            config={
                "memory_limit": _MEMORY_LIMIT,
                "temp_directory": str(store.folder / "spill"),
                "preserve_insertion_order": False,
            }
        )
        prepare(connection)
        return _Read(connection=connection, files=files, staged=stage(connection, files, stage=source.stage))

    with ThreadPoolExecutor(1) as pool:
        ahead = [pool.submit(read, files) for files in steps[:1]]
        for number in range(len(steps)):
            current = ahead.pop().result()
            ahead += [pool.submit(read, files) for files in steps[number + 1 : number + 2]]
            yield current


def _step(
    connection: DuckDBPyConnection,
    source: Source,
    store: Store,
    manifest: Manifest,
    read: _Read,
    at: Callable[[str], None],
) -> _Step:
    """Write the files that hold `read` too; gives the manifest that names them, not yet committed."""
    files, staged = read.files, read.staged
    at("staged")
    note_jobs(connection)
    days = {
        str(row[0])
        for row in connection.execute("SELECT DISTINCT CAST(stopped_at AS DATE) FROM ledger_attempts").fetchall()
    }
    days |= pull(connection, store, manifest)
    add_kept(connection, store, manifest)
    known(
        connection,
        clusters=source.clusters,
        compute_environments=source.compute_environments,
        owners=source.owners,
    )
    before = staged_rows(connection)
    merge(connection, source.stage)
    new_days, rows = dict(manifest.days), dict(manifest.rows)
    for day in sorted(days):
        name, lines = _write_day(connection, store, manifest, day)
        new_days.pop(day, None)
        rows.pop(day, None)
        if lines:
            new_days[day], rows[day] = name, lines
        at("day")
    instances = manifest.instances
    if any(file.kind == "ecs" for file in files):
        instances = _write(
            connection, store, "instances", "SELECT * FROM ledger_instances ORDER BY container_instance_arn"
        )
    waiting, waiting_tasks = (
        _write(connection, store, "waiting", f"SELECT * FROM {table}") if count(connection, table) else None
        for table in ("usage_waiting", "tasks_waiting")
    )
    at("written")
    taken = [file for file in files if file.key not in set(staged.unreadable)]
    held = _hold(store, manifest, taken)
    at("held")
    return _Step(
        manifest=replace(
            manifest,
            days=new_days,
            rows=rows,
            instances=instances,
            waiting=waiting,
            waiting_tasks=waiting_tasks,
            held=held,
            set_aside=_aside(manifest, staged),
            set_aside_lines=manifest.set_aside_lines + len(staged.set_aside),
            duplicates=manifest.duplicates + max(0, before - kept(connection)),
        ),
        objects=len(taken),
        days=frozenset(days),
        unreadable=tuple(staged.unreadable),
    )


def _write_day(connection: DuckDBPyConnection, store: Store, manifest: Manifest, day: str) -> tuple[str, int]:
    """The day's file: merged rows, and those of the old file that no staged row speaks of."""
    columns = ", ".join(COMPACTED_COLUMNS)
    rows = f"SELECT {columns} FROM ledger_merged WHERE day = DATE '{day}'"
    old = manifest.days.get(day)
    if old is not None:
        files = listed_files([store.folder / old])
        rows += f" UNION ALL SELECT {columns} FROM read_parquet({files}) ANTI JOIN told_jobs USING (job_id)"
    name = _write(connection, store, f"attempts/day={day}", rows)
    lines = connection.execute(f"SELECT count(*) FROM read_parquet({listed_files([store.folder / name])})").fetchall()
    return name, int(lines[0][0])


def _write(connection: DuckDBPyConnection, store: Store, folder: str, rows: str) -> str:
    name, path = store.new(folder, "parquet")
    connection.execute(f"COPY ({rows}) TO '{str(path).replace(chr(39), chr(39) * 2)}' {_PARQUET}")
    _sync(path)
    return name


def _sync(path: Path) -> None:
    # a manifest on the disk must not name a file that isn't
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _hold(store: Store, manifest: Manifest, files: Sequence[RawFile]) -> Mapping[str, str]:
    new: dict[str, list[str]] = {}
    for file in files:
        new.setdefault(file.partition, []).append(file.key)
    return {
        **manifest.held,
        **{partition: store.hold([*store.held(manifest, partition), *keys]) for partition, keys in new.items()},
    }


def _aside(manifest: Manifest, staged: Staged) -> tuple[SetAside, ...]:
    return (*manifest.set_aside, *sorted(staged.set_aside.values(), key=lambda line: line.place))
