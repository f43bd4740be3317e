"""Tables that triggers wait for: looked at before anything is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs.problems import Problems
from tests.unit.components import example, example_triggers
from tests.unit.components.mocked_engine import record

TABLE_CALL = "aws:dynamodb/getTable:getTable"


def recorded(tmp_path: Path, name: str) -> Any:
    repository = example.write_repository(tmp_path, {"changed": example_triggers.CHANGED})
    return record(example.config(tables={"orders": {"name": name}}), stack="dev", repository=repository)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", "tables.orders.name is missing, which DynamoDB doesn't show in us-east-1"),
        ("quiet-orders", "tables.orders.name is quiet-orders, which has no stream; triggers read a table's stream"),
        ("keys-orders", "is one that wants NewImage, and the stream of orders has KEYS_ONLY"),
    ],
)
def test_a_table_that_cannot_serve_stops_the_preview(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(Problems) as refused:
        recorded(tmp_path, name)
    (problem,) = refused.value
    assert said in str(problem)


def test_only_tables_that_a_trigger_names_are_looked_at(tmp_path: Path) -> None:
    repository = example.write_repository(tmp_path, {"resize": example.RESIZE})
    made = record(example.config(tables={"orders": {"name": "missing"}}), stack="dev", repository=repository)
    assert TABLE_CALL not in made.calls
