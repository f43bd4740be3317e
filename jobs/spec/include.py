"""`include`: what of the repository, beside the job's folder, its image is built from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

from jobs.problems import Problem
from jobs.spec.base import each_once, refuse

GENERATED: Final = ".batchyard"
"""What Batchyard makes lies there: build contexts, downloads, state."""


def _relative(text: str) -> str:
    remedy = "write a path such as reports or jobs/conventions.py"
    path = PurePosixPath(text)
    if path.is_absolute() or text.startswith("~"):
        raise refuse(f"{text[:60]!r}", "a path is relative to the repository", remedy)
    if ".." in path.parts:
        raise refuse(f"{text[:60]!r}", "a path stays in the repository, without ..", remedy)
    if "\\" in text or not text.isprintable():
        raise refuse(f"{text[:60]!r}", "the parts of a path are separated by /", remedy)
    if not path.parts:
        raise refuse(f"{text[:60]!r}", "a path names one folder or file below the repository", remedy)
    if path.parts[0] == GENERATED:
        raise refuse(f"{text[:60]!r}", f"what is under {GENERATED} is made, and not the same everywhere", remedy)
    return path.as_posix()


IncludedPath = Annotated[str, StringConstraints(strict=True, max_length=300), AfterValidator(_relative)]


def overlapping(include: tuple[str, ...]) -> tuple[str, ...]:
    """The paths, when none is in another."""
    for position, text in enumerate(each_once(include, "path", quoted=True)):
        for other in include[:position]:
            inner, outer = sorted((PurePosixPath(text), PurePosixPath(other)), key=lambda path: -len(path.parts))
            if inner.is_relative_to(outer):
                raise refuse(
                    f"{text[:60]!r} beside {other[:60]!r}",
                    f"a folder brings all that is in it, {inner} too",
                    f"remove {inner}",
                    key=(position,),
                )
    return include


def absent(include: tuple[str, ...], repository: Path, place_of: Callable[[int], str]) -> list[Problem]:
    """Paths that aren't there, or that lead out of the repository; `place_of` gives the place of an entry."""
    problems = []
    root = repository.resolve()
    for position, text in enumerate(include):
        path = repository / text
        if not path.exists():
            got, remedy = f"{text}, which doesn't exist", "correct the path, or remove it"
        elif not path.resolve().is_relative_to(root):
            got, remedy = f"{text}, a link out of the repository", "put the files themselves there"
        else:
            continue
        allowed = "it is a folder or file of the repository"
        problems.append(Problem(place=place_of(position), got=got, allowed=allowed, remedy=remedy))
    return problems
