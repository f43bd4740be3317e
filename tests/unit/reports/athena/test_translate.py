"""What is told to Athena means what DuckDB was told, or nothing is told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pytest
from sqlglot import exp, parse_one

from local.home import REPOSITORY
from reports.analyse.allocate import STEPS
from reports.analyse.engine import query
from reports.athena.translate import Columns, NotTranslatable, literal, translate
from reports.model.tables import ATTEMPTS, BILL_LINES, INSTANCES, ON_DEMAND_PRICES
from tests.worlds.athena import in_duckdb, like_athena


def at(*parts: int) -> datetime:
    """A time as the tables hold it: UTC without a zone."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[misc, arg-type]


GIVEN: dict[str, object] = {
    "now": at(2026, 12, 1, 6, 30, 0, 123456),
    "edge_us": 600_000_000,
    "since": date(2026, 11, 9),
    "until": date(2026, 11, 16),
    "previous": date(2026, 11, 2),
    "owner": "o'hara; DROP TABLE x --",
}
MADE_LATER = ("spot_days", "cost_cube", "run_cube")


def every_query() -> dict[str, str]:
    """Name → text, in an order in which each finds the tables it asks."""
    names = [file.stem for file in sorted((REPOSITORY / "reports" / "analyse" / "queries").glob("*.sql"))]
    first = [*STEPS, *(name for name in MADE_LATER if name not in STEPS)]
    return {name: query(name, {"dimension": "owner"}) for name in dict.fromkeys([*first, *names])}


def model() -> dict[str, Columns]:
    tables = (ATTEMPTS, INSTANCES, BILL_LINES, ON_DEMAND_PRICES)
    return {table.name: {one.name: one.type for one in table.columns} for table in tables}


def test_every_query_is_translated_and_names_only_tables_and_columns_there_are() -> None:
    tables = model()
    for name, text in every_query().items():
        told = translate(text, tables=tables, parameters=GIVEN)
        tree = parse_one(told.select, dialect="trino")
        views = {one.alias for one in tree.find_all(exp.CTE)}
        assert {one.name for one in tree.find_all(exp.Table)} <= {*tables, *views}, name
        assert len(told.select) < 200_000, name  # Athena takes 262,144
        if told.kind in ("table", "view"):
            assert told.target is not None
            tables[told.target] = told.columns


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("SELECT 1 AS x", "rows"),
        ("CREATE TEMP TABLE made AS SELECT 1 AS x", "table"),
        ("CREATE TEMP VIEW made AS WITH y AS (SELECT 1 AS x) SELECT x FROM y", "view"),
        ("INSERT INTO made WITH y AS (SELECT 1 AS x) SELECT x FROM y", "insert"),
    ],
)
def test_a_statement_says_where_its_rows_go(text: str, kind: str) -> None:
    told = translate(text, tables=model())
    assert (told.kind, told.target) == (kind, None if kind == "rows" else "made")
    assert list(told.columns) == ["x"]
    assert "made" not in told.select


def test_tables_are_named_where_they_are() -> None:
    place = exp.Table(this=exp.to_identifier("run_1_attempts", quoted=True), db=exp.to_identifier("lake", quoted=True))
    text = "WITH attempts_of AS (SELECT job FROM attempts) SELECT job FROM attempts_of"
    told = translate(text, tables=model(), places={"attempts": place})
    assert 'FROM "lake"."run_1_attempts" AS "attempts"' in told.select
    assert 'FROM "attempts_of" AS "attempts_of"' in told.select


def test_texts_cannot_leave_their_quotes() -> None:
    told = translate("SELECT job FROM attempts WHERE owner = $owner", tables=model(), parameters=GIVEN)
    assert "= 'o''hara; DROP TABLE x --'" in told.select


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (7, "7"),
        (True, "TRUE"),
        (date(2026, 11, 9), "CAST('2026-11-09' AS DATE)"),
        (at(2026, 11, 9, 1, 2, 3, 4999), "CAST('2026-11-09 01:02:03.004' AS TIMESTAMP)"),
    ],
)
def test_values_are_typed(value: object, written: str) -> None:
    assert literal(value).sql("athena") == written


@pytest.mark.parametrize("value", [1.5, None, datetime(2026, 11, 9, tzinfo=UTC), ["x"]])
def test_a_value_without_an_exact_literal_is_refused(value: object) -> None:
    with pytest.raises(NotTranslatable):
        literal(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT nope FROM attempts", "nope"),
        ("SELECT job FROM nowhere", "nowhere"),
        ("SELECT list_sort([job]) FROM attempts", "ArraySort"),
        ("SELECT job FROM attempts QUALIFY row_number() OVER (PARTITION BY job) = 1", "Qualify"),
        ("SELECT regexp_extract(job, 'x') AS x FROM attempts", "RegexpExtract"),
        ("SELECT secret_function(job) AS x FROM attempts", "the function secret_function"),
        ("SELECT unnest([1, 2]) AS x FROM attempts", "unnest of"),
        ("SELECT unnest(range(started_at, stopped_at, INTERVAL 1 MONTH)) AS x FROM attempts", "its step"),
        ("SELECT CAST(attempt AS UHUGEINT) AS x FROM attempts", "a cast to"),
        ("SELECT job FROM attempts WHERE day = $day", "no value is given for $day"),
        ("DELETE FROM attempts", "a statement of the kind Delete"),
        ("SELECT FROM WHERE", "Expected table name"),
    ],
)
def test_what_may_mean_something_else_is_refused(text: str, said: str) -> None:
    with pytest.raises(NotTranslatable) as problem:
        translate(text, tables=model())
    assert said in str(problem.value)


