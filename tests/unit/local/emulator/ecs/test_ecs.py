"""Batch's instances and tasks as ECS shows and tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from moto.batch.models import batch_backends
from moto.ecs.models import ecs_backends

from components.ledger import row_template
from jobs import conventions
from local.emulator import batch, ecs
from local.emulator.events.transformer import RuleFacts, check_input, input_for
from reports.collect.ecs import EcsEvents, task_id
from tests.unit.local.emulator.batch.fakes import SPOT, Clock, SlowRunner
from tests.unit.local.emulator.moto_server import ACCOUNT, REGION, client, eventually, serving

FARGATE = {"type": "FARGATE_SPOT", "maxvCpus": 4, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
INSTANCE_CHANGED, TASK_CHANGED = "ECS Container Instance State Change", "ECS Task State Change"


class Emulated:
    """Batch and ECS behind boto3, and the events ECS sent."""

    def __init__(self, context: Any, runner: SlowRunner, events: list[Mapping[str, Any]]) -> None:
        self.batch, self.ecs, self.ec2 = (client(context, service) for service in ("batch", "ecs", "ec2"))
        self.runner, self.clock, self.events = runner, runner.clock, events

    def environment(self, **resources: Any) -> str:
        """A compute environment with a queue, and its cluster's ARN."""
        resources = resources or {**SPOT, "tags": {"batchyard:stage": "test"}}
        created = self.batch.create_compute_environment(
            computeEnvironmentName="spot", type="MANAGED", computeResources=resources
        )
        order = [{"order": 0, "computeEnvironment": created["computeEnvironmentArn"]}]
        self.batch.create_job_queue(jobQueueName="standard", priority=1, computeEnvironmentOrder=order)
        (found,) = self.batch.describe_compute_environments()["computeEnvironments"]
        return str(found["ecsClusterArn"])

    def submit(self, image: str, *, fargate: bool = False, **more: Any) -> str:
        requirements = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]
        container = {"image": image, "resourceRequirements": requirements, "executionRoleArn": "arn:aws:iam::1:role/x"}
        self.batch.register_job_definition(
            jobDefinitionName=image,
            type="container",
            platformCapabilities=["FARGATE" if fargate else "EC2"],
            containerProperties=container,
        )
        return str(self.batch.submit_job(jobName="job", jobQueue="standard", jobDefinition=image, **more)["jobId"])

    def status(self, job_id: str) -> str:
        (job,) = self.batch.describe_jobs(jobs=[job_id])["jobs"]
        return str(job["status"])

    def wait_for(self, job_id: str, *statuses: str) -> dict[str, Any]:
        eventually(f"{job_id} to be {statuses}", lambda: self.status(job_id) in statuses)
        (job,) = self.batch.describe_jobs(jobs=[job_id])["jobs"]
        return dict(job)

    def told(self, kind: str) -> list[Mapping[str, Any]]:
        return [event["detail"] for event in self.events if event["detail-type"] == kind]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    events: list[Mapping[str, Any]] = []
    runner = SlowRunner(Clock(NOON))
    installers = (
        lambda context: ecs.install(context, publish=events.append),
        lambda context: batch.install(context, runner=runner, publish=lambda event: None, wall_s=runner.clock),
    )
    with serving(tmp_path_factory.mktemp("lane"), installers) as (context, _):
        yield Emulated(context, runner, events)
        runner.let_go()


@pytest.fixture
def emulated(served: Emulated) -> Iterator[Emulated]:
    """An empty account at noon."""
    served.clock.set(NOON)
    yield served
    served.runner.let_go()
    # these alone: emptying every service takes seconds
    for registry in (batch_backends, ecs_backends):
        for _, _, backend in list(registry.iter_backends()):
            backend.reset()
    served.events.clear()
    served.runner.hold()


def resources(described: Mapping[str, Any], key: str) -> dict[str, int]:
    return {one["name"]: one["integerValue"] for one in described[key] if "integerValue" in one}


