"""The report's figures as Parquet: a file for each of its tables, typed, money in nano-dollars and as a decimal."""

from __future__ import annotations

import types
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel

from reports.model.parquet import with_amounts
from reports.model.report import (
    Anomaly,
    Budget,
    Change,
    Day,
    Dimension,
    Forecast,
    Group,
    IdentityLine,
    JobFigures,
    NoProposal,
    Proposal,
    QueueWait,
    Report,
    SpotSaving,
    UnitCosts,
    Waste,
)

ALLOCATIONS: Final = "allocations.parquet"
"""Beside the report's tables: where each nano-dollar of the period went."""
_ARROW: Final[dict[Any, pa.DataType]] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    date: pa.date32(),
    datetime: pa.timestamp("ms", tz="UTC"),
}


def parquet_tables(report: Report) -> dict[str, pa.Table]:
    """File name → table. Each is there, with its columns, also when it has no rows."""
    rows: dict[str, tuple[type[BaseModel], Sequence[BaseModel]]] = {
        "identity": (IdentityLine, report.identity.lines),
        "apart": (IdentityLine, report.identity.apart),
        "days": (Day, report.days),
        **{f"by-{name}": (Group, report.breakdowns.get(name, ())) for name in get_args(Dimension)},
        "changes": (Change, report.changes),
        "units": (UnitCosts, report.units),
        "spot": (SpotSaving, report.spot.rows if report.spot else ()),
        "jobs": (JobFigures, report.jobs),
        "queues": (QueueWait, report.queues),
        "waste": (Waste, report.waste),
        "anomalies": (Anomaly, report.anomalies),
        "month": (Forecast, (report.forecast,) if report.forecast else ()),
        "budgets": (Budget, report.budgets),
        "proposals": (Proposal, report.proposals),
        "no-proposals": (NoProposal, report.no_proposals),
    }
    return {f"{name}.parquet": _table(model, some) for name, (model, some) in rows.items()}


def write_parquet(table: pa.Table, file: Path) -> None:
    """A table as a file."""
    import pyarrow.parquet as pq  # slow to load, and seldom needed

    pq.write_table(table, file, compression="zstd")


def _table(model: type[BaseModel], rows: Sequence[BaseModel]) -> pa.Table:
    schema = pa.schema([(name, _arrow(field.annotation)) for name, field in model.model_fields.items()])
    return with_amounts(pa.Table.from_pylist([row.model_dump() for row in rows], schema=schema))


def _arrow(annotation: Any) -> pa.DataType:
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = (one for one in get_args(annotation) if one is not type(None))
    if get_origin(annotation) is Literal:
        annotation = str
    return _ARROW[annotation]
