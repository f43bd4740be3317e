"""`batchyard demo`: real files through the whole path, and what each run used."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

from cli import demo_report
from cli.demo_watch import Seen, Watch, upload_all
from cli.display import Display, display_for
from cli.local import STAGE_ERRORS, failure_text
from cli.output import FOUND_PROBLEMS, INTERRUPTED, Json, console, fail, print_json
from cli.run_facts import run_table
from cli.stage_access import default_lane
from local.demo_data import DemoDataError, demo_files, make_demo_data
from local.lane import DEFAULT_LANE, Lane
from local.processes import write_atomically
from local.stage import DEFAULT_STACK, bring_up
from reports.collect.ledger import LedgerReader
from reports.stage import StageAccess, StageUnavailableError, from_outputs

FILE: Final = "demo.json"
POLL_S: Final = 0.5
MEASUREMENT_GRACE_S: Final = 20.0
"""The probe's lines come by another way than the runs and may be a little later; none of them is worth more waiting."""
TABLE_SHOWN_ASIDE: Final = 5

EXAMPLES = """Examples:

  batchyard demo

  batchyard demo --json > facts.json
"""


def demo(
    timeout_s: Annotated[
        int, typer.Option("--timeout-s", min=10, help="Seconds to wait for the runs once everything is uploaded.")
    ] = 600,
    as_json: Json = False,
) -> None:
    """Bring the local stage up, upload twelve months of flights and four photographs, show each run and what they cost.

    The table is read from the ledger in S3; what it cost is told by the stage's own report, whose page is
    .batchyard/report.html. The same facts go to .batchyard/demo.json. Exit code 1 when a result is missing; a report
    that can't be made says why and changes no exit code.
    """
    lane = default_lane()
    out = console()
    facts_file = facts_path(lane)
    # facts of an earlier demo would pass for this one's if it doesn't come to its end
    facts_file.unlink(missing_ok=True)
    phases = Phases()
    began = datetime.now(UTC)
    try:
        with display_for(out, silent=as_json) as display:
            access, seen = run_demo(lane, phases=phases, display=display, timeout_s=timeout_s)
        if not as_json:
            _show(seen, out)
        with phases.phase("report"):
            told = demo_report.tell(
                access,
                repository=lane.home.repository,
                folder=facts_file.parent,
                since=began.date(),
                relative=lane.home.relative,
            )
    except (*STAGE_ERRORS, DemoDataError, StageUnavailableError) as problem:
        fail(f"demo: {failure_text(problem)}")
    except (BotoCoreError, ClientError) as problem:
        fail(f"demo: the emulated account doesn't answer as it should: {problem}; run `make demo` again")
    except KeyboardInterrupt:
        fail("demo: interrupted; the stage stays as it is, `make demo` goes on from there", code=INTERRUPTED)
    facts = {**facts_of(seen, phases), "report": told.facts()}
    write_atomically(facts_file, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    if as_json:
        print_json(facts)
    else:
        took = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in phases.seconds.items())
        count = f"{seen.results} of {seen.results_expected} results"
        out.print(f"{len(seen.runs)} runs, {count}; {took}", soft_wrap=True)
        out.print()
        demo_report.show(told, out)
        out.print(f"the same facts are in {escape(lane.home.relative(facts_file))}", soft_wrap=True)
        for line in next_things(lane):
            out.print(escape(line), soft_wrap=True)
    if seen.missing:
        # the table has said why a run failed; an upload without a run has no line in it
        without = f"; no run on record for {', '.join(seen.unrecorded)}" if seen.unrecorded else ""
        fail(f"demo: {len(seen.missing)} results are missing: {', '.join(seen.missing)}{without}", code=FOUND_PROBLEMS)
    if seen.unrecorded:
        fail(f"demo: the ledger has no run for {', '.join(seen.unrecorded)}", code=FOUND_PROBLEMS)


def _show(seen: Seen, out: Console) -> None:
    for aside in seen.collected.set_aside[:TABLE_SHOWN_ASIDE]:
        out.print(escape(f"set aside: {aside.place} {aside.reason}: {aside.text}"), style="yellow", soft_wrap=True)
    out.print()
    out.print(run_table(seen.runs))


