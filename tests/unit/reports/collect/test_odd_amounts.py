"""A bill's line whose amounts can't be is set aside and named; the others' sums are what they are without it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.bill_sources import BillSource, from_explorer, from_export
from reports.collect.bill_ce import Bill
from reports.collect.load import Source
from reports.model.report import Period, Report
from reports.period import days
from reports.run import Question, make_report
from tests.unit.reports.collect.ledger_rows import attempt_row, line

DAY = date(2025, 11, 21)
PERIOD: Period = days(date(2025, 11, 17), date(2025, 11, 24))
VCPU, GB, BOX, DISK = "USE1-Fargate-vCPU-Hours:perCPU", "USE1-Fargate-GB-Hours", "BoxUsage:m5.large", "EBS:VolumeUsage"
GOOD = ((VCPU, 2.0, 0.08), (GB, 4.0, 0.02), (BOX, 10.0, 1.0), (DISK, 3.0, 0.3))
NAN, INF = float("nan"), float("inf")


def explorer_bill(folder: Path, groups: list[tuple[str, str, str]]) -> Bill:
    """Of usage types, amounts and costs, as texts."""

    class Explorer:
        def get_cost_and_usage(self, **request: Any) -> Mapping[str, Any]:
            told = [
                {
                    "Keys": [usage_type, "batchyard:stage$prod"],
                    "Metrics": {
                        "UnblendedCost": {"Amount": cost, "Unit": "USD"},
                        "UsageQuantity": {"Amount": amount, "Unit": "Hrs"},
                    },
                }
                for usage_type, amount, cost in groups
            ]
            first = date.fromisoformat(request["TimePeriod"]["Start"]) <= DAY and "Not" in request["Filter"]
            day = {"TimePeriod": {"Start": DAY.isoformat()}, "Groups": told, "Estimated": False}
            return {"ResultsByTime": [day] if first else []}

    ask = from_explorer(Explorer(), metric="unblended", cache=folder, spend_limit=Decimal(1), say=lambda _: None)
    return ask(DAY, date(2025, 11, 22))


def exported(folder: Path, lines: list[tuple[Any, Any, Any]], **columns: Any) -> Bill:
    """Of usage types, amounts and costs."""
    usage_types, amounts, costs = ([one[n] for one in lines] for n in range(3))
    started = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    table = {
        "line_item_usage_start_date": pa.array([started] * len(lines), pa.timestamp("ms", tz="UTC")),
        "line_item_line_item_type": ["Usage"] * len(lines),
        "line_item_product_code": ["AmazonEC2"] * len(lines),
        "line_item_usage_type": pa.array(usage_types, pa.string()),
        "line_item_usage_amount": pa.array(amounts, pa.float64()),
        "line_item_unblended_cost": pa.array(costs, pa.float64()),
        "line_item_currency_code": ["USD"] * len(lines),
        "pricing_unit": ["Hrs"] * len(lines),
        "resource_tags": pa.array([[("user_batchyard_stage", "prod")]] * len(lines), pa.map_(pa.string(), pa.string())),
    }
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(table | columns), folder / "cur.parquet")
    return from_export(folder, metric="unblended")(DAY, date(2025, 11, 22))


def report(bill: Bill, folder: Path, **changes: Any) -> Report:
    return report_of(lambda _since, _until: replace(bill, missing=list(bill.missing)), folder, **changes)


def report_of(bill: BillSource, folder: Path, **changes: Any) -> Report:
    """Of an hour of Fargate beside the bill."""
    raw = folder / "raw"
    (raw / "attempts" / "day=2025-11-21").mkdir(parents=True, exist_ok=True)
    hour = {"startedAt": 1_763_726_400_000, "stoppedAt": 1_763_730_000_000, "container": {}}
    row = attempt_row("one", attempts=[hour], platform_capabilities=["FARGATE"], **changes)
    (raw / "attempts" / "day=2025-11-21" / "a").write_text(line(row) + "\n")
    return make_report(
        Question(
            stack="prod",
            stage="prod",
            period=PERIOD,
            now=datetime(2025, 11, 25, tzinfo=UTC),
            ledger=Source(stage="local", raw=raw),
            bill=bill,
            sold=lambda _platform, _vcpus, mib: mib,
        )
    )


@pytest.mark.parametrize(
    ("usage_type", "amount", "cost"),
    [
        (BOX, "1e20", "1"),
        (BOX, "-1e20", "1"),
        (VCPU, "1e20", "1"),
        (DISK, "1e40", "1"),
        (BOX, "NaN", "1"),
        (DISK, "1", "NaN"),
        (DISK, "1", "Infinity"),
        (DISK, "1", "-1e30"),
        (DISK, "1", "9e8"),
    ],
)
def test_one_odd_line_is_named_and_the_report_comes(tmp_path: Path, usage_type: str, amount: str, cost: str) -> None:
    good = [(one, str(amount), str(cost)) for one, amount, cost in GOOD]
    bills = [
        explorer_bill(tmp_path / "bill", [*good, (usage_type, amount, cost)]),
        exported(tmp_path / "cur", [*GOOD, (usage_type, float(amount), float(cost))]),
    ]
    for bill in bills:
        made = report(bill, tmp_path)
        assert made.total_nano == 1_400_000_000
        (said,) = [one for one in made.missing if "amounts can't be" in one]
        assert said.startswith(f"1 line of the bill whose amounts can't be, such as {usage_type} of 2025-11-21, ")
        assert {part.name: part.cost_nano for part in made.identity.lines}["storage"] == 300_000_000


amounts = st.one_of(
    st.sampled_from([0.0, NAN, INF, -INF, 1e20, -1e20, 1e8, 1e9, 1e18, 1e19, 1e38, 1e308, 5e-324, None]), st.floats()
)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from([VCPU, GB, BOX, DISK, None]), amounts, amounts), min_size=1, max_size=4))
def test_any_amounts_give_a_report_whose_parts_add_up(lines: list[tuple[Any, Any, Any]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        bill = exported(Path(name, "cur"), [*GOOD, *lines])
        made = report(bill, Path(name))
    assert (
        sum(part.cost_nano for part in made.identity.lines)
        == made.total_nano
        == sum(one["cost_nano"] for one in bill.lines)
    )


def test_next_to_no_hours_give_no_rate(tmp_path: Path) -> None:
    made = report(exported(tmp_path / "cur", [(BOX, 1e-12, 1e7), ("SpotUsage:m5.large", 5.0, 0.2)]), tmp_path)
    assert any(one.startswith("the on-demand price of m5.large isn't known") for one in made.missing)


@pytest.mark.parametrize("answer", [5, [], {"ResultsByTime": [5]}, {"ResultsByTime": [{"TimePeriod": None}]}])
def test_an_answer_that_is_none_is_said(tmp_path: Path, answer: Any) -> None:
    class Explorer:
        def get_cost_and_usage(self, **_request: Any) -> Any:
            return answer

    ask = from_explorer(Explorer(), metric="unblended", cache=tmp_path, spend_limit=Decimal(1), say=lambda _: None)
    made = report_of(ask, tmp_path)
    assert any(one.startswith("the bill couldn't be read: ") for one in made.missing)


@pytest.mark.parametrize(
    ("vcpus", "memory_mib", "set_aside"),
    [
        ("99999", "99999999", 0),
        ("0.000001", "1", 0),
        ("99999.5", "1024", 1),
        ("1", "100000000", 1),
        ("0", "1024", 1),
        ("1", "0", 1),
    ],
)
def test_an_attempt_of_any_size_that_is_believed_has_a_cost(
    tmp_path: Path, vcpus: str, memory_mib: str, set_aside: int
) -> None:
    asked = [{"type": "VCPU", "value": vcpus}, {"type": "MEMORY", "value": memory_mib}]
    made = report(exported(tmp_path / "cur", list(GOOD)), tmp_path, resource_requirements=asked)
    assert made.set_aside == set_aside
    assert sum(part.cost_nano for part in made.identity.lines) == made.total_nano


def test_a_line_without_a_usage_type_or_a_currency_is_kept(tmp_path: Path) -> None:
    currencies = {"line_item_currency_code": pa.array(["USD", "USD", "USD", "USD", None], pa.string())}
    bill = exported(tmp_path / "cur", [*GOOD, (None, 1.0, 0.5)], **currencies)
    (bare,) = [one for one in bill.lines if not one["usage_type"]]
    assert (bare["kind"], bare["record_type"], bare["cost_nano"], bare["currency"]) == (
        *("other", "usage", 500_000_000),
        "USD",
    )
    made = report(bill, tmp_path)
    assert made.total_nano == 1_900_000_000
    unexplained = {part.name: part.cost_nano for part in made.identity.lines}["unexplained"]
    assert unexplained >= 500_000_000


def test_rows_of_split_cost_allocation_are_left_out(tmp_path: Path) -> None:
    split = [("USE1-ECS-EC2-vCPU-Hours", 1.0, 0.0), ("USE1-ECS-EC2-GB-Hours", 1.0, 0.0)]
    assert exported(tmp_path / "a", [*GOOD, *split]).lines == exported(tmp_path / "b", list(GOOD)).lines


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati"])
def test_days_are_utcs_wherever_the_machine_is(tmp_path: Path, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = duckdb.connect

    def there(*arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        connection = connect(*arguments, **options)
        connection.execute(f"SET TimeZone = '{zone}'")  # what DuckDB takes from TZ when it is loaded
        return connection

    monkeypatch.setattr(duckdb, "connect", there)
    bill = exported(tmp_path, list(GOOD))
    assert {one["day"] for one in bill.lines} == {DAY}
    assert len(bill.lines) == len(GOOD)
