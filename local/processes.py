"""Processes Batchyard started: recorded, so that exactly these, and never another with the same number, are stopped."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLL_S = 0.05
_KILLED_WITHIN_S = 60.0
"""A killed process needs no grace, but a busy machine may take its time."""


@dataclass(frozen=True, kw_only=True)
class ProcessRecord:
    """One started process. `identity` tells it from a later process that was given the same pid."""

    name: str
    pid: int
    identity: str
    command: tuple[str, ...] = ()

    @property
    def alive(self) -> bool:
        return process_identity(self.pid) == self.identity


def process_identity(pid: int) -> str | None:
    """Boot and start time of the process `pid`; None when there is none, or only its zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _identity_from_ps(pid)
    # the command's name may hold spaces and brackets, so fields are counted from its closing one
    fields = stat.rpartition(")")[2].split()
    state, start_ticks = fields[0], fields[19]
    if state in ("Z", "X"):
        return None
    return f"{_boot_id()}/{start_ticks}"


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "boot"


def _identity_from_ps(pid: int) -> str | None:
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = answer.stdout.strip().partition(" ")
    return None if answer.returncode or state.startswith("Z") else started.strip()


def wait_until(condition: Callable[[], bool], *, timeout_s: float, poll_s: float = _POLL_S) -> bool:
    """Polls `condition` until it holds; False when `timeout_s` passed first."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(poll_s)
    return True


def stop_process(record: ProcessRecord, *, grace_s: float = 10.0) -> bool:
    """SIGTERM, then after `grace_s` SIGKILL (to its process group where it leads one). True if it was running."""
    if not record.alive:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(record.pid, signal.SIGTERM)
    if not wait_until(lambda: _reaped(record), timeout_s=grace_s):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(record.pid) == record.pid:
                os.killpg(record.pid, signal.SIGKILL)
            else:
                os.kill(record.pid, signal.SIGKILL)
        wait_until(lambda: _reaped(record), timeout_s=_KILLED_WITHIN_S)
    return True


def _reaped(record: ProcessRecord) -> bool:
    if not record.alive:
        # a child of ours stays a zombie until somebody waits for it
        with contextlib.suppress(ChildProcessError):
            os.waitpid(record.pid, os.WNOHANG)
        return True
    return False


class ProcessTable:
    """The recorded processes, in one JSON file that several Batchyard commands may change at once."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def all(self) -> list[ProcessRecord]:
        """Every record, also of processes that ended meanwhile."""
        return list(self._read().values())

    def find(self, name: str) -> ProcessRecord | None:
        """The running process recorded as `name`; None when it isn't running (any more)."""
        record = self._read().get(name)
        return record if record is not None and record.alive else None

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Starts `command` in a session of its own (a Ctrl-C at the terminal doesn't reach it) and records it.

        Output goes to the end of `log`. Raises FileNotFoundError when there is no such executable.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if environ is None else dict(environ),
                cwd=cwd,
                start_new_session=True,
            )
        self.record(name, process.pid, command)
        return process

    def record(self, name: str, pid: int, command: Sequence[str] = ()) -> None:
        """Takes a running process into the table; one that has ended already is left out."""
        identity = process_identity(pid)
        if identity is None:
            return
        with self._changing() as records:
            records[name] = ProcessRecord(name=name, pid=pid, identity=identity, command=tuple(command))

    def stop(self, name: str, *, grace_s: float = 10.0) -> bool:
        """Ends the process recorded as `name` and forgets it. True if it was running."""
        record = self._read().get(name)
        if record is None:
            return False
        was_running = stop_process(record, grace_s=grace_s)
        with self._changing() as records:
            if records.get(name) == record:
                del records[name]
        return was_running

    def _read(self) -> dict[str, ProcessRecord]:
        try:
            raw = json.loads(self.file.read_text(encoding="utf-8"))
            return {
                name: ProcessRecord(
                    name=name, pid=int(row["pid"]), identity=str(row["identity"]), command=tuple(row["command"])
                )
                for name, row in raw.items()
            }
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (ValueError, KeyError, TypeError, AttributeError):
            # written atomically, so only a foreign hand leaves it unreadable; nothing in it can be trusted
            return {}

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, ProcessRecord]]:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            records = self._read()
            yield records
            rows = {
                name: {"pid": record.pid, "identity": record.identity, "command": list(record.command)}
                for name, record in records.items()
            }
            write_atomically(self.file, json.dumps(rows, indent=1) + "\n")


def write_atomically(file: Path, text: str) -> None:
    """Writes `text` so that a reader sees the old content or the new one, never a part; creates the folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
