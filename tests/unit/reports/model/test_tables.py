"""What the tables are told to DuckDB and Athena."""

from __future__ import annotations

import duckdb
import pytest
from sqlglot import exp, parse_one

from reports.model.parquet import schema_of
from reports.model.tables import ATHENA_TYPES, ATTEMPTS, ON_DEMAND_PRICES, TABLES, Table

EVERY = (*TABLES, ON_DEMAND_PRICES)


@pytest.mark.parametrize(
    ("table", "partition"),
    [*((table, None) for table in EVERY), *((table, "day") for table in EVERY if "day" in table.names)],
    ids=lambda one: one.name if isinstance(one, Table) else one or "whole",
)
def test_athenas_statement_has_every_column_once(table: Table, partition: str | None) -> None:
    ddl = table.athena_ddl(database="lake", location="s3://bucket/x/", name="other", partition=partition)
    made = parse_one(ddl, dialect="athena")
    assert isinstance(made, exp.Create)
    columns = [one.name for one in made.this.expressions]
    assert [*([partition] if partition else []), *columns] == list(table.names)
    assert (made.this.this.db, made.this.this.name) == ("lake", "other")
    assert ";" not in ddl
    # Glue keeps no longer comment
    assert all(len(one.meaning) <= 255 for one in table.columns)
    assert ("projection.enabled" in ddl) == (partition is not None)


def test_days_are_projected_onto_their_folders() -> None:
    ddl = ATTEMPTS.athena_ddl(database="lake", location="s3://bucket/x/", partition="day")
    assert "'storage.location.template' = 's3://bucket/x/day=${day}/'" in ddl
    assert "PARTITIONED BY (`day` date)" in ddl


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_duckdb_athena_and_parquet_know_every_type(table: Table) -> None:
    connection = duckdb.connect()
    connection.execute(table.duckdb_ddl())
    described = connection.execute(f"DESCRIBE {table.name}").fetchall()
    assert [(row[0], row[1].replace(", ", ",")) for row in described] == [(one.name, one.type) for one in table.columns]
    assert {one.type for one in table.columns} <= set(ATHENA_TYPES)
    assert schema_of(table).names == list(table.names)
