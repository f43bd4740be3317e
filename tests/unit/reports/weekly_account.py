"""A made-up account for the scheduled report: ledger and bucket in moto's S3, a topic with a queue behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from jobs import conventions
from jobs.stage_facts import StageFacts
from reports.model.report import Report
from reports.weekly import Wanted, run
from tests.worlds.answers import Explorer
from tests.worlds.ledger import cluster_arn
from tests.worlds.world import Made

LEDGER, REPORTS = "ledger-1", "reports-1"
MONDAY = datetime(2025, 11, 17, 6, tzinfo=UTC)
"""After 2025-W46."""
FILES = {"report.html", "report.json", "report.md", "report.xlsx", "tables.zip"}
TABLES = {"identity", "days", "by-job", "by-owner", "units", "jobs", "changes", "budgets", "proposals", "allocations"}


@dataclass(kw_only=True)
class Account:
    made: Made
    clients: dict[str, Any]
    topic_arn: str
    queue_url: str
    said: list[str] = field(default_factory=list)

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            bucket=REPORTS, topic_arn=self.topic_arn, metric="unblended", spend_limit=Decimal("0.10"), currency=None
        )

    def client(self, service: str) -> Any:
        if service not in self.clients:
            raise EndpointConnectionError(endpoint_url=f"https://{service}.example")
        return self.clients[service]

    def run(self, folder: Path, *, week: str = "2025-W46", now: datetime = MONDAY) -> Report:
        folder.mkdir(exist_ok=True)
        return run(self.wanted, week=week, now=now, clients=self.client, folder=folder, say=self.said.append)

    def published(self) -> set[str]:
        """Names below the week's prefix, without the Parquet tables'."""
        names = {key.removeprefix("weekly/2025-W46/") for key in self.keys("weekly/")}
        assert {f"parquet/{table}.parquet" for table in TABLES} <= names or not names
        return {name for name in names if not name.startswith("parquet/")}

    def keys(self, prefix: str) -> set[str]:
        listed = self.clients["s3"].list_objects_v2(Bucket=REPORTS, Prefix=prefix)
        return {item["Key"] for item in listed.get("Contents", [])}

    def body(self, key: str) -> bytes:
        read: bytes = self.clients["s3"].get_object(Bucket=REPORTS, Key=key)["Body"].read()
        return read

    def heard(self) -> list[dict[str, str]]:
        messages = self.clients["sqs"].receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return [json.loads(one["Body"]) for one in messages.get("Messages", [])]


def stage_file(**changes: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "stage": "prod",
        "region": "us-east-1",
        "buckets": {"ledger": LEDGER, "reports": REPORTS},
        "environments": {
            "spot": {"kind": "ec2-spot", "arn": "arn:x:y/s", "ecs_cluster_arn": cluster_arn("spot")},
            "on-demand": {"kind": "ec2-on-demand", "arn": "arn:x:y/o", "ecs_cluster_arn": cluster_arn("on-demand")},
            "fargate": {"kind": "fargate", "arn": "arn:x:y/batchyard-prod-fargate-0a1b", "ecs_cluster_arn": ""},
        },
        "owners": {},
        "topics": {},
        "report": StageFacts(stage_budget="400.5").model_dump(),
        **changes,
    }


@contextmanager
def made_account(made: Made, ledger: Path | None) -> Iterator[Account]:
    """A stage's buckets, topic and bill; without `ledger` the stage has none, and its reports are quick."""
    with mock_aws():
        session = boto3.Session(region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        s3, sns, sqs = session.client("s3"), session.client("sns"), session.client("sqs")
        s3.create_bucket(Bucket=REPORTS)
        told = stage_file() if ledger is not None else stage_file(buckets={"reports": REPORTS})
        s3.put_object(Bucket=REPORTS, Key="stage.json", Body=json.dumps(told).encode())
        if ledger is not None:
            s3.create_bucket(Bucket=LEDGER)
            for file in sorted(path for path in ledger.rglob("*") if path.is_file()):
                s3.put_object(Bucket=LEDGER, Key=file.relative_to(ledger).as_posix(), Body=file.read_bytes())
        topic_arn = sns.create_topic(Name="reports")["TopicArn"]
        queue_url = sqs.create_queue(QueueName="heard")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]
        sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=attributes["QueueArn"])
        explorer = Explorer(made.bill_lines, stage_tag=conventions.TAG_STAGE, page_groups=5_000)
        yield Account(
            made=made,
            clients={"s3": s3, "sns": sns, "sqs": sqs, "ce": explorer},
            topic_arn=topic_arn,
            queue_url=queue_url,
        )


@dataclass(frozen=True, kw_only=True)
class Published:
    made: Made
    report: Report
    heard: list[dict[str, str]]
    objects: dict[str, tuple[str, bytes]]
    """Name below `weekly/2025-W46/` → its content type and body."""
