"""Reading a ledger bucket: plain and zipped objects, only new ones the second time, days that don't matter skipped."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import date
from typing import Any

import boto3
import pytest
from moto import mock_aws

from reports.collect.ledger import LedgerReader
from tests.unit.reports.collect.ledger_rows import STAGE, attempt_row, line, usage_row

BUCKET = "ledger-1"


class Counting:
    """A client that counts what is fetched."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.fetched: list[str] = []

    def get_object(self, **arguments: Any) -> Any:
        self.fetched.append(arguments["Key"])
        return self._client.get_object(**arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")


@pytest.fixture
def s3(client: Any) -> Iterator[Counting]:
    client.create_bucket(Bucket=BUCKET)
    yield Counting(client)
    for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=item["Key"])
    client.delete_bucket(Bucket=BUCKET)


def put(s3: Any, key: str, *rows: dict[str, Any], zipped: bool = False) -> None:
    body = "".join(line(row) + "\n" for row in rows).encode()
    s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(body) if zipped else body)


def test_plain_and_zipped_objects(s3: Counting) -> None:
    put(s3, "attempts/day=2025-11-21/a", attempt_row("a"), attempt_row("b"))
    put(s3, "attempts/day=2025-11-22/b.gz", attempt_row("c"), zipped=True)
    put(s3, "usage/day=2025-11-21/c.gz", usage_row("a"), usage_row("c"), zipped=True)
    collected = LedgerReader(s3=s3, bucket=BUCKET, stage=STAGE).read()
    assert [(one.job_id, one.usage is not None) for one in collected.attempts] == [
        ("a", True),
        ("b", False),
        ("c", True),
    ]


def test_an_empty_ledger(s3: Counting) -> None:
    collected = LedgerReader(s3=s3, bucket=BUCKET, stage=STAGE).read()
    assert (collected.attempts, collected.set_aside) == ((), ())


def test_late_rows_are_added_and_nothing_is_fetched_twice(s3: Counting) -> None:
    reader = LedgerReader(s3=s3, bucket=BUCKET, stage=STAGE)
    put(s3, "attempts/day=2025-11-21/z", attempt_row("a"))
    assert [one.usage for one in reader.read().attempts] == [None]
    put(s3, "usage/day=2025-11-21/a", usage_row("a"))
    # a key before those already seen: listing "after the last one" would miss it
    put(s3, "attempts/day=2025-11-21/b", attempt_row("b"))
    collected = reader.read()
    assert [(one.job_id, one.usage is not None) for one in collected.attempts] == [("a", True), ("b", False)]
    assert len(s3.fetched) == len(set(s3.fetched)) == 3


def test_days_before_since_are_not_fetched(s3: Counting) -> None:
    for day in (20, 21, 22):
        put(s3, f"attempts/day=2025-11-{day}/a", attempt_row(f"job-{day}"))
    collected = LedgerReader(s3=s3, bucket=BUCKET, stage=STAGE, since=date(2025, 11, 21)).read()
    assert [one.job_id for one in collected.attempts] == ["job-21", "job-22"]
    assert len(s3.fetched) == 2


def test_damaged_objects_are_set_aside_and_the_rest_is_read(s3: Counting) -> None:
    put(s3, "attempts/day=2025-11-21/good", attempt_row("a"))
    s3.put_object(Bucket=BUCKET, Key="attempts/day=2025-11-21/half.gz", Body=gzip.compress(b"{}" * 99)[:20])
    s3.put_object(Bucket=BUCKET, Key="attempts/day=2025-11-21/bytes", Body=b"\xff\xfe\x00")
    s3.put_object(Bucket=BUCKET, Key="attempts/day=2025-11-21/empty", Body=b"")
    collected = LedgerReader(s3=s3, bucket=BUCKET, stage=STAGE).read()
    assert [one.job_id for one in collected.attempts] == ["a"]
    assert [(one.place, one.text) for one in collected.set_aside if "gz" in one.place] == [
        ("attempts/day=2025-11-21/half.gz:1", "(an object that is no whole gzip file)")
    ]
    assert len(collected.set_aside) == 2


def test_undelivered_records_are_counted(s3: Counting) -> None:
    reader = LedgerReader(s3=s3, bucket=BUCKET, stage=STAGE)
    assert reader.undelivered() == 0
    put(s3, "errors/attempts/processing-failed/day=2025-11-21/x", {})
    assert reader.undelivered() == 1
