"""Cycles: the blocks of a program, the tools that cut, and what they show together."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any, get_args

import pytest

from core.plant.calendar import shift_instances
from core.plant.model import Plant, Shift
from core.units import DAY_US, HOUR_US, MINUTE_US
from core.vocabulary import State, WaitFor
from simulators.cycle import Tools, blocks
from simulators.machine import story
from simulators.script import Kind, MachineScript, ProgramScript
from simulators.truth import Ledger, Part, Phase

from .conftest import TUESDAY_US

KINDS = get_args(Kind)
PROGRAM = {"name": "P", "cycle_s": 300.0, "tools": 3, "batch": [500, 500]}


def script(**changes: Any) -> MachineScript:
    return MachineScript.model_validate({"name": "x/m", "program": [PROGRAM], **changes})


def ledger(plant: Plant, days: float = 2.0, **changes: Any) -> Ledger:
    """A machine of the first site, which works around the clock."""
    truth = Ledger(TUESDAY_US, story(script(**changes), plant.sites[0], TUESDAY_US, 11))
    truth.until(TUESDAY_US + int(days * DAY_US))
    return truth


def cycles(truth: Ledger) -> list[tuple[list[Phase], Part]]:
    """The phases between two parts, and the part that they made."""
    return [(truth.phases_in(before.at_us, part.at_us), part) for before, part in pairwise(truth.parts)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [None, 0.3])
def test_the_blocks_of_a_program_share_the_cycle_and_cut_their_share_of_it(kind: Kind, cut: float | None) -> None:
    program = ProgramScript.model_validate({**PROGRAM, "cut": cut})
    found = blocks(script(kind=kind), program, 1)
    assert sum(block.share for block in found) == pytest.approx(1.0)
    inside = sum(block.share for block in found if block.condition.cutting)
    assert inside == pytest.approx(cut) if cut else 0.4 <= inside <= 0.9
    assert {block.tool for block in found} == {1, 2, 3}
    assert found == blocks(script(kind=kind), program, 1) != blocks(script(kind=kind), program, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_cuts_without_feed_and_only_sparks_cut_without_a_spindle(kind: Kind) -> None:
    for block in blocks(script(kind=kind), script().program[0], 1):
        now = block.condition
        assert now.feeding or not now.cutting
        assert (block.load > 0.0) == now.cutting == (block.load >= 20.0)
        assert (block.speed > 1.0) == now.turning
        assert (block.feed > 0.0) == now.feeding
        assert not now.cutting or now.turning == (kind != "edm")


def test_only_a_five_axis_machine_probes_and_a_grinding_wheel_turns_most_of_the_cycle() -> None:
    probing = {
        kind for kind in KINDS for block in blocks(script(kind=kind), script().program[0], 1) if block.feed == 200.0
    }
    assert probing == {"five_axis"}
    found = blocks(script(kind="grinding"), script().program[0], 1)
    assert any(block.condition.turning and not block.condition.feeding for block in found)


def test_a_lower_feed_override_makes_cuts_longer_and_lighter_and_nothing_else(plant: Plant) -> None:
    quiet = {"hold_every_min": 1e9, "wait_every_parts": 1e9, "scrap": 0.0}
    full, half = (ledger(plant, 0.3, override=[percent], **quiet) for percent in (100.0, 50.0))
    spent = [
        {
            cutting: sum(p.to_us - p.from_us for p in phases if p.condition.cutting == cutting)
            for cutting in (True, False)
        }
        for phases, _ in (cycles(full)[0], cycles(half)[0])
    ]
    assert spent[1][True] == pytest.approx(2 * spent[0][True], rel=1e-4)
    assert spent[1][False] == pytest.approx(spent[0][False], rel=1e-4)
    fed = [{p.feed for p in truth.phases if p.condition.cutting} for truth in (full, half)]
    assert sorted(fed[1]) == pytest.approx([feed / 2 for feed in sorted(fed[0])], abs=0.1)


def test_tools_wear_need_more_load_and_are_exchanged_at_the_end_of_their_life(plant: Plant) -> None:
    truth = ledger(plant, tool_life_parts=20, wait_every_parts=1e9, override=[100.0])
    loads = [max(phase.load for phase in phases) for phases, _ in cycles(truth) if phases]
    exchanges = [phase for phase in truth.phases if phase.condition.wait_for == WaitFor.TOOL]
    parts = len(truth.parts)
    assert 3 * parts / 25 - 3 <= len(exchanges) <= 3 * parts / 15
    assert 1.2 < max(loads) / min(loads) < 1.31
    assert all(MINUTE_US <= one.to_us - one.from_us <= 4 * MINUTE_US for one in exchanges)


def test_an_edge_wears_with_every_part_and_is_as_new_after_its_exchange() -> None:
    tools = Tools(10, random.Random(3))
    tools.cut("a")
    first = tools.worn("a")
    assert 0.0 < first <= 1 / 8
    for _ in range(13):
        tools.cut("a")
    assert tools.worn("a") > 1.0
    assert tools.worn("b") == 0.0
    tools.renew("a")
    assert tools.worn("a") == 0.0
    endless = Tools(None, random.Random(3))
    endless.cut("a")
    assert endless.worn("a") == 0.0


@pytest.mark.parametrize("shown", ["estop", "item_state"])
def test_a_broken_tool_stops_the_machine_in_a_cut_and_costs_the_part(plant: Plant, shown: str) -> None:
    truth = ledger(plant, 4.0, tool_break_every_parts=20.0, scrap=0.0, stop_shown=shown, hold_every_min=1e9)
    broken = [(phases, part) for phases, part in cycles(truth) if not part.good]
    assert 20 < len(broken) < 80
    for phases, _ in broken:
        stop = next(n for n, phase in enumerate(phases) if phase.condition.state == State.UNPLANNED_STOP)
        assert phases[stop].condition.estop == (shown == "estop") != phases[stop].condition.stopped
        assert phases[stop - 1].condition.cutting
    stops = sum(phase.condition.state == State.UNPLANNED_STOP for phase in truth.phases)
    assert stops in (len(broken), len(broken) + 1)


def test_planned_maintenance_comes_in_its_interval_and_never_looks_like_a_repair(plant: Plant) -> None:
    truth = ledger(plant, 30.0, maintenance_every_d=5.0, maintenance_h=[1.0, 2.0], breakdown_every_h=3.0)
    services = [phase for phase in truth.phases if phase.condition.maintenance]
    assert 5 <= len(services) <= 6
    assert all(HOUR_US <= one.to_us - one.from_us <= 2 * HOUR_US + 1 for one in services)
    produced = True
    for phase in truth.phases:
        state = phase.condition.state
        produced = state == State.PRODUCING or (produced and state != State.UNPLANNED_STOP)
        assert produced or not phase.condition.maintenance


def test_a_project_changes_the_machine_as_the_scenario_says(plant: Plant) -> None:
    project = {"name": "X", "kind": "replacement", "after_d": 4.0, "install_h": 10.0, "cycle": 0.7, "setup": 0.5}
    program = {**PROGRAM, "batch": [60, 60]}
    truth = ledger(plant, 9.0, program=[program], project=[project], scrap=0.0, override=[100.0])
    install = next(phase for phase in truth.phases if phase.condition.maintenance)
    assert install.from_us >= TUESDAY_US + 4 * DAY_US
    assert install.to_us - install.from_us == pytest.approx(10 * HOUR_US, abs=2)

    def mean_cycle(found: list[tuple[list[Phase], Part]]) -> float:
        own = [
            sum(phase.to_us - phase.from_us for phase in phases if phase.condition.state == State.PRODUCING)
            for phases, _ in found
        ]
        return sum(own) / len(own)

    before = [one for one in cycles(truth) if one[1].at_us < install.from_us]
    after = [one for one in cycles(truth) if one[1].at_us > install.to_us][1:]
    assert mean_cycle(after) / mean_cycle(before) == pytest.approx(0.7, rel=0.02)
    assert truth.parts[-1].number == len(truth.parts)


def test_a_machine_without_shift_is_off_and_warm_when_the_shift_begins(plant: Plant) -> None:
    site = replace(plant.sites[0], shifts=(Shift("1", frozenset(range(5)), 480, 960),))
    truth = Ledger(TUESDAY_US, story(script(off_when_free=True), site, TUESDAY_US, 11))
    truth.until(TUESDAY_US + 8 * DAY_US)
    off = [phase for phase in truth.phases if phase.condition.off]
    assert len(off) == 6
    assert sum(one.to_us - one.from_us > 2 * DAY_US for one in off) == 1, "the weekend is one stretch"
    starts = [shift.start_us for shift in shift_instances(site, TUESDAY_US, TUESDAY_US + 9 * DAY_US)]
    for one in off:
        start_us = next(us for us in starts if us >= one.to_us)
        assert MINUTE_US <= start_us - one.to_us <= 5 * MINUTE_US
        after = truth.states_in(one.to_us, start_us + 2 * MINUTE_US)
        assert [stretch.state for stretch in after] == [State.IDLE, State.SETUP]
