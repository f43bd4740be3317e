"""`results`: what a run leaves, under its own id in a bucket of the stage, with a manifest; and who may query it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, field_validator, model_validator

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


class Redshift(Strict):
    """A table that exists, of a cluster or a serverless workgroup of the account and region; each run is appended."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"cluster": "warehouse", "user": "loader", "database": "dev", "table": "public.readings"}]
        }
    )

    workgroup: Annotated[
        str | None,
        StringConstraints(strict=True, pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"),
        Hint(
            allowed="a workgroup is the id that its ARN ends with",
            remedy="write it as `aws redshift-serverless get-workgroup` shows it",
        ),
        Field(examples=["0f7e3c52-1c84-4a3e-9d55-6b1f6d0c8f21"]),
    ] = None
    """Id of a serverless workgroup."""
    cluster: Annotated[
        str | None,
        StringConstraints(strict=True, pattern=r"^[a-z](-?[a-z0-9])*$", max_length=63),
        Hint(
            allowed="a cluster's identifier is lower-case letters, digits and single hyphens, at most 63 characters",
            remedy="write it as Redshift shows it",
        ),
        Field(examples=["warehouse"]),
    ] = None
    """Identifier of a cluster."""
    user: Annotated[
        str | None,
        StringConstraints(strict=True, pattern=r"^[a-z_][a-z0-9_]{0,62}$"),
        Hint(allowed="a user is lower-case letters, digits and _, at most 63", remedy="name a user of the cluster"),
        Field(examples=["loader"]),
    ] = None
    """Of the cluster, whom temporary credentials are for. A workgroup takes the role itself for its user."""
    database: Annotated[
        str,
        StringConstraints(strict=True, pattern=r"^[a-z_][a-z0-9_]{0,62}$"),
        Hint(allowed="a database is lower-case letters, digits and _, at most 63", remedy="name one that exists"),
        Field(examples=["dev"]),
    ]
    """Name of the database."""
    table: Annotated[
        str,
        StringConstraints(strict=True, pattern=r"^([a-z_][a-z0-9_]{0,126}\.)?[a-z_][a-z0-9_]{0,126}$"),
        Hint(
            allowed="a table is table or schema.table, in lower-case letters, digits and _",
            remedy="write for example public.readings",
        ),
        Field(examples=["public.readings"]),
    ]
    """Table, with its schema before it where that isn't public; its columns in the order of the objects'."""

    @model_validator(mode="after")
    def _one(self) -> Redshift:
        if (self.workgroup is None) == (self.cluster is None):
            raise refuse(
                "without workgroup and cluster" if self.cluster is None else "given both workgroup and cluster",
                "a table is of one of the two",
                "write workgroup: and its id, or cluster: and user:",
                about=("workgroup", "cluster"),
            )
        if (self.cluster is None) != (self.user is None):
            raise refuse(
                "without user" if self.user is None else "given a user beside workgroup",
                "credentials of a cluster are for a user, a workgroup's are the role's",
                "write user: beside cluster:" if self.user is None else "remove user",
                about=("workgroup", "cluster", "user"),
            )
        return self

    @property
    def quoted_table(self) -> str:
        """For SQL: `"public"."readings"`."""
        schema, _, table = self.table.rpartition(".")
        return f'"{schema or "public"}"."{table}"'


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
    redshift: Redshift | None = None
    """Loads each run into a table of Redshift when it has succeeded."""
    quicksight: bool = False
    """true keeps a QuickSight manifest of all runs at `<job>/quicksight.json`; of csv or json."""

    @model_validator(mode="after")
    def _has_format(self) -> Results:
        if (self.athena is not None or self.redshift is not None) and self.format is None:
            raise refuse(
                "without format",
                "a table's objects have one format",
                "write format: parquet, csv or json",
                about=("format", "athena", "redshift"),
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
