"""The probe under every POSIX shell this machine has: exit codes, signals, JSON, cgroups."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs import conventions

PROBE = Path(__file__).with_name("probe.sh")
SHELLS = [
    pytest.param(command, id=command[0])
    for command in (["dash"], ["busybox", "sh"], ["bash", "--posix"])
    if shutil.which(command[0])
]
DEADLINE_S = 240
ITEMS_FILE = conventions.ENV_ITEMS_FILE


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    return [str(part) for part in request.param]


def run(
    shell: list[str], *command: str, environ: dict[str, str] | None = None, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*shell, str(PROBE), *command],
        capture_output=True,
        check=False,
        input=stdin,
        timeout=DEADLINE_S,
        env={"PATH": os.environ["PATH"], **(environ or {})},
    )


def usage(stderr: bytes) -> dict[str, Any]:
    """The probe's line, which must be the last of the log and stand alone on it."""
    line = json.loads(stderr.decode().splitlines()[-1])
    assert isinstance(line, dict)
    assert tuple(line) == conventions.USAGE_COLUMNS
    assert stderr.count(b'"type":"usage"') == 1
    return line


def started(shell: list[str], program: str, environ: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """A Python job that says "ready" once its own handlers are in place; what it printed after that is left to read."""
    process = subprocess.Popen(
        [*shell, str(PROBE), sys.executable, "-u", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **(environ or {})},
        # A caller that ignores INT would make every program under it ignore INT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize("code", [0, 1, 7, 126, 127, 200, 255])
def test_the_exit_code_is_the_jobs_own(shell: list[str], code: int) -> None:
    done = run(shell, "sh", "-c", f"exit {code}")
    assert done.returncode == code
    line = usage(done.stderr)
    assert line["exit_code"] == code
    assert line["signal"] is None or code > 128


def test_a_command_that_does_not_exist_is_127(shell: list[str]) -> None:
    done = run(shell, "/no/such/command")
    assert done.returncode == 127
    assert usage(done.stderr)["exit_code"] == 127


def test_no_command_says_what_to_write(shell: list[str]) -> None:
    done = run(shell)
    assert done.returncode == 64
    assert b"batchyard-probe: no command given; write ENTRYPOINT" in done.stderr


def test_arguments_environment_and_stdin_arrive_untouched(shell: list[str]) -> None:
    arguments = ["a b", "", "*", '"quoted" \\back', "$HOME `id`", "zeile\nzwei", "grün 🙂", "-n", "--", "x=y"]
    show = "import json,os,sys; print(json.dumps([sys.argv[1:], sys.stdin.read(), dict(os.environ)]))"
    environ = {"code": "mine", "child": "mine", "LC_CTYPE": "C.UTF-8"}
    done = run(shell, sys.executable, "-c", show, *arguments, environ=environ, stdin=b"given")
    seen_arguments, seen_stdin, seen_environ = json.loads(done.stdout)
    assert seen_arguments == arguments
    assert seen_stdin == "given"
    added = {"PWD", "SHLVL", "OLDPWD", "_", ITEMS_FILE}
    assert {name: value for name, value in seen_environ.items() if name not in added} == {
        **environ,
        "PATH": os.environ["PATH"],
    }


def test_a_command_whose_name_has_an_equals_sign_is_a_command(shell: list[str], tmp_path: Path) -> None:
    command = tmp_path / "a=b"
    command.write_text("#!/bin/sh\nexit 5\n")
    command.chmod(0o755)
    assert run(shell, str(command)).returncode == 5


def test_values_are_escaped_for_json(shell: list[str]) -> None:
    environ = {
        "AWS_BATCH_JOB_ID": 'id "quoted" \\ back\tslash\nline\x01\x7f',
        "AWS_BATCH_JOB_ATTEMPT": "3",
        "AWS_BATCH_JOB_ARRAY_INDEX": "0",
        "BATCHYARD_JOB": "grün 🙂",
        "BATCHYARD_OWNER": "$(id) `id` * %s",
        "BATCHYARD_STAGE": "local",
        "AWS_BATCH_CE_NAME": 'spot "0a1b"\\',
    }
    line = usage(run(shell, "true", environ=environ).stderr)
    assert line["job_id"] == environ["AWS_BATCH_JOB_ID"]
    assert (line["attempt"], line["array_index"]) == (3, 0)
    assert [line["job"], line["owner"], line["stage"]] == ["grün 🙂", "$(id) `id` * %s", "local"]
    assert line["compute_environment"] == environ["AWS_BATCH_CE_NAME"]


@pytest.mark.parametrize("nonsense", ["", "x", "-1", "007", "1e3"])
def test_numbers_that_are_none_are_not_passed_on(shell: list[str], nonsense: str) -> None:
    environ = {"AWS_BATCH_JOB_ATTEMPT": nonsense, "AWS_BATCH_JOB_ARRAY_INDEX": nonsense}
    line = usage(run(shell, "true", environ=environ).stderr)
    assert (line["attempt"], line["array_index"]) == (1, None)


def test_the_line_stands_alone_after_an_unfinished_one(shell: list[str]) -> None:
    done = run(shell, "sh", "-c", "printf unfinished >&2; exit 3")
    assert done.stderr.splitlines()[0] == b"unfinished"
    assert usage(done.stderr)["exit_code"] == 3


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
def test_signals_reach_a_job_that_handles_them(shell: list[str], name: str) -> None:
    process = started(
        shell,
        "import signal, sys\n"
        "for name in ('SIGTERM', 'SIGINT', 'SIGHUP'):\n"
        "    signal.signal(getattr(signal, name), lambda number, frame: (print(number), sys.exit(42)))\n"
        "print('ready')\n"
        "while True: signal.pause()\n",
    )
    process.send_signal(signal.Signals[f"SIG{name}"])
    out, err = process.communicate(timeout=DEADLINE_S)
    assert out == f"{signal.Signals[f'SIG{name}'].value}\n".encode()
    assert process.returncode == 42
    line = usage(err)
    assert (line["exit_code"], line["signal"]) == (42, name)


@pytest.mark.parametrize("name", ["TERM", "HUP", "INT"])
def test_a_job_that_dies_of_the_signal_is_128_plus_its_number(shell: list[str], name: str) -> None:
    process = started(
        shell,
        f"import signal\nsignal.signal(signal.SIG{name}, signal.SIG_DFL)\nprint('ready')\nwhile True: signal.pause()\n",
    )
    process.send_signal(signal.Signals[f"SIG{name}"])
    _, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 128 + signal.Signals[f"SIG{name}"].value
    assert usage(err)["signal"] == name


def test_a_job_that_ignores_the_signal_runs_on(shell: list[str]) -> None:
    process = started(
        shell,
        "import signal, sys\n"
        # blocked and waited for: none is lost however soon it comes
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
        "print('ready')\n"
        "for _ in range(2):\n"
        "    signal.sigwait({signal.SIGTERM})\n"
        "    print('heard')\n"
        "sys.exit(9)\n",
    )
    assert process.stdout is not None
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == b"heard\n"
    _, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 9
    assert usage(err)["exit_code"] == 9


def test_a_job_killed_from_outside_still_leaves_its_line(shell: list[str]) -> None:
    done = run(shell, "sh", "-c", "kill -KILL $$")
    assert done.returncode == 137
    line = usage(done.stderr)
    assert (line["exit_code"], line["signal"]) == (137, "KILL")


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """A folder for the probe's own; empty again when it has ended."""
    folder = tmp_path / "temporary files"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("written", "items"),
    [("12", 12), (" \t12\r\n\n", 12), ("0\n", 0), ("007", 7), ("000", 0), (f"{conventions.ITEMS_MAX}", 10**12)],
)
def test_a_job_tells_how_many_items_it_handled(shell: list[str], temporary: Path, written: str, items: int) -> None:
    write = f"import os, pathlib; pathlib.Path(os.environ['{ITEMS_FILE}']).write_text({written!r})"
    done = run(shell, sys.executable, "-c", write, environ={"TMPDIR": str(temporary)})
    assert usage(done.stderr)["items"] == items
    assert b"batchyard-probe" not in done.stderr
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "written",
    [
        *("", " \n", "-1", "+1", "1.0", "1e3", "0x10", "twelve", "1 2", "1\n2\n", "1\0002", '"1"', "١٢"),
        *(f"{conventions.ITEMS_MAX + 1}", "9" * 30, "1" + " " * 5000, " " * 5000 + "1", "9" * 5000),
    ],
)
def test_what_is_no_whole_number_of_items_is_null_and_said(shell: list[str], temporary: Path, written: str) -> None:
    write = f"import os, pathlib; pathlib.Path(os.environ['{ITEMS_FILE}']).write_text({written!r}, 'utf-8')"
    done = run(shell, sys.executable, "-c", write, environ={"TMPDIR": str(temporary)})
    assert usage(done.stderr)["items"] is None
    (said,) = [one for one in done.stderr.decode().splitlines() if one.startswith("batchyard-probe: ")]
    assert f"the job's {ITEMS_FILE} holds " in said
    assert f"write one whole number from 0 to {conventions.ITEMS_MAX} to it" in said
    assert len(said) < 300
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("made", ['mkdir "$0"', 'mkfifo "$0"', 'ln -s /no/such/file "$0"'])
def test_what_is_no_file_of_items_is_null_and_said(shell: list[str], temporary: Path, made: str) -> None:
    environ = {"TMPDIR": str(temporary)}
    done = run(shell, "sh", "-c", f'set -- "${ITEMS_FILE}"; {made.replace("$0", "$1")}', environ=environ)
    assert (done.returncode, usage(done.stderr)["items"]) == (0, None)
    assert f"the job's {ITEMS_FILE} is no file".encode() in done.stderr
    assert list(temporary.iterdir()) == []


