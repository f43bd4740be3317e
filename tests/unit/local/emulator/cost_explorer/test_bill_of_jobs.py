"""From jobs to the report's bill: Batch runs them, ECS tells of their instances, Cost Explorer bills the seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tenacity import wait_none

from local.emulator import batch, cost_explorer, ecs
from local.emulator.context import EmulatorContext
from reports.collect.bill_ce import Bill, collect_bill
from tests.unit.local.emulator.batch.fakes import SPOT, Clock, FakeRunner
from tests.unit.local.emulator.moto_server import client, eventually, serving

EVENING = datetime(2026, 11, 18, 23, 30, tzinfo=UTC)
TAGS = {"batchyard:stage": "local"}
NANO = 10**9


class Stage:
    """Batch, ECS and Cost Explorer of one account on one clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock, self.runner = Clock(EVENING), FakeRunner()
        self.events: list[Mapping[str, Any]] = []
        self.context: EmulatorContext

    def install(self) -> list[Any]:
        return [
            lambda context: ecs.install(context, publish=self.events.append),
            lambda context: cost_explorer.install(context, now_s=self.clock, page_size=2),
            lambda context: batch.install(context, runner=self.runner, publish=lambda event: None, wall_s=self.clock),
        ]

    def queue(self, name: str, **resources: Any) -> None:
        """A queue on an environment of its own."""
        created = client(self.context, "batch").create_compute_environment(
            computeEnvironmentName=name, type="MANAGED", computeResources=resources
        )
        client(self.context, "batch").create_job_queue(
            jobQueueName=name,
            priority=1,
            computeEnvironmentOrder=[{"order": 0, "computeEnvironment": created["computeEnvironmentArn"]}],
        )

    def runs(self, queue: str, *, for_s: float, fargate: bool = False) -> None:
        """A job that takes so long on the clock."""
        service = client(self.context, "batch")
        requirements = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]
        service.register_job_definition(
            jobDefinitionName="held",
            type="container",
            platformCapabilities=["FARGATE" if fargate else "EC2"],
            containerProperties={
                "image": "held",
                "resourceRequirements": requirements,
                "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
            },
            propagateTags=True,
            tags=TAGS,
        )
        self.runner.hold()
        job = service.submit_job(jobName="job", jobQueue=queue, jobDefinition="held")["jobId"]

        def status() -> str:
            return str(service.describe_jobs(jobs=[job])["jobs"][0]["status"])

        eventually("the job to run", lambda: status() == "RUNNING")
        self.clock.now_s += for_s
        self.runner.let_go()
        eventually("the job's end", lambda: status() == "SUCCEEDED")

    def bill(self) -> Bill:
        return collect_bill(
            client(self.context, "ce"),
            since=date(2026, 11, 16),
            until=date(2026, 11, 21),
            metric="unblended",
            stage_tag="batchyard:stage",
            cache=self.folder / "cache",
            spend_limit=Decimal(1),
            say=lambda _: None,
            wait=wait_none(),
        )

    def instance_seconds(self) -> list[float]:
        """Of each instance, from ECS's events."""
        gone = [event["detail"] for event in self.events if event["detail"].get("status") == "INACTIVE"]
        return [
            (datetime.fromisoformat(one["updatedAt"]) - datetime.fromisoformat(one["registeredAt"])).total_seconds()
            for one in gone
        ]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    with serving(tmp_path, stage.install()) as (stage.context, _):
        yield stage
        stage.runner.let_go()


def test_the_bill_is_the_instances_seconds_by_their_price(stage: Stage) -> None:
    stage.queue("spot", **SPOT | {"instanceTypes": ["m7i.large"], "tags": TAGS})
    for for_s in (3600, 4, 1234.5):
        stage.runs("spot", for_s=for_s)
    stage.clock.set(datetime(2026, 11, 20, 12, tzinfo=UTC))

    bill = stage.bill()

    assert bill.missing == []
    assert stage.instance_seconds() == [3600, 4, 1234.5]
    seconds = 3600 + 60 + 1235
    # 0.2016 for an m7i.xlarge, half of it for an m7i.large, 53 % below on spot
    price = Decimal("0.047376")
    assert abs(sum(line["cost_nano"] for line in bill.lines) - seconds * price / 3600 * NANO) <= len(bill.lines)
    assert sum(Decimal(line["quantity"]) for line in bill.lines) == pytest.approx(
        Decimal(seconds) / 3600, abs=Decimal("1e-9")
    )
    assert {(line["kind"], line["purchase"], line["instance_type"], line["stage"]) for line in bill.lines} == {
        ("ec2", "spot", "m7i.large", "local")
    }
    # half of the first hour was yesterday's
    assert [(str(line["day"]), line["estimated"]) for line in bill.lines] == [
        ("2026-11-18", False),
        ("2026-11-19", True),
    ]
    assert Decimal(bill.lines[0]["quantity"]) == Decimal("0.5")


def test_fargate_is_billed_by_what_its_task_asked_for(stage: Stage) -> None:
    stage.queue("serverless", type="FARGATE", maxvCpus=4, subnets=["subnet-1"], securityGroupIds=["sg-1"])
    stage.runs("serverless", for_s=1800, fargate=True)
    stage.clock.now_s += 3600
    lines = {line["kind"]: line for line in stage.bill().lines}
    assert {kind: (line["quantity"], line["cost_nano"], line["stage"]) for kind, line in lines.items()} == {
        "fargate-vcpu": ("0.5", 20_240_000, "local"),
        "fargate-gb": ("1", 4_445_000, "local"),
    }


def test_an_instance_that_still_runs_is_on_the_bill(stage: Stage) -> None:
    stage.queue("spot", **SPOT | {"tags": TAGS})
    service = client(stage.context, "batch")
    container = {
        "image": "held",
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "9"}],
    }
    service.register_job_definition(jobDefinitionName="held", type="container", containerProperties=container)
    job = service.submit_job(jobName="job", jobQueue="spot", jobDefinition="held")["jobId"]
    eventually("the job to run", lambda: service.describe_jobs(jobs=[job])["jobs"][0]["status"] == "RUNNING")
    stage.clock.now_s += 900
    (line,) = stage.bill().lines
    assert (line["quantity"], line["estimated"]) == ("0.25", True)


def test_a_bill_that_cant_be_had_is_said_and_not_guessed(stage: Stage) -> None:
    stage.queue("spot", **SPOT | {"instanceTypes": ["r7i.large"]})
    stage.runs("spot", for_s=60)
    bill = stage.bill()
    assert bill.lines == []
    assert "DataUnavailableException: r7i.large has no price" in bill.missing[0]
