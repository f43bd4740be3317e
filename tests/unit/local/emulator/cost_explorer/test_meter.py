"""Metering as AWS does it: seconds, a minimum, days of UTC."""

from __future__ import annotations

import dataclasses
import logging
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.emulator.capacity import FunctionRun
from local.emulator.cost_explorer.meter import Line, Meter
from local.emulator.cost_explorer.prices import shipped
from tests.unit.local.emulator.cost_explorer.facts import STAGE, at, instance, task

DAY_MS = 86_400_000


@pytest.fixture
def meter() -> Meter:
    return Meter(shipped())


def told(meter: Meter, now: str = "2026-11-21 00:00") -> dict[tuple[str, str], tuple[Decimal, Decimal | None]]:
    """Day and usage type → hours and cost."""
    return {(str(line.day), line.usage_type): (line.hours, line.cost) for line in meter.lines(as_of_ms=at(now))}


def test_an_instance_is_billed_by_the_second(meter: Meter) -> None:
    one = instance("2026-11-20 12:00")
    meter.instance_booted(one)
    meter.instance_gone(one, at("2026-11-20 12:10") + 1)
    # 601 s at 0.096 less 66 %
    assert told(meter) == {("2026-11-20", "SpotUsage:m5.large"): (Decimal("0.1669444444"), Decimal("0.0054490667"))}


@pytest.mark.parametrize(
    ("architecture", "suffix", "cost"),
    [("x86_64", "", "0.0000200000"), ("arm64", "-ARM", "0.0000160001")],
)
def test_a_function_is_billed_by_the_millisecond_and_the_request(
    meter: Meter, architecture: str, suffix: str, cost: str
) -> None:
    for billed_ms in (1_001, 1_399):
        meter.function_ran(
            FunctionRun(
                account="123456789012",
                region="us-east-1",
                architecture=architecture,
                memory_mib=512,
                tags={"batchyard:job": "quick"},
                began_at_ms=at("2026-11-20 12:00"),
                billed_ms=billed_ms,
            )
        )
    assert told(meter) == {
        ("2026-11-20", f"Lambda-GB-Second{suffix}"): (Decimal("1.2"), Decimal(cost)),
        ("2026-11-20", f"Request{suffix}"): (Decimal(2), Decimal("0.0000004")),
    }


def test_an_instance_on_demand_has_a_type_of_usage_of_its_own(meter: Meter) -> None:
    one = instance("2026-11-20 12:00", purchase="on-demand")
    meter.instance_booted(one)
    meter.instance_gone(one, at("2026-11-20 13:00"))
    assert told(meter) == {("2026-11-20", "BoxUsage:m5.large"): (Decimal(1), Decimal("0.096"))}


def test_somebodys_own_instance_is_not_billed(meter: Meter) -> None:
    one = instance("2026-11-20 12:00", purchase="unmanaged")
    meter.instance_booted(one)
    meter.instance_gone(one, at("2026-11-20 13:00"))
    assert told(meter) == {}


def test_a_short_life_costs_a_minute(meter: Meter) -> None:
    one = instance("2026-11-20 12:00")
    meter.instance_booted(one)
    meter.instance_gone(one, at("2026-11-20 12:00") + 4_000)
    ((hours, _),) = told(meter).values()
    assert hours == Decimal("0.0166666667")


def test_what_still_runs_is_billed_until_now(meter: Meter) -> None:
    meter.instance_booted(instance("2026-11-20 12:00"))
    ((before, _),) = told(meter, "2026-11-20 12:30").values()
    ((after, _),) = told(meter, "2026-11-20 14:00").values()
    assert (before, after) == (Decimal("0.5"), Decimal(2))


def test_what_has_not_begun_is_not_billed(meter: Meter) -> None:
    meter.instance_booted(instance("2026-11-20 12:00"))
    assert told(meter, "2026-11-20 11:59") == {}


