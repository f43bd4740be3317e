"""An event for each trigger that must start its job: a trigger whose pattern doesn't take it takes none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.spec.event_sources import AfterSource
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
    detail = {"bucket": {"name": bucket_name}, "object": {"key": key, "size": size}, "reason": "PutObject"}
    return _event("aws.s3", "Object Created", detail)


def sample_end(queue_arn: str, definition_arn_prefix: str, source: AfterSource) -> dict[str, Any]:
    """The end of a run of the other job; `definition_arn_prefix` ends in the colon before the revision."""
    detail = {
        "jobId": "00000000-0000-0000-0000-000000000000",
        "jobName": source.job,
        "status": source.status.upper(),
        "jobQueue": queue_arn,
        "jobDefinition": f"{definition_arn_prefix}1",
        "parameters": dict.fromkeys(source.take.values(), "sample"),
        "container": {"exitCode": 0 if source.status == "succeeded" else 1},
    }
    return _event("aws.batch", "Batch Job State Change", detail)


def _event(source: str, detail_type: str, detail: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "detail-type": detail_type,
        "source": source,
        "account": "123456789012",
        "time": "2026-01-31T12:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    }
