"""DescribeSpotPriceHistory over HTTP, as the report asks it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tenacity import wait_none

from local.emulator import price_list
from local.emulator.cost_explorer.prices import shipped
from reports.collect.spot_history import SpotPrices, from_ec2
from reports.model.money import nano
from tests.unit.local.emulator.moto_server import client, serving

DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_the_report_finds_the_price_the_emulated_bill_is_made_of(tmp_path: Path) -> None:
    days = [DAY, DAY + timedelta(days=1)]
    with serving(tmp_path, [price_list.install]) as (context, _):
        found = from_ec2(lambda: client(context, "ec2"), wait=wait_none())(["m7i.large", "r7i.large"], days, NOON)
    price = nano(f"{shipped().instance_hour('m7i.large', 'spot', region='us-east-1'):.6f}")
    assert found == SpotPrices(hour_nano={(day, "m7i.large"): price for day in days})
    assert price > 0
