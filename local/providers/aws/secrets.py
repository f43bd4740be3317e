"""Secrets Manager: secrets (the containers, not their values)."""

from __future__ import annotations

from typing import Any

from local.providers.aws.calls import found_or_none, json_text, retag, tag_list, tag_map
from local.providers.aws.waiting import retry_while
from local.providers.framework import AutoName, Context, Invoke, Props, ProviderError, ResourceType, name_prefix

_ABSENT = ("ResourceNotFoundException",)


def _create(context: Context, inputs: Props) -> str:
    client = context.client("secretsmanager")
    request: dict[str, Any] = {"Name": context.physical_name(inputs), "Tags": tag_list(inputs.get("tagsAll"))}
    for key, name in (("description", "Description"), ("kmsKeyId", "KmsKeyId")):
        if inputs.get(key):
            request[name] = inputs[key]
    if inputs.get("replicas"):
        request["AddReplicaRegions"] = [_replica(entry) for entry in inputs["replicas"]]
        request["ForceOverwriteReplicaSecret"] = bool(inputs.get("forceOverwriteReplicaSecret"))
    answer = retry_while(
        context,
        f"Secrets Manager Secret ({request['Name']}) create",
        lambda: client.create_secret(**request),
        ("scheduled for deletion",),
        timeout_s=120,
    )
    arn = str(answer["ARN"])
    context.created(arn)
    if inputs.get("policy"):
        client.put_resource_policy(SecretId=arn, ResourcePolicy=json_text(inputs["policy"]))
    return arn


def _replica(entry: Props) -> dict[str, str]:
    key = {"KmsKeyId": entry["kmsKeyId"]} if entry.get("kmsKeyId") else {}
    return {"Region": entry["region"], **key}


def _read(context: Context, arn: str, known: Props) -> Props | None:
    client = context.client("secretsmanager")
    answer = found_or_none(lambda: client.describe_secret(SecretId=arn), *_ABSENT)
    if answer is None or answer.get("DeletedDate"):
        return None
    policy = found_or_none(lambda: client.get_resource_policy(SecretId=arn), *_ABSENT) or {}
    return {
        "name": answer["Name"],
        "namePrefix": name_prefix(answer["Name"]),
        "arn": answer["ARN"],
        "description": answer.get("Description", ""),
        "kmsKeyId": answer.get("KmsKeyId", ""),
        "policy": policy.get("ResourcePolicy", ""),
        "replicas": [
            {
                "region": status["Region"],
                "kmsKeyId": status.get("KmsKeyId", ""),
                "status": status.get("Status", ""),
                "statusMessage": status.get("StatusMessage", ""),
            }
            for status in answer.get("ReplicationStatus", ())
        ],
        "tagsAll": tag_map(answer.get("Tags")),
    }


def _update(context: Context, arn: str, old: Props, new: Props) -> None:
    client = context.client("secretsmanager")
    if context.changed & {"description", "kmsKeyId"}:
        key = {"KmsKeyId": new["kmsKeyId"]} if new.get("kmsKeyId") else {}
        client.update_secret(SecretId=arn, Description=new.get("description") or "", **key)
    if "policy" in context.changed and new.get("policy"):
        client.put_resource_policy(SecretId=arn, ResourcePolicy=json_text(new["policy"]))
    if "replicas" in context.changed:
        _update_replicas(client, arn, old, new)
    retag(
        old,
        new,
        add=lambda tags: client.tag_resource(SecretId=arn, Tags=tag_list(tags)),
        remove=lambda keys: client.untag_resource(SecretId=arn, TagKeys=keys),
    )


def _update_replicas(client: Any, arn: str, old: Props, new: Props) -> None:
    before = {entry["region"] for entry in old.get("replicas") or ()}
    after = {entry["region"]: entry for entry in new.get("replicas") or ()}
    gone = sorted(before - set(after))
    added = [_replica(entry) for region, entry in after.items() if region not in before]
    if gone:
        client.remove_regions_from_replication(SecretId=arn, RemoveReplicaRegions=gone)
    if added:
        force = bool(new.get("forceOverwriteReplicaSecret"))
        client.replicate_secret_to_regions(SecretId=arn, AddReplicaRegions=added, ForceOverwriteReplicaSecret=force)


def _delete(context: Context, arn: str, state: Props) -> None:
    window = state.get("recoveryWindowInDays")
    days = 30 if window is None else int(window)
    how: dict[str, Any] = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
    context.client("secretsmanager").delete_secret(SecretId=arn, **how)


def _window_problem(days: Any) -> str | None:
    return None if days == 0 or 7 <= days <= 30 else f"expected recovery_window_in_days to be 0 or 7 to 30, got {days}"


RESOURCES: list[ResourceType] = [
    ResourceType(
        token="aws:secretsmanager/secret:Secret",
        label="Secrets Manager Secret",
        inputs=frozenset(
            {
                "description",
                "forceOverwriteReplicaSecret",
                "kmsKeyId",
                "name",
                "namePrefix",
                "policy",
                "recoveryWindowInDays",
                "replicas",
            }
        ),
        outputs=frozenset({"arn"}),
        computed=frozenset({"name", "namePrefix", "policy", "replicas"}),
        defaults={"forceOverwriteReplicaSecret": False, "recoveryWindowInDays": 30},
        auto_name=AutoName(),
        replace=frozenset({"name", "namePrefix"}),
        policies=frozenset({"policy"}),
        sets=frozenset({"replicas"}),
        not_read=frozenset({"forceOverwriteReplicaSecret", "recoveryWindowInDays"}),
        at_most_one_of=(("name", "namePrefix"),),
        checks={"recoveryWindowInDays": _window_problem},
        tags=True,
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
    ),
]


def _get(context: Context, arguments: Props) -> Props:
    client = context.client("secretsmanager")
    found = client.describe_secret(SecretId=arguments.get("arn") or arguments["name"])
    if found.get("DeletedDate"):
        raise ProviderError(f"Secrets Manager Secret ({found['Name']}) is scheduled for deletion")
    return {
        "id": found["ARN"],
        "arn": found["ARN"],
        "name": found["Name"],
        "description": found.get("Description", ""),
        "kmsKeyId": found.get("KmsKeyId", ""),
        "createdDate": str(found.get("CreatedDate", "")),
        "lastChangedDate": str(found.get("LastChangedDate", "")),
        "policy": "",
        "region": context.region,
        "tags": tag_map(found.get("Tags")),
    }


INVOKES: list[Invoke] = [
    Invoke(token="aws:secretsmanager/getSecret:getSecret", call=_get, service="Secrets Manager"),
]
