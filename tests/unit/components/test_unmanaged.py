"""Environments of kind ec2-unmanaged: Batch makes the cluster, somebody else fills it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.check import check
from jobs.problems import Problems
from tests.unit.components import example
from tests.unit.components.mocked_engine import Recording, arn, record

JOB = """\
description: x
owner: media
platform: ec2
queue: theirs
resources: {vcpus: 96, memory_mib: 400000}
"""
THEIRS: dict[str, Any] = {"theirs": {"kind": "ec2-unmanaged"}}
SPOT: dict[str, Any] = {"spot": {"kind": "ec2-spot", "max_vcpus": 4, "instance_types": ["m7i.large"]}}


def config(environments: Any, **changes: Any) -> dict[str, Any]:
    queues = {"theirs": {"priority": 1, "compute_environments": list(environments)}}
    return example.config(compute_environments=environments, queues=queues, **changes)


def recorded(folder: Path, environments: Any, text: str = JOB) -> Recording:
    return record(config(environments), stack="dev", repository=example.write_repository(folder, {"one": text}))


def refused(folder: Path, environments: Any, text: str = JOB, **changes: Any) -> list[str]:
    repository = example.write_repository(folder, {"one": text})
    with pytest.raises(Problems) as raised:
        check(config(environments, **changes), stage="dev", file="Pulumi.dev.yaml", repository=repository)
    return [str(problem) for problem in raised.value]


def test_batch_makes_a_cluster_and_boots_nothing(tmp_path: Path) -> None:
    recording = recorded(tmp_path, THEIRS)
    (environment,) = recording.of("ComputeEnvironment")
    assert {key: value for key, value in environment.inputs.items() if key != "tags"} == {
        "type": "UNMANAGED",
        "state": "ENABLED",
    }
    assert not recording.of("LaunchTemplate")
    assert not recording.of("InstanceProfile"), "the instances' roles are those of who runs them"
    told = recording.outputs["environments"]["theirs"]
    assert told["kind"] == "ec2-unmanaged"
    assert told["ecs_cluster_arn"] == arn("ecs", "cluster/AWSBatch-batchyard-dev-theirs-1234567")


def test_the_ledger_hears_of_its_cluster(tmp_path: Path) -> None:
    rules = " ".join(str(one.inputs.get("eventPattern")) for one in recorded(tmp_path, THEIRS).of("EventRule"))
    assert arn("ecs", "cluster/AWSBatch-batchyard-dev-theirs-1234567") in rules


@pytest.mark.parametrize(("architecture", "platform"), [(None, "linux/amd64"), ("arm64", "linux/arm64")])
def test_images_are_built_for_what_is_registered(tmp_path: Path, architecture: str | None, platform: str) -> None:
    given = {} if architecture is None else {"architecture": architecture}
    (image,) = recorded(tmp_path, {"theirs": {**THEIRS["theirs"], **given}}).of("Image")
    assert image.inputs["build"]["platform"] == platform


def test_it_stands_beside_managed_environments(tmp_path: Path) -> None:
    """AWS's rules for a queue are EC2 or Fargate, and one architecture."""
    recording = recorded(tmp_path, {**SPOT, **THEIRS})
    (queue,) = recording.of("JobQueue")
    assert len(queue.inputs["computeEnvironmentOrders"]) == 2
    assert len(recording.of("InstanceProfile")) == 1


@pytest.mark.parametrize(
    ("environments", "problem"),
    [
        ({"theirs": {"kind": "ec2-unmanaged", "max_vcpus": 4, "instance_types": ["m7i.large"]}},
         "compute_environments.theirs is ec2-unmanaged with max_vcpus, instance_types; Batch boots nothing there, so "
         "it takes only kind and architecture; remove max_vcpus, instance_types"),
        ({"theirs": {"kind": "ec2-spot", "instance_types": ["m7i.large"]}},
         "compute_environments.theirs.max_vcpus is missing; a managed environment has a limit; add max_vcpus: 16"),
        ({"theirs": {"kind": "fargate", "max_vcpus": 4, "architecture": "arm64"}},
         "compute_environments.theirs.architecture is arm64 with fargate; managed instances have the architecture of "
         "their types, Fargate that of its jobs; remove it"),
    ],
)  # fmt: skip
def test_each_kind_has_its_own_keys(tmp_path: Path, environments: Any, problem: str) -> None:
    (found,) = refused(tmp_path, environments)
    assert found.partition("batchyard:")[2] == problem


@pytest.mark.parametrize(
    ("environments", "text", "problem"),
    [
        (THEIRS, JOB + "nodes: {count: 2}\n", "nodes is given, and queue theirs has unmanaged environments (theirs); "
         "Batch runs multi-node jobs in managed environments only"),
        (THEIRS, JOB + "isolated: true\n", "isolated is given, and theirs of queue theirs is unmanaged; its "
         "environments are like its queue's, and Batch boots instances in managed ones only"),
        (THEIRS, JOB + "architecture: arm64\n", "architecture is arm64, and queue theirs has x86_64"),
        ({**SPOT, "theirs": {"kind": "ec2-unmanaged", "architecture": "arm64"}}, JOB,
         "batchyard:queues.theirs.compute_environments is spot, theirs on arm64 and x86_64; a queue has one"),
        ({"fargate": {"kind": "fargate", "max_vcpus": 4}, **THEIRS}, JOB,
         "batchyard:queues.theirs.compute_environments is a mixture of EC2 and Fargate"),
    ],
)  # fmt: skip
def test_what_it_cannot_run_is_refused(tmp_path: Path, environments: Any, text: str, problem: str) -> None:
    found = refused(tmp_path, environments, text, network={"isolated_endpoints": True})
    assert any(problem in one for one in found), found
