"""docs/ledger.md names every column there is."""

from __future__ import annotations

from typing import get_args

from jobs import conventions
from local.home import REPOSITORY
from reports.model.attempt import NOT_IN_LEDGER, Outcome
from reports.model.tables import ATTEMPTS

DOCUMENT = (REPOSITORY / "docs" / "ledger.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return DOCUMENT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(text: str) -> list[str]:
    return [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]


def test_rows_have_the_columns_of_the_document() -> None:
    assert first_cells(section("`attempts/`")) == list(conventions.ATTEMPT_COLUMNS)
    assert all(f"| `{column}` | `{path}` |" in DOCUMENT for column, path in conventions.ATTEMPT_PATHS.items())
    assert first_cells(section("`usage/`")) == list(conventions.USAGE_COLUMNS)
    assert first_cells(section("`ecs/`")) == list(conventions.ECS_COLUMNS)
    assert all(f"| `{column}` | `{path}` |" in section("`ecs/`") for column, path in conventions.ECS_PATHS.items())


def test_outcomes_and_the_table_are_the_codes() -> None:
    reader = section("What the reader makes of them")
    assert set(first_cells(reader.partition("###")[0])) == set(get_args(Outcome))
    assert ATTEMPTS.markdown() in DOCUMENT
    assert all(f"`{column}`" in reader for column in NOT_IN_LEDGER)
