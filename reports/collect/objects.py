"""Objects of S3 as files of a folder, each once: which are here already, and the others fetched whole.

An object's file has the object's key as its path. What was fetched is noted beside the files with its ETag, so an
object is fetched anew when its size or ETag differ. A run that ends early goes on where it stopped.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from reports.collect.store import write_whole

FAULTS: Final = (BotoCoreError, ClientError, HTTPClientError, OSError)
"""Of S3, of the network and of this machine's disk."""
_FETCHERS: Final = 8
_GIVE_UP_AFTER: Final = 16
"""Failures in a row after which S3 isn't asked for more."""
_INDEX: Final = ".fetched.json"


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """An object as a listing tells of it."""

    key: str
    size_bytes: int
    etag: str
    changed_at: datetime | None = None

    @property
    def partition(self) -> str:
        return self.key.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What came, and what didn't."""

    objects: int
    bytes: int
    faults: tuple[tuple[StoredObject, Exception], ...]


def listed(s3: Any, bucket: str, prefix: str, *, after: str | None = None) -> Iterator[StoredObject]:
    """The objects below `prefix`, behind the key `after`, that hold something. Raises FAULTS."""
    start = {} if after is None else {"StartAfter": after}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **start):
        for item in page.get("Contents", []):
            if item["Size"] and _is_plain(str(item["Key"])):
                yield StoredObject(
                    key=str(item["Key"]),
                    size_bytes=int(item["Size"]),
                    etag=str(item["ETag"]),
                    changed_at=item.get("LastModified"),
                )


def not_here(folder: Path, objects: Iterable[StoredObject]) -> list[StoredObject]:
    """Those of `objects` that have no file of their size and ETag below `folder`."""
    indexes: dict[str, dict[str, str]] = {}
    new = []
    for item in objects:
        if item.partition not in indexes:
            indexes[item.partition] = _index(folder / item.partition)
        if not _is_here(folder, item, indexes[item.partition]):
            new.append(item)
    return new


def bring(
    s3: Any,
    bucket: str,
    folder: Path,
    wanted: Sequence[StoredObject],
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Brought:
    """Fetch `wanted` into `folder`. `progress` is told objects done and to do. Raises OSError where what was fetched
    can't be noted; all other faults are given back."""
    done: list[StoredObject] = []
    faults: list[tuple[StoredObject, Exception]] = []
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
    return Brought(objects=len(done), bytes=sum(item.size_bytes for item in done), faults=tuple(faults))


def told(fault: Exception) -> str:
    """What a fault says, in a few words: `SlowDown (please slow down)`."""
    if isinstance(fault, ClientError):
        error = fault.response.get("Error", {})
        return f"{error.get('Code', 'an error')} ({error.get('Message', 'no message')})"
    return str(fault) or type(fault).__name__


def _is_plain(key: str) -> bool:
    # a key becomes a path below the folder, and nowhere else
    parts = key.split("/")
    return all(part and not part.startswith(".") and "\\" not in part and "\0" not in part for part in parts)


def _index(folder: Path) -> dict[str, str]:
    try:
        known = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(etag) for name, etag in known.items()} if isinstance(known, dict) else {}


def _is_here(folder: Path, item: StoredObject, index: dict[str, str]) -> bool:
    try:
        size = (folder / item.key).stat().st_size
    except OSError:
        return False
    # a file of this size that no index tells of came just before a run was killed: it is whole
    return size == item.size_bytes and index.get(item.name, item.etag) == item.etag


def _fetch(s3: Any, bucket: str, folder: Path, item: StoredObject) -> Exception | None:
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
    except FAULTS as fault:
        return fault
    finally:
        part.unlink(missing_ok=True)
    return None
