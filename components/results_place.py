"""What the stage keeps for all runs of a job with results: a table for Athena, a manifest for QuickSight."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from components import redshift_load
from components.buckets import Bucket
from components.check import PlannedJob
from components.job_triggers import TriggerPlaces
from components.names import Names
from components.redshift_load import RedshiftLoad, RedshiftLoadArgs
from components.results import job_folder
from components.tagging import job_tags, tagging
from jobs import conventions
from jobs.spec.results import DAY_COLUMN, Athena, Format, Redshift, Results

QUICKSIGHT_FILE: Final = "quicksight.json"
_TEXT_INPUT: Final = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUTPUT: Final = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"


@dataclass(frozen=True, kw_only=True)
class Storage:
    """How Athena reads a format (Athena User Guide, supported SerDes)."""

    input_format: str
    output_format: str
    library: str
    library_parameters: Mapping[str, str]
    table_parameters: Mapping[str, str]


STORAGES: Final[Mapping[Format, Storage]] = {
    "parquet": Storage(
        input_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        output_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        library="org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        library_parameters={"serialization.format": "1"},
        table_parameters={},
    ),
    "csv": Storage(
        input_format=_TEXT_INPUT,
        output_format=_TEXT_OUTPUT,
        library="org.apache.hadoop.hive.serde2.OpenCSVSerde",
        library_parameters={"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"},
        table_parameters={"skip.header.line.count": "1"},
    ),
    "json": Storage(
        input_format=_TEXT_INPUT,
        output_format=_TEXT_OUTPUT,
        library="org.openx.data.jsonserde.JsonSerDe",
        library_parameters={"case.insensitive": "true"},
        table_parameters={},
    ),
}


@dataclass(frozen=True, kw_only=True)
class ResultsPlaces:
    locations: Mapping[str, Mapping[str, Any]]
    """Job → its bucket, folder, table, and the role that Redshift reads it with: the stage's output `results`."""
    dead_letters: Mapping[str, pulumi.Output[str]]
    """`<job>/redshift` → queue URL."""


def make_results_places(
    jobs: Sequence[PlannedJob], places: TriggerPlaces, opts: pulumi.ResourceOptions
) -> ResultsPlaces:
    """Makes the stage's CatalogDatabase (with tables), the tables, RedshiftLoads and QuickSight manifests."""
    names, buckets = places.names, places.buckets
    found: dict[str, dict[str, Any]] = {}
    dead_letters: dict[str, pulumi.Output[str]] = {}
    database: aws.glue.CatalogDatabase | None = None
    for planned in jobs:
        results = planned.spec.results
        if results is None:
            continue
        bucket = buckets[results.bucket]
        table = ""
        if results.athena is not None:
            if database is None:
                database = _database(names, opts)
            table = f"{names.database}.{names.table(planned.name)}"
            _table(planned, results, results.athena, database, names, bucket, opts)
        if results.quicksight:
            _quicksight(planned.name, results, names, bucket, opts)
        load = None if results.redshift is None else _redshift(planned, results, results.redshift, places, opts)
        found[planned.name] = {
            "bucket": bucket.name,
            "prefix": job_folder(planned.name),
            "table": table,
            "copy_role_arn": "" if load is None else load.copy_role_arn,
        }
        if load is not None:
            dead_letters[f"{planned.name}/{redshift_load.PART}"] = load.dead_letters_url
    return ResultsPlaces(locations=found, dead_letters=dead_letters)


def _database(names: Names, opts: pulumi.ResourceOptions) -> aws.glue.CatalogDatabase:
    return aws.glue.CatalogDatabase(
        names.database, name=names.database, description=f"Results of {names.itself}'s jobs", opts=opts
    )


def data_location(job: str, bucket_name: pulumi.Input[str]) -> pulumi.Output[str]:
    """Where the objects of all runs are: `s3://<bucket>/<job>/data/`."""
    return pulumi.Output.concat("s3://", bucket_name, "/", job_folder(job), conventions.RESULTS_DATA)


