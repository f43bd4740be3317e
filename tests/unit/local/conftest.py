"""Lanes without an emulator: processes that answer on their ports, for tests of what starts, finds and stops them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.emulator_process import EmulatorProcess
from local.home import Home
from local.lane import Lane

# answers on its port and says so, like the emulator, and nothing else
EMULATOR = """
import json, os, pathlib, socket, sys
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if os.environ.get("REFUSES") == arguments["--port"] or os.environ.get("REFUSES") == "all":
    sys.exit("port taken")
server = socket.create_server(("127.0.0.1", int(arguments["--port"])))
port = server.getsockname()[1]
folder = pathlib.Path(arguments["--lane"])
state = {"pid": os.getpid(), "port": port, "endpoint": f"http://127.0.0.1:{port}", "registry": arguments["--registry"],
         "instance_id": os.urandom(4).hex()}
(folder / "new").write_text(json.dumps(state))
(folder / "new").rename(folder / "emulator.json")
while True:
    server.accept()[0].close()
"""
REGISTRY = """
import re, pathlib, socket, sys
port = int(re.search(r"addr: 127.0.0.1:(\\d+)", pathlib.Path(sys.argv[2]).read_text())[1])
server = socket.create_server(("127.0.0.1", port))
while True:
    server.accept()[0].close()
"""


def _script(file: Path, interpreter: str, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!{interpreter}\n{text}\n")
    file.chmod(0o755)


@pytest.fixture
def fake_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(root=tmp_path / ".batchyard", repository=tmp_path)
    _script(home.bin / "docker-registry", sys.executable, REGISTRY)
    program = tmp_path / "emulator.py"
    program.write_text(EMULATOR)
    real = EmulatorProcess._command

    def command(self: EmulatorProcess, registry: str, port: int) -> list[str]:
        return [sys.executable, str(program), *real(self, registry, port)[3:]]

    monkeypatch.setattr(EmulatorProcess, "_command", command)
    monkeypatch.setattr("local.emulator_process.remove_containers", lambda lane: 0)
    monkeypatch.setattr("local.lane.untag_images", lambda address: 0)
    return home


@pytest.fixture
def fake_lane(fake_home: Home) -> Iterator[Lane]:
    lane = Lane(home=fake_home, name="t", second_scale=0.05)
    yield lane
    lane.stop()
