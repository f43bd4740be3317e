"""S3 objects a program uploads."""

from __future__ import annotations

import base64
import mimetypes
from typing import Any

from local.providers.aws.calls import found_or_none, tag_list, tag_map
from local.providers.aws.shapes import drop_empty, from_service, pascal, to_service
from local.providers.framework import Asset, AutoName, Context, Plan, Props, ResourceType

_ABSENT = ("NoSuchKey", "NoSuchBucket", "404")
_BODIES = ("source", "content", "contentBase64")
_HEADERS = pascal(
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "contentType",
    "metadata",
    "serverSideEncryption",
    "storageClass",
    bucketKeyEnabled="BucketKeyEnabled",
    kmsKeyId="SSEKMSKeyId",
    websiteRedirect="WebsiteRedirectLocation",
)
_CHECKSUMS = pascal(
    checksumCrc32="ChecksumCRC32",
    checksumCrc32c="ChecksumCRC32C",
    checksumCrc64nvme="ChecksumCRC64NVME",
    checksumSha1="ChecksumSHA1",
    checksumSha256="ChecksumSHA256",
)


def _split(object_id: str) -> tuple[str, str]:
    bucket, _, key = object_id.removeprefix("s3://").partition("/")
    return bucket, key


def _body(inputs: Props) -> bytes:
    source = inputs.get("source")
    if isinstance(source, Asset):
        return source.read()
    if inputs.get("contentBase64") is not None:
        return base64.b64decode(inputs["contentBase64"])
    return str(inputs.get("content") or "").encode()


def _upload(context: Context, inputs: Props) -> str:
    bucket, key = inputs["bucket"], inputs["key"]
    request: dict[str, Any] = drop_empty(to_service(_HEADERS, inputs))
    if "ContentType" not in request:
        request["ContentType"] = mimetypes.guess_type(key)[0] or "application/octet-stream"
    if inputs.get("acl"):
        request["ACL"] = inputs["acl"]
    if inputs.get("checksumAlgorithm"):
        request["ChecksumAlgorithm"] = inputs["checksumAlgorithm"]
    client = context.client("s3")
    client.put_object(Bucket=bucket, Key=key, Body=_body(inputs), **request)
    context.created(f"{bucket}/{key}")
    if inputs.get("tagsAll"):
        client.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tag_list(inputs["tagsAll"])})
    return f"{bucket}/{key}"


def _read(context: Context, object_id: str, known: Props) -> Props | None:
    client = context.client("s3")
    bucket, key = _split(object_id)
    answer = found_or_none(lambda: client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED"), *_ABSENT)
    if answer is None:
        return None
    tags = found_or_none(lambda: client.get_object_tagging(Bucket=bucket, Key=key), *_ABSENT) or {}
    headers = {name: "" for name in _HEADERS if name not in ("bucketKeyEnabled", "metadata")}
    return {
        **headers,
        "metadata": {},
        **from_service(_HEADERS, answer),
        **dict.fromkeys(_CHECKSUMS, ""),
        **from_service(_CHECKSUMS, answer),
        "id": f"{bucket}/{key}",
        "bucket": bucket,
        "key": key,
        "arn": f"arn:{context.partition}:s3:::{bucket}/{key}",
        "etag": answer["ETag"].strip('"'),
        "storageClass": answer.get("StorageClass") or "STANDARD",
        "versionId": "" if answer.get("VersionId") in (None, "null") else answer["VersionId"],
        "tagsAll": tag_map(tags.get("TagSet")),
    }


def _update(context: Context, object_id: str, old: Props, new: Props) -> None:
    client = context.client("s3")
    bucket, key = _split(object_id)
    if context.changed & {*_BODIES, *_HEADERS, "etag", "sourceHash", "checksumAlgorithm"}:
        _upload(context, new)  # a new version, with its tags
        return
    if "acl" in context.changed and new.get("acl"):
        client.put_object_acl(Bucket=bucket, Key=key, ACL=new["acl"])
    if "tagsAll" in context.changed:
        client.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tag_list(new.get("tagsAll"))})


def _delete(context: Context, object_id: str, state: Props) -> None:
    client = context.client("s3")
    bucket, key = _split(object_id)
    if not state.get("versionId"):
        client.delete_object(Bucket=bucket, Key=key)
        return
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        for entry in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            if entry["Key"] == key:
                client.delete_object(Bucket=bucket, Key=key, VersionId=entry["VersionId"])


def _plan(plan: Plan) -> None:
    if not plan.creating and plan.touches(*_BODIES, "etag", "sourceHash"):
        plan.recompute("etag", "versionId", *_CHECKSUMS)


def _import(context: Context, text: str) -> tuple[str, Props]:
    return "/".join(_split(text)), {}


OBJECT = ResourceType(
    token="aws:s3/bucketObjectv2:BucketObjectv2",
    label="S3 Object",
    inputs=frozenset(
        {"acl", "bucket", "checksumAlgorithm", "etag", "forceDestroy", "key", "sourceHash", *_BODIES, *_HEADERS}
    ),
    required=frozenset({"bucket"}),
    outputs=frozenset({"arn", "versionId", *_CHECKSUMS}),
    computed=frozenset(
        {"acl", "bucketKeyEnabled", "contentType", "etag", "kmsKeyId", "serverSideEncryption", "storageClass"}
    ),
    defaults={"forceDestroy": False},
    auto_name=AutoName(property="key", max_length=1024, random=False, unless=()),
    replace=frozenset({"bucket", "key"}),
    at_most_one_of=(_BODIES,),
    maps=frozenset({"metadata"}),
    not_read=frozenset({"forceDestroy", "sourceHash", "checksumAlgorithm", *_BODIES}),
    plan=_plan,
    tags=True,
    import_id=_import,
    create=_upload,
    read=_read,
    update=_update,
    delete=_delete,
)
