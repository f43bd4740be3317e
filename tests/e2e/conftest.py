"""One local stage for all end-to-end tests: the repository's own program and jobs, in a lane of the session's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from local.lane import Lane
from tests.e2e.running_stage import RunningStage

# Timeouts of the shipped jobs are 600 emulated seconds: at a twentieth of a second each, a busy machine would need
# longer than that for a run that is all right.
SECOND_SCALE = 0.2


@pytest.fixture(scope="session")
def stage_of_session(docker_engine: Any, make_lane: Callable[..., Lane]) -> RunningStage:
    """The lane's emulator runs; nothing is brought up in it yet."""
    return RunningStage(lane=make_lane(second_scale=SECOND_SCALE))


@pytest.fixture
def stage(stage_of_session: RunningStage) -> RunningStage:
    """The stage, up."""
    stage_of_session.ensure_up()
    return stage_of_session
