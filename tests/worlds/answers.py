"""A world's bill as AWS would answer it: Cost Explorer's pages, and a Data Export's Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.stub import Stubber

_RECORDS = {"credit": "Credit", "refund": "Refund", "tax": "Tax"}


class Explorer:
    """Stands in for boto3's `ce` client over a world's bill; botocore's model checks each answer's shape."""

    def __init__(
        self, lines: pd.DataFrame, *, stage_tag: str, page_groups: int = 500, closed_until: date | None = None
    ):
        self._lines = lines
        self._tag = stage_tag
        self._page_groups = page_groups
        self._closed_until = closed_until or date.max
        self.pages = 0

    def get_cost_and_usage(self, **request: Any) -> Mapping[str, Any]:
        """One page: `page_groups` groups of neighbouring days, and the token of the next."""
        self.pages += 1
        begin = date.fromisoformat(request["TimePeriod"]["Start"])
        end = date.fromisoformat(request["TimePeriod"]["End"])
        of_usage = "Not" in request["Filter"]
        days = [begin + timedelta(days=n) for n in range((end - begin).days)]
        groups = [(day, group) for day in days for group in self._groups(day, request, of_usage=of_usage)]
        first = int(request.get("NextPageToken", 0))
        page = groups[first : first + self._page_groups]
        # days on which nothing was billed are there too, with no group
        empty = set(days) - {day for day, _ in groups} if first == 0 else set()
        wanted = sorted({day for day, _ in page} | empty)
        answer: dict[str, Any] = {
            "ResultsByTime": [
                {
                    "TimePeriod": {"Start": day.isoformat(), "End": (day + timedelta(days=1)).isoformat()},
                    "Total": {},
                    "Groups": [group for that, group in page if that == day],
                    "Estimated": day >= self._closed_until,
                }
                for day in wanted
            ]
        }
        if first + self._page_groups < len(groups):
            answer["NextPageToken"] = str(first + self._page_groups)
        return _checked(request, answer)

    def _groups(self, day: date, request: Mapping[str, Any], *, of_usage: bool) -> list[dict[str, Any]]:
        metric = request["Metrics"][0]
        lines = self._lines[self._lines["day"] == day]
        chosen = lines[(lines["record_type"] == "usage") == of_usage]
        return [
            {
                "Keys": [line["usage_type"], f"{self._tag}${line['stage']}"]
                if of_usage
                else [_RECORDS[line["record_type"]]],
                "Metrics": {
                    metric: {"Amount": f"{line['cost_nano'] / 1e9:.10f}", "Unit": line["currency"]},
                    "UsageQuantity": {"Amount": line["quantity"], "Unit": line["unit"] or "N/A"},
                },
            }
            for line in chosen.to_dict("records")
        ]


def _checked(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Mapping[str, Any]:
    client = boto3.client("ce", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
    with Stubber(client) as stub:
        stub.add_response("get_cost_and_usage", answer, dict(request))
        got: Mapping[str, Any] = client.get_cost_and_usage(**request)
        return got


def export(lines: pd.DataFrame, file: Path) -> None:
    """The same bill as a CUR 2.0 export in one Parquet file, a row for each line."""
    types = {"usage": "Usage", **_RECORDS}
    records = lines.to_dict("records")
    table = pa.table(
        {
            "line_item_usage_start_date": pa.array([pd.Timestamp(r["day"]) for r in records], pa.timestamp("ms")),
            "line_item_line_item_type": [types[r["record_type"]] for r in records],
            "line_item_product_code": ["AmazonEC2" if r["kind"] == "ec2" else "AmazonECS" for r in records],
            "line_item_usage_type": [r["usage_type"] for r in records],
            "line_item_usage_amount": [float(r["quantity"]) for r in records],
            "line_item_unblended_cost": [r["cost_nano"] / 1e9 for r in records],
            "line_item_currency_code": [r["currency"] for r in records],
            "pricing_unit": [r["unit"] for r in records],
            "resource_tags": pa.array(
                [[("user_batchyard_stage", r["stage"])] if r["stage"] else [] for r in records],
                pa.map_(pa.string(), pa.string()),
            ),
        }
    )
    pq.write_table(table, file)
