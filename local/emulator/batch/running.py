"""What the engine and whoever runs containers say to each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from jobs import conventions

ESSENTIAL_EXITED = conventions.EXITED
FAILED_TO_START = "Task failed to start"
TIMED_OUT = conventions.TIMED_OUT
OUT_OF_MEMORY = conventions.OUT_OF_MEMORY


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One attempt's container."""

    name: str
    job_id: str
    attempt: int
    image: str
    command: tuple[str, ...]
    environment: dict[str, str]
    # hard limit: above it the container is killed
    memory_mib: int
    # shares of a busy processor, not a limit
    vcpus: float
    log_group: str
    log_stream: str
    # the group AWS makes itself; any other must exist
    creates_log_group: bool
    # environment variable -> where its value is kept (`valueFrom` of the API)
    secrets: dict[str, str] = field(default_factory=dict)
    # who reads them; None without secrets
    execution_role: str | None = None
    user: str | None = None
    read_only: bool = False
    # host path -> (container path, read-only)
    binds: dict[str, tuple[str, bool]] = field(default_factory=dict)
    # folders that stand for EFS file systems: made when they aren't there
    folders: tuple[Path, ...] = ()
    # folders of the container that can be written to, on volumes that go with it
    scratch: tuple[str, ...] = ()
    # container path -> MiB
    tmpfs: dict[str, int] = field(default_factory=dict)
    shared_memory_mib: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended, in AWS's words."""

    # None if nothing ran
    exit_code: int | None
    reason: str | None
    status_reason: str


class Handle:
    """One attempt on its way, shared by the thread that runs it and the one that stops it."""

    def __init__(self) -> None:
        self.container_id: str | None = None
        # somebody wants it to end
        self.stop_requested = threading.Event()
        # its container runs, or it never will
        self.settled = threading.Event()
        self.done = threading.Event()


class Runner(Protocol):
    """Runs attempts. A fake stands in for Docker in the engine's tests."""

    def run(self, plan: Plan, handle: Handle, on_pulled: Callable[[], None], on_started: Callable[[], None]) -> Outcome:
        """Blocks until the attempt has ended and its log is delivered.

        Calls `on_pulled` once the image is there, `on_started` once the container runs; neither if it comes to neither.
        """

    def stop(self, handle: Handle, grace_s: float) -> None:
        """SIGTERM, after `grace_s` real seconds SIGKILL; blocks until then at most. `run` then returns."""

    def close(self) -> None:
        """Kills and removes every container of the lane."""
