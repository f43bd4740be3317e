"""CloudWatch Logs: log groups and subscription filters."""

from __future__ import annotations

import zlib
from typing import Any

from local.providers.aws.calls import changed, found_or_none, retag
from local.providers.aws.shapes import from_service, same, to_service
from local.providers.aws.waiting import retry_while
from local.providers.framework import AutoName, Context, Invoke, Props, ProviderError, ResourceType, name_prefix

_ABSENT = ("ResourceNotFoundException",)


# --- log groups ---


def _create_group(context: Context, inputs: Props) -> str:
    client = context.client("logs")
    name = context.physical_name(inputs)
    more: dict[str, Any] = {"kmsKeyId": inputs["kmsKeyId"]} if inputs.get("kmsKeyId") else {}
    if inputs.get("logGroupClass"):
        more["logGroupClass"] = inputs["logGroupClass"]
    if inputs.get("deletionProtectionEnabled") is not None:
        more["deletionProtectionEnabled"] = bool(inputs["deletionProtectionEnabled"])
    if inputs.get("tagsAll"):
        more["tags"] = inputs["tagsAll"]
    client.create_log_group(logGroupName=name, **more)
    context.created(name)
    if inputs.get("retentionInDays"):
        client.put_retention_policy(logGroupName=name, retentionInDays=int(inputs["retentionInDays"]))
    return name


def _read_group(context: Context, name: str, known: Props) -> Props | None:
    client = context.client("logs")
    for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name):
        for group in page["logGroups"]:
            if group["logGroupName"] == name:
                arn = group["arn"].removesuffix(":*")
                return {
                    "name": name,
                    "namePrefix": name_prefix(name),
                    "arn": arn,
                    "retentionInDays": group.get("retentionInDays", 0),
                    "kmsKeyId": group.get("kmsKeyId", ""),
                    "logGroupClass": group.get("logGroupClass", "STANDARD"),
                    "deletionProtectionEnabled": group.get("deletionProtectionEnabled", False),
                    "tagsAll": client.list_tags_for_resource(resourceArn=arn).get("tags", {}),
                }
    return None


def _update_group(context: Context, name: str, old: Props, new: Props) -> None:
    client = context.client("logs")
    if changed(old, new, "retentionInDays"):
        if new.get("retentionInDays"):
            client.put_retention_policy(logGroupName=name, retentionInDays=int(new["retentionInDays"]))
        else:
            client.delete_retention_policy(logGroupName=name)
    if changed(old, new, "deletionProtectionEnabled") and new.get("deletionProtectionEnabled") is not None:
        protected = bool(new["deletionProtectionEnabled"])
        client.put_log_group_deletion_protection(logGroupIdentifier=name, deletionProtectionEnabled=protected)
    if (old.get("kmsKeyId") or "") != (new.get("kmsKeyId") or ""):
        if new.get("kmsKeyId"):
            client.associate_kms_key(logGroupName=name, kmsKeyId=new["kmsKeyId"])
        else:
            client.disassociate_kms_key(logGroupName=name)
    retag(
        old,
        new,
        add=lambda tags: client.tag_resource(resourceArn=old["arn"], tags=tags),
        remove=lambda keys: client.untag_resource(resourceArn=old["arn"], tagKeys=keys),
    )


def _delete_group(context: Context, name: str, state: Props) -> None:
    if state.get("skipDestroy"):
        return
    context.client("logs").delete_log_group(logGroupName=name)


