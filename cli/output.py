"""What every command prints with: people's text or one JSON document on stdout, mistakes on stderr, exit codes."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

OK: Final = 0
FOUND_PROBLEMS: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
"""128 + SIGINT, as shells have it."""

_WIDTH_WITHOUT_TERMINAL: Final = 160
"""Wide enough that a table's row stays one line in a log."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def console(*, stderr: bool = False) -> Console:
    """Colour and width of the terminal; neither without one."""
    plain = Console(stderr=stderr, highlight=False, soft_wrap=False)
    if plain.is_terminal:
        return plain
    return Console(stderr=stderr, highlight=False, width=_WIDTH_WITHOUT_TERMINAL, color_system=None)


def print_json(value: Any) -> None:
    """One document, readable by people too. Times are ISO texts already."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def fail(message: str, *, code: int = FOUND_PROBLEMS) -> NoReturn:
    """Ends the command with the message on stderr."""
    console(stderr=True).print(escape(message), style="red", soft_wrap=True)
    raise typer.Exit(code)


def seconds(value: float | None) -> str:
    """`0.8 s`, `12 s`, `3 min 05 s`; a dash for what isn't known."""
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s"


def mebibytes(value: float | None) -> str:
    """`512 MiB`; a dash for what isn't known."""
    return "–" if value is None else f"{value:,.0f} MiB"
