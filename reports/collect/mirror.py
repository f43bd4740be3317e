"""The ledger's objects in S3 → a folder on this machine. Objects never change, so each is fetched once.

Two mirrors of one folder may run at once: a file appears whole, under its name, or not at all.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from reports.collect.staging import KINDS

_READERS: Final = 8
_SKEW: Final = timedelta(days=1)
_INSTANCE_LIFE: Final = timedelta(days=90)
"""How long before the first day asked for an instance of then may have come up."""
_SAY_EVERY: Final = 500


@dataclass(kw_only=True)
class Mirrored:
    fetched: int = 0
    missing: list[str] = field(default_factory=list)
    """A sentence for each thing that couldn't be had."""


def mirror(s3: Any, *, bucket: str, folder: Path, since: date, say: Callable[[str], None]) -> Mirrored:
    """Bring `folder` up to what the ledger in `bucket` holds of the UTC days from `since` on.

    `s3` is a boto3 client. What can't be listed or fetched is named in `missing`; the rest is there all the same.
    Raises OSError where the folder can't be written.
    """
    done = Mirrored()
    wanted: list[str] = []
    try:
        for kind in KINDS:
            first = since - (_INSTANCE_LIFE if kind == "instances" else _SKEW)
            wanted += [key for key in _keys(s3, bucket, f"{kind}/", first) if not (folder / key).exists()]
    except (BotoCoreError, ClientError) as problem:
        done.missing.append(f"the ledger {bucket} couldn't be listed to its end: {problem}")
    if wanted:
        say(f"ledger: {len(wanted):,} new objects")
    failed: list[str] = []
    with ThreadPoolExecutor(_READERS) as pool:
        for key, trouble in zip(wanted, pool.map(lambda key: _fetch(s3, bucket, key, folder), wanted), strict=True):
            if trouble is None:
                done.fetched += 1
                if done.fetched % _SAY_EVERY == 0:
                    say(f"ledger: {done.fetched:,} of {len(wanted):,} objects")
            else:
                failed.append(f"{key}: {trouble}")
    if failed:
        done.missing.append(f"{len(failed):,} of {len(wanted):,} new objects of the ledger, such as {failed[0]}")
    return done


def _keys(s3: Any, bucket: str, prefix: str, first: date) -> Iterator[str]:
    # keys are listed in order, and `day=` comes before every day of its own
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, StartAfter=f"{prefix}day={first.isoformat()}"
    )
    for page in pages:
        for item in page.get("Contents", []):
            # what no Firehose writes can't be a path here either
            if item["Size"] and not any(part in ("", ".", "..") for part in item["Key"].split("/")):
                yield str(item["Key"])


def _fetch(s3: Any, bucket: str, key: str, folder: Path) -> str | None:
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except (BotoCoreError, ClientError) as problem:
        return str(problem)
    file = folder / key
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{uuid.uuid4().hex}")  # readers pass over names with a dot in front
    try:
        part.write_bytes(body)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return None
