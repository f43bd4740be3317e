"""Recorded stages: declared once a session, read by many tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.components import example
from tests.unit.components.mocked_engine import DIGEST, Recording, record

SOURCE_STACK = "organization/batchyard/dev"


@pytest.fixture(scope="session")
def example_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return example.write_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="session")
def stage(example_repository: Path) -> Recording:
    """The example stage: a new public VPC, every kind of environment, images built here."""
    return record(example.config(), stack="dev", repository=example_repository)


@pytest.fixture(scope="session")
def private_stage(example_repository: Path) -> Recording:
    """Private subnets with interface endpoints."""
    network = {"private": True, "egress": "interface-endpoints", "availability_zones": 3}
    return record(example.config(network=network, monitoring=None), stack="prod", repository=example_repository)


@pytest.fixture(scope="session")
def source_outputs(stage: Recording) -> dict[str, object]:
    """What the example stage exports, as the engine hands it to another stack: numbers are floats."""
    return {"stage": {**stage.outputs, "version": float(stage.outputs["version"])}}


@pytest.fixture(scope="session")
def promoted_stage(example_repository: Path, source_outputs: dict[str, object]) -> Recording:
    """A stage that takes its images from the example stage."""
    assert DIGEST
    return record(
        example.config(promote_from=SOURCE_STACK),
        stack="prod",
        repository=example_repository,
        stacks={SOURCE_STACK: source_outputs},
    )
