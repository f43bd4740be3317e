"""`results`: what a run leaves, under its own id in a bucket of the stage, with a manifest; and who may query it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from jobs import conventions
from jobs.problems import listing, suggestion
from jobs.spec.base import BucketName, Hint, Strict, refuse
from jobs.spec.column_types import IN_TEXT, NAME, SIMPLE, is_column_type

Format = Literal["parquet", "csv", "json"]
DAY_COLUMN: Final = "day"
FIRST_DAY: Final = "2026-01-01"
"""No stage of Batchyard is older."""
COLUMNS_MAX: Final = 1_000


class Athena(Strict):
    """A table of the stage's Glue database, named as the job with `_` for `-`, partitioned by day."""

    columns: Annotated[
        dict[str, str],
        Field(min_length=1, max_length=COLUMNS_MAX, examples=[{"city": "string", "celsius": "double"}]),
        Hint(allowed=f"a table has 1–{COLUMNS_MAX:,} columns", remedy="write name: type, for example city: string"),
    ]
    """Name: type in Hive's words. Of Parquet they are found by name, of CSV by position."""
    since: Annotated[str, StringConstraints(strict=True), Field(examples=["2026-11-01"])] = FIRST_DAY
    """First day that queries look for, in UTC."""

    @field_validator("columns")
    @classmethod
    def _columns(cls, columns: dict[str, str]) -> dict[str, str]:
        for name, kind in columns.items():
            if NAME.fullmatch(name) is None:
                raise refuse(
                    "no column's name",
                    "a name is lower-case letters, digits and _, not beginning with a digit, at most 128 characters",
                    "rename it",
                    key=(name,),
                )
            if name == DAY_COLUMN:
                raise refuse(
                    "a reserved name", "day is the partition every table has", "rename the column", key=(name,)
                )
            if not is_column_type(kind):
                raise refuse(
                    f"{kind[:60]!r}",
                    f"a type is {', '.join(SIMPLE)}, decimal(p,s), char(n), varchar(n), array<…>, map<…> or struct<…>",
                    suggestion(kind, SIMPLE, otherwise="write one of these, without spaces"),
                    key=(name,),
                )
        return columns

    @field_validator("since")
    @classmethod
    def _since(cls, since: str) -> str:
        try:
            found = date.fromisoformat(since)
        except ValueError:
            found = None
        if found is None or found.isoformat() != since:
            raise refuse(f"{since[:60]!r}", "it is a day like 2026-11-01", "write year, month and day")
        return since


class Results(Strict):
    """The job writes below `BATCHYARD_RESULTS` and nowhere else in the bucket; the manifest is written when it ends
    well."""

    bucket: BucketName = Field(default=conventions.RESULTS_BUCKET, examples=["results"])
    """A bucket of the stage."""
    format: Annotated[Format | None, Field(examples=["parquet"])] = None
    """What every object of a run is, by the end of its key; anything when left out. CSV has a header line, JSON an
    object a line."""
    athena: Athena | None = None
    """Makes them a table that Athena queries."""
    quicksight: bool = False
    """true keeps a QuickSight manifest of all runs at `<job>/quicksight.json`; of csv or json."""

    @model_validator(mode="after")
    def _has_format(self) -> Results:
        if self.athena is not None and self.format is None:
            raise refuse(
                "without format",
                "a table's objects have one format",
                "write format: parquet, csv or json",
                about=("format", "athena"),
            )
        if self.quicksight and self.format not in ("csv", "json"):
            raise refuse(
                "true without format" if self.format is None else f"true with format: {self.format}",
                "QuickSight reads csv and json from S3",
                "write one of these formats, or let QuickSight ask Athena",
                key=("quicksight",),
                about=("format", "quicksight"),
            )
        if self.athena is not None and self.format == "csv":
            for name, kind in self.athena.columns.items():
                if kind not in IN_TEXT:
                    raise refuse(
                        f"{kind} with format: csv",
                        f"Athena reads {listing(IN_TEXT)} from quoted CSV",
                        "write string and cast it in the query, or write format: parquet",
                        key=("athena", "columns", name),
                        about=("format", "athena"),
                    )
        return self
