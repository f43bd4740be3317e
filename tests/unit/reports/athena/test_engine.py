"""A report worked out by Athena (its stand-in) is the report worked out here, and leaves nothing behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto import mock_aws
from tenacity import wait_none

from reports.analyse.allocate import allocate
from reports.analyse.engine import LocalEngine
from reports.analyse.proposals import MemoryRule
from reports.analyse.summary import Asked, summarise
from reports.athena.engine import opened
from reports.athena.place import AthenaFailed, Place, engine_at
from reports.athena.upload import key_of, upload_days
from reports.model.report import Period
from reports.model.tables import ALLOCATIONS, ATTEMPTS, BILL_LINES, INSTANCES
from tests.worlds.athena import Athena
from tests.worlds.trino import rounded
from tests.worlds.world import Made, World, make, to_the_millisecond

BUCKET = "ledger-1"
NOW = datetime(2026, 11, 16, 6, tzinfo=UTC)
WEEK = Period(since=date(2026, 11, 9), until=date(2026, 11, 16), label="2026-W46")
BEFORE = Period(since=date(2026, 11, 2), until=date(2026, 11, 9), label="2026-W45")
SPAN: dict[str, Any] = {"since": date(2026, 10, 12), "until": date(2026, 11, 30), "before": WEEK.until, "now": NOW}
SHORT = {**SPAN, "since": date(2026, 11, 14)}
TESTING: dict[str, Any] = {
    "region_name": "us-east-1",
    "aws_access_key_id": "testing",
    "aws_secret_access_key": "testing",
}
ASKED = Asked(
    stack="prod",
    currency="USD",
    period=WEEK,
    previous=BEFORE,
    generated_at=NOW,
    budgets={"prod": 10**11, "owner media": 10**10},
    memory_now={f"job-{n}": 512 * (1 + n % 4) for n in range(8)},
    sold=lambda platform, vcpus, mib: -(-mib // 64) * 64,
    rule=MemoryRule(),
    on_demand={"SpotUsage:m6i.large": 96_000_000},
)


@dataclass
class Account:
    place: Place
    athena: Athena
    s3: Any
    glue: Any
    said: list[str]

    def objects(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def tables(self) -> list[str]:
        return [one["Name"] for one in self.glue.get_tables(DatabaseName=self.place.database)["TableList"]]


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        s3, glue = boto3.client("s3", **TESTING), boto3.client("glue", **TESTING)
        s3.create_bucket(Bucket=BUCKET)
        athena = Athena(s3, glue)
        clients = {"s3": s3, "glue": glue, "athena": athena}
        place = Place(
            stage="my-prod",
            bucket=BUCKET,
            client=clients.__getitem__,
            spend_limit=Decimal("0.10"),
            options={"pauses": wait_none(), "after_throttling": wait_none()},
        )
        yield Account(place=place, athena=athena, s3=s3, glue=glue, said=[])


@pytest.fixture(scope="module")
def made() -> Made:
    return to_the_millisecond(make(World(seed=31, days=14, instances=5, fargate_attempts=40, reclaim_fraction=0.3)))


def tables_of(made: Made, *, begun_before: date | None = None) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for table, frame in ((ATTEMPTS, made.attempts), (INSTANCES, made.instances), (BILL_LINES, made.bill_lines)):
        connection.execute(table.duckdb_ddl())
        connection.register("frame", frame)
        connection.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM frame")
        connection.unregister("frame")
    if begun_before is not None:
        connection.execute(
            "DELETE FROM attempts WHERE coalesce(pull_started_at, started_at) >= $day", {"day": begun_before}
        )
    return connection


def naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


def test_the_report_and_its_allocations_are_the_same_and_nothing_is_left(
    account: Account, made: Made, tmp_path: Path
) -> None:
    account.athena.page_rows = 7
    period = {"since": WEEK.since, "until": WEEK.until}
    here = LocalEngine(tables_of(made, begun_before=WEEK.until))
    allocated, report = allocate(here, now=naive(NOW)), summarise(here, ASKED)
    here.write("period_allocations", period, table=ALLOCATIONS, file=tmp_path / "here.parquet")
    with engine_at(account.place, tables_of(made), **SPAN, spent=Decimal("0.02"), say=account.said.append) as there:
        assert allocate(there, now=naive(NOW)) == allocated
        assert rounded(summarise(there, ASKED).model_dump()) == rounded(report.model_dump())
        there.write("period_allocations", period, table=ALLOCATIONS, file=tmp_path / "there.parquet")
    one, other = (pq.read_table(tmp_path / f"{name}.parquet").to_pylist() for name in ("here", "there"))
    assert sorted(map(repr, one)) == sorted(map(repr, other))
    assert sum(row["cost_nano"] for row in one) == report.total_nano == sum(row["cost"] for row in one) * 10**9
    assert account.tables() == ["attempts"]
    assert {key.partition("/")[0] for key in account.objects()} == {"compacted"}
    assert re.fullmatch(r"Athena: \d+ queries, [\d.]+ MB scanned, \$0\.\d{4}", account.said[-1])
    assert not any("my-prod`" in text for text in account.athena.statements)  # no sign that Athena refuses


def test_days_are_put_once_and_again_only_when_they_change(account: Account, made: Made, tmp_path: Path) -> None:
    connection = tables_of(made)

    def upload(source: duckdb.DuckDBPyConnection) -> Any:
        span = {"since": SPAN["since"], "until": SPAN["until"]}
        return upload_days(source, account.s3, BUCKET, **span, folder=tmp_path)

    first = upload(connection)
    assert len(first.written) == len({row[0] for row in connection.execute("SELECT day FROM attempts").fetchall()})
    account.s3.put_object(Bucket=BUCKET, Key=key_of("2020-01-01"), Body=b"another's")
    assert (upload(tables_of(made)).written, upload(connection).known) == ((), len(first.written))
    day = first.written[3]
    connection.execute(f"UPDATE attempts SET environment = 'told later' WHERE day = DATE '{day}'")
    connection.execute(f"DELETE FROM attempts WHERE day = DATE '{first.written[5]}'")
    again = upload(connection)
    assert (again.written, again.removed) == ((day,), (first.written[5],))
    assert key_of("2020-01-01") in account.objects()
    assert list(tmp_path.iterdir()) == []
    body = account.s3.get_object(Bucket=BUCKET, Key=key_of(day))["Body"].read()
    (tmp_path / "day.parquet").write_bytes(body)
    stored = pq.read_schema(tmp_path / "day.parquet")
    assert stored.names == list(ATTEMPTS.names)
    assert stored.field("started_at").type == pa.timestamp("ms")


def test_the_table_is_made_once_and_anew_for_another_model(account: Account, made: Made) -> None:
    def report() -> list[str]:
        account.athena.statements.clear()
        with opened(tables_of(made), account.place, **SHORT, tables=()):
            pass
        return [text.split(" (")[0].split("\n")[0] for text in account.athena.statements if "`attempts`" in text]

    assert report() == [
        "DROP TABLE IF EXISTS `batchyard_my_prod`.`attempts`",
        "CREATE EXTERNAL TABLE IF NOT EXISTS `batchyard_my_prod`.`attempts`",
    ]
    assert report() == []
    account.glue.update_table(
        DatabaseName="batchyard_my_prod", TableInput={"Name": "attempts", "Parameters": {"batchyard.ddl": "older"}}
    )
    assert len(report()) == 2


def test_what_a_killed_run_left_is_removed_a_day_later(account: Account, made: Made) -> None:
    with opened(tables_of(made), account.place, **SHORT, tables=()):
        pass
    old, new = "20261114t060000_00000000", "20261116t055900_11111111"
    for run in (old, new):
        account.glue.create_table(DatabaseName=account.place.database, TableInput={"Name": f"run_{run}_hosts"})
        account.s3.put_object(Bucket=BUCKET, Key=f"athena/runs/{run}/hosts/0.parquet", Body=b"x")
    account.s3.put_object(Bucket=BUCKET, Key="athena/results/q.csv", Body=b"x")
    with opened(tables_of(made), account.place, **SHORT, tables=()):
        pass
    assert account.tables() == ["attempts", f"run_{new}_hosts"]
    assert [key for key in account.objects() if key.startswith("athena/runs/")] == [
        f"athena/runs/{new}/hosts/0.parquet"
    ]
    later = {**SHORT, "now": datetime.now(UTC) + timedelta(days=2)}
    with opened(tables_of(made), account.place, **later, tables=()):
        pass
    assert not [key for key in account.objects() if key.startswith("athena/")]


def test_a_query_that_fails_names_itself_and_the_run_is_cleared_away(account: Account, made: Made) -> None:
    with (
        pytest.raises(AthenaFailed, match=r"^Athena, query hosts: failed: .*reclaimed") as problem,
        opened(tables_of(made), account.place, **SHORT, tables=(INSTANCES, BILL_LINES)) as engine,
    ):
        account.athena._connection.execute(f"ALTER TABLE batchyard_my_prod.{_of(account, 'attempts')} DROP outcome")
        engine.step("hosts", {"now": naive(NOW)})
    assert "\n" not in str(problem.value)
    assert account.tables() == ["attempts"]


def _of(account: Account, table: str) -> str:
    return next(name for name in account.tables() if name.startswith("run_") and name.endswith(table))


def test_a_query_that_cannot_be_told_is_not_asked(account: Account, made: Made) -> None:
    with (
        pytest.raises(AthenaFailed, match="query hosts: can't be told to Athena: there is no table instances"),
        opened(tables_of(made), account.place, **SHORT, tables=()) as engine,
    ):
        engine.step("hosts", {"now": naive(NOW)})


def test_a_service_that_refuses_is_one_sentence(account: Account, made: Made) -> None:
    account.s3.delete_bucket(Bucket=BUCKET)
    with (
        pytest.raises(AthenaFailed, match="NoSuchBucket"),
        opened(tables_of(made), account.place, **SHORT, tables=()),
    ):
        raise AssertionError("there is nothing to ask")
