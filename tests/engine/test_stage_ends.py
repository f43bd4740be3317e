"""The ends of a stage: destroyed with nothing left, and cut off in the middle of coming up."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from local.lane import Lane
from tests.engine.stages import DEADLINE_S, Project, everything, stages_vpcs, wait_until


def test_destroy_leaves_the_emulator_empty(
    make_lane: Callable[..., Lane], docker_engine: object, tmp_path: Path
) -> None:
    lane = make_lane()
    before = everything(lane)
    stack = Project.create(tmp_path / "project", lane).stack("ends")
    stage = stack.up()
    made = everything(lane)
    bodies = {"uploads": b"not for a trigger", "results": b"first", "ledger": b"{}\n"}
    for bucket, body in bodies.items():
        lane.client("s3").put_object(Bucket=stage["buckets"][bucket], Key="some/object.bin", Body=body)
    lane.client("s3").put_object(Bucket=stage["buckets"]["results"], Key="some/object.bin", Body=b"second version")

    stack.destroy()

    assert set(made) >= {
        "ec2 vpcs", "iam roles", "batch environments", "batch queues", "batch definitions", "ecs clusters",
        "ecr repositories", "s3 buckets", "events rules", "scheduler schedules", "scheduler groups", "sqs queues",
        "sns topics", "firehose streams", "log groups", "alarms",
    }  # fmt: skip
    assert everything(lane) == before == {}
    assert stack.resources() == []
    lane.remove()


def test_an_up_that_is_interrupted_is_completed_by_the_next(lane: Lane, tmp_path: Path) -> None:
    stack = Project.create(tmp_path / "project", lane).stack("cut")
    engine = stack.start_up()
    try:
        wait_until(
            "the stage's VPC, or the end of `pulumi up`",
            lambda: bool(stages_vpcs(lane, "cut")) or engine.poll() is not None,
        )
        # an engine that was faster than this has nothing to interrupt, and the rest must hold all the same
        if engine.poll() is None:
            engine.send_signal(signal.SIGINT)
        output, _ = engine.communicate(timeout=DEADLINE_S)
    finally:
        if engine.poll() is None:
            engine.kill()
            engine.wait()
    assert "Traceback" not in output

    stage = stack.up()

    stack.pulumi("preview", "--expect-no-changes")
    assert len(stages_vpcs(lane, "cut")) == 1
    assert set(stage["images"]) == {"echo", "count"}
    stack.destroy()
