"""The scheduled report: the last week of a stage, published into its reports bucket.

    python3 -m reports.weekly --week last          the week that is over where the stage is
    python3 -m reports.weekly --week 2026-W47      another one; what an earlier run published is replaced

What it knows of the stage is in `stage.json` of the reports bucket, which `pulumi up` writes. What can't be had is said
in the report, which comes all the same; a report that nobody can read is a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from pydantic import ValidationError

from jobs import conventions
from jobs.problems import Problem, Problems, listing
from jobs.stage_facts import StageFacts
from reports.collect import kept_bill
from reports.collect.bill_ce import METRICS, Metric
from reports.model.report import Report
from reports.period import choose, to_come, week_over_in
from reports.publish import Place, PublishError, publish, tell
from reports.question import bill_of, question
from reports.render.parquet import ALLOCATIONS
from reports.run import make_report
from reports.stage import StageAccess, StageUnavailableError, aws_client, from_outputs

LAST: Final = "last"
CACHE: Final = "cache/bill/"
"""Prefix of the reports bucket under which closed days of the bill are kept from week to week."""
METRIC_VARIABLE: Final = "COST_METRIC"
LIMIT_VARIABLE: Final = "COST_SPEND_LIMIT"
CURRENCY_VARIABLE: Final = "COST_CURRENCY"

PATIENCE: Final = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 3})
"""Gives up on a dead connection in seconds: a private network may have no way to a service."""

Say = Callable[[str], None]
Clients = Callable[[str], Any]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the job's environment asks for."""

    bucket: str
    topic_arn: str
    metric: Metric
    spend_limit: Decimal
    """Dollars a run may spend on Cost Explorer."""
    currency: str | None


def wanted(environ: Mapping[str, str]) -> Wanted:
    """From the variables the job definition sets. Raises Problems with every mistake."""
    problems: list[Problem] = []
    found = {}
    for name, permission in (
        (conventions.bucket_env(conventions.REPORTS_BUCKET), "read: [reports] and write: [reports]"),
        (conventions.topic_env(conventions.REPORTS_TOPIC), "notify: [reports]"),
    ):
        found[name] = environ.get(name, "")
        if not found[name]:
            problems.append(
                Problem(
                    place=name,
                    got="not set",
                    allowed="the job's permissions give it",
                    remedy=f"add {permission} to the permissions in job.yaml",
                )
            )
    metric = environ.get(METRIC_VARIABLE, "unblended")
    if metric not in METRICS:
        problems.append(
            Problem(
                place=METRIC_VARIABLE,
                got=repr(metric),
                allowed=f"it is one of {listing(METRICS)}",
                remedy="correct it in the job's environment",
            )
        )
    told = environ.get(LIMIT_VARIABLE, "0.10")
    try:
        limit = Decimal(told)
    except InvalidOperation:
        limit = Decimal("NaN")
    if not limit.is_finite() or limit < 0:
        problems.append(
            Problem(
                place=LIMIT_VARIABLE,
                got=repr(told),
                allowed="it is an amount of dollars such as 0.10",
                remedy="correct it in the job's environment",
            )
        )
    if problems:
        raise Problems(problems)
    bucket, topic_arn = found.values()
    return Wanted(
        bucket=bucket,
        topic_arn=topic_arn,
        metric=cast(Metric, metric),
        spend_limit=limit,
        currency=environ.get(CURRENCY_VARIABLE) or None,
    )


def run(asked: Wanted, *, week: str, now: datetime, clients: Clients, folder: Path, say: Say) -> Report:
    """Makes and publishes the report of a week; `folder` is scratch space. Gives it with its address.

    Raises Problems, StageUnavailableError and PublishError, each in sentences.
    """
    s3 = clients("s3")
    access, facts = read_stage(s3, asked.bucket, clients)
    timezone = facts.timezone
    period = week_over_in(now, timezone) if week == LAST else choose(week=week, now=now, timezone=timezone)
    kept = folder / "bill"
    source = bill_of(access, metric=asked.metric, cache=kept, spend_limit=asked.spend_limit, say=say)
    made = question(
        access,
        facts,
        stack=access.stage,
        period=period,
        now=now,
        cache=folder,
        bill=source,
        currency=asked.currency,
        say=say,
    )
    for sentence in kept_bill.bring(s3, asked.bucket, CACHE, kept, since=made.first_day):
        say(sentence)
    known = kept_bill.days(kept)
    allocations = folder / ALLOCATIONS
    report = make_report(
        replace(made, missing=(*made.missing, *to_come(period, now)), allocations=allocations), say=say
    )
    for sentence in kept_bill.keep(s3, asked.bucket, CACHE, kept, known=known):
        say(sentence)
    place = Place(bucket=asked.bucket, region=access.region, endpoint_url=facts.endpoint_url)
    published = publish(report, place, s3=s3, allocations=allocations)
    tell(published, sns=clients("sns"), topic_arn=asked.topic_arn)
    return published


def read_stage(s3: Any, bucket: str, clients: Clients) -> tuple[StageAccess, StageFacts]:
    """What the stage wrote about itself. Raises StageUnavailableError."""
    place = f"s3://{bucket}/{conventions.STAGE_FILE}"
    remedy = "bring the stage up again"
    try:
        told = json.loads(s3.get_object(Bucket=bucket, Key=conventions.STAGE_FILE)["Body"].read())
        facts = StageFacts.model_validate(told["report"])
        stage = str(told["stage"])
    except (BotoCoreError, ClientError, HTTPClientError) as fault:
        raise StageUnavailableError(f"{place} can't be read ({fault}); {remedy}") from fault
    except (ValueError, KeyError, TypeError) as fault:
        said = f"{fault.error_count()} keys are wrong" if isinstance(fault, ValidationError) else repr(fault)
        raise StageUnavailableError(f"{place} isn't what this Batchyard writes ({said}); {remedy}") from fault
    access = from_outputs({"stage": told}, stack=stage, client=clients)
    return replace(access, simulated=facts.endpoint_url is not None), facts


def say(text: str) -> None:
    """A line of the job's log."""
    sys.stdout.write(f"weekly-cost-report: {text}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the report is published and told, 1 with a sentence on stderr when it isn't."""
    parser = argparse.ArgumentParser(description="What a stage's batch work cost in a week, published.")
    parser.add_argument("--week", default=LAST, help=f"an ISO week such as 2026-W47, or {LAST}")
    options = parser.parse_args(arguments)
    try:
        asked = wanted(os.environ)
        with tempfile.TemporaryDirectory(prefix="batchyard-weekly-") as folder:
            clients = partial(aws_client, region=os.environ["AWS_REGION"], config=PATIENCE)
            made = run(asked, week=options.week, now=datetime.now(UTC), clients=clients, folder=Path(folder), say=say)
    except (Problems, StageUnavailableError, PublishError) as problem:
        sys.stderr.write(f"weekly-cost-report: {problem}\n")
        return 1
    say(made.sentence)
    for sentence in made.missing:
        say(f"missing: {sentence}")
    say(f"published at {made.published}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