def must_be(shape: str, detail: Mapping[str, Any], *, beside: set[str]) -> None:
    """Every key of the detail is one of the API's shape, of its type; `beside` are an event's own."""
    model = botocore.session.get_session().get_service_model("ecs").shape_for(shape)
    report = ParamValidator().validate({key: value for key, value in detail.items() if key not in beside}, model)
    assert report.generate_report() == ""


def test_an_environment_has_a_cluster_until_it_is_deleted(emulated: Emulated) -> None:
    arn = emulated.environment()
    (cluster,) = emulated.ecs.describe_clusters(clusters=[arn])["clusters"]
    assert (cluster["clusterArn"], cluster["status"]) == (arn, "ACTIVE")
    assert emulated.ecs.list_clusters()["clusterArns"] == [arn]
    assert emulated.ecs.list_container_instances(cluster=arn)["containerInstanceArns"] == []

    emulated.batch.update_job_queue(jobQueue="standard", state="DISABLED")
    emulated.batch.delete_job_queue(jobQueue="standard")
    emulated.batch.update_compute_environment(computeEnvironment="spot", state="DISABLED")
    emulated.batch.delete_compute_environment(computeEnvironment="spot")

    assert emulated.ecs.list_clusters()["clusterArns"] == []
    answer = emulated.ecs.describe_clusters(clusters=[arn])
    assert answer["clusters"] == []
    assert answer["failures"][0]["reason"] == "MISSING"
    with pytest.raises(ClientError, match="ClusterNotFoundException"):
        emulated.ecs.list_container_instances(cluster=arn)


def test_an_instance_is_registered_as_long_as_it_has_a_job(emulated: Emulated) -> None:
    cluster = emulated.environment()
    job_id = emulated.submit("held")
    job = emulated.wait_for(job_id, "RUNNING")

    (arn,) = emulated.ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]
    (found,) = emulated.ecs.describe_container_instances(cluster=cluster, containerInstances=[arn])[
        "containerInstances"
    ]
    assert arn == job["container"]["containerInstanceArn"]
    assert found["ec2InstanceId"].startswith("i-")
    assert (found["status"], found["agentConnected"]) == ("ACTIVE", True)
    assert (found["runningTasksCount"], found["pendingTasksCount"]) == (1, 0)
    assert found["registeredAt"] == NOON
    attributes = {one["name"]: one["value"] for one in found["attributes"]}
    assert attributes["ecs.instance-type"] == "m5.large"
    assert attributes["ecs.availability-zone"] == "us-east-1a"
    assert resources(found, "registeredResources") == {"CPU": 2048, "MEMORY": 7885}
    assert resources(found, "remainingResources") == {"CPU": 1024, "MEMORY": 7885 - 2048}
    (described,) = emulated.ecs.describe_clusters(clusters=[cluster])["clusters"]
    assert (described["registeredContainerInstancesCount"], described["runningTasksCount"]) == (1, 1)

    emulated.runner.let_go()
    emulated.wait_for(job_id, "SUCCEEDED")

    assert emulated.ecs.list_container_instances(cluster=cluster)["containerInstanceArns"] == []
    (described,) = emulated.ecs.describe_clusters(clusters=[cluster])["clusters"]
    assert (described["registeredContainerInstancesCount"], described["runningTasksCount"]) == (0, 0)


def test_an_instance_tells_of_its_life(emulated: Emulated) -> None:
    cluster = emulated.environment()
    emulated.wait_for(emulated.submit("ok"), "SUCCEEDED")

    told = emulated.told(INSTANCE_CHANGED)

    assert [one["status"] for one in told] == ["ACTIVE", "ACTIVE", "ACTIVE", "INACTIVE"]
    assert [resources(one, "remainingResources")["CPU"] for one in told] == [2048, 1024, 2048, 2048]
    assert [one["version"] for one in told] == [1, 2, 3, 4]
    assert [one["updatedAt"] for one in told] == [
        "2026-11-20T12:00:00.000Z",
        "2026-11-20T12:00:00.000Z",
        "2026-11-20T12:00:10.000Z",
        "2026-11-20T12:00:10.000Z",
    ]
    assert {one["registeredAt"] for one in told} == {"2026-11-20T12:00:00.000Z"}
    assert {one["clusterArn"] for one in told} == {cluster}
    assert len({one["containerInstanceArn"] for one in told}) == 1
    assert [one["agentConnected"] for one in told] == [True, True, True, False]
    assert {"name": "ecs.instance-type", "value": "m5.large"} in told[0]["attributes"]
    for one in told:
        must_be("ContainerInstance", one, beside={"clusterArn", "updatedAt"})


