"""Accounts for the scheduled report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.unit.reports.weekly_account import FILES, REPORTS, Account, Published, made_account
from tests.worlds.ledger import Delivery, write
from tests.worlds.world import Made, World, make


@pytest.fixture(scope="module")
def week_world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Path]:
    made = make(World(seed=3, start=date(2025, 11, 3), days=14, instances=4, fargate_attempts=25))
    folder = tmp_path_factory.mktemp("objects")
    write(made, folder, stage="prod", delivery=Delivery(bad_lines=2, late=0))
    return made, folder


@pytest.fixture
def account(week_world: tuple[Made, Path]) -> Iterator[Account]:
    with made_account(week_world[0], None) as account:
        yield account


@pytest.fixture(scope="module")
def published(week_world: tuple[Made, Path], tmp_path_factory: pytest.TempPathFactory) -> Published:
    """What one run with everything there is has left."""
    with made_account(*week_world) as account:
        report = account.run(tmp_path_factory.mktemp("scratch"))
        assert account.published() == FILES
        keys = account.keys("weekly/")
        answers = {key: account.clients["s3"].get_object(Bucket=REPORTS, Key=key) for key in keys}
        objects = {
            key.rpartition("/")[2]: (str(one["ContentType"]), bytes(one["Body"].read())) for key, one in answers.items()
        }
        return Published(made=week_world[0], report=report, heard=account.heard(), objects=objects)
