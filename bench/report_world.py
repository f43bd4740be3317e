"""A stage's month at scale, made by DuckDB in one go: compacted days, raw objects of the same attempts, and the bill.

An instance has four vCPUs and runs attempts of a vCPU each, one after another on every vCPU, for about eight hours; a
tenth of the attempts run on Fargate. Numbers come from the row's number, so a size is always the same month.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import duckdb

from reports.collect.instances import Environment
from reports.collect.load import Source
from reports.collect.store import Manifest, Store

STAGE: Final = "prod"
START: Final = date(2026, 11, 1)
DAYS: Final = 30
CLUSTERS: Final = {
    f"arn:aws:ecs:us-east-1:123456789012:cluster/{name}": Environment(name=name, purchase=purchase)
    for name, purchase in (("spot", "spot"), ("on-demand", "on-demand"), ("fargate", "on-demand"))
}
COMPUTE_ENVIRONMENTS: Final = {"batchyard-prod-fargate-0a1b": Environment(name="fargate", purchase="on-demand")}
_AN_INSTANCE: Final = 96
_OBJECTS_A_DAY: Final = 4
_RAW: Final = (
    *(("attempts", "attempt_lines"), ("usage", "usage_lines")),
    *(("ecs", "task_lines"), ("ecs", "instance_lines")),
)


def make(folder: Path, *, attempts: int, raw: bool) -> None:
    """Write `compacted/` and `bill.parquet` under `folder`, and with `raw` the same attempts under `raw/`."""
    folder.mkdir(parents=True)
    on_ec2 = attempts * 9 // 10 // _AN_INSTANCE * _AN_INSTANCE
    sizes = {
        "instances": on_ec2 // _AN_INSTANCE,
        "on_ec2": on_ec2,
        "on_fargate": attempts - on_ec2,
        "span_us": (DAYS * 24 - 10) * 3_600_000_000,
        "span_ms": (DAYS * 24 - 10) * 3_600_000,
    }
    with duckdb.connect(str(folder / "world.duckdb")) as connection:
        connection.execute("SET preserve_insertion_order = FALSE; SET memory_limit = '2GB'")
        connection.execute(_query("instances").format(**sizes))
        connection.execute(_query("attempts").format(**sizes))
        connection.execute(f"COPY ({_query('bill')}) TO '{folder / 'bill.parquet'}'")
        _compacted(connection, Store(folder=folder / "compacted"))
        if raw:
            _raw(connection, folder / "raw")
    (folder / "world.duckdb").unlink()


def source(folder: Path, *, compacted: str = "compacted", raw: str = "none") -> Source:
    """The month as the collector takes it."""
    return Source(
        stage=STAGE,
        raw=folder / raw,
        compacted=folder / compacted,
        clusters=CLUSTERS,
        compute_environments=COMPUTE_ENVIRONMENTS,
    )


def _compacted(connection: duckdb.DuckDBPyConnection, store: Store) -> None:
    manifest = Manifest()
    days: dict[str, str] = {}
    for day in _days():
        name, path = store.new(f"attempts/day={day}", "parquet")
        connection.execute(
            f"COPY ({_query('compacted')} WHERE CAST(stopped_at AS DATE) = DATE '{day}') TO '{path}' (COMPRESSION zstd)"
        )
        days[day] = name
    name, path = store.new("instances", "parquet")
    connection.execute(f"COPY ({_query('hosts')}) TO '{path}' (COMPRESSION zstd)")
    store.commit(replace(manifest, days=days, instances=name))


def _raw(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for day in _days():
        for kind, lines in _RAW:
            place = folder / kind / f"day={day}"
            place.mkdir(parents=True, exist_ok=True)
            for number in range(_OBJECTS_A_DAY):
                chosen = f"CAST(stopped_at AS DATE) = DATE '{day}' AND n % {_OBJECTS_A_DAY} = {number}"
                connection.execute(
                    f"COPY ({_query(lines)} WHERE {chosen}) TO '{place / f'{lines}-{number}'}' "
                    "(FORMAT csv, HEADER FALSE, QUOTE '', ESCAPE '', DELIMITER '\x01')"
                )


def _query(name: str) -> str:
    return (Path(__file__).parent / "queries" / f"world_{name}.sql").read_text(encoding="utf-8")


def _days() -> list[str]:
    return [(START + timedelta(days=n)).isoformat() for n in range(DAYS)]
