"""S3's blocks: Pulumi's names on the left, S3's on the right."""

from __future__ import annotations

from datetime import UTC, datetime

from local.providers.aws.shapes import Field, block, blocks, pascal


def _rfc3339(moment: datetime | str) -> str:
    if isinstance(moment, str):
        return moment
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_DATE = Field(name="Date", encode=str, decode=_rfc3339)
_TAGS = Field(
    name="Tags",
    encode=lambda tags: [{"Key": key, "Value": value} for key, value in tags.items()],
    decode=lambda tags: {tag["Key"]: tag["Value"] for tag in tags},
)
_FILTER = {
    **pascal(
        "prefix",
        "objectSizeGreaterThan",
        "objectSizeLessThan",
        tag=block("Tag", pascal("key", "value")),
    ),
    "and": block("And", pascal("prefix", "objectSizeGreaterThan", "objectSizeLessThan", tags=_TAGS)),
}
LIFECYCLE_RULE = pascal(
    "status",
    "prefix",
    id="ID",
    abortIncompleteMultipartUpload=block("AbortIncompleteMultipartUpload", pascal("daysAfterInitiation")),
    expiration=block("Expiration", pascal("days", "expiredObjectDeleteMarker", date=_DATE)),
    filter=block("Filter", _FILTER),
    noncurrentVersionExpiration=block(
        "NoncurrentVersionExpiration", pascal("noncurrentDays", "newerNoncurrentVersions")
    ),
    noncurrentVersionTransitions=blocks(
        "NoncurrentVersionTransitions", pascal("noncurrentDays", "newerNoncurrentVersions", "storageClass")
    ),
    transitions=blocks("Transitions", pascal("days", "storageClass", date=_DATE)),
)

ENCRYPTION_RULE = pascal(
    "bucketKeyEnabled",
    applyServerSideEncryptionByDefault=block(
        "ApplyServerSideEncryptionByDefault", pascal(kmsMasterKeyId="KMSMasterKeyID", sseAlgorithm="SSEAlgorithm")
    ),
)

PUBLIC_ACCESS_BLOCK = pascal("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
