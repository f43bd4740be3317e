"""Where `batchyard report` puts a report, in which format. What can't be written is refused before anything is asked.

A format of many tables (CSV, Parquet) is a folder of files, any other is one file. Only regular files are replaced,
each at once: readers see the old one or the whole new one. A link stays a link, what it leads to is replaced.
"""

from __future__ import annotations

import os
import shutil
import stat
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Literal, cast, get_args

import typer
from rich.console import Console

from cli.output import console
from jobs.problems import one_problem
from reports.model.report import Report
from reports.render import files
from reports.render.html import html
from reports.render.parquet import ALLOCATIONS, parquet_tables, write_parquet
from reports.render.tables import KEYS
from reports.render.text import markdown, terminal

Format = Literal["terminal", "html", "md", "json", "csv", "parquet", "xlsx"]
FOLDERS: Final = ("csv", "parquet")
"""Formats with a file for each table."""
_ENDINGS: Final[dict[str, Format]] = {
    ".html": "html",
    ".md": "md",
    ".json": "json",
    ".csv": "csv",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".txt": "terminal",
}
_PLAIN_WIDTH: Final = 160
_PLACE: Final = "--output"
_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def chosen_format(form: str | None, output: Path | None, *, as_json: bool) -> Format:
    """By `--format` or `--json`, else by the ending of `--output`. Raises Problems."""
    if as_json and form not in (None, "json"):
        raise one_problem("--json", f"given with --format {form}", "a report has one format", "leave one out")
    if as_json:
        return "json"
    if form is not None and form not in get_args(Format):
        raise one_problem("--format", form, f"it is one of {', '.join(get_args(Format))}", "write one of them")
    if form in (*FOLDERS, "xlsx") and output is None:
        what = "a folder" if form in FOLDERS else "a file"
        raise one_problem("--format", form, "that isn't for a terminal", f"give --output {what}")
    if form is not None:
        return cast(Format, form)
    if output is None:
        return "terminal"
    known = _ENDINGS.get(output.suffix.lower())
    if known is None:
        raise one_problem(
            _PLACE,
            str(output),
            f"its ending tells the format, one of {' '.join(_ENDINGS)}",
            "give it one of them, or give --format too",
        )
    return known


def check_place(output: Path | None, form: Format) -> None:
    """That the report can be written there, as far as that can be told before. Raises Problems."""
    if output is None:
        return
    if form not in FOLDERS:
        _replaceable(output, form)
        return
    place = _followed(output)
    kind = _kind(place)
    if kind not in ("", "a folder"):
        raise one_problem(
            _PLACE, f"{output}, {kind}", f"{form} is a folder with a file for each table", "name a folder"
        )
    _may_write(place if kind else place.parent, output)
    if kind:
        for name in (*(f"{key}.{form}" for key in KEYS), *([ALLOCATIONS] if form == "parquet" else [])):
            _replaceable(output / name, form)


def deliver(made: Report, form: Format, output: Path | None, *, allocations: Path | None = None) -> None:
    """Print the report, or write it; `allocations` joins a folder of Parquet. Raises OSError and Problems."""
    if output is None:
        _print(made, form)
        return
    if form in FOLDERS:
        output.mkdir(exist_ok=True)
        writers = _csv(made) if form == "csv" else _parquet(made, allocations)
        for name, write in writers.items():
            _replace(output / name, form, write)
        told = f"{output}, a folder of {len(writers)} files"
    else:
        _replace(output, form, partial(files.xlsx, made) if form == "xlsx" else partial(_write, _text(made, form)))
        told = str(output)
    console(stderr=True).print(f"written: {told}", style="dim", markup=False, soft_wrap=True)


def _print(made: Report, form: Format) -> None:
    if form == "terminal":
        console().print(terminal(made))
    else:
        typer.echo(_text(made, form), nl=False)


def _text(made: Report, form: Format) -> str:
    if form == "terminal":
        plain = Console(width=_PLAIN_WIDTH, color_system=None, highlight=False)
        with plain.capture() as capture:
            plain.print(terminal(made))
        return capture.get()
    return {"html": html, "md": markdown, "json": files.json}[form](made)


def _csv(made: Report) -> dict[str, Callable[[Path], object]]:
    return {name: partial(_write, text) for name, text in files.csv_files(made).items()}


def _parquet(made: Report, allocations: Path | None) -> dict[str, Callable[[Path], object]]:
    writers: dict[str, Callable[[Path], object]] = {
        name: partial(write_parquet, table) for name, table in parquet_tables(made).items()
    }
    if allocations is not None:
        writers[ALLOCATIONS] = partial(shutil.copyfile, allocations)
    return writers


def _write(text: str, file: Path) -> None:
    file.write_text(text, encoding="utf-8")


def _replace(output: Path, form: Format, write: Callable[[Path], object]) -> None:
    """Through a file beside it. The place is looked at again: making a report takes a while."""
    file = _replaceable(output, form)
    part = file.with_name(f".{uuid.uuid4().hex}{file.suffix}")
    try:
        write(part)
        if file.exists():
            shutil.copymode(file, part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _replaceable(output: Path, form: Format) -> Path:
    """The regular file that is or will be there, links followed. Raises Problems."""
    file = _followed(output)
    kind = _kind(file)
    if kind == "a folder" and form in FOLDERS:
        raise one_problem(
            _PLACE, f"{output}, a folder", "a table's file belongs there", "remove it, or name another folder"
        )
    if kind == "a folder":
        inside = output / f"report.{'txt' if form == 'terminal' else form}"
        raise one_problem(_PLACE, f"{output}, a folder", f"{form} is one file", f"name a file in it, such as {inside}")
    if kind not in ("", "a file"):
        raise one_problem(_PLACE, f"{output}, {kind}", "a report replaces files, nothing else", "name a file")
    if kind and not os.access(file, os.W_OK):
        raise one_problem(_PLACE, f"{output}, a file that may not be written", "a report replaces it", "name another")
    _may_write(file.parent, output)
    return file


def _may_write(folder: Path, output: Path) -> None:
    if _kind(folder) != "a folder":
        raise one_problem(_PLACE, str(output), f"there is no folder {folder}", "make it, or name another")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise one_problem(_PLACE, str(output), f"the folder {folder} may not be written to", "name another")


def _followed(output: Path) -> Path:
    return Path(os.path.realpath(output))


def _kind(path: Path) -> str:
    """What is there; empty for nothing."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as problem:
        raise one_problem(
            _PLACE, str(path), f"it can't be looked at: {problem.strerror}", "name another place"
        ) from None
    return next((name for test, name in _KINDS if test(mode)), "a file")
