"""The emulator as a process and as a server: starts, says so, takes a crowd, ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local.emulator.application import Application
from local.emulator.server import EmulatorServer, main
from local.emulator.sockets import open_sockets
from local.processes import wait_until

REPOSITORY = Path(__file__).parents[4]
DEADLINE_S = 240.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorServer]:
    serving = EmulatorServer(tmp_path_factory.mktemp("lane"), registry="localhost:1", services=())
    serving.start()
    yield serving
    serving.close()


def client(server: EmulatorServer, service: str) -> Any:
    session: Any = boto3.session.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name=server.context.region
    )
    config = Config(max_pool_connections=64, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return session.client(service, endpoint_url=server.context.endpoint, config=config)


def test_a_crowd_of_uploads_arrives_whole(server: EmulatorServer) -> None:
    s3 = client(server, "s3")
    s3.create_bucket(Bucket="crowd")
    body = os.urandom(50_000)

    def upload(number: int) -> bool:
        s3.put_object(Bucket="crowd", Key=f"in/{number}", Body=body)
        return bool(s3.get_object(Bucket="crowd", Key=f"in/{number}")["Body"].read() == body)

    with ThreadPoolExecutor(max_workers=50) as pool:
        assert all(pool.map(upload, range(100)))
    assert s3.list_objects_v2(Bucket="crowd")["KeyCount"] == 100


@pytest.mark.parametrize("key", ["a b.jpg", "ä/ö+ü.png", "x//y", "50%2F50", "q?=&#"])
def test_keys_arrive_as_they_were_sent(server: EmulatorServer, key: str) -> None:
    s3 = client(server, "s3")
    s3.create_bucket(Bucket="keys")
    s3.put_object(Bucket="keys", Key=key, Body=b"here")
    assert s3.get_object(Bucket="keys", Key=key)["Body"].read() == b"here"
    assert key in [found["Key"] for found in s3.list_objects_v2(Bucket="keys")["Contents"]]


def test_an_object_sent_as_a_forms_type_is_kept(server: EmulatorServer) -> None:
    s3 = client(server, "s3")
    s3.create_bucket(Bucket="forms")
    s3.put_object(Bucket="forms", Key="k", Body=b"a=b&c", ContentType="application/x-www-form-urlencoded")
    assert s3.get_object(Bucket="forms", Key="k")["Body"].read() == b"a=b&c"


def test_many_connections_wait_their_turn(server: EmulatorServer) -> None:
    """More than a listening socket usually holds: none is refused or dropped."""
    connections = [socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE_S) for _ in range(300)]
    try:
        for connection in connections:
            connection.sendall(b"GET /moto-api/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert all(connection.recv(12).startswith(b"HTTP/1.1 200") for connection in connections)
    finally:
        for connection in connections:
            connection.close()


def test_each_service_has_a_lock_of_its_own_and_some_have_none() -> None:
    application = Application()
    assert application.lock_of("s3") is application.lock_of("s3")
    assert application.lock_of("s3") is not application.lock_of("sns")
    assert [application.lock_of(service) for service in ("batch", "sqs")] == [None, None]


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} of 127.0.0.1 is taken"):
            open_sockets(["127.0.0.1"], port)


def test_one_port_on_every_host_of_this_machine() -> None:
    sockets, port = open_sockets(["127.0.0.1", "127.0.0.2", "203.0.113.7"])
    try:
        assert [one.getsockname() for one in sockets] == [("127.0.0.1", port), ("127.0.0.2", port)]
    finally:
        for one in sockets:
            one.close()


def test_a_scale_that_is_no_scale_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--lane", str(tmp_path), "--registry", "localhost:1", "--second-scale", "0"])
    assert "--second-scale is 0.0; it must be above 0" in capsys.readouterr().err


def test_the_process_says_when_it_is_ready_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    """SIGTERM takes the same way: tests/e2e/test_batch_emulator.py."""
    lane = tmp_path / "lane"
    process = subprocess.Popen(
        [sys.executable, "-m", "local.emulator", "--lane", str(lane), "--registry", "localhost:1"], cwd=REPOSITORY
    )
    try:
        ready = lane / "emulator.json"
        assert wait_until(lambda: ready.exists() or process.poll() is not None, timeout_s=DEADLINE_S)
        facts = json.loads(ready.read_text())
        assert facts["pid"] == process.pid
        assert facts["endpoint"] == f"http://127.0.0.1:{facts['port']}"
        assert facts["registry"] == "localhost:1"
        socket.create_connection(("127.0.0.1", facts["port"]), timeout=DEADLINE_S).close()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=DEADLINE_S) == 0
        assert not ready.exists()
        assert "stopped" in (lane / "emulator.log").read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
