"""What ran where no bill tells of it is said beside the sums, at prices of the day, and is in none of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import duckdb
import pytest
from duckdb import DuckDBPyConnection

from reports.collect.prices import Prices
from reports.collect.spot_history import SpotPrices
from reports.model.report import Period
from reports.model.tables import ATTEMPTS, BILL_LINES, INSTANCES, Table
from reports.model.usage_types import classify
from reports.run import insert_lines
from reports.unbilled import Told, unbilled

MONDAY = date(2026, 11, 16)
SUNDAY = date(2026, 11, 22)
PERIOD = Period(label="2026-W47", since=MONDAY, until=date(2026, 11, 23))
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
SPOT = {"m5.large": 40_000_000}


@pytest.fixture
def connection() -> Iterator[DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for table in (ATTEMPTS, INSTANCES, BILL_LINES):
            connection.execute(table.duckdb_ddl())
        yield connection


def at(day: date, hour: float) -> datetime:
    return datetime.combine(day, time()) + timedelta(hours=hour)


def put(connection: DuckDBPyConnection, table: Table, **row: Any) -> None:
    """A row of which only these columns matter; texts and numbers are filled, times that may be missing are not."""
    filler: dict[str, Any] = {"VARCHAR": "", "DATE": SUNDAY}
    nothing = {column.name: None if column.nullable else filler.get(column.type, 1) for column in table.columns}
    kept = nothing | {"submitted_at": row.get("started_at")} | row if table is ATTEMPTS else nothing | row
    marks = ", ".join("?" * len(kept))
    connection.execute(f"INSERT INTO {table.name} ({', '.join(kept)}) VALUES ({marks})", list(kept.values()))


def machine(connection: DuckDBPyConnection, purchase: str, since: datetime, until: datetime | None) -> None:
    put(
        connection,
        INSTANCES,
        instance_id=f"i-{purchase}-{since}",
        instance_type="m5.large",
        purchase=purchase,
        started_at=since,
        ended_at=until,
    )


def line(day: date, usage_type: str, cost_nano: int, quantity: str) -> dict[str, Any]:
    told = classify(usage_type)
    return {
        "day": day,
        "service": "",
        "usage_type": usage_type,
        "kind": told.kind,
        "purchase": told.purchase,
        "instance_type": told.instance_type,
        "stage": "prod",
        "job": "",
        "record_type": "usage",
        "quantity": quantity,
        "unit": "Hrs",
        "cost_nano": cost_nano,
        "currency": "USD",
        "estimated": False,
    }


def history(types: Collection[str], days: Collection[date], _now: datetime) -> SpotPrices:
    return SpotPrices(hour_nano={(day, name): SPOT[name] for day in days for name in types})


def listed(usage_types: Sequence[str], _currency: str) -> Prices:
    return Prices(hour_nano=dict.fromkeys(usage_types, 100_000_000))


def said(connection: DuckDBPyConnection, lines: Sequence[Mapping[str, Any]] = (), **more: Any) -> list[str]:
    insert_lines(connection, lines)
    told = Told(**{"currency": "USD", "lines": lines, "prices": listed, "history": history, **more})
    return unbilled(connection, told, period=PERIOD, now=NOW)


def test_days_that_the_bill_tells_of_say_nothing(connection: DuckDBPyConnection) -> None:
    machine(connection, "spot", at(MONDAY, 3), at(MONDAY, 5))
    assert said(connection, [line(MONDAY, "SpotUsage:m5.large", 80_000_000, "2")]) == []


def test_spot_is_priced_by_the_days_history_and_cut_at_now(connection: DuckDBPyConnection) -> None:
    machine(connection, "spot", at(MONDAY, 3), at(MONDAY, 5))
    machine(connection, "spot", at(SUNDAY, 8), None)  # ten hours up to now, $0.04 each
    assert said(connection, [line(MONDAY, "SpotUsage:m5.large", 180_000_000, "2")]) == [
        "no line of the bill tells of 2026-11-22, where 10.0 hours of instances were used: about $0.40 by spot price "
        "history, in no sum of this report"
    ]


def test_on_demand_is_priced_by_the_bills_other_days_before_the_list(connection: DuckDBPyConnection) -> None:
    machine(connection, "on-demand", at(MONDAY, 3), at(MONDAY, 5))
    machine(connection, "on-demand", at(SUNDAY, 8), at(SUNDAY, 10))
    assert said(connection, [line(MONDAY, "EU-BoxUsage:m5.large", 180_000_000, "2")]) == [
        "no line of the bill tells of 2026-11-22, where 2.0 hours of instances were used: about $0.18 by prices on "
        "demand, in no sum of this report"
    ]


def test_the_list_is_asked_by_the_regions_name_of_the_usage_type(connection: DuckDBPyConnection) -> None:
    asked: list[str] = []

    def ask(usage_types: Sequence[str], currency: str) -> Prices:
        asked.extend(usage_types)
        return listed(usage_types, currency)

    machine(connection, "on-demand", at(SUNDAY, 8), at(SUNDAY, 10))
    (sentence,) = said(connection, [line(MONDAY, "EU-SpotUsage:c5.large", 180_000_000, "2")], prices=ask)
    assert asked == ["EU-BoxUsage:m5.large"]
    assert "about $0.20 by prices on demand" in sentence


def test_fargate_is_priced_by_the_bills_rates(connection: DuckDBPyConnection) -> None:
    put(
        connection,
        ATTEMPTS,
        attempt_id="a#1",
        platform="fargate",
        vcpus=2,
        memory_mib=4096,
        pull_started_at=at(SUNDAY, 1),
        started_at=at(SUNDAY, 2),
        stopped_at=at(SUNDAY, 4),
    )
    lines = [
        line(MONDAY, "USE1-Fargate-vCPU-Hours:perCPU", 80_000_000, "2"),
        line(MONDAY, "USE1-Fargate-GB-Hours", 8_000_000, "2"),
    ]
    assert said(connection, lines) == [
        "no line of the bill tells of 2026-11-22, where 6.0 vCPU-hours of Fargate and 12.0 GB-hours of Fargate were "
        "used: about $0.29 by the bill's rates of other days, in no sum of this report"
    ]


def test_what_has_no_price_is_said_to_have_none(connection: DuckDBPyConnection) -> None:
    machine(connection, "spot", at(SUNDAY, 8), at(SUNDAY, 10))
    assert said(connection, history=None) == [
        "no line of the bill tells of 2026-11-22, where 2.0 hours of instances were used; no price of them is known"
    ]


def test_a_history_in_dollars_prices_no_bill_in_euros(connection: DuckDBPyConnection) -> None:
    machine(connection, "spot", at(SUNDAY, 8), at(SUNDAY, 10))
    machine(connection, "on-demand", at(SUNDAY, 8), at(SUNDAY, 9))
    assert said(connection, currency="EUR") == [
        "no line of the bill tells of 2026-11-22, where 3.0 hours of instances were used: about €0.10 by prices on "
        "demand, in no sum of this report; of 2.0 hours of instances no price is known",
        "the history of spot prices is in USD, the bill in EUR",
    ]


def test_what_a_source_cannot_tell_is_passed_on(connection: DuckDBPyConnection) -> None:
    machine(connection, "spot", at(SUNDAY, 8), at(SUNDAY, 10))
    refused = SpotPrices(missing=["the history of spot prices answered UnauthorizedOperation: no"])
    assert said(connection, history=lambda *_: refused)[1:] == refused.missing


def test_a_whole_week_without_a_bill_is_told_by_its_ends(connection: DuckDBPyConnection) -> None:
    machine(connection, "spot", at(MONDAY, 0), at(MONDAY, 6 * 24))
    (sentence,) = said(connection)
    assert sentence.startswith(
        "no line of the bill tells of 6 days from 2026-11-16 to 2026-11-21, where 144.0 hours of instances were used: "
        "about $5.76 by spot price history"
    )


def test_minutes_around_midnight_are_not_worth_a_sentence(connection: DuckDBPyConnection) -> None:
    machine(connection, "spot", at(SUNDAY, 0), at(SUNDAY, 0.04))
    assert said(connection) == []


def test_somebody_elses_machine_is_on_no_bill(connection: DuckDBPyConnection) -> None:
    machine(connection, "unmanaged", at(SUNDAY, 0), at(SUNDAY, 2))
    assert said(connection) == []
