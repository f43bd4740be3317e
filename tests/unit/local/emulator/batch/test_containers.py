"""What happens when Docker stumbles: nothing of a job is lost. (On a real engine: tests/e2e/test_batch_emulator.py.)"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker.errors
import docker.types
import pytest
import requests

from local.emulator.batch.containers import ContainerRunner
from local.emulator.batch.logs import LogShipper
from local.emulator.batch.running import Handle, Outcome, Plan
from local.emulator.context import EmulatorContext
from tests.unit.local.emulator.batch.test_logs import FakeLogs

BROKEN = requests.exceptions.ConnectionError("the engine went away")


class Output:
    def __init__(self, chunks: list[tuple[bytes | None, bytes | None]], breaks: bool) -> None:
        self._chunks = chunks
        self._breaks = breaks

    def __iter__(self) -> Iterator[tuple[bytes | None, bytes | None]]:
        yield from self._chunks
        if self._breaks:
            raise BROKEN

    def close(self) -> None:
        pass


class FakeDocker:
    """Docker's API client as far as one attempt needs it."""

    def __init__(self) -> None:
        self.present = True
        self.chunks: list[tuple[bytes | None, bytes | None]] = [(b"one\ntwo\n", None)]
        self.breaks = False
        self.stdout, self.stderr = b"one\ntwo\n", b""
        # what `wait` answers, in order; an exception is raised
        self.waits: list[Any] = [0]
        self.oom: list[bool] = [False]
        self.start_error: Exception | None = None
        self.created: list[dict[str, Any]] = []
        self.removed: list[str] = []

    def inspect_image(self, image: str) -> None:
        if not self.present:
            raise docker.errors.ImageNotFound(image)

    def pull(self, image: str, *, stream: bool, decode: bool) -> list[dict[str, str]]:
        return [{"status": "Pulling"}, {"error": "manifest unknown"}]

    def create_host_config(self, **options: Any) -> dict[str, Any]:
        return options

    def create_container(self, **options: Any) -> dict[str, str]:
        self.created.append(options)
        return {"Id": "c1"}

    def attach(self, container: str, *, stream: bool, demux: bool) -> Output:
        return Output(self.chunks, self.breaks)

    def start(self, container: str) -> None:
        if self.start_error is not None:
            raise self.start_error

    def wait(self, container: str, *, timeout: None) -> dict[str, int]:
        answer = self.waits.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"StatusCode": answer}

    def inspect_container(self, container: str) -> dict[str, Any]:
        return {"State": {"OOMKilled": self.oom.pop(0) if len(self.oom) > 1 else self.oom[0]}}

    def logs(self, container: str, *, stdout: bool = True, stderr: bool = True) -> bytes:
        return self.stdout if stdout else self.stderr

    def remove_container(self, container: str, *, force: bool, v: bool) -> None:
        self.removed.append(container)


