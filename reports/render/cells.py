"""What tables are made of: cells with their text and value, columns with the headings of people and of programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from reports.model import words
from reports.model.report import Report

Align = Literal["left", "right"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`text` is what people read; `value` is what sorting and spreadsheets take."""

    text: str
    value: str | float | int | None


@dataclass(frozen=True, kw_only=True)
class TableView:
    """`key` names it in files and anchors."""

    key: str
    title: str
    note: str
    columns: tuple[tuple[str, Align], ...]
    headings: tuple[str, ...]
    """What programs call the columns, with their units: `cost_usd`, `wait_p50_s`; shares and ratios have none."""
    rows: tuple[tuple[Cell, ...], ...]
    total: int | None = None
    """Which of the rows is the sum of the others."""


def text(text: str) -> Cell:
    return Cell(text=text, value=text)


def money(nano: int | None, report: Report) -> Cell:
    return Cell(text=words.money(nano, report.currency), value=None if nano is None else nano / 1e9)


def signed(nano: int, report: Report) -> Cell:
    return Cell(text=words.signed(nano, report.currency), value=nano / 1e9)


def count(number: int) -> Cell:
    return Cell(text=words.count(number), value=number)


def share(value: float | None) -> Cell:
    return Cell(text=words.share(value), value=value)


def change(now: int | None, before: int | None) -> Cell:
    """Against the period before; a value where there is a proportion."""
    known = now is not None and before is not None and now >= 0 < before
    return Cell(text=words.change(now, before), value=now / before - 1 if known else None)  # type: ignore[operator]


def unit_price(nano: float | None, report: Report) -> Cell:
    return Cell(text=words.unit_price(nano, report.currency), value=None if nano is None else nano / 1e9)


def written(value: float | None, write: Callable[[float | None], str]) -> Cell:
    return Cell(text=write(value), value=value)


def table(
    report: Report,
    key: str,
    title: str,
    note: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    left: int = 1,
) -> TableView:
    """`columns` are `name|heading`, or both in one; `$` in a heading is the currency."""
    named = [column.partition("|") for column in columns]
    return TableView(
        key=key,
        title=title,
        note=note,
        columns=tuple((name, "left" if n < left else "right") for n, (name, _, _) in enumerate(named)),
        headings=tuple((heading or name).replace("$", report.currency.lower()) for name, _, heading in named),
        rows=tuple(tuple(row) for row in rows),
    )
