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

from reports.collect.bill_amounts import LARGEST_COST, LARGEST_QUANTITY, OddLines, can_be
from reports.collect.bill_ce import Bill, Metric
from reports.model.money import nano
from reports.model.usage_types import Usage, classify

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

_INVOICE: Final = "bill_invoice_id"
_EXACT: Final = "TRY_CAST({} AS DECIMAL(38, 12))"


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
    columns: set[str] = set()
    for file in files:
        try:
            columns |= _check(file, metric)
        except ExportUnreadable as problem:
            bill.missing.append(str(problem))
        else:
            whole.append(file)
    if not whole:
        bill.missing.append(f"the bill from {since} to {until}: no file of the export could be read")
        return bill
    odd = OddLines()
    # the table dictionary: until a bill is final, its lines have no invoice
    estimated = f"coalesce({_INVOICE}, '') = ''" if _INVOICE in columns else "FALSE"
    text = f"""
        WITH lines AS (
          SELECT
            CAST(line_item_usage_start_date AS DATE) AS day, coalesce(line_item_product_code, '') AS service,
            coalesce(line_item_usage_type, '') AS usage_type, coalesce(line_item_line_item_type, '') AS type,
            coalesce(resource_tags['{_tag(stage_tag)}'], '') AS stage,
            coalesce(resource_tags['{_tag(job_tag)}'], '') AS job, coalesce(pricing_unit, '') AS unit,
            coalesce(line_item_currency_code, '') AS currency,
            {estimated} AS estimated,
            coalesce(line_item_usage_amount, 0) AS amount, coalesce(({_COST[metric]}), 0) AS cost
          FROM read_parquet($files, union_by_name => true)
          WHERE line_item_usage_start_date >= $since AND line_item_usage_start_date < $until
            -- rows of split cost allocation repeat what their instance's row bills, at no cost of their own
            AND coalesce(line_item_usage_type, '') NOT LIKE '%-ECS-EC2-%'
        ),
        judged AS (
          SELECT *, NOT ({_believed("amount", LARGEST_QUANTITY)} AND {_believed("cost", LARGEST_COST)}) AS odd
          FROM lines
        )
        SELECT
          day, service, usage_type, type, stage, job, unit, currency, estimated, odd, count(*) AS lines,
          coalesce(
            any_value(CASE WHEN odd THEN CAST(amount AS VARCHAR) END), CAST(sum({_EXACT.format("amount")}) AS VARCHAR)
          ) AS quantity,
          coalesce(
            any_value(CASE WHEN odd THEN CAST(cost AS VARCHAR) END), CAST(sum({_EXACT.format("cost")}) AS VARCHAR)
          ) AS cost
        FROM judged
        GROUP BY ALL
        ORDER BY ALL
    """
    for row in _rows(text, whole, since, until, bill):
        line = _line(row, odd)
        if line is not None:
            bill.lines.append(line)
    told = sorted({line["currency"] for line in bill.lines} - {""})
    for line in bill.lines:
        # a line that names none is in the bill's
        line["currency"] = line["currency"] or (told[0] if told else "USD")
    bill.missing += odd.said()
    return bill


def _rows(text: str, files: Sequence[Path], since: date, until: date, bill: Bill) -> list[dict[str, Any]]:
    """The query's answer. A file whose inside is damaged shows only now: it is named, and the others count."""

    def ask(some: Sequence[Path]) -> list[dict[str, Any]]:
        with duckdb.connect() as connection:
            # a day of the bill is UTC's, wherever this machine is
            connection.execute("SET TimeZone = 'UTC'")
            files = [str(file) for file in some]
            cursor = connection.execute(text, {"files": files, "since": since, "until": until})
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]

    try:
        return ask(files)
    except duckdb.Error:
        good = []
        for file in files:
            try:
                ask([file])
            except duckdb.BinderException:
                good.append(file)  # alone it lacks a column that another has
            except duckdb.Error as error:
                bill.missing.append(f"{file.name} couldn't be read ({str(error).splitlines()[0]})")
            else:
                good.append(file)
        if len(good) == len(files):
            raise
        return ask(good) if good else []


def _line(row: dict[str, Any], odd: OddLines) -> dict[str, Any] | None:
    """A row of `bill_lines`; None for one that is set aside."""
    record = RECORD_TYPES.get(row.pop("type"), "fee")
    usage = classify(row["usage_type"]) if record == "usage" else Usage(kind="other")
    is_odd, lines, cost = row.pop("odd"), row.pop("lines"), row.pop("cost")
    if is_odd or not can_be(usage.kind, row["quantity"], cost):
        odd.add(row["day"], row["usage_type"], row["quantity"], cost, lines=lines)
        return None
    return {
        **row,
        "cost_nano": nano(cost),
        "kind": usage.kind,
        "purchase": usage.purchase,
        "instance_type": usage.instance_type,
        "record_type": record,
    }


def _believed(column: str, largest: int) -> str:
    """SQL: a column's amount can be summed."""
    value = f"TRY_CAST({column} AS DOUBLE)"
    return f"coalesce(isfinite({value}) AND abs({value}) <= {largest}, FALSE)"


def _check(file: Path, metric: Metric) -> set[str]:
    """The file's columns. Raises ExportUnreadable."""
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
    return there


def _tag(key: str) -> str:
    """A cost allocation tag as exports name it: `batchyard:stage` → `user_batchyard_stage`."""
    return "user_" + re.sub(r"[^a-z0-9]+", "_", key.lower())
