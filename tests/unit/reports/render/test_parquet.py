"""A report as Parquet: every table, typed, money twice and the same."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from reports.model.report import Report
from reports.render.parquet import ALLOCATIONS, parquet_tables, write_parquet
from reports.render.tables import tables
from tests.unit.reports.render.test_formats import report as report  # a fixture


def test_every_table_of_the_csv_is_there_and_their_money_is_the_reports(report: Report) -> None:
    made = parquet_tables(report)
    assert {f"{table.key}.parquet" for table in tables(report)} <= set(made)
    assert ALLOCATIONS not in made
    groups = made["by-job.parquet"].to_pylist()
    assert [row["cost_nano"] for row in groups] == [group.cost_nano for group in report.breakdowns["job"]]
    assert all(row["cost"] == Decimal(row["cost_nano"]).scaleb(-9) for row in groups)
    assert made["by-job.parquet"].schema.field("cost").type == pa.decimal128(38, 9)
    assert made["days.parquet"].schema.field("day").type == pa.date32()


def test_a_table_without_rows_keeps_its_columns(report: Report) -> None:
    empty = report.model_copy(update={"jobs": (), "spot": None, "forecast": None, "breakdowns": {}})
    made = parquet_tables(empty)
    assert made.keys() == parquet_tables(report).keys()
    for name in ("jobs", "spot", "month", "by-owner"):
        assert made[f"{name}.parquet"].num_rows == 0
        assert made[f"{name}.parquet"].schema == parquet_tables(report)[f"{name}.parquet"].schema


@pytest.mark.parametrize("name", ["by-job", "waste", "identity"])
def test_a_file_is_read_by_others_as_it_is(report: Report, tmp_path: Path, name: str) -> None:
    table = parquet_tables(report)[f"{name}.parquet"]
    write_parquet(table, tmp_path / "x.parquet")
    found = duckdb.execute(f"SELECT sum(cost_nano), sum(cost) FROM '{tmp_path}/x.parquet'").fetchall()
    assert found[0][0] == sum(table["cost_nano"].to_pylist())
    assert found[0][1] == Decimal(found[0][0]).scaleb(-9)
