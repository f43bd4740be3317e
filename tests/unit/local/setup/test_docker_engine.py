from __future__ import annotations

import io
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.home import Home
from local.setup import docker_engine
from local.setup.debian import on_debian, os_id
from local.setup.docker_engine import (
    docker_version,
    exec_root,
    forget_killed_engine,
    provide_docker_engine,
    require_startable,
    start_docker_engine,
)
from local.setup.steps import Progress, SetupError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(root=tmp_path / ".batchyard", repository=tmp_path)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[str]:
    """The address of something that answers pings like a Docker engine."""
    place = tmp_path / "d.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        server.listen()

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(4096)
                    connection.sendall(
                        b"HTTP/1.1 200 OK\r\nServer: Docker/20.10 (linux)\r\nContent-Length: 2\r\n\r\nOK"
                    )

        threading.Thread(target=answer, daemon=True).start()
        yield f"unix://{place}"
        server.shutdown(socket.SHUT_RDWR)


def test_a_running_engine_is_found(home: Home, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine)
    out = io.StringIO()
    provide_docker_engine(home, Progress(out))
    assert "found Docker/20.10 (linux) (" in out.getvalue()


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
def test_where_nothing_answers_there_is_no_engine(host: str) -> None:
    assert docker_version(host) is None


def test_a_named_engine_that_does_not_answer_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(SetupError, match=r"DOCKER_HOST is unix:///nowhere/docker\.sock, and no Docker engine answers"):
        provide_docker_engine(home, Progress(io.StringIO()))


@pytest.mark.parametrize(
    ("euid", "debian", "sentence"),
    [(1000, True, "run set-up on Debian as root"), (0, False, "this system isn't Debian; install Docker and start it")],
)
def test_who_cannot_start_an_engine_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, euid: int, debian: bool, sentence: str
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SetupError, match=sentence):
        require_startable(euid=euid, debian=debian)
    if debian:
        require_startable(euid=0, debian=True)


def test_an_engine_that_ends_at_once_shows_its_last_words(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dockerd = tmp_path / "tools" / "dockerd"
    dockerd.parent.mkdir()
    dockerd.write_text("#!/bin/sh\necho 'no iptables'; exit 1\n")
    dockerd.chmod(0o755)
    monkeypatch.setenv("PATH", str(dockerd.parent))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(SetupError, match=r"dockerd didn't come up; start a Docker engine yourself(.|\n)*no iptables"):
        start_docker_engine(home)
    assert home.processes.find(docker_engine.PROCESS_NAME) is None


def test_a_pid_file_of_a_killed_engine_does_not_keep_the_next_one_down(home: Home) -> None:
    files = [home.docker / "dockerd.pid", exec_root(home) / "containerd" / "containerd.pid"]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(os.getpid()))
    try:
        forget_killed_engine(home)
        assert not any(file.exists() for file in files)
    finally:
        shutil.rmtree(exec_root(home), ignore_errors=True)


def test_the_engines_sockets_have_short_paths(tmp_path: Path) -> None:
    short = Home(root=Path("/srv/b/.batchyard"), repository=tmp_path)
    assert exec_root(short) == Path("/srv/b/.batchyard/docker/exec")
    long = Home(root=Path("/srv") / ("x" * 60), repository=tmp_path)
    assert str(exec_root(long)).startswith("/run/batchyard-")


def test_debian_and_its_relatives_are_known(tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    assert os_id(release) == set()
    assert not on_debian(release)
    release.write_text('ID=ubuntu\nID_LIKE="debian"\nVERSION_ID="24.04"\n')
    assert os_id(release) == {"ubuntu", "debian"}
    release.write_text("ID=fedora\n")
    assert not on_debian(release)
