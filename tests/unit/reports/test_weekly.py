"""The scheduled report on a made-up fortnight: what it publishes, whom it tells, which week it is of."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from jobs import conventions
from jobs.stage_facts import StageFacts
from reports.model.report import Report
from reports.period import week_over_in
from reports.publish import PublishError
from tests.unit.reports.weekly_account import FILES, MONDAY, REPORTS, Account, Published, stage_file
from tests.worlds.answers import Explorer


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
    allocations = pq.read_table(io.BytesIO(bodies["allocations.parquet"])).to_pylist()
    assert sum(row["cost_nano"] for row in allocations) == read.identity.bill_nano


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


def test_a_report_without_a_bill_leaves_an_earlier_one_that_has_it(account: Account, tmp_path: Path) -> None:
    del account.clients["ce"]
    first = account.run(tmp_path / "first")
    assert first.total_nano is None
    assert account.run(tmp_path / "second").total_nano is None, "one without a bill may be replaced by another"
    account.clients["ce"] = Explorer(account.made.bill_lines, stage_tag=conventions.TAG_STAGE, page_groups=5_000)
    good = account.run(tmp_path / "third")
    assert good.total_nano
    account.heard()
    del account.clients["ce"]
    with pytest.raises(PublishError, match=r"weekly/2025-W46/ holds a report of 2025-W46 with its bill, and this one"):
        account.run(tmp_path / "fourth")
    assert Report.model_validate_json(account.body("weekly/2025-W46/report.json")) == good
    assert account.heard() == []


@pytest.mark.parametrize(
    ("code", "said"), [("AccessDenied", "couldn't be looked at"), ("SlowDown", "couldn't be looked at")]
)
def test_an_earlier_report_that_cannot_be_looked_at_is_not_replaced_by_one_without_a_bill(
    account: Account, tmp_path: Path, code: str, said: str
) -> None:
    del account.clients["ce"]
    s3 = account.clients["s3"]
    account.clients["s3"] = Unreadable(s3, code)
    with pytest.raises(PublishError, match=said):
        account.run(tmp_path)
    account.clients["s3"] = s3
    assert account.published() == set()


class Unreadable:
    """Reports in S3 that may be written and not read."""

    def __init__(self, s3: Any, code: str) -> None:
        self._s3, self._code = s3, code

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def get_object(self, **request: str) -> Any:
        if request["Key"].endswith("report.json"):
            raise ClientError({"Error": {"Code": self._code, "Message": "no"}}, "GetObject")
        return self._s3.get_object(**request)


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
