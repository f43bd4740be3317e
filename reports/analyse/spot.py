"""Spot capacity against its price on demand: saving = on demand − paid, and what can't be compared is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.model import words
from reports.model.report import Spot, SpotSaving


def spot(rows: Sequence[Mapping[str, Any]], *, currency: str) -> Spot | None:
    """From the rows of `spot_savings.sql`; None without any."""
    savings = tuple(SpotSaving(**row, saving_nano=row["on_demand_nano"] - row["paid_nano"]) for row in rows)
    if not savings:
        return None
    paid, on_demand, unpriced = (
        sum(getattr(row, name) for row in savings) for name in ("paid_nano", "on_demand_nano", "unpriced_nano")
    )
    return Spot(
        sentence=_sentence(paid, on_demand, unpriced, currency),
        paid_nano=paid,
        on_demand_nano=on_demand,
        saving_nano=on_demand - paid,
        unpriced_nano=unpriced,
        rows=savings,
    )


def _sentence(paid: int, on_demand: int, unpriced: int, currency: str) -> str:
    saving = on_demand - paid
    if not on_demand:
        return f"what {words.money(unpriced or paid, currency)} of spot capacity saved isn't known"
    if saving >= 0:
        said = f"spot capacity saved {words.money(saving, currency)}, {saving / on_demand:.0%} of its price on demand"
    else:
        said = f"spot capacity cost {words.money(-saving, currency)} more than on demand"
    if unpriced:
        said += f"; {words.money(unpriced, currency)} of it can't be compared"
    return said
