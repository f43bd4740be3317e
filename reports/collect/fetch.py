"""The ledger's objects from S3 into a folder, each once: DuckDB reads files, and a second report needs no download.

What S3 doesn't give is said, day by day, and the report goes on without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from reports.collect.objects import FAULTS, StoredObject, bring, listed, not_here, told
from reports.collect.staging import KINDS


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What came, and what didn't."""

    objects: int
    """Fetched now."""
    bytes: int
    known: int
    """There already."""
    missing: tuple[str, ...]
    """Sentences for the report."""


def fetch(
    s3: Any,
    bucket: str,
    folder: Path,
    *,
    since: date | None,
    skip: Callable[[str], bool] = lambda _: False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Fetched:
    """Bring `folder` up to what `bucket` holds of the partitions from `since` on.

    `s3` is a boto3 client. `skip` says of a key that it isn't needed (a compacted file holds it). `progress` is told
    objects done and to do. No fault of S3 or the network is raised: it becomes a sentence in `missing`.
    """
    missing: list[str] = []
    wanted: list[StoredObject] = []
    known = 0
    for kind in KINDS:
        found: list[StoredObject] = []
        # keys of a prefix are listed in order, so a key before the first wanted day starts the listing there
        after = None if since is None else f"{kind}/day={since.isoformat()}"
        try:
            for item in listed(s3, bucket, f"{kind}/", after=after):
                if not skip(item.key):
                    found.append(item)
        except FAULTS as fault:
            missing.append(f"the ledger's {kind} couldn't be listed to the end: {told(fault)}")
        new = not_here(folder, found)
        known += len(found) - len(new)
        wanted.extend(new)
    brought = bring(s3, bucket, folder, wanted, progress)
    lost: dict[str, list[str]] = {}
    for item, why in brought.faults:
        lost.setdefault(item.partition, []).append(told(why))
    missing += [
        f"{len(said):,} object{'s' if len(said) > 1 else ''} of the ledger's {partition} couldn't be fetched: {said[0]}"
        for partition, said in sorted(lost.items())
    ]
    return Fetched(objects=brought.objects, bytes=brought.bytes, known=known, missing=tuple(missing))
