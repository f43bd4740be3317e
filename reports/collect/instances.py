"""Whose instances and tasks are whose: what the stage's outputs say, and one life of each instance's events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from reports.collect.queries import query


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Whose instances and tasks a cluster's are."""

    name: str
    """In the settings."""
    purchase: str
    """`spot`, `on-demand` or `unmanaged`."""


def known(
    connection: DuckDBPyConnection,
    *,
    clusters: Mapping[str, Environment],
    compute_environments: Mapping[str, Environment],
    owners: Mapping[str, str],
) -> None:
    """Tell the staging tables what the stage's outputs say, and merge the events of each instance into one life."""
    for table, told in (("ledger_clusters", clusters), ("ledger_environments", compute_environments)):
        connection.execute(f"DELETE FROM {table}")
        if told:
            connection.executemany(
                f"INSERT INTO {table} VALUES (?, ?, ?)", [(arn, one.name, one.purchase) for arn, one in told.items()]
            )
    connection.execute("DELETE FROM ledger_owners")
    if owners:
        connection.executemany("INSERT INTO ledger_owners VALUES (?, ?)", list(owners.items()))
    connection.execute(query("instance_lives"))
