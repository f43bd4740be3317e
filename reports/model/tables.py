"""The tables of the cost report, once: columns with type, unit and meaning. DDL and documentation come from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ATHENA_TYPES: Final = {
    "VARCHAR": "string",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "DECIMAL(38,12)": "decimal(38,12)",
}


@dataclass(frozen=True, kw_only=True)
class Column:
    name: str
    type: str  # DuckDB's name; a key of ATHENA_TYPES
    meaning: str
    nullable: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    name: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def duckdb_ddl(self) -> str:
        """`CREATE TABLE` in DuckDB's dialect. Times are UTC without a zone."""
        lines = [f"  {c.name} {c.type}{'' if c.nullable else ' NOT NULL'}" for c in self.columns]
        return f"CREATE TABLE {self.name} (\n" + ",\n".join(lines) + "\n)"

    def athena_ddl(
        self,
        *,
        database: str,
        location: str,
        name: str = "",
        partition: str | None = None,
        first_day: str = "2020-01-01",
    ) -> str:
        """`CREATE EXTERNAL TABLE` of the Parquet under `location` (`s3://…/`) in Athena's (Hive's) dialect.

        With `partition`, a DATE column, its files lie under `<partition>=2026-11-21/`, and Athena works out which
        days to read from the query (partition projection): nothing has to be told of a new day.
        """
        columns = ",\n".join(
            f"  `{c.name}` {ATHENA_TYPES[c.type]} COMMENT {_quoted(c.meaning)}"
            for c in self.columns
            if c.name != partition
        )
        lines = [
            f"CREATE EXTERNAL TABLE IF NOT EXISTS `{database}`.`{name or self.name}` (\n{columns}\n)",
            f"COMMENT {_quoted(self.meaning)}",
        ]
        properties = {}
        if partition is not None:
            lines.append(f"PARTITIONED BY (`{partition}` date)")
            properties = {
                "projection.enabled": "true",
                f"projection.{partition}.type": "date",
                f"projection.{partition}.format": "yyyy-MM-dd",
                f"projection.{partition}.interval": "1",
                f"projection.{partition}.interval.unit": "DAYS",
                f"projection.{partition}.range": f"{first_day},NOW+1DAYS",
                "storage.location.template": f"{location}{partition}=${{{partition}}}/",
            }
        lines += ["STORED AS PARQUET", f"LOCATION '{location}'"]
        if properties:
            told = ",\n".join(f"  '{key}' = '{value}'" for key, value in properties.items())
            lines.append(f"TBLPROPERTIES (\n{told}\n)")
        return "\n".join(lines)

    def markdown(self) -> str:
        rows = "\n".join(
            f"| `{c.name}` | {c.type} | {c.meaning}{' Empty where unknown.' if c.nullable else ''} |"
            for c in self.columns
        )
        return f"### `{self.name}`\n\n{self.meaning}\n\n| column | type | meaning |\n| --- | --- | --- |\n{rows}\n"


def _quoted(text: str) -> str:
    # parsers don't agree on how a quote is written in a text, and some end a statement at any semicolon
    return "'" + text.replace("'", "’").replace(";", ",") + "'"


def _c(name: str, type_: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name=name, type=type_, meaning=meaning, nullable=nullable)


ATTEMPTS: Final = Table(
    name="attempts",
    meaning="One row for each finished attempt of a job: what it asked for, what it used, how it ended.",
    columns=(
        _c("day", "DATE", "UTC day of stopped_at; the partition."),
        _c("attempt_id", "VARCHAR", "`<job id>#<attempt number>`, unique."),
        _c("job_id", "VARCHAR", "AWS Batch's id of the job; `parent:index` for an array's child."),
        _c("attempt", "INTEGER", "Number of the attempt, from 1."),
        _c("job", "VARCHAR", "Name of the job's folder in `jobs/`."),
        _c("owner", "VARCHAR", "Owner named in its job.yaml."),
        _c("stage", "VARCHAR", "Stage it ran in."),
        _c("queue", "VARCHAR", "Job queue it was submitted to."),
        _c("environment", "VARCHAR", "Compute environment it ran in.", nullable=True),
        _c("platform", "VARCHAR", "`ec2`, `fargate` or `lambda`."),
        _c("purchase", "VARCHAR", "`spot`, `on-demand` or `unmanaged`.", nullable=True),
        _c("instance_id", "VARCHAR", "EC2 instance it ran on; none on Fargate and Lambda.", nullable=True),
        _c("image", "VARCHAR", "Image by digest."),
        _c("vcpus", "DOUBLE", "vCPUs asked for."),
        _c("memory_mib", "BIGINT", "Memory asked for, MiB."),
        _c("submitted_at", "TIMESTAMP", "When the job was submitted, UTC."),
        _c("pull_started_at", "TIMESTAMP", "When the image's pull began, UTC; Fargate bills from here.", nullable=True),
        _c("started_at", "TIMESTAMP", "When the container started, UTC.", nullable=True),
        _c("stopped_at", "TIMESTAMP", "When the attempt ended, UTC."),
        _c(
            "outcome",
            "VARCHAR",
            "`succeeded`, `application-error`, `out-of-memory`, `reclaimed`, `timed-out`, `not-started`, `cancelled`.",
        ),
        _c("exit_code", "INTEGER", "Exit code of the container.", nullable=True),
        _c("peak_memory_mib", "DOUBLE", "Most memory in use at once, MiB, from the probe.", nullable=True),
        _c("cpu_s", "DOUBLE", "CPU seconds used, from the probe.", nullable=True),
        _c("items", "BIGINT", "How many items it handled, as the job told the probe.", nullable=True),
        _c("array_index", "INTEGER", "Index in its array.", nullable=True),
    ),
)

