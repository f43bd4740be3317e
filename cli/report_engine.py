"""Where `batchyard report` works the figures out: `--engine`."""

from __future__ import annotations

import functools
from dataclasses import replace
from decimal import Decimal
from typing import Final, Literal, get_args

import typer

from reports.athena.place import Place
from reports.run import Question
from reports.stage import StageAccess, StageUnavailableError

EngineName = Literal["duckdb", "athena"]
ENGINES: Final = get_args(EngineName)


def chosen_engine(name: str) -> str:
    """The engine by its name. Raises typer.BadParameter."""
    if name not in ENGINES:
        raise typer.BadParameter(f"{name} is no engine; write one of {', '.join(ENGINES)}", param_hint="--engine")
    return name


def with_engine(asked: Question, access: StageAccess, *, engine: str, spend_limit: str) -> Question:
    """`asked`, to be worked out by `engine`. Raises StageUnavailableError without Athena or a ledger."""
    if engine != "athena":
        return asked
    if access.simulated:
        raise StageUnavailableError(f"stage {access.stage}: is emulated and has no Athena; leave --engine out")
    place = Place(
        stage=access.stage,
        bucket=access.ledger_bucket,
        client=functools.cache(access.client),
        spend_limit=Decimal(spend_limit),
    )
    return replace(asked, athena=place)
