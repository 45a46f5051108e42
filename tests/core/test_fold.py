"""The fold at its bounds: many alarms, calendars that run out, plants that plan nothing, the size of a state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.engine.fold import Fold
from core.engine.state import ALARMS, STATE
from core.plant.behaviour import USUAL
from core.plant.model import Plant
from core.samples.order import Columns
from core.units import DAY_US, MINUTE_US, SECOND_US
from core.vocabulary import Cause, State
from tests.properties.scenes import BEGIN, SPAN, Happening, plant, tables_of
from tests.properties.test_stream_equals_oracle import columns, expected, facts_of, intervals_of

END = BEGIN + SPAN


def folded(happenings: list[Happening], where: Plant) -> tuple[object, object]:
    fold = Fold(where, tables_of(where))
    fold.begin(0, BEGIN)
    fold.fold(columns(sorted(happenings, key=lambda h: (h.event_us, h.rank, h.seq)), fold, where))
    fold.advance(np.array([0]), np.array([END]))
    rows, (_, shown) = fold.take(), fold.shown(Columns.empty(), np.array([0]), np.array([END]))
    facts = facts_of(np.concatenate([rows.facts, shown.facts]))
    return facts, intervals_of(np.concatenate([rows.intervals, shown.intervals]))


def alarm(at_s: int, code: str, raised: bool) -> Happening:
    return Happening(BEGIN + at_s * SECOND_US, at_s, "alarm.edge", (code, raised, "stop"), "good")


@pytest.mark.parametrize("codes", [ALARMS - 1, ALARMS, ALARMS + 1, 3 * ALARMS])
def test_a_machine_stands_in_alarm_until_the_last_of_however_many_is_cleared(codes: int) -> None:
    where = plant(1)
    ready = Happening(BEGIN, 0, "ctrl.execution", "ready", "good")
    raised = [alarm(1 + n, f"E{n}", True) for n in range(codes)]
    cleared = [alarm(200 + n, f"E{n}", False) for n in range(codes)]
    told = [ready, *raised, *cleared]
    facts, intervals = folded(told, where)
    assert (facts, intervals) == expected(told, where)[:2]
    # Rows of numpy compare with enums.
    stops = [(a, b) for a, b, state, cause, _ in intervals if (state, cause) == (State.UNPLANNED_STOP, Cause.ALARM)]  # type: ignore[attr-defined]  # rows of numpy
    assert stops == [(BEGIN + SECOND_US, BEGIN + (199 + codes) * SECOND_US)]


def test_a_plant_that_plans_nothing_is_folded_as_outside_the_plan() -> None:
    where = plant(1)
    idle = replace(where, sites=(replace(where.sites[0], shifts=()),))
    fold = Fold(idle)
    fold.begin(0, BEGIN)
    fold.fold(columns([Happening(BEGIN, 0, "ctrl.execution", "active", "good")], fold, idle))
    fold.advance(np.array([0]), np.array([BEGIN + MINUTE_US]))
    assert fold.take().facts["apt_out"].tolist() == [MINUTE_US]


def test_a_calendar_that_runs_out_is_made_anew() -> None:
    where = plant(1)
    fold = Fold(where, checked=True)
    fold.begin(0, BEGIN)
    fold.fold(columns([Happening(BEGIN, 0, "ctrl.execution", "active", "good")], fold, where))
    later = columns([Happening(BEGIN + 100 * DAY_US, 0, "ctrl.execution", "ready", "good")], fold, where)
    fold.fold(later)
    facts = fold.take().facts
    assert len(facts) == 100 * DAY_US // MINUTE_US
    assert int(facts["apt"].sum() + facts["apt_out"].sum()) == 100 * DAY_US


def test_a_state_is_small_and_the_same_places_of_a_cache_are_not_used_by_all() -> None:
    assert STATE.itemsize <= 2048
    assert STATE.itemsize % 128 == 64


def test_pitfall_41_a_cut_is_told_by_what_the_own_spindle_takes_in_air_and_not_by_a_load_for_all() -> None:
    told = [
        Happening(BEGIN, number, name, value, "good")
        for number, (name, value) in enumerate(
            {
                "ctrl.execution": "active",
                "spindle.1.speed": 3000.0,
                "feed.1.rate": 400.0,
                "spindle.1.load": 30.0,
            }.items()
        )
    ]

    def in_cut_us(load_in_air: float) -> int:
        where = plant(1, behaviour=replace(USUAL, idle_load=((6000.0, load_in_air),)))
        fold = Fold(where, tables_of(where))
        fold.begin(0, BEGIN)
        fold.fold(columns(told, fold, where))
        fold.advance(np.array([0]), np.array([BEGIN + MINUTE_US]))
        facts = fold.take().facts
        assert facts["spindle_turning_us"].sum() == facts["in_cut_us"].sum() + facts["air_cut_us"].sum() == MINUTE_US
        return int(facts["in_cut_us"].sum())

    assert (in_cut_us(5.0), in_cut_us(40.0)) == (MINUTE_US, 0)
