"""`batchyard events`: what an event starts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from cli.event_matching import Answer, answers, read_event
from cli.output import USAGE, Json, console, fail, print_json
from cli.stage_access import default_lane, open_stage
from components.settings import load_settings_file
from jobs.event_rules.json_path import ABSENT
from jobs.event_rules.mismatch import Mismatch
from jobs.problems import Problems
from jobs.spec import discover_jobs
from jobs.spec.event_sources import DEFAULT_BUS
from local.home import Home
from local.stage import DEFAULT_STACK
from reports.stage import StageUnavailableError

app = typer.Typer(no_args_is_help=True, help="Events, and what they start.")

TEST_EXAMPLES = """Examples:

  batchyard events test upload.json

  batchyard events test - --stack prod --json < upload.json
"""
_STANDARD_INPUT = "-"


@app.callback()
def _group() -> None:
    """Keeps `test` a command of its own."""


@app.command("test", epilog=TEST_EXAMPLES)
def try_event(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="An event as JSON, a notification of SNS or a record of a DynamoDB stream; - is standard input.",
        ),
    ],
    stack: Annotated[str, typer.Option("--stack", "-s", help="Whose jobs.")] = DEFAULT_STACK,
    bus: Annotated[str, typer.Option("--bus", help="The event bus it comes to.")] = DEFAULT_BUS,
    as_json: Json = False,
) -> None:
    """Which jobs of a stage an event would start, with which parameters, and why the others not.

    The stage needn't be up: its settings and the jobs' specifications say it. Buckets go by their names in the
    settings; when the stage is up by their physical names too.
    """
    home = Home.default()
    settings_file = home.repository / f"Pulumi.{stack}.yaml"
    if not settings_file.is_file():
        raise typer.BadParameter(f"{settings_file.name}: no such file; a stack's settings are in Pulumi.<stack>.yaml")
    try:
        event = read_event(_text(file), place="standard input" if file == _STANDARD_INPUT else file)
        physical, unavailable = _physical_buckets(stack)
        found = answers(
            load_settings_file(settings_file),
            discover_jobs(home.repository / "jobs"),
            event,
            bus=bus,
            physical=physical,
        )
    except Problems as problems:
        fail(f"{problems}")
    if as_json:
        print_json({"stack": stack, "physical_names": not unavailable, "answers": [_facts(one) for one in found]})
        return
    _show(found, stack=stack)
    if unavailable:
        console().print(f"buckets by their names in the settings ({escape(unavailable)})", style="dim", soft_wrap=True)


def _text(file: str) -> str:
    if file == _STANDARD_INPUT:
        return sys.stdin.read()
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: can't be read ({error}); name a file with one event, or -", code=USAGE)


def _physical_buckets(stack: str) -> tuple[dict[str, str], str]:
    """Names of a stage that is up, else why there are none."""
    try:
        return dict(open_stage(stack, default_lane()).buckets), ""
    except StageUnavailableError as error:
        return {}, str(error)


def _show(found: list[Answer], *, stack: str) -> None:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("job", no_wrap=True)
    table.add_column("trigger", no_wrap=True)
    table.add_column("")
    table.add_column("parameters, or why not", overflow="fold")
    styles = {"starts": "green", "other": "dim"}
    for one in found:
        word = "no" if one.verdict == "other" else one.verdict
        table.add_row(
            escape(one.job), one.trigger, f"[{styles.get(one.verdict, 'yellow')}]{word}[/]", escape(_reason(one))
        )
    console().print(table)
    starting = sum(one.verdict == "starts" for one in found)
    runs = "1 run" if starting == 1 else f"{starting} runs"
    console().print(f"{runs} would start in {stack}")


def _reason(one: Answer) -> str:
    if one.mismatches:
        return "; ".join(map(_difference, one.mismatches))
    given = " ".join(f"{name}={value}" for name, value in sorted(one.parameters.items()))
    return f"{one.why}: {given}" if one.why and given else one.why or given


def _difference(one: Mismatch) -> str:
    got = "missing" if one.got is ABSENT else _short(one.got)
    return f"{one.field} is {got}, wanted {_short(one.wanted)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:120]}…"


def _facts(one: Answer) -> dict[str, Any]:
    return {
        "job": one.job,
        "trigger": one.trigger,
        "verdict": one.verdict,
        "parameters": dict(one.parameters),
        "why": one.why,
        "mismatches": [
            {"field": each.field, "got": each.got_or_none, "missing": each.got is ABSENT, "wanted": each.wanted}
            for each in one.mismatches
        ],
    }
