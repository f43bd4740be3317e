"""Who tells a bill: Cost Explorer, a Data Export's files in a folder, or the export where AWS delivers it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from jobs import conventions
from reports.collect.bill_ce import Bill, Metric, collect_bill
from reports.collect.bill_cur import collect_export
from reports.collect.export_place import ExportPlace, bring_export
from reports.collect.patience import WAIT

BillSource = Callable[[date, date], Bill]
"""The bill of the days from the first to before the second (UTC)."""
EXPORTS: Final = "exports"
"""Folder of the cache for files of exports, by bucket and key."""
_SAY_EVERY_FILES: Final = 20


def from_explorer(
    client: Any,
    *,
    metric: Metric,
    cache: Path,
    spend_limit: Decimal,
    say: Callable[[str], None],
    wait: Any = WAIT,
) -> BillSource:
    """The bill out of Cost Explorer; `client` is boto3's `ce`, `spend_limit` dollars a report, `cache` a folder."""

    def collect(since: date, until: date) -> Bill:
        return collect_bill(
            client,
            since=since,
            until=until,
            metric=metric,
            stage_tag=conventions.TAG_STAGE,
            cache=cache,
            spend_limit=spend_limit,
            say=say,
            wait=wait,
        )

    return collect


def from_export(folder: Path, *, metric: Metric) -> BillSource:
    """The bill out of a Data Export's Parquet files anywhere under `folder`."""

    def collect(since: date, until: date) -> Bill:
        files = sorted(path for path in folder.rglob("*.parquet") if path.is_file())
        if not files:
            return Bill(missing=[f"the bill: {folder} holds no .parquet file of an export"])
        return _exported(files, since, until, metric)

    return collect


def from_export_place(
    place: ExportPlace, *, s3: Callable[[], Any], metric: Metric, cache: Path, say: Callable[[str], None]
) -> BillSource:
    """The bill out of a Data Export where it is delivered; `s3` makes a boto3 client, `cache` is a folder."""

    def progress(done: int, all_of_them: int) -> None:
        if done == all_of_them or done % _SAY_EVERY_FILES == 0:
            say(f"export: {done:,} of {all_of_them:,} new files")

    def collect(since: date, until: date) -> Bill:
        try:
            client = s3()
        except (BotoCoreError, ClientError) as problem:
            return Bill(missing=[f"the bill: {place.address}: {problem}"])
        folder = cache / EXPORTS / place.bucket
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as problem:
            with tempfile.TemporaryDirectory(prefix="batchyard-export-") as scratch:
                bill = brought(client, Path(scratch), since, until)
            bill.unkept.append(
                f"the export's files couldn't be kept in {folder} ({problem.strerror or problem}), so the next report "
                "fetches them again; make room there, or name another folder with --cache"
            )
            return bill
        return brought(client, folder, since, until)

    def brought(client: Any, folder: Path, since: date, until: date) -> Bill:
        delivered = bring_export(client, place, folder, since=since, until=until, progress=progress)
        bill = _exported(delivered.files, since, until, metric) if delivered.files else Bill()
        bill.missing[:0] = delivered.missing
        return bill

    return collect


def _exported(files: Sequence[Path], since: date, until: date, metric: Metric) -> Bill:
    return collect_export(
        files,
        since=since,
        until=until,
        metric=metric,
        stage_tag=conventions.TAG_STAGE,
        job_tag=conventions.TAG_JOB,
    )
