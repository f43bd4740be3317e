from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.lane import Lane, PulumiError
from local.stage import StackFiles, StageBusyError, bring_down, bring_up, run_pulumi

# an engine that keeps its state where the real one does, and notes what it was asked
ENGINE = """
import json, os, pathlib, signal, sys
from urllib.parse import urlsplit
arguments = [word for word in sys.argv[1:] if word != "--non-interactive"]
state = pathlib.Path(urlsplit(os.environ["PULUMI_BACKEND_URL"]).path)
stacks = state / ".pulumi" / "stacks" / "batchyard"
with (state / "calls").open("a") as calls:
    calls.write(" ".join(arguments[:2]) + "\\n")
if os.environ.get("HANGS") == arguments[0]:
    def interrupted(*_):
        (state / "interrupted").touch()
        sys.exit(255)
    signal.signal(signal.SIGINT, interrupted)
    print("hanging", flush=True)
    signal.pause()
if os.environ.get("FAILS") == arguments[0]:
    print("error: no such instance type")
    sys.exit(255)
if arguments[:2] == ["stack", "init"]:
    stacks.mkdir(parents=True, exist_ok=True)
    (stacks / "local.json").write_text(json.dumps({"checkpoint": {"latest": {}}}))
elif arguments[:2] == ["stack", "output"]:
    print(json.dumps({"stage": {"version": 1}}))
else:
    print(f"{arguments[0]} done")
"""


@pytest.fixture
def lane(fake_lane: Lane) -> Lane:
    pulumi = fake_lane.home.bin / "pulumi"
    pulumi.write_text(f"#!{sys.executable}\n{ENGINE}")
    pulumi.chmod(0o755)
    return fake_lane


def calls(lane: Lane) -> list[str]:
    return (lane.root / "state" / "calls").read_text().splitlines()


def files_of(lane: Lane) -> StackFiles:
    return StackFiles(lane=lane, stack="local")


def write_lock(lane: Lane, pid: int) -> Path:
    lock = lane.root / "state" / ".pulumi" / "locks" / "organization" / "batchyard" / "local" / "1.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps({"pid": pid, "username": "somebody"}))
    return lock


def set_pending(lane: Lane) -> None:
    operation = {"resource": {"urn": "urn:pulumi:local::batchyard::aws:s3/bucket:Bucket::uploads"}, "type": "creating"}
    content = {"checkpoint": {"latest": {"pending_operations": [operation]}}}
    files_of(lane).checkpoint.write_text(json.dumps(content))


def test_a_stage_is_brought_up_and_its_outputs_are_read(lane: Lane) -> None:
    said: list[str] = []
    printed: list[str] = []
    stage = bring_up(lane, report=said.append, line=printed.append)
    assert stage.outputs == {"stage": {"version": 1}}
    assert stage.endpoint == lane.endpoint
    assert stage.made_anew_because is None
    assert (said, printed) == ([], ["up done"])
    assert (lane.root / "env").exists()


def test_a_second_time_keeps_the_stack_and_the_emulator(lane: Lane) -> None:
    first = bring_up(lane)
    again = bring_up(lane)
    assert again.instance_id == first.instance_id
    assert calls(lane).count("stack init") == 1


def test_a_restarted_emulator_is_noticed(lane: Lane) -> None:
    first = bring_up(lane)
    lane.stop()
    said: list[str] = []
    again = bring_up(lane, report=said.append)
    assert again.instance_id != first.instance_id
    assert said == ["the emulator was restarted and its account is empty; bringing the stage up from nothing"]
    assert calls(lane).count("stack init") == 2


def test_an_engine_killed_hard_is_noticed_and_gets_an_empty_account(lane: Lane) -> None:
    first = bring_up(lane)
    set_pending(lane)
    again = bring_up(lane, report=lambda _: None)
    assert again.made_anew_because == "an engine was killed in the middle of 1 operation"
    assert again.instance_id != first.instance_id


def test_a_half_written_state_is_noticed(lane: Lane) -> None:
    bring_up(lane)
    files_of(lane).checkpoint.write_text('{"checkpoint": {"lat')
    assert bring_up(lane, report=lambda _: None).made_anew_because == "the stack's state isn't whole"


def test_an_update_that_failed_is_gone_on_with(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILS", "up")
    with pytest.raises(PulumiError, match="no such instance type"):
        bring_up(lane)
    monkeypatch.delenv("FAILS")
    assert bring_up(lane).made_anew_because is None


def test_the_lock_of_an_engine_that_died_is_removed(lane: Lane) -> None:
    bring_up(lane)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (ended.pid, os.getpid()):  # the number of the other belongs to a program that is no engine
        lock = write_lock(lane, pid)
        assert bring_up(lane).made_anew_because is None
        assert not lock.exists()


def test_a_working_engine_is_not_disturbed(lane: Lane, tmp_path: Path) -> None:
    bring_up(lane)
    engine = tmp_path / "pulumi"
    engine.symlink_to("/bin/sh")
    process = subprocess.Popen(
        [str(engine), "-c", "echo ready; read wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        lock = write_lock(lane, process.pid)
        with pytest.raises(StageBusyError, match=f"stack local: pulumi \\(process {process.pid}\\) is changing it"):
            bring_up(lane)
        assert lock.exists()
    finally:
        process.communicate(b"\n", timeout=240)


def test_an_interruption_reaches_the_engine_once_and_is_waited_for(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    lane.start()
    monkeypatch.setenv("HANGS", "up")

    def interrupt(line: str) -> None:
        if line == "hanging":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_pulumi(lane, "up", line=interrupt)
    assert (lane.root / "state" / "interrupted").exists()


def test_down_destroys_what_is_there(lane: Lane) -> None:
    bring_up(lane)
    said: list[str] = []
    bring_down(lane, report=said.append)
    assert calls(lane)[-1] == "destroy --yes"
    assert said == ["the stage is destroyed", "lane t is stopped"]
    assert lane.running() is None
    assert not files_of(lane).checkpoint.exists()


def test_down_without_an_emulator_drops_the_state(lane: Lane) -> None:
    bring_up(lane)
    lane.stop()
    said: list[str] = []
    bring_down(lane, report=said.append)
    assert said == ["the emulator isn't running, so nothing is left to destroy", "lane t is stopped"]
    assert "destroy --yes" not in calls(lane)
    assert not files_of(lane).checkpoint.exists()


def test_down_after_an_engine_was_killed_drops_the_account(lane: Lane) -> None:
    bring_up(lane)
    set_pending(lane)
    said: list[str] = []
    bring_down(lane, report=said.append)
    assert said[0] == "an engine was killed in the middle of 1 operation; its account is dropped with the emulator"
    assert lane.running() is None