INSTANCES: Final = Table(
    name="instances",
    meaning="One row for each EC2 instance of a compute environment, from its container instance events.",
    columns=(
        _c("instance_id", "VARCHAR", "EC2 instance id."),
        _c("environment", "VARCHAR", "Compute environment that started it."),
        _c("stage", "VARCHAR", "Stage of that environment."),
        _c("instance_type", "VARCHAR", "Such as `m6i.large`."),
        _c("purchase", "VARCHAR", "`spot`, `on-demand` or `unmanaged`."),
        _c("vcpus", "INTEGER", "vCPUs of the instance."),
        _c("memory_mib", "BIGINT", "Memory of the instance, MiB."),
        _c("started_at", "TIMESTAMP", "When it was first seen, UTC."),
        _c("ended_at", "TIMESTAMP", "When it was last seen, UTC; none while it runs.", nullable=True),
    ),
)

BILL_LINES: Final = Table(
    name="bill_lines",
    meaning="The bill, a row for each day, usage type and set of tags.",
    columns=(
        _c("day", "DATE", "UTC day the usage was billed for."),
        _c("service", "VARCHAR", "Service as the bill names it."),
        _c("usage_type", "VARCHAR", "Usage type as the bill names it, with its region's prefix."),
        _c(
            "kind",
            "VARCHAR",
            "`ec2`, `fargate-vcpu`, `fargate-gb`, `lambda-gb-s`, `lambda-requests`, "
            "`storage`, `network`, `logs` or `other`.",
        ),
        _c("purchase", "VARCHAR", "`spot` or `on-demand`; empty for what is not compute."),
        _c("instance_type", "VARCHAR", "Instance type of an `ec2` line; empty otherwise."),
        _c("stage", "VARCHAR", "Stage by cost allocation tag; empty where untagged."),
        _c("job", "VARCHAR", "Job by cost allocation tag; empty where untagged."),
        _c("record_type", "VARCHAR", "`usage`, `credit`, `refund`, `tax`, `support` or `fee`."),
        _c("quantity", "DECIMAL(38,12)", "Amount of usage in `unit`."),
        _c("unit", "VARCHAR", "Unit of the quantity, as the bill names it."),
        _c("cost_nano", "BIGINT", "Cost in 1e-9 of `currency`."),
        _c("currency", "VARCHAR", "Currency of the bill."),
        _c("estimated", "BOOLEAN", "Whether AWS may still change it."),
    ),
)

ALLOCATIONS: Final = Table(
    name="allocations",
    meaning="Where each nano-dollar of the bill's usage went. Their sum is the bill's usage, exactly.",
    columns=(
        _c("day", "DATE", "UTC day."),
        _c("category", "VARCHAR", "`job`, `idle`, `storage`, `network`, `logs` or `unexplained`."),
        _c("attempt_id", "VARCHAR", "The attempt, for category `job`.", nullable=True),
        _c("job", "VARCHAR", "Job; by tag for storage, network and logs.", nullable=True),
        _c("owner", "VARCHAR", "Owner of that job.", nullable=True),
        _c("stage", "VARCHAR", "Stage.", nullable=True),
        _c("queue", "VARCHAR", "Job queue.", nullable=True),
        _c("environment", "VARCHAR", "Compute environment, for `job` and `idle`.", nullable=True),
        _c("platform", "VARCHAR", "`ec2`, `fargate` or `lambda`, for `job` and `idle`.", nullable=True),
        _c("purchase", "VARCHAR", "`spot` or `on-demand`, for `job` and `idle`.", nullable=True),
        _c("cost_nano", "BIGINT", "Dollars of it, in 1e-9."),
        _c("detail", "VARCHAR", "Usage type, or what the line is, for what is not a job.", nullable=True),
    ),
)

ON_DEMAND_PRICES: Final = Table(
    name="on_demand_prices",
    meaning="What an hour of spot capacity would have cost on demand.",
    columns=(
        _c("usage_type", "VARCHAR", "Usage type of the spot capacity, as the bill names it."),
        _c("hour_nano", "BIGINT", "Price of the same hour on demand, in 1e-9 of the bill's currency."),
    ),
)

TABLES: Final = (ATTEMPTS, INSTANCES, BILL_LINES, ALLOCATIONS)
