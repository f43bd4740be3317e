"""Which results belong to which run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reports.collect.results import ResultIndex, StoredResult, result_prefixes
from reports.collect.rows import RowReader
from reports.model.attempt import Attempt
from tests.unit.reports.collect.ledger_rows import STAGE, attempt_row, line

NOW = datetime(2025, 11, 21, 12, tzinfo=UTC)


def stored(*keys: str, modified_at: datetime = NOW, size_bytes: int = 1) -> list[StoredResult]:
    return [StoredResult(key=key, size_bytes=size_bytes, modified_at=modified_at) for key in keys]


def attempt(job: str, parameters: dict[str, str], status: str = "SUCCEEDED") -> Attempt:
    reader = RowReader(stage=STAGE)
    definition = f"arn:aws:batch:us-east-1:123456789012:job-definition/batchyard-local-{job}:1"
    row = attempt_row(job_definition=definition, parameters=parameters, status=status)
    reader.add_attempt_lines([line(row)], "x")
    return reader.collected().attempts[0]


@pytest.mark.parametrize(
    ("job", "key", "expected"),
    [
        ("thumbnails", "photos/a b.jpg", ["thumbnails/photos/a b.jpg/128.jpg", "thumbnails/photos/a b.jpg/512.jpg"]),
        ("flights", "flights/2013-01.csv", ["flights/2013-01/delays.csv"]),
        ("flights", "flights/2013-0.csv", []),
        ("flights", "newest", []),
    ],
)
def test_results_of_a_run(job: str, key: str, expected: list[str]) -> None:
    index = ResultIndex(
        stored=stored(
            "flights/2013-01/delays.csv",
            "flights/2013-02/delays.csv",
            "thumbnails/photos/a b.jpg/128.jpg",
            "thumbnails/photos/a b.jpg/512.jpg",
            "thumbnails/photos/a b.jpg.jpg/128.jpg",
        )
    )
    assert list(index.of(attempt(job, {"key": key}))) == expected


def test_a_job_with_results_has_those_of_its_id() -> None:
    mine = attempt("readings", {"key": "readings/a.csv"})
    keys = [
        f"readings/data/day=2025-11-21/run={mine.job_id}/a.parquet",
        f"readings/data/day=2025-11-21/run={mine.job_id}1/a.parquet",
        f"other/data/day=2025-11-21/run={mine.job_id}/a.parquet",
        f"readings/data/day=2025-11-21/run={mine.job_id}/child=3/a.parquet",
        f"readings/manifests/{mine.job_id}/manifest.json",
        "readings/a/by-its-key.csv",
    ]
    index = ResultIndex(stored=stored(*keys))
    assert index.of(mine) == (keys[0],)
    assert index.of(replace(mine, job_id=f"{mine.job_id}:3")) == (keys[3],)
    assert index.of(replace(mine, job_id="another")) == ("readings/a/by-its-key.csv",)
    assert index.of(replace(mine, status="FAILED")) == ()


def test_a_run_that_failed_or_had_no_key_has_none() -> None:
    index = ResultIndex(stored=stored("flights/2013-01/delays.csv"))
    assert index.of(attempt("flights", {"key": "flights/2013-01.csv"}, status="FAILED")) == ()
    assert index.of(attempt("flights", {})) == ()


def test_missing_are_those_absent_empty_or_older() -> None:
    since = NOW + timedelta(milliseconds=700)
    index = ResultIndex(
        stored=[
            *stored("fresh"),
            *stored("old", modified_at=NOW - timedelta(seconds=1)),
            *stored("empty", size_bytes=0),
        ]
    )
    assert index.missing(["fresh", "old", "empty", "absent"], since=since) == ("absent", "empty", "old")


@pytest.mark.parametrize("key", ["", "/", "a", "a/", ".hidden", "x/.csv", "a.b.c"])
def test_prefixes_of_odd_keys_stay_under_the_job(key: str) -> None:
    assert all(prefix.startswith("job/") and prefix.endswith("/") for prefix in result_prefixes("job", key))