def test_every_event_has_ecs_envelope(emulated: Emulated) -> None:
    emulated.environment()
    emulated.wait_for(emulated.submit("ok"), "SUCCEEDED")
    (last,) = [event for event in emulated.events if event["detail"].get("status") == "INACTIVE"]
    assert {key: last[key] for key in last if key not in ("id", "detail")} == {
        "version": "0",
        "detail-type": INSTANCE_CHANGED,
        "source": "aws.ecs",
        "account": ACCOUNT,
        "time": "2026-11-20T12:00:10Z",
        "region": REGION,
        "resources": [last["detail"]["containerInstanceArn"]],
    }
    assert len({event["id"] for event in emulated.events}) == len(emulated.events)


def test_a_task_tells_when_its_pull_began_and_when_it_ran(emulated: Emulated) -> None:
    cluster = emulated.environment()
    job_id = emulated.submit("held")
    emulated.wait_for(job_id, "RUNNING")
    emulated.clock.now_s += 20
    emulated.runner.let_go()
    job = emulated.wait_for(job_id, "SUCCEEDED")

    running, stopped = emulated.told(TASK_CHANGED)

    assert (running["lastStatus"], stopped["lastStatus"]) == ("RUNNING", "STOPPED")
    assert "stoppedAt" not in running
    times = {key: value for key, value in stopped.items() if key.endswith("At")}
    assert times == {
        "createdAt": "2026-11-20T12:00:00.000Z",
        "connectivityAt": "2026-11-20T12:00:00.000Z",
        "pullStartedAt": "2026-11-20T12:00:00.000Z",
        "pullStoppedAt": "2026-11-20T12:00:07.000Z",
        "startedAt": "2026-11-20T12:00:10.000Z",
        "stoppingAt": "2026-11-20T12:00:30.000Z",
        "stoppedAt": "2026-11-20T12:00:30.000Z",
        "updatedAt": "2026-11-20T12:00:30.000Z",
    }
    (attempt,) = job["attempts"]
    assert stopped["taskArn"] == attempt["container"]["taskArn"]
    assert stopped["containerInstanceArn"] == attempt["container"]["containerInstanceArn"]
    assert (stopped["clusterArn"], stopped["launchType"]) == (cluster, "EC2")
    assert (stopped["cpu"], stopped["memory"]) == ("1024", "2048")
    assert (stopped["stopCode"], stopped["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert stopped["containers"][0]["exitCode"] == 0
    (overrides,) = stopped["overrides"]["containerOverrides"]
    assert {"name": "AWS_BATCH_JOB_ID", "value": job_id} in overrides["environment"]
    for one in (running, stopped):
        must_be("Task", one, beside={"updatedAt"})


def test_a_fargate_task_names_no_instance(emulated: Emulated) -> None:
    emulated.environment(**FARGATE)
    emulated.wait_for(emulated.submit("ok", fargate=True), "SUCCEEDED")
    _, stopped = emulated.told(TASK_CHANGED)
    assert "containerInstanceArn" not in stopped
    assert (stopped["launchType"], stopped["capacityProviderName"]) == ("FARGATE", "FARGATE_SPOT")
    assert stopped["pullStartedAt"] == "2026-11-20T12:00:00.000Z"
    must_be("Task", stopped, beside={"updatedAt"})
    assert emulated.told(INSTANCE_CHANGED) == []


def test_a_task_that_never_ran_says_so(emulated: Emulated) -> None:
    cluster = emulated.environment()
    emulated.wait_for(emulated.submit("no-image"), "FAILED")
    (stopped,) = emulated.told(TASK_CHANGED)
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert not {"pullStoppedAt", "startedAt"} & stopped.keys()
    assert stopped["containers"][0]["reason"] == "CannotPullContainerError: manifest unknown"
    (described,) = emulated.ecs.describe_clusters(clusters=[cluster])["clusters"]
    assert (described["pendingTasksCount"], described["runningTasksCount"]) == (0, 0)


def test_a_task_that_is_terminated_began_to_stop_when_it_was_asked_to(emulated: Emulated) -> None:
    emulated.environment()
    job_id = emulated.submit("held")
    emulated.wait_for(job_id, "RUNNING")
    emulated.batch.terminate_job(jobId=job_id, reason="enough")
    emulated.wait_for(job_id, "FAILED")
    _, stopped = emulated.told(TASK_CHANGED)
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "enough")
    assert stopped["stoppingAt"] == "2026-11-20T12:00:10.000Z"
    assert stopped["stoppedAt"] == "2026-11-20T12:00:15.000Z"


def test_every_attempt_is_a_task_of_its_own(emulated: Emulated) -> None:
    emulated.environment()
    emulated.wait_for(emulated.submit("error", retryStrategy={"attempts": 2}), "FAILED")
    stopped = [one for one in emulated.told(TASK_CHANGED) if one["lastStatus"] == "STOPPED"]
    assert len({one["taskArn"] for one in stopped}) == 2
    assert [one["containers"][0]["exitCode"] for one in stopped] == [1, 1]


def test_an_environment_deleted_under_a_job_still_ends_its_instance(emulated: Emulated) -> None:
    emulated.environment()
    job_id = emulated.submit("held")
    emulated.wait_for(job_id, "RUNNING")
    emulated.batch.update_job_queue(jobQueue="standard", state="DISABLED")
    emulated.batch.delete_job_queue(jobQueue="standard")
    emulated.batch.update_compute_environment(computeEnvironment="spot", state="DISABLED")
    emulated.batch.delete_compute_environment(computeEnvironment="spot")
    eventually("the instance's end", lambda: emulated.told(INSTANCE_CHANGED)[-1]["status"] == "INACTIVE")
    assert emulated.ecs.list_clusters()["clusterArns"] == []


def test_a_publisher_that_fails_keeps_no_job_from_running(tmp_path: Path) -> None:
    def fail(event: Mapping[str, Any]) -> None:
        raise OSError("no EventBridge")

    runner = SlowRunner(Clock(NOON))
    installers = (
        lambda context: ecs.install(context, publish=fail),
        lambda context: batch.install(context, runner=runner, publish=lambda event: None),
    )
    with serving(tmp_path, installers) as (context, _):
        stage = Emulated(context, runner, [])
        stage.environment()
        stage.wait_for(stage.submit("ok"), "SUCCEEDED")


@pytest.mark.parametrize("fargate", [False, True], ids=["ec2", "fargate"])
def test_the_ledger_makes_rows_of_the_events_that_its_reader_takes(emulated: Emulated, fargate: bool) -> None:
    cluster = emulated.environment(**FARGATE) if fargate else emulated.environment()
    job = emulated.wait_for(emulated.submit("ok", fargate=fargate), "SUCCEEDED")
    paths = dict(conventions.ECS_PATHS)
    target = {"Id": "ledger", "InputTransformer": {"InputPathsMap": paths, "InputTemplate": row_template(paths)}}
    check_input(target)
    rule = RuleFacts(arn="arn:aws:events:us-east-1:123456789012:rule/ledger-ecs", name="ledger-ecs")
    rows = [input_for(target, event, rule=rule, ingestion_time="2026-11-20T12:00:00Z") for event in emulated.events]

    read = EcsEvents()
    read.add_lines(rows, "ecs/day=2026-11-20/rows")

    assert read.set_aside == {}
    assert {task[0] for task in read.tasks} == {task_id(job["attempts"][0]["container"]["taskArn"])}
    assert {task[1] for task in read.tasks} == {cluster}
    assert all(task[2] is not None for task in read.tasks), "a pull began"
    # its columns: ARN, instance, cluster, type, vCPUs, MiB, …
    assert {(life[2], life[3], life[4]) for life in read.instances} == (
        set() if fargate else {(cluster, "m5.large", 2)}
    )
