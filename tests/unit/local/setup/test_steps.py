from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from local.home import Home
from local.setup import steps
from local.setup.steps import (
    Progress,
    SetupError,
    fingerprint,
    install_file,
    reachable,
    run_logged,
    scratch_folder,
    stamp,
    stamped,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(root=tmp_path / ".batchyard", repository=tmp_path)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def without_times(text: str) -> str:
    return re.sub(r"\(\d+\.\d s\)", "(T s)", text)


def test_a_step_is_one_line_with_its_time() -> None:
    out = io.StringIO()
    progress = Progress(out)
    with progress.step("pulumi engine"):
        progress.doing("building")
        progress.outcome("built 3.250.0")
    with progress.step("registry"):
        progress.outcome("found")
    assert without_times(out.getvalue()) == (
        "  pulumi engine        building … built 3.250.0 (T s)\n  registry             found (T s)\n"
    )


def test_on_a_terminal_the_outcome_replaces_what_was_being_done() -> None:
    out = Terminal()
    progress = Progress(out)
    with progress.step("registry"):
        progress.doing("unpacking")
        progress.outcome("unpacked")
    assert without_times(out.getvalue()).endswith("\r\x1b[K  registry             unpacked (T s)\n")


def test_a_step_that_fails_ends_its_line() -> None:
    out = io.StringIO()
    progress = Progress(out)
    with pytest.raises(SetupError), progress.step("registry"):
        progress.doing("unpacking")
        raise SetupError("no room")
    assert out.getvalue().endswith("unpacking … \n")


def test_a_command_that_fails_names_the_remedy_and_shows_its_last_lines(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('line one'); print('no room left'); raise SystemExit(3)"]
    with pytest.raises(
        SetupError, match=r"ended with 3; make room\. The end of .*log:\n    line one\n    no room left"
    ):
        run_logged(command, log=tmp_path / "log", remedy="make room")


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="nothing can't be started"):
        run_logged([tmp_path / "nothing"], log=tmp_path / "log", remedy="install it")


def test_a_step_without_its_stamp_counts_as_unfinished(home: Home) -> None:
    assert not stamped(home, "engine", "1")
    stamp(home, "engine", "1")
    assert stamped(home, "engine", "1")
    assert not stamped(home, "engine", "2")


def test_half_made_things_never_reach_their_place(home: Home) -> None:
    target = home.bin / "pulumi"
    with pytest.raises(KeyboardInterrupt), scratch_folder(home, "engine") as folder:
        (folder / "pulumi").write_text("half")
        raise KeyboardInterrupt
    assert not target.exists()
    assert list(home.cache.iterdir()) == []
    (home.cache / "engine.killed").mkdir()
    with scratch_folder(home, "engine") as folder:
        assert [entry.name for entry in home.cache.iterdir()] == [folder.name]
        (folder / "pulumi").write_text("whole")
        install_file(folder / "pulumi", target)
    assert target.read_text() == "whole"
    assert target.stat().st_mode & 0o111


def test_a_fingerprint_changes_with_content_and_with_order(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("1")
    before = fingerprint(file, "x")
    assert before == fingerprint(file, "x") != fingerprint("x", file)
    file.write_text("2")
    assert before != fingerprint(file, "x")


def test_offline_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCHYARD_OFFLINE", "1")
    assert steps.offline()
    assert not reachable("127.0.0.1", 1)


def test_a_closed_port_is_not_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BATCHYARD_OFFLINE", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    from local.ports import free_port

    assert not reachable("127.0.0.1", free_port())
