"""Storage, nodes and architecture as Batch gets them, and queues that don't have what a job asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.problems import Problems
from tests.unit.components import example
from tests.unit.components.mocked_engine import Recording, arn, record

ENVIRONMENTS: dict[str, Any] = {
    "spot": {"kind": "ec2-spot", "max_vcpus": 16, "instance_types": ["m7i.large"]},
    "on-demand": {"kind": "ec2-on-demand", "max_vcpus": 8, "instance_types": ["m7i.large"]},
    "arm": {"kind": "ec2-spot", "max_vcpus": 8, "instance_types": ["m7g.large"]},
    "fargate": {"kind": "fargate-spot", "max_vcpus": 8},
}
QUEUES = {name: {"priority": 1, "compute_environments": [name]} for name in ENVIRONMENTS}


def job(queue: str, text: str, platform: str = "ec2", memory_mib: int = 2048) -> str:
    return (
        f"description: x\nowner: media\nplatform: {platform}\nqueue: {queue}\n"
        f"resources: {{vcpus: 1, memory_mib: {memory_mib}}}\n{text}\n"
    )


def recorded(folder: Path, text: str) -> Recording:
    config = example.config(compute_environments=ENVIRONMENTS, queues=QUEUES)
    return record(config, stack="dev", repository=example.write_repository(folder, {"one": text}))


def definition(recording: Recording) -> dict[str, Any]:
    return dict(recording.one("JobDefinition", "batchyard-dev-one").inputs)


def test_memory_folders_are_linux_parameters(tmp_path: Path) -> None:
    text = job("spot", "storage: {shared_memory_mib: 256, tmpfs: [{path: /scratch, size_mib: 64}]}")
    properties = json.loads(definition(recorded(tmp_path, text))["containerProperties"])
    assert properties["linuxParameters"] == {
        "sharedMemorySize": 256,
        "tmpfs": [{"containerPath": "/scratch", "size": 64}],
    }


def test_fargate_gets_its_disk_and_processor(tmp_path: Path) -> None:
    text = job("fargate", "storage: {ephemeral_storage_gib: 60}\narchitecture: arm64", "fargate")
    recording = recorded(tmp_path, text)
    properties = json.loads(definition(recording)["containerProperties"])
    assert properties["ephemeralStorage"] == {"sizeInGiB": 60}
    assert properties["runtimePlatform"]["cpuArchitecture"] == "ARM64"
    (image,) = recording.of("Image")
    assert image.inputs["build"]["platform"] == "linux/arm64"


def test_fargate_spot_is_an_environment_of_its_own_type(tmp_path: Path) -> None:
    recording = recorded(tmp_path, job("fargate", "", "fargate"))
    resources = recording.one("ComputeEnvironment", "batchyard-dev-fargate").inputs["computeResources"]
    assert (resources["type"], resources["maxVcpus"]) == ("FARGATE_SPOT", 8)


def test_a_file_system_is_mounted_encrypted_and_by_the_jobs_role(tmp_path: Path) -> None:
    text = job(
        "spot",
        "storage:\n  efs:\n    - {id: fs-01234567, path: /models, root: /v2, read_only: true}\n"
        "    - {id: fs-89abcdef, path: /out, access_point: fsap-01234567}",
    )
    recording = recorded(tmp_path, text)
    properties = json.loads(definition(recording)["containerProperties"])
    assert properties["volumes"] == [
        {
            "name": "efs1",
            "efsVolumeConfiguration": {
                "fileSystemId": "fs-01234567",
                "transitEncryption": "ENABLED",
                "authorizationConfig": {"iam": "ENABLED"},
                "rootDirectory": "/v2",
            },
        },
        {
            "name": "efs2",
            "efsVolumeConfiguration": {
                "fileSystemId": "fs-89abcdef",
                "transitEncryption": "ENABLED",
                "authorizationConfig": {"iam": "ENABLED", "accessPointId": "fsap-01234567"},
            },
        },
    ]
    assert properties["mountPoints"] == [
        {"sourceVolume": "efs1", "containerPath": "/models", "readOnly": True},
        {"sourceVolume": "efs2", "containerPath": "/out", "readOnly": False},
    ]
    document = dict(recording.policies())["RolePolicy batchyard-dev-one-job.policy"]
    systems = "elasticfilesystem"
    assert document["Statement"] == [
        {
            "Effect": "Allow",
            "Action": [f"{systems}:ClientMount"],
            "Resource": [arn(systems, "file-system/fs-01234567")],
        },
        {
            "Effect": "Allow",
            "Action": [f"{systems}:ClientMount", f"{systems}:ClientWrite"],
            "Resource": [arn(systems, "file-system/fs-89abcdef")],
            "Condition": {"StringEquals": {f"{systems}:AccessPointArn": arn(systems, "access-point/fsap-01234567")}},
        },
    ]


def test_nodes_reach_each_other_and_other_jobs_let_nothing_in(tmp_path: Path) -> None:
    ours = "sg-batchyard-dev-jobs"
    (rule,) = recorded(tmp_path / "nodes", job("on-demand", "nodes: {count: 4}")).of("SecurityGroupIngressRule")
    told = ("securityGroupId", "referencedSecurityGroupId", "ipProtocol")
    assert tuple(rule.inputs[name] for name in told) == (ours, ours, "-1")
    assert not recorded(tmp_path / "one", job("on-demand", "")).of("SecurityGroupIngressRule")


def test_nodes_are_ranges_of_one_container(tmp_path: Path) -> None:
    inputs = definition(recorded(tmp_path, job("on-demand", "nodes: {count: 4}")))
    assert (inputs["type"], inputs.get("containerProperties")) == ("multinode", None)
    nodes = json.loads(inputs["nodeProperties"])
    assert (nodes["numNodes"], nodes["mainNode"]) == (4, 0)
    (part,) = nodes["nodeRangeProperties"]
    assert part["targetNodes"] == "0:3"
    assert part["container"]["image"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (job("spot", "architecture: arm64"), "architecture is arm64, and queue spot has x86_64; a job runs on its "
         "queue's instances; choose another queue, or leave architecture out"),
        (job("arm", "architecture: x86_64"), "architecture is x86_64, and queue arm has arm64; a job runs on its "
         "queue's instances; choose another queue, or leave architecture out"),
        (job("spot", "nodes: {count: 2}"), "nodes is given, and queue spot has spot instances (spot); Batch runs "
         "multi-node jobs on on-demand instances only; choose a queue with on-demand environments alone"),
        (job("on-demand", "nodes: {count: 9}"), "nodes.count is 9 with 1 vCPU each, 9 in all; all nodes run at once, "
         "and max_vcpus of the queue's environments is 8 at most; ask for fewer nodes, or raise max_vcpus"),
    ],
)  # fmt: skip
def test_a_queue_has_what_the_job_asks_for(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(Problems) as refused:
        recorded(tmp_path, text)
    assert [str(one) for one in refused.value] == [f"jobs/one/job.yaml:6: {problem}"]


@pytest.mark.parametrize(("memory_mib", "fits"), [(2048, True), (8192, True), (1024, False), (2560, False)])
def test_fargates_grid_is_checked_before_anything_is_made(tmp_path: Path, memory_mib: int, fits: bool) -> None:
    text = job("fargate", "", "fargate", memory_mib)
    if fits:
        recorded(tmp_path, text)
        return
    with pytest.raises(Problems, match="1 vCPU with 2048–8192 in steps of 1024 MiB; choose a size of Fargate's grid"):
        recorded(tmp_path, text)
