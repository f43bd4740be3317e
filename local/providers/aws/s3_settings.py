"""A bucket's settings that are resources of their own: one each per bucket, with the bucket's name as their id."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from local.providers.aws.calls import as_block, found_or_none, json_text
from local.providers.aws.s3_shapes import ENCRYPTION_RULE, LIFECYCLE_RULE, PUBLIC_ACCESS_BLOCK
from local.providers.aws.shapes import from_service, to_service
from local.providers.framework import Context, Props, ResourceType

_NO_BUCKET = ("NoSuchBucket", "404")
_OWNED = frozenset({"bucket", "expectedBucketOwner"})


def _id(inputs: Props) -> str:
    owner = inputs.get("expectedBucketOwner")
    return f"{inputs['bucket']},{owner}" if owner else str(inputs["bucket"])


def _where(resource_id: str) -> dict[str, str]:
    """The request's parameters of `bucket` or `bucket,owner`."""
    bucket, _, owner = resource_id.partition(",")
    return {"Bucket": bucket, **({"ExpectedBucketOwner": owner} if owner else {})}


def _keys(resource_id: str) -> Props:
    bucket, _, owner = resource_id.partition(",")
    return {"bucket": bucket, "expectedBucketOwner": owner}


# --- versioning ---


def _put_versioning(context: Context, inputs: Props) -> str:
    asked = inputs["versioningConfiguration"]
    configuration: dict[str, str] = {}
    if asked["status"] != "Disabled":  # a bucket that never had versions has no word for it
        configuration["Status"] = asked["status"]
    if asked.get("mfaDelete"):
        configuration["MFADelete"] = asked["mfaDelete"]
    if configuration:
        mfa = {"MFA": inputs["mfa"]} if inputs.get("mfa") else {}
        context.client("s3").put_bucket_versioning(**_where(_id(inputs)), VersioningConfiguration=configuration, **mfa)
    return _id(inputs)


def _read_versioning(context: Context, resource_id: str, known: Props) -> Props | None:
    answer = found_or_none(lambda: context.client("s3").get_bucket_versioning(**_where(resource_id)), *_NO_BUCKET)
    if answer is None:
        return None
    configuration = {"status": answer.get("Status") or "Disabled"}
    if answer.get("MFADelete"):
        configuration["mfaDelete"] = answer["MFADelete"]
    return {**_keys(resource_id), "versioningConfiguration": configuration}


def _update_versioning(context: Context, resource_id: str, old: Props, new: Props) -> None:
    _put_versioning(context, new)


def _delete_versioning(context: Context, resource_id: str, state: Props) -> None:
    if state.get("versioningConfiguration", {}).get("status") == "Disabled":
        return
    context.client("s3").put_bucket_versioning(**_where(resource_id), VersioningConfiguration={"Status": "Suspended"})


def _plan_versioning(plan: Any) -> None:
    before = as_block(plan.old.get("versioningConfiguration")).get("status")
    after = as_block(plan.new.get("versioningConfiguration")).get("status")
    if not plan.creating and after == "Disabled" and before != "Disabled":
        plan.fail("versioning_configuration.status cannot be updated from 'Enabled' to 'Disabled'; use 'Suspended'")


# --- encryption ---


def _put_encryption(context: Context, inputs: Props) -> str:
    rules = [to_service(ENCRYPTION_RULE, rule, block="rules") for rule in inputs["rules"]]
    context.client("s3").put_bucket_encryption(
        **_where(_id(inputs)), ServerSideEncryptionConfiguration={"Rules": rules}
    )
    return _id(inputs)


def _read_encryption(context: Context, resource_id: str, known: Props) -> Props | None:
    answer = found_or_none(
        lambda: context.client("s3").get_bucket_encryption(**_where(resource_id)),
        *_NO_BUCKET,
        "ServerSideEncryptionConfigurationNotFoundError",
    )
    if answer is None:
        return None
    rules = [from_service(ENCRYPTION_RULE, rule) for rule in answer["ServerSideEncryptionConfiguration"]["Rules"]]
    return {**_keys(resource_id), "rules": rules}


def _update_encryption(context: Context, resource_id: str, old: Props, new: Props) -> None:
    _put_encryption(context, new)


def _delete_encryption(context: Context, resource_id: str, state: Props) -> None:
    context.client("s3").delete_bucket_encryption(**_where(resource_id))


# --- lifecycle ---


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    asked = to_service(LIFECYCLE_RULE, rule, block="rules")
    if not asked.get("Filter") and "Prefix" not in asked:
        asked["Filter"] = {"Prefix": ""}
    return asked


def _lifecycle_problem(rules: list[Mapping[str, Any]]) -> str | None:
    if not rules:
        return "at least one rule is required"
    for index, rule in enumerate(rules):
        missing = [key for key in ("id", "status") if not rule.get(key)]
        if missing:
            return f"Missing required property 'rules[{index}].{missing[0]}'"
    return None