def test_a_job_that_tells_no_items_is_left_alone(shell: list[str], temporary: Path) -> None:
    done = run(shell, "true", environ={"TMPDIR": str(temporary)})
    assert usage(done.stderr)["items"] is None
    assert b"batchyard-probe" not in done.stderr
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("end", "code"), [("exit 3", 3), ("kill -KILL $$", 137), ("kill -TERM $$", 143)])
def test_items_are_told_however_the_job_ended(shell: list[str], temporary: Path, end: str, code: int) -> None:
    environ = {"TMPDIR": str(temporary)}
    done = run(shell, "sh", "-c", f'echo 5 > "${ITEMS_FILE}"; {end}', environ=environ)
    line = usage(done.stderr)
    assert (done.returncode, line["exit_code"], line["items"]) == (code, code, 5)
    assert list(temporary.iterdir()) == []


def test_a_probe_that_is_asked_to_end_takes_the_items_and_its_folder(shell: list[str], temporary: Path) -> None:
    process = started(
        shell,
        f"import os, pathlib, signal\npathlib.Path(os.environ['{ITEMS_FILE}']).write_text('8')\nprint('ready')\n"
        "while True: signal.pause()\n",
        {"TMPDIR": str(temporary)},
    )
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, usage(err)["items"]) == (143, 8)
    assert list(temporary.iterdir()) == []


