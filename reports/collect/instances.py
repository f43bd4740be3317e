"""Instance lifetimes from the ledger's `instances/` rows: ECS's "container instance state change" events, one a line.

An instance's life begins when it was registered (or, where a row doesn't say, at its first event) and ends with the
event that says it is leaving: INACTIVE or DEREGISTERING. An instance whose agent's last word was that it lost its
connection ended there too: one that AWS takes away sometimes says no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from duckdb import DuckDBPyConnection

from reports.collect.queries import query
from reports.collect.rows import RowError, RowReader, SetAside

_GONE: Final = ("INACTIVE", "DEREGISTERING")
_CPU_UNITS: Final = 1024
"""Of a vCPU, in ECS."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Whose instances a cluster's are."""

    name: str
    """In the settings."""
    purchase: str
    """`spot` or `on-demand`."""


@dataclass(kw_only=True)
class InstanceEvents:
    """Reads lines one by one, in any order; `rows` are the columns of the staging table `ledger_instances`."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    _reader: RowReader = field(default_factory=lambda: RowReader(stage=""))

    @property
    def set_aside(self) -> dict[str, SetAside]:
        return dict(self._reader.set_aside_by_text)

    def add_lines(self, lines: Iterable[str], place: str) -> None:
        """Lines of an object under `instances/`."""
        for where, text, value in self._reader.objects(lines, place):
            try:
                self.rows.append(_row(value))
            except RowError as problem:
                self._reader.put_aside(where, str(problem), text)


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


def _row(row: Mapping[str, Any]) -> tuple[Any, ...]:
    arn, at = _text(row, "container_instance_arn"), _moment(row, "time")
    if not arn:
        raise RowError("has no container_instance_arn")
    if at is None:
        raise RowError("has no time")
    registered = _moment(row, "registered_at")
    units, memory_mib = _whole(row, "vcpus_registered"), _whole(row, "memory_mib_registered")
    connected = row.get("agent_connected")
    return (
        arn,
        _text(row, "instance_id"),
        _text(row, "cluster_arn"),
        _text(row, "instance_type"),
        None if units is None else units // _CPU_UNITS,
        memory_mib,
        at if registered is None else min(at, registered),
        at if _text(row, "status") in _GONE else None,
        at,
        connected if isinstance(connected, bool) else None,
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    raise RowError(f"has a {name} that is no text")


def _whole(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    try:
        return int(str(value))
    except ValueError:
        raise RowError(f"has the {name} {str(value)[:40]!r}, which is no whole number") from None


def _moment(row: Mapping[str, Any], name: str) -> datetime | None:
    text = _text(row, name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RowError(f"has the {name} {text[:40]!r}, which is no time") from None
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
