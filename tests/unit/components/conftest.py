"""Recorded stages: declared once a session, read by many tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from components import job_triggers
from tests.unit.components import example, example_results, example_triggers
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
def reporting_stage(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A private stage with a reports bucket, its topic, and a job that uses both."""
    repository = example.write_repository(
        tmp_path_factory.mktemp("reporting"), {"resize": example.RESIZE, "summary": example.SUMMARY}
    )
    for name in ("shared/words.py", "shared/tests/test_words.py", "tools/one.py", "tools/two.py"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(f"# {name}\n")
    config = example.config(
        network={"private": True, "egress": "interface-endpoints", "availability_zones": 2},
        buckets={"uploads": {}, "results": {}, "reports": {}},
        monitoring={"report_topic": True, "email": "ops@example.org"},
        budgets={"stage_per_month": 400.5, "owners_per_month": {"media": 120}},
    )
    return record(config, stack="dev", repository=repository)


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A stage with every kind of trigger, at the beginning of 2026."""
    repository = example.write_repository(tmp_path_factory.mktemp("kinds"), example_triggers.JOBS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job_triggers, "datetime", example_triggers.Clock)
        return record(example.config(**example_triggers.SOURCES), stack="dev", repository=repository)


@pytest.fixture(scope="session")
def results_stage(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A stage whose jobs leave results of every kind."""
    repository = example_results.write(tmp_path_factory.mktemp("results"))
    return record(example.config(), stack="dev", repository=repository)


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
