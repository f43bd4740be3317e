"""Runs the report's translated queries on a Trino that somebody started: what Athena's engine is made of."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
import requests

from reports.analyse.allocate import allocate
from reports.analyse.engine import query, used
from reports.analyse.proposals import MemoryRule
from reports.analyse.summary import Asked, summarise
from reports.athena.translate import Columns, translate
from reports.athena.values import value
from reports.model.report import Period
from reports.model.tables import ATTEMPTS, BILL_LINES, INSTANCES, Table
from tests.worlds.world import World, make, to_the_millisecond

_TYPES: Final = {"TIMESTAMP": "TIMESTAMP(3)"}
_ROWS_A_STATEMENT: Final = 200


class Trino:
    """An Engine over Trino's HTTP interface, in its memory connector; it drops what it made."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._tables: dict[str, Columns] = {}
        for kind, name in self._leftovers():
            self.ask(f'DROP {kind} "{name}"')

    def rows(
        self, name: str, parameters: Mapping[str, object] | None = None, words: Mapping[str, str] | None = None
    ) -> list[dict[str, Any]]:
        text = query(name, words)
        told = translate(text, tables=self._tables, parameters=used(text, parameters or {}))
        return self.ask(told.select)

    def step(self, name: str, parameters: Mapping[str, object] | None = None) -> None:
        text = query(name)
        told = translate(text, tables=self._tables, parameters=used(text, parameters or {}))
        assert told.target is not None
        begin = {"table": "CREATE TABLE {} AS ", "view": "CREATE VIEW {} AS ", "insert": "INSERT INTO {} "}[told.kind]
        self.ask(begin.format(f'"{told.target}"') + told.select)
        if told.kind != "insert":
            self._tables[told.target] = told.columns

    def put(self, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
        columns = ", ".join(f'"{one.name}" {_TYPES.get(one.type, one.type)}' for one in table.columns)
        self.ask(f'CREATE TABLE "{table.name}" ({columns})')
        self._tables[table.name] = {one.name: one.type for one in table.columns}
        told = [f"({', '.join(_literal(row.get(one.name), one.type) for one in table.columns)})" for row in rows]
        for begin in range(0, len(told), _ROWS_A_STATEMENT):
            self.ask(f'INSERT INTO "{table.name}" VALUES ' + ", ".join(told[begin : begin + _ROWS_A_STATEMENT]))

    def write(self, name: str, parameters: Mapping[str, object], *, table: Table, file: Path) -> None:
        raise OSError(f"{file}: Trino writes no file of {name} here; Athena and DuckDB do")

    def ask(self, statement: str) -> list[dict[str, Any]]:
        """Run a statement to its end; raises AssertionError with Trino's reason."""
        headers = {
            "X-Trino-User": "worlds",
            "X-Trino-Catalog": "memory",
            "X-Trino-Schema": "default",
            "X-Trino-Time-Zone": "UTC",
        }
        session = requests.Session()
        session.trust_env = False
        answer = session.post(f"{self._address}/v1/statement", data=statement.encode(), headers=headers, timeout=60)
        columns: Sequence[Mapping[str, Any]] = ()
        rows: list[dict[str, Any]] = []
        while True:
            told = answer.json()
            assert "error" not in told, f"{told['error']['message']}\n{statement}"
            columns = told.get("columns", columns)
            for data in told.get("data", ()):
                texts = (None if one is None else str(one) for one in data)
                rows.append({c["name"]: value(c["type"], t) for c, t in zip(columns, texts, strict=True)})
            if "nextUri" not in told:
                return rows
            answer = session.get(told["nextUri"], headers=headers, timeout=60)

    def _leftovers(self) -> list[tuple[str, str]]:
        found = self.ask("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'default'")
        return [("VIEW" if row["table_type"] == "VIEW" else "TABLE", row["table_name"]) for row in found]


def _literal(told: object, kind: str) -> str:
    if told is None or told != told:  # pandas' NaN and NaT
        return "NULL"
    if isinstance(told, datetime):
        return f"TIMESTAMP '{told.isoformat(sep=' ', timespec='milliseconds')}'"
    if isinstance(told, date):
        return f"DATE '{told.isoformat()}'"
    if kind.startswith("DECIMAL"):
        return f"CAST('{Decimal(str(told))}' AS {kind})"
    if kind == "DOUBLE":
        return f"DOUBLE '{told}'"
    if kind == "BOOLEAN":
        return str(bool(told)).upper()
    if kind in ("BIGINT", "INTEGER"):
        return str(int(str(told).partition(".")[0]))
    return "'" + str(told).replace("'", "''") + "'"


def compare(address: str) -> list[str]:
    """The parts of a fortnight's report that Trino and DuckDB don't agree on."""
    made = to_the_millisecond(make(World(seed=21, days=14, instances=20, fargate_attempts=150, reclaim_fraction=0.3)))
    connection = duckdb.connect()
    trino = Trino(address)
    for table, frame in ((ATTEMPTS, made.attempts), (INSTANCES, made.instances), (BILL_LINES, made.bill_lines)):
        connection.execute(table.duckdb_ddl())
        connection.register("frame", frame)
        connection.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM frame")
        cursor = connection.execute(f"SELECT * FROM {table.name}")
        trino.put(table, [dict(zip(table.names, row, strict=True)) for row in cursor.fetchall()])
    asked = Asked(
        stack="prod",
        currency="USD",
        period=Period(since=date(2026, 11, 9), until=date(2026, 11, 16), label="2026-W46"),
        previous=Period(since=date(2026, 11, 2), until=date(2026, 11, 9), label="2026-W45"),
        generated_at=datetime(2026, 11, 16, 6, tzinfo=UTC),
        budgets={"prod": 10**11, "owner media": 10**10},
        memory_now={f"job-{n}": 512 * (1 + n % 4) for n in range(8)},
        sold=lambda platform, vcpus, mib: -(-mib // 64) * 64,
        rule=MemoryRule(),
        on_demand={"SpotUsage:m6i.large": 96_000_000},
    )
    now = asked.generated_at.replace(tzinfo=None)
    if allocate(connection, now=now) != allocate(trino, now=now):
        return ["the allocation"]
    here, there = (summarise(one, asked).model_dump() for one in (connection, trino))
    return [name for name in here if rounded(here[name]) != rounded(there[name])]


def rounded(told: Any) -> Any:
    """Sums of floating-point numbers have their last digit by their order."""
    if isinstance(told, dict):
        return {name: rounded(value) for name, value in told.items()}
    if isinstance(told, (list, tuple)):
        return [rounded(value) for value in told]
    return float(f"{told:.12g}") if isinstance(told, float) else told


if __name__ == "__main__":
    differing = compare(sys.argv[1])
    sys.exit(f"Trino and DuckDB differ in {', '.join(differing)}" if differing else None)
