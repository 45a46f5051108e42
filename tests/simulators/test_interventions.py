"""Interventions: what somebody does to simulated machines changes everything after it, and nothing before."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from core.errors import InputError
from core.plant.model import Plant
from core.units import HOUR_US, MINUTE_US, SECOND_US
from core.vocabulary import State
from simulators.faults import Line
from simulators.interventions import Intervention, Kind, check, from_line, to_line
from simulators.outlet import ONLINE
from simulators.scenario import Scenario
from simulators.signals import Signals

from .conftest import TUESDAY_US

Make = Callable[..., Scenario]
LATHE, MILL = "ural/lathe-3", "ural/mill-2"
AT_US = TUESDAY_US + 90 * MINUTE_US + 12_345
TO_US = TUESDAY_US + 5 * HOUR_US


def broken(minutes: float = 20.0, at_us: int = AT_US, machine: str = LATHE) -> Intervention:
    return Intervention(Kind.BREAK, machine, at_us, int(minutes * MINUTE_US))


def played(plant: Plant, scenario: Scenario, *done: Intervention) -> Signals:
    """As in a run: samples were drawn before anybody knew of an intervention."""
    signals = Signals(plant, scenario)
    for one in done:
        signals.samples(plant.machine_index[one.machine], TUESDAY_US, one.at_us + HOUR_US)
        signals.intervene(one)
    return signals


@pytest.mark.parametrize("name", [LATHE, MILL])
def test_a_breakdown_stops_the_machine_at_its_instant_and_nothing_before_changes(
    plant: Plant, make_scenario: Make, name: str
) -> None:
    machine = plant.machine_index[name]
    undisturbed, signals = Signals(plant, make_scenario()), played(plant, make_scenario(), broken(machine=name))
    assert signals.samples(machine, TUESDAY_US, AT_US) == undisturbed.samples(machine, TUESDAY_US, AT_US)
    assert signals.samples(machine, AT_US, TO_US) != undisturbed.samples(machine, AT_US, TO_US)
    stopped = signals.ledger(machine).states_in(AT_US, AT_US + 20 * MINUTE_US)
    assert [one.state for one in stopped] == [State.UNPLANNED_STOP]
    assert (
        signals.ledger(machine).states_in(AT_US - 1, AT_US)[0].state
        == undisturbed.ledger(machine).states_in(AT_US - 1, AT_US)[0].state
    )
    phases = signals.ledger(machine).phases
    assert all(before.to_us == after.from_us and after.to_us > after.from_us for before, after in pairwise(phases))


def test_whoever_reads_scenario_and_interventions_later_knows_the_same_truth(plant: Plant, make_scenario: Make) -> None:
    done = [broken(), Intervention(Kind.RUSH, LATHE, AT_US + HOUR_US, parts=5), broken(3.0, AT_US + 2 * HOUR_US)]
    live, later = played(plant, make_scenario(), *done), Signals(plant, make_scenario(), done)
    machine = plant.machine_index[LATHE]
    assert live.samples(machine, TUESDAY_US, TO_US) == later.samples(machine, TUESDAY_US, TO_US)
    assert live.ledger(machine).parts_in(TUESDAY_US, TO_US) == later.ledger(machine).parts_in(TUESDAY_US, TO_US)


def test_work_goes_on_after_a_breakdown_and_a_rest_does_not_get_longer(plant: Plant, make_scenario: Make) -> None:
    scenario, machine = make_scenario(), plant.machine_index[LATHE]
    ledger = Signals(plant, scenario).ledger(machine)
    day_us = TUESDAY_US + 12 * HOUR_US
    ledger.until(day_us)
    work = next(p for p in ledger.phases if p.condition.state == State.PRODUCING and p.to_us - p.from_us > SECOND_US)
    rest = next(p for p in ledger.phases if p.condition.state == State.IDLE and p.to_us - p.from_us > 20 * MINUTE_US)
    for phase, longer in ((work, True), (rest, False)):
        at_us = phase.from_us + 1000
        after = Signals(plant, scenario, [broken(2.0, at_us)]).ledger(machine)
        resumed = next(
            p for p in after.phases_in(at_us, day_us) if p.condition == phase.condition and p.from_us > at_us
        )
        spent = resumed.to_us - resumed.from_us
        assert spent == phase.to_us - at_us if longer else resumed.to_us == phase.to_us


def test_a_rush_order_comes_after_the_present_part_and_then_the_machine_goes_on(
    plant: Plant, make_scenario: Make
) -> None:
    machine = plant.machine_index[LATHE]
    ledger = Signals(plant, make_scenario(), [Intervention(Kind.RUSH, LATHE, AT_US, parts=4)]).ledger(machine)
    before = ledger.parts_in(TUESDAY_US, AT_US)[-1].program
    programs = [part.program for part in ledger.parts_in(AT_US, AT_US + 4 * HOUR_US)]
    rush = [n for n, program in enumerate(programs) if program != before][:4]
    assert rush == list(range(rush[0], rush[0] + 4))
    assert rush[0] <= 1
    assert programs[rush[0] + 4] == before


def test_a_cut_line_loses_what_happens_meanwhile_and_says_so(plant: Plant, make_scenario: Make) -> None:
    signals, machine = Signals(plant, make_scenario()), plant.machine_index[LATHE]
    line = Line(signals, machine, TUESDAY_US)
    line.leaving(AT_US)
    line.cut(AT_US, AT_US + 5 * MINUTE_US)
    found = line.leaving(AT_US + 10 * MINUTE_US)
    edges = [(one.at_us, one.sample.value) for one in found if one.sample.signal == ONLINE]
    assert edges == [(AT_US, False), (AT_US + 5 * MINUTE_US, True)]
    told = [one.sample for one in found if one.sample.signal != ONLINE and one.sample.damage.name == "NONE"]
    true = signals.samples(machine, AT_US, AT_US + 10 * MINUTE_US)
    assert told == [sample for sample in true if sample.event_us >= AT_US + 5 * MINUTE_US]
    assert len(told) < len(true)


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (broken(machine="ural/lathe-9"), "no machine ural/lathe-9; it has minsk"),
        (broken(0.0), "between a second and 24 hours"),
        (Intervention(Kind.RUSH, LATHE, parts=5, program="GEAR"), "does not run GEAR; it runs BUSH-25, NUT-M30"),
        (Intervention(Kind.RUSH, LATHE, parts=0), "between 1 and 1000"),
    ],
)
def test_what_a_machine_cannot_do_is_refused_by_name(
    plant: Plant, make_scenario: Make, wanted: Intervention, complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        check(wanted, plant, make_scenario().scripts)


def test_an_intervention_survives_its_line() -> None:
    one = Intervention(Kind.RUSH, LATHE, AT_US, program="Вал", parts=3)
    assert from_line(to_line(one)) == one
