"""Processes that engines of ours started and left behind."""

from __future__ import annotations

import os
from pathlib import Path

from local.home import HOME_VARIABLE, LANE_VARIABLE, Home
from local.processes import ProcessRecord, process_identity, stop_process

_PROC = Path("/proc")
# what engines run; a shell that sourced `.batchyard/env` has the same variables and is none of these
_OUR_MODULES = ("local.providers.",)


def stop_left_over(home: Home, *, lane: str | None = None) -> list[str]:
    """Ends engines' plugins that outlived an engine killed hard, of one `lane` or of all; returns what they ran.

    The engine started them, so they are in no table of ours: they are known by the home and lane in their
    environment and by what they run.
    """
    stopped = []
    for pid in _pids():
        if pid == os.getpid():
            continue
        identity = process_identity(pid)
        command = ours(pid, home, lane=lane)
        if identity is not None and command is not None and process_identity(pid) == identity:
            record = ProcessRecord(name=command, pid=pid, identity=identity)
            if stop_process(record, grace_s=5.0):
                stopped.append(command)
    return stopped


def ours(pid: int, home: Home, *, lane: str | None = None) -> str | None:
    """What the process `pid` runs, if it is a plugin or an executable of this home (and lane); None otherwise."""
    try:
        environ = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
        command = [part.decode(errors="replace") for part in (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")]
    except OSError:
        return None
    if f"{HOME_VARIABLE}={home.root}".encode() not in environ:
        return None
    if lane is not None and f"{LANE_VARIABLE}={lane}".encode() not in environ:
        return None
    if "-m" in command[:3]:
        module = command[command.index("-m") + 1] if command.index("-m") + 1 < len(command) else ""
        return module if module.startswith(_OUR_MODULES) else None
    executable = Path(command[0])
    if executable.is_relative_to(home.bin) or executable.is_relative_to(home.pulumi_home):
        return executable.name
    return None


def stop_containers_of(exec_root: Path) -> int:
    """Ends containerd and its containers' parents that a Docker engine killed hard left under `exec_root`."""
    stopped = 0
    for pid in _pids():
        identity = process_identity(pid)
        try:
            command = (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        named = any(str(exec_root) in argument for argument in command[1:])
        if identity is not None and named and Path(command[0]).name.startswith("containerd"):
            stopped += stop_process(ProcessRecord(name=command[0], pid=pid, identity=identity), grace_s=5.0)
    return stopped


def _pids() -> list[int]:
    try:
        return sorted(int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
    except OSError:
        return []
