"""The scheduled report on a made-up month: its ledger and its bucket in moto's S3, its topic with a queue behind it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import openpyxl
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from jobs import conventions
from jobs.problems import Problems
from jobs.stage_facts import StageFacts
from reports import weekly
from reports.collect import kept_bill
from reports.model.report import Report
from reports.period import week_over_in
from reports.publish import PublishError
from reports.stage import StageUnavailableError
from reports.weekly import Wanted, main, run, wanted
from tests.worlds.answers import Explorer
from tests.worlds.ledger import Delivery, cluster_arn, write
from tests.worlds.world import Made, World, make

LEDGER, REPORTS = "ledger-1", "reports-1"
MONDAY = datetime(2025, 11, 17, 6, tzinfo=UTC)
"""After 2025-W46."""
FILES = {"report.html", "report.json", "report.md", "report.xlsx", "tables.zip"}
TABLES = {"identity", "days", "by-job", "by-owner", "units", "jobs", "changes", "budgets", "proposals"}


@dataclass(kw_only=True)
class Account:
    made: Made
    clients: dict[str, Any]
    topic_arn: str
    queue_url: str
    said: list[str] = field(default_factory=list)

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            bucket=REPORTS, topic_arn=self.topic_arn, metric="unblended", spend_limit=Decimal("0.10"), currency=None
        )

    def client(self, service: str) -> Any:
        if service not in self.clients:
            raise EndpointConnectionError(endpoint_url=f"https://{service}.example")
        return self.clients[service]

    def run(self, folder: Path, *, week: str = "2025-W46", now: datetime = MONDAY) -> Report:
        folder.mkdir(exist_ok=True)
        return run(self.wanted, week=week, now=now, clients=self.client, folder=folder, say=self.said.append)

    def published(self) -> set[str]:
        """Names below the week's prefix, without the Parquet tables'."""
        names = {key.removeprefix("weekly/2025-W46/") for key in self.keys("weekly/")}
        assert {f"parquet/{table}.parquet" for table in TABLES} <= names or not names
        return {name for name in names if not name.startswith("parquet/")}

    def keys(self, prefix: str) -> set[str]:
        listed = self.clients["s3"].list_objects_v2(Bucket=REPORTS, Prefix=prefix)
        return {item["Key"] for item in listed.get("Contents", [])}

    def body(self, key: str) -> bytes:
        read: bytes = self.clients["s3"].get_object(Bucket=REPORTS, Key=key)["Body"].read()
        return read

    def heard(self) -> list[dict[str, str]]:
        messages = self.clients["sqs"].receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return [json.loads(one["Body"]) for one in messages.get("Messages", [])]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Path]:
    made = make(World(seed=3, start=date(2025, 11, 3), days=14, instances=4, fargate_attempts=25))
    folder = tmp_path_factory.mktemp("objects")
    write(made, folder, stage="prod", delivery=Delivery(bad_lines=2, late=0))
    return made, folder


def stage_file(**changes: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "stage": "prod",
        "region": "us-east-1",
        "buckets": {"ledger": LEDGER, "reports": REPORTS},
        "environments": {
            "spot": {"kind": "ec2-spot", "arn": "arn:x:y/s", "ecs_cluster_arn": cluster_arn("spot")},
            "on-demand": {"kind": "ec2-on-demand", "arn": "arn:x:y/o", "ecs_cluster_arn": cluster_arn("on-demand")},
            "fargate": {"kind": "fargate", "arn": "arn:x:y/batchyard-prod-fargate-0a1b", "ecs_cluster_arn": ""},
        },
        "owners": {},
        "topics": {},
        "report": StageFacts(stage_budget="400.5").model_dump(),
        **changes,
    }


@contextmanager
def made_account(made: Made, ledger: Path | None) -> Iterator[Account]:
    """A stage's buckets, topic and bill; without `ledger` the stage has none, and its reports are quick."""
    with mock_aws():
        session = boto3.Session(region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        s3, sns, sqs = session.client("s3"), session.client("sns"), session.client("sqs")
        s3.create_bucket(Bucket=REPORTS)
        told = stage_file() if ledger is not None else stage_file(buckets={"reports": REPORTS})
        s3.put_object(Bucket=REPORTS, Key="stage.json", Body=json.dumps(told).encode())
        if ledger is not None:
            s3.create_bucket(Bucket=LEDGER)
            for file in sorted(path for path in ledger.rglob("*") if path.is_file()):
                s3.put_object(Bucket=LEDGER, Key=file.relative_to(ledger).as_posix(), Body=file.read_bytes())
        topic_arn = sns.create_topic(Name="reports")["TopicArn"]
        queue_url = sqs.create_queue(QueueName="heard")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]
        sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=attributes["QueueArn"])
        explorer = Explorer(made.bill_lines, stage_tag=conventions.TAG_STAGE, page_groups=5_000)
        yield Account(
            made=made,
            clients={"s3": s3, "sns": sns, "sqs": sqs, "ce": explorer},
            topic_arn=topic_arn,
            queue_url=queue_url,
        )


