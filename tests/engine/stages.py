"""Small stages for tests of the real engine: the repository's program with jobs and settings of the test's own."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.lane import Lane

REPOSITORY = Path(__file__).resolve().parents[2]
DEADLINE_S = 240.0

ECHO = """\
description: Copy an upload
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 256}
timeout_s: 600
permissions: {read: [uploads], write: [results]}
command: [--bucket, "Ref::bucket", --key, "Ref::key"]
triggers:
  - s3: {bucket: uploads, prefix: in/, suffix: .txt}
  - schedule: {cron: "0 0 1 1 ? 2099"}
    parameters: {bucket: uploads, key: none}
"""
COUNT = """\
description: Count words on Fargate
owner: texts
platform: fargate
queue: serverless
resources: {vcpus: 0.5, memory_mib: 1024}
permissions: {read: [uploads]}
"""
DOCKERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY main.py /app/main.py
ENTRYPOINT ["python3", "/app/main.py"]
"""
SETTINGS: dict[str, Any] = {
    "aws:region": "us-east-1",
    "aws:s3UsePathStyle": "true",
    "batchyard:owner": "platform",
    "batchyard:compute_environments": {
        "spot": {"kind": "ec2-spot", "max_vcpus": 2, "instance_types": ["m7i.large"]},
        "fargate": {"kind": "fargate", "max_vcpus": 2},
    },
    "batchyard:queues": {
        "standard": {"priority": 10, "compute_environments": ["spot"]},
        "serverless": {"priority": 1, "compute_environments": ["fargate"]},
    },
    "batchyard:buckets": {"uploads": {"expire_after_days": 30}, "results": {"versioned": True}},
    "batchyard:images": {"base_image": "batchyard/base:python3.11"},
    "batchyard:ledger": {"buffer_s": 1, "buffer_mib": 1},
    "batchyard:monitoring": {"failure_topic": True},
    "batchyard:force_destroy": True,
}


@dataclass(frozen=True, kw_only=True)
class Project:
    """A copy of the program in a folder of its own, on one lane."""

    folder: Path
    lane: Lane

    @classmethod
    def create(cls, folder: Path, lane: Lane) -> Project:
        """The repository's own code by links, the jobs `echo` and `count` as files that a test may change."""
        folder.mkdir(parents=True)
        for name in ("__main__.py", "Pulumi.yaml"):
            shutil.copy(REPOSITORY / name, folder / name)
        for name in ("components", "scheduling"):
            (folder / name).symlink_to(REPOSITORY / name)
        jobs = folder / "jobs"
        jobs.mkdir()
        own = REPOSITORY / "jobs"
        for path in (*own.glob("*.py"), own / "spec", own / "event_rules", own / "probe"):
            (jobs / path.name).symlink_to(path)
        for name, text in (("echo", ECHO), ("count", COUNT)):
            (jobs / name).mkdir()
            (jobs / name / "job.yaml").write_text(text)
            (jobs / name / "Dockerfile").write_text(DOCKERFILE)
            # its own content in every project: no two tests share an image by accident
            (jobs / name / "main.py").write_text(f"print({str(folder)!r}, {name!r})\n")
        return cls(folder=folder, lane=lane)

    def stack(self, name: str, **changes: Any) -> Stack:
        """A new stack; `changes` are settings that differ, None leaves one out."""
        config = dict(SETTINGS)
        for key, value in changes.items():
            config[f"batchyard:{key}"] = value
        config = {key: value for key, value in config.items() if value is not None}
        self.lane.pulumi("stack", "init", name, cwd=self.folder)
        file = self.folder / f"Pulumi.{name}.yaml"
        # the file has the salt of the stack's secrets already
        known = yaml.safe_load(file.read_text()) if file.exists() else {}
        file.write_text(yaml.safe_dump({**(known or {}), "config": config}))
        return Stack(project=self, name=name)


