"""Fair-share queues, multi-node definitions and mounted folders in the emulated Batch."""

from __future__ import annotations

from typing import Any

import pytest
from moto.batch.exceptions import ClientException

from tests.unit.local.emulator.batch.fakes import EmulatedBatch


def fair_queue(batch: EmulatedBatch, **policy: Any) -> None:
    made = batch.backend.create_scheduling_policy("fair", policy, {})
    batch.queue(batch.environment(), schedulingPolicyArn=made.arn)


def test_shares_take_turns_in_a_queue_with_a_policy(batch: EmulatedBatch) -> None:
    fair_queue(batch)
    definition = batch.define("held")
    many = [batch.submit(definition, shareIdentifier="many") for _ in range(6)]
    batch.wait_for(many[3], "RUNNING")
    few = batch.submit(definition, shareIdentifier="few")
    batch.runner.let_go()

    for job_id in (*many, few):
        assert batch.wait_for(job_id)["status"] == "SUCCEEDED"
    order = [plan.job_id for plan in batch.runner.plans]
    assert order[:4] == many[:4]
    assert order.index(few) == 4, "four of the other share have run, none of this"


def test_a_share_is_named_where_there_is_a_policy_and_only_there(batch: EmulatedBatch, stage: EmulatedBatch) -> None:
    definition = batch.define("ok")
    with pytest.raises(ClientException, match="shareIdentifier a can't be given: job queue standard has no"):
        stage.submit(definition, shareIdentifier="a")
    policy = batch.backend.create_scheduling_policy("fair", {}, {})
    order = [{"order": 0, "computeEnvironment": batch.environment("other")}]
    body = {"jobQueueName": "fair", "priority": 1, "computeEnvironmentOrder": order, "schedulingPolicyArn": policy.arn}
    batch.backend.create_queue(body)
    with pytest.raises(ClientException, match="shareIdentifier is required: job queue fair has a scheduling policy"):
        batch.submit(definition, queue="fair")
    job_id = batch.submit(definition, queue="fair", shareIdentifier="a")
    assert batch.wait_for(job_id)["shareIdentifier"] == "a"
    with pytest.raises(ClientException, match="policy/none does not exist"):
        batch.backend.create_queue({**body, "jobQueueName": "x", "schedulingPolicyArn": "scheduling-policy/none"})


def test_a_multi_node_definition_is_kept_and_described_but_not_run(stage: EmulatedBatch) -> None:
    requirements = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}]
    container = {"image": "ok", "resourceRequirements": requirements}
    nodes = {"numNodes": 4, "mainNode": 0, "nodeRangeProperties": [{"targetNodes": "0:3", "container": container}]}
    body = {"jobDefinitionName": "nodes", "type": "multinode", "nodeProperties": nodes}
    definition = stage.backend.register(body)

    described = definition.describe({})
    assert (described["type"], described["nodeProperties"]) == ("multinode", nodes)
    assert "containerProperties" not in described
    with pytest.raises(ClientException, match="needs several instances; this emulator has one machine and runs none"):
        stage.submit(definition.arn)
    for wrong, said in (
        ({**nodes, "numNodes": 5}, "don't cover every node"),
        ({**nodes, "mainNode": 4}, "numNodes is 4 and mainNode 4"),
    ):
        with pytest.raises(ClientException, match=said):
            stage.backend.register({**body, "nodeProperties": wrong})


def test_folders_in_memory_and_of_file_systems_reach_the_container(stage: EmulatedBatch) -> None:
    container = {
        "linuxParameters": {"sharedMemorySize": 128, "tmpfs": [{"containerPath": "/scratch", "size": 64}]},
        "volumes": [
            {"name": "efs1", "efsVolumeConfiguration": {"fileSystemId": "fs-01234567", "rootDirectory": "/v2"}}
        ],
        "mountPoints": [{"sourceVolume": "efs1", "containerPath": "/models", "readOnly": True}],
    }
    stage.wait_for(stage.submit(stage.define("ok", container=container)))

    (plan,) = stage.runner.plans
    folder = stage.context.lane_folder / "efs" / "fs-01234567" / "v2"
    assert (plan.tmpfs, plan.shared_memory_mib) == ({"/scratch": 64}, 128)
    assert plan.folders == (folder,)
    assert plan.binds == {str(folder): ("/models", True)}
