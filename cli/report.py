"""`batchyard report`: what batch work cost, on what, why it changed and what to do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Final, cast, get_args

import typer
from rich.markup import escape

from cli.output import USAGE, Json, console, fail
from cli.report_engine import chosen_engine, with_engine
from cli.report_output import Format, check_place, chosen_format, deliver
from cli.report_publish import publish_report, reports_bucket
from cli.stage_access import default_lane, open_stage
from cli.stage_report import stage_facts
from jobs import conventions
from jobs.problems import Problems
from local.stage import DEFAULT_STACK
from reports.athena.place import AthenaFailed
from reports.bill_sources import BillSource, from_export, from_export_place
from reports.collect.bill_ce import METRICS, Metric
from reports.collect.export_place import SCHEME, ExportPlace, export_place
from reports.model.report import Dimension
from reports.period import choose, to_come
from reports.publish import PublishError
from reports.question import bill_of, question
from reports.render.parquet import ALLOCATIONS
from reports.run import make_report
from reports.stage import StageAccess, StageUnavailableError

FOLDER: Final = "reports"
"""Under `.batchyard/`: the ledger's objects and the bill's closed days, kept between reports."""

EXAMPLES = """Examples:

  batchyard report

  batchyard report --stack prod --week 2026-W47 --by owner

  batchyard report --stack prod --since 2026-11-01 --until 2026-12-01 --output november.html

  batchyard report --stack prod --export exports/cur --format xlsx --output week.xlsx

  batchyard report --stack prod --export s3://billing-of-ours/exports/cur

  batchyard report --stack prod --format parquet --output week --engine athena

  batchyard report --stack prod --week 2026-W47 --publish
