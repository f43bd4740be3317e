"""The demo's report: today's, of the stage it ran in, estimated and simulated and said so, in one page."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from rich.console import Console

from cli.demo_report import Told, show, tell
from jobs import conventions
from local.home import REPOSITORY
from reports.model.report import Identity, IdentityLine
from reports.stage import ExportedEnvironment, StageAccess
from tests.worlds.answers import Explorer
from tests.worlds.ledger import Delivery, cluster_arn, write
from tests.worlds.world import World, make

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 23, 50, tzinfo=UTC)
SECONDS = World(
    seed=7, start=TODAY, days=1, instances=1, fargate_attempts=6, jobs=2, mean_run_s=2, stage="local", edge_s=(1, 2)
)


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StageAccess]:
    """A local stage on which a handful of runs of seconds took place today."""
    made = make(SECONDS)
    folder = tmp_path_factory.mktemp("objects")
    write(made, folder, stage="local", delivery=Delivery(late=0))
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        s3.create_bucket(Bucket="ledger-1")
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            s3.put_object(Bucket="ledger-1", Key=file.relative_to(folder).as_posix(), Body=file.read_bytes())
        explorer = Explorer(made.bill_lines, stage_tag=conventions.TAG_STAGE, closed_until=TODAY)
        clients: dict[str, Any] = {"s3": s3, "ce": explorer}
        yield StageAccess(
            stage="local",
            region="us-east-1",
            buckets={"ledger": "ledger-1"},
            owners={},
            client=lambda service: clients[service],
            environments={
                name: ExportedEnvironment(arn=f"arn:x:compute-environment/{name}", ecs_cluster_arn=cluster_arn(name))
                for name in ("spot", "on-demand")
            },
            simulated=True,
        )


def shown(told: Told) -> str:
    out = Console(file=io.StringIO(), width=120, color_system=None)
    show(told, out)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_it_tells_todays_dollars_and_where_they_went(access: StageAccess, tmp_path: Path) -> None:
    told = tell(access, repository=REPOSITORY, folder=tmp_path, since=TODAY, now=NOW)
    facts = told.facts()
    assert facts["sentence"].endswith(" in 2026-11-21, the first period on record")
    assert (facts["since"], facts["until"], facts["estimated"]) == ("2026-11-21", "2026-11-22", True)
    assert facts["total_nano"] == sum(facts["identity"].values()) > 0
    assert facts["identity"]["jobs"] == sum(facts["jobs"].values()) > 0
    text = shown(told)
    assert text.startswith(facts["sentence"])
    assert f"\nbill ${facts['total_nano'] / 1e9:.2f} = jobs $" in text
    assert facts["spot_saving_nano"] is None  # nobody here knows a price on demand
    assert " of spot capacity saved isn't known" in text
    assert "the bill of 2026-11-21 is AWS's estimate so far and may still change" in text
    assert "the bill is simulated: machine time of this emulated account at public prices; nobody pays it" in text
    assert f"the whole report is the thing to look at: {tmp_path / 'report.html'}" in text
    page = (tmp_path / "report.html").read_text()
    assert facts["sentence"] in page
    assert "The bill is simulated" in page


def test_amounts_of_a_few_seconds_are_not_nothing(access: StageAccess, tmp_path: Path) -> None:
    told = tell(access, repository=REPOSITORY, folder=tmp_path, since=TODAY, now=NOW)
    assert told.report is not None
    (group, *_) = told.report.breakdowns["job"]
    tiny = group.model_copy(update={"cost_nano": 312_000, "per_success_nano": 31_210})
    identity = Identity(bill_nano=312_000, lines=(IdentityLine(name="jobs", cost_nano=312_000),), apart=())
    report = told.report.model_copy(update={"breakdowns": {"job": (tiny,)}, "identity": identity})
    text = shown(Told(report=report))
    assert "bill $0.00031 = jobs $0.00031" in text
    (row,) = [line for line in text.splitlines() if line.lstrip().startswith(group.key)]
    assert row.split()[1] == "$0.00031"
    assert row.split()[-1] == "$0.00003121"


def test_a_demo_over_midnight_tells_both_days(access: StageAccess, tmp_path: Path) -> None:
    moment = NOW.replace(day=22, hour=0, minute=5)
    told = tell(access, repository=REPOSITORY, folder=tmp_path, since=TODAY, now=moment).facts()
    assert (told["since"], told["until"]) == ("2026-11-21", "2026-11-23")
    assert told["total_nano"] > 0


def test_without_a_bill_it_tells_what_ran(access: StageAccess, tmp_path: Path) -> None:
    def client(service: str) -> Any:
        if service == "ce":
            raise KeyError("ce")
        return access.client(service)

    told = tell(replace(access, client=client), repository=REPOSITORY, folder=tmp_path, since=TODAY, now=NOW)
    assert told.report is not None
    assert told.facts()["sentence"].startswith("no bill for 2026-11-21: what ")
    assert "! the bill couldn't be read: KeyError: 'ce'" in shown(told)


def test_a_page_that_cannot_be_written_is_said(access: StageAccess, tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    told = tell(access, repository=REPOSITORY, folder=tmp_path, since=TODAY, now=NOW)
    assert told.report is None
    assert "no report of what this cost: IsADirectoryError: " in shown(told)
