from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.home import Home
from local.left_over import ours, stop_left_over
from local.processes import wait_until
from local.setup import clean as module
from local.setup.clean import clean, remove_tree

WAITS = "import signal; print('ready', flush=True); signal.pause()"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(root=tmp_path / ".batchyard", repository=tmp_path / "repository")


def plugin(home: Home, tmp_path: Path, *, of: Path) -> subprocess.Popen[str]:
    """A process that looks like a stand-in plugin of the home `of`."""
    package = tmp_path / "modules" / "local" / "providers"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    (package.parent / "__init__.py").touch()
    (package / "aws.py").write_text(WAITS)
    environ = {**os.environ, "BATCHYARD_HOME": str(of), "PYTHONPATH": str(tmp_path / "modules")}
    command = [sys.executable, "-m", "local.providers.aws"]
    process = subprocess.Popen(command, env=environ, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_nothing_to_clean_is_fine(home: Home) -> None:
    assert clean(home) == []


def test_every_recorded_process_is_stopped_and_the_home_removed(home: Home) -> None:
    for name in ("lane/a/registry", "lane/a/emulator", "docker-engine"):
        home.processes.start(name, [sys.executable, "-c", WAITS], log=home.logs / "log")
    records = home.processes.all()
    assert clean(home) == ["lane/a/emulator", "lane/a/registry", "docker-engine"]
    assert not any(record.alive for record in records)
    assert not home.root.exists()


def test_a_plugin_that_outlived_its_engine_is_stopped(home: Home, tmp_path: Path) -> None:
    process = plugin(home, tmp_path, of=home.root)
    assert stop_left_over(home, lane="another") == []
    assert stop_left_over(home) == ["local.providers.aws"]
    assert wait_until(lambda: process.poll() is not None, timeout_s=240)


def test_another_homes_plugin_and_a_sourced_shell_are_left_alone(home: Home, tmp_path: Path) -> None:
    other = plugin(home, tmp_path, of=tmp_path / "other")
    environ = {**os.environ, "BATCHYARD_HOME": str(home.root)}
    shell = subprocess.Popen([sys.executable, "-c", WAITS], env=environ, stdout=subprocess.PIPE)
    try:
        assert shell.stdout is not None
        assert shell.stdout.readline() == b"ready\n"
        assert ours(other.pid, home) is None
        assert ours(shell.pid, home) is None
        assert stop_left_over(home) == []
    finally:
        for process in (other, shell):
            process.kill()
            process.wait()


def test_folders_without_write_permission_go_too(tmp_path: Path) -> None:
    folder = tmp_path / "modules" / "pulumi"
    folder.mkdir(parents=True)
    (folder / "main.go").touch()
    (folder / "main.go").chmod(0o400)
    folder.chmod(0o500)
    remove_tree(tmp_path / "modules")
    assert not (tmp_path / "modules").exists()


def test_a_home_that_holds_the_repository_is_never_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Home, "default", classmethod(lambda cls: Home(root=tmp_path, repository=tmp_path / "r")))
    assert module.main() == 2
    assert tmp_path.exists()
