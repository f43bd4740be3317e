"""GetCostAndUsage over HTTP: answers botocore can read, exact sums, pages, and refusals."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from local.emulator import cost_explorer
from local.emulator.capacity import Watcher
from local.emulator.cost_explorer import CostExplorerService
from tests.unit.local.emulator.cost_explorer.facts import at, instance, task
from tests.unit.local.emulator.moto_server import ACCOUNT, client, serving

NOW = "2026-11-20 12:00"
WEEK = {"Start": "2026-11-16", "End": "2026-11-21"}
BY_TYPE = {"Type": "DIMENSION", "Key": "USAGE_TYPE"}
BY_STAGE = {"Type": "TAG", "Key": "batchyard:stage"}


class Explorer:
    def __init__(self, ce: Any, watcher: Watcher) -> None:
        self.ce, self.watcher = ce, watcher

    def runs(self, start: str, end: str | None = None, **facts: Any) -> None:
        """An instance's life."""
        one = instance(start, **facts)
        self.watcher.instance_booted(one)
        if end is not None:
            self.watcher.instance_gone(one, at(end))

    def runs_task(self, start: str, end: str, **facts: Any) -> None:
        one = task(start, **facts)
        self.watcher.task_placed(one)
        self.watcher.task_stopped(dataclasses.replace(one, stopped_at_ms=at(end)))

    def asks(self, **request: Any) -> dict[str, Any]:
        """The answer, which has the shape of AWS's."""
        asked: dict[str, Any] = {"TimePeriod": WEEK, "Granularity": "DAILY", "Metrics": ["UnblendedCost"]}
        answer: dict[str, Any] = self.ce.get_cost_and_usage(**asked | request)
        del answer["ResponseMetadata"]
        shape = botocore.session.get_session().get_service_model("ce").shape_for("GetCostAndUsageResponse")
        assert ParamValidator().validate(answer, shape).generate_report() == ""
        return answer

    def asks_all(self, **request: Any) -> Iterator[dict[str, Any]]:
        """Every page."""
        answer = self.asks(**request)
        yield answer
        while token := answer.get("NextPageToken"):
            answer = self.asks(**request, NextPageToken=token)
            yield answer

    def refuses(self, code: str, because: str, **request: Any) -> None:
        with pytest.raises(ClientError, match=because) as refused:
            self.asks(**request)
        assert refused.value.response["Error"]["Code"] == code
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    with serving(tmp_path_factory.mktemp("lane"), []) as (context, _):
        yield context, client(context, "ce")


@pytest.fixture
def explorer(served: tuple[Any, Any]) -> Iterator[Explorer]:
    """At noon of 2026-11-20 (UTC), in pages of three."""
    context, ce = served
    service: CostExplorerService = cost_explorer.install(context, now_s=lambda: at(NOW) / 1000, page_size=3)
    (watcher,) = context.watchers
    yield Explorer(ce, watcher)
    service.close()
    assert context.watchers == []


def groups(answer: Mapping[str, Any], metric: str = "UnblendedCost") -> dict[tuple[str, ...], str]:
    """Start and keys → amount."""
    return {
        (result["TimePeriod"]["Start"], *group["Keys"]): group["Metrics"][metric]["Amount"]
        for result in answer["ResultsByTime"]
        for group in result["Groups"]
    }


def total(answer: Mapping[str, Any], metric: str = "UnblendedCost") -> Decimal:
    totals = [Decimal(one["Total"][metric]["Amount"]) for one in answer["ResultsByTime"] if one["Total"]]
    return sum([*totals, *map(Decimal, groups(answer, metric).values())], Decimal())


