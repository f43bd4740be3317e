"""The bill from a Data Export (CUR 2.0) in Parquet: the same rows as from Cost Explorer, no request to pay for.

Columns: AWS Data Exports, table dictionary of CUR 2.0. Only activated tags reach `resource_tags`, with keys written as
`user_<key>` and every sign that is no letter or digit as an underscore.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb

from reports.collect.bill_ce import Bill, Metric
from reports.model.usage_types import classify

REQUIRED: Final = (
    "line_item_usage_start_date",
    "line_item_line_item_type",
    "line_item_product_code",
    "line_item_usage_type",
    "line_item_usage_amount",
    "line_item_unblended_cost",
    "line_item_currency_code",
    "pricing_unit",
    "resource_tags",
)
RECORD_TYPES: Final = {
    "Usage": "usage",
    "DiscountedUsage": "usage",
    "SavingsPlanCoveredUsage": "usage",
    "SavingsPlanNegation": "usage",
    "Credit": "credit",
    "Refund": "refund",
    "Tax": "tax",
}
"""Line item types; every other one (fees, recurring fees of plans and reservations, support) is a `fee`."""
_COST: Final[dict[Metric, str]] = {
    "unblended": "line_item_unblended_cost",
    "net-unblended": "line_item_net_unblended_cost",
    # a covered line's price is its part of the commitment; its negation takes back a price that isn't paid
    "amortized": """CASE line_item_line_item_type
        WHEN 'SavingsPlanCoveredUsage' THEN savings_plan_savings_plan_effective_cost
        WHEN 'SavingsPlanNegation' THEN 0
        WHEN 'DiscountedUsage' THEN reservation_effective_cost
        ELSE line_item_unblended_cost END""",
    "net-amortized": """CASE line_item_line_item_type
        WHEN 'SavingsPlanCoveredUsage' THEN savings_plan_net_savings_plan_effective_cost
        WHEN 'SavingsPlanNegation' THEN 0
        WHEN 'DiscountedUsage' THEN reservation_net_effective_cost
        ELSE line_item_net_unblended_cost END""",
}


class ExportUnreadable(Exception):
    """A file is no CUR 2.0 export, or one without a column that is needed; the text names file, columns and remedy."""


def collect_export(
    files: Sequence[Path], *, since: date, until: date, metric: Metric, stage_tag: str, job_tag: str
) -> Bill:
    """The bill of the days from `since` to before `until` (UTC) out of Parquet files of one export.

    Every file is read on its own first: one that is damaged is named in `Bill.missing`, and the others count.
    """
    bill = Bill()
    whole = []
    for file in files:
        try:
            _check(file, metric)
        except ExportUnreadable as problem:
            bill.missing.append(str(problem))
        else:
            whole.append(str(file))
    if not whole:
        bill.missing.append(f"the bill from {since} to {until}: no file of the export could be read")
        return bill
    text = f"""
        SELECT
          CAST(line_item_usage_start_date AS DATE) AS day, line_item_product_code AS service,
          line_item_usage_type AS usage_type, line_item_line_item_type AS type,
          coalesce(resource_tags['{_tag(stage_tag)}'], '') AS stage,
          coalesce(resource_tags['{_tag(job_tag)}'], '') AS job, coalesce(pricing_unit, '') AS unit,
          line_item_currency_code AS currency,
          CAST(sum(CAST(line_item_usage_amount AS DECIMAL(38, 12))) AS VARCHAR) AS quantity,
          CAST(round(sum(CAST(({_COST[metric]}) AS DECIMAL(38, 12))) * 1000000000) AS BIGINT) AS cost_nano
        FROM read_parquet($files, union_by_name => true)
        WHERE line_item_usage_start_date >= $since AND line_item_usage_start_date < $until
          -- rows of split cost allocation repeat what their instance's row bills, at no cost of their own
          AND line_item_usage_type NOT LIKE '%-ECS-EC2-%'
        GROUP BY ALL
        ORDER BY ALL
    """
    with duckdb.connect() as connection:
        cursor = connection.execute(text, {"files": whole, "since": since, "until": until})
        names = [column[0] for column in cursor.description or ()]
        for values in cursor.fetchall():
            bill.lines.append(_line(dict(zip(names, values, strict=True))))
    return bill


def _line(row: dict[str, Any]) -> dict[str, Any]:
    record = RECORD_TYPES.get(row.pop("type"), "fee")
    usage = classify(row["usage_type"]) if record == "usage" else None
    return {
        **row,
        "kind": usage.kind if usage else "other",
        "purchase": usage.purchase if usage else "",
        "instance_type": usage.instance_type if usage else "",
        "record_type": record,
        "estimated": False,
    }


def _check(file: Path, metric: Metric) -> None:
    try:
        with duckdb.connect() as connection:
            described = connection.execute("DESCRIBE SELECT * FROM read_parquet($file)", {"file": str(file)}).fetchall()
    except duckdb.Error as error:
        raise ExportUnreadable(f"{file.name} is no whole Parquet file ({str(error).splitlines()[0]})") from error
    there = {row[0] for row in described}
    needed = {*REQUIRED, *re.findall(r"\b(?:line_item|savings_plan|reservation)_\w+", _COST[metric])}
    lacking = sorted(needed - there)
    if lacking:
        raise ExportUnreadable(
            f"{file.name} has no column {', '.join(lacking)}; select {'it' if len(lacking) == 1 else 'them'} in the "
            f"export, or ask for another metric than {metric}"
        )


def _tag(key: str) -> str:
    """A cost allocation tag as exports name it: `batchyard:stage` → `user_batchyard_stage`."""
    return "user_" + re.sub(r"[^a-z0-9]+", "_", key.lower())
