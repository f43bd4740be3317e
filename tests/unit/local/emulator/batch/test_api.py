"""Batch's API as boto3 sees it: checks, descriptions, lists, delete orders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.batch.models import batch_backends

from local.emulator.batch import install
from local.processes import wait_until
from tests.unit.local.emulator.batch.fakes import DEADLINE_S, SPOT, FakeRunner
from tests.unit.local.emulator.moto_server import serving

FARGATE = {"type": "FARGATE", "maxvCpus": 4, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}
REQUIREMENTS = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}]
CONTAINER = {"image": "ok", "command": ["run"], "resourceRequirements": REQUIREMENTS}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, FakeRunner]]:
    runner = FakeRunner()
    installer = [lambda context: install(context, runner=runner, publish=lambda event: None)]
    with serving(tmp_path_factory.mktemp("lane"), installer) as (context, _):
        session: Any = boto3.session.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name=context.region
        )
        yield session.client("batch", endpoint_url=context.endpoint), runner


@pytest.fixture
def client(served: tuple[Any, FakeRunner]) -> Iterator[Any]:
    """Of an empty account."""
    client, runner = served
    yield client
    runner.let_go()
    # Batch alone: emptying every service takes seconds
    for _, _, backend in list(batch_backends.iter_backends()):
        backend.reset()
    runner.hold()


def environment(client: Any, name: str = "spot", **resources: Any) -> str:
    answer = client.create_compute_environment(
        computeEnvironmentName=name, type="MANAGED", computeResources={**SPOT, **resources}, tags={"a": "b"}
    )
    return str(answer["computeEnvironmentArn"])


def queue(client: Any, *environments: str, name: str = "standard") -> str:
    order = [{"order": place, "computeEnvironment": arn} for place, arn in enumerate(environments, 1)]
    return str(client.create_job_queue(jobQueueName=name, priority=1, computeEnvironmentOrder=order)["jobQueueArn"])


def define(client: Any, name: str = "job", **more: Any) -> str:
    answer = client.register_job_definition(
        **{"jobDefinitionName": name, "type": "container", "containerProperties": CONTAINER, **more}
    )
    return str(answer["jobDefinitionArn"])


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == "ClientException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return str(caught.value.response["Error"]["Message"])


def test_an_environment_is_described_with_what_aws_fills_in(client: Any) -> None:
    arn = environment(client)
    (found,) = client.describe_compute_environments(computeEnvironments=["spot"])["computeEnvironments"]
    assert found["computeEnvironmentArn"] == arn
    assert found["status"] == "VALID"
    assert found["state"] == "ENABLED"
    assert found["serviceRole"].endswith("/AWSServiceRoleForBatch")
    assert found["ecsClusterArn"].startswith("arn:aws:ecs:us-east-1:123456789012:cluster/AWSBatch-spot-")
    assert found["computeResources"]["minvCpus"] == 0
    assert found["tags"] == {"a": "b"}


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"instanceTypes": ["m5.huge"]}, "Invalid instance type m5.huge"),
        ({"instanceTypes": ["m5.large", "m6g.large"]}, "mix the architectures"),
        ({"minvCpus": 8}, "must be between 0 and maxvCpus 4"),
        ({"type": "EC2"}, "is for SPOT only"),
        ({"type": "FARGATE"}, "can't be specified for Fargate resources"),
        ({"instanceRole": ""}, "Resource instanceRole is required"),
    ],
)
def test_environments_aws_would_refuse(client: Any, resources: dict[str, Any], message: str) -> None:
    arguments = {"computeEnvironmentName": "x", "type": "MANAGED", "computeResources": {**SPOT, **resources}}
    assert message in refused(client.create_compute_environment, **arguments)


def test_infrastructure_is_updated_in_place_only_when_updatable(client: Any) -> None:
    environment(client)
    client.update_compute_environment(computeEnvironment="spot", computeResources={"instanceTypes": ["m5.xlarge"]})
    environment(client, "old", type="EC2", allocationStrategy="BEST_FIT")
    client.update_compute_environment(computeEnvironment="old", computeResources={"maxvCpus": 16})
    arguments = {"computeEnvironment": "old", "computeResources": {"instanceTypes": ["m5.xlarge"]}}
    assert "instanceTypes can be updated only with" in refused(client.update_compute_environment, **arguments)
    found = client.describe_compute_environments()["computeEnvironments"]
    assert {one["computeEnvironmentName"]: one["computeResources"]["maxvCpus"] for one in found} == {
        "spot": 4,
        "old": 16,
    }


def test_a_second_one_of_the_same_name_is_refused(client: Any) -> None:
    arn = environment(client)
    queue(client, arn)
    assert "Object already exists" in refused(
        client.create_compute_environment, computeEnvironmentName="spot", type="MANAGED", computeResources=SPOT
    )
    order = [{"order": 1, "computeEnvironment": arn}]
    arguments = {"jobQueueName": "standard", "priority": 1, "computeEnvironmentOrder": order}
    assert "Object already exists" in refused(client.create_job_queue, **arguments)


def test_ec2_and_fargate_are_not_mixed_in_a_queue(client: Any) -> None:
    fargate = client.create_compute_environment(
        computeEnvironmentName="fargate", type="MANAGED", computeResources=FARGATE
    )["computeEnvironmentArn"]
    order = [{"order": 1, "computeEnvironment": environment(client)}, {"order": 2, "computeEnvironment": fargate}]
    arguments = {"jobQueueName": "both", "priority": 1, "computeEnvironmentOrder": order}
    assert "can't be mixed" in refused(client.create_job_queue, **arguments)


def test_things_are_deleted_in_awss_order(client: Any) -> None:
    arn = environment(client)
    queue(client, arn)
    assert "found existing State ENABLED" in refused(client.delete_compute_environment, computeEnvironment=arn)
    client.update_compute_environment(computeEnvironment=arn, state="DISABLED")
    assert refused(client.delete_compute_environment, computeEnvironment=arn) == (
        "Cannot delete, found existing JobQueue relationship"
    )
    assert "found existing State ENABLED" in refused(client.delete_job_queue, jobQueue="standard")
    client.update_job_queue(jobQueue="standard", state="DISABLED")
    client.delete_job_queue(jobQueue="standard")
    client.delete_compute_environment(computeEnvironment=arn)
    assert client.describe_job_queues()["jobQueues"] == []
    assert client.describe_compute_environments()["computeEnvironments"] == []


def test_time_limits_are_checked(client: Any) -> None:
    order = [{"order": 1, "computeEnvironment": environment(client)}]
    limit = {
        "reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
        "state": "RUNNABLE",
        "maxTimeSeconds": 60,
        "action": "CANCEL",
    }
    arguments = {"jobQueueName": "q", "priority": 1, "computeEnvironmentOrder": order}
    assert "600–86400" in refused(client.create_job_queue, **arguments, jobStateTimeLimitActions=[limit])
    client.create_job_queue(**arguments, jobStateTimeLimitActions=[{**limit, "maxTimeSeconds": 600}])
    (found,) = client.describe_job_queues(jobQueues=["q"])["jobQueues"]
    assert found["jobStateTimeLimitActions"] == [{**limit, "maxTimeSeconds": 600}]


def test_a_definition_grows_revisions_and_loses_them(client: Any) -> None:
    first, second = define(client), define(client, timeout={"attemptDurationSeconds": 90}, tags={"k": "v"})
    assert (first[-2:], second[-2:]) == (":1", ":2")
    client.deregister_job_definition(jobDefinition=first)
    active = client.describe_job_definitions(jobDefinitionName="job", status="ACTIVE")["jobDefinitions"]
    assert [(one["revision"], one["timeout"], one["tags"]) for one in active] == [
        (2, {"attemptDurationSeconds": 90}, {"k": "v"})
    ]
    assert [one["status"] for one in client.describe_job_definitions(jobDefinitions=[first])["jobDefinitions"]] == [
        "INACTIVE"
    ]
    assert define(client)[-2:] == ":3"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"retryStrategy": {"attempts": 11}}, "attempts is 11; it must be between 1 and 10"),
        ({"timeout": {"attemptDurationSeconds": 59}}, "attemptDurationSeconds is 59; the least is 60"),
        (
            {"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onReason": "*x", "action": "EXIT"}]}},
            "Evaluate on exit condition contains restricted characters",
        ),
        ({"containerProperties": {"image": "ok"}}, "vcpus should be greater than 0"),
        ({"platformCapabilities": ["FARGATE"]}, "Fargate resource requirements (1 vCPU, 512 MiB) not valid"),
    ],
)
def test_definitions_aws_would_refuse(client: Any, more: dict[str, Any], message: str) -> None:
    arguments = {"jobDefinitionName": "x", "type": "container", "containerProperties": CONTAINER, **more}
    assert message in refused(client.register_job_definition, **arguments)


def test_submissions_aws_would_refuse(client: Any) -> None:
    name = queue(client, environment(client))
    definition = define(client)
    good = {"jobName": "j", "jobQueue": name, "jobDefinition": definition}
    assert "does not exist" in refused(client.submit_job, **{**good, "jobQueue": "none"})
    assert "does not exist" in refused(client.submit_job, **{**good, "jobDefinition": "none"})
    assert "jobName" in refused(client.submit_job, **{**good, "jobName": "a b"})
    assert "array size is 1" in refused(client.submit_job, **good, arrayProperties={"size": 1})
    assert "dependency gone does not exist" in refused(client.submit_job, **good, dependsOn=[{"jobId": "gone"}])
    client.update_job_queue(jobQueue=name, state="DISABLED")
    assert "is DISABLED" in refused(client.submit_job, **good)
    client.update_job_queue(jobQueue=name, state="ENABLED")
    client.deregister_job_definition(jobDefinition=definition)
    assert "is INACTIVE" in refused(client.submit_job, **good)


def test_overrides_reach_the_job(client: Any) -> None:
    queue(client, environment(client))
    define(client)
    overrides = {
        "command": ["other"],
        "environment": [{"name": "A", "value": "1"}],
        "resourceRequirements": [{"type": "MEMORY", "value": "1024"}],
    }
    submitted = client.submit_job(
        jobName="j",
        jobQueue="standard",
        jobDefinition="job",
        containerOverrides=overrides,
        retryStrategy={"attempts": 2},
        timeout={"attemptDurationSeconds": 77},
        tags={"t": "1"},
    )
    (job,) = client.describe_jobs(jobs=[submitted["jobId"], "unknown"])["jobs"]
    assert job["jobArn"] == submitted["jobArn"]
    assert job["container"]["command"] == ["other"]
    assert job["container"]["environment"] == [{"name": "A", "value": "1"}]
    assert {"type": "MEMORY", "value": "1024"} in job["container"]["resourceRequirements"]
    assert job["retryStrategy"] == {"attempts": 2, "evaluateOnExit": []}
    assert job["timeout"] == {"attemptDurationSeconds": 77}
    assert job["tags"] == {"t": "1"}


def test_jobs_are_listed_by_status_by_filter_and_in_pages(client: Any) -> None:
    arn = queue(client, environment(client))
    define(client)
    held = define(client, "held", containerProperties={**CONTAINER, "image": "held"})
    for number in range(3):
        client.submit_job(jobName=f"done-{number}", jobQueue=arn, jobDefinition="job")
    client.submit_job(jobName="slow", jobQueue=arn, jobDefinition=held)

    def listed(**arguments: Any) -> list[str]:
        pages = client.get_paginator("list_jobs").paginate(jobQueue=arn, **arguments)
        return [job["jobName"] for one in pages for job in one["jobSummaryList"]]

    assert wait_until(lambda: len(listed(jobStatus="SUCCEEDED")) == 3, timeout_s=DEADLINE_S)
    assert wait_until(lambda: listed() == ["slow"], timeout_s=DEADLINE_S)
    assert listed(jobStatus="SUCCEEDED", PaginationConfig={"PageSize": 2}) == ["done-2", "done-1", "done-0"]
    assert listed(filters=[{"name": "JOB_NAME", "values": ["DONE*"]}]) == ["done-2", "done-1", "done-0"]
    assert listed(filters=[{"name": "JOB_DEFINITION", "values": ["held"]}]) == ["slow"]
    assert "exactly one of" in refused(client.list_jobs, jobStatus="RUNNING")


def test_tags_come_and_go(client: Any) -> None:
    arn = environment(client)
    client.tag_resource(resourceArn=arn, tags={"c": "d"})
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b", "c": "d"}
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"c": "d"}
