"""Volumes of a job: from its specification to Batch's containerProperties, and what its role needs for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from components import policies
from jobs.spec.storage import Efs, Storage


def storage_properties(storage: Storage) -> dict[str, Any]:
    """The keys of containerProperties that say it: without what isn't asked for."""
    properties: dict[str, Any] = {}
    linux: dict[str, Any] = {}
    if storage.shared_memory_mib is not None:
        linux["sharedMemorySize"] = storage.shared_memory_mib
    if storage.tmpfs:
        linux["tmpfs"] = [{"containerPath": one.path, "size": one.size_mib} for one in storage.tmpfs]
    if linux:
        properties["linuxParameters"] = linux
    if storage.ephemeral_storage_gib is not None:
        properties["ephemeralStorage"] = {"sizeInGiB": storage.ephemeral_storage_gib}
    if storage.efs:
        properties["volumes"] = [_volume(at, one) for at, one in enumerate(storage.efs, start=1)]
        properties["mountPoints"] = [
            {"sourceVolume": f"efs{at}", "containerPath": one.path, "readOnly": one.read_only}
            for at, one in enumerate(storage.efs, start=1)
        ]
    return properties


def _volume(at: int, efs: Efs) -> dict[str, Any]:
    authorization: dict[str, Any] = {"iam": "ENABLED"}
    if efs.access_point is not None:
        authorization["accessPointId"] = efs.access_point
    configuration: dict[str, Any] = {
        "fileSystemId": efs.id,
        "transitEncryption": "ENABLED",
        "authorizationConfig": authorization,
    }
    if efs.root is not None:
        configuration["rootDirectory"] = efs.root
    return {"name": f"efs{at}", "efsVolumeConfiguration": configuration}


def storage_statements(
    storage: Storage, *, partition: str, region: str, account: pulumi.Input[str]
) -> Sequence[policies.Statement]:
    """May mount exactly these file systems, and write where that is asked for; of an access point nothing else."""
    statements: list[policies.Statement] = []
    for efs in storage.efs:
        actions = ["elasticfilesystem:ClientMount"]
        if not efs.read_only:
            actions.append("elasticfilesystem:ClientWrite")
        here = f"arn:{partition}:elasticfilesystem:{region}:"
        condition = None
        if efs.access_point is not None:
            point = pulumi.Output.concat(here, account, ":access-point/", efs.access_point)
            condition = {"StringEquals": {"elasticfilesystem:AccessPointArn": point}}
        resource = pulumi.Output.concat(here, account, ":file-system/", efs.id)
        statements.append(policies.allow(actions, [resource], condition))
    return statements
