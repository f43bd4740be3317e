"""The bill from Cost Explorer; botocore's own stub checks every request and answer against the service's model."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from tenacity import wait_none

from reports.collect import bill_ce
from reports.collect.bill_ce import Bill, collect_bill

MONDAY = date(2026, 11, 9)
WEEK = MONDAY + timedelta(days=7)


class Explorer:
    """Cost Explorer with queued answers."""

    def __init__(self) -> None:
        self.client = boto3.client(
            "ce", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        self.stub = Stubber(self.client)
        self.stub.activate()

    def answers(
        self, *days: Mapping[str, Any], token: str | None = None, asked: Mapping[str, Any] | None = None
    ) -> None:
        answer: dict[str, Any] = {"ResultsByTime": list(days)}
        if token:
            answer["NextPageToken"] = token
        expected = None
        if asked is not None:
            expected = {
                "TimePeriod": ANY,
                "Granularity": "DAILY",
                "Metrics": ANY,
                "GroupBy": ANY,
                "Filter": ANY,
                **asked,
            }
        self.stub.add_response("get_cost_and_usage", answer, expected)

    def refuses(self, code: str, message: str = "no") -> None:
        self.stub.add_client_error("get_cost_and_usage", code, message)


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    explorer = Explorer()
    yield explorer
    explorer.stub.assert_no_pending_responses()


def _day(day: date, *groups: tuple[list[str], str, str], estimated: bool = False) -> dict[str, Any]:
    return {
        "TimePeriod": {"Start": day.isoformat(), "End": (day + timedelta(days=1)).isoformat()},
        "Total": {},
        "Groups": [
            {
                "Keys": keys,
                "Metrics": {
                    "UnblendedCost": {"Amount": cost, "Unit": "USD"},
                    "UsageQuantity": {"Amount": quantity, "Unit": "Hrs"},
                },
            }
            for keys, cost, quantity in groups
        ],
        "Estimated": estimated,
    }


def _week(estimated_from: int = 7) -> list[dict[str, Any]]:
    group = (["SpotUsage:m6i.large", "batchyard:stage$prod"], "1.0000000005", "27.5")
    return [_day(MONDAY + timedelta(days=n), group, estimated=n >= estimated_from) for n in range(7)]


def _nothing(days: int = 7, begin: date = MONDAY) -> list[dict[str, Any]]:
    return [_day(begin + timedelta(days=n)) for n in range(days)]


def _collect(explorer: Explorer, cache: Path, **options: Any) -> Bill:
    arguments: dict[str, Any] = {
        "since": MONDAY,
        "until": WEEK,
        "metric": "unblended",
        "stage_tag": "batchyard:stage",
        "cache": cache,
        "spend_limit": Decimal("1"),
        "say": lambda _: None,
        "wait": wait_none(),
    }
    return collect_bill(explorer.client, **{**arguments, **options})


def test_lines_carry_kind_stage_and_exact_money(explorer: Explorer, tmp_path: Path) -> None:
    explorer.answers(*_week())
    explorer.answers(*_nothing())
    bill = _collect(explorer, tmp_path)
    assert len(bill.lines) == 7
    assert bill.lines[0] == {
        "day": MONDAY,
        "service": "",
        "usage_type": "SpotUsage:m6i.large",
        "kind": "ec2",
        "purchase": "spot",
        "instance_type": "m6i.large",
        "stage": "prod",
        "job": "",
        "record_type": "usage",
        "quantity": "27.5",
        "unit": "Hrs",
        "cost_nano": 1_000_000_000,
        "currency": "USD",
        "estimated": False,
    }
    assert (bill.pages, bill.price, bill.missing) == (2, Decimal("0.02"), [])


def test_a_second_report_asks_only_for_the_days_still_estimated(explorer: Explorer, tmp_path: Path) -> None:
    explorer.answers(*_week(estimated_from=5))
    explorer.answers(*_nothing())
    first = _collect(explorer, tmp_path)
    explorer.answers(
        *_week(estimated_from=7)[5:],
        asked={"TimePeriod": {"Start": "2026-11-14", "End": "2026-11-16"}},
    )
    second = _collect(explorer, tmp_path)
    assert second.pages == 1
    assert second.days_from_cache == 12
    assert sorted(line["day"] for line in second.lines) == sorted(line["day"] for line in first.lines)


def test_every_page_is_followed_and_a_day_split_between_pages_is_whole(explorer: Explorer, tmp_path: Path) -> None:
    one = _day(MONDAY, (["BoxUsage:m6i.large", "batchyard:stage$prod"], "1", "2"))
    other = _day(MONDAY, (["SpotUsage:m6i.large", "batchyard:stage$"], "3", "4"))
    explorer.answers(one, token="more")
    explorer.answers(other, asked={"NextPageToken": "more"})
    explorer.answers()
    bill = _collect(explorer, tmp_path, until=MONDAY + timedelta(days=1))
    assert [(line["usage_type"], line["stage"]) for line in bill.lines] == [
        ("BoxUsage:m6i.large", "prod"),
        ("SpotUsage:m6i.large", ""),
    ]
    assert bill.pages == 3


def test_a_throttled_request_is_tried_again(explorer: Explorer, tmp_path: Path) -> None:
    explorer.refuses("LimitExceededException")
    explorer.refuses("ThrottlingException")
    explorer.answers(*_week())
    explorer.answers(*_nothing())
    bill = _collect(explorer, tmp_path)
    assert len(bill.lines) == 7
    assert not bill.missing


def test_a_refused_service_leaves_a_sentence_and_no_lines(explorer: Explorer, tmp_path: Path) -> None:
    explorer.refuses("AccessDeniedException", "not authorized to perform: ce:GetCostAndUsage")
    explorer.refuses("AccessDeniedException", "not authorized to perform: ce:GetCostAndUsage")
    bill = _collect(explorer, tmp_path)
    assert bill.lines == []
    assert bill.missing == [
        "the bill's usage from 2026-11-09 to 2026-11-15: Cost Explorer answered AccessDeniedException: "
        "not authorized to perform: ce:GetCostAndUsage",
        "the bill's other records from 2026-11-09 to 2026-11-15: Cost Explorer answered AccessDeniedException: "
        "not authorized to perform: ce:GetCostAndUsage",
    ]


def test_an_answer_that_breaks_off_is_not_taken_for_whole(explorer: Explorer, tmp_path: Path) -> None:
    explorer.answers(*_week(), token="more")
    explorer.refuses("InvalidNextTokenException")
    explorer.answers(*_nothing())
    bill = _collect(explorer, tmp_path)
    assert bill.lines == []
    assert "InvalidNextTokenException" in bill.missing[0]
    explorer.answers(*_week())
    assert len(_collect(explorer, tmp_path).lines) == 7


def test_the_limit_stops_before_more_is_spent(explorer: Explorer, tmp_path: Path) -> None:
    explorer.answers(*_week())
    bill = _collect(explorer, tmp_path, spend_limit=Decimal("0.01"))
    assert bill.price == Decimal("0.01")
    assert "stopped before page 2, which would cost more than the limit of $0.01" in bill.missing[0]


def test_credits_and_refunds_are_lines_of_their_own(explorer: Explorer, tmp_path: Path) -> None:
    explorer.answers()
    explorer.answers(_day(MONDAY, (["Credit"], "-5", "0"), (["Tax"], "1.9", "0")))
    bill = _collect(explorer, tmp_path)
    assert [(line["record_type"], line["cost_nano"]) for line in bill.lines] == [
        ("credit", -5_000_000_000),
        ("tax", 1_900_000_000),
    ]


def test_a_kept_day_that_does_not_read_is_asked_again(explorer: Explorer, tmp_path: Path) -> None:
    explorer.answers(*_week())
    explorer.answers(*_nothing())
    _collect(explorer, tmp_path)
    broken = list(tmp_path.rglob("2026-11-12.json"))
    for file in broken:
        file.write_text("[{")
    explorer.answers(_week()[3], asked={"TimePeriod": {"Start": "2026-11-12", "End": "2026-11-13"}})
    explorer.answers(*_nothing(1, date(2026, 11, 12)))
    bill = _collect(explorer, tmp_path)
    assert (len(broken), bill.pages, bill.days_from_cache, len(bill.lines)) == (2, 2, 12, 7)


def test_a_bill_that_cannot_be_kept_is_there_and_it_is_said(
    explorer: Explorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer.answers(*_week())
    explorer.answers(*_nothing())
    (tmp_path / "file").write_text("no folder")
    no_folder = _collect(explorer, tmp_path / "file" / "bill")
    assert (len(no_folder.lines), no_folder.missing) == (7, [])
    assert no_folder.unkept == [
        f"the bill couldn't be kept in {tmp_path / 'file' / 'bill'} (Not a directory), so the next report pays for "
        "its closed days again; make room there, or name another folder with --cache"
    ]

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bill_ce, "write_whole", full)
    explorer.answers(*_week())
    explorer.answers(*_nothing())
    disk_full = _collect(explorer, tmp_path / "bill")
    assert disk_full.lines == no_folder.lines
    assert "(No space left on device)" in disk_full.unkept[0]


@pytest.mark.parametrize("text", ["[5]", "{}", "[{}]", "5", '[{"Keys": [], "Metrics": {}}]', "[" * 100_000])
def test_a_kept_day_that_is_no_answer_is_asked_again(explorer: Explorer, tmp_path: Path, text: str) -> None:
    explorer.answers(*_week())
    explorer.answers(*_nothing())
    whole = _collect(explorer, tmp_path)
    broken = next(one for one in sorted(tmp_path.rglob(f"{MONDAY}.json")) if "SpotUsage" in one.read_text())
    broken.write_text(text)
    explorer.answers(_week()[0])
    again = _collect(explorer, tmp_path)
    assert (again.pages, again.missing) == (1, [])
    assert sorted(map(str, again.lines)) == sorted(map(str, whole.lines))


def test_days_that_an_answer_lacks_are_said_and_asked_again(explorer: Explorer, tmp_path: Path) -> None:
    week = _week()
    explorer.answers(*week[:2], *week[4:], _day(WEEK, (["BoxUsage:m6i.large", "batchyard:stage$prod"], "9", "9")))
    explorer.answers(*_nothing())
    half = _collect(explorer, tmp_path)
    assert sorted(line["day"].day for line in half.lines) == [9, 10, 13, 14, 15]
    assert half.missing == [
        "the bill's usage from 2026-11-09 to 2026-11-15: Cost Explorer's answer has nothing on 2 of these days, such "
        "as 2026-11-11; ask again"
    ]
    explorer.answers(*week[2:4])
    whole = _collect(explorer, tmp_path)
    assert (len(whole.lines), whole.missing) == (7, [])
