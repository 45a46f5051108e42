"""True figures against a ledger written by hand, and the plausibility of the demonstration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from core.plant.model import Break, PartProgram, Plant, Shift
from core.units import DAY_US, HOUR_US, MINUTE_US
from core.vocabulary import Execution, Mode, State
from simulators.figures import Figures, figures
from simulators.scenario import Scenario
from simulators.signals import Signals
from simulators.truth import Condition, Ledger, Part, Phase

from .conftest import TUESDAY_US

PRODUCING = Condition(State.PRODUCING, Execution.ACTIVE, turning=True)
SETUP = Condition(State.SETUP, Execution.READY, Mode.MANUAL, turning=True)
IDLE = Condition(State.IDLE, Execution.READY)

T0 = TUESDAY_US


def phase(from_min: float, to_min: float, condition: Condition, program: str = "A") -> Phase:
    return Phase(
        T0 + int(from_min * MINUTE_US), T0 + int(to_min * MINUTE_US), condition, program, "T01", 0.0, 0.0, 100.0
    )


def part(at_min: float, number: int, program: str = "A", good: bool = True) -> Part:
    return Part(T0 + int(at_min * MINUTE_US), program, good, number, 0)


def by_hand(plant: Plant, *story: Phase | Part) -> Signals:
    """Signals of one machine at a site that works 10:00-11:00 local with a break from 10:40 to 10:50."""
    shift = Shift("1", frozenset(range(7)), 600, 660, (Break(640, 650),))
    site = replace(plant.sites[0], shifts=(shift,))
    programs = (PartProgram("A", 5 * MINUTE_US), PartProgram("B", 2 * MINUTE_US), PartProgram("C", 0))
    small = replace(plant, sites=(site,), machines=(plant.machines[0],), programs=programs)
    ledger = Ledger(T0, iter([*story, phase(200, 2000, IDLE)]))
    fake = SimpleNamespace(plant=small, ledger=lambda _machine: ledger, count=lambda *_window: 7)
    return cast(Signals, fake)


@pytest.fixture
def an_hour(plant: Plant) -> Figures:
    """Production cut by a break, a setup, parts of two programs, one of them scrap, one finished in the break."""
    story = (
        phase(0, 10, PRODUCING),
        part(10, 1),
        phase(10, 20, SETUP),
        phase(20, 45, PRODUCING, "B"),
        part(45, 2, "B"),
        phase(45, 55, PRODUCING, "B"),
        part(55, 3, "B", good=False),
        phase(55, 200, IDLE, "B"),
    )
    return figures(by_hand(plant, *story), 0, T0, T0 + HOUR_US)


def test_times_count_inside_planned_busy_time_only(an_hour: Figures) -> None:
    assert an_hour.pbt_us == 50 * MINUTE_US
    assert an_hour.apt_us == (10 + 20 + 5) * MINUTE_US
    assert an_hour.turning_us == (10 + 10 + 20 + 5) * MINUTE_US
    assert an_hour.availability == 35 / 50
    assert an_hour.spindle == 45 / 50


def test_parts_count_in_every_situation_with_their_own_standard_time(an_hour: Figures) -> None:
    assert (an_hour.parts, an_hour.scrap, an_hour.sent) == (3, 1, 7)
    assert an_hour.credit_total_us == 9 * MINUTE_US
    assert an_hour.effectiveness == 9 / 35
    assert an_hour.quality == 7 / 9
    assert an_hour.oee == 7 / 50


def test_windows_are_half_open_for_parts_and_times(plant: Plant) -> None:
    made = by_hand(
        plant, phase(0, 10, PRODUCING), part(10, 1), phase(10, 20, PRODUCING), part(20, 2), phase(20, 200, IDLE)
    )
    window = figures(made, 0, T0 + 10 * MINUTE_US, T0 + 20 * MINUTE_US)
    assert (window.parts, window.apt_us) == (1, 10 * MINUTE_US)


def test_ratios_are_undefined_where_their_denominator_is_zero(plant: Plant) -> None:
    idle = figures(by_hand(plant, phase(0, 200, IDLE)), 0, T0, T0 + HOUR_US)
    assert (idle.availability, idle.effectiveness, idle.quality, idle.oee, idle.spindle) == (0.0, None, None, 0.0, 0.0)
    night = figures(by_hand(plant, phase(0, 200, PRODUCING)), 0, T0 + 2 * HOUR_US, T0 + 3 * HOUR_US)
    assert (night.availability, night.effectiveness, night.oee, night.spindle) == (None, None, None, None)


def test_a_part_without_a_standard_time_leaves_oee_undefined(plant: Plant) -> None:
    made = figures(
        by_hand(plant, phase(0, 10, PRODUCING, "C"), part(10, 1, "C"), phase(10, 200, IDLE)), 0, T0, T0 + HOUR_US
    )
    assert (made.effectiveness, made.quality, made.oee, made.parts) == (None, None, None, 1)


@pytest.mark.parametrize("day", range(3))
def test_the_demonstration_is_plausible_on_any_day(
    plant: Plant, make_scenario: Callable[..., Scenario], day: int
) -> None:
    signals = Signals(plant, make_scenario())
    from_us = TUESDAY_US + day * DAY_US
    found = [figures(signals, machine, from_us, from_us + DAY_US) for machine in range(len(plant.machines))]
    for machine, one in zip(plant.machines, found, strict=True):
        print(machine.name, one.availability, one.effectiveness, one.quality, one.oee, one.spindle, one.parts, one.sent)
        assert one.oee is not None
        assert 0.3 <= one.oee <= 0.9
        assert one.effectiveness is not None
        assert 0.8 <= one.effectiveness <= 1.0
    assert len({one.oee for one in found}) == len(found)
