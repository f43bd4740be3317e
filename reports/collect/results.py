"""Which objects of the results bucket a run left.

A job's results lie under a prefix made from its name and the key it was given, so that a retry overwrites them:
`<job>/<key>/…`, or, where the key begins with the job's name already, `<key without its suffix>/…`
(`thumbnails/photos/sea.jpg/128.jpg`; `flights/2013-01.csv` → `flights/2013-01/delays.csv`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from reports.model.attempt import Attempt

KEY_PARAMETER = "key"


@dataclass(frozen=True, kw_only=True)
class StoredResult:
    key: str
    size_bytes: int
    modified_at: datetime
    """S3's clock, whole seconds."""


@dataclass(frozen=True, kw_only=True)
class ResultIndex:
    """The results bucket at one moment."""

    stored: Sequence[StoredResult]

    @classmethod
    def list(cls, s3: Any, bucket: str) -> ResultIndex:
        """Lists the whole bucket; `s3` is a boto3 client."""
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return cls(
            stored=[
                StoredResult(key=item["Key"], size_bytes=item["Size"], modified_at=item["LastModified"])
                for page in pages
                for item in page.get("Contents", [])
            ]
        )

    def of(self, attempt: Attempt) -> tuple[str, ...]:
        """Keys of the objects a successful run left, in order; none for another, and for a run without a key."""
        key = attempt.parameters.get(KEY_PARAMETER, "")
        if not key or attempt.status != "SUCCEEDED":
            return ()
        prefixes = result_prefixes(attempt.job, key)
        return tuple(sorted(one.key for one in self.stored if one.key.startswith(prefixes)))

    def missing(self, keys: Iterable[str], *, since: datetime) -> tuple[str, ...]:
        """Those of `keys` that aren't stored, are empty, or are older than `since` (to the whole second)."""
        floor = since.replace(microsecond=0)
        there = {one.key for one in self.stored if one.size_bytes and one.modified_at >= floor}
        return tuple(sorted(set(keys) - there))


def result_prefixes(job: str, key: str) -> tuple[str, ...]:
    """Prefixes under which a run of `job` on `key` leaves its results."""
    bare = str(PurePosixPath(key).with_suffix("")) if PurePosixPath(key).name else key
    own = f"{job}/"
    return (f"{own}{key}/", f"{bare}/" if bare.startswith(own) else f"{own}{bare}/")
