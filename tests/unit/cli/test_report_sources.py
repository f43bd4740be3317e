"""`batchyard report` from a Data Export in S3, and from AWS Batch where a stage has no ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws
from typer.testing import CliRunner

from cli import report
from cli.main import app
from reports.model.report import Report
from reports.stage import StageAccess
from tests.worlds.answers import export
from tests.worlds.line import line
from tests.worlds.world import Made, World, make

WEEK = ("--week", "2025-W46")
LEDGER, BILLS = "ledger-1", "billing-of-ours"
DAY = date(2025, 11, 12)
QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/batchyard-prod-standard"


@dataclass
class Stood:
    """A stage that is up, as the command finds it, whose ledger is empty."""

    access: StageAccess
    clients: dict[str, Any]

    def report(self, *arguments: str) -> tuple[Report, str]:
        """What the command prints, and what it says meanwhile."""
        done = CliRunner().invoke(app, ["report", "--stack", "prod", *WEEK, "--json", *arguments])
        assert done.exit_code == 0, done.stderr
        return Report.model_validate_json(done.stdout), done.stderr


def reached(clients: Mapping[str, Any], service: str) -> Any:
    if service not in clients:
        raise EndpointConnectionError(endpoint_url=f"https://{service}.example")
    return clients[service]


@pytest.fixture
def stood(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stood]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        for bucket in (LEDGER, BILLS):
            s3.create_bucket(Bucket=bucket)
        clients = {"s3": s3}
        access = StageAccess(
            stage="prod",
            region="us-east-1",
            buckets={"ledger": LEDGER},
            owners={},
            client=lambda service: reached(clients, service),
        )
        monkeypatch.setattr(report, "open_stage", lambda *_arguments: access)
        yield Stood(access=access, clients=clients)


@pytest.fixture(scope="module")
def made() -> Made:
    return make(World(seed=3, start=date(2025, 11, 3), days=14, instances=4, fargate_attempts=25))


def test_an_export_in_s3_gives_the_report_of_its_files_and_costs_no_request(
    stood: Stood, made: Made, tmp_path: Path
) -> None:
    export(made.bill_lines, tmp_path / "cur.parquet")
    here, _ = stood.report("--export", str(tmp_path), "--cache", str(tmp_path / "kept"))
    data = "exports/cur/data/BILLING_PERIOD=2025-11/cur-00001.snappy.parquet"
    manifest = json.dumps({"dataFiles": [f"s3://{BILLS}/{data}"]})
    for key, body in (
        (data, (tmp_path / "cur.parquet").read_bytes()),
        ("exports/cur/metadata/BILLING_PERIOD=2025-11/cur-Manifest.json", manifest.encode()),
    ):
        stood.clients["s3"].put_object(Bucket=BILLS, Key=key, Body=body)
    place = ("--export", f"s3://{BILLS}/exports/cur", "--cache", str(tmp_path / "kept"))
    there, said = stood.report(*place)
    _, again = stood.report(*place)
    assert ("export: 1 of 1 new files" in said, "export: " in again) == (True, False)
    assert (there.identity, there.days, there.requests) == (here.identity, here.days, None)
    assert there.total_nano
    assert [one for one in there.missing if one not in here.missing] == [
        f"the bill of 2025-10: s3://{BILLS}/exports/cur has no delivery of it, an export begins with the month it was "
        "made in (2025-11 here); ask AWS Support to fill it in, or leave --export out to ask Cost Explorer"
    ]


class Batch:
    """Stands in for boto3's client: a hundred ids a page, throttled or refused when it is told to be."""

    def __init__(self, jobs: int, ended: datetime) -> None:
        ms = round(ended.timestamp() * 1000)
        self.jobs = {f"job-{number:03}": a_job(f"job-{number:03}", ms) for number in range(jobs)}
        self.described: list[int] = []
        self.refuse_after: int | None = None

    def list_jobs(self, *, jobQueue: str, jobStatus: str, nextToken: str = "0") -> Mapping[str, Any]:
        assert jobQueue == QUEUE
        ids = sorted(self.jobs) if jobStatus == "SUCCEEDED" else []
        end = int(nextToken) + 100
        page = {"jobSummaryList": [{"jobId": job_id} for job_id in ids[int(nextToken) : end]]}
        return {**page, "nextToken": str(end)} if end < len(ids) else page

    def describe_jobs(self, *, jobs: list[str]) -> Mapping[str, Any]:
        if len(self.described) == self.refuse_after:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeJobs")
        self.described.append(len(jobs))
        return {"jobs": [self.jobs[job_id] for job_id in jobs]}


