"""Batch without Docker: attempts that end as a test says, events in a list."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from moto.batch.models import batch_backends

from local.emulator.batch import BatchService, install
from local.emulator.batch.models import BatchyardBatchBackend
from local.emulator.batch.running import ESSENTIAL_EXITED, FAILED_TO_START, OUT_OF_MEMORY, Handle, Outcome, Plan
from local.emulator.capacity import Watcher
from local.emulator.context import ACCOUNT, EmulatorContext
from local.processes import wait_until

DEADLINE_S = 240.0
REGION = "us-east-1"
SPOT = {
    "type": "SPOT",
    "maxvCpus": 4,
    "subnets": ["subnet-1"],
    "securityGroupIds": ["sg-1"],
    "instanceRole": "arn:aws:iam::123456789012:instance-profile/instances",
    "instanceTypes": ["m5.large"],
    "allocationStrategy": "SPOT_PRICE_CAPACITY_OPTIMIZED",
}
ENDS = {
    "ok": Outcome(exit_code=0, reason=None, status_reason=ESSENTIAL_EXITED),
    "error": Outcome(exit_code=1, reason=None, status_reason=ESSENTIAL_EXITED),
    "oom": Outcome(exit_code=137, reason=OUT_OF_MEMORY, status_reason=ESSENTIAL_EXITED),
    "no-image": Outcome(
        exit_code=None, reason="CannotPullContainerError: manifest unknown", status_reason=FAILED_TO_START
    ),
}
KILLED = Outcome(exit_code=137, reason=None, status_reason=ESSENTIAL_EXITED)


class FakeRunner:
    """Ends an attempt as its image is called (see ENDS); `held` runs until `let_go` or until it is stopped."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.now_running = 0
        self.most_running = 0
        self.closed = 0
        self._lock = threading.Lock()
        self._held = threading.Event()

    def run(self, plan: Plan, handle: Handle, on_pulled: Callable[[], None], on_started: Callable[[], None]) -> Outcome:
        with self._lock:
            self.plans.append(plan)
            self.now_running += 1
            self.most_running = max(self.most_running, self.now_running)
        try:
            if plan.image == "no-image":
                return ENDS[plan.image]
            on_pulled()
            on_started()
            if plan.image == "held":
                wait_until(lambda: handle.stop_requested.is_set() or self._held.is_set(), timeout_s=DEADLINE_S)
                return KILLED if handle.stop_requested.is_set() else ENDS["ok"]
            return ENDS[plan.image]
        finally:
            with self._lock:
                self.now_running -= 1

    def stop(self, handle: Handle, grace_s: float) -> None:
        handle.stop_requested.set()

    def close(self) -> None:
        self.closed += 1

    def let_go(self) -> None:
        self._held.set()

    def hold(self) -> None:
        self._held.clear()


class Clock:
    """Seconds of the epoch, as a test says."""

    def __init__(self, start: datetime) -> None:
        self.set(start)

    def set(self, now: datetime) -> None:
        self.now_s = now.timestamp()

    def __call__(self) -> float:
        return self.now_s


class SlowRunner(FakeRunner):
    """Finds the image after 7 s, starts the container 3 s later, and needs 5 s to stop when it is asked to."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def run(self, plan: Plan, handle: Handle, on_pulled: Callable[[], None], on_started: Callable[[], None]) -> Outcome:
        def after(seconds: float, then: Callable[[], None]) -> Callable[[], None]:
            def late() -> None:
                self.clock.now_s += seconds
                then()

            return late

        outcome = super().run(plan, handle, after(7, on_pulled), after(3, on_started))
        if handle.stop_requested.is_set():
            self.clock.now_s += 5
        return outcome


class EmulatedBatch:
    """The installed service with a fake runner; small words for what the tests do with it."""

    def __init__(
        self,
        folder: Path,
        *,
        second_scale: float = 1.0,
        wall_s: Callable[[], float] = time.time,
        watchers: Sequence[Watcher] = (),
    ) -> None:
        self.runner = FakeRunner()
        self.events: list[Mapping[str, Any]] = []
        self.context = EmulatorContext(
            lane_folder=folder,
            lane="test",
            endpoint="http://127.0.0.1:1",
            container_endpoint="http://host.docker.internal:1",
            registry="localhost:2",
            second_scale=second_scale,
            watchers=list(watchers),
        )
        self.service: BatchService = install(
            self.context, runner=self.runner, publish=self.events.append, wall_s=wall_s
        )

    @property
    def backend(self) -> BatchyardBatchBackend:
        registry: Any = batch_backends
        backend: BatchyardBatchBackend = registry[ACCOUNT][REGION]
        return backend

    def environment(self, name: str = "spot", **resources: Any) -> str:
        body = {"computeEnvironmentName": name, "type": "MANAGED", "computeResources": {**SPOT, **resources}}
        return self.backend.create_environment(body).arn

    def queue(self, *environments: str, name: str = "standard", priority: int = 1, **more: Any) -> str:
        order = [{"order": place, "computeEnvironment": arn} for place, arn in enumerate(environments)]
        body = {"jobQueueName": name, "priority": priority, "computeEnvironmentOrder": order, **more}
        return self.backend.create_queue(body).arn

    def define(self, image: str, *, name: str | None = None, memory: int = 512, vcpus: int = 1, **more: Any) -> str:
        requirements = [{"type": "VCPU", "value": str(vcpus)}, {"type": "MEMORY", "value": str(memory)}]
        container = {"image": image, "resourceRequirements": requirements, **more.pop("container", {})}
        body = {
            "jobDefinitionName": name or image,
            "type": "container",
            "containerProperties": container,
            **more,
        }
        return self.backend.register(body).arn

    def submit(self, definition: str, *, queue: str = "standard", name: str = "job", **more: Any) -> str:
        body = {"jobName": name, "jobQueue": queue, "jobDefinition": definition, **more}
        return self.backend.submit(body).id

    def describe(self, job_id: str) -> dict[str, Any]:
        with self.backend.store.lock:
            return self.backend.store.jobs[job_id].describe()

    def wait_for(self, job_id: str, *statuses: str) -> dict[str, Any]:
        """The job once it is in one of `statuses` (SUCCEEDED or FAILED)."""
        wanted = statuses or ("SUCCEEDED", "FAILED")
        assert wait_until(lambda: self.describe(job_id)["status"] in wanted, timeout_s=DEADLINE_S, poll_s=0.002), (
            f"job {job_id} didn't become {' or '.join(wanted)}; it is {self.describe(job_id)}"
        )
        return self.describe(job_id)

    def statuses(self, job_id: str) -> list[str]:
        """The statuses EventBridge was told of."""
        return [
            event["detail"]["status"]
            for event in self.events
            if event["detail"]["jobId"] == job_id and event["detail-type"] == "Batch Job State Change"
        ]

    def close(self) -> None:
        self.runner.let_go()
        self.service.close()
