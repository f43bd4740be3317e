"""Prices of the emulated bill."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
import yaml

from local.emulator.cost_explorer.prices import FILE, Unpriced, shipped
from local.home import REPOSITORY
from scheduling.catalog import INSTANCE_TYPES, resolve_all


def test_every_block_names_its_date_and_source() -> None:
    table = json.loads(FILE.read_text(encoding="utf-8"))
    blocks = [block for block in table.values() if isinstance(block, dict)]
    assert len(blocks) == 5
    assert all(block["date"] and block["source"] for block in blocks)


def test_every_priced_type_is_sold_and_has_a_spot_price() -> None:
    table = json.loads(FILE.read_text(encoding="utf-8"))
    on_demand = table["ec2_on_demand"]["per_hour"].keys()
    assert on_demand == table["ec2_spot"]["percent_below_on_demand"].keys()
    assert on_demand <= INSTANCE_TYPES.keys()


@pytest.mark.parametrize("settings", ["Pulumi.local.yaml", "Pulumi.dev.yaml"], ids=lambda one: one)
def test_every_type_of_the_shipped_stages_that_may_run_here_has_a_price(settings: str) -> None:
    config = yaml.safe_load((REPOSITORY / settings).read_text(encoding="utf-8"))["config"]
    environments = config["batchyard:compute_environments"].values()
    names = tuple(name for one in environments for name in one.get("instance_types", ()))
    assert names
    for kind in resolve_all(names):
        assert shipped().instance_hour(kind.name, "spot", region="us-east-1") > 0


def test_a_type_has_its_own_price() -> None:
    assert shipped().instance_hour("m5.2xlarge", "on-demand", region="us-east-1") == Decimal("0.384")
    # 54 % below
    assert shipped().instance_hour("m5.2xlarge", "spot", region="us-east-1") == Decimal("0.17664")


def test_a_size_without_a_price_has_its_familys_by_size() -> None:
    assert shipped().instance_hour("m7i.large", "on-demand", region="us-east-1") == Decimal("0.1008")
    assert shipped().instance_hour("m7i.large", "spot", region="us-east-1") == Decimal("0.047376")
    assert shipped().instance_hour("m5.8xlarge", "on-demand", region="us-east-1") == Decimal("1.536")


@pytest.mark.parametrize(
    ("name", "why"),
    [("r7i.large", "no priced type of its family"), ("t3.micro", "less memory"), ("g5.48xlarge", "other GPUs")],
)
def test_no_price_is_made_up(name: str, why: str) -> None:
    with pytest.raises(Unpriced, match=rf"{name} has no price: add it to prices.json"):
        shipped().instance_hour(name, "on-demand", region="us-east-1")


def test_prices_are_one_regions() -> None:
    with pytest.raises(Unpriced, match="prices of us-east-1 only; the emulator runs as eu-west-1"):
        shipped().instance_hour("m5.large", "spot", region="eu-west-1")
    with pytest.raises(Unpriced, match="prices of us-east-1 only"):
        shipped().fargate("spot", region="eu-west-1")


def test_fargate_on_demand_and_on_spot() -> None:
    on_demand = shipped().fargate("on-demand", region="us-east-1")
    assert (on_demand.vcpu_hour, on_demand.gb_hour) == (Decimal("0.04048"), Decimal("0.004445"))
    spot = shipped().fargate("spot", region="us-east-1")
    assert (spot.vcpu_hour, spot.gb_hour) == (Decimal("0.016192"), Decimal("0.001778"))
