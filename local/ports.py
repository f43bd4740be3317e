"""TCP ports of this machine: finding free ones and telling whether one answers."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def free_port(host: str = LOOPBACK) -> int:
    """A port nothing listens on now. Another process may take it before its use: callers retry with a new one."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether `port` could be listened on now (connections in TIME_WAIT don't count as taken)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def preferred_port(port: int | None, host: str = LOOPBACK) -> int:
    """`port` if it is still free (a shell that sourced yesterday's environment keeps working), else any free one."""
    return port if port is not None and is_free(port, host) else free_port(host)


def answers(port: int, host: str = LOOPBACK, *, timeout_s: float = 1.0) -> bool:
    """Whether something accepts connections on `port`."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return True
    except OSError:
        return False
