from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.processes import (
    ProcessRecord,
    ProcessTable,
    process_identity,
    stop_process,
    wait_until,
    write_atomically,
)

SLEEPER = [sys.executable, "-c", "import signal; signal.pause()"]
DEAF = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()",
]


def test_a_started_process_is_found_and_stopped(tmp_path: Path) -> None:
    table = ProcessTable(tmp_path / "processes.json")
    process = table.start("sleeper", SLEEPER, log=tmp_path / "log")
    record = table.find("sleeper")
    assert record is not None
    assert record.pid == process.pid
    assert table.stop("sleeper")
    assert not record.alive
    assert table.all() == []
    assert not table.stop("sleeper")


def test_a_reused_pid_is_never_stopped(tmp_path: Path) -> None:
    innocent = subprocess.Popen(SLEEPER)
    try:
        write_atomically(
            tmp_path / "processes.json",
            json.dumps({"emulator": {"pid": innocent.pid, "identity": "another boot/1", "command": []}}),
        )
        table = ProcessTable(tmp_path / "processes.json")
        assert table.find("emulator") is None
        assert not table.stop("emulator")
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_a_process_deaf_to_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    table = ProcessTable(tmp_path / "processes.json")
    table.start("deaf", DEAF, log=tmp_path / "log")
    assert wait_until(lambda: "deaf" in (tmp_path / "log").read_text(), timeout_s=240)
    record = table.find("deaf")
    assert record is not None
    # the grace is SIGTERM's: what is killed is waited for, however short that was
    assert table.stop("deaf", grace_s=0)
    assert not record.alive


def test_a_zombie_counts_as_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    try:
        assert wait_until(lambda: process_identity(process.pid) is None, timeout_s=240)
    finally:
        process.wait()


def test_no_such_process_has_no_identity() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert process_identity(process.pid) is None
    assert not stop_process(ProcessRecord(name="gone", pid=process.pid, identity="x"))


def test_a_table_that_is_no_json_holds_nothing_and_is_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "processes.json"
    file.write_text('{"emulator": {"pid": 1')
    table = ProcessTable(file)
    assert table.all() == []
    table.record("self", os.getpid())
    assert [record.name for record in table.all()] == ["self"]


def test_two_tables_on_one_file_keep_each_others_records(tmp_path: Path) -> None:
    first, second = (ProcessTable(tmp_path / "processes.json") for _ in range(2))
    first.record("a", os.getpid())
    second.record("b", os.getpid())
    assert sorted(record.name for record in first.all()) == ["a", "b"]


def test_an_executable_that_is_not_there_leaves_no_record(tmp_path: Path) -> None:
    table = ProcessTable(tmp_path / "processes.json")
    with pytest.raises(FileNotFoundError):
        table.start("nothing", [str(tmp_path / "nothing")], log=tmp_path / "log")
    assert table.all() == []


def test_a_write_that_fails_keeps_the_old_content(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    write_atomically(file, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(file, "new \ud800")
    assert file.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]
