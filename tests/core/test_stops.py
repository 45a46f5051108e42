"""Micro-stops, smoothing and flaps: declared passes that neither order nor repetition changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.facts.schema import INTERVAL, OPEN_END
from core.kpi.stops import MicroRule, flaps, micro_time, overlaps, smoothed, stops
from core.plant.calendar import Segments
from core.units import SECOND_US
from core.vocabulary import Situation
from tests.core.rows import STATES, intervals, programs

NONE = programs()
S = SECOND_US


def micro(rows: np.ndarray, **others: object) -> list[tuple[float, float]]:
    # Keywords of several types.
    found = stops(rows, others.get("programs", NONE), others.get("pri_us", {}), 10**12)  # type: ignore[arg-type]  # any of the named inputs
    return [(stop.from_us / S, stop.to_us / S) for stop in found if stop.micro]


def test_a_stop_is_short_below_the_limit_and_not_at_it() -> None:
    assert micro(intervals("PIPIP", [60, 119, 60, 120, 60])) == [(60, 179)]


def test_causes_and_failures_inside_one_standstill_are_one_stop() -> None:
    assert micro(intervals("PIFIP", [60, 50, 50, 50, 60])) == []
    assert micro(intervals("PIFIP", [60, 30, 30, 30, 60])) == [(60, 150)]


@pytest.mark.parametrize("states", ["UIP", "PIU", "IP", "PI"])
def test_a_stop_whose_ends_are_not_known_is_not_called_short(states: str) -> None:
    assert micro(intervals(states, [30] * len(states))) == []


def test_an_open_stop_ends_now_and_is_not_called_short_yet() -> None:
    found = stops(intervals("PI", [60, None]), NONE, {}, 90 * S)
    assert [(stop.from_us, stop.to_us, stop.micro) for stop in found] == [(60 * S, 90 * S, False)]


def test_the_cycle_of_the_program_selected_when_the_stop_begins_counts_too() -> None:
    rows = intervals("PIPIP", [60, 15, 60, 15, 60])
    selected = programs((0, 100, 1), (100, 300, 2))
    assert micro(rows, programs=selected, pri_us={1: 20 * S, 2: 3600 * S}) == [(135, 150)]
    assert MicroRule().limit_us(20 * S) == 10 * S


def test_rows_of_two_machines_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        stops(np.concatenate([intervals("P", [10]), intervals("I", [10])]), NONE, {}, 10**12)


LOGS = st.lists(st.tuples(st.sampled_from("PISFU"), st.integers(1, 200)), min_size=1, max_size=15)


@given(LOGS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(log: list[tuple[str, int]], order: object) -> None:
    rows = intervals("".join(state for state, _ in log), [length for _, length in log])
    shuffled = list(range(len(rows)))
    order.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    for judge in (micro, lambda some: smoothed(some, 30 * S), lambda some: flaps(some, 30 * S)):
        assert judge(rows) == judge(rows[shuffled])


@given(LOGS, st.integers(1, 100))
def test_smoothing_twice_is_smoothing_once_and_keeps_every_second(log: list[tuple[str, int]], shortest: int) -> None:
    rows = intervals("".join(state for state, _ in log), [length for _, length in log])
    once = smoothed(rows, shortest * S)
    again = np.zeros(len(once), INTERVAL)
    for row, (begin, end, state) in zip(again, once, strict=True):
        row["from_us"], row["to_us"], row["state"] = begin, end, state
    assert smoothed(again, shortest * S) == once
    unknown = [(row["from_us"], row["to_us"]) for row in rows if row["state"] == STATES["U"]]
    assert sum(end - begin for begin, end, _ in once) == sum(length for _, length in log) * S
    assert sum(end - begin for begin, end, state in once if state == STATES["U"]) == sum(b - a for a, b in unknown)


def test_what_is_short_before_anything_longer_stays_as_it_is() -> None:
    rows = intervals("PISP", [5, 5, 60, 5])
    assert smoothed(rows, 10 * S) == [(0, 5 * S, 1), (5 * S, 10 * S, 2), (10 * S, 75 * S, 3)]


def test_a_flickering_state_is_smoothed_for_the_eye_and_counted() -> None:
    rows = intervals("P" + "IP" * 10, [60] + [1] * 20)
    assert smoothed(rows, 5 * S) == [(0, 80 * S, STATES["P"])]
    assert flaps(rows, 5 * S) == 19
    assert flaps(intervals("PIP", [60, 60, 60]), 5 * S) == 0


def test_micro_time_falls_into_the_class_that_the_calendar_gave_it() -> None:
    rows = intervals("PIPFPIP", [60, 40, 60, 40, 60, 200, 60])
    calendar = Segments(
        np.array([0, 80 * S, 180 * S]),
        np.array([Situation.BUSY, Situation.BUSY_NO_ORDER, Situation.PLANNED_DOWN], "i1"),
        np.zeros(3, "i8"),
    )
    found = micro_time(rows, stops(rows, NONE, {}, 10**12), calendar, 0, 520 * S)
    assert found == {
        "adet_idle_micro": 20 * S,
        "adet_stop_micro": 0,
        "adot_idle_micro": 20 * S,
        "adot_stop_micro": 20 * S,  # the other half of the failure lies in a break
    }


SORTED = st.lists(st.integers(0, 60), min_size=0, max_size=8, unique=True).map(
    lambda marks: list(zip(sorted(marks)[::2], sorted(marks)[1::2], strict=False))
)


@given(SORTED, SORTED)
def test_overlaps_are_those_of_every_pair(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    pairs = [
        ((max(a, c), min(b, d)), i, j)
        for i, (a, b) in enumerate(first)
        for j, (c, d) in enumerate(second)
        if max(a, c) < min(b, d)
    ]
    assert list(overlaps(first, second)) == pairs


def test_an_open_end_is_left_out_of_smoothing() -> None:
    rows = intervals("PI", [60, None])
    assert rows[1]["to_us"] == OPEN_END
    assert smoothed(rows, 5 * S) == [(0, 60 * S, STATES["P"])]
