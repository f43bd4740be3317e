"""The ledger → `attempts` and `instances` in DuckDB: compacted days as they are, raw objects on top of them.

Whatever the order of lines and however often each came, an attempt is one row, on the UTC day it ended. `attempts` is a
view: compacted files are read where they lie, the columns that are asked for each time, and never copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import duckdb
from duckdb import DuckDBPyConnection

from reports.collect.instances import Environment, known
from reports.collect.merging import add_kept, clear, count, kept, listed_files, merge, note_jobs, pull, staged_rows
from reports.collect.queries import query
from reports.collect.rows import SetAside
from reports.collect.staging import KINDS, RawFile, prepare, stage
from reports.collect.store import Manifest, Store
from reports.model.tables import ATTEMPTS, INSTANCES

_SKEW: Final = timedelta(days=1)
"""A row arrives on the UTC day its attempt ended or later, by clocks that may differ."""
_MEMORY_MIB: Final = 1000
"""A report's database; Python and the renderers take about 150 beside it."""


def open_database(folder: Path, *, memory_mib: int = _MEMORY_MIB) -> DuckDBPyConnection:
    """A database for one report in `folder`, which may go afterwards. It takes `memory_mib` at most, roughly."""
    return duckdb.connect(
        str(folder / "report.duckdb"),
        config={
            "memory_limit": f"{memory_mib}MiB",
            "temp_directory": str(folder / "spill"),
            "preserve_insertion_order": False,
        },
    )


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a stage's ledger is on this machine, and what its rows don't say."""

    stage: str
    raw: Path
    """Folder with `attempts/day=…/…`, `usage/day=…/…`, `ecs/day=…/…`, as in the bucket."""
    compacted: Path | None = None
    """Folder of the compacted ledger."""
    clusters: Mapping[str, Environment] = field(default_factory=dict)
    """ECS cluster's ARN → the compute environment whose instances it has."""
    compute_environments: Mapping[str, Environment] = field(default_factory=dict)
    """AWS's name of a compute environment → ours, for attempts without an instance."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """Job → owner, for attempts without a probe's line."""

    def files(self, kinds: Sequence[str] = KINDS) -> Iterator[RawFile]:
        """Every raw object here, in the order of the keys."""
        for kind in kinds:
            for path in sorted((self.raw / kind).rglob("*")):
                # a name with a dot in front is a download that hasn't ended
                if path.is_file() and not path.name.startswith("."):
                    yield RawFile(key=path.relative_to(self.raw).as_posix(), path=path)

    def reading(self) -> AbstractContextManager[None]:
        """Held from before `load` to the end of what is asked of `attempts`: compacted files stay, whoever compacts."""
        return nullcontext() if self.compacted is None else Store(folder=self.compacted).reading()


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What `load` found."""

    attempts: int
    instances: int
    duplicates: int
    """Rows that said nothing another didn't."""
    set_aside: tuple[SetAside, ...]
    set_aside_lines: int
    """All of them; `set_aside` may hold fewer."""
    usage_without_attempt: int
    tasks_without_attempt: int
    pulls_not_believed: int
    """Attempts whose image's pull began, by the task's clock, after their start or long before they were submitted."""
    files_read: int
    """Raw objects read; the compacted ones aren't among them."""
    compacted_days: int
    unreadable: tuple[str, ...] = ()
    """Raw objects that couldn't be read from the disk."""