def test_a_period_without_usage_is_all_there_and_empty(explorer: Explorer) -> None:
    period = {"Start": "2026-11-18", "End": "2026-11-21"}
    answer = explorer.asks(TimePeriod=period, GroupBy=[BY_TYPE], Metrics=["UnblendedCost", "UsageQuantity"])
    assert [one["TimePeriod"] for one in answer["ResultsByTime"]] == [
        {"Start": "2026-11-18", "End": "2026-11-19"},
        {"Start": "2026-11-19", "End": "2026-11-20"},
        {"Start": "2026-11-20", "End": "2026-11-21"},
    ]
    assert all(one["Groups"] == [] for one in answer["ResultsByTime"])
    assert answer["ResultsByTime"][0]["Total"] == {
        "UnblendedCost": {"Amount": "0", "Unit": "USD"},
        "UsageQuantity": {"Amount": "0", "Unit": "N/A"},
    }
    assert answer["GroupDefinitions"] == [BY_TYPE]
    assert [one["Estimated"] for one in answer["ResultsByTime"]] == [False, True, True]


def test_usage_by_type_and_stage(explorer: Explorer) -> None:
    explorer.runs("2026-11-16 10:00", "2026-11-16 12:00")
    explorer.runs("2026-11-16 10:00", "2026-11-16 11:00", purchase="on-demand", tags={})
    explorer.runs_task("2026-11-16 10:00", "2026-11-16 11:00", tags={"batchyard:stage": "other"})
    period = {"Start": "2026-11-16", "End": "2026-11-17"}
    answers = list(explorer.asks_all(TimePeriod=period, GroupBy=[BY_TYPE, BY_STAGE], Metrics=["UsageQuantity"]))
    assert len(answers) == 2
    assert {key: amount for answer in answers for key, amount in groups(answer, "UsageQuantity").items()} == {
        ("2026-11-16", "BoxUsage:m5.large", "batchyard:stage$"): "1",
        ("2026-11-16", "SpotUsage:m5.large", "batchyard:stage$local"): "2",
        ("2026-11-16", "USE1-SpotUsage-Fargate-GB-Hours", "batchyard:stage$other"): "2",
        ("2026-11-16", "USE1-SpotUsage-Fargate-vCPU-Hours:perCPU", "batchyard:stage$other"): "0.5",
    }
    assert all(result["Total"] == {} for answer in answers for result in answer["ResultsByTime"])


