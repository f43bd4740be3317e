"""Every command: help with examples, JSON, exit codes; `runs` on a ledger in moto's S3; `jobs` on made-up folders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import click
import pytest
import typer
from moto import mock_aws
from typer.testing import CliRunner

from cli import doctor, local, runs
from cli.doctor import Finding
from cli.main import app
from cli.stage_access import open_stage
from jobs.spec.schema import schema_text
from local.home import REPOSITORY, Home
from local.lane import Lane, PulumiError
from reports.stage import StageAccess, StageUnavailableError, from_outputs
from tests.unit.reports.collect.ledger_rows import STAGE, attempt_row, line, told, usage_row


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def commands() -> list[tuple[str, ...]]:
    """Every command by its words."""
    found: list[tuple[str, ...]] = []

    def walk(command: Any, words: tuple[str, ...]) -> None:
        if isinstance(getattr(command, "commands", None), dict):
            for name, child in command.commands.items():
                walk(child, (*words, name))
        else:
            found.append(words)

    walk(typer.main.get_command(app), ())
    return found


def test_the_commands_there_are() -> None:
    assert {" ".join(words) for words in commands()} == {
        "demo",
        "runs",
        "report",
        "tune",
        "jobs list",
        "jobs check",
        "jobs schema",
        "events test",
        "schedules add",
        "schedules list",
        "schedules pause",
        "schedules resume",
        "schedules remove",
        "local up",
        "local down",
        "local status",
        "doctor",
    }


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_has_an_example_and_json_where_there_are_facts(words: tuple[str, ...]) -> None:
    done = invoke(*words, "--help")
    assert done.exit_code == 0
    assert f"batchyard {' '.join(words)}" in done.stdout
    # the schema is JSON already
    assert ("--json" in done.stdout) == (words != ("jobs", "schema"))


@pytest.mark.parametrize("arguments", [["nonsense"], ["runs", "--limit", "0"], ["runs", "--status", "maybe"], ["jobs"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert done.exception is None or isinstance(done.exception, SystemExit | click.ClickException)


# runs


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A stage whose buckets are moto's; gives its S3 client."""
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        for bucket in ("ledger-1", "results-1"):
            s3.create_bucket(Bucket=bucket)
        access = StageAccess(
            stage=STAGE,
            region="us-east-1",
            buckets={"ledger": "ledger-1", "results": "results-1"},
            owners={"flights": "analytics"},
            client=lambda _service: s3,
        )
        monkeypatch.setattr(runs, "open_stage", lambda *_arguments: access)
        yield s3


def put(s3: Any, key: str, *texts: str) -> None:
    s3.put_object(Bucket="ledger-1", Key=key, Body="\n".join(texts).encode())


def test_runs_are_the_ledgers_attempts_with_their_results(stage: Any) -> None:
    failed = attempt_row("bad", status="FAILED", attempts=[told(2, 3, exitCode=1)], exit_code=1)
    put(stage, "attempts/day=2025-11-21/a", line(attempt_row()), line(failed), "{broken")
    put(stage, "usage/day=2025-11-21/a", line(usage_row()))
    stage.put_object(Bucket="results-1", Key="flights/2013-01/delays.csv", Body=b"x")
    done = invoke("runs")
    assert done.exit_code == 0
    assert "flights/2013-01/delays.csv" in done.stdout
    assert "application-error" in done.stdout
    assert "set aside: attempts/day=2025-11-21/a:3 is no JSON: {broken" in done.stdout
    facts = json.loads(invoke("runs", "--json").stdout)
    assert [(run["job_id"], run["status"], run["results"]) for run in facts["runs"]] == [
        ("bad", "FAILED", []),
        ("job-1", "SUCCEEDED", ["flights/2013-01/delays.csv"]),
    ]
    assert (len(facts["set_aside"]), facts["undelivered"], facts["stage"]) == (1, 0, STAGE)


def test_runs_can_be_chosen(stage: Any) -> None:
    definition = "arn:aws:batch:us-east-1:123456789012:job-definition/batchyard-local-thumbnails:1"
    put(stage, "attempts/day=2025-11-20/a", line(attempt_row("old")))
    put(stage, "attempts/day=2025-11-21/b", line(attempt_row("photo", job_definition=definition)))

    def chosen(*options: str) -> list[str]:
        return [run["job_id"] for run in json.loads(invoke("runs", "--json", *options).stdout)["runs"]]

    assert chosen() == ["old", "photo"]
    assert chosen("--job", "thumbnails") == ["photo"]
    assert chosen("--status", "failed") == []
    assert chosen("--since", "2025-11-21") == ["photo"]
    assert "1 newest of 2 runs" in invoke("runs", "--limit", "1").stdout


@pytest.mark.usefixtures("stage")
def test_an_empty_ledger_says_so() -> None:
    assert "no run on record yet" in invoke("runs").stdout


def test_a_ledger_that_cannot_be_read_is_a_sentence(stage: Any) -> None:
    stage.delete_bucket(Bucket="ledger-1")
    done = invoke("runs")
    assert done.exit_code == 1
    assert "stage local: its ledger can't be read: " in done.stderr


def test_without_a_stage_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCHYARD_HOME", str(tmp_path))
    done = invoke("runs")
    assert done.exit_code == 1
    assert done.stderr == "stage local: isn't up; run `make up-local`, or `make demo` to see it work\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("outputs", [{}, {"stage": "text"}, {"stage": {"stage": "x", "region": "y"}}])