def _put_lifecycle(context: Context, inputs: Props) -> str:
    rules = [_lifecycle_rule(rule) for rule in inputs["rules"]]
    size = inputs.get("transitionDefaultMinimumObjectSize")
    more = {"TransitionDefaultMinimumObjectSize": size} if size else {}
    context.client("s3").put_bucket_lifecycle_configuration(
        **_where(_id(inputs)), LifecycleConfiguration={"Rules": rules}, **more
    )
    return _id(inputs)


def _read_lifecycle(context: Context, resource_id: str, known: Props) -> Props | None:
    answer = found_or_none(
        lambda: context.client("s3").get_bucket_lifecycle_configuration(**_where(resource_id)),
        *_NO_BUCKET,
        "NoSuchLifecycleConfiguration",
    )
    if answer is None:
        return None
    rules = []
    for rule in answer["Rules"]:
        read = from_service(LIFECYCLE_RULE, rule)
        if read.get("filter") == {"prefix": ""}:
            read["filter"] = {}  # "every object": what an unset or empty filter becomes
        rules.append(read)
    return {
        **_keys(resource_id),
        "rules": rules,
        "transitionDefaultMinimumObjectSize": answer.get(
            "TransitionDefaultMinimumObjectSize", "all_storage_classes_128K"
        ),
    }


def _update_lifecycle(context: Context, resource_id: str, old: Props, new: Props) -> None:
    _put_lifecycle(context, new)


def _delete_lifecycle(context: Context, resource_id: str, state: Props) -> None:
    context.client("s3").delete_bucket_lifecycle(**_where(resource_id))


# --- public access ---


def _put_access(context: Context, inputs: Props) -> str:
    configuration = {field.name: bool(inputs.get(key)) for key, field in PUBLIC_ACCESS_BLOCK.items()}
    context.client("s3").put_public_access_block(Bucket=inputs["bucket"], PublicAccessBlockConfiguration=configuration)
    return str(inputs["bucket"])


def _read_access(context: Context, bucket: str, known: Props) -> Props | None:
    answer = found_or_none(
        lambda: context.client("s3").get_public_access_block(Bucket=bucket),
        *_NO_BUCKET,
        "NoSuchPublicAccessBlockConfiguration",
    )
    if answer is None:
        return None
    return {"bucket": bucket, **from_service(PUBLIC_ACCESS_BLOCK, answer["PublicAccessBlockConfiguration"])}


def _update_access(context: Context, bucket: str, old: Props, new: Props) -> None:
    if context.changed & set(PUBLIC_ACCESS_BLOCK):
        _put_access(context, new)


def _delete_access(context: Context, bucket: str, state: Props) -> None:
    if not state.get("skipDestroy"):
        context.client("s3").delete_public_access_block(Bucket=bucket)


# --- policy ---


def _put_policy(context: Context, inputs: Props) -> str:
    context.client("s3").put_bucket_policy(Bucket=inputs["bucket"], Policy=json_text(inputs["policy"]))
    return str(inputs["bucket"])


def _read_policy(context: Context, bucket: str, known: Props) -> Props | None:
    answer = found_or_none(
        lambda: context.client("s3").get_bucket_policy(Bucket=bucket), *_NO_BUCKET, "NoSuchBucketPolicy"
    )
    return None if answer is None else {"bucket": bucket, "policy": answer["Policy"]}


def _update_policy(context: Context, bucket: str, old: Props, new: Props) -> None:
    _put_policy(context, new)


def _delete_policy(context: Context, bucket: str, state: Props) -> None:
    context.client("s3").delete_bucket_policy(Bucket=bucket)


# --- notifications ---

# Pulumi's list -> (the request's list, Pulumi's and the request's name of the destination, the prefix of made-up ids)
_DESTINATIONS = {
    "queues": ("QueueConfigurations", "queueArn", "QueueArn", "tf-s3-queue-"),
    "topics": ("TopicConfigurations", "topicArn", "TopicArn", "tf-s3-topic-"),
    "lambdaFunctions": ("LambdaFunctionConfigurations", "lambdaFunctionArn", "LambdaFunctionArn", "tf-s3-lambda-"),
}


def _put_notification(context: Context, inputs: Props) -> str:
    """The whole configuration at once: a bucket has one, and this replaces it."""
    configuration: dict[str, Any] = {}
    for key, (name, arn, service_arn, prefix) in _DESTINATIONS.items():
        entries = [
            {
                "Id": entry.get("id") or prefix + secrets.token_hex(13),
                service_arn: entry[arn],
                "Events": list(entry["events"]),
                **_filter(entry),
            }
            for entry in inputs.get(key) or ()
        ]
        if entries:
            configuration[name] = entries
    if inputs.get("eventbridge"):
        configuration["EventBridgeConfiguration"] = {}
    context.client("s3").put_bucket_notification_configuration(
        Bucket=inputs["bucket"], NotificationConfiguration=configuration
    )
    return str(inputs["bucket"])


