"""What fits on a line: names shortened in one way, and a table's columns in a terminal's width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size

from reports.render.cells import TableView

GAP: Final = 2
"""Columns of a terminal between a table's columns."""
_LEAST_NAME: Final = 16
_LEAST_PROSE: Final = 24
_CUT: Final = "…"


def one_line(text: str) -> str:
    """`text` without line ends and what else a terminal or a page would act on."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def shorten(text: str, width: int) -> str:
    """At most `width` columns of a terminal: the middle goes, as names differ at their ends."""
    line = one_line(text)
    if cell_len(line) <= width:
        return line
    if width < 2:
        return _CUT[:width]
    ends = width - 1
    tail = ends // 2
    end = line[len(line) - tail :] if tail else ""
    while cell_len(end) > tail:
        end = end[1:]
    return f"{set_cell_size(line, ends - tail)}{_CUT}{end}"


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Which columns of a table are shown, and how wide. Sentences in `prose` fold, everything else is one line."""

    columns: tuple[int, ...]
    widths: tuple[int, ...]
    prose: frozenset[int]
    left_out: tuple[str, ...]


def fitted(view: TableView, width: int) -> Fitted:
    """Names and sentences give way down to a least width, then the last numbers are left out; no number is cut."""
    prose = frozenset(
        n
        for n, (_, align) in enumerate(view.columns)
        if n and align == "left" and any(" " in row[n].text for row in view.rows)
    )
    least, whole = [], []
    for n, (name, align) in enumerate(view.columns):
        cells = max((cell_len(one_line(row[n].text)) for row in view.rows), default=0)
        # a heading folds between its words
        heading = max((cell_len(word) for word in name.split()), default=0)
        whole.append(max(cells, cell_len(name)))
        bound = cells if align == "right" else _LEAST_PROSE if n in prose else _LEAST_NAME
        least.append(max(min(cells, bound), heading))
    shown = list(range(len(view.columns)))
    while len(shown) > 2 and _sum(least, shown) > width:
        numbers = [n for n in shown if view.columns[n][1] == "right"]
        shown.remove(numbers[-1] if len(numbers) > 1 else shown[-1])
    room = width - _sum(least, shown)
    widths = {n: least[n] for n in shown}
    for n in shown:
        wanted = whole[n] - least[n]
        # a number needs no room but its heading's, and that only whole
        more = min(room, wanted) if view.columns[n][1] == "left" else wanted if wanted <= room else 0
        widths[n] += more
        room -= more
    return Fitted(
        columns=tuple(shown),
        widths=tuple(widths[n] for n in shown),
        prose=prose,
        left_out=tuple(name for n, (name, _) in enumerate(view.columns) if n not in widths),
    )


def _sum(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[n] for n in shown) + GAP * (len(shown) - 1)