EDGES = [
    "SELECT CAST(7 AS HUGEINT) * 3 // 2 AS x, -7 // 2 AS y, 7 // attempt AS z, -7 // attempt AS n FROM attempts",
    "SELECT 7 / 2 AS x, CAST(7 AS HUGEINT) / 2 AS y, memory_mib / 1024.0 AS z FROM attempts",
    "SELECT CAST(99999999999999999999 AS HUGEINT) * 99999999 // 33333 AS x FROM attempts",
    "SELECT least(1.0, peak_memory_mib) AS x, greatest(attempt, exit_code, array_index) AS y FROM attempts",
    "SELECT greatest(exit_code, array_index) AS none, least(exit_code, array_index, 3) AS some FROM attempts",
    "SELECT job, unnest(range(date_trunc('hour', started_at), stopped_at, INTERVAL 1 HOUR)) AS h FROM attempts",
    "SELECT job, unnest(range(attempt, memory_mib)) AS n FROM attempts",
    "SELECT job, unnest(max(stopped_at, 2)) AS at FROM attempts GROUP BY job",
    "SELECT epoch_us(stopped_at) - epoch_us(started_at) AS us FROM attempts",
    "SELECT date_trunc('day', started_at + to_microseconds(greatest(attempt * 1000000, 1))) AS d FROM attempts",
    "SELECT job, quantile_cont(memory_mib, 0.5) AS p50, quantile_cont(memory_mib, 0.95) FILTER (WHERE attempt = 1) "
    "AS p95, quantile_cont(exit_code, 0.5) AS none FROM attempts GROUP BY job",
    "SELECT job, day, count(*) AS n, 'x' AS what, any_value(owner) AS owner FROM attempts GROUP BY ALL",
    "SELECT * FROM attempts JOIN (SELECT job, max(day) AS last FROM attempts GROUP BY job) USING (job)",
    "SELECT a.job FROM attempts AS a SEMI JOIN (SELECT job FROM attempts WHERE attempt > 1) AS b ON b.job = a.job",
    "SELECT a.job FROM attempts AS a ANTI JOIN (SELECT job FROM attempts WHERE attempt > 1) AS b ON b.job = a.job",
    "SELECT sum(memory_mib) AS s, sum(vcpus) AS v, sum(memory_mib) FILTER (WHERE attempt > 9) AS none FROM attempts",
    "SELECT job, sum(memory_mib) // count(*) AS mean FROM attempts GROUP BY job HAVING sum(memory_mib) > 1",
]


@pytest.fixture(scope="module")
def few() -> duckdb.DuckDBPyConnection:
    connection = like_athena(duckdb.connect())
    connection.execute(ATTEMPTS.duckdb_ddl())
    for number in range(1, 12):
        begin = at(2026, 11, 9, 22, 59, 59, 999_000 - number * 1000)
        row: dict[str, Any] = dict.fromkeys(ATTEMPTS.names)
        row |= {"day": date(2026, 11, 9 + number % 2), "attempt_id": f"{number}#1", "job_id": str(number)}
        row |= {"attempt": 1 + number % 3, "job": f"job-{number % 3}", "owner": "o", "stage": "s", "queue": "q"}
        row |= {
            "platform": "ec2",
            "image": "i",
            "vcpus": 0.25 * number,
            "memory_mib": 512 + number,
            "outcome": "succeeded",
        }
        row |= {
            "submitted_at": begin,
            "started_at": begin if number != 4 else begin.replace(hour=23, minute=0, second=0),
        }
        row |= {
            "stopped_at": at(2026, 11, 10, number % 4),
            "peak_memory_mib": number if number % 2 else None,
        }
        row["array_index"] = number if number > 9 else None
        columns = ", ".join(row)
        connection.execute(
            f"INSERT INTO attempts ({columns}) VALUES ({', '.join('?' for _ in row)})", list(row.values())
        )
    return connection


@pytest.mark.parametrize("text", EDGES)
def test_the_two_give_the_same_rows(text: str, few: duckdb.DuckDBPyConnection) -> None:
    told = translate(text, tables=model())
    here, there = few.execute(text).fetchall(), few.execute(in_duckdb(told.select)).fetchall()
    assert sorted(map(repr, there)) == sorted(map(repr, here))
    assert here


def test_a_range_longer_than_a_sequence_is_whole(few: duckdb.DuckDBPyConnection) -> None:
    steps = "SELECT unnest(range(attempt, attempt + 25000)) AS x FROM attempts WHERE job_id = '1'"
    text = f"SELECT count(*) AS n FROM ({steps})"
    told = translate(text, tables=model())
    assert few.execute(in_duckdb(told.select)).fetchall() == [(25_000,)]
    assert "10000" in told.select