def test_without_a_temporary_folder_the_job_runs_and_has_no_file_for_items(shell: list[str], tmp_path: Path) -> None:
    environ = {"TMPDIR": str(tmp_path / "none"), ITEMS_FILE: "/of/somebody/else"}
    done = run(shell, "sh", "-c", f'echo "${{{ITEMS_FILE}-none}}"; exit 4', environ=environ)
    assert (done.returncode, done.stdout, usage(done.stderr)["items"]) == (4, b"none\n", None)
    assert f"batchyard-probe: {tmp_path}/none: no folder can be made in it".encode() in done.stderr


def test_the_probes_within_one_another_have_a_file_each(shell: list[str], temporary: Path) -> None:
    inner = [*shell, str(PROBE), "sh", "-c", f'echo 3 > "${ITEMS_FILE}"']
    done = run(shell, *inner, environ={"TMPDIR": str(temporary)})
    lines = [json.loads(one)["items"] for one in done.stderr.decode().splitlines() if one.startswith("{")]
    assert lines == [3, None]
    assert list(temporary.iterdir()) == []


def fake_root(folder: Path, files: dict[str, str]) -> dict[str, str]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {"BATCHYARD_PROBE_ROOT": str(folder)}


MIB = 1024 * 1024


@pytest.mark.parametrize("own", ["", "job/1"], ids=["the mount's root", "its own cgroup"])
def test_cgroup_v2(shell: list[str], tmp_path: Path, own: str) -> None:
    place = f"sys/fs/cgroup/{own}"
    environ = fake_root(
        tmp_path,
        {
            "proc/self/cgroup": "0::/job/1\n",
            "sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
            f"{place}/memory.peak": f"{300 * MIB + MIB // 2}\n",
            f"{place}/memory.max": f"{512 * MIB}\n",
            f"{place}/cpu.stat": "usage_usec 1000000\nuser_usec 900000\nsystem_usec 100000\n",
        },
    )
    more = f"printf 'usage_usec 3250000\\nuser_usec 1\\n' > '{tmp_path / place}/cpu.stat'"
    line = usage(run(shell, "sh", "-c", more, environ=environ).stderr)
    assert line["cgroup_version"] == 2
    assert line["peak_memory_mib"] == 300.5
    assert line["memory_limit_mib"] == 512
    assert line["cpu_s"] == 2.25