def projection(since: str) -> dict[str, str]:
    """Athena counts the days itself: no partition is ever added to the catalog."""
    return {
        "projection.enabled": "true",
        f"projection.{DAY_COLUMN}.type": "date",
        f"projection.{DAY_COLUMN}.format": "yyyy-MM-dd",
        f"projection.{DAY_COLUMN}.range": f"{since},NOW",
        f"projection.{DAY_COLUMN}.interval": "1",
        f"projection.{DAY_COLUMN}.interval.unit": "DAYS",
    }


def _table(
    planned: PlannedJob,
    results: Results,
    athena: Athena,
    database: aws.glue.CatalogDatabase,
    names: Names,
    bucket: Bucket,
    opts: pulumi.ResourceOptions,
) -> None:
    assert results.format is not None, "a table's objects have a format"
    storage = STORAGES[results.format]
    location = data_location(planned.name, bucket.name)
    aws.glue.CatalogTable(
        f"{names.database}_{names.table(planned.name)}",
        name=names.table(planned.name),
        database_name=database.name,
        description=planned.spec.description,
        owner=planned.spec.owner,
        table_type="EXTERNAL_TABLE",
        parameters={
            "EXTERNAL": "TRUE",
            "classification": results.format,
            "storage.location.template": pulumi.Output.concat(
                location, conventions.RESULTS_DAY, "${", DAY_COLUMN, "}/"
            ),
            **projection(athena.since),
            **storage.table_parameters,
        },
        partition_keys=[aws.glue.CatalogTablePartitionKeyArgs(name=DAY_COLUMN, type="string")],
        storage_descriptor=aws.glue.CatalogTableStorageDescriptorArgs(
            location=location,
            input_format=storage.input_format,
            output_format=storage.output_format,
            columns=[
                aws.glue.CatalogTableStorageDescriptorColumnArgs(name=name, type=kind)
                for name, kind in athena.columns.items()
            ],
            ser_de_info=aws.glue.CatalogTableStorageDescriptorSerDeInfoArgs(
                serialization_library=storage.library, parameters=dict(storage.library_parameters)
            ),
        ),
        opts=opts,
    )


def _redshift(
    planned: PlannedJob, results: Results, redshift: Redshift, places: TriggerPlaces, opts: pulumi.ResourceOptions
) -> RedshiftLoad:
    assert results.format is not None, "a table's objects have a format"
    return RedshiftLoad(
        places.names.of("pipe", planned.name, redshift_load.PART),
        RedshiftLoadArgs(
            names=places.names,
            job=planned.name,
            redshift=redshift,
            format=results.format,
            bucket=places.buckets[results.bucket],
            account=places.account.account_id,
            region=places.region,
            partition=places.account.partition,
            queue_arn=places.queue_arn(planned.name),
            definition_arn_prefix=places.definition_arn_prefix(planned.name),
            log_retention_days=places.log_retention_days,
            alarm_topic_arn=places.alarm_topic_arn,
        ),
        pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(transformations=[tagging(job_tags(job=planned.name, owner=planned.spec.owner))]),
        ),
    )


def _quicksight(job: str, results: Results, names: Names, bucket: Bucket, opts: pulumi.ResourceOptions) -> None:
    content = data_location(job, bucket.name).apply(lambda location: json.dumps(quicksight_manifest(location, results)))
    aws.s3.BucketObjectv2(
        names.of("bucket", job, "quicksight"),
        bucket=bucket.name,
        key=f"{job_folder(job)}{QUICKSIGHT_FILE}",
        content=content,
        content_type="application/json",
        opts=opts,
    )


def quicksight_manifest(location: str, results: Results) -> dict[str, Any]:
    """Names the folder, not its objects: a refresh of the dataset finds later runs too."""
    upload: dict[str, str] = {"format": "JSON"}
    if results.format == "csv":
        upload = {"format": "CSV", "delimiter": ",", "textqualifier": '"', "containsHeader": "true"}
    return {"fileLocations": [{"URIPrefixes": [location]}], "globalUploadSettings": upload}
