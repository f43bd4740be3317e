"""docs/triggers.md: every example is a whole job that is accepted, and every kind of trigger has one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jobs.spec import parse_job
from jobs.spec.triggers import PART_WORDS

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "triggers.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_is_accepted(number: int) -> None:
    assert parse_job(EXAMPLES[number], Path("jobs") / "example").spec.triggers


def test_every_kind_has_an_example() -> None:
    shown = {trigger.kind for text in EXAMPLES for trigger in parse_job(text, Path("jobs") / "x").spec.triggers}
    assert shown == set(PART_WORDS)
