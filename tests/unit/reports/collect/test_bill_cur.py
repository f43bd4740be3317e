"""The bill from a Data Export, and that it says the same as Cost Explorer."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tenacity import wait_none

from reports.collect.bill_ce import Bill, collect_bill
from reports.collect.bill_cur import collect_export
from tests.worlds.answers import Explorer, export
from tests.worlds.world import Made, World, make

BEGIN = date(2026, 11, 2)
END = BEGIN + timedelta(days=3)
FIGURES = ["day", "usage_type", "kind", "purchase", "instance_type", "stage", "record_type", "currency"]


@pytest.fixture(scope="module")
def made() -> Made:
    return make(World(seed=31, days=3, instances=20, untagged_fraction=0.2, credit_nano=4_000_000_000))


def _exported(made: Made, folder: Path) -> Bill:
    if not any(folder.glob("*.parquet")):
        export(made.bill_lines, folder / "export.parquet")
    return collect_export(
        sorted(folder.glob("*.parquet")),
        since=BEGIN,
        until=END,
        metric="unblended",
        stage_tag="batchyard:stage",
        job_tag="batchyard:job",
    )


def _summed(bill: Bill) -> pd.Series[int]:
    frame = pd.DataFrame(bill.lines)
    return frame[frame["record_type"] == "usage"].groupby(FIGURES)["cost_nano"].sum()


def test_both_sources_give_the_same_lines_to_the_nano_dollar(made: Made, tmp_path: Path) -> None:
    explorer = Explorer(made.bill_lines, stage_tag="batchyard:stage", page_groups=7)
    asked = collect_bill(
        explorer,
        since=BEGIN,
        until=END,
        metric="unblended",
        stage_tag="batchyard:stage",
        cache=tmp_path / "cache",
        spend_limit=Decimal("1"),
        say=lambda _: None,
        wait=wait_none(),
    )
    exported = _exported(made, tmp_path)
    assert asked.pages > 4
    assert (asked.missing, exported.missing) == ([], [])
    pd.testing.assert_series_equal(_summed(asked), _summed(exported))
    assert _summed(asked).sum() == made.bill_lines.query("record_type == 'usage'")["cost_nano"].sum()
    credits = [sum(line["cost_nano"] for line in b.lines if line["record_type"] == "credit") for b in (asked, exported)]
    assert credits == [-4_000_000_000, -4_000_000_000]


def test_lines_without_an_invoice_may_still_change(made: Made, tmp_path: Path) -> None:
    whole = _exported(made, tmp_path)
    assert {line["estimated"] for line in whole.lines} == {False}
    table = pq.read_table(tmp_path / "export.parquet")
    invoices = ["" if day.date() > BEGIN else "2345" for day in table["line_item_usage_start_date"].to_pylist()]
    pq.write_table(table.append_column("bill_invoice_id", pa.array(invoices)), tmp_path / "invoices.parquet")
    found = collect_export(
        [tmp_path / "invoices.parquet"],
        since=BEGIN,
        until=END,
        metric="unblended",
        stage_tag="batchyard:stage",
        job_tag="batchyard:job",
    )
    assert {(line["day"] > BEGIN, line["estimated"]) for line in found.lines} == {(False, False), (True, True)}
    assert [line | {"estimated": False} for line in found.lines] == whole.lines


def test_a_damaged_file_is_named_and_the_others_count(made: Made, tmp_path: Path) -> None:
    whole = _exported(made, tmp_path)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and then nothing")
    bill = _exported(made, tmp_path)
    assert bill.lines == whole.lines
    assert bill.missing[0].startswith("broken.parquet is no whole Parquet file")


def test_a_file_that_is_damaged_inside_is_named_and_the_others_count(made: Made, tmp_path: Path) -> None:
    whole = _exported(made, tmp_path)
    text = (tmp_path / "export.parquet").read_bytes()
    (tmp_path / "inside.parquet").write_bytes(text[:4] + bytes(200) + text[204:])
    bill = _exported(made, tmp_path)
    assert bill.lines == whole.lines
    assert [one.partition(" (")[0] for one in bill.missing] == ["inside.parquet couldn't be read"]
    (tmp_path / "export.parquet").unlink()
    alone = _exported(made, tmp_path)
    assert (alone.lines, len(alone.missing)) == ([], 1)


def test_an_export_without_a_needed_column_says_which(tmp_path: Path) -> None:
    pq.write_table(pa.table({"line_item_usage_type": ["BoxUsage:m5.large"]}), tmp_path / "thin.parquet")
    bill = collect_export(
        [tmp_path / "thin.parquet"], since=BEGIN, until=END, metric="unblended", stage_tag="s", job_tag="j"
    )
    assert bill.lines == []
    assert bill.missing[0].startswith("thin.parquet has no column line_item_currency_code, line_item_line_item_type")
    assert bill.missing[0].endswith("select them in the export, or ask for another metric than unblended")
    assert bill.missing[1] == "the bill from 2026-11-02 to 2026-11-05: no file of the export could be read"


def test_a_savings_plans_lines_cost_their_part_of_the_commitment_when_amortized(tmp_path: Path) -> None:
    columns = {
        "line_item_usage_start_date": pa.array([pd.Timestamp(BEGIN)] * 3, pa.timestamp("ms")),
        "line_item_line_item_type": ["SavingsPlanCoveredUsage", "SavingsPlanNegation", "Usage"],
        "line_item_product_code": ["AmazonEC2"] * 3,
        "line_item_usage_type": ["BoxUsage:m5.large"] * 3,
        "line_item_usage_amount": [10.0, 0.0, 5.0],
        "line_item_unblended_cost": [0.96, -0.96, 0.48],
        "line_item_currency_code": ["USD"] * 3,
        "pricing_unit": ["Hrs"] * 3,
        "resource_tags": pa.array([[]] * 3, pa.map_(pa.string(), pa.string())),
        "savings_plan_savings_plan_effective_cost": [0.7, 0.0, 0.0],
        "reservation_effective_cost": [0.0] * 3,
    }
    pq.write_table(pa.table(columns), tmp_path / "plan.parquet")
    costs = {}
    for metric in ("unblended", "amortized"):
        bill = collect_export(
            [tmp_path / "plan.parquet"], since=BEGIN, until=END, metric=metric, stage_tag="s", job_tag="j"
        )
        costs[metric] = sum(line["cost_nano"] for line in bill.lines)
    assert costs == {"unblended": 480_000_000, "amortized": 1_180_000_000}
