"""`batchyard report` from a Data Export in S3."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws
from typer.testing import CliRunner

from cli import report
from cli.main import app
from reports.model.report import Report
from reports.stage import StageAccess
from tests.worlds.answers import export
from tests.worlds.world import Made, World, make

WEEK = ("--week", "2025-W46")
LEDGER, BILLS = "ledger-1", "billing-of-ours"


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
    assert there.total_nano > 0
    assert [one for one in there.missing if one not in here.missing] == [
        f"the bill of 2025-10: s3://{BILLS}/exports/cur has no delivery of it, an export begins with the month it was "
        "made in (2025-11 here); ask AWS Support to fill it in, or leave --export out to ask Cost Explorer"
    ]
