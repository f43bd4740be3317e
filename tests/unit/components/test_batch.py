"""Environments, queues and definitions as Batch gets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.components import example
from tests.unit.components.mocked_engine import ACCOUNT, DIGEST, Recording, record

MIXED = {
    "m": {"kind": "ec2-on-demand", "max_vcpus": 16, "instance_types": ["m7i.large", "g4dn.xlarge"], "min_vcpus": 2},
    "g": {"kind": "ec2-spot", "max_vcpus": 16, "instance_types": ["g4dn.xlarge"], "bid_percentage": 60},
}


def resources(recording: Recording, name: str) -> dict[str, object]:
    found = recording.one("ComputeEnvironment", name).inputs["computeResources"]
    assert isinstance(found, dict)
    return found


def test_environments_can_be_updated_in_place(stage: Recording) -> None:
    for environment in stage.of("ComputeEnvironment"):
        assert "serviceRole" not in environment.inputs
        assert "name" not in environment.inputs
    assert resources(stage, "batchyard-dev-spot")["allocationStrategy"] == "SPOT_PRICE_CAPACITY_OPTIMIZED"
    assert resources(stage, "batchyard-dev-on-demand")["allocationStrategy"] == "BEST_FIT_PROGRESSIVE"


def test_an_ec2_environment_says_what_it_boots(stage: Recording) -> None:
    spot = resources(stage, "batchyard-dev-spot")
    assert spot["type"] == "SPOT"
    assert spot["ec2Configurations"] == [{"imageType": "ECS_AL2023"}]
    assert spot["launchTemplate"] == {"launchTemplateId": "lt-batchyard-dev-spot", "version": "3"}
    assert spot["instanceRole"] == f"arn:aws:iam::{ACCOUNT}:role/batchyard-dev-instances-1234567"
    assert spot["instanceTypes"] == ["m7i.large", "c7i.xlarge"]
    assert (spot["minVcpus"], spot["maxVcpus"]) == (0, 16)
    assert not {"desiredVcpus", "bidPercentage", "spotIamFleetRole"} & spot.keys()


def test_fargate_takes_none_of_the_fields_of_ec2(stage: Recording) -> None:
    assert set(resources(stage, "batchyard-dev-fargate")) == {"type", "maxVcpus", "subnets", "securityGroupIds"}


def test_containers_cannot_borrow_the_instances_role(stage: Recording) -> None:
    for template in stage.of("LaunchTemplate"):
        metadata = template.inputs["metadataOptions"]
        assert (metadata["httpTokens"], metadata["httpPutResponseHopLimit"]) == ("required", 1)


def test_gpus_boot_another_image_and_settings_win(tmp_path: Path) -> None:
    config = example.config(
        compute_environments=MIXED, queues={"gpu": {"priority": 1, "compute_environments": ["g", "m"]}}
    )
    recording = record(config, stack="dev", repository=example.write_repository(tmp_path, {}))
    assert resources(recording, "batchyard-dev-g")["ec2Configurations"] == [{"imageType": "ECS_AL2023_NVIDIA"}]
    assert resources(recording, "batchyard-dev-g")["bidPercentage"] == 60
    assert resources(recording, "batchyard-dev-m")["ec2Configurations"] == [
        {"imageType": "ECS_AL2023"},
        {"imageType": "ECS_AL2023_NVIDIA"},
    ]
    assert resources(recording, "batchyard-dev-m")["minVcpus"] == 2


def test_a_queue_fills_its_environments_in_order(stage: Recording) -> None:
    queue = stage.one("JobQueue", "batchyard-dev-standard")
    arns = stage.outputs["compute_environments"]
    assert queue.inputs["computeEnvironmentOrders"] == [
        {"computeEnvironment": arns["spot"], "order": 0},
        {"computeEnvironment": arns["on-demand"], "order": 1},
    ]
    assert queue.inputs["priority"] == 10
    assert queue.inputs["jobStateTimeLimitActions"] == [
        {
            "action": "CANCEL",
            "maxTimeSeconds": 600,
            "reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
            "state": "RUNNABLE",
        }
    ]


def test_a_definition_holds_the_whole_spec(stage: Recording) -> None:
    definition = stage.one("JobDefinition", "batchyard-dev-resize").inputs
    properties = json.loads(definition["containerProperties"])
    assert properties["command"] == ["--bucket", "Ref::bucket", "--key", "Ref::key", "--size", "Ref::size"]
    assert properties["image"] == stage.outputs["images"]["resize"]
    assert properties["image"].endswith(DIGEST)
    assert properties["resourceRequirements"] == [
        {"type": "VCPU", "value": "1"},
        {"type": "MEMORY", "value": "512"},
    ]
    assert properties["jobRoleArn"] == stage.outputs["roles"]["resize"]
    assert properties["logConfiguration"]["options"] == {
        "awslogs-group": "/batchyard/dev/resize",
        "awslogs-region": "us-east-1",
        "awslogs-stream-prefix": "resize",
    }
    assert {item["name"]: item["value"] for item in properties["environment"]} == {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "BATCHYARD_BUCKET_RESULTS": stage.outputs["buckets"]["results"],
        "BATCHYARD_BUCKET_UPLOADS": stage.outputs["buckets"]["uploads"],
        "BATCHYARD_JOB": "resize",
        "BATCHYARD_OWNER": "media",
        "BATCHYARD_STAGE": "dev",
        "LEVEL": "info",
    }
    assert [item["name"] for item in properties["environment"]] == sorted(
        item["name"] for item in properties["environment"]
    )
    assert definition["parameters"] == {"size": "small"}
    assert definition["timeout"] == {"attemptDurationSeconds": 600}
    assert definition["platformCapabilities"] == ["EC2"]
    assert definition["propagateTags"] is True
    assert definition["deregisterOnNewRevision"] is False


def test_spot_reclaims_are_retried_and_the_rest_ends(stage: Recording) -> None:
    strategy = stage.one("JobDefinition", "batchyard-dev-resize").inputs["retryStrategy"]
    assert strategy["attempts"] == 3
    assert strategy["evaluateOnExits"] == [
        {"action": "retry", "onStatusReason": "Host EC2*"},
        {"action": "retry", "onStatusReason": "Your Spot Task was interrupted.*"},
        {"action": "exit", "onReason": "OutOfMemoryError*"},
        {"action": "exit", "onReason": "*"},
    ]


def test_fargate_has_its_own_shape(stage: Recording) -> None:
    definition = stage.one("JobDefinition", "batchyard-dev-count").inputs
    properties = json.loads(definition["containerProperties"])
    assert definition["platformCapabilities"] == ["FARGATE"]
    assert properties["executionRoleArn"].endswith("role/batchyard-dev-count-execution-1234567")
    assert properties["fargatePlatformConfiguration"] == {"platformVersion": "1.4.0"}
    assert properties["networkConfiguration"] == {"assignPublicIp": "ENABLED"}
    assert properties["runtimePlatform"] == {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}
    assert properties["resourceRequirements"][0] == {"type": "VCPU", "value": "0.5"}


def test_private_fargate_has_no_public_address(private_stage: Recording) -> None:
    definition = private_stage.one("JobDefinition", "batchyard-prod-count").inputs
    assert json.loads(definition["containerProperties"])["networkConfiguration"] == {"assignPublicIp": "DISABLED"}


def test_the_stages_overrides_reach_the_definition(example_repository: Path) -> None:
    jobs = {
        "resize": {"resources": {"memory_mib": 700}, "environment": {"LEVEL": "debug"}},
        "sweep": {"enabled": False},
    }
    recording = record(example.config(jobs=jobs), stack="dev", repository=example_repository)
    definition = json.loads(recording.one("JobDefinition", "batchyard-dev-resize").inputs["containerProperties"])
    assert {"type": "MEMORY", "value": "700"} in definition["resourceRequirements"]
    assert {"name": "LEVEL", "value": "debug"} in definition["environment"]
    assert set(recording.outputs["images"]) == {"resize", "count"}


def test_logs_are_kept_as_long_as_the_settings_say(stage: Recording) -> None:
    assert {one.inputs["retentionInDays"] for one in stage.of("LogGroup")} == {14}


@pytest.mark.parametrize(
    ("entry", "platform"), [("m7i.large", "linux/amd64"), ("m7g.large", "linux/arm64"), ("c7g", "linux/arm64")]
)
def test_images_are_built_for_what_the_queue_runs(tmp_path: Path, entry: str, platform: str) -> None:
    config = example.config(
        compute_environments={"only": {"kind": "ec2-spot", "max_vcpus": 8, "instance_types": [entry]}},
        queues={"standard": {"priority": 1, "compute_environments": ["only"]}},
    )
    repository = example.write_repository(tmp_path, {"resize": example.RESIZE})
    (image,) = record(config, stack="dev", repository=repository).of("Image")
    assert image.inputs["build"]["platform"] == platform
