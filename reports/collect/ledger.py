"""A stage's ledger in S3, read as attempts."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from jobs import conventions
from reports.collect.rows import Collected, RowReader

_GZIP_MAGIC: Final = b"\x1f\x8b"
_READERS: Final = 8
_DAY: Final = "day="


@dataclass(kw_only=True)
class LedgerReader:
    """Reads a ledger once, or again and again while rows still come: an object is immutable and fetched only once.

    `s3` is a boto3 client. S3's and the network's errors are botocore's own.
    """

    s3: Any
    bucket: str
    stage: str
    owners: Mapping[str, str] = field(default_factory=dict)
    """Job → owner, for attempts without a probe's line."""
    since: date | None = None
    """Skips the partitions of earlier days. A row arrives on the UTC day its attempt ended or later."""
    _read: set[str] = field(default_factory=set)
    _rows: RowReader | None = None

    def read(self) -> Collected:
        """Everything the ledger holds by now."""
        rows = self._rows = self._rows or RowReader(stage=self.stage, owners=self.owners)
        prefixes = (
            (conventions.LEDGER_ATTEMPTS_PREFIX, rows.add_attempt_lines),
            (conventions.LEDGER_USAGE_PREFIX, rows.add_usage_lines),
        )
        with ThreadPoolExecutor(_READERS) as pool:
            for prefix, add in prefixes:
                keys = [key for key in self._keys(prefix) if key not in self._read]
                for key, lines in zip(keys, pool.map(self._lines, keys), strict=True):
                    add(lines, key)
                    self._read.add(key)
        return rows.collected()

    def undelivered(self) -> int:
        """Objects in which Firehose keeps records it couldn't process."""
        return sum(1 for _ in self._keys(conventions.LEDGER_ERRORS_PREFIX))

    def _keys(self, prefix: str) -> Iterator[str]:
        # keys of a prefix are listed in order, so one key before the first wanted day starts the listing there
        start = {} if self.since is None else {"StartAfter": f"{prefix}{_DAY}{self.since.isoformat()}"}
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix, **start)
        for page in pages:
            for item in page.get("Contents", []):
                if item["Size"]:
                    yield str(item["Key"])

    def _lines(self, key: str) -> list[str]:
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return decode(body).split("\n")


def decode(body: bytes) -> str:
    """An object's text, unzipped where it is zipped. What is damaged becomes lines that are set aside."""
    if body.startswith(_GZIP_MAGIC):
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error):
            return "(an object that is no whole gzip file)"
    return body.decode("utf-8", errors="replace")
