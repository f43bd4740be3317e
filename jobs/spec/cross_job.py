"""Checks between the fields of a job that have nothing to do with its triggers."""

from __future__ import annotations

from jobs.spec.found import Found, PlaceOf, problem_at
from jobs.spec.isolation import NFS_PORT
from jobs.spec.model import JobSpec


def job_problems(spec: JobSpec, place_of: PlaceOf, bad: set[int | str]) -> list[Found]:
    """`bad` are the job's own fields that hold a mistake, and so nothing of its author's."""
    found: list[Found] = []
    if not bad & {"environment", "secrets"}:
        found += _given_twice(spec, place_of)
    if not bad & {"platform", "storage"}:
        found += _storage(spec, place_of)
    if not bad & {"results", "array"}:
        found += _loaded_whole(spec, place_of)
    if not bad & {"platform", "nodes", "array"}:
        found += _nodes(spec, place_of)
    if not bad & {"isolated", "storage"}:
        found += _isolated(spec, place_of)
    if not bad & {"resources", "storage"} and spec.storage.in_memory_mib >= spec.resources.memory_mib:
        found.append(
            problem_at(
                place_of,
                ("storage",),
                f"{spec.storage.in_memory_mib} MiB of tmpfs and shared memory",
                f"what lies there counts as memory, and resources.memory_mib is {spec.resources.memory_mib}",
                "raise memory_mib, or make these smaller",
            )
        )
    return found


def _loaded_whole(spec: JobSpec, place_of: PlaceOf) -> list[Found]:
    if spec.array is None or spec.results is None or spec.results.redshift is None:
        return []
    got, allowed = "given beside array", "Redshift loads a run at its end, and each child leaves a manifest of its own"
    return [problem_at(place_of, ("results", "redshift"), got, allowed, "load it in a job after this one")]


def _storage(spec: JobSpec, place_of: PlaceOf) -> list[Found]:
    storage = spec.storage
    refused: dict[str, bool]
    if spec.platform == "lambda":
        refused = {
            "ephemeral_storage_gib": storage.ephemeral_storage_gib is not None,
            "shared_memory_mib": storage.shared_memory_mib is not None,
            "tmpfs": bool(storage.tmpfs),
            "efs": bool(storage.efs),
        }
        allowed, remedy = "Lambda takes ephemeral_storage_mib", "remove it, or write platform: fargate"
    elif spec.platform == "fargate":
        refused = {
            "shared_memory_mib": storage.shared_memory_mib is not None,
            "tmpfs": bool(storage.tmpfs),
            "ephemeral_storage_mib": storage.ephemeral_storage_mib is not None,
        }
        allowed, remedy = "Fargate takes ephemeral_storage_gib and efs", "remove it, or write platform: ec2"
    else:
        refused = {
            "ephemeral_storage_gib": storage.ephemeral_storage_gib is not None,
            "ephemeral_storage_mib": storage.ephemeral_storage_mib is not None,
        }
        allowed, remedy = "on ec2 the disk is the instance's", "remove it, or write platform: fargate"
    return [
        problem_at(place_of, ("storage", key), f"given with platform: {spec.platform}", allowed, remedy)
        for key, given in refused.items()
        if given
    ]


def _isolated(spec: JobSpec, place_of: PlaceOf) -> list[Found]:
    if not spec.isolated.enabled or not spec.storage.efs or spec.isolated.reaches(NFS_PORT):
        return []
    return [
        problem_at(
            place_of,
            ("isolated",),
            f"given beside storage.efs, and nothing lets TCP port {NFS_PORT} out",
            "an isolated job reaches what its egress declares",
            f"add the mount targets' security group to egress, with port: {NFS_PORT}",
        )
    ]


def _nodes(spec: JobSpec, place_of: PlaceOf) -> list[Found]:
    if spec.nodes is None:
        return []
    found: list[Found] = []
    if spec.platform != "ec2":
        got, allowed = f"given with platform: {spec.platform}", "Batch runs multi-node jobs on EC2 only"
        found.append(problem_at(place_of, ("nodes",), got, allowed, "write platform: ec2"))
    if spec.array is not None:
        got, allowed = "given beside array", "a job is one of array and multi-node"
        found.append(problem_at(place_of, ("nodes",), got, allowed, "remove one of the two"))
    return found


def _given_twice(spec: JobSpec, place_of: PlaceOf) -> list[Found]:
    return [
        problem_at(
            place_of,
            ("secrets", name),
            "in environment too",
            "a variable has one source",
            "remove it from environment, where values are for everybody to see",
        )
        for name in spec.secrets
        if name in spec.environment
    ]