@pytest.fixture
def account(world: tuple[Made, Path]) -> Iterator[Account]:
    with made_account(world[0], None) as account:
        yield account


@dataclass(frozen=True, kw_only=True)
class Published:
    made: Made
    report: Report
    heard: list[dict[str, str]]
    objects: dict[str, tuple[str, bytes]]
    """Name below `weekly/2025-W46/` → its content type and body."""


@pytest.fixture(scope="module")
def published(world: tuple[Made, Path], tmp_path_factory: pytest.TempPathFactory) -> Published:
    """What one run with everything there is has left."""
    with made_account(*world) as account:
        report = account.run(tmp_path_factory.mktemp("scratch"))
        assert account.published() == FILES
        keys = account.keys("weekly/")
        answers = {key: account.clients["s3"].get_object(Bucket=REPORTS, Key=key) for key in keys}
        objects = {
            key.rpartition("/")[2]: (str(one["ContentType"]), bytes(one["Body"].read())) for key, one in answers.items()
        }
        return Published(made=world[0], report=report, heard=account.heard(), objects=objects)


def test_every_format_says_the_same(published: Published) -> None:
    made, bodies = published.report, {name: body for name, (_, body) in published.objects.items()}
    read = Report.model_validate_json(bodies["report.json"])
    assert read == made
    lines = published.made.bill_lines
    week = lines[(lines["record_type"] == "usage") & (lines["day"] >= made.period.since)]
    assert read.total_nano == int(week["cost_nano"].sum()) == sum(line.cost_nano for line in read.identity.lines)
    assert made.sentence in bodies["report.md"].decode()
    assert made.sentence.partition(":")[0] in bodies["report.html"].decode()
    with zipfile.ZipFile(io.BytesIO(bodies["tables.zip"])) as archive:
        assert "identity.csv" in archive.namelist()
    assert openpyxl.load_workbook(io.BytesIO(bodies["report.xlsx"]))["report"]["A1"].value == made.sentence
    assert [budget.limit_nano for budget in read.budgets] == [400_500_000_000]
    identity = pq.read_table(io.BytesIO(bodies["identity.parquet"])).to_pylist()
    assert [(row["name"], row["cost_nano"]) for row in identity] == [
        (line.name, line.cost_nano) for line in read.identity.lines
    ]


def test_s3_is_told_what_each_object_is(published: Published) -> None:
    kinds = {name: kind for name, (kind, _) in published.objects.items()}
    assert kinds.pop("identity.parquet") == "application/vnd.apache.parquet"
    assert {name: kind for name, kind in kinds.items() if not name.endswith(".parquet")} == {
        "report.html": "text/html; charset=utf-8",
        "report.json": "application/json",
        "report.md": "text/markdown; charset=utf-8",
        "report.xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "tables.zip": "application/zip",
    }


def test_the_topic_hears_the_sentence_and_the_address(published: Published) -> None:
    made = published.report
    (message,) = published.heard
    assert message["Subject"] == "Batchyard prod: what 2025-W46 cost"
    sentence, link, *_ = (line for line in message["Message"].splitlines() if line)
    assert sentence == made.sentence
    assert (
        link
        == made.published
        == (f"https://console.aws.amazon.com/s3/object/{REPORTS}?region=us-east-1&prefix=weekly/2025-W46/report.html")
    )
    assert not any("simulated" in note for note in made.notes), "a client given is no emulator"


def test_an_emulators_address_is_the_objects_own(account: Account, tmp_path: Path) -> None:
    told = stage_file(report=StageFacts(endpoint_url="http://127.0.0.1:4000").model_dump())
    account.clients["s3"].put_object(Bucket=REPORTS, Key="stage.json", Body=json.dumps(told).encode())
    made = account.run(tmp_path)
    assert made.published is not None
    assert made.published.startswith(f"http://127.0.0.1:4000/{REPORTS}/weekly/2025-W46/report.html?")
    assert "Signature=" in made.published
    assert any("simulated" in note for note in made.notes)