def _filter(entry: Mapping[str, Any]) -> dict[str, Any]:
    rules = [
        {"Name": name, "Value": entry[key]}
        for name, key in (("prefix", "filterPrefix"), ("suffix", "filterSuffix"))
        if entry.get(key)
    ]
    return {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}


def _read_notification(context: Context, bucket: str, known: Props) -> Props | None:
    answer = found_or_none(
        lambda: context.client("s3").get_bucket_notification_configuration(Bucket=bucket), *_NO_BUCKET
    )
    if answer is None:
        return None
    read: Props = {"bucket": bucket, "eventbridge": "EventBridgeConfiguration" in answer}
    for key, (name, arn, service_arn, _) in _DESTINATIONS.items():
        read[key] = []
        for entry in answer.get(name, ()):
            rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", ())
            filters = {f"filter{rule['Name'].capitalize()}": rule["Value"] for rule in rules}
            read[key].append({"id": entry["Id"], arn: entry[service_arn], "events": entry["Events"], **filters})
    nothing = not read["eventbridge"] and not any(read[key] for key in _DESTINATIONS)
    return None if nothing and not known else read


def _update_notification(context: Context, bucket: str, old: Props, new: Props) -> None:
    # made-up ids stay what they are
    kept = {key: _with_ids(old.get(key) or (), new[key]) for key in _DESTINATIONS if new.get(key)}
    _put_notification(context, {**new, **kept})


def _with_ids(old: Any, new: Any) -> list[Props]:
    ids = [entry.get("id") for entry in old]
    return [
        {**entry, "id": entry.get("id") or (ids[index] if index < len(ids) else None)}
        for index, entry in enumerate(new)
    ]


def _delete_notification(context: Context, bucket: str, state: Props) -> None:
    context.client("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})


SETTINGS: tuple[ResourceType, ...] = (
    ResourceType(
        token="aws:s3/bucketVersioning:BucketVersioning",
        label="S3 Bucket Versioning",
        inputs=_OWNED | {"mfa", "versioningConfiguration"},
        required=frozenset({"bucket", "versioningConfiguration"}),
        computed=frozenset({"versioningConfiguration.mfaDelete"}),
        replace=_OWNED,
        not_read=frozenset({"mfa"}),
        plan=_plan_versioning,
        create=_put_versioning,
        read=_read_versioning,
        update=_update_versioning,
        delete=_delete_versioning,
    ),
    ResourceType(
        token="aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        label="S3 Bucket Server-side Encryption Configuration",
        inputs=_OWNED | {"rules"},
        required=frozenset({"bucket", "rules"}),
        replace=_OWNED,
        sets=frozenset({"rules"}),
        create=_put_encryption,
        read=_read_encryption,
        update=_update_encryption,
        delete=_delete_encryption,
    ),
    ResourceType(
        token="aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        label="S3 Bucket Lifecycle Configuration",
        inputs=_OWNED | {"rules", "timeouts", "transitionDefaultMinimumObjectSize"},
        required=frozenset({"bucket", "rules"}),
        computed=frozenset({"transitionDefaultMinimumObjectSize"}),
        replace=_OWNED,
        maps=frozenset({"rules.filter.and.tags"}),
        not_read=frozenset({"timeouts"}),
        checks={"rules": _lifecycle_problem},
        keeps_object_on_failure=False,
        explicit_name_deletes_first=False,
        create=_put_lifecycle,
        read=_read_lifecycle,
        update=_update_lifecycle,
        delete=_delete_lifecycle,
    ),
    ResourceType(
        token="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        label="S3 Bucket Public Access Block",
        inputs=frozenset({"bucket", "skipDestroy", *PUBLIC_ACCESS_BLOCK}),
        required=frozenset({"bucket"}),
        defaults=dict.fromkeys(PUBLIC_ACCESS_BLOCK, False),
        replace=frozenset({"bucket"}),
        not_read=frozenset({"skipDestroy"}),
        create=_put_access,
        read=_read_access,
        update=_update_access,
        delete=_delete_access,
    ),
    ResourceType(
        token="aws:s3/bucketPolicy:BucketPolicy",
        label="S3 Bucket Policy",
        inputs=frozenset({"bucket", "policy"}),
        required=frozenset({"bucket", "policy"}),
        replace=frozenset({"bucket"}),
        policies=frozenset({"policy"}),
        create=_put_policy,
        read=_read_policy,
        update=_update_policy,
        delete=_delete_policy,
    ),
    ResourceType(
        token="aws:s3/bucketNotification:BucketNotification",
        label="S3 Bucket Notification",
        inputs=frozenset({"bucket", "eventbridge", *_DESTINATIONS}),
        required=frozenset({"bucket"}),
        computed=frozenset({"queues.id", "topics.id", "lambdaFunctions.id"}),
        defaults={"eventbridge": False},
        replace=frozenset({"bucket"}),
        sets=frozenset({"queues.events", "topics.events", "lambdaFunctions.events"}),
        create=_put_notification,
        read=_read_notification,
        update=_update_notification,
        delete=_delete_notification,
    ),
)
