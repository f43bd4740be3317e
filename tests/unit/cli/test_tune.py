"""`batchyard tune`: proposals out of a ledger in moto's S3, as a diff and into the file."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from cli import tune
from cli.main import app
from local.home import REPOSITORY, Home
from reports.model.report import Proposal
from reports.run import make_report
from reports.stage import StageAccess
from tests.unit.reports.collect.ledger_rows import STAGE, attempt_row, line, told, usage_row

FILE = f"Pulumi.{STAGE}.yaml"
ASKED_MIB = 512


class NoBill:
    def get_cost_and_usage(self, **_request: Any) -> Mapping[str, Any]:
        return {"ResultsByTime": []}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Jobs and the stack's file as they are shipped, in a folder of the test's own."""
    # the report's own job includes folders that aren't here
    left_out = shutil.ignore_patterns("__pycache__", "weekly-cost-report")
    shutil.copytree(REPOSITORY / "jobs", tmp_path / "jobs", ignore=left_out)
    job = tmp_path / "jobs" / "flights" / "job.yaml"
    job.write_text(re.sub(r"memory_mib: \d+", f"memory_mib: {ASKED_MIB}", job.read_text()))
    (tmp_path / FILE).write_text((REPOSITORY / FILE).read_text() + "# the last word\n")
    monkeypatch.setattr(Home, "default", classmethod(lambda _cls: Home(root=tmp_path / "home", repository=tmp_path)))
    return tmp_path


