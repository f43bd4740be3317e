"""The events S3 sends to EventBridge, in the shapes recorded against AWS. Pure but for the sequencer.

The key is raw, not URL-encoded; `version-id` is absent on a bucket without versioning; `sequencer` grows with every
event of the process.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Mapping
from typing import Any

from local.emulator.events.envelope import make_event

CREATED = "Object Created"
DELETED = "Object Deleted"
TAGS_ADDED = "Object Tags Added"
TAGS_DELETED = "Object Tags Deleted"
ACL_UPDATED = "Object ACL Updated"

# moto's notification names → detail type and, for those that have one, reason
KINDS: dict[str, tuple[str, str | None]] = {
    "s3:ObjectCreated:Put": (CREATED, "PutObject"),
    "s3:ObjectCreated:Post": (CREATED, "POST Object"),
    "s3:ObjectCreated:Copy": (CREATED, "CopyObject"),
    "s3:ObjectCreated:CompleteMultipartUpload": (CREATED, "CompleteMultipartUpload"),
    "s3:ObjectTagging:Put": (TAGS_ADDED, None),
    "s3:ObjectTagging:Delete": (TAGS_DELETED, None),
    "s3:ObjectAcl:Put": (ACL_UPDATED, None),
}

_sequence = itertools.count(time.time_ns())


def object_event(
    kind: str,
    *,
    bucket: str,
    region: str,
    account: str,
    facts: Mapping[str, Any],
    version_id: str | None,
    reason: str | None = None,
    deletion_type: str | None = None,
) -> dict[str, Any]:
    """One event about one object. `facts` is key, and size and etag where the kind has them; `version_id` is None
    without versioning."""
    about: dict[str, Any] = dict(facts)
    if version_id is not None:
        about["version-id"] = version_id
    if kind in (CREATED, DELETED):
        about["sequencer"] = f"00{next(_sequence):016X}"
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": bucket},
        "object": about,
        "request-id": secrets.token_hex(8).upper(),
        "requester": account,
        "source-ip-address": "127.0.0.1",
    }
    if reason is not None:
        detail["reason"] = reason
    if deletion_type is not None:
        detail["deletion-type"] = deletion_type
    return make_event(
        source="aws.s3",
        detail_type=kind,
        detail=detail,
        account=account,
        region=region,
        resources=[f"arn:aws:s3:::{bucket}"],
    )
