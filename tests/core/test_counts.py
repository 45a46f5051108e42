"""Bounds of output where counters leave something open, against every story that agrees with what was read."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.kpi.counts import CountGap, by_speed_us, effect_of, possible_us, unseen_us
from core.kpi.oee import kpi
from tests.core.rows import MIN, facts
from tests.oracle.naive_counts import Uncertain, stories

RATE = Fraction(12, 10)
MINUTES = 6
CLASSES = ("apt", "adet_idle", "aust", "apt_out", "adet_stop")
SIGNS = [(1, 0), (0, 1), (1, -1), (-1, 1)]


@st.composite
def uncertain(draw: st.DrawFn) -> Uncertain:
    good, scrap = draw(st.sampled_from(SIGNS))
    start, length = draw(st.integers(0, 330)), draw(st.integers(1, 200))
    longest, lasts = draw(st.sampled_from([30, 95])), draw(st.booleans())
    credit, least = draw(st.integers(0, 3)) * longest, draw(st.booleans())
    known = credit if draw(st.booleans()) else None
    if lasts:
        return Uncertain(good, scrap, start, None, 0, 0, None, longest, None)
    end = start + length
    return Uncertain(good, scrap, start, end, credit, credit if least else 0, known, longest, end)


def as_the_code_has_it(gap: Uncertain, rows: object, window: tuple[int, int]) -> CountGap:
    """A count gap cut to a window, in seconds."""
    first, end = window
    booked = gap.booked is not None and first <= gap.booked < end
    until = end if gap.end is None else min(gap.end, end)
    return CountGap(
        gap.good,
        gap.scrap,
        # Numbers of the test's own records.
        time_us=possible_us(rows, max(gap.start, first) * 1_000_000, until * 1_000_000),  # type: ignore[arg-type]  # rows as plain tuples
        booked_us=gap.credit * 1_000_000 if booked else 0,
        least_us=gap.least * 1_000_000 if booked and gap.start >= first else 0,
        most_us=None if gap.most is None else gap.most * 1_000_000,
        pri_us=gap.longest * 1_000_000,
    )


def test_a_credit_that_the_low_bound_does_not_have_is_not_taken_from_it_again() -> None:
    gap = CountGap(1, 0, time_us=60, booked_us=60, least_us=0, most_us=90, pri_us=60)
    assert gap.bounds(1.2) == (60.0, 30.0)
    assert replace(gap, claimed=False).bounds(1.2) == (0.0, 30.0)


@given(
    st.lists(st.sampled_from(CLASSES), min_size=MINUTES, max_size=MINUTES),
    st.lists(uncertain(), max_size=3),
    st.integers(0, 2),
    st.integers(0, 900),
    st.integers(0, 100),
)
def test_the_band_is_what_all_stories_together_allow(
    classes: list[str], gaps: list[Uncertain], first: int, good: int, scrap: int
) -> None:
    classes[first] = "apt"  # something was produced in
    window = first * 60, MINUTES * 60
    rows = facts(*({"minute_us": at * MIN, name: MIN} for at, name in enumerate(classes) if at >= first))
    rows["credit_good_us"][0], rows["credit_total_us"][0] = good * 1_000_000, (good + scrap) * 1_000_000
    seconds = [classes[at // 60] for at in range(MINUTES * 60)]
    told, cut = stories(gaps, seconds, window, RATE, good, scrap)
    touching = [g for g in gaps if g.start < window[1] and (g.booked is None or g.booked >= window[0])]
    found = kpi(rows, [], float(RATE), [as_the_code_has_it(gap, rows, window) for gap in touching])
    planned = sum(name in ("apt", "adet_idle", "aust", "adet_stop") for name in classes[first:]) * 60
    running = classes[first:].count("apt") * 60
    figures = [
        (found.oee, [g / planned for g, _ in told]),
        (found.effectiveness, [(g + s) / running for g, s in told]),
        (found.quality, [g / (g + s) for g, s in told if g + s] if good + scrap else []),
    ]
    for band, true in figures:
        if true and band.value is not None:
            assert band.low is not None
            assert band.high is not None
            assert band.low <= float(min(true)) + 1e-9
            assert float(max(true)) - 1e-9 <= band.high
            if not cut:
                assert (band.low, band.high) == pytest.approx((float(min(true)), float(max(true))), abs=1e-9)


@pytest.mark.parametrize(
    ("signals", "effects"),
    [
        (["part.total"], {0: (1, 0)}),
        (["part.total", "part.scrap"], {0: (1, 0), 2: (-1, 1)}),
        (["part.total", "part.good"], {0: (0, 1), 1: (1, -1)}),
        (["part.good", "part.scrap"], {1: (1, 0), 2: (0, 0)}),
    ],
)
def test_missing_counters_follow_from_the_others(signals: list[str], effects: dict[int, tuple[int, int]]) -> None:
    assert {counter: effect_of(signals, counter) for counter in effects} == effects


def test_a_spindle_can_only_have_turned_where_none_is_known_to_turn() -> None:
    rows = facts({"apt": MIN // 2, "unknown": MIN // 2, "spindle_turning_us": MIN // 3})
    assert unseen_us(rows, 0, MIN) == MIN // 2 - MIN // 3
    assert unseen_us(rows, 0, 5) == 5


def test_a_spindle_can_only_have_stood_where_its_speed_says_that_it_turns() -> None:
    rows = facts({"apt": MIN // 2, "unknown": MIN // 2, "spindle_turning_us": MIN // 3})
    assert by_speed_us(rows, 0, MIN) == MIN // 3
    assert by_speed_us(rows, 0, 5) == 5