@pytest.fixture
def s3(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with mock_aws():
        made = boto3.client("s3", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        made.create_bucket(Bucket="ledger-1")
        clients = {"s3": made, "ce": NoBill()}
        access = StageAccess(
            stage=STAGE,
            region="us-east-1",
            buckets={"ledger": "ledger-1"},
            owners={"flights": "analytics"},
            client=lambda service: clients[service],
        )
        monkeypatch.setattr(tune, "open_stage", lambda *_arguments: access)
        yield made


def put_runs(s3: Any, count: int, *, peak_mib: float, out_of_memory: bool = False) -> None:
    """Runs of the flights job that ended within the last hours."""
    now = datetime.now(UTC)
    attempts, usage = [], []
    for number in range(count):
        ended = now - timedelta(minutes=30 + number)
        ms = round(ended.timestamp() * 1000)
        job_id = f"job-{number}"
        container: dict[str, Any] = (
            {"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}
            if out_of_memory
            else {"exitCode": 0}
        )
        once = told(0, 1, **container) | {"startedAt": ms - 60_000, "stoppedAt": ms}
        attempts.append(
            line(
                attempt_row(
                    job_id,
                    time=ended.isoformat(timespec="seconds"),
                    status="FAILED" if out_of_memory else "SUCCEEDED",
                    created_at=ms - 90_000,
                    started_at=ms - 60_000,
                    stopped_at=ms,
                    attempts=[once],
                    resource_requirements=[
                        {"type": "VCPU", "value": "1"},
                        {"type": "MEMORY", "value": str(ASKED_MIB)},
                    ],
                    exit_code=container["exitCode"],
                )
            )
        )
        usage.append(line(usage_row(job_id, peak_memory_mib=peak_mib)))
    day = now.date().isoformat()
    s3.put_object(Bucket="ledger-1", Key=f"attempts/day={day}/a", Body="\n".join(attempts).encode())
    s3.put_object(Bucket="ledger-1", Key=f"usage/day={day}/a", Body="\n".join(usage).encode())


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["tune", "--stack", STAGE, *arguments])


def test_the_diff_is_shown_and_only_write_changes_the_file(s3: Any, repository: Path) -> None:
    put_runs(s3, 12, peak_mib=200)
    before = (repository / FILE).read_text()
    shown = invoke()
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout, shown.stderr
    assert shown.stdout.startswith(f"--- a/{FILE}\n+++ b/{FILE}\n@@ ")
    added = [row[1:] for row in shown.stdout.splitlines() if row.startswith("+") and not row.startswith("+++")]
    assert added[-1].strip() == "memory_mib: 256"  # 200 × 1.15, in steps of 64
    assert not [row for row in shown.stdout.splitlines() if row.startswith("-") and not row.startswith("---")]
    assert "flights: 512 → 256 MiB: peak 200 MiB over 12 runs of its image, × 1.15" in shown.stderr
    assert (repository / FILE).read_text() == before
    others = {path: path.read_bytes() for path in (repository / "jobs").rglob("*") if path.is_file()}

    written = json.loads(invoke("--write", "--json").stdout)
    after = (repository / FILE).read_text()
    assert (written["written"], written["diff"], written["file"]) == (True, shown.stdout, FILE)
    assert [row for row in after.splitlines() if row not in added] == [
        row for row in before.splitlines() if row not in added
    ]
    assert {path: path.read_bytes() for path in (repository / "jobs").rglob("*") if path.is_file()} == others

    again = invoke("--write")
    assert (again.exit_code, again.stdout, (repository / FILE).read_text()) == (0, "", after)
    assert "nothing to change" in again.stderr
    assert "256 MiB fits: its peak was 200 MiB" in again.stderr


def test_too_little_evidence_and_out_of_memory(s3: Any, repository: Path) -> None:
    put_runs(s3, 3, peak_mib=200)
    few = invoke()
    assert (few.exit_code, few.stdout) == (0, "")
    assert "flights: as it is: 3 measured runs of its image succeeded, 10 are needed" in few.stderr
    put_runs(s3, 1, peak_mib=512, out_of_memory=True)
    shutil.rmtree(repository / "home")
    killed = invoke()
    assert "memory_mib: 768" in killed.stdout
    assert "killed for memory at 512 MiB" in killed.stderr


def propose(monkeypatch: pytest.MonkeyPatch, **memory_mib: int) -> None:
    """Let the report propose this, whatever ran."""
    made_up = tuple(
        Proposal(
            job=job,
            key=tune.MEMORY_KEY,
            now="512",
            proposed=str(mib),
            saving_nano_per_week=None,
            evidence="made up",
        )
        for job, mib in memory_mib.items()
    )
    monkeypatch.setattr(
        tune, "make_report", lambda *a, **k: make_report(*a, **k).model_copy(update={"proposals": made_up})
    )


def test_a_job_whose_block_is_an_alias_is_named_and_the_others_are_written(
    s3: Any, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_runs(s3, 1, peak_mib=10)
    file = repository / FILE
    shared = "    flights:\n      <<: &usual {resources: {vcpus: 1, memory_mib: 512}}\n      timeout_s: 600\n"
    jobs = f"  batchyard:jobs:\n{shared}"
    before = file.read_text().replace("config:\n", f"config:\n{jobs}")
    file.write_text(before)
    propose(monkeypatch, flights=640, thumbnails=768)
    done = invoke("--write")
    assert done.exit_code == 1
    assert "config.batchyard:jobs.flights.resources.memory_mib is written so that one change" in done.stderr
    assert "write 640 there by hand" in done.stderr
    added = [row[1:] for row in done.stdout.splitlines() if row.startswith("+") and not row.startswith("+++")]
    assert [row.strip() for row in added] == ["thumbnails:", "resources:", "memory_mib: 768"]
    assert [row for row in file.read_text().splitlines() if row not in added] == before.splitlines()
    told = json.loads(invoke("--json").stdout)
    assert [said.partition(" is ")[0] for said in told["refused"]] == [
        f"{FILE}: config.batchyard:jobs.flights.resources.memory_mib"
    ]


def test_a_proposal_that_the_stage_cannot_hold_is_refused(
    s3: Any, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_runs(s3, 1, peak_mib=10)
    before = (repository / FILE).read_bytes()
    propose(monkeypatch, flights=30_000_000)
    done = invoke("--write")
    assert done.exit_code == 1
    assert f"{FILE} with what is proposed: " in done.stderr
    assert (repository / FILE).read_bytes() == before


def test_a_stack_without_a_file_and_a_broken_one(repository: Path) -> None:
    assert CliRunner().invoke(app, ["tune", "--stack", "nowhere"]).exit_code == 2
    (repository / FILE).write_text("config: {a: [}\n")
    done = invoke()
    assert done.exit_code == 1
    assert FILE in done.stderr
