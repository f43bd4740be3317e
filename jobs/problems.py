"""Mistakes in what people write: place, got, allowed, remedy; collected, so that one run shows all of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_PLACE = re.compile(r"^(?P<file>.*?)(?::(?P<line>\d+))?(?:: (?P<key>.*))?$", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake. Its text is `<place> is <got>; <allowed>; <remedy>`, so `got` reads on after "is".

    >>> str(Problem(place="jobs/x/job.yaml:7: retry.attempts", got="12", allowed="Batch allows 1–10", remedy="write 3"))
    'jobs/x/job.yaml:7: retry.attempts is 12; Batch allows 1–10; write 3'
    """

    place: str
    """File, line where known, key: `jobs/x/job.yaml:7: retry.attempts`."""
    got: str
    allowed: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place} is {self.got}; {self.allowed}; {self.remedy}"

    @property
    def file(self) -> str:
        """The part of the place before the line and the key."""
        match = _PLACE.match(self.place)
        return match["file"] if match else self.place

    @property
    def line(self) -> int | None:
        match = _PLACE.match(self.place)
        return int(match["line"]) if match and match["line"] else None


class Problems(Exception):
    """All problems of one run, in the order of their files and lines; its text has one a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(
            sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line or 0))
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.problems)

    def __len__(self) -> int:
        return len(self.problems)

    def __bool__(self) -> bool:
        return True


def one_problem(place: str, got: str, allowed: str, remedy: str) -> Problems:
    """To raise where the first mistake leaves nothing more to look at."""
    return Problems([Problem(place=place, got=got, allowed=allowed, remedy=remedy)])


def raise_any(problems: Iterable[Problem]) -> None:
    """Raises Problems when there is at least one."""
    found = list(problems)
    if found:
        raise Problems(found)


def place(file: str, key: str = "", line: int | None = None) -> str:
    """`jobs/x/job.yaml:7: retry.attempts`, without what isn't known."""
    where = file if line is None else f"{file}:{line}"
    return f"{where}: {key}" if key else where


def listing(words: Iterable[str], *, none: str = "none", limit: int = 20) -> str:
    """`a, b, c`; what is past the limit is counted, not shown."""
    known = sorted(words)
    if not known:
        return none
    shown = ", ".join(known[:limit])
    return shown if len(known) <= limit else f"{shown} and {len(known) - limit} more"


def suggestion(word: str, among: Iterable[str], *, otherwise: str) -> str:
    """A remedy: the close match where there is one."""
    close = difflib.get_close_matches(word[:80], sorted(among), n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else otherwise