def test_a_life_across_midnight_is_cut_there(meter: Meter) -> None:
    one = instance("2026-11-19 23:30", purchase="on-demand")
    meter.instance_booted(one)
    meter.instance_gone(one, at("2026-11-20 01:00"))
    assert {day: hours for (day, _), (hours, _) in told(meter).items()} == {
        "2026-11-19": Decimal("0.5"),
        "2026-11-20": Decimal(1),
    }


def test_fargate_is_billed_by_its_vcpus_and_memory_from_the_pull(meter: Meter) -> None:
    one = task("2026-11-20 12:00", purchase="on-demand", started_at_ms=at("2026-11-20 12:20"))
    meter.task_placed(one)
    meter.task_running(one)
    meter.task_stopped(dataclasses.replace(one, stopped_at_ms=at("2026-11-20 13:00")))
    assert told(meter) == {
        ("2026-11-20", "USE1-Fargate-vCPU-Hours:perCPU"): (Decimal("0.5"), Decimal("0.02024")),
        ("2026-11-20", "USE1-Fargate-GB-Hours"): (Decimal(2), Decimal("0.00889")),
    }


def test_fargate_on_spot_has_types_of_usage_of_its_own(meter: Meter) -> None:
    meter.task_placed(task("2026-11-20 12:00"))
    assert {usage_type for _, usage_type in told(meter)} == {
        "USE1-SpotUsage-Fargate-vCPU-Hours:perCPU",
        "USE1-SpotUsage-Fargate-GB-Hours",
    }


def test_a_task_on_an_instance_costs_nothing_beside_it(meter: Meter) -> None:
    one = task("2026-11-20 12:00", on_fargate=False)
    meter.task_placed(one)
    meter.task_stopped(dataclasses.replace(one, stopped_at_ms=at("2026-11-20 13:00")))
    assert told(meter) == {}


def test_lives_are_one_line_unless_their_tags_differ(meter: Meter) -> None:
    for tags in (STAGE, STAGE, {}):
        meter.instance_booted(instance("2026-11-20 12:00", tags=tags))
    lines = meter.lines(as_of_ms=at("2026-11-20 13:00"))
    assert sorted((len(line.tags), line.hours) for line in lines) == [(0, Decimal(1)), (1, Decimal(2))]


def test_usage_without_a_price_is_kept_and_named(meter: Meter, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        meter.instance_booted(instance("2026-11-20 12:00", kind="r7i.large"))
    assert "Unpriced: r7i.large has no price" in caplog.text
    (line,) = meter.lines(as_of_ms=at("2026-11-20 13:00"))
    assert (line.hours, line.cost) == (Decimal(1), None)
    assert line.unpriced.startswith("r7i.large has no price")


@given(
    lives=st.lists(
        st.tuples(st.integers(0, 3 * DAY_MS), st.integers(0, 2 * DAY_MS), st.sampled_from(["m5.large", "c7i.large"])),
        max_size=20,
    )
)
def test_the_bill_is_the_seconds_of_instances_by_their_price(lives: list[tuple[int, int, str]]) -> None:
    meter = Meter(shipped())
    begin = at("2026-11-16 00:00")
    seconds: dict[str, int] = {}
    for start, length, kind in lives:
        one = instance("2026-11-16 00:00", kind=kind, booted_at_ms=begin + start)
        meter.instance_booted(one)
        meter.instance_gone(one, begin + start + length)
        seconds[kind] = seconds.get(kind, 0) + max(60, -(-length // 1000))
    lines = meter.lines(as_of_ms=at("2026-11-26 00:00"))
    for kind, of_kind in seconds.items():
        price = shipped().instance_hour(kind, "spot", region="us-east-1")
        billed = [line for line in lines if line.usage_type.endswith(kind)]
        assert abs(total(billed) - of_kind * price / 3600) <= Decimal("0.5e-10") * len(billed)
    assert {line.day for line in lines} <= {date(2026, 11, day) for day in range(16, 23)}


def total(lines: list[Line]) -> Decimal:
    return sum((line.cost for line in lines if line.cost is not None), Decimal())
