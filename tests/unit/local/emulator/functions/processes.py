"""Functions without Docker: their containers are processes of this machine, which run the image's own runtime."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.build_context import probe_of
from local.emulator.batch.running import ESSENTIAL_EXITED, Handle, Outcome, Plan
from local.emulator.context import CONTAINER_HOST

REPOSITORY = Path(__file__).parents[5]


class ProcessRunner:
    """Runs the probe as images have it, with the function's command. An image called `broken` ends at once."""

    def __init__(self, folder: Path) -> None:
        self.plans: list[Plan] = []
        self.lines: list[str] = []
        self._probe = folder / "batchyard-probe"
        self._probe.write_bytes(probe_of(REPOSITORY))
        self._probe.chmod(0o755)
        self._running: dict[Handle, subprocess.Popen[str]] = {}
        self._lock = threading.Lock()

    def run(self, plan: Plan, handle: Handle, on_pulled: Callable[[], None], on_started: Callable[[], None]) -> Outcome:
        del on_pulled, on_started
        self.plans.append(plan)
        environ = {name: text.replace(CONTAINER_HOST, "127.0.0.1") for name, text in plan.environment.items()}
        command = ["false"] if plan.image == "broken" else [str(self._probe), *plan.command]
        process = subprocess.Popen(
            command, env={"PATH": os.environ["PATH"], **environ}, stderr=subprocess.PIPE, text=True
        )
        with self._lock:
            self._running[handle] = process
        handle.settled.set()
        assert process.stderr is not None
        for line in process.stderr:
            self.lines.append(line.rstrip("\n"))
        code = process.wait()
        handle.done.set()
        return Outcome(exit_code=128 - code if code < 0 else code, reason=None, status_reason=ESSENTIAL_EXITED)

    def stop(self, handle: Handle, grace_s: float) -> None:
        del grace_s
        handle.stop_requested.set()
        handle.settled.wait()
        with self._lock:
            process = self._running[handle]
        with contextlib.suppress(OSError):
            process.kill()
        handle.done.wait(60)

    def close(self) -> None:
        for handle in list(self._running):
            self.stop(handle, 0.0)

    @property
    def all_ended(self) -> bool:
        with self._lock:
            return bool(self._running) and all(handle.done.is_set() for handle in self._running)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Lines of one type: `usage`, `attempt`."""
        found = [json.loads(line) for line in list(self.lines) if line.startswith(f'{{"type":"{kind}"')]
        return [one for one in found if one["type"] == kind]
