"""A Data Export (CUR 2.0) where AWS delivers it: which files are the last delivery of a month, brought here once.

    <prefix>/<export>/metadata/BILLING_PERIOD=2026-11/<export>-Manifest.json    of the last delivery, written last
    <prefix>/<export>/data/BILLING_PERIOD=2026-11/<export>-00001.snappy.parquet                          overwritten
    <prefix>/<export>/data/BILLING_PERIOD=2026-11/<time>-<execution>/<export>-00001.snappy.parquet       a new folder

Only files that the manifest names count: those of earlier deliveries repeat the same lines. Source: AWS Data Exports
User Guide, "Understanding export delivery".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from jobs.problems import one_problem
from reports.collect.objects import FAULTS, StoredObject, bring, listed, not_here, told

SCHEME: Final = "s3://"
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PERIOD: Final = re.compile(r"BILLING_PERIOD=\d{4}-\d{2}")
_PARQUET: Final = ".parquet"
_REFUSED: Final = frozenset({"AccessDenied", "AllAccessDisabled", "403", "Forbidden"})
_NO_BUCKET: Final = "NoSuchBucket"
_NO_OBJECT: Final = frozenset({"NoSuchKey", "404"})


class _DeliveryError(Exception):
    """A month's delivery can't be had; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class ExportPlace:
    """An export's folder in S3."""

    bucket: str
    root: str
    """`<prefix>/<export>`, or `<export>` where there is no prefix."""

    @property
    def export(self) -> str:
        return self.root.rpartition("/")[2]

    @property
    def address(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.root}"

    @property
    def manifests(self) -> str:
        """Prefix of the manifests of all months' deliveries; the month, `2026-11`, comes next."""
        return f"{self.root}/metadata/BILLING_PERIOD="

    def data(self, month: str) -> str:
        """Prefix of a month's files."""
        return f"{self.root}/data/BILLING_PERIOD={month}/"


@dataclass(kw_only=True)
class Delivered:
    """Files of the export on this machine, and what isn't there, a sentence each."""

    files: list[Path] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def export_place(text: str) -> ExportPlace:
    """The place that `s3://<bucket>/<prefix>/<export>` names. Raises Problems."""
    bucket, _, path = text.strip().removeprefix(SCHEME).partition("/")
    parts = path.strip("/").split("/")
    for number, part in enumerate(parts):
        # the address of something below the export was copied out of the S3 console
        if part in ("data", "metadata") and number and (number + 1 == len(parts) or _PERIOD.match(parts[number + 1])):
            parts = parts[:number]
            break
    if not _BUCKET.fullmatch(bucket) or not all(part and part not in (".", "..") for part in parts):
        raise one_problem(
            "--export",
            repr(text),
            "an export in S3 is s3://<bucket>/<prefix>/<export>, as its delivery options have it",
            "write for example s3://billing-of-ours/exports/cur",
        )
    return ExportPlace(bucket=bucket, root="/".join(parts))


def months(since: date, until: date) -> list[str]:
    """The months that the days from `since` to before `until` are in: `2026-10`, `2026-11`."""
    last = until - timedelta(days=1)
    return [
        f"{number // 12:04}-{number % 12 + 1:02}"
        for number in range(since.year * 12 + since.month - 1, last.year * 12 + last.month)
    ]


