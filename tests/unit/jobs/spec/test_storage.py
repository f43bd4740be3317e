"""`storage`, `nodes` and `architecture`: what a platform takes, and what it doesn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.problems import Problems
from jobs.spec import JobSpec, parse_job

JOB = """\
description: x
owner: media
platform: PLATFORM
queue: standard
resources: {vcpus: 1, memory_mib: 2048}
"""


def parsed(line: str, platform: str = "ec2") -> JobSpec:
    return parse_job(JOB.replace("PLATFORM", platform) + line + "\n", Path("jobs/x")).spec


@pytest.mark.parametrize(
    ("platform", "line"),
    [
        ("fargate", "storage: {ephemeral_storage_gib: 21}"),
        ("fargate", "storage: {ephemeral_storage_gib: 200, efs: [{id: fs-0123456789abcdef0, path: /models}]}"),
        ("fargate", "architecture: arm64"),
        ("ec2", "storage: {shared_memory_mib: 256, tmpfs: [{path: /scratch, size_mib: 64}]}"),
        ("ec2", "storage: {efs: [{id: fs-0123456789abcdef0, path: /a, root: /b, read_only: true}]}"),
        ("ec2", "nodes: {count: 4}"),
        ("ec2", "architecture: x86_64"),
    ],
)
def test_what_a_platform_takes(platform: str, line: str) -> None:
    parsed(line, platform)


@pytest.mark.parametrize(
    ("platform", "line", "problem"),
    [
        ("ec2", "storage: {ephemeral_storage_gib: 60}", "storage.ephemeral_storage_gib is given with platform: ec2; on "
         "ec2 the disk is the instance's; remove it, or write platform: fargate"),
        ("fargate", "storage: {ephemeral_storage_gib: 20}", "storage.ephemeral_storage_gib is 20; Fargate gives 21–200 "
         "GiB; write a whole number in that range; without the key it is 20"),
        ("fargate", "storage: {shared_memory_mib: 64}", "storage.shared_memory_mib is given with platform: fargate; "
         "Fargate takes ephemeral_storage_gib and efs; remove it, or write platform: ec2"),
        ("fargate", "storage: {tmpfs: [{path: /scratch, size_mib: 64}]}", "storage.tmpfs is given with platform: "
         "fargate; Fargate takes ephemeral_storage_gib and efs; remove it, or write platform: ec2"),
        ("ec2", "storage: {tmpfs: [{path: /scratch, size_mib: 2048}]}", "storage is 2048 MiB of tmpfs and shared "
         "memory; what lies there counts as memory, and resources.memory_mib is 2048; raise memory_mib, or make these "
         "smaller"),
        ("ec2", "storage: {tmpfs: [{path: scratch, size_mib: 1}]}", "storage.tmpfs[0].path is 'scratch'; a path in the "
         "container is absolute, without .. , and :; write one like /scratch"),
        ("ec2", "storage: {tmpfs: [{path: /proc/x, size_mib: 1}]}", "storage.tmpfs[0].path is '/proc/x'; /proc, /sys, "
         "/dev are the system's; write a folder like /scratch"),
        ("ec2", "storage: {tmpfs: [{path: /, size_mib: 1}]}", "storage.tmpfs[0].path is '/'; the image's own file "
         "system is mounted there; write a folder like /scratch"),
        ("ec2", "storage: {tmpfs: [{path: /a, size_mib: 1}], efs: [{id: fs-01234567, path: /a/b}]}",
         "storage.efs[0].path is /a/b, mounted over /a; each folder of the container is mounted once, and none inside "
         "another; choose another path"),
        ("ec2", "storage: {efs: [{id: models, path: /a}]}", "storage.efs[0].id is 'models'; a file system is an id "
         "like fs-0123456789abcdef0; write the id that EFS shows"),
        ("ec2", "storage: {efs: [{id: fs-01234567, path: /a, root: /b, access_point: fsap-01234567}]}",
         "storage.efs[0].root is '/b' beside an access point; an access point has a root of its own; remove one of the "
         "two"),
        ("ec2", "nodes: {count: 1}", "nodes.count is 1; Batch allows 1–1,000 nodes, and one is a plain job; write a "
         "whole number from 2 to 1,000"),
        ("fargate", "nodes: {count: 2}", "nodes is given with platform: fargate; Batch runs multi-node jobs on EC2 "
         "only; write platform: ec2"),
        ("ec2", "nodes: {count: 2}\narray: {size: 2}", "nodes is given beside array; a job is one of array and "
         "multi-node; remove one of the two"),
        ("ec2", "architecture: arm", "architecture is 'arm'; allowed are arm64, x86_64; did you mean arm64?"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_problem(platform: str, line: str, problem: str) -> None:
    with pytest.raises(Problems) as refused:
        parsed(line, platform)
    assert [str(one) for one in refused.value] == [f"jobs/x/job.yaml:6: {problem}"]
