"""The emulator as a process of a lane: starting it, finding the running one, ending it with its containers."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.home import Home
from local.ports import answers, preferred_port
from local.processes import wait_until, write_atomically

LANE_LABEL = "batchyard.lane"
START_TIMEOUT_S = 120.0
# time for the emulator to stop and remove the containers of its jobs
STOP_GRACE_S = 30.0
LOG_TAIL_LINES = 15


class EmulatorError(Exception):
    """The emulator isn't running, or didn't come up."""


@dataclass(frozen=True, kw_only=True)
class EmulatorState:
    """What a running emulator says of itself in `<lane>/emulator.json`."""

    pid: int
    port: int
    endpoint: str
    registry: str
    instance_id: str


@dataclass(frozen=True, kw_only=True)
class EmulatorProcess:
    home: Home
    lane: str
    folder: Path
    second_scale: float = 1.0

    @property
    def record_name(self) -> str:
        return f"lane/{self.lane}/emulator"

    @property
    def file(self) -> Path:
        return self.folder / "emulator.json"

    @property
    def log(self) -> Path:
        return self.folder / "emulator.log"

    @property
    def port_file(self) -> Path:
        """The last port: a new emulator takes it again if it can, so that shells keep a working endpoint."""
        return self.folder / "emulator.port"

    def state(self) -> EmulatorState | None:
        """The running emulator; None when there is none (a file left by one that died doesn't count)."""
        state = self._written()
        record = self.home.processes.find(self.record_name)
        if state is None or record is None or record.pid != state.pid:
            return None
        return state

    def require(self) -> EmulatorState:
        """The running emulator; EmulatorError with the remedy when there is none."""
        state = self.state()
        if state is None:
            raise EmulatorError(f"lane {self.lane}: its emulator isn't running; run `make up-local`")
        return state

    def start(self, *, registry: str) -> EmulatorState:
        """The running emulator, or a new one on the registry `localhost:<port>`; returns when it is ready.

        Raises EmulatorError with the end of its log when it ends at once or isn't ready after START_TIMEOUT_S.
        """
        running = self.state()
        if running is not None and running.registry == registry and answers(running.port):
            return running
        why = ""
        # another process may take the port between the look and the start: the second attempt lets the emulator choose
        for port in (preferred_port(self._last_port()), 0):
            self.stop()
            self.file.unlink(missing_ok=True)
            command = self._command(registry, port)
            process = self.home.processes.start(
                self.record_name, command, log=self.log, environ=self._environ(), cwd=self.folder
            )
            wait_until(partial(self._ended_or_ready, process), timeout_s=START_TIMEOUT_S)
            state = self.state()
            if state is not None and self._ready(process):
                write_atomically(self.port_file, f"{state.port}\n")
                return state
            ended = process.poll() is not None
            why = f"ended with {process.returncode}" if ended else f"not ready in {START_TIMEOUT_S:g} s"
            self.stop()
            if not ended:
                break
        raise EmulatorError(
            f"lane {self.lane}: emulator {why}; the end of {self.home.relative(self.log)}:\n{tail(self.log)}"
        )

    def stop(self) -> bool:
        """Ends the emulator; what containers of its jobs it left (killed hard) are removed. True if it was running."""
        was_running = self.home.processes.stop(self.record_name, grace_s=STOP_GRACE_S)
        if was_running or self.file.exists():
            remove_containers(self.lane)
        return was_running

    def _command(self, registry: str, port: int) -> list[str]:
        return [
            str(self.home.python),
            "-m",
            "local.emulator",
            "--lane",
            str(self.folder),
            "--registry",
            registry,
            "--port",
            str(port),
            "--second-scale",
            str(self.second_scale),
        ]

    def _environ(self) -> dict[str, str]:
        """Credentials of the user's own account have no business in the emulator."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **environ,
            "PYTHONPATH": str(self.home.repository),
            "PYTHONUNBUFFERED": "1",
            **self.home.bytecode,
            "BATCHYARD_HOME": str(self.home.root),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _last_port(self) -> int | None:
        try:
            return int(self.port_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def _ended_or_ready(self, process: subprocess.Popen[bytes]) -> bool:
        return process.poll() is not None or self._ready(process)

    def _ready(self, process: subprocess.Popen[bytes]) -> bool:
        state = self._written()
        return state is not None and state.pid == process.pid and answers(state.port)

    def _written(self) -> EmulatorState | None:
        try:
            raw = json.loads(self.file.read_text(encoding="utf-8"))
            return EmulatorState(
                pid=int(raw["pid"]),
                port=int(raw["port"]),
                endpoint=str(raw["endpoint"]),
                registry=str(raw["registry"]),
                instance_id=str(raw["instance_id"]),
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None


def tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of a log, for an error message."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"


def remove_containers(lane: str) -> int:
    """Removes every container labelled with `lane`; returns how many. No Docker engine: nothing to remove."""
    import docker
    from docker.errors import DockerException, NotFound

    try:
        client = docker.from_env(timeout=30)
    except DockerException:
        return 0
    removed = 0
    try:
        for container in client.containers.list(all=True, filters={"label": f"{LANE_LABEL}={lane}"}):
            try:
                container.remove(force=True, v=True)
            except NotFound:
                continue
            removed += 1
    except DockerException:
        return removed
    finally:
        client.close()
    return removed
