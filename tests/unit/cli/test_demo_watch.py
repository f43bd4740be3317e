"""Which runs and results are this demo's, against moto's S3; what is expected is what the job code writes."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws
from PIL import Image

from cli.demo_watch import Upload, Watch, upload_all
from local.demo_data import demo_files
from local.home import REPOSITORY
from reports.collect.ledger import LedgerReader
from tests.unit.reports.collect.ledger_rows import STAGE, attempt_row, line, told, usage_row

BUCKETS = ("uploads-1", "results-1", "ledger-1")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")


@pytest.fixture
def s3(client: Any) -> Iterator[Any]:
    for bucket in BUCKETS:
        client.create_bucket(Bucket=bucket)
    yield client
    for bucket in BUCKETS:
        for item in client.list_objects_v2(Bucket=bucket).get("Contents", []):
            client.delete_object(Bucket=bucket, Key=item["Key"])
        client.delete_bucket(Bucket=bucket)


def small_files(folder: Path) -> dict[str, Path]:
    files = demo_files(folder)
    for key, file in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".csv":
            month = int(file.stem.partition("-")[2])
            file.write_text(
                "year,month,dep_delay,arr_delay,carrier,origin,hour\n" + f"2013,{month},2,11,UA,EWR,5\n", "utf-8"
            )
        else:
            Image.new("RGB", (8, 8)).save(file)
        assert key in files
    return files


def job_code(job: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{job}_code", REPOSITORY / "jobs" / job / "main.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def watch(s3: Any, uploads: list[Upload]) -> Watch:
    return Watch(
        s3=s3,
        uploads=uploads,
        uploads_bucket="uploads-1",
        results_bucket="results-1",
        ledger=LedgerReader(s3=s3, bucket="ledger-1", stage=STAGE),
    )


def record(
    s3: Any, name: str, upload: Upload, *, after_s: float = 0.1, bucket: str = "uploads-1", **changes: Any
) -> None:
    """The ledger's rows of one run that was submitted `after_s` after its upload."""
    created_ms = int((upload.uploaded_at.timestamp() + after_s) * 1000)
    attempts = [{**told(0, 0, exitCode=0), "startedAt": created_ms + 1000, "stoppedAt": created_ms + 3000}]
    row = attempt_row(
        name,
        created_at=created_ms,
        attempts=attempts,
        parameters={"bucket": bucket, "key": upload.key},
        job_definition=f"arn:aws:batch:us-east-1:123456789012:job-definition/batchyard-local-{upload.job}:1",
        **changes,
    )
    s3.put_object(Bucket="ledger-1", Key=f"attempts/day=2026-01-01/{name}", Body=line(row).encode())


def measure(s3: Any, name: str) -> None:
    s3.put_object(Bucket="ledger-1", Key=f"usage/day=2026-01-01/{name}", Body=line(usage_row(name)).encode())


def test_sixteen_uploads_and_the_results_their_jobs_write(s3: Any, tmp_path: Path) -> None:
    heard: list[int] = []
    files = small_files(tmp_path)
    uploads = upload_all(s3, bucket="uploads-1", files=files, uploaded=heard.append)
    assert heard == list(range(1, 17))
    assert {item["Key"] for item in s3.list_objects_v2(Bucket="uploads-1")["Contents"]} == set(files)
    before = watch(s3, uploads).look()
    assert (before.results, before.results_expected, before.recorded) == (0, 36, False)
    code = {job: job_code(job) for job in ("flights", "thumbnails")}
    for upload in uploads:
        code[upload.job].run(s3, uploads="uploads-1", results="results-1", key=upload.key)
    seen = watch(s3, uploads).look()
    assert (seen.results, seen.missing) == (36, ())
    assert s3.list_objects_v2(Bucket="results-1")["KeyCount"] == 36


def test_only_runs_of_these_uploads_count(s3: Any) -> None:
    upload = Upload(key="photos/china.jpg", job="thumbnails", uploaded_at=datetime.now(UTC))
    record(s3, "earlier", upload, after_s=-60)
    record(s3, "other-bucket", upload, bucket="elsewhere")
    record(s3, "other-key", Upload(key="photos/mine.jpg", job="thumbnails", uploaded_at=upload.uploaded_at))
    record(s3, "other-job", Upload(key=upload.key, job="flights", uploaded_at=upload.uploaded_at))
    seen = watch(s3, [upload]).look()
    assert (seen.runs, seen.unrecorded) == ((), ("photos/china.jpg",))
    record(s3, "mine", upload)
    seen = watch(s3, [upload]).look()
    assert [run.attempt.job_id for run in seen.runs] == ["mine"]
    assert (seen.recorded, seen.unmeasured) == (True, 1)
    measure(s3, "mine")
    assert watch(s3, [upload]).look().unmeasured == 0


def test_a_delivery_that_came_twice_is_two_runs(s3: Any) -> None:
    upload = Upload(key="photos/china.jpg", job="thumbnails", uploaded_at=datetime.now(UTC))
    record(s3, "one", upload)
    record(s3, "two", upload)
    assert len(watch(s3, [upload]).look().runs) == 2


def test_results_of_an_earlier_demo_are_missing_now(s3: Any) -> None:
    upload = Upload(key="flights/2013-01.csv", job="flights", uploaded_at=datetime.now(UTC) + timedelta(seconds=5))
    for key in upload.expected_results:
        s3.put_object(Bucket="results-1", Key=key, Body=b"x")
    assert upload.expected_results == ("flights/2013-01/delays.csv", "flights/2013-01/delays.parquet")
    assert watch(s3, [upload]).look().missing == upload.expected_results
