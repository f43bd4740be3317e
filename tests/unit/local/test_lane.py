from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from local.emulator_process import EmulatorError
from local.env_file import env_file_text, write_env_file
from local.home import Home
from local.lane import Lane, PulumiError, lanes_of
from local.processes import write_atomically
from local.registry import Registry, RegistryError


def script(file: Path, interpreter: str, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!{interpreter}\n{text}\n")
    file.chmod(0o755)


@pytest.fixture
def home(fake_home: Home) -> Home:
    return fake_home


@pytest.fixture
def lane(fake_lane: Lane) -> Lane:
    return fake_lane


def test_a_lane_starts_once_and_is_found_again(lane: Lane) -> None:
    first = lane.start()
    assert lane.start() == first
    assert lane.endpoint == first.endpoint
    assert lane.running() == first
    lane.stop()
    assert lane.running() is None
    assert lane.home.processes.all() == []


def test_a_stopped_lane_comes_back_on_its_ports_as_another_instance(lane: Lane) -> None:
    first = lane.start()
    lane.stop()
    again = lane.start()
    assert (again.port, again.registry) == (first.port, first.registry)
    assert again.instance_id != first.instance_id


def test_an_emulator_that_was_killed_is_not_taken_for_running(lane: Lane) -> None:
    first = lane.start()
    os.kill(first.pid, 9)
    os.waitpid(first.pid, 0)
    assert (lane.root / "emulator.json").exists()
    assert lane.running() is None
    with pytest.raises(EmulatorError, match="make up-local"):
        _ = lane.endpoint
    assert lane.start().instance_id != first.instance_id


def test_a_half_written_state_file_is_not_taken_for_whole(lane: Lane) -> None:
    lane.start()
    state = (lane.root / "emulator.json").read_text()
    (lane.root / "emulator.json").write_text(state[:20])
    assert lane.running() is None
    assert lane.start().port


def test_an_emulators_taken_port_is_given_up(lane: Lane) -> None:
    first = lane.start()
    lane.stop()
    with socket.create_server(("127.0.0.1", first.port)):
        assert lane.start().port != first.port


def test_an_emulator_that_loses_the_race_for_its_port_chooses_one(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    first = lane.start()
    lane.stop()
    monkeypatch.setenv("REFUSES", str(first.port))
    assert lane.start().port != first.port


def test_an_emulator_that_ends_at_once_shows_its_last_words(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFUSES", "all")
    with pytest.raises(EmulatorError, match=r"lane t: emulator ended with 1; the end of .*\nport taken"):
        lane.start()
    assert lane.running() is None


def test_a_registrys_taken_port_is_given_up(lane: Lane) -> None:
    address = lane.registry.start()
    lane.registry.stop()
    with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))):
        assert lane.registry.start() != address


def test_no_registry_is_a_sentence_with_the_remedy(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.bin / "docker-registry").unlink()
    monkeypatch.setenv("PATH", str(home.bin))
    with pytest.raises(RegistryError, match="make setup"):
        Registry(home=home, lane="t", folder=home.lanes / "t").start()


def test_the_environment_holds_nothing_of_the_persons_own_account(lane: Lane) -> None:
    lane.start()
    base = {
        "PATH": "/usr/bin",
        "HOME": "/nowhere",
        "AWS_PROFILE": "production",
        "AWS_ENDPOINT_URL_S3": "https://elsewhere",
        "PULUMI_STACK": "prod",
        "PULUMI_ACCESS_TOKEN": "secret",
        "PYTHONHOME": "/nowhere",
    }
    environ = lane.environ(base)
    assert not set(base) & set(environ) - {"PATH", "HOME"}
    assert environ["AWS_ENDPOINT_URL"] == lane.endpoint
    assert environ["PULUMI_BACKEND_URL"] == f"file://{lane.root}/state"
    assert environ["PATH"].split(os.pathsep) == [str(lane.home.python.parent), str(lane.home.bin), "/usr/bin"]
    assert "NO_PROXY" not in environ
    behind_proxy = lane.environ({"HTTP_PROXY": "http://proxy:1", "NO_PROXY": "example.org"})
    assert behind_proxy["NO_PROXY"] == "example.org,127.0.0.1,localhost"


def test_a_failing_engine_is_an_error_with_all_it_printed(lane: Lane) -> None:
    lane.start()
    script(lane.home.bin / "pulumi", "/bin/sh", 'echo "out $*"; echo err >&2; exit 7')
    with pytest.raises(PulumiError, match=r"pulumi up --yes ended with 7:\nout --non-interactive up --yes\nerr"):
        lane.pulumi("up", "--yes")
    assert lane.pulumi("up", check=False).returncode == 7


def test_no_engine_is_a_sentence_with_the_remedy(lane: Lane) -> None:
    with pytest.raises(FileNotFoundError, match="make setup"):
        lane.engine({"PATH": str(lane.home.bin)})


def test_lanes_are_found_by_their_folders(lane: Lane) -> None:
    assert lanes_of(lane.home) == []
    lane.start()
    assert [found.name for found in lanes_of(lane.home)] == ["t"]
    lane.remove()
    assert lanes_of(lane.home) == []


def test_the_environment_file_can_be_sourced_twice(home: Home) -> None:
    lane = Lane(home=home)
    lane.start()
    try:
        write_env_file(lane)
        assert home.env_file.read_text() == env_file_text(lane)
        sourced = f". {home.env_file}"
        command = f'{sourced}; {sourced}; echo "$PATH"; echo "$AWS_ENDPOINT_URL"; echo "${{AWS_PROFILE-none}}"'
        environ = {"PATH": "/usr/bin:/bin", "AWS_PROFILE": "production"}
        done = subprocess.run(["/bin/sh", "-c", command], env=environ, capture_output=True, text=True, check=True)
        folders = os.pathsep.join(str(folder) for folder in lane.path_folders)
        assert done.stdout.splitlines() == [f"{folders}:/usr/bin:/bin", lane.endpoint, "none"]
    finally:
        lane.stop()


def test_a_registry_that_died_is_started_again(lane: Lane) -> None:
    lane.start()
    assert lane.home.processes.stop("lane/t/registry")
    write_atomically(lane.root / "registry.json", json.dumps({"port": "none"}))
    assert lane.start().registry == lane.registry.address()
