"""Unmanaged environments: jobs wait for instances that somebody registers, run on them, and leave them there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.local.emulator.batch.fakes import SPOT
from tests.unit.local.emulator.ecs.test_ecs import INSTANCE_CHANGED, Emulated, emulated, served

__all__ = ["emulated", "served"]


def theirs(emulated: Emulated, **more: Any) -> str:
    """An unmanaged environment with a queue; gives its cluster's ARN."""
    arn = emulated.batch.create_compute_environment(computeEnvironmentName="theirs", type="UNMANAGED", **more)[
        "computeEnvironmentArn"
    ]
    order = [{"order": 0, "computeEnvironment": arn}]
    emulated.batch.create_job_queue(jobQueueName="standard", priority=1, computeEnvironmentOrder=order)
    (described,) = emulated.batch.describe_compute_environments(computeEnvironments=[arn])["computeEnvironments"]
    assert "computeResources" not in described
    return str(described["ecsClusterArn"])


def register(emulated: Emulated, cluster: str, kind: str = "m5.large") -> str:
    """As the agent of an instance that somebody booted does; gives the container instance's ARN."""
    booted = emulated.ec2.run_instances(ImageId="ami-12c6146b", InstanceType=kind, MinCount=1, MaxCount=1)
    document = json.dumps({"instanceId": booted["Instances"][0]["InstanceId"]})
    made = emulated.ecs.register_container_instance(cluster=cluster, instanceIdentityDocument=document)
    return str(made["containerInstance"]["containerInstanceArn"])


def listed(emulated: Emulated, cluster: str) -> list[str]:
    return list(emulated.ecs.list_container_instances(cluster=cluster)["containerInstanceArns"])


def test_a_job_waits_until_somebody_registers_an_instance_and_runs_there(emulated: Emulated) -> None:
    cluster = theirs(emulated)
    waiting = emulated.submit("ok")
    emulated.wait_for(waiting, "RUNNABLE")
    assert listed(emulated, cluster) == [], "Batch boots nothing"
    instance = register(emulated, cluster)
    job = emulated.wait_for(waiting, "SUCCEEDED")
    assert job["container"]["containerInstanceArn"] == instance
    assert listed(emulated, cluster) == [instance], "it is somebody's own, and stays"
    again = emulated.wait_for(emulated.submit("ok"), "SUCCEEDED")
    assert again["container"]["containerInstanceArn"] == instance
    emulated.ecs.deregister_container_instance(cluster=cluster, containerInstance=instance)
    assert listed(emulated, cluster) == []
    assert [one["status"] for one in emulated.told(INSTANCE_CHANGED)][-1] == "INACTIVE"


def test_a_busy_instance_goes_by_force_and_after_its_job(emulated: Emulated) -> None:
    cluster = theirs(emulated)
    instance = register(emulated, cluster)
    running = emulated.submit("held")
    emulated.wait_for(running, "RUNNING")
    with pytest.raises(ClientError, match="Found running tasks on the instance"):
        emulated.ecs.deregister_container_instance(cluster=cluster, containerInstance=instance)
    emulated.ecs.deregister_container_instance(cluster=cluster, containerInstance=instance, force=True)
    late = emulated.submit("ok")
    emulated.runner.let_go()
    emulated.wait_for(running, "SUCCEEDED")
    assert listed(emulated, cluster) == []
    assert emulated.status(late) == "RUNNABLE", "nothing starts on an instance that was let go"


def test_a_type_that_nobody_knows_is_refused(emulated: Emulated) -> None:
    cluster = theirs(emulated)
    with pytest.raises(ClientError, match="a type that the emulator doesn't know"):
        register(emulated, cluster, "u-6tb1.metal")
    assert listed(emulated, cluster) == []


def test_a_managed_cluster_takes_no_jobs_to_somebodys_instance(emulated: Emulated) -> None:
    cluster = emulated.environment(**SPOT)
    instance = register(emulated, cluster)
    job = emulated.wait_for(emulated.submit("ok"), "SUCCEEDED")
    assert job["container"]["containerInstanceArn"] != instance


def test_it_tells_the_vcpus_that_are_expected(emulated: Emulated) -> None:
    theirs(emulated, unmanagedvCpus=8)
    (described,) = emulated.batch.describe_compute_environments()["computeEnvironments"]
    assert (described["type"], described["unmanagedvCpus"]) == ("UNMANAGED", 8)


def test_a_deleted_environment_leaves_no_instance(emulated: Emulated) -> None:
    cluster = theirs(emulated)
    register(emulated, cluster)
    emulated.batch.update_job_queue(jobQueue="standard", state="DISABLED")
    emulated.batch.delete_job_queue(jobQueue="standard")
    emulated.batch.update_compute_environment(computeEnvironment="theirs", state="DISABLED")
    emulated.batch.delete_compute_environment(computeEnvironment="theirs")
    assert emulated.ecs.list_clusters()["clusterArns"] == []
    assert emulated.told(INSTANCE_CHANGED)[-1]["status"] == "INACTIVE"
