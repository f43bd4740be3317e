"""What a stage makes for the results of its jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.reference import ResultsLocation, StageReference
from jobs.problems import Problems
from tests.unit.components import example, example_results
from tests.unit.components.mocked_engine import Recording, record

ROLE = "arn:aws:iam::123456789012:role/batchyard-dev"
BUCKET = "batchyard-dev-results-1234567"


@pytest.fixture
def recorded(results_stage: Recording) -> Recording:
    return results_stage


def properties(recorded: Recording, job: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        recorded.one("JobDefinition", f"batchyard-dev-{job}").inputs["containerProperties"]
    )
    return found


def test_a_job_may_write_below_its_own_folder_only(recorded: Recording) -> None:
    document = json.loads(recorded.one("RolePolicy", "batchyard-dev-day-readings-job").inputs["policy"])
    assert document["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"],
            "Resource": [f"arn:aws:s3:::{BUCKET}/day-readings/*"],
        },
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": [f"arn:aws:s3:::{BUCKET}"],
            "Condition": {"StringLike": {"s3:prefix": "day-readings/*"}},
        },
    ]


def test_the_container_is_told_its_folder_and_format(recorded: Recording) -> None:
    environment = {one["name"]: one["value"] for one in properties(recorded, "day-readings")["environment"]}
    assert environment["BATCHYARD_RESULTS_PLACE"] == f"s3://{BUCKET}/day-readings/"
    assert environment["BATCHYARD_RESULTS_FORMAT"] == "parquet"
    assert "BATCHYARD_RESULTS" not in environment, "the helper sets it, by the run's id"


def test_a_table_finds_its_partitions_by_itself(recorded: Recording) -> None:
    database = recorded.one("CatalogDatabase", "batchyard_dev").inputs
    assert database["name"] == "batchyard_dev"
    table = recorded.one("CatalogTable", "batchyard_dev_day_readings").inputs
    assert (table["databaseName"], table["name"], table["tableType"]) == (
        "batchyard_dev",
        "day_readings",
        "EXTERNAL_TABLE",
    )
    assert table["parameters"] == {
        "EXTERNAL": "TRUE",
        "classification": "parquet",
        "projection.enabled": "true",
        "projection.day.type": "date",
        "projection.day.format": "yyyy-MM-dd",
        "projection.day.range": "2026-11-01,NOW",
        "projection.day.interval": "1",
        "projection.day.interval.unit": "DAYS",
        "storage.location.template": f"s3://{BUCKET}/day-readings/data/day=${{day}}/",
    }
    assert table["partitionKeys"] == [{"name": "day", "type": "string"}]
    storage = table["storageDescriptor"]
    assert storage["location"] == f"s3://{BUCKET}/day-readings/data/"
    assert storage["columns"] == [
        {"name": "city", "type": "string"},
        {"name": "readings", "type": "array<double>"},
    ]
    assert storage["serDeInfo"]["serializationLibrary"].endswith("ParquetHiveSerDe")


def test_a_csv_table_passes_over_the_header(recorded: Recording) -> None:
    table = recorded.one("CatalogTable", "batchyard_dev_texts").inputs
    assert table["parameters"]["skip.header.line.count"] == "1"
    assert table["storageDescriptor"]["serDeInfo"] == {
        "serializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde",
        "parameters": {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"},
    }


def test_the_outputs_say_where_results_are(recorded: Recording) -> None:
    reference = StageReference.parse(recorded.outputs, stack="dev")
    assert reference.results == {
        "day-readings": ResultsLocation(
            bucket=BUCKET,
            prefix="day-readings/",
            table="batchyard_dev.day_readings",
            copy_role_arn=f"{ROLE}-day-readings-copy-1234567",
        ),
        "texts": ResultsLocation(
            bucket=BUCKET, prefix="texts/", table="batchyard_dev.texts", copy_role_arn=f"{ROLE}-texts-copy-1234567"
        ),
    }


def test_a_stage_without_results_has_no_database(stage: Recording) -> None:
    assert stage.of("CatalogDatabase") == []
    assert stage.outputs["results"] == {}


def test_an_image_without_the_helper_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problems) as refused:
        record(example.config(), stack="dev", repository=example_results.write(tmp_path, dockerfile=""))
    assert str(next(iter(refused.value))) == (
        "jobs/day-readings/Dockerfile is without batchyard-results; in a job with results it stands between the probe "
        "and the command; copy batchyard-results beside batchyard-probe and begin the command with it: docs/jobs.md"
    )


def test_a_bucket_that_is_none_of_the_stage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problems, match=r"results\.bucket is the unknown bucket results; known are uploads"):
        record(example.config(buckets={"uploads": {}}), stack="dev", repository=example_results.write(tmp_path))
