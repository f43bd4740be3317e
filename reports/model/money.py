"""Money as whole nano-dollars: Cost Explorer answers decimal strings with ten digits, and sums of them must not drift.

One nano-dollar is 1e-9 of the bill's currency. A signed 64-bit integer holds ± 9.2 thousand million dollars of them.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Final

NANO_PER_UNIT: Final = 1_000_000_000
_LARGEST_NANO: Final = 2**63 - 1


class NotMoney(ValueError):
    """A text that is no amount of money, or one beyond what 64 bits hold."""


def nano(amount: str | Decimal) -> int:
    """An amount as nano-dollars: `"0.0416"` → 41_600_000. Digits past the ninth are rounded half to even."""
    try:
        value = amount if isinstance(amount, Decimal) else Decimal(amount.strip())
    except (InvalidOperation, AttributeError) as error:
        raise NotMoney(f"{amount!r} is no amount of money; a decimal number such as 12.34 is") from error
    if not value.is_finite():
        raise NotMoney(f"{amount!r} is no amount of money; it must be finite")
    if abs(value) > Decimal(_LARGEST_NANO).scaleb(-9):
        raise NotMoney(
            f"{amount!r} is more than the {_LARGEST_NANO // NANO_PER_UNIT:,} that 64 bits of nano-dollars hold"
        )
    return int(value.scaleb(9).to_integral_value(rounding=ROUND_HALF_EVEN))


def cents(nano_dollars: int) -> Decimal:
    """Nano-dollars to whole cents, rounded half to even: what a person reads."""
    return Decimal(nano_dollars).scaleb(-9).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)