@pytest.mark.parametrize(
    "group_by",
    [
        [],
        [BY_TYPE],
        [BY_STAGE],
        [{"Type": "DIMENSION", "Key": "SERVICE"}],
        [{"Type": "DIMENSION", "Key": "RECORD_TYPE"}, {"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}],
    ],
    ids=str,
)
@pytest.mark.parametrize("granularity", ["DAILY", "MONTHLY"])
def test_dollars_are_the_same_under_any_grouping(
    explorer: Explorer, group_by: list[dict[str, str]], granularity: str
) -> None:
    for number, kind in enumerate(("m5.large", "c7i.large", "c7i.xlarge", "m5.large")):
        explorer.runs(f"2026-11-{16 + number} 22:00:01", f"2026-11-{17 + number} 03:00:08", kind=kind)
    explorer.runs("2026-11-17 01:00", "2026-11-17 01:00:07", tags={})
    dollars = sum(map(total, explorer.asks_all(GroupBy=group_by, Granularity=granularity)), Decimal())
    assert dollars == sum(map(total, explorer.asks_all()), Decimal())
    # seconds of each type by its price: two m5.large, a minute more, a c7i.large, a c7i.xlarge
    life_s, hour_s = 5 * 3600 + 7, 3600
    exact = (
        Decimal(2 * life_s + 60) * Decimal("0.03264")
        + Decimal(life_s) * Decimal("0.0348075")
        + Decimal(life_s) * Decimal("0.069615")
    ) / hour_s
    assert abs(dollars - exact) < Decimal("1e-9")


def test_a_month_is_one_result_within_the_period(explorer: Explorer) -> None:
    explorer.runs("2026-10-31 23:00", "2026-11-01 01:00", purchase="on-demand")
    answer = explorer.asks(TimePeriod={"Start": "2026-10-15", "End": "2026-11-03"}, Granularity="MONTHLY")
    assert [(one["TimePeriod"], one["Total"]["UnblendedCost"]["Amount"]) for one in answer["ResultsByTime"]] == [
        ({"Start": "2026-10-15", "End": "2026-11-01"}, "0.096"),
        ({"Start": "2026-11-01", "End": "2026-11-03"}, "0.096"),
    ]
    assert [one["Estimated"] for one in answer["ResultsByTime"]] == [False, False]


def test_every_metric_of_money_is_the_same_here(explorer: Explorer) -> None:
    explorer.runs("2026-11-19 10:00", "2026-11-19 11:00", purchase="on-demand")
    metrics = ["UnblendedCost", "AmortizedCost", "NetUnblendedCost", "NetAmortizedCost", "BlendedCost"]
    period = {"Start": "2026-11-19", "End": "2026-11-20"}
    (day,) = explorer.asks(TimePeriod=period, Metrics=metrics)["ResultsByTime"]
    assert day["Total"] == {metric: {"Amount": "0.096", "Unit": "USD"} for metric in metrics}


@pytest.mark.parametrize(
    ("expression", "hours"),
    [
        ({"Dimensions": {"Key": "USAGE_TYPE", "Values": ["BoxUsage:m5.large", "BoxUsage:c5.large"]}}, "2"),
        ({"Not": {"Dimensions": {"Key": "USAGE_TYPE", "Values": ["BoxUsage:m5.large"]}}}, "5"),
        ({"Not": {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Credit", "Tax"]}}}, "7"),
        ({"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Credit", "Tax"]}}, "0"),
        ({"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": [ACCOUNT], "MatchOptions": ["EQUALS"]}}, "7"),
        ({"Tags": {"Key": "batchyard:stage", "Values": ["local"]}}, "2"),
        ({"Tags": {"Key": "batchyard:stage", "MatchOptions": ["ABSENT"]}}, "1"),
        (
            {
                "And": [
                    {"Dimensions": {"Key": "SERVICE", "Values": ["Amazon Elastic Compute Cloud - Compute"]}},
                    {
                        "Or": [
                            {"Tags": {"Key": "batchyard:stage", "Values": ["other"]}},
                            {"Tags": {"Key": "batchyard:stage", "Values": [""]}},
                        ]
                    },
                ]
            },
            "5",
        ),
    ],
    ids=str,
)
def test_filters(explorer: Explorer, expression: dict[str, Any], hours: str) -> None:
    explorer.runs("2026-11-16 10:00", "2026-11-16 12:00", purchase="on-demand")
    explorer.runs("2026-11-16 10:00", "2026-11-16 11:00", tags={})
    explorer.runs("2026-11-16 10:00", "2026-11-16 14:00", tags={"batchyard:stage": "other"})
    period = {"Start": "2026-11-16", "End": "2026-11-17"}
    (day,) = explorer.asks(TimePeriod=period, Metrics=["UsageQuantity"], Filter=expression)["ResultsByTime"]
    assert day["Total"]["UsageQuantity"]["Amount"] == hours


def test_pages_are_one_answer_whatever_happens_between_them(explorer: Explorer) -> None:
    for kind in ("m5.large", "m5.xlarge", "c5.large", "c5.xlarge"):
        explorer.runs("2026-11-20 10:00", kind=kind)
    period = {"Start": "2026-11-19", "End": "2026-11-21"}
    first = explorer.asks(TimePeriod=period, GroupBy=[BY_TYPE])
    # sorts before all others
    explorer.runs("2026-11-20 10:00", kind="c5.2xlarge", purchase="on-demand")
    second = explorer.asks(TimePeriod=period, GroupBy=[BY_TYPE], NextPageToken=first["NextPageToken"])
    assert "NextPageToken" not in second
    assert [one["TimePeriod"]["Start"] for one in first["ResultsByTime"]] == ["2026-11-19", "2026-11-20"]
    assert [one["TimePeriod"]["Start"] for one in second["ResultsByTime"]] == ["2026-11-20"]
    assert [key[1] for answer in (first, second) for key in groups(answer)] == [
        "SpotUsage:c5.large",
        "SpotUsage:c5.xlarge",
        "SpotUsage:m5.large",
        "SpotUsage:m5.xlarge",
    ]


def test_a_token_is_for_its_own_request(explorer: Explorer) -> None:
    token = explorer.asks()["NextPageToken"]
    explorer.refuses("RequestChangedException", "changed between pages", Metrics=["UsageQuantity"], NextPageToken=token)
    explorer.refuses("InvalidNextTokenException", "ask from the start", NextPageToken="nobody-gave-this")


def test_usage_without_a_price_makes_its_days_unavailable(explorer: Explorer) -> None:
    explorer.runs("2026-11-16 10:00", "2026-11-16 12:00", kind="r7i.large")
    explorer.refuses("DataUnavailableException", r"r7i.large has no price: add it to prices.json")
    explorer.asks(TimePeriod={"Start": "2026-11-17", "End": "2026-11-21"})


@pytest.mark.parametrize(
    ("request_", "because"),
    [
        ({"TimePeriod": {"Start": "2026-11-20", "End": "2026-11-20"}}, "Start date .* should be before end date"),
        ({"TimePeriod": {"Start": "2026-11-21", "End": "2026-11-22"}}, "Start date 2026-11-21 is after the current"),
        ({"TimePeriod": {"Start": "2026-11-20", "End": "2026-12-02"}}, "end date past the beginning of next month"),
        ({"TimePeriod": {"Start": "2025-08-31", "End": "2026-11-01"}}, "historical data beyond 14 months"),
        ({"TimePeriod": {"Start": "2026-11-20T00:00:00Z", "End": "2026-11-21"}}, "write a day like 2026-01-31"),
        ({"Granularity": "HOURLY"}, "Granularity is HOURLY; the emulated Cost Explorer knows DAILY, MONTHLY"),
        ({"Metrics": ["NormalizedUsageAmount"]}, "Metrics is NormalizedUsageAmount"),
        ({"Metrics": []}, "Metrics is empty"),
        ({"GroupBy": [BY_TYPE, BY_STAGE, {"Type": "TAG", "Key": "b"}]}, "GroupBy has 3 keys; up to 2"),
        ({"GroupBy": [{"Type": "DIMENSION", "Key": "AZ"}]}, "GroupBy.Key is AZ"),
        ({"GroupBy": [{"Type": "COST_CATEGORY", "Key": "team"}]}, "GroupBy.Type is COST_CATEGORY"),
        ({"Filter": {"Dimensions": {"Key": "REGION", "Values": ["a"]}}}, "Dimensions.Key is REGION"),
        ({"Filter": {"Dimensions": {"Key": "SERVICE", "Values": []}}}, "Dimensions.Values is empty"),
        (
            {"Filter": {"Tags": {"Key": "a", "Values": ["b"], "MatchOptions": ["CONTAINS"]}}},
            "Tags.MatchOptions is CONTAINS",
        ),
        ({"Filter": {"CostCategories": {"Key": "a", "Values": ["b"]}}}, "Expression has CostCategories"),
        ({"Filter": {"And": [{"Tags": {"Key": "a", "Values": ["b"]}}]}}, "And has 1 operands"),
        (
            {"Filter": {"Not": {"Tags": {"Key": "a", "Values": ["b"]}}, "Tags": {"Key": "a", "Values": ["b"]}}},
            "has 2 roots",
        ),
    ],
    ids=str,
)
def test_what_cant_be_answered_is_refused(explorer: Explorer, request_: dict[str, Any], because: str) -> None:
    explorer.refuses("ValidationException", because, **request_)
