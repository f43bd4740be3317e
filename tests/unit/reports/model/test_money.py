"""Money stays exact."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.model.money import NotMoney, amount, cents, nano, split


def test_an_answers_decimal_text_becomes_whole_nano_dollars() -> None:
    assert nano("40.3527508453") == 40_352_750_845
    assert nano(" -0.0000000005 ") == 0
    assert nano(Decimal("0.0416")) == 41_600_000


@pytest.mark.parametrize("text", ["", "abc", "NaN", "Infinity", "1e40", "12,5"])
def test_what_is_no_amount_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(NotMoney, match=r"is no amount of money|is more than"):
        nano(text)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_an_amount_reads_back_as_what_it_was(nano_dollars: int) -> None:
    assert nano(amount(nano_dollars)) == nano_dollars


def test_cents_are_rounded_half_to_even() -> None:
    assert cents(5_000_000) == Decimal("0.00")
    assert cents(15_000_000) == Decimal("0.02")
    assert cents(-15_000_000) == Decimal("-0.02")


@given(st.integers(-(10**15), 10**15), st.lists(st.integers(0, 10**9), min_size=1, max_size=50))
def test_a_split_adds_up_and_follows_its_weights(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    assert sum(parts) == total
    if any(weights):
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part - total * weight / sum(weights)) <= 1 + abs(total) * 1e-12


def test_a_split_by_nothing_or_by_negative_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one weight"):
        split(1, [])
    with pytest.raises(ValueError, match="weight -1 is negative"):
        split(1, [2, -1])
