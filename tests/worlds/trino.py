"""Runs the report's translated queries on a Trino that somebody started: what Athena's engine is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import requests

from reports.analyse.engine import query, used
from reports.athena.translate import Columns, translate
from reports.athena.values import value
from reports.model.tables import Table

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
