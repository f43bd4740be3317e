"""`batchyard local`: the stage on this machine."""

from __future__ import annotations

from typing import Any

import typer
from rich.markup import escape

from cli.output import FOUND_PROBLEMS, INTERRUPTED, Json, console, fail, print_json
from cli.stage_access import default_lane
from local.emulator_process import EmulatorError
from local.lane import Lane, PulumiError
from local.registry import RegistryError
from local.stage import DEFAULT_STACK, StackFiles, StageBusyError, bring_down, bring_up

app = typer.Typer(no_args_is_help=True, help="The stage on this machine: an emulated account, real containers.")

DIAGNOSTIC_LINES = 30
STAGE_ERRORS = (PulumiError, EmulatorError, RegistryError, StageBusyError, FileNotFoundError)
"""What bringing a stage up or down ends with; their texts name the remedy."""


def failure_text(problem: Exception) -> str:
    """What went wrong; of an engine's output only its diagnostics, which name every error, and only so much of them."""
    if not isinstance(problem, PulumiError):
        return str(problem)
    before, found, diagnostics = problem.output.rpartition("\nDiagnostics:\n")
    lines = (diagnostics if found else before or problem.output).strip().splitlines()
    errors = [line.strip() for line in lines if "error:" in line]
    # the end of a long list is the program's traceback; the errors are what a person can act on
    shown = lines if len(lines) <= DIAGNOSTIC_LINES else [*errors[:DIAGNOSTIC_LINES], "…", *lines[-DIAGNOSTIC_LINES:]]
    return "\n".join([f"pulumi {' '.join(problem.arguments)} ended with {problem.returncode}:", *shown])


@app.command(epilog="Examples:\n\n  batchyard local up\n\n  batchyard local up --json\n")
def up(as_json: Json = False) -> None:
    """Bring the local stage up. Does nothing where it is up; makes it anew where its emulator was restarted."""
    lane = default_lane()
    out = console()

    def say(text: str) -> None:
        if not as_json:
            out.print(escape(text))

    try:
        stage = bring_up(lane, report=say, line=say)
    except STAGE_ERRORS as problem:
        fail(f"stage {DEFAULT_STACK}: {failure_text(problem)}")
    except KeyboardInterrupt:
        fail(f"stage {DEFAULT_STACK}: interrupted; run it again to go on", code=INTERRUPTED)
    if as_json:
        print_json({**status_of(lane), "seconds": round(stage.seconds, 1)})
        return
    say(f"the stage is up at {stage.endpoint} ({stage.seconds:.0f} s)")
    say(f"next: `source {lane.home.relative(lane.home.env_file)}`, then `pulumi preview -s {DEFAULT_STACK}`")


@app.command(epilog="Example:\n\n  batchyard local down\n")
def down(as_json: Json = False) -> None:
    """Destroy the local stage and stop its emulator."""
    lane = default_lane()
    out = console()

    def say(text: str) -> None:
        if not as_json:
            out.print(escape(text))

    try:
        bring_down(lane, report=say, line=say)
    except STAGE_ERRORS as problem:
        fail(f"stage {DEFAULT_STACK}: {failure_text(problem)}")
    except KeyboardInterrupt:
        fail(f"stage {DEFAULT_STACK}: interrupted; run it again to go on", code=INTERRUPTED)
    if as_json:
        print_json(status_of(lane))


@app.command(epilog="Examples:\n\n  batchyard local status\n\n  batchyard local status --json\n")
def status(as_json: Json = False) -> None:
    """Where the local stage is. Exit code 0 when it is up, 1 when it isn't."""
    lane = default_lane()
    try:
        facts = status_of(lane)
    except StageBusyError as problem:
        fail(str(problem))
    if as_json:
        print_json(facts)
    elif facts["up"]:
        console().print(f"stage {DEFAULT_STACK} is up at {facts['endpoint']}, images in {facts['registry']}")
    else:
        console().print(f"stage {DEFAULT_STACK} isn't up: {escape(facts['reason'])}; run `make up-local`")
    if not facts["up"]:
        raise typer.Exit(FOUND_PROBLEMS)


def status_of(lane: Lane) -> dict[str, Any]:
    """`up`, why not, and where. Raises StageBusyError while an engine works on the stack."""
    state = lane.running()
    reason: str | None = None
    if state is None:
        reason = "its emulator isn't running"
    else:
        files = StackFiles(lane=lane, stack=DEFAULT_STACK)
        reason = files.why_untrue(state.instance_id)
        if reason is None and not files.checkpoint.exists():
            reason = "nothing was brought up in its emulator"
    return {
        "stage": DEFAULT_STACK,
        "lane": lane.name,
        "up": reason is None,
        "reason": reason,
        "endpoint": None if state is None else state.endpoint,
        "registry": None if state is None else state.registry,
        "pid": None if state is None else state.pid,
    }
