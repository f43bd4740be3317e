"""What the emulated Batch takes of EC2 and Fargate, told to whoever keeps account of it: ECS and the bill.

Times are milliseconds of the epoch on the wall clock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Purchase = Literal["on-demand", "spot", "unmanaged"]
"""`unmanaged` is somebody's own: who runs it pays for it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Home:
    """The compute environment an instance or a task belongs to."""

    account: str
    region: str
    cluster_name: str
    cluster_arn: str
    purchase: Purchase


@dataclass(frozen=True, kw_only=True)
class Instance:
    """An EC2 instance from when it was booted. `tags` are its own, `computeResources.tags` of its environment."""

    home: Home
    ec2_instance_id: str
    container_instance_arn: str
    type: str
    tags: Mapping[str, str]
    booted_at_ms: int


@dataclass(frozen=True, kw_only=True)
class Task:
    """An attempt's task as it is when it is told of; None for what hasn't happened."""

    home: Home
    arn: str
    # None on Fargate
    container_instance_arn: str | None
    vcpus: float
    memory_mib: int
    image: str
    # name:revision
    definition: str
    # what Batch itself sets, none of the user's: those may hold secrets
    variables: Mapping[str, str]
    # of the job and its definition, if they are propagated
    tags: Mapping[str, str]
    # the attempt's start began: nothing was looked for or pulled yet
    created_at_ms: int
    pulled_at_ms: int | None
    started_at_ms: int | None
    stopping_at_ms: int | None
    stopped_at_ms: int | None
    # somebody asked for the end: TerminateJob, a timeout
    stop_requested: bool
    exit_code: int | None
    # the container's
    reason: str | None
    # the task's
    stopped_reason: str | None


class Watcher(Protocol):
    """Called with Batch's lock held, in the order things happen: be brief, and wait for nobody."""

    def instance_booted(self, instance: Instance) -> None:
        """It runs from now on, and holds nothing yet."""

    def instance_gone(self, instance: Instance, at_ms: int) -> None:
        """It was let go; nothing is on it."""

    def task_placed(self, task: Task) -> None:
        """It holds its vCPUs and memory; its image is about to be looked for."""

    def task_running(self, task: Task) -> None:
        """Its container runs."""

    def task_stopped(self, task: Task) -> None:
        """It has ended, whether it ran or not, and holds nothing any more."""


@dataclass(frozen=True, kw_only=True)
class FunctionRun:
    """One try of an event on Lambda, as it is billed."""

    account: str
    region: str
    # `x86_64` or `arm64`
    architecture: str
    memory_mib: int
    tags: Mapping[str, str]
    began_at_ms: int
    billed_ms: int


class FunctionWatcher(Protocol):
    def function_ran(self, run: FunctionRun) -> None:
        """A try has ended. Comes from any thread."""


class Watchers:
    """Tells all of them. One that fails is logged and keeps nobody from anything."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self._watchers = watchers

    def tell(self, what: Callable[[Watcher], None]) -> None:
        for watcher in self._watchers:
            try:
                what(watcher)
            except Exception:
                logger.exception("%s did not take what it was told", type(watcher).__name__)
