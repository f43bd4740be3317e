"""`batchyard runs`: what the ledger holds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape

from cli.array_progress import arrays_under_way
from cli.output import Json, console, fail, print_json
from cli.run_facts import Run, run_table
from cli.stage_access import default_lane, open_stage
from local.stage import DEFAULT_STACK
from reports.collect.ledger import LedgerReader
from reports.collect.results import ResultIndex
from reports.stage import StageUnavailableError

_SHOWN_ASIDE = 5

EXAMPLES = """Examples:

  batchyard runs

  batchyard runs --job flights --limit 20

  batchyard runs --stack prod --since 2026-11-01 --json
"""


def runs(
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stage's stack.")] = DEFAULT_STACK,
    job: Annotated[str | None, typer.Option(help="Only this job.")] = None,
    status: Annotated[str | None, typer.Option(help="Only SUCCEEDED or FAILED.")] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only rows that arrived on this UTC day or later.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Newest runs to show; JSON has all.")] = 100,
    as_json: Json = False,
) -> None:
    """Runs on record, oldest first: job, queue, status, wait, run time, memory asked and peak, result keys.

    A run is one attempt. Runs come from the ledger in S3; one appears once its rows have been delivered. Array jobs
    under way are shown with how many of their children have ended.
    """
    wanted = None if status is None else status.upper()
    if wanted not in (None, "SUCCEEDED", "FAILED"):
        raise typer.BadParameter(f"{status} is no status of a finished run; write SUCCEEDED or FAILED")
    try:
        access = open_stage(stack, default_lane())
        s3 = access.client("s3")
        first_day: date | None = None if since is None else since.replace(tzinfo=UTC).date()
        reader = LedgerReader(
            s3=s3, bucket=access.ledger_bucket, stage=access.stage, owners=access.owners, since=first_day
        )
        collected = reader.read()
        undelivered = reader.undelivered()
        bucket = access.results_bucket
        results = ResultIndex(stored=()) if bucket is None else ResultIndex.list(s3, bucket)
        arrays = arrays_under_way(access.client("batch"), access.queues) if access.queues else []
    except StageUnavailableError as problem:
        fail(str(problem))
    except (BotoCoreError, ClientError) as problem:
        fail(f"stage {stack}: its ledger can't be read: {problem}")
    if job is not None:
        arrays = [array for array in arrays if array.job_name.endswith(f"-{job}")]
    found = [
        Run(attempt=attempt, result_keys=results.of(attempt))
        for attempt in collected.attempts
        if job in (None, attempt.job) and wanted in (None, attempt.status)
    ]
    if as_json:
        print_json(
            {
                "stage": access.stage,
                "runs": [run.facts() for run in found],
                "set_aside": [
                    {"place": line.place, "reason": line.reason, "text": line.text} for line in collected.set_aside
                ],
                "undelivered": undelivered,
                "arrays": [array.facts() for array in arrays],
            }
        )
        return
    out = console()
    if found:
        out.print(run_table(found[-limit:]))
    else:
        out.print("no run on record yet; upload something, or look at the queues with `batchyard doctor`")
    if len(found) > limit:
        out.print(f"{limit} newest of {len(found)} runs; --limit shows more")
    for array in arrays:
        out.print(escape(f"under way: {array}"))
    for line in collected.set_aside[:_SHOWN_ASIDE]:
        out.print(escape(f"set aside: {line.place} {line.reason}: {line.text}"), style="yellow")
    if collected.set_aside or undelivered:
        out.print(
            f"{len(collected.set_aside)} lines set aside, {undelivered} objects of records that couldn't be delivered",
            style="yellow",
        )
