"""The stage under bursts: nothing lost, no more at once than there is room for, and back after its emulator died."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.emulator.context import LANE_LABEL
from local.emulator_process import EmulatorError
from tests.e2e.running_stage import DEADLINE_S, SIZES_PX, RunningStage, folder, peak_vcpus, photograph
from tests.engine.stages import wait_until

BURST = 40
BURST_CUT_OFF = 12


def test_a_burst_loses_nothing_and_keeps_within_its_environments(stage: RunningStage) -> None:
    own = folder("burst")
    keys = [f"{own}/{number:02d}.jpg" for number in range(BURST)]
    body = photograph()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: stage.upload(key, body), keys))

    ended = stage.ended(keys)
    assert {key: [attempt.outcome for attempt in attempts] for key, attempts in ended.items()} == {
        key: ["succeeded"] for key in keys
    }
    assert_all_have_results(stage, keys)
    assert stage.ledger().set_aside == ()
    assert 1 <= peak_vcpus(stage.ledger().attempts) <= stage.max_vcpus()


def test_a_stage_whose_emulator_is_killed_in_a_burst_comes_back(stage: RunningStage, docker_engine: Any) -> None:
    own = folder("cut-off")
    keys = [f"{own}/{number:02d}.jpg" for number in range(BURST_CUT_OFF)]
    body = photograph()
    for key in keys[: BURST_CUT_OFF // 2]:
        stage.upload(key, body)
    wait_until("a container of the burst", lambda: bool(containers(docker_engine, stage)), deadline_s=DEADLINE_S)
    with ThreadPoolExecutor(2) as pool:
        rest = pool.map(lambda key: upload_if_it_can(stage, key, body), keys[BURST_CUT_OFF // 2 :])
        emulator = stage.lane.emulator.require()
        os.kill(emulator.pid, signal.SIGKILL)
        # those that came too late have failed, and nobody hangs
        list(rest)
    wait_until("the emulator's end", lambda: stage.lane.running() is None, deadline_s=DEADLINE_S)
    of_the_dead = containers(docker_engine, stage)

    up = stage.bring_up()

    assert up.made_anew_because == "the emulator was restarted and its account is empty"
    assert up.instance_id != emulator.instance_id
    assert not containers(docker_engine, stage) & of_the_dead
    for key in keys:
        stage.upload(key, body)
    ended = stage.ended(keys)
    assert [len(attempts) for attempts in ended.values()] == [1] * BURST_CUT_OFF
    assert_all_have_results(stage, keys)
    # the stage that came back is whole: the program finds nothing to do
    stage.lane.pulumi("preview", "--stack", "local", "--expect-no-changes")


def containers(docker_engine: Any, stage: RunningStage) -> set[str]:
    """Ids of all containers of the lane, running or not."""
    label = f"{LANE_LABEL}={stage.lane.name}"
    return {found["Id"] for found in docker_engine.api.containers(all=True, filters={"label": label})}


def upload_if_it_can(stage: RunningStage, key: str, body: bytes) -> bool:
    try:
        stage.upload(key, body)
    except (BotoCoreError, ClientError, EmulatorError):
        return False
    return True


def assert_all_have_results(stage: RunningStage, keys: Iterable[str]) -> None:
    """Every result of every photograph is there and decodes: none is missing, none torn."""
    with ThreadPoolExecutor(8) as pool:
        sizes = pool.map(stage.thumbnails, keys)
        assert {tuple(sorted(found)) for found in sizes} == {tuple(sorted(SIZES_PX))}
