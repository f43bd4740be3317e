"""S3 buckets, and the table of all S3 types."""

from __future__ import annotations

import re
from typing import Any

from local.providers.aws.calls import found_or_none, tag_list, tag_map
from local.providers.aws.s3_object import OBJECT
from local.providers.aws.s3_settings import SETTINGS
from local.providers.framework import AutoName, Context, Invoke, Props, ProviderError, ResourceType, name_prefix

_ABSENT = ("NoSuchBucket", "404", "NotFound")
_PAGE = 1000  # keys a DeleteObjects call takes
# S3's own hosted zones, for alias records
_HOSTED_ZONES = {
    "us-east-1": "Z3AQBSTGFYJSTF",
    "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-1": "Z2F56UZL2M1ACD",
    "us-west-2": "Z3BJ6K6RIION7M",
    "eu-central-1": "Z21DNDUVLTQW6Q",
    "eu-west-1": "Z1BKCTXD74EZPE",
}


def _create_bucket(context: Context, inputs: Props) -> str:
    client = context.client("s3")
    name = context.physical_name(inputs, "bucket")
    # us-east-1 hands a bucket of one's own back as if it were new; the plugin refuses to adopt it
    if found_or_none(lambda: client.head_bucket(Bucket=name), *_ABSENT) is not None:
        raise ProviderError(
            "operation error S3: CreateBucket, https response error StatusCode: 409, BucketAlreadyOwnedByYou: "
            "Your previous request to create the named bucket succeeded and you already own it."
        )
    request: dict[str, Any] = {"Bucket": name}
    if context.region != "us-east-1":
        request["CreateBucketConfiguration"] = {"LocationConstraint": context.region}
    if inputs.get("objectLockEnabled"):
        request["ObjectLockEnabledForBucket"] = True
    client.create_bucket(**request)
    context.created(name)
    if inputs.get("tagsAll"):
        client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(inputs["tagsAll"])})
    return name


def _read_bucket(context: Context, name: str, known: Props) -> Props | None:
    client = context.client("s3")
    if found_or_none(lambda: client.head_bucket(Bucket=name), *_ABSENT) is None:
        return None
    tags = found_or_none(lambda: client.get_bucket_tagging(Bucket=name), "NoSuchTagSet")
    suffix = "amazonaws.com.cn" if context.partition == "aws-cn" else "amazonaws.com"
    return {
        "bucket": name,
        "bucketPrefix": name_prefix(name),
        "arn": f"arn:{context.partition}:s3:::{name}",
        "bucketDomainName": f"{name}.s3.{suffix}",
        "bucketRegionalDomainName": f"{name}.s3.{context.region}.{suffix}",
        "bucketRegion": context.region,
        "hostedZoneId": _HOSTED_ZONES.get(context.region, ""),
        "tagsAll": tag_map((tags or {}).get("TagSet")),
    }


def _update_bucket(context: Context, name: str, old: Props, new: Props) -> None:
    if "tagsAll" not in context.changed:
        return
    client = context.client("s3")
    if new.get("tagsAll"):
        client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(new["tagsAll"])})
    else:
        client.delete_bucket_tagging(Bucket=name)


def _delete_bucket(context: Context, name: str, state: Props) -> None:
    client = context.client("s3")
    if state.get("forceDestroy"):
        _empty(client, name)
    client.delete_bucket(Bucket=name)


def _empty(client: Any, bucket: str) -> None:
    """Remove every version and every delete marker."""
    while True:
        page = client.list_object_versions(Bucket=bucket, MaxKeys=_PAGE)
        entries = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if not entries:
            return
        keys = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
        errors = client.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True}).get("Errors")
        if errors:
            raise ProviderError(f"emptying S3 Bucket ({bucket}): {errors[0]['Key']}: {errors[0].get('Message')}")


def _name_problem(name: str) -> str | None:
    if re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
        return None
    return f"{name!r} is no name for a bucket; allowed: 3 to 63 lower-case letters, digits, . and -"


def _prefix_problem(prefix: str) -> str | None:
    if re.fullmatch(r"[a-z0-9.-]{0,37}", prefix):
        return None
    return f"{prefix!r} is no prefix for a bucket's name; allowed: up to 37 lower-case letters, digits, . and -"


RESOURCES: list[ResourceType] = [
    ResourceType(
        token="aws:s3/bucket:Bucket",
        label="S3 Bucket",
        inputs=frozenset({"bucket", "bucketPrefix", "forceDestroy", "objectLockEnabled"}),
        outputs=frozenset({"arn", "bucketDomainName", "bucketRegion", "bucketRegionalDomainName", "hostedZoneId"}),
        computed=frozenset({"bucket", "bucketPrefix", "objectLockEnabled"}),
        defaults={"forceDestroy": False},
        auto_name=AutoName(property="bucket", max_length=63, lower=True, unless=("bucketPrefix",)),
        replace=frozenset({"bucket", "bucketPrefix", "objectLockEnabled"}),
        at_most_one_of=(("bucket", "bucketPrefix"),),
        not_read=frozenset({"forceDestroy"}),
        checks={"bucket": _name_problem, "bucketPrefix": _prefix_problem},
        tags=True,
        create=_create_bucket,
        read=_read_bucket,
        update=_update_bucket,
        delete=_delete_bucket,
    ),
    *SETTINGS,
    OBJECT,
]
INVOKES: list[Invoke] = []
