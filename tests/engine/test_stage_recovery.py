"""The real engine on a lane of its own: up, up again, an engine killed hard, an emulator that was restarted."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.home import REPOSITORY
from local.lane import Lane
from local.processes import wait_until
from local.stage import StackFiles, bring_down, bring_up

PROGRAM = """
import sys

import pulumi
import pulumi_aws as aws

bucket = aws.s3.Bucket("uploads", bucket="recovery-uploads", force_destroy=True)
pulumi.export("python", sys.executable)
pulumi.export("bucket", bucket.bucket)
"""
TIMEOUT_S = 240


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: batchyard\nruntime: python\n")
    config = (REPOSITORY / "Pulumi.local.yaml").read_text().splitlines(keepends=True)
    kept = [line for line in config if line.startswith(("config:", "  aws:", "encryptionsalt:"))]
    (tmp_path / "Pulumi.local.yaml").write_text("".join(kept))
    (tmp_path / "__main__.py").write_text(PROGRAM)
    return tmp_path


@pytest.fixture
def own_lane(make_lane: Callable[..., Lane]) -> Lane:
    return make_lane(start=False)


def buckets(lane: Lane) -> list[str]:
    return [bucket["Name"] for bucket in lane.client("s3").list_buckets()["Buckets"]]


def test_a_stage_survives_its_emulator_and_its_engine(own_lane: Lane, program: Path) -> None:
    lane = own_lane
    first = bring_up(lane, cwd=program)
    # the language host runs programs on the first Python of PATH: that must be the locked one
    assert Path(first.outputs["python"]).parent == lane.home.python.parent
    assert buckets(lane) == ["recovery-uploads"]
    config = (program / "Pulumi.local.yaml").read_text()

    preview = lane.pulumi("preview", "--stack", "local", "--expect-no-changes", cwd=program)
    assert "unchanged" in preview.stdout

    lane.emulator.stop()
    again = bring_up(lane, cwd=program, report=lambda _: None)
    assert again.made_anew_because == "the emulator was restarted and its account is empty"
    assert buckets(lane) == ["recovery-uploads"]

    kill_the_engine_in_the_middle(lane, program)
    recovered = bring_up(lane, cwd=program, report=lambda _: None)
    assert recovered.made_anew_because is not None
    assert "an engine was killed in the middle of" in recovered.made_anew_because
    assert buckets(lane) == ["recovery-uploads"]
    assert recovered.outputs["bucket"] == "recovery-uploads"

    bring_down(lane, cwd=program, report=lambda _: None)
    assert lane.running() is None
    assert (program / "Pulumi.local.yaml").read_text() == config


def kill_the_engine_in_the_middle(lane: Lane, program: Path) -> None:
    """Stops the emulator's clock, lets the engine wait for a bucket, and kills it."""
    lane.client("s3").delete_bucket(Bucket="recovery-uploads")
    lane.pulumi("refresh", "--yes", "--stack", "local", cwd=program)
    files = StackFiles(lane=lane, stack="local")
    emulator = lane.emulator.require()
    environ: dict[str, Any] = lane.environ()
    os.kill(emulator.pid, signal.SIGSTOP)
    try:
        engine = subprocess.Popen(
            [lane.engine(environ), "--non-interactive", "up", "--yes", "--skip-preview", "--stack", "local"],
            cwd=program,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert wait_until(lambda: bool(files.pending_operations()), timeout_s=TIMEOUT_S), "no operation began"
        engine.kill()
        engine.wait()
    finally:
        os.kill(emulator.pid, signal.SIGCONT)