def facts_path(lane: Lane) -> Path:
    """`.batchyard/demo.json`; a lane other than the one people use by hand has its own."""
    return (lane.home.root if lane.name == DEFAULT_LANE else lane.root) / FILE


@dataclass(kw_only=True)
class Phases:
    """Seconds each phase took, in their order."""

    clock: Callable[[], float] = time.monotonic
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        began = self.clock()
        try:
            yield
        finally:
            self.seconds[name] = self.clock() - began


def run_demo(lane: Lane, *, phases: Phases, display: Display, timeout_s: float) -> tuple[StageAccess, Seen]:
    """Files → stage → uploads → runs, and the stage they ran in.

    Raises what those raise; a run or result that doesn't come is in the answer.
    """
    with phases.phase("files"):
        display.doing("looking for the demo's files")
        make_demo_data(lane.home.data, say=display.say)
    with phases.phase("stage"):
        display.say("bringing the stage up")
        display.doing("starting the emulated account")
        stage = bring_up(lane, report=display.say, line=display.doing)
        access = from_outputs(stage.outputs, stack=DEFAULT_STACK, client=lane.client)
    display.say(f"the stage is up at {stage.endpoint} ({phases.seconds['stage']:.0f} s)")
    watch = uploaded(access, lane.home.data, phases=phases, display=display)
    with phases.phase("runs"):
        return access, wait_for_runs(watch, display=display, timeout_s=timeout_s)


def uploaded(access: StageAccess, folder: Path, *, phases: Phases, display: Display) -> Watch:
    """Uploads the sixteen files and returns the watch over them."""
    files = demo_files(folder)
    s3 = access.client("s3")
    with phases.phase("uploads"):
        uploads = upload_all(
            s3,
            bucket=access.uploads_bucket,
            files=files,
            uploaded=lambda done: display.count("uploaded", done, len(files)),
        )
    # rows arrive on the day their attempt ended, which is never before the day of the first upload
    since = (min(upload.uploaded_at for upload in uploads) - timedelta(minutes=5)).date()
    return Watch(
        s3=s3,
        uploads=uploads,
        uploads_bucket=access.uploads_bucket,
        results_bucket=access.bucket("results"),
        ledger=LedgerReader(s3=s3, bucket=access.ledger_bucket, stage=access.stage, owners=access.owners, since=since),
    )


def wait_for_runs(
    watch: Watch,
    *,
    display: Display,
    timeout_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Seen:
    """Looks until every upload's job is on the ledger with what it used, or the time is over."""
    deadline = clock() + timeout_s
    settled_at: float | None = None
    while True:
        seen = watch.look()
        display.count("results", seen.results, seen.results_expected)
        now = clock()
        if seen.recorded:
            settled_at = now if settled_at is None else settled_at
            if not seen.unmeasured or now - settled_at > MEASUREMENT_GRACE_S:
                return seen
        if now > deadline:
            display.say(f"waited {timeout_s:.0f} s; {len(seen.unrecorded)} uploads have no run on record yet")
            return seen
        sleep(POLL_S)


def facts_of(seen: Seen, phases: Phases) -> dict[str, Any]:
    """What .batchyard/demo.json holds."""
    return {
        "runs": [run.facts() for run in seen.runs],
        "results_expected": seen.results_expected,
        "results_missing": len(seen.missing),
        "missing_keys": list(seen.missing),
        "unrecorded_uploads": list(seen.unrecorded),
        "set_aside": len(seen.collected.set_aside),
        "seconds": {
            **{name: round(seconds, 3) for name, seconds in phases.seconds.items()},
            "total": round(sum(phases.seconds.values()), 3),
        },
    }


def next_things(lane: Lane) -> list[str]:
    """Two things to try next."""
    env = lane.home.relative(lane.home.env_file)
    return [
        "",
        "Try next:",
        f"  1. source {env} && batchyard runs --job thumbnails",
        "     every run on record, this demo's and the ones before",
        f"  2. change memory_mib in jobs/thumbnails/job.yaml, then: source {env} && pulumi preview -s {DEFAULT_STACK}",
        "     the job definition, and the trigger that names it, are all that would change",
    ]