class Bench:
    """A runner on a fake engine."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.docker = FakeDocker()
        self.logs = FakeLogs("group")
        self.pulled = threading.Event()
        self.started = threading.Event()
        context = EmulatorContext(
            lane_folder=folder,
            lane="test",
            endpoint="http://127.0.0.1:1",
            container_endpoint="http://host.docker.internal:1",
            bridge_address="172.17.0.1",
            registry="localhost:2",
        )
        self.shipper = LogShipper(lambda: self.logs)
        self.runner = ContainerRunner(context, self.shipper, lambda service: None)
        monkeypatch.setattr(self.runner, "_api", lambda: self.docker)

    def run(self, *, stopped: bool = False) -> Outcome:
        handle = Handle()
        if stopped:
            handle.stop_requested.set()
        plan = Plan(
            name="batchyard-test-1",
            job_id="1",
            attempt=1,
            image="localhost:2/x@sha256:0",
            command=("--key", "a b"),
            environment={"A": "1"},
            memory_mib=256,
            vcpus=0.5,
            log_group="group",
            log_stream="x/default/1",
            creates_log_group=False,
        )
        outcome = self.runner.run(plan, handle, self.pulled.set, self.started.set)
        assert handle.done.is_set()
        assert handle.settled.is_set()
        return outcome


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(tmp_path, monkeypatch)
    yield made
    made.shipper.close()


def test_limits_labels_and_arguments_reach_docker(bench: Bench, tmp_path: Path) -> None:
    assert bench.run() == Outcome(exit_code=0, reason=None, status_reason="Essential container in task exited")
    (created,) = bench.docker.created
    assert created["command"] == ["--key", "a b"]
    assert created["environment"] == {"A": "1"}
    host = created["host_config"]
    assert (host["mem_limit"], host["memswap_limit"], host["cpu_shares"]) == ("256m", "256m", 512)
    assert host["extra_hosts"] == {"host.docker.internal": "172.17.0.1"}
    assert created["labels"]["batchyard.lane"] == "test"
    assert created["labels"]["batchyard.lane-folder"] == str(tmp_path)
    assert bench.logs.messages == ["one", "two"]
    assert bench.docker.removed == ["c1"]


def test_a_broken_stream_loses_no_line(bench: Bench) -> None:
    bench.docker.chunks = [(b"one\ntw", b"err\n")]
    bench.docker.breaks = True
    bench.docker.stdout, bench.docker.stderr = b"one\ntwo\nthree", b"err\nend\n"
    assert bench.run().exit_code == 0
    assert bench.logs.messages == ["one", "err", "two", "three", "end"]


def test_an_engine_that_comes_back_is_asked_again(bench: Bench) -> None:
    bench.docker.waits = [BROKEN, docker.errors.APIError("busy"), 3]
    assert bench.run().exit_code == 3


def test_a_container_removed_from_outside(bench: Bench) -> None:
    bench.docker.waits = [docker.errors.NotFound("gone")]
    outcome = bench.run()
    assert outcome.exit_code is None
    assert outcome.reason == "CannotInspectContainerError: the container was removed from outside"


def test_an_out_of_memory_kill_told_late_is_still_one(bench: Bench) -> None:
    bench.docker.waits, bench.docker.oom = [137], [False, True]
    assert bench.run().reason == "OutOfMemoryError: Container killed due to memory usage"


def test_a_mere_kill_has_no_reason(bench: Bench) -> None:
    bench.docker.waits = [137]
    assert bench.run() == Outcome(exit_code=137, reason=None, status_reason="Essential container in task exited")


def test_a_killed_child_of_a_job_that_ends_well_is_its_own_affair(bench: Bench) -> None:
    bench.docker.oom = [True]
    assert bench.run().reason is None


def test_an_image_nobody_has(bench: Bench) -> None:
    bench.docker.present = False
    outcome = bench.run()
    assert outcome == Outcome(
        exit_code=None, reason="CannotPullContainerError: manifest unknown", status_reason="Task failed to start"
    )
    assert not bench.pulled.is_set()
    assert bench.docker.created == []
    assert not bench.started.is_set()


def test_a_program_that_is_not_there(bench: Bench) -> None:
    bench.docker.start_error = docker.errors.APIError("x", explanation='exec: "nope": not found')
    outcome = bench.run()
    assert outcome.reason == 'CannotStartContainerError: Error response from daemon: exec: "nope": not found'
    assert bench.docker.removed == ["c1"]
    assert not bench.started.is_set()


def test_what_is_stopped_before_it_starts_makes_no_container(bench: Bench) -> None:
    assert bench.run(stopped=True).status_reason == "Task failed to start"
    assert bench.docker.created == []


def test_without_an_engine_the_job_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise docker.errors.DockerException("Error while fetching server API version: no such file")

    monkeypatch.setattr(bench.runner, "_api", absent)
    assert bench.run().reason == ("CannotCreateContainerError: Error while fetching server API version: no such file")