def a_job(job_id: str, ended_ms: int) -> dict[str, Any]:
    arn = "arn:aws:batch:us-east-1:123456789012"
    return {
        "jobId": job_id,
        "jobName": "flights",
        "jobQueue": QUEUE,
        "jobDefinition": f"{arn}:job-definition/batchyard-prod-flights:3",
        "status": "SUCCEEDED",
        "createdAt": ended_ms - 3_700_000,
        "startedAt": ended_ms - 3_600_000,
        "stoppedAt": ended_ms,
        "attempts": [
            {"container": {"exitCode": 0}, "startedAt": ended_ms - 3_600_000, "stoppedAt": ended_ms},
        ],
        "container": {
            "image": "an-image",
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}],
            "exitCode": 0,
        },
        "platformCapabilities": ["FARGATE"],
    }


def test_a_stage_without_a_ledger_is_told_of_by_aws_batch(
    stood: Stood, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = replace(stood.access, buckets={}, queues={"standard": QUEUE})
    monkeypatch.setattr(report, "open_stage", lambda *_arguments: access)
    stood.clients["batch"] = batch = Batch(250, datetime(DAY.year, DAY.month, DAY.day, 9, tzinfo=UTC))
    lines = [
        line(DAY, 0, "fargate-vcpu", "USE1-Fargate-vCPU-Hours:perCPU", 250, "hours", 10.0, purchase="on-demand"),
        line(DAY, 0, "fargate-gb", "USE1-Fargate-GB-Hours", 500, "hours", 2.0, purchase="on-demand"),
    ]
    export(pd.DataFrame(lines), tmp_path / "cur.parquet")
    options = ("--export", str(tmp_path), "--cache", str(tmp_path / "kept"))

    batch.refuse_after = 2
    half, said = stood.report(*options)
    assert "AWS Batch: 100 of 250 finished jobs described" in said
    assert any(one.startswith("50 jobs couldn't be described: ") for one in half.missing)
    assert [(one.key, one.attempts) for one in half.breakdowns["job"]] == [("flights", 200)]

    batch.refuse_after = None
    made, said = stood.report(*options)
    assert batch.described == [100, 100, 50]
    assert "AWS Batch: 50 of 50 finished jobs described" in said
    assert [(one.key, one.attempts) for one in made.breakdowns["job"]] == [("flights", 250)]
    assert {part.name: part.cost_nano for part in made.identity.lines} == {"jobs": 12_000_000_000}
    assert made.missing[:2] == (
        "the ledger: stage prod: has no bucket ledger; it has none; bring it up again",
        "attempts that AWS Batch forgot: it is asked, and remembers finished jobs for about a week",
    )


class Thursday(datetime):
    """The clock stands in the week that is asked for."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Thursday:
        return cls(2025, 11, 13, 12, tzinfo=tz)


def test_a_running_week_says_what_is_to_come(
    stood: Stood, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "datetime", Thursday)
    export(made.bill_lines, tmp_path / "cur.parquet")
    shown, _ = stood.report("--export", str(tmp_path), "--cache", str(tmp_path / "kept"))
    assert "the hours of 2025-W46 after 2025-11-13 12:00 UTC; it ends with 2025-11-16" in shown.missing
    assert " so far in 2025-W46; the whole period before cost " in shown.sentence
