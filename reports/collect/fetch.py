"""The ledger's objects from S3 into a folder, each once: DuckDB reads files, and a second report needs no download.

Objects of the ledger never change, but a name may be used again after a bucket was emptied: an object is fetched anew
when its size or ETag differ from what was fetched. A run that ends early goes on where it stopped; what S3 doesn't
give is said, day by day, and the report goes on without it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from reports.collect.staging import KINDS
from reports.collect.store import write_whole

_FETCHERS: Final = 8
_GIVE_UP_AFTER: Final = 16
"""Failures in a row after which S3 isn't asked for more."""
_INDEX: Final = ".fetched.json"
_FAULTS: Final = (BotoCoreError, ClientError, HTTPClientError, OSError)


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


@dataclass(frozen=True, kw_only=True)
class _Object:
    key: str
    size_bytes: int
    etag: str

    @property
    def partition(self) -> str:
        return self.key.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]


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
    wanted: list[_Object] = []
    known = 0
    for kind in KINDS:
        found: dict[str, list[_Object]] = {}
        try:
            for item in _listed(s3, bucket, kind, since):
                if not skip(item.key):
                    found.setdefault(item.partition, []).append(item)
        except _FAULTS as fault:
            missing.append(f"the ledger's {kind} couldn't be listed to the end: {_said(fault)}")
        for partition, items in found.items():
            index = _index(folder / partition)
            new = [item for item in items if not _is_there(folder, item, index)]
            known += len(items) - len(new)
            wanted.extend(new)
    objects, size, faults = _fetch_all(s3, bucket, folder, wanted, progress)
    lost: dict[str, list[str]] = {}
    for item, why in faults:
        lost.setdefault(item.partition, []).append(_said(why))
    missing += [
        f"{len(said):,} object{'s' if len(said) > 1 else ''} of the ledger's {partition} couldn't be fetched: {said[0]}"
        for partition, said in sorted(lost.items())
    ]
    return Fetched(objects=objects, bytes=size, known=known, missing=tuple(missing))


def _listed(s3: Any, bucket: str, kind: str, since: date | None) -> Iterator[_Object]:
    prefix = f"{kind}/"
    # keys of a prefix are listed in order, so a key before the first wanted day starts the listing there
    start = {} if since is None else {"StartAfter": f"{prefix}day={since.isoformat()}"}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **start):
        for item in page.get("Contents", []):
            if item["Size"] and _is_plain(str(item["Key"])):
                yield _Object(key=str(item["Key"]), size_bytes=int(item["Size"]), etag=str(item["ETag"]))


def _is_plain(key: str) -> bool:
    # a key becomes a path below the folder, and nowhere else
    parts = key.split("/")
    return all(part and not part.startswith(".") and "\\" not in part and "\0" not in part for part in parts)


def _index(folder: Path) -> dict[str, str]:
    try:
        told = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(etag) for name, etag in told.items()} if isinstance(told, dict) else {}


def _is_there(folder: Path, item: _Object, index: dict[str, str]) -> bool:
    try:
        size = (folder / item.key).stat().st_size
    except OSError:
        return False
    # a file of this size that no index tells of came just before a run was killed: it is whole
    return size == item.size_bytes and index.get(item.name, item.etag) == item.etag


def _fetch_all(
    s3: Any, bucket: str, folder: Path, wanted: list[_Object], progress: Callable[[int, int], None]
) -> tuple[int, int, list[tuple[_Object, Exception]]]:
    done: list[_Object] = []
    faults: list[tuple[_Object, Exception]] = []
    in_a_row = 0
    with ThreadPoolExecutor(_FETCHERS) as pool:
        for begin in range(0, len(wanted), _FETCHERS):
            batch = wanted[begin : begin + _FETCHERS]
            if in_a_row >= _GIVE_UP_AFTER:
                faults.extend((item, faults[-1][1]) for item in wanted[begin:])
                break
            for item, fault in zip(batch, pool.map(lambda one: _fetch(s3, bucket, folder, one), batch), strict=True):
                if fault is None:
                    done.append(item)
                    in_a_row = 0
                else:
                    faults.append((item, fault))
                    in_a_row += 1
            progress(len(done), len(wanted))
    by_partition: dict[str, dict[str, str]] = {}
    for item in done:
        by_partition.setdefault(item.partition, {})[item.name] = item.etag
    for partition, etags in by_partition.items():
        index = {**_index(folder / partition), **etags}
        write_whole(folder / partition / _INDEX, json.dumps(index, sort_keys=True))
    return len(done), sum(item.size_bytes for item in done), faults


def _fetch(s3: Any, bucket: str, folder: Path, item: _Object) -> Exception | None:
    path = folder / item.key
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        body = s3.get_object(Bucket=bucket, Key=item.key, IfMatch=item.etag)["Body"]
        with part.open("wb") as stream:
            for piece in body.iter_chunks(1 << 20):
                stream.write(piece)
        got = part.stat().st_size
        if got != item.size_bytes:
            raise OSError(f"{item.key} ended after {got:,} of {item.size_bytes:,} bytes")
        part.replace(path)
    except _FAULTS as fault:
        return fault
    finally:
        part.unlink(missing_ok=True)
    return None


def _said(fault: Exception) -> str:
    if isinstance(fault, ClientError):
        error = fault.response.get("Error", {})
        return f"{error.get('Code', 'an error')} ({error.get('Message', 'no message')})"
    return str(fault) or type(fault).__name__
