"""`batchyard tune`: what jobs should ask for, as a change of the stack's file."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from cli.output import Json, console, fail, print_json
from cli.report import (
    FOLDER,
    Cache,
    Export,
    MetricOption,
    SpendLimit,
    Stack,
    bill_source,
    say,
)
from cli.stage_access import default_lane, open_stage
from cli.stage_report import settings_file, stage_facts
from cli.tune_file import diff, edited_as_far_as_possible, read_text, replace_file
from components.check import plan
from components.settings import load_settings_file
from jobs.problems import Problem, Problems
from jobs.spec import discover_jobs
from local.stage import DEFAULT_STACK
from reports.model.report import Period, Proposal, Report
from reports.model.words import money
from reports.period import days
from reports.question import question
from reports.run import make_report
from reports.stage import StageUnavailableError

MEMORY_KEY: Final = "resources.memory_mib"
_LOOKED_AT: Final = timedelta(days=7)
"""Until now; a report looks at the four weeks before too."""

EXAMPLES = """Examples:

  batchyard tune

  batchyard tune --stack prod > tuning.patch

  batchyard tune --stack prod --write
"""


def tune(
    stack: Stack = DEFAULT_STACK,
    write: Annotated[bool, typer.Option("--write", help="Change Pulumi.<stack>.yaml, and nothing else.")] = False,
    export: Export = None,
    metric: MetricOption = "unblended",
    spend_limit: SpendLimit = "0.10",
    currency: Annotated[str | None, typer.Option(help="Of a bill in several currencies, the one to reckon in.")] = None,
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """What jobs should ask for after what they used in the last five weeks: a unified diff of the stack's file.

    Memory: the largest peak of the image in use, with a margin, once ten of its measured runs succeeded; more at once
    after an out-of-memory. Reasons go to stderr. Nothing is deployed; `pulumi up` does that.
    """
    source = bill_source(export=export, metric=metric, spend_limit=spend_limit)
    lane = default_lane()
    repository = lane.home.repository
    file = settings_file(repository, stack)
    if not file.is_file():
        raise typer.BadParameter(f"{file.name}: no such file; a stack's settings are in Pulumi.<stack>.yaml")
    now = datetime.now(UTC)
    try:
        old = read_text(file)
        plan(load_settings_file(file), discover_jobs(repository / "jobs"), repository=repository)
        access = open_stage(stack, lane)
        kept = cache or lane.home.root / FOLDER
        made = make_report(
            question(
                access,
                stage_facts(repository, stack),
                stack=stack,
                period=_lately(now),
                now=now,
                cache=kept,
                bill=source(access, kept),
                currency=currency,
                say=say,
            ),
            say=say,
        )
        new, refused = edited_as_far_as_possible(old, memory(made), file=file.name)
        if new != old:
            _check(new, repository=repository, file=file.name)
        change = diff(old, new, file=file.name)
        if write and new != old:
            replace_file(file, old, new)
    except StageUnavailableError as problem:
        fail(str(problem))
    except Problems as problems:
        fail(str(problems))
    except (OSError, UnicodeDecodeError) as problem:
        fail(f"{file.name}: {problem}")
    written = write and new != old
    if as_json:
        print_json(
            {
                "stack": stack,
                "file": file.name,
                "currency": made.currency,
                "proposals": [one.model_dump() for one in made.proposals],
                "no_proposals": [one.model_dump() for one in made.no_proposals],
                "missing": list(made.missing),
                "diff": change,
                "written": written,
                "refused": [str(problem) for problem in refused],
            }
        )
    else:
        _explain(made)
        typer.echo(change, nl=False)
        if written:
            say(f"written: {file.name}; `pulumi up` deploys it")
    if refused:
        fail(str(Problems(refused)))


def memory(made: Report) -> dict[str, int]:
    """Job → MiB proposed."""
    return {one.job: int(one.proposed) for one in made.proposals if one.key == MEMORY_KEY}


def _lately(now: datetime) -> Period:
    # today counts: a job that ran out of memory this morning is to be helped now
    tomorrow = now.astimezone(UTC).date() + timedelta(days=1)
    return days(tomorrow - _LOOKED_AT, tomorrow)


def _check(text: str, *, repository: Path, file: str) -> None:
    """The changed file is as good as the old one: whatever is wrong now is the proposal's fault. Raises Problems."""
    with tempfile.TemporaryDirectory(prefix="batchyard-tune-") as folder:
        changed = Path(folder) / file
        changed.write_bytes(text.encode())
        try:
            plan(load_settings_file(changed), discover_jobs(repository / "jobs"), repository=repository)
        except Problems as problems:
            raise Problems(
                [
                    Problem(
                        place=f"{file} with what is proposed: {one.place.rpartition(': ')[2]}",
                        got=one.got,
                        allowed=one.allowed,
                        remedy=one.remedy,
                    )
                    for one in problems
                ]
            ) from None


def _explain(made: Report) -> None:
    out = console(stderr=True)
    for sentence in made.missing:
        out.print(escape(f"! {sentence}"), style="yellow", soft_wrap=True)
    for one in made.proposals:
        out.print(
            escape(f"{one.job}: {one.now} → {one.proposed} MiB: {one.evidence}{_saved(one, made)}"), soft_wrap=True
        )
    for kept in made.no_proposals:
        out.print(escape(f"{kept.job}: as it is: {kept.reason}"), style="dim", soft_wrap=True)
    if not made.proposals:
        out.print("nothing to change", style="green")


def _saved(one: Proposal, made: Report) -> str:
    if one.saving_nano_per_week is None:
        return ""
    word = "saves" if one.saving_nano_per_week >= 0 else "costs"
    return f"; {word} {money(abs(one.saving_nano_per_week), made.currency)} a week"