def test_outputs_that_are_no_stages(outputs: dict[str, Any]) -> None:
    with pytest.raises(StageUnavailableError, match="stack dev: exports no `stage` with its buckets"):
        from_outputs(outputs, stack="dev", client=None)


def test_a_stage_without_a_bucket_names_those_it_has() -> None:
    outputs = {"stage": {"stage": "dev", "region": "us-east-1", "buckets": {"uploads": "u-1"}}}
    access = from_outputs(outputs, stack="dev", client=None)
    assert (access.uploads_bucket, access.results_bucket) == ("u-1", None)
    with pytest.raises(StageUnavailableError, match="stage dev: has no bucket ledger; it has uploads"):
        access.ledger_bucket  # noqa: B018


def test_a_stack_whose_emulator_is_gone(tmp_path: Path) -> None:
    lane = Lane(home=Home(root=tmp_path))
    checkpoint = lane.root / "state" / ".pulumi" / "stacks" / "batchyard" / "local.json"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("{}")
    with pytest.raises(StageUnavailableError, match="the emulator of lane local isn't running; run `make up-local`"):
        open_stage("local", lane)


# jobs


def test_the_shipped_jobs_are_listed_and_without_mistakes() -> None:
    listed = json.loads(invoke("jobs", "list", "--json").stdout)["jobs"]
    assert {"flights", "thumbnails"} <= {job["job"] for job in listed}
    assert "uploads/photos/*.jpg uploads/photos/*.png" in invoke("jobs", "list").stdout
    assert invoke("jobs", "check").exit_code == 0
    assert json.loads(invoke("jobs", "check", "--stack", "local", "--json").stdout) == {
        "stacks": ["local"],
        "problems": [],
    }


def test_mistakes_come_all_at_once_with_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for job in ("flights", "thumbnails"):
        (tmp_path / "jobs" / job).mkdir(parents=True)
        text = (REPOSITORY / "jobs" / job / "job.yaml").read_text()
        (tmp_path / "jobs" / job / "job.yaml").write_text(text.replace("attempts: 3", "attempts: 12"))
    (tmp_path / "Pulumi.local.yaml").write_text((REPOSITORY / "Pulumi.local.yaml").read_text())
    monkeypatch.setattr(Home, "default", classmethod(lambda _cls: Home(root=tmp_path, repository=tmp_path)))
    done = invoke("jobs", "check")
    assert done.exit_code == 1
    assert "2 mistakes" in done.stdout
    assert done.stdout.count("retry.attempts is 12; Batch allows 1–10") == 2
    problems = json.loads(invoke("jobs", "check", "--json").stdout)["problems"]
    assert [problem["got"] for problem in problems] == ["12", "12"]
    assert invoke("jobs", "check", "--stack", "nowhere").exit_code == 2


def test_the_schema_is_the_files_text() -> None:
    assert invoke("jobs", "schema").stdout == schema_text()


# local


def test_a_stage_that_is_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCHYARD_HOME", str(tmp_path))
    done = invoke("local", "status")
    assert done.exit_code == 1
    assert "stage local isn't up: its emulator isn't running; run `make up-local`" in done.stdout
    facts = json.loads(invoke("local", "status", "--json").stdout)
    assert (facts["up"], facts["endpoint"]) == (False, None)


def test_an_engines_failure_shows_its_errors_and_not_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCHYARD_HOME", str(tmp_path))
    noise = "".join(f"  line {number}\n" for number in range(200))

    def broken(*_arguments: Any, **_options: Any) -> None:
        raise PulumiError(("up",), 255, f"progress\nDiagnostics:\n  error: queue lost\n{noise}")

    monkeypatch.setattr(local, "bring_up", broken)
    done = invoke("local", "up")
    assert done.exit_code == 1
    assert done.stderr.startswith("stage local: pulumi up ended with 255:\nerror: queue lost\n…\n")
    assert "line 199" in done.stderr
    assert "line 3\n" not in done.stderr
    assert "progress" not in done.stderr


# doctor


def test_the_doctor_names_the_remedy_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [
        Finding(name="engine", found="v3"),
        Finding(name="Docker", found="none answers", remedy="start it"),
    ]
    monkeypatch.setattr(doctor, "CHECKS", [lambda _lane, one=one: one for one in findings])
    done = invoke("doctor")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == ["ok      engine  v3", "problem Docker  none answers; start it"]
    facts = json.loads(invoke("doctor", "--json").stdout)
    assert (facts["ok"], facts["findings"][1]["remedy"]) == (False, "start it")
    monkeypatch.setattr(doctor, "CHECKS", [lambda _lane: findings[0]])
    assert invoke("doctor").exit_code == 0


def test_every_check_answers_on_an_empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "docker_version", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    lane = Lane(home=Home(root=tmp_path / "none"))
    findings = {finding.name: finding for finding in (check(lane) for check in doctor.CHECKS)}
    assert {name for name, finding in findings.items() if finding.remedy is not None} == {
        "Python environment",
        "Pulumi engine",
        "language host",
        "registry",
        "Docker engine",
        "base image",
        "demo files",
    }
    assert "down: its emulator isn't running" in findings["local stage"].found
