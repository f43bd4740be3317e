"""`batchyard report` on a made-up fortnight: its ledger in moto's S3, its bill from a stand-in of Cost Explorer."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import boto3
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws
from typer.testing import CliRunner

from cli import report
from cli.main import app
from cli.report import bill_source
from cli.stage_report import stage_facts
from jobs import conventions
from jobs.stage_facts import StageFacts
from local.home import REPOSITORY
from reports.model.report import Report
from reports.period import choose
from reports.question import budgets, question, sold
from reports.run import make_report
from reports.stage import ExportedEnvironment, StageAccess, from_outputs
from tests.worlds.answers import Explorer, export
from tests.worlds.athena import Athena
from tests.worlds.ledger import Delivery, cluster_arn, write
from tests.worlds.world import Made, World, make, to_the_millisecond

WEEK = ("--week", "2025-W46")
BUCKET = "ledger-1"


@dataclass
class Stood:
    """A stage that is up, as the command finds it."""

    access: StageAccess
    made: Made
    clients: dict[str, Any]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Made, Any]]:
    # two engines give the same to the nano-dollar
    made = to_the_millisecond(make(World(seed=3, start=date(2025, 11, 3), days=14, instances=4, fargate_attempts=25)))
    folder = tmp_path_factory.mktemp("objects")
    write(made, folder, stage="prod", delivery=Delivery(bad_lines=2, late=0))
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        s3.create_bucket(Bucket=BUCKET)
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            s3.put_object(Bucket=BUCKET, Key=file.relative_to(folder).as_posix(), Body=file.read_bytes())
        yield made, s3


@pytest.fixture
def stood(built: tuple[Made, Any], monkeypatch: pytest.MonkeyPatch) -> Stood:
    made, s3 = built
    clients: dict[str, Any] = {"s3": s3, "ce": Explorer(made.bill_lines, stage_tag=conventions.TAG_STAGE)}
    access = StageAccess(
        stage="prod",
        region="us-east-1",
        buckets={"ledger": BUCKET},
        owners={},
        client=lambda service: clients[service],
        environments={
            "spot": ExportedEnvironment(arn="arn:x:compute-environment/s", ecs_cluster_arn=cluster_arn("spot")),
            "on-demand": ExportedEnvironment(
                arn="arn:x:compute-environment/o", ecs_cluster_arn=cluster_arn("on-demand")
            ),
            "fargate": ExportedEnvironment(arn="arn:x:compute-environment/batchyard-prod-fargate-0a1b"),
        },
    )
    monkeypatch.setattr(report, "open_stage", lambda *_arguments: access)
    return Stood(access=access, made=made, clients=clients)


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["report", "--stack", "prod", *arguments])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kept between the tests, as it is between reports."""
    return tmp_path_factory.mktemp("cache")


def test_every_format_says_the_same(stood: Stood, cache: Path, tmp_path: Path) -> None:
    shown = invoke(*WEEK, "--json", "--cache", str(cache))
    assert shown.exit_code == 0, shown.stderr
    made = Report.model_validate_json(shown.stdout)
    lines = stood.made.bill_lines
    week = lines[(lines["record_type"] == "usage") & (lines["day"] >= made.period.since)]
    assert made.total_nano == int(week["cost_nano"].sum()) == sum(line.cost_nano for line in made.identity.lines)
    assert {line.name for line in made.identity.lines} >= {"jobs", "storage", "logs"}
    assert any(line.name.startswith("idle of ") for line in made.identity.lines)
    assert made.set_aside == 2
    assert "Cost Explorer, usage: page 1, $0.01 so far" in shown.stderr
    for form in ("terminal", "html", "md"):
        done = invoke(*WEEK, "--format", form, "--cache", str(cache))
        assert done.exit_code == 0, done.stderr
        assert made.sentence.partition(":")[0] in done.stdout
    assert invoke(*WEEK, "-f", "csv", "-o", str(tmp_path / "csv"), "--cache", str(cache)).exit_code == 0
    assert invoke(*WEEK, "-o", str(tmp_path / "week.xlsx"), "--cache", str(cache)).exit_code == 0
    with (tmp_path / "csv" / "identity.csv").open() as stream:
        parts = [float(row["cost_usd"]) for row in csv.DictReader(stream)]
    assert sum(parts) * 1e9 == pytest.approx(made.total_nano, rel=1e-9), "no sum stands among the rows"
    assert openpyxl.load_workbook(tmp_path / "week.xlsx")["report"]["A1"].value == made.sentence
    assert sorted(path.name for path in tmp_path.iterdir()) == ["csv", "week.xlsx"]


def test_one_breakdown_and_an_export(stood: Stood, cache: Path, tmp_path: Path) -> None:
    export(stood.made.bill_lines, tmp_path / "cur.parquet")
    done = invoke(*WEEK, "--by", "owner", "--export", str(tmp_path), "--json", "--cache", str(cache))
    made = Report.model_validate_json(done.stdout)
    assert set(made.breakdowns) == {"owner"}
    assert {group.key for group in made.breakdowns["owner"]} == {"media", "data"}
    assert made.requests is None


