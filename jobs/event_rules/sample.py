"""An event for each trigger that must start its job: a trigger whose pattern doesn't take it takes none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.spec.s3_source import S3Source

_WILD = re.compile(r"\\(?P<itself>.)|(?P<any>\*)", re.DOTALL)


def sample_upload(bucket_name: str, source: S3Source) -> dict[str, Any]:
    """An upload as the source describes it; of several suffixes or wildcards the first, of a size its smallest."""
    if source.wildcard:
        key = _WILD.sub(lambda match: match["itself"] or "sample", source.wildcard[0])
    else:
        key = f"{source.prefix}sample{source.suffix[0] if source.suffix else ''}"
    size = 1
    if source.size is not None:
        ends = (source.size.min_bytes, source.size.max_bytes)
        size = next(end for end in ends if end is not None)
    return {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-01-31T12:00:00Z",
        "resources": [f"arn:aws:s3:::{bucket_name}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket_name},
            "object": {"key": key, "size": size},
            "reason": "PutObject",
        },
    }
