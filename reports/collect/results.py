"""Which objects of the results bucket a run left.

A job's results lie under a prefix made from its name and the key it was given, so that a retry overwrites them:
`<job>/<key>/…`, or, where the key begins with the job's name already, `<key without its suffix>/…`
(`thumbnails/photos/sea.jpg/128.jpg`; `flights/2013-01.csv` → `flights/2013-01/delays.csv`).

Those of a job with `results:` lie under the run's id: `<job>/data/day=<day>/run=<id>/…`, of an array's child in
`child=<index>/` there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from jobs import conventions
from reports.model.attempt import Attempt

KEY_PARAMETER = "key"
_RUN = re.compile(
    f"(?P<job>[^/]+)/{conventions.RESULTS_DATA}{conventions.RESULTS_DAY}[^/]+/{conventions.RESULTS_RUN}"
    f"(?P<run>[^/]+(?:/{conventions.RESULTS_CHILD}[0-9]+)?)/"
)


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
        """Keys of the objects a successful run left, in order; none for another, and for one without an id in its
        results' place or a key of its own."""
        if attempt.status != "SUCCEEDED":
            return ()
        own = self._by_run.get(run_place(attempt.job, attempt.job_id), ())
        key = attempt.parameters.get(KEY_PARAMETER, "")
        if own or not key:
            return tuple(sorted(own))
        prefixes = result_prefixes(attempt.job, key)
        return tuple(sorted(one.key for one in self.stored if one.key.startswith(prefixes)))

    @cached_property
    def _by_run(self) -> Mapping[tuple[str, str], Sequence[str]]:
        """Keys below a run's place, by `run_place`."""
        found: dict[tuple[str, str], list[str]] = {}
        for one in self.stored:
            match = _RUN.match(one.key)
            if match:
                found.setdefault((match["job"], match["run"]), []).append(one.key)
        return found

    def missing(self, keys: Iterable[str], *, since: datetime) -> tuple[str, ...]:
        """Those of `keys` that aren't stored, are empty, or are older than `since` (to the whole second)."""
        floor = since.replace(microsecond=0)
        there = {one.key for one in self.stored if one.size_bytes and one.modified_at >= floor}
        return tuple(sorted(set(keys) - there))


def run_place(job: str, job_id: str) -> tuple[str, str]:
    """Job and `run=…/` as keys have them: `5a…:3` is `5a…/child=3`."""
    run, _, index = job_id.partition(":")
    return job, f"{run}/{conventions.RESULTS_CHILD}{index}" if index else run


def result_prefixes(job: str, key: str) -> tuple[str, ...]:
    """Prefixes under which a run of `job` on `key` leaves its results."""
    bare = str(PurePosixPath(key).with_suffix("")) if PurePosixPath(key).name else key
    own = f"{job}/"
    return (f"{own}{key}/", f"{bare}/" if bare.startswith(own) else f"{own}{bare}/")