def test_cgroup_v2_without_a_limit(shell: list[str], tmp_path: Path) -> None:
    environ = fake_root(
        tmp_path,
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
            "sys/fs/cgroup/memory.peak": "1048576\n",
            "sys/fs/cgroup/memory.max": "max\n",
            "sys/fs/cgroup/cpu.stat": "usage_usec 0\n",
        },
    )
    line = usage(run(shell, "true", environ=environ).stderr)
    assert (line["peak_memory_mib"], line["memory_limit_mib"]) == (1, None)


@pytest.mark.parametrize("own", ["", "docker/abc/"], ids=["the mount's root", "its own cgroup"])
@pytest.mark.parametrize("limit", ["536870912", "9223372036854771712"])
def test_cgroup_v1(shell: list[str], tmp_path: Path, own: str, limit: str) -> None:
    environ = fake_root(
        tmp_path,
        {
            "proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/\n",
            f"sys/fs/cgroup/memory/{own}memory.max_usage_in_bytes": "104857600\n",
            f"sys/fs/cgroup/memory/{own}memory.limit_in_bytes": f"{limit}\n",
            f"sys/fs/cgroup/cpu,cpuacct/{own}cpuacct.usage": "5000000000\n",
        },
    )
    more = f"echo 6500000000 > '{tmp_path}/sys/fs/cgroup/cpu,cpuacct/{own}cpuacct.usage'"
    line = usage(run(shell, "sh", "-c", more, environ=environ).stderr)
    assert line["cgroup_version"] == 1
    assert line["peak_memory_mib"] == 100
    assert line["memory_limit_mib"] == (512 if limit == "536870912" else None)
    assert line["cpu_s"] == 1.5


def test_without_a_cgroup_cpu_comes_from_the_kernel_and_memory_is_unknown(shell: list[str], tmp_path: Path) -> None:
    (tmp_path / "proc").symlink_to("/proc")
    environ = {"BATCHYARD_PROBE_ROOT": str(tmp_path)}
    busy = "import time\nwhile time.process_time() < 0.15: pass"
    line = usage(run(shell, sys.executable, "-c", busy, environ=environ).stderr)
    assert line["cgroup_version"] == 0
    assert (line["peak_memory_mib"], line["memory_limit_mib"]) == (None, None)
    assert line["cpu_s"] >= 0.1
    assert line["wall_s"] >= 0.1
