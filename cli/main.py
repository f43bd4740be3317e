"""The Typer application: every command in one place."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import demo, doctor, events, jobs, local, report, runs, schedules, tune
from cli.output import INTERRUPTED

VERSION = "0.1.0"

app = typer.Typer(
    name="batchyard",
    no_args_is_help=True,
    add_completion=False,
    # a traceback of ours belongs into a bug report, not framed and abridged
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Batch work on AWS that knows what its jobs cost.",
    epilog="Examples:\n\n  batchyard demo\n\n  batchyard runs --job thumbnails\n\n  batchyard jobs check\n",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"batchyard {VERSION}")
        raise typer.Exit


@app.callback()
def main(
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Batch work on AWS that knows what its jobs cost.

    Exit codes: 0 done, 1 problems found, 2 wrong usage, 130 interrupted.
    """


app.command(epilog=demo.EXAMPLES)(demo.demo)
app.command(epilog=runs.EXAMPLES)(runs.runs)
app.command(epilog=report.EXAMPLES)(report.report)
app.command(epilog=tune.EXAMPLES)(tune.tune)
app.add_typer(jobs.app, name="jobs")
app.add_typer(events.app, name="events")
app.add_typer(schedules.app, name="schedules")
app.add_typer(local.app, name="local")
app.command(epilog=doctor.EXAMPLES)(doctor.doctor)


def run() -> None:
    """The entry point; Ctrl-C ends it without a traceback."""
    try:
        app(prog_name="batchyard")
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise SystemExit(INTERRUPTED) from None
