"""What a demo uploaded, and what the ledger and the results bucket say has become of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cli.run_facts import Run
from reports.collect.ledger import LedgerReader
from reports.collect.results import KEY_PARAMETER, ResultIndex, result_prefixes
from reports.collect.rows import Collected

BUCKET_PARAMETER: Final = "bucket"
_UPLOADERS: Final = 4
_CLOCKS_APART: Final = timedelta(seconds=1)
"""Batch's times are whole milliseconds, and not of this process's clock."""
_FOLDER_JOBS: Final[Mapping[str, str]] = {"flights": "flights", "photos": "thumbnails"}
_RESULT_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "flights": ("delays.csv", "delays.parquet"),
    "thumbnails": ("1024.jpg", "128.jpg", "512.jpg"),
}


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One file of this demo on its way."""

    key: str
    job: str
    """The job its trigger submits."""
    uploaded_at: datetime
    """Just before the put, UTC."""

    @property
    def expected_results(self) -> tuple[str, ...]:
        """Keys in the results bucket."""
        with_key, without_suffix = result_prefixes(self.job, self.key)
        prefix = with_key if self.job == "thumbnails" else without_suffix
        return tuple(f"{prefix}{name}" for name in _RESULT_NAMES[self.job])


def upload_all(
    s3: Any,
    *,
    bucket: str,
    files: Mapping[str, Path],
    uploaded: Callable[[int], None],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Upload]:
    """Puts every file under its key, each whole in one request; `uploaded` hears how many are there."""

    def put(key: str, file: Path) -> Upload:
        began = now()
        s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())
        return Upload(key=key, job=_FOLDER_JOBS[key.partition("/")[0]], uploaded_at=began)

    with ThreadPoolExecutor(_UPLOADERS) as pool:
        coming = [pool.submit(put, key, file) for key, file in files.items()]
        uploads = []
        for one in coming:
            uploads.append(one.result())
            uploaded(len(uploads))
    return uploads


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The uploads' fate at one moment."""

    runs: tuple[Run, ...]
    """Of these uploads only, in the order they ended."""
    results_expected: int
    missing: tuple[str, ...]
    """Expected results that aren't there yet."""
    unrecorded: tuple[str, ...]
    """Keys of uploads whose job isn't on the ledger yet."""
    unmeasured: int
    """Runs whose probe line isn't on the ledger yet."""
    collected: Collected

    @property
    def results(self) -> int:
        return self.results_expected - len(self.missing)

    @property
    def recorded(self) -> bool:
        """Every upload's job has ended and is on the ledger: no result comes any more."""
        return not self.unrecorded


@dataclass(kw_only=True)
class Watch:
    """Looks at the ledger and the results bucket for what belongs to `uploads`."""

    s3: Any
    uploads: Sequence[Upload]
    uploads_bucket: str
    results_bucket: str
    ledger: LedgerReader

    def look(self) -> Seen:
        """One look at both buckets."""
        collected = self.ledger.read()
        results = ResultIndex.list(self.s3, self.results_bucket)
        of_key = {upload.key: upload for upload in self.uploads}
        runs = []
        for attempt in collected.attempts:
            upload = of_key.get(attempt.parameters.get(KEY_PARAMETER, ""))
            if (
                upload is not None
                and attempt.job == upload.job
                and attempt.parameters.get(BUCKET_PARAMETER, self.uploads_bucket) == self.uploads_bucket
                and attempt.submitted_at >= upload.uploaded_at - _CLOCKS_APART
            ):
                runs.append(Run(attempt=attempt, result_keys=results.of(attempt)))
        told = {run.key for run in runs}
        missing = [
            key for upload in self.uploads for key in results.missing(upload.expected_results, since=upload.uploaded_at)
        ]
        return Seen(
            runs=tuple(runs),
            results_expected=sum(len(upload.expected_results) for upload in self.uploads),
            missing=tuple(missing),
            unrecorded=tuple(upload.key for upload in self.uploads if upload.key not in told),
            unmeasured=sum(1 for run in runs if run.attempt.started_at is not None and run.attempt.usage is None),
            collected=collected,
        )
