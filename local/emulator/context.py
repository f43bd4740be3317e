"""What every emulated service is told about the lane it serves."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from local.emulator.capacity import FunctionWatcher, Watcher

ACCOUNT = "123456789012"
LANE_LABEL = "batchyard.lane"
CONTAINER_HOST = "host.docker.internal"


class Service(Protocol):
    """What an installed service gives back."""

    def close(self) -> None:
        """Ends the service's threads and containers, and writes out what it still holds. Called once."""


@dataclass(frozen=True, kw_only=True)
class EmulatorContext:
    # where the lane keeps its files; exists
    lane_folder: Path
    # the lane's name, the value of its containers' label `batchyard.lane`
    lane: str
    # http://127.0.0.1:<port>, for processes of this machine
    endpoint: str
    # http://host.docker.internal:<port>, for the jobs' containers
    container_endpoint: str
    # the Docker bridge's address of this machine, what `host.docker.internal` means in a container; "" without Docker
    bridge_address: str = ""
    # localhost:<port> of the registry behind ECR
    registry: str
    account: str = ACCOUNT
    region: str = "us-east-1"
    # real seconds per emulated second: timeouts, buffers and schedules run on it
    second_scale: float = 1.0
    # set when the emulator is about to end
    stopping: threading.Event = field(default_factory=threading.Event)
    # told of Batch's instances and tasks; services that keep account of them add themselves when they are installed
    watchers: list[Watcher] = field(default_factory=list, compare=False)
    # the same of Lambda's functions
    function_watchers: list[FunctionWatcher] = field(default_factory=list, compare=False)

    def real_seconds(self, emulated_s: float) -> float:
        """How long `emulated_s` emulated seconds last on the wall clock."""
        return emulated_s * self.second_scale
