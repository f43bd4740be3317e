"""docs/features.md: every file and every test it names is there."""

from __future__ import annotations

import re

import pytest

from local.home import REPOSITORY

ROWS = [
    re.findall(r"`([\w/.-]+\.py)(?:::(\w+))?`", line)
    for line in (REPOSITORY / "docs" / "features.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and "`" in line
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[-1][-1])
def test_a_feature_has_a_file_and_a_test(row: list[tuple[str, str]]) -> None:
    (built, _), (shown, test) = row
    assert (REPOSITORY / built).is_file()
    assert f"def {test}(" in (REPOSITORY / shown).read_text(encoding="utf-8")
