"""Who holds the tables and answers queries: DuckDB on this machine, or Athena. The queries are the same."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow as pa
from duckdb import DuckDBPyConnection

from reports.model.parquet import schema_of, with_amounts
from reports.model.tables import Table

_ROWS_AT_ONCE: Final = 100_000


class Engine(Protocol):
    """What allocating and summarising need. A query is a file of `reports/analyse/queries`, by its name."""

    def rows(
        self, name: str, parameters: Mapping[str, object] | None = None, words: Mapping[str, str] | None = None
    ) -> list[dict[str, Any]]:
        """A query's rows by column. `parameters` are its `$name`s, others are left out; `words` its `{name}`s."""

    def step(self, name: str, parameters: Mapping[str, object] | None = None) -> None:
        """A query that makes a table or a view, or adds to one."""

    def put(self, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
        """A small table that this machine knows."""

    def write(self, name: str, parameters: Mapping[str, object], *, table: Table, file: Path) -> None:
        """A query's rows, which have the columns of `table`, into a Parquet file, however many they are."""


class LocalEngine:
    """DuckDB in this process."""

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection

    def rows(
        self, name: str, parameters: Mapping[str, object] | None = None, words: Mapping[str, str] | None = None
    ) -> list[dict[str, Any]]:
        text = query(name, words)
        cursor = self._connection.execute(text, used(text, parameters or {}))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def step(self, name: str, parameters: Mapping[str, object] | None = None) -> None:
        text = query(name)
        self._connection.execute(text, used(text, parameters or {}))

    def put(self, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
        self._connection.execute(table.duckdb_ddl())
        values = [[row.get(name) for name in table.names] for row in rows]
        if values:
            marks = ", ".join("?" for _ in table.columns)
            self._connection.executemany(f"INSERT INTO {table.name} VALUES ({marks})", values)

    def write(self, name: str, parameters: Mapping[str, object], *, table: Table, file: Path) -> None:
        text = query(name)
        told = self._connection.sql(text, params=used(text, parameters))
        write_rows(told.to_arrow_reader(_ROWS_AT_ONCE), table=table, file=file)


def write_rows(batches: Iterable[pa.RecordBatch], *, table: Table, file: Path) -> None:
    """Rows with the columns of `table` into a Parquet file, with amounts beside nano-dollars; whole or not at all."""
    schema = schema_of(table)
    part = file.with_name(f".{uuid.uuid4().hex}{file.suffix}")
    try:
        _write_rows(batches, schema, part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _write_rows(batches: Iterable[pa.RecordBatch], schema: pa.Schema, file: Path) -> None:
    import pyarrow.parquet as pq  # slow to load, and seldom needed

    with pq.ParquetWriter(file, with_amounts(schema.empty_table()).schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_table(with_amounts(pa.Table.from_batches([batch]).select(schema.names).cast(schema)))


def engine_of(holder: DuckDBPyConnection | Engine) -> Engine:
    """`holder` itself, or the engine of a DuckDB connection."""
    return LocalEngine(holder) if isinstance(holder, DuckDBPyConnection) else holder


def query(name: str, words: Mapping[str, str] | None = None) -> str:
    """The text of a query, DuckDB's dialect, with `{word}`s filled in: names of columns, never what people wrote."""
    text = resources.files("reports.analyse.queries").joinpath(f"{name}.sql").read_text(encoding="utf-8")
    for word, value in (words or {}).items():
        text = text.replace(f"{{{word}}}", value)
    return text


def used(text: str, parameters: Mapping[str, object]) -> dict[str, object]:
    """The parameters that a query asks for."""
    return {name: value for name, value in parameters.items() if f"${name}" in text}
