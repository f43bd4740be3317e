"""`batchyard demo` as a person runs it: a process of its own, the whole path, its table and its facts."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import cli.demo
from cli.main import app
from local.home import HOME_VARIABLE, LANE_VARIABLE, REPOSITORY
from local.lane import Lane
from tests.e2e.running_stage import RunningStage

TIMEOUT_S = 600
MONTHS = [f"flights/2013-{month:02d}.csv" for month in range(1, 13)]
PHOTOGRAPHS = [f"photos/{name}" for name in ("china.jpg", "china.png", "flower.jpg", "flower.png")]
PHASES = ["files", "stage", "uploads", "runs", "report", "total"]


def demo(lane: Lane, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs it on `lane`; its facts are then in the lane's folder."""
    environ = {**os.environ, HOME_VARIABLE: str(lane.home.root), LANE_VARIABLE: lane.name, **lane.home.bytecode}
    return subprocess.run(
        [str(lane.home.python), "-m", "cli", "demo", *arguments],
        cwd=REPOSITORY,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


def facts(lane: Lane) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((lane.root / "demo.json").read_text(encoding="utf-8"))
    return found


def test_a_demo_ends_with_every_result_and_its_facts(stage_of_session: RunningStage) -> None:
    lane = stage_of_session.lane
    lane.start()
    done = demo(lane)
    assert done.returncode == 0, done.stdout + done.stderr

    told = facts(lane)
    assert (told["results_expected"], told["results_missing"]) == (36, 0)
    assert (told["missing_keys"], told["unrecorded_uploads"], told["set_aside"]) == ([], [], 0)
    assert list(told["seconds"]) == PHASES
    assert sorted(run["key"] for run in told["runs"]) == MONTHS + PHOTOGRAPHS
    for run in told["runs"]:
        assert run["status"] == "SUCCEEDED", run
        assert (run["job"], run["queue"]) in (("flights", "critical"), ("thumbnails", "standard"))
        assert len(run["results"]) == {"flights": 2, "thumbnails": 3}[run["job"]]
        assert run["wait_s"] >= 0, run
        assert run["run_s"] > 0, run
    measured = [run for run in told["runs"] if run["memory_peak_mib"] is not None]
    assert measured
    assert all(0 < run["memory_peak_mib"] <= run["memory_asked_mib"] for run in measured)

    # the table has the same runs: of the ledger's rows, none is kept in this process
    stage_of_session.ensure_up()
    on_record = {attempt.job_id for attempt in stage_of_session.ledger().attempts}
    assert {run["job_id"] for run in told["runs"]} <= on_record
    lines = done.stdout.splitlines()
    rows = [line for line in lines if line.lstrip().startswith(("flights ", "thumbnails ")) and "SUCCEEDED" in line]
    assert len(rows) == 16
    assert "16 runs, 36 of 36 results" in done.stdout
    assert_the_report_adds_up(told["report"], done.stdout, lane.root / "report.html")
    (next_things,) = [number for number, line in enumerate(lines) if line == "Try next:"]
    assert [line[:5] for line in lines[next_things + 1 :] if line[:5].strip()] == ["  1. ", "  2. "]
    assert "\x1b" not in done.stdout


def assert_the_report_adds_up(report: dict[str, Any], shown: str, page: Path) -> None:
    """The bill is simulated, and its parts are to the nano-dollar what was paid."""
    assert report["total_nano"] == sum(report["identity"].values()) > 0
    assert report["identity"]["jobs"] == sum(report["jobs"].values()) > 0
    assert {"flights", "thumbnails"} <= report["jobs"].keys()
    assert report["estimated"]
    assert report["sentence"] in shown
    assert "\nbill $" in shown
    assert any(note.startswith("the bill is simulated") for note in report["notes"])
    assert report["sentence"] in page.read_text(encoding="utf-8")


def test_a_second_demo_right_after_the_first_works(stage: RunningStage) -> None:
    before = {attempt.job_id for attempt in stage.ledger().attempts}
    again = demo(stage.lane, "--json")
    assert again.returncode == 0, again.stdout + again.stderr
    told = json.loads(again.stdout)
    assert told == facts(stage.lane)
    assert (len(told["runs"]), told["results_missing"]) == (16, 0)
    # runs and results of an earlier demo don't pass for this one's
    assert not before & {run["job_id"] for run in told["runs"]}


def test_a_result_that_is_missing_fails_the_demo(
    stage: RunningStage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole, torn = (stage.lane.home.data / name for name in ("photos/china.jpg", "photos/flower.jpg"))
    corrupt = tmp_path / "corrupt.jpg"
    corrupt.write_bytes(torn.read_bytes()[:5000])
    files = {"photos/china.jpg": whole, "photos/flower.jpg": corrupt}
    monkeypatch.setattr(cli.demo, "demo_files", lambda _folder: files)
    monkeypatch.setenv(HOME_VARIABLE, str(stage.lane.home.root))
    monkeypatch.setenv(LANE_VARIABLE, stage.lane.name)

    failed = CliRunner().invoke(app, ["demo"])

    assert failed.exit_code == 1, failed.output
    missing = [f"thumbnails/photos/flower.jpg/{size}.jpg" for size in (1024, 128, 512)]
    assert f"3 results are missing: {', '.join(missing)}" in failed.stderr
    told = facts(stage.lane)
    assert (told["results_expected"], told["results_missing"], told["missing_keys"]) == (6, 3, missing)
    assert {run["key"]: run["status"] for run in told["runs"]} == {
        "photos/china.jpg": "SUCCEEDED",
        "photos/flower.jpg": "FAILED",
    }
    assert "application-error: Essential container in task exited" in failed.stdout
