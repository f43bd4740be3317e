"""The ledger → DuckDB's tables `attempts` and `instances`: compacted days as they are, raw objects on top of them.

Whatever the order of lines and however often each came, an attempt is one row, on the UTC day it ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import duckdb
from duckdb import DuckDBPyConnection, IOException

from reports.collect.instances import Environment, known
from reports.collect.merging import add_kept, clear, count, kept, listed_files, merge, note_jobs, pull, staged_rows
from reports.collect.narrow import STORED, make_attempts
from reports.collect.queries import query
from reports.collect.rows import SetAside
from reports.collect.staging import KINDS, RawFile, prepare, stage
from reports.collect.store import Manifest, Store, StoreError
from reports.model.tables import INSTANCES

_SKEW: Final = timedelta(days=1)
"""A row arrives on the UTC day its attempt ended or later, by clocks that may differ."""
_MEMORY_MIB: Final = 1000
"""A report's database; Python and the renderers take about 150 beside it."""
_TRIES: Final = 20
"""A compaction that ends meanwhile removes files that are being read; then the next manifest is read."""


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


def load(connection: DuckDBPyConnection, source: Source, *, since: date | None, until: date | None) -> Loaded:
    """Fill the tables `attempts` and `instances`, made here, with what ended in `[since, until)` UTC.

    Instances are those that lived in that time. Raises StoreError for a compacted ledger of another version, and
    duckdb.Error where a compacted file is damaged.
    """
    store = None if source.compacted is None else Store(folder=source.compacted)
    for _ in range(_TRIES):
        manifest = store.manifest() if store is not None else Manifest()
        try:
            return _load(connection, source, store, manifest, since, until)
        except (IOException, FileNotFoundError):
            if store is None or store.manifest() == manifest:
                raise  # a file is damaged or lost, not replaced
    raise StoreError(f"{source.compacted}: was compacted anew each of the {_TRIES} times it was read; read it again")


def _load(
    connection: DuckDBPyConnection,
    source: Source,
    store: Store | None,
    manifest: Manifest,
    since: date | None,
    until: date | None,
) -> Loaded:
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
    make_attempts(connection, compacted)
    if compacted:
        _insert_compacted(connection, compacted, pulled=bool(read))
    connection.execute(
        f"INSERT INTO attempts BY NAME SELECT {', '.join(STORED)} FROM ledger_merged "
        "WHERE ($since IS NULL OR day >= $since) AND ($until IS NULL OR day < $until)",
        {"since": since, "until": until},
    )
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


def _insert_compacted(connection: DuckDBPyConnection, files: Sequence[Path], *, pulled: bool) -> None:
    """Compacted rows straight into `attempts`; what wasn't known when they were written is filled where it is now."""
    listed = listed_files(files)
    others = "ANTI JOIN told_jobs AS t ON t.job_id = p.job_id" if pulled else ""
    gaps = connection.execute(
        "SELECT count(*) FROM "
        f"(SELECT 1 FROM read_parquet({listed}) WHERE platform = 'ec2' AND container_instance_arn IS NOT NULL "
        "AND (instance_id IS NULL OR purchase IS NULL) "
        f"UNION ALL SELECT 1 FROM read_parquet({listed}) WHERE platform <> 'ec2' AND purchase IS NULL "
        f"UNION ALL SELECT 1 FROM read_parquet({listed}) WHERE owner = '')"
    ).fetchall()[0][0]
    if gaps:
        connection.execute(query("fill").replace("{files}", listed).replace("{others}", others))
    else:
        columns = ", ".join(f"p.{name}" for name in STORED)
        connection.execute(f"INSERT INTO attempts BY NAME SELECT {columns} FROM read_parquet({listed}) AS p {others}")