def bring_export(
    s3: Any,
    place: ExportPlace,
    folder: Path,
    *,
    since: date,
    until: date,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Delivered:
    """The files of the last delivery of each month of the days from `since` to before `until`, below `folder`.

    `s3` is a boto3 client. No fault of S3, the network or the disk is raised: it becomes a sentence in `missing`.
    """
    delivered = Delivered()
    wanted: list[StoredObject] = []
    try:
        manifests = _manifests(s3, place)
        for month in months(since, until):
            try:
                if month not in manifests:
                    raise _DeliveryError(_not_delivered(place, month, manifests))
                wanted += _files(s3, place, month, manifests[month], delivered)
            except _DeliveryError as problem:
                delivered.missing.append(f"the bill of {month}: {problem}")
        brought = bring(s3, place.bucket, folder, not_here(folder, wanted), progress)
    except _DeliveryError as problem:
        delivered.missing.append(f"the bill: {problem}")
    except FAULTS as fault:
        delivered.missing.append(f"the bill: {_why(place, fault)}")
    else:
        lost = {item.key for item, _ in brought.faults}
        if brought.faults:
            first, why = brought.faults[0]
            delivered.missing.append(
                f"the bill: {len(lost):,} of {len(wanted):,} files of the export couldn't be fetched, such as "
                f"{SCHEME}{place.bucket}/{first.key}: {_why(place, why)}"
            )
        delivered.files = [folder / item.key for item in wanted if item.key not in lost]
    return delivered


def _manifests(s3: Any, place: ExportPlace) -> dict[str, str]:
    """Month → key of the manifest of its last delivery. Raises _DeliveryError where no month has one, and FAULTS."""
    found: dict[str, str] = {}
    for item in listed(s3, place.bucket, place.manifests):
        month, _, name = item.key.removeprefix(place.manifests).partition("/")
        # one in a folder of its own is of that delivery, not of the last
        if name in (f"{place.export}-Manifest.json", "Manifest.json"):
            found[month] = item.key
    if not found:
        raise _DeliveryError(
            f"{place.address} holds no manifest of an export; write s3://<bucket>/<prefix>/<export> as the export's "
            "delivery options have it; the first delivery comes within a day after an export is made"
        )
    return found


def _not_delivered(place: ExportPlace, month: str, there: Collection[str]) -> str:
    if month > max(there):
        return f"{place.address} has no delivery of it yet; the first of a month comes within its first day or two"
    return (
        f"{place.address} has no delivery of it, an export begins with the month it was made in ({min(there)} here); "
        "ask AWS Support to fill it in, or leave --export out to ask Cost Explorer"
    )


def _files(s3: Any, place: ExportPlace, month: str, manifest: str, delivered: Delivered) -> list[StoredObject]:
    """The objects that the month's manifest names. Raises _DeliveryError and FAULTS."""
    named, delivered_at = _named(s3, place, month, manifest)
    found: dict[str, StoredObject] = {}
    for prefix in sorted({f"{key.rpartition('/')[0]}/" for key in named}):
        found |= {item.key: item for item in listed(s3, place.bucket, prefix)}
    lacking = [key for key in named if key not in found]
    if lacking:
        delivered.missing.append(
            f"the bill of {month}: {len(lacking):,} of {len(named):,} files of its last delivery aren't there, such as "
            f"{SCHEME}{place.bucket}/{lacking[0]}; its sums are too low until the next delivery is whole"
        )
    files = [found[key] for key in named if key in found]
    if delivered_at is not None and any(one.changed_at is not None and one.changed_at > delivered_at for one in files):
        delivered.missing.append(
            f"the bill of {month}: some files of {SCHEME}{place.bucket}/{place.data(month)} are newer than their "
            "manifest, so a delivery is under way and sums may be of two; ask again in an hour"
        )
    return files


def _named(s3: Any, place: ExportPlace, month: str, key: str) -> tuple[list[str], datetime | None]:
    """Keys of the files that the manifest `key` names, and when it was written. Raises _DeliveryError."""
    address = f"{SCHEME}{place.bucket}/{key}"
    try:
        answer = s3.get_object(Bucket=place.bucket, Key=key)
        told_files = json.loads(answer["Body"].read())["dataFiles"]
        if not isinstance(told_files, list) or not all(isinstance(one, str) for one in told_files):
            raise TypeError("dataFiles is no list of texts")
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise _DeliveryError(
            f"{address} is no manifest of a Data Export ({type(fault).__name__}: {fault}); wait for the next delivery"
        ) from fault
    except FAULTS as fault:
        raise _DeliveryError(f"{address} couldn't be read: {_why(place, fault)}") from fault
    prefix = place.data(month)
    keys = []
    for one in told_files:
        # a copy of an export in another bucket has the manifest of the first: what is below `data/` is the same
        _, below, name = one.partition(f"data/BILLING_PERIOD={month}/")
        if not below or not name or any(part in ("", ".", "..") for part in name.split("/")):
            raise _DeliveryError(f"{address} names {one}, which is no file of {prefix}; wait for the next delivery")
        if not name.endswith(_PARQUET):
            raise _DeliveryError(f"{one} is no Parquet; choose Parquet in the export's delivery options")
        keys.append(f"{prefix}{name}")
    return list(dict.fromkeys(keys)), answer.get("LastModified")


def _why(place: ExportPlace, fault: Exception) -> str:
    """A fault with what to do about it."""
    code = str(fault.response.get("Error", {}).get("Code", "")) if isinstance(fault, ClientError) else ""
    if code == _NO_BUCKET:
        return f"there is no bucket {place.bucket}; write s3://<bucket>/<prefix>/<export> as the export's options say"
    if code in _REFUSED:
        return (
            f"{told(fault)}; reading {place.address} takes s3:ListBucket on the bucket, s3:GetObject below the prefix "
            "and, where the bucket is encrypted with a key, kms:Decrypt"
        )
    if code in _NO_OBJECT:
        return f"{told(fault)}; a delivery is under way, ask again in an hour"
    return f"{told(fault)}; ask again"
