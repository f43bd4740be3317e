"""Week over week: effects that add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.analyse.changes import NOTHING, JobPeriod, decompose, movers, total

PERIODS = st.builds(
    JobPeriod,
    cost_nano=st.integers(0, 10**15),
    succeeded=st.integers(0, 10**6),
    weighted_s=st.floats(0, 1e12, allow_nan=False),
)
WEEK = JobPeriod(cost_nano=10_000_000_000, succeeded=100, weighted_s=50_000.0)


@given(before=PERIODS, after=PERIODS)
def test_the_three_effects_add_up_to_the_difference(before: JobPeriod, after: JobPeriod) -> None:
    change = decompose("flights", before, after)
    assert change.price_nano + change.volume_nano + change.efficiency_nano == change.difference_nano
    assert change.difference_nano == after.cost_nano - before.cost_nano


@pytest.mark.parametrize(
    ("after", "effect", "sentence"),
    [
        (JobPeriod(cost_nano=13_100_000_000, succeeded=131, weighted_s=65_500.0), "volume_nano", "ran 31% more often"),
        (JobPeriod(cost_nano=8_000_000_000, succeeded=100, weighted_s=50_000.0), "price_nano", "paid 20% less"),
        (JobPeriod(cost_nano=15_000_000_000, succeeded=100, weighted_s=75_000.0), "efficiency_nano", "took 50% more"),
    ],
    ids=["volume", "price", "efficiency"],
)
def test_a_change_of_one_factor_is_that_effect_alone(after: JobPeriod, effect: str, sentence: str) -> None:
    change = decompose("flights", WEEK, after)
    effects = change.model_dump(include={"price_nano", "volume_nano", "efficiency_nano"})
    assert effects.pop(effect) == pytest.approx(change.difference_nano, abs=2)
    assert all(abs(other) <= 2 for other in effects.values())
    assert sentence in change.sentence


def test_a_job_that_is_new_or_gone_is_volume_and_says_so() -> None:
    new, gone = decompose("thumbnails", NOTHING, WEEK), decompose("thumbnails", WEEK, NOTHING)
    assert (new.volume_nano, new.sentence) == (WEEK.cost_nano, "thumbnails did not run the period before")
    assert (gone.volume_nano, gone.sentence) == (-WEEK.cost_nano, "thumbnails did not run")


def _week(dollars: float, succeeded: int, weighted_s: float) -> JobPeriod:
    return JobPeriod(cost_nano=round(dollars * 1e9), succeeded=succeeded, weighted_s=weighted_s)


@pytest.mark.parametrize(
    ("after", "said"),
    [
        # 40 % more runs of half the price would be a falling bill, were they not longer: what made it grow is named
        (_week(11, 140, 110_000), "flights took 57% more machine time a run"),
        (_week(9, 300, 50_000), "flights took 67% less machine time a run"),
        (_week(10 * 1.3**3, 130, 50_000 * 1.3 * 1.3), "flights cost 120% more"),  # three alike: none is the cause
        (_week(120, 1_200, 600_000), "flights ran 12 times as often"),
        (_week(0.01, 100, 50_000), "flights paid >99% less for the same machine time"),
        (_week(10.004, 100, 50_000), "flights paid <0.1% more for the same machine time"),
        (_week(3, 0, 9_000), "flights had no successful run"),
        (_week(0, 100, 50_000), "flights cost nothing"),
    ],
)
def test_the_effect_that_is_named_moved_the_dollars_their_way_and_more_than_the_others(
    after: JobPeriod, said: str
) -> None:
    assert decompose("flights", WEEK, after).sentence == said


def test_what_cannot_be_compared_says_on_which_side() -> None:
    assert decompose("x", _week(3, 0, 9_000), WEEK).sentence == "x had no successful run the period before"
    assert decompose("x", _week(0, 100, 9_000), WEEK).sentence == "x cost nothing the period before"


@given(st.dictionaries(st.sampled_from("abcde"), PERIODS), st.dictionaries(st.sampled_from("abcde"), PERIODS))
def test_movers_come_largest_first_and_their_total_is_the_periods_difference(
    before: dict[str, JobPeriod], after: dict[str, JobPeriod]
) -> None:
    changes = movers(before, after)
    sizes = [abs(change.difference_nano) for change in changes]
    assert sizes == sorted(sizes, reverse=True)
    whole = total(changes)
    assert whole.difference_nano == sum(p.cost_nano for p in after.values()) - sum(p.cost_nano for p in before.values())
    assert whole.price_nano + whole.volume_nano + whole.efficiency_nano == whole.difference_nano
