"""The Docker engine: a running one → on Debian as root, installed and started → otherwise a clear message."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

from local.emulator_process import tail
from local.home import Home
from local.left_over import stop_containers_of
from local.processes import wait_until
from local.setup.debian import apt_install, on_debian
from local.setup.steps import Progress, SetupError

PROCESS_NAME = "docker-engine"
PACKAGE = "docker.io"
DEFAULT_SOCKET = "unix:///var/run/docker.sock"
START_TIMEOUT_S = 90.0
# the engine's own sockets lie under its exec root, and a socket's path may have 107 characters
_LONGEST_EXEC_ROOT = 60


def docker_host() -> str:
    """Where the Docker client looks: DOCKER_HOST, else the usual socket."""
    return os.environ.get("DOCKER_HOST") or DEFAULT_SOCKET


def docker_version(host: str | None = None, *, timeout_s: float = 10.0) -> str | None:
    """The version of the engine that answers at `host`; None when none does. Needs no Docker client."""
    parts = urlsplit(host or docker_host())
    connection = http.client.HTTPConnection(parts.hostname or "localhost", parts.port or 2375, timeout=timeout_s)
    try:
        if parts.scheme == "unix":
            unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            unix.settimeout(timeout_s)
            connection.sock = unix
            unix.connect(parts.path)
        connection.request("GET", "/_ping")
        answer = connection.getresponse()
        if answer.status != 200:
            return None
        return answer.getheader("Server") or "Docker"
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def provide_docker_engine(home: Home, progress: Progress) -> None:
    """Makes sure that a Docker engine answers."""
    with progress.step("docker engine"):
        version = docker_version()
        if version is not None:
            ours = home.processes.find(PROCESS_NAME) is not None
            progress.outcome(f"found {version}{', started by an earlier set-up' if ours else ''}")
            return
        require_startable()
        if shutil.which("dockerd") is None:
            progress.doing(f"installing Debian's {PACKAGE}")
            apt_install(PACKAGE, log=home.logs / "apt-docker.log")
            # where Debian runs services, the package has started its own by now
            if wait_until(lambda: docker_version() is not None, timeout_s=3 if _has_services() else 0):
                progress.outcome(f"installed Debian's {PACKAGE}; its service runs")
                return
        progress.doing("starting dockerd")
        start_docker_engine(home)
        progress.outcome(f"{docker_version()} started, with its data in {home.relative(home.docker)}")


def require_startable(*, euid: int | None = None, debian: bool | None = None) -> None:
    """SetupError that names the remedy where no engine can be started by us."""
    named = os.environ.get("DOCKER_HOST")
    if named:
        raise SetupError(f"DOCKER_HOST is {named}, and no Docker engine answers there; start that engine or unset it")
    root = (os.geteuid() if euid is None else euid) == 0
    if root and (shutil.which("dockerd") is not None or (on_debian() if debian is None else debian)):
        return
    if root:
        raise SetupError("no Docker engine answers, and this system isn't Debian; install Docker and start it")
    raise SetupError(
        f"no Docker engine answers at {DEFAULT_SOCKET}; start it (and be in its group), or run set-up on Debian as root"
    )


def start_docker_engine(home: Home) -> None:
    """Starts `dockerd` with its data in the home and waits for it; SetupError with the end of its log."""
    log = home.logs / "dockerd.log"
    home.docker.mkdir(parents=True, exist_ok=True)
    forget_killed_engine(home)
    dockerd = shutil.which("dockerd") or "/usr/sbin/dockerd"
    process = home.processes.start(
        PROCESS_NAME,
        [
            dockerd,
            f"--data-root={home.docker / 'data'}",
            f"--exec-root={exec_root(home)}",
            f"--pidfile={home.docker / 'dockerd.pid'}",
            f"--host={DEFAULT_SOCKET}",
            "--log-level=warn",
        ],
        log=log,
    )
    wait_until(
        lambda: process.poll() is not None or docker_version() is not None, timeout_s=START_TIMEOUT_S, poll_s=0.2
    )
    if docker_version() is None:
        home.processes.stop(PROCESS_NAME)
        raise SetupError(f"dockerd didn't come up; start a Docker engine yourself. The end of {log}:\n{tail(log)}")


def forget_killed_engine(home: Home) -> None:
    """Ends what an engine of ours that was killed left, and removes its pid files.

    The numbers in them may be somebody else's by now, or those of processes still dying: an engine that believes them
    refuses to start, or waits in vain for its containerd.
    """
    home.processes.stop(PROCESS_NAME)
    stop_containers_of(exec_root(home))
    for file in (home.docker / "dockerd.pid", exec_root(home) / "containerd" / "containerd.pid"):
        file.unlink(missing_ok=True)


def exec_root(home: Home) -> Path:
    """Where the engine keeps its sockets: in the home, or under /run where the home's path is too long for them."""
    own = home.docker / "exec"
    if len(str(own)) <= _LONGEST_EXEC_ROOT:
        return own
    return Path("/run") / f"batchyard-{hashlib.sha256(str(home.root).encode()).hexdigest()[:8]}"


def _has_services() -> bool:
    return Path("/run/systemd/system").is_dir()
