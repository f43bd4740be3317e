"""An emulated Batch for every test, without Docker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.local.emulator.batch.fakes import EmulatedBatch


@pytest.fixture
def batch(tmp_path: Path) -> Iterator[EmulatedBatch]:
    emulated = EmulatedBatch(tmp_path)
    yield emulated
    emulated.close()


@pytest.fixture
def stage(batch: EmulatedBatch) -> EmulatedBatch:
    """With a queue `standard` on an environment of 4 vCPUs."""
    batch.queue(batch.environment())
    return batch