_RETENTION_DAYS = frozenset(
    {0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)


def _retention_problem(days: int) -> str | None:
    return (
        None
        if days in _RETENTION_DAYS
        else f"expected retention_in_days to be one of {sorted(_RETENTION_DAYS)}, got {days}"
    )


# --- subscription filters ---

_FILTER = same(
    "applyOnTransformedLogs",
    "destinationArn",
    "distribution",
    "emitSystemFields",
    "filterPattern",
    "roleArn",
    name="filterName",
    logGroup="logGroupName",
)


# while the destination or the role's permissions aren't there yet for the service's test message
_NOT_YET = (
    "Could not deliver test message to specified",
    "Could not execute the lambda function",
    "Make sure you have given CloudWatch Logs permission to assume the provided role",
)


def _create_filter(context: Context, inputs: Props) -> str:
    _put_filter(context, inputs)
    return _filter_id(inputs["logGroup"])


def _filter_id(group: str) -> str:
    # a hash of the group alone: two filters of one group share their id, as with the official plugin
    return f"cwlsf-{zlib.crc32(f'{group}-'.encode())}"


def _put_filter(context: Context, inputs: Props) -> None:
    request = to_service(_FILTER, inputs)
    request.setdefault("filterPattern", "")
    client = context.client("logs")
    retry_while(
        context,
        f"CloudWatch Logs Subscription Filter ({request['filterName']})",
        lambda: client.put_subscription_filter(**request),
        _NOT_YET,
        timeout_s=300,
    )


def _filter_key(filter_id: str, known: Props) -> tuple[str, str]:
    if known.get("logGroup") and known.get("name"):
        return known["logGroup"], known["name"]
    group, bar, name = filter_id.partition("|")
    if not bar or not group or not name:
        raise ProviderError(f"unexpected format of ID ({filter_id}), expected <log-group-name>|<filter-name>")
    return group, name


def _read_filter(context: Context, filter_id: str, known: Props) -> Props | None:
    group, name = _filter_key(filter_id, known)
    answer = found_or_none(
        lambda: context.client("logs").describe_subscription_filters(logGroupName=group, filterNamePrefix=name),
        *_ABSENT,
    )
    for entry in answer["subscriptionFilters"] if answer else ():
        if entry["filterName"] == name:
            return {"roleArn": "", **from_service(_FILTER, entry)}
    return None


def _import_filter(context: Context, text: str) -> tuple[str, Props]:
    group, name = _filter_key(text, {})
    return _filter_id(group), {"logGroup": group, "name": name}


def _update_filter(context: Context, filter_id: str, old: Props, new: Props) -> None:
    _put_filter(context, new)


def _delete_filter(context: Context, filter_id: str, state: Props) -> None:
    group, name = _filter_key(filter_id, state)
    context.client("logs").delete_subscription_filter(logGroupName=group, filterName=name)


RESOURCES: list[ResourceType] = [
    ResourceType(
        token="aws:cloudwatch/logGroup:LogGroup",
        label="CloudWatch Logs Log Group",
        inputs=frozenset(
            {
                "deletionProtectionEnabled",
                "kmsKeyId",
                "logGroupClass",
                "name",
                "namePrefix",
                "retentionInDays",
                "skipDestroy",
            }
        ),
        outputs=frozenset({"arn"}),
        computed=frozenset({"name", "namePrefix", "logGroupClass", "deletionProtectionEnabled"}),
        defaults={"retentionInDays": 0, "skipDestroy": False},
        auto_name=AutoName(),
        replace=frozenset({"name", "namePrefix", "logGroupClass"}),
        not_read=frozenset({"skipDestroy"}),
        at_most_one_of=(("name", "namePrefix"),),
        checks={"retentionInDays": _retention_problem},
        tags=True,
        create=_create_group,
        read=_read_group,
        update=_update_group,
        delete=_delete_group,
    ),
    ResourceType(
        token="aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter",
        label="CloudWatch Logs Subscription Filter",
        inputs=frozenset(_FILTER),
        required=frozenset({"logGroup", "filterPattern", "destinationArn"}),
        computed=frozenset({"roleArn", "applyOnTransformedLogs"}),
        defaults={"distribution": "ByLogStream"},
        auto_name=AutoName(),
        replace=frozenset({"name", "logGroup", "destinationArn"}),
        delete_before_replace=True,
        sets=frozenset({"emitSystemFields"}),
        import_id=_import_filter,
        create=_create_filter,
        read=_read_filter,
        update=_update_filter,
        delete=_delete_filter,
    ),
]
INVOKES: list[Invoke] = []
