"""How a long command tells what it does: a live line on a terminal, plain lines without one, nothing for JSON."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Display(Protocol):
    """A place for sentences and progress."""

    def say(self, text: str) -> None:
        """A sentence that stays."""

    def doing(self, text: str) -> None:
        """What is going on now, replacing what was."""

    def count(self, text: str, done: int, total: int) -> None:
        """How far it is."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Closing:
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the terminal as it was."""


class SilentDisplay(_Closing):
    """For --json."""

    def say(self, text: str) -> None:
        del text

    def doing(self, text: str) -> None:
        del text

    def count(self, text: str, done: int, total: int) -> None:
        del text, done, total


class PlainDisplay(_Closing):
    """A line for each sentence, and for progress whenever another quarter is done."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._last = ""

    def say(self, text: str) -> None:
        self._out.print(escape(text), soft_wrap=True)

    def doing(self, text: str) -> None:
        del text  # what lasts a moment is no line of a log

    def count(self, text: str, done: int, total: int) -> None:
        step = max(1, total // 4)
        reached = total if done >= total else done - done % step
        line = f"{text} {reached} of {total}"
        if reached and line != self._last:
            self._last = line
            self._out.print(escape(line), soft_wrap=True)


class TerminalDisplay(_Closing):
    """One live line below the sentences, with a bar where there is something to count."""

    def __init__(self, out: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            console=out,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, figures="")
        self._progress.start()

    def say(self, text: str) -> None:
        self._progress.console.print(escape(text), soft_wrap=True)

    def doing(self, text: str) -> None:
        width = max(20, self._progress.console.width - 48)
        self._progress.update(self._task, description=escape(text[:width]), total=None, figures="")

    def count(self, text: str, done: int, total: int) -> None:
        self._progress.update(
            self._task, description=escape(text), completed=done, total=total, figures=f"{done}/{total}"
        )

    def close(self) -> None:
        self._progress.stop()


@contextlib.contextmanager
def display_for(out: Console, *, silent: bool = False) -> Iterator[Display]:
    """The display that fits where `out` goes."""
    shown: Display = SilentDisplay() if silent else TerminalDisplay(out) if out.is_terminal else PlainDisplay(out)
    with shown:
        yield shown
