"""Lines of a made-up bill, and what worlds measure time with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
MIB_PER_GIB: Final = 1024


def line(
    start: date,
    day: int,
    kind: str,
    usage_type: str,
    quantity: float,
    unit: str,
    dollars: float,
    *,
    purchase: str = "",
    instance_type: str = "",
    stage: str = "",
    record_type: str = "usage",
) -> dict[str, object]:
    """A row of `bill_lines`, `day` days after the start."""
    return {
        "day": (np.datetime64(start) + np.timedelta64(int(day), "D")).item(),
        "service": {"ec2": "Amazon Elastic Compute Cloud - Compute"}.get(kind, "Amazon Elastic Container Service"),
        "usage_type": usage_type,
        "kind": kind,
        "purchase": purchase,
        "instance_type": instance_type,
        "stage": stage,
        "job": "",
        "record_type": record_type,
        "quantity": f"{quantity:.10f}",
        "unit": unit,
        "cost_nano": round(dollars * 1e9),
        "currency": "USD",
        "estimated": False,
    }


def rows(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows as named tuples; their columns' types are not known to a type checker."""
    yield from frame.itertuples()
