"""How machines live: breaks, free days, empty shifts, and a ledger that does not depend on how it is extended."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from core.plant.calendar import shift_instances
from core.plant.model import Plant, Shift
from core.units import DAY_US, HOUR_US, MINUTE_US
from core.vocabulary import State
from simulators.machine import story
from simulators.scenario import Scenario
from simulators.truth import Ledger

from .conftest import TUESDAY_US

Make = Callable[..., Scenario]


def ledger(plant: Plant, scenario: Scenario, name: str, **changes: object) -> Ledger:
    index = plant.machine_index[name]
    script = scenario.scripts[index].model_copy(update=changes)
    site = plant.sites[plant.machines[index].site]
    return Ledger(scenario.begin_us, story(script, site, scenario.begin_us, scenario.seed))


def producing_us(truth: Ledger, from_us: int, to_us: int) -> int:
    stretches = truth.states_in(from_us, to_us)
    return sum(one.to_us - one.from_us for one in stretches if one.state == State.PRODUCING)


def test_the_steps_of_extension_do_not_change_the_ledger(plant: Plant, make_scenario: Make) -> None:
    steps = random.Random(7)
    print("seed of the steps: 7")
    at_once, stepwise = (ledger(plant, make_scenario(), "ural/lathe-3") for _ in range(2))
    at_once.until(TUESDAY_US + DAY_US)
    while stepwise.end_us <= TUESDAY_US + DAY_US:
        stepwise.until(stepwise.end_us + steps.randrange(HOUR_US))
    assert stepwise.phases[: len(at_once.phases)] == at_once.phases
    assert stepwise.parts[: len(at_once.parts)] == at_once.parts


def test_phases_follow_each_other_without_gap(plant: Plant, make_scenario: Make) -> None:
    truth = ledger(plant, make_scenario(), "minsk/lathe-2")
    truth.until(TUESDAY_US + 2 * DAY_US)
    assert truth.phases[0].from_us == TUESDAY_US
    assert all(one.from_us < one.to_us == after.from_us for one, after in pairwise(truth.phases))


@pytest.mark.parametrize(("breaks", "least", "most"), [("stop", 0.0, 0.2), ("run", 0.5, 1.0)])
def test_some_machines_stop_in_breaks_and_some_run_on(
    plant: Plant, make_scenario: Make, breaks: str, least: float, most: float
) -> None:
    truth = ledger(plant, make_scenario(), "minsk/lathe-1", breaks=breaks, idle_shifts={})
    spans = [
        span
        for shift in shift_instances(plant.sites[0], TUESDAY_US, TUESDAY_US + 4 * DAY_US)
        for span in shift.breaks
        if span[0] >= TUESDAY_US
    ]
    share = sum(producing_us(truth, *span) for span in spans) / sum(end - begin for begin, end in spans)
    assert least <= share <= most


def test_a_shift_in_which_nobody_comes_stands_idle_and_ends_with_a_warm_up(plant: Plant, make_scenario: Make) -> None:
    truth = ledger(plant, make_scenario(), "minsk/mill-1", idle_shifts={"3": 1.0})
    nights = [one for one in shift_instances(plant.sites[0], TUESDAY_US, TUESDAY_US + 4 * DAY_US) if one.name == "3"]
    assert nights
    for night in (one for one in nights if one.start_us > TUESDAY_US):
        assert producing_us(truth, night.start_us + 30 * MINUTE_US, night.end_us) == 0
        after = truth.states_in(night.end_us, night.end_us + 10 * MINUTE_US)
        assert [one.state for one in after][:2] == [State.IDLE, State.SETUP]


def test_a_machine_that_stops_for_breaks_has_its_weekend_free(plant: Plant, make_scenario: Make) -> None:
    site = replace(plant.sites[0], shifts=(Shift("1", frozenset(range(5)), 480, 960),))
    small = replace(plant, sites=(site, *plant.sites[1:]))
    truth = ledger(small, make_scenario(), "minsk/lathe-1", idle_shifts={})
    saturday_us = TUESDAY_US + 4 * DAY_US
    assert producing_us(truth, saturday_us, saturday_us + DAY_US) == 0
    assert producing_us(truth, saturday_us + 2 * DAY_US, saturday_us + 3 * DAY_US) > 3 * HOUR_US
