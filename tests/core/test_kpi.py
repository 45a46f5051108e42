"""Ratios from sums, bounds from what is missing, undefined with a reason; worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.facts.rollup import summed
from core.facts.schema import FACT, FACT_KEYS, MEASURES
from core.kpi.oee import Gap, kpi
from core.units import MINUTE_US

MIN = MINUTE_US


def facts(*rows: dict[str, int]) -> np.ndarray:
    out = np.zeros(len(rows), FACT)
    for at, row in enumerate(rows):
        for name, value in row.items():
            out[at][name] = value
    return out


ISO_EXAMPLE = {
    "apt": 280 * MIN,
    "aust": 40 * MIN,
    "adet_stop": 50 * MIN,
    "adet_idle": 20 * MIN,
    "adot_idle": 60 * MIN,
    "planned_calendar": 30 * MIN,
    "parts_total": 100,
    "parts_good": 95,
    "parts_scrap": 5,
    "credit_total_us": 250 * MIN,
    "credit_good_us": 2375 * MIN // 10,
}
"""480 min, 30 of them break; 100 parts of 2.5 min, 95 good: the example of ISO 22400-2 profiles, OEE 52.8 %."""


def test_the_worked_example_gives_52_8_per_cent() -> None:
    found = kpi(facts(ISO_EXAMPLE), [], 1.2)
    assert found.availability.value == pytest.approx(280 / 450)
    assert found.effectiveness.value == pytest.approx(250 / 280)
    assert found.quality.value == pytest.approx(0.95)
    assert found.oee.value == pytest.approx(0.5278, abs=5e-5)
    assert found.oee.low == found.oee.high == found.oee.value
    assert found.coverage == 1


def test_percentages_are_never_averaged() -> None:
    long = {
        "apt": 16 * 60 * MIN,
        "adet_idle": 4 * 60 * MIN,
        "credit_total_us": 16 * 60 * MIN,
        "credit_good_us": 16 * 60 * MIN,
    }
    short = {"apt": 24 * MIN, "adet_idle": 96 * MIN, "credit_total_us": 24 * MIN, "credit_good_us": 24 * MIN}
    assert kpi(facts(long, short), [], 1.2).oee.value == pytest.approx(0.745, abs=5e-4)


def test_above_one_hundred_per_cent_is_kept() -> None:
    found = kpi(
        facts({"apt": 100 * MIN, "credit_total_us": 130 * MIN, "credit_good_us": 130 * MIN, "parts_total": 130}),
        [],
        1.2,
    )
    assert found.effectiveness.value == pytest.approx(1.3)
    assert found.oee.value == pytest.approx(1.3)


@pytest.mark.parametrize(
    ("row", "which", "reason"),
    [
        ({"planned_calendar": 60 * MIN}, "oee", "no_planned_time"),
        ({"planned_calendar": 60 * MIN}, "availability", "no_planned_time"),
        ({"adet_idle": 60 * MIN}, "effectiveness", "no_parts"),
        ({"adet_idle": 60 * MIN}, "quality", "no_parts"),
        ({"apt": 60 * MIN, "parts_total": 3, "parts_no_standard": 3}, "oee", "no_standard_time"),
        ({"adet_idle": MIN, "credit_total_us": MIN, "credit_good_us": MIN}, "effectiveness", "parts_without_runtime"),
    ],
)
def test_what_is_not_defined_is_none_with_a_reason(row: dict[str, int], which: str, reason: str) -> None:
    band = getattr(kpi(facts(row), [], 1.2), which)
    assert (band.value, band.low, band.high, band.reason) == (None, None, None, reason)


def test_what_a_machine_cannot_tell_is_undefined_and_not_0() -> None:
    found = kpi(facts({"apt": MIN}), [], 1.2, counted=False, spindle=False)
    for figure in (found.oee, found.effectiveness, found.quality, found.spindle):
        assert (figure.value, figure.low, figure.high, figure.reason) == (None, None, None, "no_signal")
    assert (found.availability.value, found.spindle_coverage) == (1.0, None)


def test_a_machine_that_stood_all_the_time_has_an_oee_of_zero() -> None:
    assert kpi(facts({"adet_idle": 60 * MIN}), [], 1.2).oee.value == 0


def test_scrap_that_is_told_long_after_a_gap_may_be_of_this_shift_or_of_the_one_before() -> None:
    shift = {
        "apt": 90 * MIN,
        "adet_idle": 10 * MIN,
        "credit_total_us": 80 * MIN,
        "credit_good_us": 80 * MIN,
        "credit_gap_good_us": -10 * MIN,
    }
    found = kpi(facts(shift), [], 1.2)
    assert (found.oee.value, found.oee.low, found.oee.high) == pytest.approx((0.7, 0.7, 0.8))
    assert (found.quality.value, found.quality.low, found.quality.high) == pytest.approx((7 / 8, 7 / 8, 1.0))


def test_a_gap_opens_the_band_and_its_parts_narrow_it() -> None:
    row = {"apt": 30 * MIN, "unknown": 30 * MIN, "credit_total_us": 30 * MIN, "credit_good_us": 30 * MIN}
    silent = kpi(facts(row), [Gap(30 * MIN, None, None, False, True)], 1.2).oee
    assert (silent.low, silent.value) == (0.5, 0.5)
    assert silent.high == pytest.approx((30 + 36) / (30 + 30))
    booked = {**row, "credit_gap_total_us": 12 * MIN, "credit_gap_good_us": 12 * MIN}
    known = kpi(facts(booked), [Gap(30 * MIN, 12 * MIN, 12 * MIN, True, False)], 1.2).oee
    assert known.low == pytest.approx(42 / 60)
    assert known.high == pytest.approx(42 / 40)
    nothing = kpi(facts(row), [Gap(30 * MIN, 0, 0, True, False)], 1.2).oee
    assert (nothing.low, nothing.high) == (0.5, 1.0)


MEASURED = st.fixed_dictionaries({name: st.integers(0, 10**9) for name in MEASURES})


@given(st.lists(MEASURED, min_size=1, max_size=6), st.integers(0, 5))
def test_sums_do_not_depend_on_how_rows_are_cut(rows: list[dict[str, int]], cut: int) -> None:
    keyed = facts(*({**row, "minute_us": at % 2, "program": at % 3} for at, row in enumerate(rows)))
    whole = summed(keyed)
    parts = summed(np.concatenate([summed(keyed[:cut]), summed(keyed[cut:])]))
    assert (whole == parts).all()
    assert sorted(map(tuple, whole[list(FACT_KEYS)].tolist())) == whole[list(FACT_KEYS)].tolist()


@given(MEASURED, st.integers(0, 10**9), st.integers(0, 10**9), st.booleans())
def test_a_value_lies_inside_its_band(row: dict[str, int], good: int, busy: int, inside: bool) -> None:
    found = kpi(facts({**row, "parts_no_standard": 0}), [Gap(busy, good, good, inside, not inside)], 1.2)
    for band in (found.availability, found.effectiveness, found.quality, found.oee, found.spindle):
        if band.value is not None:
            assert band.low is not None
            assert band.high is not None
            assert band.low <= band.value <= band.high
