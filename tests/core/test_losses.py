"""Waterfall, six big losses, Pareto and idle list: the books balance to the microsecond."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.kpi.losses import (
    NOT_CLASSIFIED,
    Note,
    Stretch,
    idle_list,
    merged,
    not_classified_share,
    pareto,
    six_big_losses,
    waterfall,
)
from core.kpi.sums import Sums
from tests.core.rows import ISO_EXAMPLE, MIN

PARTS_OF = [field.name for field in fields(Sums) if field.name.endswith(("_off", "_micro"))]
WHOLE = [field.name for field in fields(Sums) if field.name not in PARTS_OF]


@st.composite
def any_sums(draw: st.DrawFn) -> Sums:
    values = {name: draw(st.integers(0, 10**9)) for name in WHOLE}
    values |= {name: draw(st.integers(0, values[name.rpartition("_")[0]])) for name in PARTS_OF}
    return Sums(**values)


@given(any_sums(), st.booleans())
def test_the_waterfall_adds_up_to_calendar_time_exactly(sums: Sums, rated: bool) -> None:
    sums = Sums(**{**vars(sums), "parts_no_standard": 0 if rated else 1})
    steps = waterfall(sums)
    assert sum(step.us for step in steps) + steps[-1].left_us == sums.calendar
    left = {step.name: step.left_us for step in steps}
    assert left["planned_stop"] == sums.pbt
    assert left["micro_stops"] == sums.producing
    assert steps[-1].left_us == (sums.booked_good_us if rated else sums.producing)


def test_the_waterfall_of_the_worked_example() -> None:
    minutes = {step.name: step.us / MIN for step in waterfall(ISO_EXAMPLE)}
    assert minutes == {
        "not_scheduled": 960,
        "made_outside_plan": 0,
        "unknown_outside_plan": 0,
        "planned_stop": 30,
        "unknown": 0,
        "no_order": 60,
        "setup": 40,
        "breakdown": 50,
        "waiting": 0,
        "micro_stops": 20,
        "speed": 30,
        "quality": 12.5,
    }


def test_a_generous_standard_time_is_a_gain_and_the_books_still_balance() -> None:
    steps = waterfall(Sums(apt=100, credit_total_us=130, credit_good_us=130))
    assert {step.name: step.us for step in steps}["speed"] == -30
    assert steps[-1].left_us == 130


def test_the_six_big_losses_name_what_no_signal_tells() -> None:
    assert six_big_losses(ISO_EXAMPLE) == {
        "breakdowns": 50 * MIN,
        "setup_and_adjustments": 40 * MIN,
        "idling_and_minor_stops": 20 * MIN,
        "reduced_speed": 30 * MIN,
        "process_defects": 125 * MIN // 10,
        "reduced_yield": None,
    }
    assert six_big_losses(Sums(apt=MIN, parts_no_standard=1))["reduced_speed"] is None


def test_pareto_cuts_stops_by_notes_and_shows_what_nobody_explained() -> None:
    stretches = [Stretch(0, 100, 5), Stretch(200, 230, 5), Stretch(300, 310, 9)]
    notes = [Note(20, 60, "tool"), Note(50, 80, "material"), Note(200, 230, "tool")]
    rows = pareto(stretches, notes)
    assert [(row.cause, row.reason, row.us, row.stops) for row in rows] == [
        (5, "tool", 60, 2),
        (5, NOT_CLASSIFIED, 40, 1),
        (5, "material", 30, 1),
        (9, NOT_CLASSIFIED, 10, 1),
    ]
    assert [round(row.cumulative, 3) for row in rows] == [0.429, 0.714, 0.929, 1.0]
    assert not_classified_share(rows) == 50 / 140
    assert not_classified_share([]) is None


SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20), st.integers(0, 2)), max_size=6)


@given(SPANS, st.lists(st.tuples(st.integers(0, 500), st.integers(0, 80), st.sampled_from("abc")), max_size=6))
def test_a_pareto_adds_up_to_the_stopped_time_whatever_the_notes_say(
    spans: list[tuple[int, int, int]], notes: list[tuple[int, int, str]]
) -> None:
    stretches, at = [], 0
    for wait, length, cause in spans:
        stretches.append(Stretch(at + wait, at + wait + length, cause))
        at += wait + length
    rows = pareto(stretches, [Note(begin, begin + length, reason) for begin, length, reason in notes])
    assert sum(row.us for row in rows) == sum(stretch.to_us - stretch.from_us for stretch in stretches)
    assert merged([rows, []]) == rows
    assert sum(row.us for row in merged([rows, rows])) == 2 * sum(row.us for row in rows)


WEEK = 100 * MIN


def test_the_idle_list_accuses_only_machines_that_surely_stood() -> None:
    weeks = {
        "stood": [Sums(apt=10 * MIN, adot_idle=80 * MIN, adet_idle=10 * MIN)] * 4,
        "worked": [Sums(apt=50 * MIN, adet_idle=50 * MIN)] * 4,
        "worked once": [Sums(apt=10 * MIN, adet_idle=90 * MIN)] * 3 + [Sums(apt=30 * MIN, adet_idle=70 * MIN)],
        "not heard of": [Sums(apt=10 * MIN, adet_idle=60 * MIN, unknown=30 * MIN)] * 4,
        "perhaps worked": [Sums(apt=10 * MIN, adet_idle=75 * MIN, unknown=15 * MIN)] * 4,
        "new": [Sums(adet_idle=WEEK)] * 3,
        "not planned": [Sums(planned_calendar=WEEK)] * 4,
        "stood more": [Sums(adot_idle=WEEK)] * 4,
    }
    found = idle_list(weeks)
    assert [idle.machine for idle in found] == ["stood more", "stood"]
    stood = found[1]
    assert stood.load.value == pytest.approx(0.1)
    assert stood.supplied.value == pytest.approx(0.2)  # nobody gave it work
    assert [(step.name, step.us) for step in stood.losses] == [("no_order", 320 * MIN), ("waiting", 40 * MIN)]