def test_athena_gives_the_same_figures_and_both_write_parquet(stood: Stood, cache: Path, tmp_path: Path) -> None:
    stood.clients["glue"] = boto3.client(
        "glue", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    stood.clients["athena"] = Athena(stood.clients["s3"], stood.clients["glue"])
    told, allocated = {}, {}
    for engine in ("duckdb", "athena"):
        shown = invoke(*WEEK, "--json", "--engine", engine, "--cache", str(cache))
        assert shown.exit_code == 0, shown.stderr
        told[engine] = Report.model_validate_json(shown.stdout)
        folder = tmp_path / engine
        done = invoke(*WEEK, "-f", "parquet", "-o", str(folder), "--engine", engine, "--cache", str(cache))
        assert done.exit_code == 0, done.stderr
        allocated[engine] = sum(pq.read_table(folder / "allocations.parquet")["cost_nano"].to_pylist())
        assert {"identity.parquet", "by-job.parquet", "jobs.parquet"} < {path.name for path in folder.iterdir()}
        assert pq.read_schema(folder / "identity.parquet").field("cost").type == pa.decimal128(38, 9)
        assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    here, there = told["duckdb"], told["athena"]
    assert (there.sentence, there.breakdowns) == (here.sentence, here.breakdowns)
    assert there.identity.lines == here.identity.lines
    for one, other in zip(there.identity.previous, here.identity.previous, strict=True):
        assert one.cost_nano == pytest.approx(other.cost_nano, abs=2), "the last digit of sums of floats"
    assert (there.waste, there.units, there.days) == (here.waste, here.units, here.days)
    assert allocated == dict.fromkeys(("duckdb", "athena"), here.total_nano)
    assert "Athena: " in shown.stderr


def test_athena_that_refuses_is_one_sentence(stood: Stood, cache: Path) -> None:
    stood.clients["glue"] = boto3.client("glue", region_name="us-east-1")
    stood.clients["athena"] = Refusing()
    done = invoke(*WEEK, "--engine", "athena", "--cache", str(cache))
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].endswith("Athena: GetWorkGroup: AccessDeniedException: not allowed")


def test_an_emulated_stage_has_no_athena(stood: Stood, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "open_stage", lambda *_arguments: replace(stood.access, simulated=True))
    done = invoke(*WEEK, "--engine", "athena", "--cache", str(cache))
    assert done.exit_code == 1
    assert "stage prod: is emulated and has no Athena; leave --engine out" in done.stderr


class Refusing:
    """An Athena that refuses."""

    def get_work_group(self, **_request: Any) -> Mapping[str, Any]:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not allowed"}}, "GetWorkGroup")


class Unanswered:
    def get_cost_and_usage(self, **_request: Any) -> Mapping[str, Any]:
        raise EndpointConnectionError(endpoint_url="https://ce.example")


class Empty:
    """A service that knows of no bill."""

    def get_cost_and_usage(self, **_request: Any) -> Mapping[str, Any]:
        return {"ResultsByTime": []}


@pytest.mark.parametrize(
    ("explorer", "told"),
    [
        (Unanswered(), "Cost Explorer could not be reached"),
        (Empty(), "Cost Explorer's answer has nothing on "),
    ],
)
def test_without_a_bill_it_says_so(stood: Stood, cache: Path, tmp_path: Path, explorer: Any, told: str) -> None:
    stood.clients["ce"] = explorer
    lacking = replace(stood.access, buckets={"ledger": BUCKET})
    bill = bill_source(export=None, metric="unblended", spend_limit="0.10")(lacking, tmp_path)
    asked = question(
        lacking,
        StageFacts(),
        stack="prod",
        period=choose(week="2025-W46", now=datetime.now(UTC), timezone="UTC"),
        now=datetime.now(UTC),
        cache=cache,
        bill=bill,
        currency=None,
        say=lambda _: None,
    )
    made = make_report(asked)
    assert made.sentence.startswith("no bill for 2025-W46: what ")
    assert any(told in sentence for sentence in made.missing)


class Failing:
    """S3 that breaks off halfway."""

    def __init__(self, s3: Any, left: int) -> None:
        self._s3 = s3
        self._left = left

    def get_paginator(self, name: str) -> Any:
        return self._s3.get_paginator(name)

    def get_object(self, **request: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "please"}}, "GetObject")
        return self._s3.get_object(**request)


def test_a_ledger_that_breaks_off_is_said_and_the_next_report_has_the_rest(stood: Stood, tmp_path: Path) -> None:
    whole = stood.clients["s3"]
    stood.clients["s3"] = Failing(whole, 10)
    broken = Report.model_validate_json(invoke(*WEEK, "--json", "--cache", str(tmp_path)).stdout)
    assert any("couldn't be fetched: " in sentence for sentence in broken.missing)
    stood.clients["s3"] = whole
    mended = Report.model_validate_json(invoke(*WEEK, "--json", "--cache", str(tmp_path)).stdout)
    assert not any("couldn't be fetched" in sentence for sentence in mended.missing)
    assert mended.total_nano == broken.total_nano
    attempts = [sum(group.attempts for group in made.breakdowns["job"]) for made in (broken, mended)]
    assert attempts[0] < attempts[1]


