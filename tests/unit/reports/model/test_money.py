"""Money stays exact."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.model.money import NotMoney, cents, nano


def test_an_answers_decimal_text_becomes_whole_nano_dollars() -> None:
    assert nano("40.3527508453") == 40_352_750_845
    assert nano(" -0.0000000005 ") == 0
    assert nano(Decimal("0.0416")) == 41_600_000


@pytest.mark.parametrize("text", ["", "abc", "NaN", "Infinity", "1e40", "12,5"])
def test_what_is_no_amount_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(NotMoney, match=r"is no amount of money|is more than"):
        nano(text)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_nine_digits_are_kept_whatever_the_amount(nano_dollars: int) -> None:
    assert nano(f"{Decimal(nano_dollars).scaleb(-9):f}") == nano_dollars


def test_cents_are_rounded_half_to_even() -> None:
    assert cents(5_000_000) == Decimal("0.00")
    assert cents(15_000_000) == Decimal("0.02")
    assert cents(-15_000_000) == Decimal("-0.02")
