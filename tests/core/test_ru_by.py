"""Indicators of Russian and Belarusian practice: each with its base, and none against the ISO figures."""

from __future__ import annotations

import pytest

from core.kpi.band import Band, Reason
from core.kpi.iso import allocation_efficiency
from core.kpi.oee import availability, effectiveness, output
from core.kpi.ru_by import (
    Base,
    calendar_fund,
    effective_fund,
    equipment_use,
    extensive_use,
    integral_use,
    intensive_use,
    load_actual,
    load_planned,
    machining_share,
    regime_fund,
    shift_factor,
    technical_readiness,
)
from core.kpi.sums import Sums
from core.units import DAY_US, HOUR_US
from tests.core.rows import ISO_EXAMPLE, MIN, utc

H = HOUR_US


def test_funds_follow_from_calendars() -> None:
    assert calendar_fund(utc("2024-01-01"), utc("2025-01-01"), 2) == 2 * 366 * DAY_US
    assert regime_fund([8 * H, 7 * H]) == 15 * H
    assert effective_fund(1972 * H, 0.05) == round(1972 * H * 0.95)
    with pytest.raises(ValueError, match="planned repair"):
        effective_fund(H, 1.0)


def test_planned_and_actual_load_have_names_of_their_own() -> None:
    planned = load_planned([(2 * H, 30), (H, 20)], 100 * H, Base.EFFECTIVE_FUND)
    actual = load_actual(60 * H, 10 * H, 100 * H, Base.REGIME_FUND)
    assert (planned.name, planned.band.value) == ("Кз.план", 0.8)
    assert (actual.name, actual.band) == ("Кз.факт", Band(0.6, 0.6, 0.7))
    assert actual.printed() == "Кз.факт = 0,60 (60,0 ч / 100,0 ч; база: номинальный (режимный) фонд Фн)"
    assert "не определён (no_fund)" in load_actual(H, 0, 0, Base.EFFECTIVE_FUND).printed()


def test_the_shift_factor_counts_machine_shifts_from_a_declared_minimum() -> None:
    # Two machines, two days, three shifts: six shifts each.
    worked = [(7 * H, 0), (0, 0), (6 * H, 0), (30 * MIN, 0), (0, 0), (0, 0), (8 * H, 0), (50 * MIN, 20 * MIN)]
    found = shift_factor(worked, days=2, machines=2, base=Base.INSTALLED, least_us=H)
    assert (found.band.value, found.band.high) == (3 / 4, 4 / 4)
    assert found.printed() == ("Ксм (смена отработана от 1,0 ч) = 0,75 (3,00 / 4,00; база: установленное оборудование)")
    assert shift_factor(worked, 2, 2, Base.OPERATING, 10 * MIN).band.value == 5 / 4
    assert shift_factor([], 0, 2, Base.LARGEST_SHIFT, H).band.reason is Reason.NO_MACHINES


def test_the_integral_factor_is_availability_times_effectiveness_of_the_iso_board() -> None:
    made = output(ISO_EXAMPLE, [], 1.2)
    extensive = extensive_use(ISO_EXAMPLE.producing, 0, ISO_EXAMPLE.pbt, Base.PLANNED_BUSY)
    integral = integral_use(extensive, intensive_use(ISO_EXAMPLE, made))
    a, e = availability(ISO_EXAMPLE).value, effectiveness(ISO_EXAMPLE, made).value
    assert a is not None
    assert e is not None
    assert integral.band.value == pytest.approx(a * e)
    assert (integral.base, integral.name) == (Base.PLANNED_BUSY, "Кинт")
    unrated = Sums(apt=MIN, parts_no_standard=1)
    assert (
        integral_use(extensive, intensive_use(unrated, output(unrated, [], 1.2))).band.reason is Reason.NO_STANDARD_TIME
    )


def test_the_actual_load_over_planned_time_is_allocation_efficiency() -> None:
    load = load_actual(ISO_EXAMPLE.aubt, 0, ISO_EXAMPLE.pbt, Base.PLANNED_BUSY)
    assert load.band == allocation_efficiency(ISO_EXAMPLE)


def test_readiness_says_whether_planned_repair_is_in_it() -> None:
    without = technical_readiness(ISO_EXAMPLE)
    with_it = technical_readiness(ISO_EXAMPLE, planned_repair_us=50 * MIN)
    assert (without.band.value, without.base) == (400 / 450, Base.REQUIRED_TIME)
    assert (with_it.band.value, with_it.base) == (400 / 500, Base.REQUIRED_TIME_AND_PLANNED)
    half = technical_readiness(Sums(apt=60, adet_stop=20, unknown=20)).band
    assert (half.value, half.low, half.high) == (0.75, 0.6, 0.8)
    assert technical_readiness(Sums()).band.reason is Reason.NO_PLANNED_TIME


def test_the_use_factor_and_the_machining_share() -> None:
    assert equipment_use(300 * MIN, 0, 600 * MIN, Base.CALENDAR_FUND).band.value == 0.5
    assert machining_share(30, 40).value == 0.75
    assert machining_share(None, 40).reason is Reason.NO_SIGNAL
