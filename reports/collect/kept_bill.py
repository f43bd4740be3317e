"""Closed days of the bill in a bucket, for whoever keeps no disk between two reports.

A folder of `collect_bill`'s cache and a prefix of the bucket have the same files: a closed day is asked of Cost
Explorer once, whoever makes the report.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

_NAME: Final = re.compile(r"[0-9a-f]{16}/(?P<day>\d{4}-\d{2}-\d{2})\.json")
"""A question's signature and a day."""
_FAULTS: Final = (BotoCoreError, ClientError, HTTPClientError, OSError)
_AT_ONCE: Final = 8


def bring(s3: Any, bucket: str, prefix: str, folder: Path, *, since: date) -> list[str]:
    """Brings the days from `since` on into `folder`. A sentence where that fails: the days are then asked again."""
    try:
        listed = [
            item["Key"].removeprefix(prefix)
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            for item in page.get("Contents", [])
        ]
        wanted = [
            name
            for name in listed
            if (found := _NAME.fullmatch(name)) and found["day"] >= since.isoformat() and not (folder / name).exists()
        ]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda name: _bring(s3, bucket, f"{prefix}{name}", folder / name), wanted))
    except _FAULTS as fault:
        return [f"closed days of the bill couldn't be read from s3://{bucket}/{prefix}: {fault}"]
    return []


def keep(s3: Any, bucket: str, prefix: str, folder: Path, *, known: Collection[Path]) -> list[str]:
    """Puts the days of `folder` that aren't `known` into the bucket. A sentence where that fails."""
    new = [path for path in days(folder) if path not in known]

    def put(path: Path) -> None:
        key = f"{prefix}{path.relative_to(folder).as_posix()}"
        s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes(), ContentType="application/json")

    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(put, new))
    except _FAULTS as fault:
        return [f"closed days of the bill couldn't be kept under s3://{bucket}/{prefix}: {fault}"]
    return []


def days(folder: Path) -> list[Path]:
    """The files of the days that a folder has."""
    return [path for path in sorted(folder.glob("*/*.json")) if _NAME.fullmatch(path.relative_to(folder).as_posix())]


def _bring(s3: Any, bucket: str, key: str, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
