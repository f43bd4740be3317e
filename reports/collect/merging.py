"""Staged rows together with compacted ones → one row an attempt. Shared by reading and compacting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from duckdb import DuckDBPyConnection

from reports.collect.queries import query
from reports.collect.store import Manifest, Store
from reports.model.tables import ATTEMPTS

COMPACTED_COLUMNS: Final = (
    *ATTEMPTS.names,
    "container_instance_arn",
    "attempts_told",
    "event_time",
    "event_id",
    "usage_ended_at",
    "usage_environment",
    "task_id",
    "task_cluster_arn",
    "pull_not_believed",
)
"""Columns of a compacted file: those of `attempts`, and what merging with later rows needs."""
_STAGED_AGAIN: Final = (
    *("job_id", "attempt", "job", "queue", "platform", "image", "vcpus", "memory_mib", "submitted_at", "started_at"),
    *("stopped_at", "outcome", "exit_code", "array_index", "container_instance_arn", "attempts_told", "event_time"),
    *("event_id", "task_id", "environment", "purchase", "instance_id"),
)
_SKEW: Final = timedelta(days=1)
_MADE: Final = (
    *("ledger_attempts", "ledger_usage", "ledger_tasks", "ledger_merged", "usage_waiting", "tasks_waiting"),
    *("contested_jobs", "contested_usage", "tasks_once"),
)


def add_kept(connection: DuckDBPyConnection, store: Store, manifest: Manifest) -> None:
    """Stage the instances known so far, and the probe's lines and tasks that still wait for their attempt."""
    for table, name in (
        ("ledger_instances", manifest.instances),
        ("ledger_usage", manifest.waiting),
        ("ledger_tasks", manifest.waiting_tasks),
    ):
        if name is not None:
            files = listed_files([store.folder / name])
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM read_parquet({files})")


def note_jobs(connection: DuckDBPyConnection) -> None:
    """Remember in `told_jobs` which jobs the staged rows speak of."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE told_jobs AS "
        "SELECT job_id FROM ledger_attempts UNION SELECT job_id FROM ledger_usage"
    )


def pull(connection: DuckDBPyConnection, store: Store, manifest: Manifest) -> set[str]:
    """Stage the compacted rows of `told_jobs`, and of jobs whose task is staged; gives the days they are on.

    To be called before `add_kept`: what waited until now waits for attempts that aren't compacted yet.
    """
    first, without_a_day = connection.execute(query("pull_from")).fetchall()[0]
    days = manifest.between(None if first is None or without_a_day else first - _SKEW, None)
    if not days:
        return set()
    files = listed_files([store.folder / name for name in days.values()])
    connection.execute(
        f"INSERT INTO told_jobs SELECT DISTINCT p.job_id FROM read_parquet({files}) AS p "
        "SEMI JOIN (SELECT task_id FROM ledger_tasks ANTI JOIN ledger_attempts USING (task_id)) AS t USING (task_id) "
        "ANTI JOIN told_jobs AS j ON j.job_id = p.job_id"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE pulled AS SELECT p.* FROM read_parquet({files}) AS p "
        "SEMI JOIN told_jobs AS t ON t.job_id = p.job_id"
    )
    connection.execute(f"INSERT INTO ledger_attempts BY NAME SELECT {', '.join(_STAGED_AGAIN)} FROM pulled")
    connection.execute(
        "INSERT INTO ledger_usage BY NAME SELECT job_id, attempt, owner, usage_environment AS compute_environment, "
        "peak_memory_mib, cpu_s, items, '' AS started_at, usage_ended_at AS ended_at "
        "FROM pulled WHERE usage_ended_at IS NOT NULL"
    )
    connection.execute(
        "INSERT INTO ledger_tasks BY NAME SELECT task_id, task_cluster_arn AS cluster_arn, "
        "coalesce(pull_started_at, pull_not_believed) AS pull_started_at FROM pulled WHERE task_cluster_arn IS NOT NULL"
    )
    found = {str(row[0]) for row in connection.execute("SELECT DISTINCT day FROM pulled").fetchall()}
    connection.execute("DROP TABLE pulled")
    return found


def merge(connection: DuckDBPyConnection, stage_name: str) -> None:
    """Staging tables → `ledger_merged`, `usage_waiting` and `tasks_waiting`."""
    for statement in query("merge").split(";\n"):
        connection.execute(statement, {"stage": stage_name} if "$stage" in statement else {})


def clear(connection: DuckDBPyConnection) -> None:
    """Drop what merging made and took."""
    for name in _MADE:
        connection.execute(f"DROP TABLE IF EXISTS {name}")


def count(connection: DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def staged_rows(connection: DuckDBPyConnection) -> int:
    """Rows that merging is about to take, without instances'."""
    return sum(count(connection, table) for table in ("ledger_attempts", "ledger_usage", "ledger_tasks"))


def kept(connection: DuckDBPyConnection) -> int:
    """Those of `staged_rows` that merging kept."""
    measured = count(connection, "ledger_merged WHERE usage_ended_at IS NOT NULL")
    return sum(count(connection, table) for table in ("ledger_merged", "usage_waiting", "tasks_once")) + measured


def listed_files(files: Sequence[Path]) -> str:
    """The files as a list in SQL."""
    return "[" + ", ".join("'" + str(file).replace("'", "''") + "'" for file in files) + "]"