"""

Stack = Annotated[str, typer.Option("--stack", "-s", help="The stage's stack.")]
Export = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE",
        help="Take the bill from a Data Export in Parquet (CUR 2.0): a folder, or s3://<bucket>/<prefix>/<export>.",
    ),
]
MetricOption = Annotated[
    str, typer.Option(metavar="METRIC", help=f"Which cost of the bill: {', '.join(get_args(Metric))}.")
]
SpendLimit = Annotated[
    str,
    typer.Option(
        metavar="DOLLARS", help="The most that asking may cost: Cost Explorer at $0.01 a page, Athena at $5 a TB."
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(help="Folder that keeps the ledger's objects and the bill's closed days.", file_okay=False),
]


def report(
    week: Annotated[
        str | None, typer.Option(help="An ISO week such as 2026-W47; the last whole one if left out.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="First UTC day, such as 2026-11-01.")] = None,
    until: Annotated[str | None, typer.Option(help="The UTC day after the last; today if left out.")] = None,
    stack: Stack = DEFAULT_STACK,
    by: Annotated[
        list[str] | None, typer.Option(help=f"Break costs down by this only: {', '.join(get_args(Dimension))}.")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", "-f", metavar="FORMAT", help=f"{', '.join(get_args(Format))}.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write, in the format of its ending; for csv and parquet a folder."
        ),
    ] = None,
    export: Export = None,
    metric: MetricOption = "unblended",
    spend_limit: SpendLimit = "0.10",
    currency: Annotated[str | None, typer.Option(help="Of a bill in several currencies, the one to report.")] = None,
    cache: Cache = None,
    engine: Annotated[
        str, typer.Option(metavar="ENGINE", help="Who works the figures out: duckdb (this machine) or athena.")
    ] = "duckdb",
    publish: Annotated[
        bool, typer.Option("--publish", help="Put every format into the stage's reports bucket, and tell its topic.")
    ] = False,
    as_json: Json = False,
) -> None:
    """What batch work cost: the bill on jobs, idle machines, storage, network and logs, or named as unexplained.

    Weeks end in the stage's time zone, days are UTC's, as AWS bills them. What can't be had is said in the report.
    """
    chosen = _chosen(form, output, as_json=as_json)
    dimensions = _dimensions(by)
    source = bill_source(export=export, metric=metric, spend_limit=spend_limit)
    engine = chosen_engine(engine)
    lane = default_lane()
    facts = stage_facts(lane.home.repository, stack)
    now = datetime.now(UTC)
    try:
        period = choose(week=week, since=since, until=until, now=now, timezone=facts.timezone)
    except Problems as problems:
        fail(str(problems), code=USAGE)
    try:
        access = open_stage(stack, lane)
        if publish:
            reports_bucket(access)
        kept = cache or lane.home.root / FOLDER
        asked = question(
            access,
            facts,
            stack=stack,
            period=period,
            now=now,
            cache=kept,
            bill=source(access, kept),
            currency=currency,
            say=say,
        )
        asked = replace(asked, missing=(*asked.missing, *to_come(period, now)))
        asked = with_engine(asked, access, engine=engine, spend_limit=spend_limit)
        with tempfile.TemporaryDirectory(prefix="batchyard-report-") as scratch:
            if publish or chosen == "parquet":
                asked = replace(asked, allocations=Path(scratch, ALLOCATIONS))
            made = make_report(asked, say=say)
            unpublished = ""
            if publish:
                try:
                    made = publish_report(made, access, allocations=asked.allocations, say=say)
                except PublishError as problem:
                    # it is made, and may have been paid for: whoever asked gets it all the same
                    unpublished = str(problem)
            if dimensions:
                made = made.model_copy(update={"breakdowns": {name: made.breakdowns[name] for name in dimensions}})
            deliver(made, chosen, output, allocations=asked.allocations)
            if unpublished:
                fail(unpublished)
    except (StageUnavailableError, AthenaFailed) as problem:
        fail(str(problem))
    except BrokenPipeError:
        raise
    except OSError as problem:
        fail(f"{'the report' if output is None else f'--output is {output}'}: it can't be written: {problem}")
    except Problems as problems:
        fail(str(problems))


def _chosen(form: str | None, output: Path | None, *, as_json: bool) -> Format:
    """Before anything is asked: Cost Explorer takes money for an answer."""
    try:
        chosen = chosen_format(form, output, as_json=as_json)
        check_place(output, chosen)
    except Problems as problems:
        fail(str(problems), code=USAGE)
    return chosen


def say(text: str) -> None:
    """Progress, where it disturbs nobody who reads the report."""
    console(stderr=True).print(escape(text), style="dim")


def bill_source(*, export: str | None, metric: str, spend_limit: str) -> Callable[[StageAccess, Path], BillSource]:
    """(stage, folder of the cache) → who tells its bill. Raises typer.BadParameter."""
    place = None if export is None else _export(export)
    if metric not in METRICS:
        raise typer.BadParameter(f"{metric} is no metric; write one of {', '.join(METRICS)}", param_hint="--metric")
    known = cast(Metric, metric)
    try:
        limit = Decimal(spend_limit)
    except InvalidOperation:
        limit = Decimal("NaN")
    if not limit.is_finite() or limit < 0:
        raise typer.BadParameter(
            f"{spend_limit} is no amount of dollars; write for example 0.10", param_hint="--spend-limit"
        )

    def source(access: StageAccess, cache: Path) -> BillSource:
        if isinstance(place, ExportPlace):
            return from_export_place(place, s3=lambda: access.client("s3"), metric=known, cache=cache, say=say)
        if place is not None:
            return from_export(place, metric=known)
        folder = cache / access.buckets.get(conventions.LEDGER_BUCKET, access.stage) / "bill"
        return bill_of(access, metric=known, cache=folder, spend_limit=limit, say=say)

    return source


def _export(text: str) -> Path | ExportPlace:
    """A folder that is there, or a place in S3. Raises typer.BadParameter."""
    if text.startswith(SCHEME):
        try:
            return export_place(text)
        except Problems as problems:
            raise typer.BadParameter(str(problems), param_hint="--export") from None
    folder = Path(text)
    if not folder.is_dir():
        raise typer.BadParameter(
            f"{text} is no folder; write a folder with an export's Parquet files, or s3://<bucket>/<prefix>/<export>",
            param_hint="--export",
        )
    return folder


def _dimensions(by: list[str] | None) -> tuple[Dimension, ...]:
    unknown = [name for name in by or () if name not in get_args(Dimension)]
    if unknown:
        raise typer.BadParameter(
            f"{unknown[0]} is nothing to break costs down by; write one of {', '.join(get_args(Dimension))}",
            param_hint="--by",
        )
    return tuple(dict.fromkeys(cast("list[Dimension]", by or [])))
