"""DescribeSpotPriceHistory with the one spot price each instance type has on the emulated bill.

Prices here never change, so each zone has one entry a type: the price the asked time begins with.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.spot_instances import SpotInstances

from local.emulator.cost_explorer.prices import Unpriced, shipped
from scheduling.catalog import INSTANCE_TYPES

_PRODUCT = "Linux/UNIX"


def describe_spot_price_history(self: SpotInstances) -> ActionResult:
    """In moto's place. A type or a product without a price has no history."""
    products = self._get_param("ProductDescriptions", [_PRODUCT])
    since = self._get_param("StartTime") or datetime.now(UTC)
    zones = [zone.name for zone in self.ec2_backend.describe_availability_zones()]
    history: list[dict[str, Any]] = []
    for name in self._get_param("InstanceTypes", []) or sorted(INSTANCE_TYPES):
        try:
            price = shipped().instance_hour(name, "spot", region=self.region)
        except (Unpriced, KeyError):
            continue
        history += [
            {
                "InstanceType": name,
                "ProductDescription": _PRODUCT,
                "SpotPrice": f"{price:.6f}",
                "AvailabilityZone": zone,
                "Timestamp": since,
            }
            for zone in zones
            if _PRODUCT in products
        ]
    return ActionResult({"SpotPriceHistory": history, "NextToken": ""})
