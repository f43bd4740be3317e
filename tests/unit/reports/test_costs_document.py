"""docs/costs.md: its example is computed, its rule and its tables are the code's."""

from __future__ import annotations

import inspect
import re
from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest

from local.home import REPOSITORY
from reports.analyse import allocate as allocation
from reports.analyse.allocate import EDGE_S, allocate
from reports.analyse.proposals import MemoryRule
from reports.model.tables import ATTEMPTS, BILL_LINES, INSTANCES, TABLES
from reports.model.usage_types import classify

FILE = REPOSITORY / "docs" / "costs.md"
DAY = date(2026, 11, 18)


def rule() -> str:
    """The rule as the module that follows it says it."""
    told = inspect.getdoc(allocation)
    assert told is not None
    return told.partition("\n\n")[2]


def generated(name: str) -> str:
    if name == "rule":
        return rule()
    if name == "ddl":
        ddl = ATTEMPTS.athena_ddl(
            database="batchyard_prod", location="s3://<ledger bucket>/compacted/attempts/", partition="day"
        )
        return f"```sql\n{ddl}\n```"
    return "\n".join(table.markdown() for table in TABLES).rstrip()


@pytest.mark.parametrize("name", ["rule", "tables", "ddl"])
def test_what_is_the_codes_is_written_from_it(name: str, request: pytest.FixtureRequest) -> None:
    document = FILE.read_text(encoding="utf-8")
    between = re.compile(rf"(<!-- {name}: [^\n]*-->\n)(.*?)(<!-- end of {name} -->)", re.DOTALL)
    assert between.search(document)
    current = between.sub(lambda found: f"{found[1]}\n{generated(name)}\n\n{found[3]}", document)
    if request.config.getoption("--update"):
        FILE.write_text(current, encoding="utf-8")
    assert document == current or request.config.getoption("--update"), "write it anew: pytest --update"


def rows(name: str) -> list[dict[str, str]]:
    """The example's table under a mark, a row for each line."""
    text = FILE.read_text(encoding="utf-8").partition(f"<!-- example: {name} -->\n\n")[2].partition("\n\n")[0]
    head, _, *lines = ([cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines())
    return [dict(zip(head, line, strict=True)) for line in lines]


def nano(text: str) -> int:
    return int(Decimal(text.removeprefix("$")).scaleb(9))


def at(text: str) -> datetime:
    return datetime.combine(DAY, datetime.min.time()) + timedelta(hours=int(text[:2]), minutes=int(text[3:]))


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    """The example, allocated."""
    made = duckdb.connect()
    for table in (ATTEMPTS, INSTANCES, BILL_LINES):
        made.execute(table.duckdb_ddl())
    for line in rows("bill"):
        usage = classify(line["line"])
        assert (usage.kind, usage.purchase) == (line["kind"], line["purchase"])
        insert(
            made,
            "bill_lines",
            {
                "day": DAY,
                "service": "",
                "usage_type": line["line"],
                "kind": usage.kind,
                "purchase": usage.purchase,
                "instance_type": usage.instance_type,
                "stage": "prod",
                "job": "",
                "record_type": "usage",
                "quantity": Decimal(line["quantity"]),
                "unit": line["unit"],
                "cost_nano": nano(line["cost"]),
                "currency": "USD",
                "estimated": False,
            },
        )
    insert(
        made,
        "instances",
        {
            "instance_id": "i-1",
            "environment": "steady",
            "stage": "prod",
            "instance_type": "m6i.large",
            "purchase": "on-demand",
            "vcpus": 2,
            "memory_mib": 8192,
            "started_at": at("10:00"),
            "ended_at": at("12:00"),
        },
    )
    for row in rows("attempts"):
        on_ec2 = row["platform"] == "ec2"
        insert(
            made,
            "attempts",
            {
                "day": DAY,
                "attempt_id": row["attempt"],
                "job_id": row["attempt"],
                "attempt": 1,
                "job": row["job"],
                "owner": "data",
                "stage": "prod",
                "queue": "standard",
                "environment": "steady" if on_ec2 else "serverless",
                "platform": row["platform"],
                "purchase": "on-demand",
                "instance_id": "i-1" if on_ec2 else None,
                "image": "x",
                "vcpus": float(row["vCPUs"]),
                "memory_mib": int(row["GiB"]) * 1024,
                "submitted_at": at(row["from"]),
                "pull_started_at": at(row["from"]),
                "started_at": at(row["from"]),
                "stopped_at": at(row["to"]),
                "outcome": "succeeded",
                "exit_code": 0,
            },
        )
    allocate(made, now=at("23:00"))
    return made


def insert(connection: duckdb.DuckDBPyConnection, table: str, row: dict[str, object]) -> None:
    marks = ", ".join("?" for _ in row)
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def near(found: int, written: int) -> bool:
    """Shares are floored, so an attempt may miss a nano-dollar, which is idle then."""
    return abs(found - written) <= 4


def test_the_attempts_cost_what_the_document_says(connection: duckdb.DuckDBPyConnection) -> None:
    found = dict(
        connection.execute(
            "SELECT attempt_id, CAST(sum(cost_nano) AS BIGINT) FROM allocations WHERE category = 'job' GROUP BY ALL"
        ).fetchall()
    )
    written = {row["attempt"]: nano(row["cost"]) for row in rows("attempts")}
    assert found.keys() == written.keys()
    assert all(near(found[attempt], cost) for attempt, cost in written.items()), found


def test_the_parts_are_the_documents_and_add_up_to_the_bill(connection: duckdb.DuckDBPyConnection) -> None:
    found = dict(
        connection.execute(
            """
            SELECT
              CASE category WHEN 'job' THEN 'jobs' WHEN 'idle' THEN 'idle of ' || environment ELSE category END AS part,
              CAST(sum(cost_nano) AS BIGINT)
            FROM allocations GROUP BY part
            """
        ).fetchall()
    )
    written = {row["part"]: nano(row["cost"]) for row in rows("identity")}
    bill = written.pop("bill")
    assert found.keys() == written.keys()
    assert all(near(found[part], cost) for part, cost in written.items()), found
    assert bill == sum(written.values()) == sum(found.values()) == sum(nano(line["cost"]) for line in rows("bill"))


def test_the_numbers_of_the_text_are_the_codes() -> None:
    document = " ".join(FILE.read_text(encoding="utf-8").split())
    assert (EDGE_S, "up to ten minutes at each end" in document) == (600, True)
    memory = MemoryRule()
    assert f"at least {memory.least_runs} measured runs of it succeeded" in document
    assert f"times {float(memory.margin):g}, rounded up" in document
    assert (float(memory.raise_after_out_of_memory), "half as much again" in document) == (1.5, True)