class OneAtATime:
    """boto3's default session, which the stand-in uses, isn't for two threads."""

    def __init__(self, explorer: Any) -> None:
        self._explorer = explorer
        self._lock = Lock()

    def get_cost_and_usage(self, **request: Any) -> Any:
        with self._lock:
            return self._explorer.get_cost_and_usage(**request)


def test_two_reports_at_once(stood: Stood, tmp_path: Path) -> None:
    stood.clients["ce"] = OneAtATime(stood.clients["ce"])
    now = datetime.now(UTC)
    period = choose(week="2025-W46", now=now, timezone="UTC")

    def one(_: int) -> Report:
        ask = bill_source(export=None, metric="unblended", spend_limit="0.10")
        asked = question(
            stood.access,
            StageFacts(),
            stack="prod",
            period=period,
            now=now,
            cache=tmp_path,
            bill=ask(stood.access, tmp_path),
            currency=None,
            say=lambda _: None,
        )
        return make_report(asked)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(one, range(2))
    assert first.breakdowns == second.breakdowns
    assert (first.identity, first.missing, first.set_aside) == (second.identity, second.missing, second.set_aside)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--week", "47"], "--week is '47'"),
        (["--by", "colour"], "colour is nothing to break costs down by"),
        (["--format", "pdf"], "--format is pdf; it is one of terminal, html, md, json, csv, parquet, xlsx"),
        (["--format", "csv"], "give --output a folder"),
        (["--format", "parquet"], "give --output a folder"),
        (["--format", "xlsx"], "give --output a file"),
        (["--engine", "spark"], "spark is no engine; write one of duckdb, athena"),
        (["--format", "md", "--json"], "leave one out"),
        (["--metric", "guessed"], "guessed is no metric"),
        (["--spend-limit", "much"], "much is no amount of dollars"),
        (["--spend-limit", "-1"], "-1 is no amount of dollars"),
        (["--export", "/nowhere"], "/nowhere is no folder; write a folder with an export's Parquet files, or s3://"),
        (["--export", "s3://bills"], "--export is 's3://bills'; an export in S3 is s3://<bucket>/<prefix>/<export>"),
    ],
)
def test_wrong_usage(stood: Stood, arguments: list[str], said: str) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


def test_what_a_stages_files_say() -> None:
    facts = stage_facts(REPOSITORY, "organization/batchyard/prod")
    assert {"flights", "thumbnails"} <= set(facts.memory_now)
    assert facts.kinds["spot"] == "ec2-spot"
    assert facts.missing == ()
    assert sold(facts)("ec2", 1, 700) == 704
    assert sold(facts)("ec2", 1, 10_000_000) is None
    assert sold(facts)("fargate", 0.25, 700) == 1024
    absent = stage_facts(REPOSITORY, "nowhere")
    assert absent.missing == ("Pulumi.nowhere.yaml: no such file, so what its jobs ask for today isn't known",)


def test_budgets_are_the_stages_settings(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    text = (REPOSITORY / "Pulumi.prod.yaml").read_text()
    given = "  batchyard:budgets: {stage_per_month: 400.5, owners_per_month: {media: 120}}\n"
    (tmp_path / "Pulumi.prod.yaml").write_text(text + given)
    facts = stage_facts(tmp_path, "prod")
    assert budgets(facts, stage="prod") == {"prod": 400_500_000_000, "owner media": 120_000_000_000}
    (tmp_path / "Pulumi.prod.yaml").write_text(text + given.replace("400.5", "-1"))
    assert "batchyard:budgets.stage_per_month is -1; a budget is an amount" in stage_facts(tmp_path, "prod").missing[0]


def test_environments_of_a_stage_that_exports_no_clusters() -> None:
    outputs: dict[str, Any] = {"stage": "prod", "region": "us-east-1", "buckets": {}}
    outputs["compute_environments"] = {"spot": "arn:x:compute-environment/spot-1", "fargate": "arn:x:y/fargate-1"}
    access = from_outputs({"stage": outputs}, stack="prod", client=lambda _: None)

    def missing(one: StageAccess) -> tuple[str, ...]:
        return question(
            one,
            StageFacts(kinds={"spot": "ec2-spot", "fargate": "fargate"}),
            stack="prod",
            period=choose(week="2025-W46", now=datetime.now(UTC), timezone="UTC"),
            now=datetime.now(UTC),
            cache=Path("nowhere"),
            bill=None,
            currency=None,
            say=lambda _: None,
        ).missing

    assert missing(access) == ("the ledger: stage prod: has no bucket ledger; it has none; bring it up again",)
    assert missing(replace(access, buckets={"ledger": BUCKET})) == (
        "which instances are those of spot: the stage exports no ECS cluster of theirs; "
        "bring it up with this Batchyard",
    )
    outputs["environments"] = {"spot": {"kind": "ec2-spot", "arn": "a/b", "ecs_cluster_arn": "c"}}
    told = from_outputs({"stage": outputs}, stack="prod", client=None).environments
    assert told == {"spot": ExportedEnvironment(kind="ec2-spot", arn="a/b", ecs_cluster_arn="c")}
