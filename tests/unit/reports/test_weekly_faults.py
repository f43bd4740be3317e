"""The scheduled report where something is refused, missing or wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from jobs.problems import Problems
from reports import weekly
from reports.collect import kept_bill
from reports.publish import PublishError
from reports.stage import StageUnavailableError
from reports.weekly import main, wanted
from tests.unit.reports.weekly_account import FILES, REPORTS, Account, stage_file


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