def test_the_next_week_asks_no_closed_day_again(account: Account, tmp_path: Path) -> None:
    explorer = account.clients["ce"] = Explorer(
        account.made.bill_lines,
        stage_tag=conventions.TAG_STAGE,
        page_groups=5_000,
        closed_until=date(2025, 11, 9),
    )
    account.run(tmp_path / "first", week="2025-W45", now=datetime(2025, 11, 10, 6, tzinfo=UTC))
    kept = account.keys("cache/bill/")
    assert {key.rpartition("/")[2] for key in kept} >= {"2025-11-03.json", "2025-11-08.json"}
    assert not {key for key in kept if key.endswith("2025-11-09.json")}, "Sunday is still estimated"
    first = explorer.pages
    made = account.run(tmp_path / "second")
    assert made.requests is not None
    assert made.requests.pages == explorer.pages - first <= 2
    assert made.requests.days_from_cache > 0


def test_publishing_again_replaces_the_same_keys(account: Account, tmp_path: Path) -> None:
    first = account.run(tmp_path / "first")
    again = account.run(tmp_path / "second", now=datetime(2025, 11, 18, 6, tzinfo=UTC))
    assert account.published() == FILES
    assert Report.model_validate_json(account.body("weekly/2025-W46/report.json")) == again
    assert first.total_nano == again.total_nano


def test_what_is_missing_is_said_and_the_report_comes_all_the_same(account: Account, tmp_path: Path) -> None:
    del account.clients["ce"]
    made = account.run(tmp_path)
    assert account.published() == FILES
    (message,) = account.heard()
    for told_of in ("Cost Explorer could not be reached", "the ledger: stage prod: has no bucket ledger"):
        assert any(told_of in sentence for sentence in made.missing)
        assert told_of in message["Message"].partition("Missing in it:")[2]


# which week


@pytest.mark.parametrize(
    ("timezone", "now", "label"),
    [
        ("UTC", MONDAY, "2025-W46"),
        ("America/Los_Angeles", datetime(2025, 11, 17, 14, tzinfo=UTC), "2025-W46"),
        ("America/Los_Angeles", datetime(2025, 11, 17, 6, tzinfo=UTC), "2025-W45"),
        ("Asia/Tokyo", datetime(2025, 11, 16, 21, tzinfo=UTC), "2025-W46"),
        ("UTC", datetime(2027, 1, 4, 6, tzinfo=UTC), "2026-W53"),
    ],
)
def test_the_week_is_the_one_that_is_over_where_the_stage_is(timezone: str, now: datetime, label: str) -> None:
    assert week_over_in(now, timezone).label == label


def test_hours_that_are_still_to_come_in_utc_are_said(account: Account, tmp_path: Path) -> None:
    told = stage_file(report=StageFacts(timezone="Asia/Tokyo").model_dump())
    account.clients["s3"].put_object(Bucket=REPORTS, Key="stage.json", Body=json.dumps(told).encode())
    made = account.run(tmp_path, week="last", now=datetime(2025, 11, 16, 21, tzinfo=UTC))
    assert made.period.label == "2025-W46"
    assert "the hours of 2025-W46 after 2025-11-16 21:00 UTC; it ends with 2025-11-16" in made.missing


# faults


class Refusing:
    """A client of which one operation is refused for some keys."""

    def __init__(self, client: Any, operation: str, of: Callable[[str], bool] = lambda _key: True) -> None:
        self._client, self._operation, self._of = client, operation, of

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)
        if name != self._operation:
            return real

        def refuse(**request: Any) -> Any:
            if self._of(str(request.get("Key", ""))):
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, name)
            return real(**request)

        return refuse


def test_a_format_that_cannot_be_written_is_a_failure_and_nobody_is_told(account: Account, tmp_path: Path) -> None:
    account.clients["s3"] = Refusing(account.clients["s3"], "put_object", lambda key: key.endswith(".xlsx"))
    with pytest.raises(PublishError, match=r"s3://reports-1/weekly/2025-W46/report.xlsx couldn't be written: .*no"):
        account.run(tmp_path)
    assert "weekly/2025-W46/report.html" not in account.keys("weekly/"), "the page comes last"
    assert account.heard() == []


