"""Figures as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.model import words


@pytest.mark.parametrize(
    ("nano", "text"),
    [(412_300_000_000, "$412"), (3_070_000_000, "$3.07"), (-12_500_000_000, "-$12.50"), (312_000, "$0.00031")],
)
def test_a_headline_has_whole_dollars_from_a_hundred_on(nano: int, text: str) -> None:
    assert words.headline(nano, "USD") == text


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (1_204_500_000_000, "$1,204.50"),
        (-3_070_000_000, "-$3.07"),
        (10_000_000, "$0.01"),
        (4_210_000, "$0.0042"),
        (-300_000, "-$0.0003"),
        (999, "<$0.000001"),
        (0, "$0.00"),
        (None, "–"),
    ],
)
def test_an_amount_has_cents_or_two_digits_and_never_hides_that_it_is_something(nano: int | None, text: str) -> None:
    assert words.money(nano, "USD") == text


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        *((421_700, "$0.0004217"), (1_500_000_000, "$1.50"), (0, "$0.00"), (12, "$0.000000012"), (None, "–")),
        *((1.23456, "$0.000000001235"), (0.00032109, "$0.0000000000003211"), (0.0, "$0.00")),
    ],
)
def test_a_unit_price_keeps_four_digits(nano: float | None, text: str) -> None:
    assert words.unit_price(nano, "USD") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"),
        (12, "12 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (2_690, "45 min"),
        (3_590, "1 h 00 min"),
        (7_500, "2 h 05 min"),
        (None, "–"),
    ],
)
def test_a_duration_names_its_units(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


def test_a_difference_has_its_sign_however_small() -> None:
    assert [words.signed(nano, "USD") for nano in (0, 300_000, -4_000_000_000)] == ["±0", "+$0.0003", "-$4.00"]


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        *(
            (108, 100, "+8%"),
            (5, 0, "new"),
            (0, 0, "±0%"),
            (0, 4, "-100%"),
            (4, None, "–"),
            (None, 4, "–"),
            (7, 7, "±0%"),
        ),
        *((1_001, 1_000, "±0%"), (999, 1_000, "±0%"), (1_006, 1_000, "+1%")),
        *((999, 100, "+899%"), (1_000, 100, "×10"), (400_000_000, 1, "×400,000,000"), (5, -5, "–"), (-5, 5, "–")),
    ],
)
def test_a_change_is_a_proportion_or_says_why_it_is_none(now: int | None, before: int | None, text: str) -> None:
    assert words.change(now, before) == text


def test_memory_and_shares_and_another_currency() -> None:
    assert (words.memory(512), words.memory(32_768), words.memory(None)) == ("512 MiB", "32.0 GiB", "–")
    assert [words.share(value) for value in (0.314, 0.004, 1e-9, 0, None)] == ["31%", "0.4%", "<0.1%", "0%", "–"]
    assert words.money(1_000_000_000, "SEK") == "SEK 1.00"


@given(st.integers(-(2**62), 2**62))
def test_every_amount_can_be_written(nano: int) -> None:
    assert all(write(nano, "USD") for write in (words.money, words.headline, words.signed, words.unit_price))
