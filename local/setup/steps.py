"""One line a step: what it does, what it found or made, and how long it took."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from local.home import OFFLINE_VARIABLE, Home
from local.processes import write_atomically

REACH_TIMEOUT_S = 3.0
_NAME_WIDTH = 20
_LOG_TAIL_LINES = 12


class SetupError(Exception):
    """Set-up can't go on; the text is one sentence that names the remedy."""


class Progress:
    """Writes a step's one line: its name, what is being done, and at its end the outcome with the time.

    On a terminal the part shown while it works is replaced by the outcome; elsewhere it stays, so that a log shows
    what a long step is waiting for.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = sys.stdout if out is None else out
        self._terminal = self.out.isatty()
        self._column = 0
        self._began_s = time.monotonic()
        self._name = ""

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[Progress]:
        """Everything until `outcome` belongs to the step `name`."""
        self._began_s = time.monotonic()
        self._name = name
        self._column = 0
        try:
            yield self
        except BaseException:
            if self._column:
                self._write("\n")
            raise

    def doing(self, what: str) -> None:
        """Says what takes the time: called only when there is something to do."""
        self._begin()
        self._write(f"{what} … ")

    def outcome(self, what: str) -> None:
        """Ends the step's line."""
        seconds = time.monotonic() - self._began_s
        self._begin(again=self._terminal)
        self._write(f"{what} ({seconds:.1f} s)\n")
        self._column = 0

    def _begin(self, *, again: bool = False) -> None:
        if self._column == 0 or again:
            self._write("\r\x1b[K" if self._column else "")
            self._write(f"  {self._name:<{_NAME_WIDTH}} ")

    def _write(self, text: str) -> None:
        self.out.write(text)
        self.out.flush()
        self._column += len(text)


def offline() -> bool:
    """Whether the person said that downloads from official sites need not be tried."""
    return os.environ.get(OFFLINE_VARIABLE, "") not in ("", "0", "false")


def reachable(host: str, port: int = 443, *, timeout_s: float = REACH_TIMEOUT_S) -> bool:
    """Whether `host` accepts a connection within `timeout_s`, the look-up of its name included."""
    if offline():
        return False
    if any(os.environ.get(name) for name in ("https_proxy", "HTTPS_PROXY")):
        return True  # the proxy looks names up; a download still has its own short time limit
    import socket

    answer: list[bool] = []

    def attempt() -> None:
        try:
            socket.create_connection((host, port), timeout=timeout_s).close()
        except OSError:
            return
        answer.append(True)

    # a name server that doesn't answer can't be given a time limit, so the attempt is left behind in its thread
    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return bool(answer)


def run_logged(
    command: Sequence[str | Path],
    *,
    log: Path,
    remedy: str,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float = 900,
) -> None:
    """Runs `command` with its output in `log`; SetupError with the log's last lines and `remedy` when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if environ is None else dict(environ),
                cwd=cwd,
                check=False,
                timeout=timeout_s,
            )
            why = None if done.returncode == 0 else f"ended with {done.returncode}"
        except subprocess.TimeoutExpired:
            why = f"took longer than {timeout_s:g} s"
        except OSError as problem:
            why = f"can't be started ({problem.strerror})"
    if why is not None:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        shown = "".join(f"    {line}\n" for line in lines)
        raise SetupError(f"{Path(str(command[0])).name} {why}; {remedy}. The end of {log}:\n{shown}".rstrip())


def fingerprint(*parts: str | bytes | Path) -> str:
    """16 hex digits over the texts and the contents of the files in `parts`."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part.encode() if isinstance(part, str) else part
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


def stamped(home: Home, step: str, value: str) -> bool:
    """Whether `step` was finished with `value`; a step that was interrupted has no stamp."""
    try:
        return (home.stamps / step).read_text(encoding="utf-8") == value
    except OSError:
        return False


def stamp(home: Home, step: str, value: str) -> None:
    """Marks `step` as finished with `value`: called last."""
    write_atomically(home.stamps / step, value)


@contextlib.contextmanager
def scratch_folder(home: Home, name: str) -> Iterator[Path]:
    """A folder in the cache for half-made things, on the same file system as their final place; removed at the end.

    What a set-up that was killed left under the same name is removed first: only one runs at a time.
    """
    home.cache.mkdir(parents=True, exist_ok=True)
    for left in home.cache.glob(f"{name}.*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=home.cache, prefix=f"{name}.", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def install_file(source: Path, target: Path, *, mode: int = 0o755) -> None:
    """Moves `source` (same file system) to `target` in one step, so that `target` is always whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source.chmod(mode)
    source.replace(target)


Step = Callable[[Home, Progress], None]