def load(
    connection: DuckDBPyConnection,
    source: Source,
    *,
    since: date | None,
    until: date | None,
    begun_before: date | None = None,
) -> Loaded:
    """Make the view `attempts` and the table `instances` with what ended in `[since, until)` UTC.

    Attempts that began on `begun_before` or later are left out; instances are those that lived in that time. Hold
    `source.reading()` as long as `attempts` is asked. Raises StoreError for a compacted ledger of another version, and
    duckdb.Error where a compacted file is damaged; one that is damaged inside raises it when it is asked.
    """
    store = None if source.compacted is None else Store(folder=source.compacted)
    manifest = store.manifest() if store is not None else Manifest()
    connection.execute(f"DROP TABLE IF EXISTS {INSTANCES.name}")
    connection.execute(INSTANCES.duckdb_ddl())
    prepare(connection)
    files = _wanted(source, store, manifest, since)
    staged = stage(connection, files, stage=source.stage)
    read = staged_rows(connection)
    if read:
        note_jobs(connection)
    if store is not None:
        if read:
            pull(connection, store, manifest)
        add_kept(connection, store, manifest)
    known(
        connection,
        clusters=source.clusters,
        compute_environments=source.compute_environments,
        owners=source.owners,
    )
    before = staged_rows(connection)
    merge(connection, source.stage)
    used = kept(connection)
    days = manifest.between(since, until)
    compacted = [store.folder / name for name in days.values()] if store is not None else []
    _make_attempts(connection, compacted, since, until, begun_before, pulled=bool(read))
    connection.execute(query("instances"), {"since": since, "until": until, "stage": source.stage})
    waiting, tasks_waiting = count(connection, "usage_waiting"), count(connection, "tasks_waiting")
    not_believed = _not_believed(connection, compacted, since, until, pulled=bool(read))
    clear(connection)
    return Loaded(
        attempts=count(connection, "attempts"),
        instances=count(connection, "instances"),
        duplicates=manifest.duplicates + max(0, before - used),
        set_aside=tuple(
            sorted({*manifest.set_aside, *staged.set_aside.values()}, key=lambda line: (line.place, line.text))
        ),
        set_aside_lines=manifest.set_aside_lines + len(staged.set_aside),
        usage_without_attempt=waiting,
        tasks_without_attempt=tasks_waiting,
        pulls_not_believed=not_believed,
        files_read=len(files),
        compacted_days=len(days),
        unreadable=tuple(staged.unreadable),
    )


def load_nothing(connection: DuckDBPyConnection) -> None:
    """`attempts` and `instances` without a row, where there is no ledger."""
    connection.execute(f"DROP VIEW IF EXISTS {ATTEMPTS.name}")
    connection.execute(f"DROP TABLE IF EXISTS {INSTANCES.name}")
    for table in (ATTEMPTS, INSTANCES):
        connection.execute(table.duckdb_ddl())


def _wanted(source: Source, store: Store | None, manifest: Manifest, since: date | None) -> list[RawFile]:
    """Raw objects that no compacted file holds and that may tell of the time asked for."""
    first = None if since is None else since - _SKEW
    held: dict[str, frozenset[str]] = {}
    wanted = []
    for file in source.files():
        if first is not None and file.arrived is not None and file.arrived < first:
            continue
        if store is not None:
            if file.partition not in held:
                held[file.partition] = store.held(manifest, file.partition)
            if file.key in held[file.partition]:
                continue
        wanted.append(file)
    return wanted


def _not_believed(
    connection: DuckDBPyConnection, compacted: Sequence[Path], since: date | None, until: date | None, *, pulled: bool
) -> int:
    rows = (
        "SELECT count(*) FROM ledger_merged WHERE pull_not_believed IS NOT NULL "
        "AND ($since IS NULL OR day >= $since) AND ($until IS NULL OR day < $until)"
    )
    if compacted:
        others = "ANTI JOIN told_jobs USING (job_id)" if pulled else ""
        rows += (
            f" UNION ALL SELECT count(*) FROM read_parquet({listed_files(compacted)}) {others} "
            "WHERE pull_not_believed IS NOT NULL"
        )
    return sum(row[0] for row in connection.execute(rows, {"since": since, "until": until}).fetchall())


def _make_attempts(
    connection: DuckDBPyConnection,
    compacted: Sequence[Path],
    since: date | None,
    until: date | None,
    begun_before: date | None,
    *,
    pulled: bool,
) -> None:
    """The view: staged rows, and compacted ones with what wasn't known when they were written filled in."""
    columns = ", ".join(ATTEMPTS.names)
    begun = (
        "TRUE" if begun_before is None else f"coalesce(pull_started_at, started_at, stopped_at) < DATE '{begun_before}'"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE staged_attempts AS SELECT {columns} FROM ledger_merged "
        f"WHERE ($since IS NULL OR day >= $since) AND ($until IS NULL OR day < $until) AND {begun}",
        {"since": since, "until": until},
    )
    rows = [f"SELECT {columns} FROM staged_attempts"]
    if compacted:
        listed = listed_files(compacted)
        gaps = connection.execute(query("gaps").replace("{files}", listed)).fetchall()[0][0]
        told = query("fill").replace("{files}", listed) if gaps else f"SELECT p.* FROM read_parquet({listed}) AS p"
        others = "ANTI JOIN told_jobs AS t ON t.job_id = p.job_id" if pulled else ""
        rows.append(f"SELECT {columns} FROM ({told} {others}) WHERE {begun}")
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {ATTEMPTS.name} AS {' UNION ALL '.join(rows)}")