def test_a_topic_that_cannot_be_told_is_a_failure_that_says_where_the_report_is(
    account: Account, tmp_path: Path
) -> None:
    account.clients["sns"] = Refusing(account.clients["sns"], "publish")
    with pytest.raises(PublishError, match="the report is at https://console"):
        account.run(tmp_path)
    assert account.published() == FILES


@pytest.mark.parametrize(
    ("operation", "said"), [("get_object", "couldn't be read"), ("put_object", "couldn't be kept")]
)
def test_a_bill_that_cannot_be_kept_costs_a_page_and_no_report(
    account: Account, tmp_path: Path, operation: str, said: str
) -> None:
    account.run(tmp_path / "first")
    (tmp_path / "second").mkdir()
    account.clients["s3"] = Refusing(account.clients["s3"], operation, lambda key: key.startswith(weekly.CACHE))
    if operation == "put_object":
        account.run(tmp_path / "second", week="2025-W45")
    else:
        account.run(tmp_path / "second")
    assert any(said in sentence for sentence in account.said)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (None, r"s3://reports-1/stage.json can't be read \(.*NoSuchKey.*\); bring the stage up again"),
        (b"{", "isn't what this Batchyard writes"),
        (b"[]", "isn't what this Batchyard writes"),
        (json.dumps({"stage": "prod"}).encode(), "isn't what this Batchyard writes .*'report'"),
        (json.dumps(stage_file(report={"memory_now": 3})).encode(), r"1 keys are wrong"),
        (json.dumps({"stage": "prod", "report": {}}).encode(), "exports no `stage` with its buckets"),
    ],
)
def test_a_stage_that_says_nothing_of_use_is_one_sentence(
    account: Account, tmp_path: Path, body: bytes | None, said: str
) -> None:
    s3 = account.clients["s3"]
    if body is None:
        s3.delete_object(Bucket=REPORTS, Key="stage.json")
    else:
        s3.put_object(Bucket=REPORTS, Key="stage.json", Body=body)
    with pytest.raises(StageUnavailableError, match=said):
        account.run(tmp_path)


def environment(account: Account, **changes: str) -> dict[str, str]:
    return {
        "AWS_REGION": "us-east-1",
        "BATCHYARD_BUCKET_REPORTS": REPORTS,
        "BATCHYARD_TOPIC_REPORTS": account.topic_arn,
        **changes,
    }


def test_the_job_ends_well_with_the_address_in_its_log(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(account).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(weekly, "aws_client", lambda service, **_settings: account.client(service))
    assert main(["--week", "2025-W46"]) == 0
    out = capsys.readouterr().out
    assert "weekly-cost-report: published at https://console.aws.amazon.com/s3/object/reports-1" in out


@pytest.mark.parametrize("week", ["2025-W99", "next; rm -rf /", "$(id)"])
def test_a_week_that_is_none_is_refused_in_a_sentence(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], week: str
) -> None:
    for name, value in environment(account).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(weekly, "aws_client", lambda service, **_settings: account.client(service))
    assert main(["--week", week]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("weekly-cost-report: --week is ")
    assert len(shown.splitlines()) == 1


def test_every_mistake_of_the_environment_in_one_go(account: Account) -> None:
    with pytest.raises(Problems) as raised:
        wanted({"COST_METRIC": "guessed", "COST_SPEND_LIMIT": "much"})
    assert [problem.place for problem in raised.value] == [
        "BATCHYARD_BUCKET_REPORTS", "BATCHYARD_TOPIC_REPORTS", "COST_METRIC", "COST_SPEND_LIMIT",
    ]  # fmt: skip
    asked = wanted(environment(account, COST_METRIC="net-amortized", COST_CURRENCY="EUR"))
    assert asked == replace(account.wanted, metric="net-amortized", currency="EUR")


def test_only_days_of_the_bill_become_files(account: Account, tmp_path: Path) -> None:
    s3 = account.clients["s3"]
    sound = f"{weekly.CACHE}{'a' * 16}/2025-11-03.json"
    for key in (sound, f"{weekly.CACHE}../../escaped.json", f"{weekly.CACHE}{'a' * 16}/2025-10-01.json"):
        s3.put_object(Bucket=REPORTS, Key=key, Body=b"[]")
    assert kept_bill.bring(s3, REPORTS, weekly.CACHE, tmp_path / "kept", since=date(2025, 11, 1)) == []
    assert [path.name for path in tmp_path.rglob("*.json")] == ["2025-11-03.json"]