@dataclass(frozen=True, kw_only=True)
class Stack:
    project: Project
    name: str

    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs `pulumi <arguments> --stack <name>` in the project. Raises PulumiError with the output."""
        return self.project.lane.pulumi(
            *arguments, "--stack", self.name, cwd=self.project.folder, check=check, timeout_s=600
        )

    def up(self, *arguments: str) -> dict[str, Any]:
        """Brings the stage up and gives its exported `stage`."""
        self.pulumi("up", "--yes", "--skip-preview", *arguments)
        return self.outputs()

    def destroy(self) -> None:
        self.pulumi("destroy", "--yes", "--skip-preview")

    def outputs(self) -> dict[str, Any]:
        shown = json.loads(self.pulumi("stack", "output", "--json").stdout)
        stage: dict[str, Any] = shown["stage"]
        return stage

    def resources(self) -> list[dict[str, Any]]:
        """The stack's resources as its state has them."""
        exported = json.loads(self.pulumi("stack", "export").stdout)
        found: list[dict[str, Any]] = exported["deployment"].get("resources") or []
        return found

    def planned(self) -> dict[str, list[str]]:
        """What a preview would do: operation → types, without what stays."""
        steps = json.loads(self.pulumi("preview", "--json").stdout)["steps"]
        found: dict[str, list[str]] = {}
        for step in steps:
            if step["op"] != "same":
                found.setdefault(step["op"], []).append(
                    step["urn"].split("::")[2].rsplit("$", 1)[-1].rsplit(":", 1)[-1]
                )
        return {operation: sorted(types) for operation, types in found.items()}

    def start_up(self) -> subprocess.Popen[str]:
        """`pulumi up` as a process of its own, to be interrupted."""
        environ = self.project.lane.environ()
        return subprocess.Popen(
            [
                self.project.lane.engine(environ),
                "--non-interactive",
                "up",
                "--yes",
                "--skip-preview",
                "--stack",
                self.name,
            ],
            cwd=self.project.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def wait_until(what: str, condition: Callable[[], bool], *, deadline_s: float = DEADLINE_S) -> None:
    """Polls until the condition holds. Fails with what it waited for."""
    end_s = time.monotonic() + deadline_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end_s, f"waited {deadline_s:.0f} s for {what}"
        pause.wait(0.05)


def stages_vpcs(lane: Lane, stage: str) -> list[Any]:
    """The VPCs that carry the stage's tag."""
    filters = [{"Name": "tag:batchyard:stage", "Values": [stage]}]
    found: list[Any] = lane.client("ec2").describe_vpcs(Filters=filters)["Vpcs"]
    return found


def everything(lane: Lane) -> dict[str, list[str]]:
    """All a person could find in the lane's account, by service and kind, without what every account has."""
    ec2, batch, iam = lane.client("ec2"), lane.client("batch"), lane.client("iam")
    own = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]

    def of_own(items: Iterable[Any], key: str) -> list[str]:
        return [item[key] for item in items if item.get("VpcId") in own]

    active = batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]
    found = {
        "ec2 vpcs": own,
        "ec2 subnets": of_own(ec2.describe_subnets()["Subnets"], "SubnetId"),
        "ec2 route tables": of_own(ec2.describe_route_tables()["RouteTables"], "RouteTableId"),
        "ec2 security groups": of_own(ec2.describe_security_groups()["SecurityGroups"], "GroupId"),
        "ec2 internet gateways": [
            one["InternetGatewayId"] for one in ec2.describe_internet_gateways()["InternetGateways"]
        ],
        "ec2 endpoints": [
            # AWS shows a deleted one for a while
            one["VpcEndpointId"]
            for one in ec2.describe_vpc_endpoints()["VpcEndpoints"]
            if one["State"] != "deleted"
        ],
        "ec2 launch templates": [one["LaunchTemplateId"] for one in ec2.describe_launch_templates()["LaunchTemplates"]],
        "ec2 instances": [one["ReservationId"] for one in ec2.describe_instances()["Reservations"]],
        "iam roles": [
            role["RoleName"] for role in iam.list_roles()["Roles"] if "/aws-service-role/" not in role["Arn"]
        ],
        "iam instance profiles": [
            one["InstanceProfileName"] for one in iam.list_instance_profiles()["InstanceProfiles"]
        ],
        "iam policies": [policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]],
        "batch environments": [
            one["computeEnvironmentName"] for one in batch.describe_compute_environments()["computeEnvironments"]
        ],
        "batch queues": [one["jobQueueName"] for one in batch.describe_job_queues()["jobQueues"]],
        "ecs clusters": lane.client("ecs").list_clusters()["clusterArns"],
        "lambda functions": [one["FunctionName"] for one in lane.client("lambda").list_functions()["Functions"]],
        "batch definitions": [one["jobDefinitionArn"] for one in active],
        "ecr repositories": [
            one["repositoryName"] for one in lane.client("ecr").describe_repositories()["repositories"]
        ],
        "s3 buckets": [one["Name"] for one in lane.client("s3").list_buckets()["Buckets"]],
        "events rules": [one["Name"] for one in lane.client("events").list_rules()["Rules"]],
        "scheduler schedules": [one["Name"] for one in lane.client("scheduler").list_schedules()["Schedules"]],
        "scheduler groups": [
            one["Name"]
            for one in lane.client("scheduler").list_schedule_groups()["ScheduleGroups"]
            if one["Name"] != "default"
        ],
        "sqs queues": lane.client("sqs").list_queues().get("QueueUrls", []),
        "sns topics": [one["TopicArn"] for one in lane.client("sns").list_topics()["Topics"]],
        "firehose streams": lane.client("firehose").list_delivery_streams()["DeliveryStreamNames"],
        "log groups": [one["logGroupName"] for one in lane.client("logs").describe_log_groups()["logGroups"]],
        "alarms": [one["AlarmName"] for one in lane.client("cloudwatch").describe_alarms()["MetricAlarms"]],
    }
    return {kind: names for kind, names in found.items() if names}
