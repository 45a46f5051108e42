"""A month of a shop as plants report it: utilization, cycles, breakdowns, short stops; and what can never be."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from math import sqrt
from pathlib import Path

import pytest

from collectors.profiles import expand
from core.errors import InputError
from core.plant.model import Plant
from core.plant.parse import parse_plant
from core.units import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from core.vocabulary import State, TimeClass
from simulators.figures import Figures, classes, figures
from simulators.made import MADE, PROJECTS, made, write
from simulators.outlet import Value
from simulators.scenario import Scenario, parse_scenario
from simulators.signals import Signals

from .conftest import TUESDAY_US

DAYS = 30
END_US = TUESDAY_US + DAYS * DAY_US
SHOP = ("almaty/lathe-1", "almaty/mill-1", "almaty/centre-1", "almaty/grinder-1", "almaty/eroder-1")
"""One of everything, in the third plant, which works in one shift from Monday to Friday."""


@pytest.fixture(scope="module")
def shop() -> tuple[Plant, Signals]:
    plant_file, scenario_file = made("zones", "zones.toml")
    plant_file = {**plant_file, "machine": [entry for entry in plant_file["machine"] if entry["name"] in SHOP]}
    scripts = [{**script, "gauge_s": 600.0} for script in scenario_file["machine"] if script["name"] in SHOP]
    scenario_file = {**scenario_file, "machine": scripts}
    plant = parse_plant(expand(plant_file))
    return plant, Signals(plant, parse_scenario(scenario_file, plant, TUESDAY_US))


@pytest.fixture(scope="module")
def month(shop: tuple[Plant, Signals]) -> list[Figures]:
    plant, signals = shop
    return [figures(signals, machine, TUESDAY_US, END_US) for machine in range(len(plant.machines))]


def share(month: list[Figures], what: Callable[[Figures], int | None]) -> float:
    return sum(what(one) or 0 for one in month) / sum(one.pbt_us for one in month)


def test_utilization_lies_where_plants_report_it(month: list[Figures]) -> None:
    print([(one.oee, one.in_cut) for one in month])
    assert 0.25 <= share(month, lambda one: one.in_cut_us) <= 0.35
    assert 0.40 <= share(month, lambda one: one.credit_good_us) <= 0.75
    assert 0.45 <= share(month, lambda one: one.turning_us) <= 0.65
    assert all(one.oee is not None and 0.35 <= one.oee <= 0.85 for one in month)
    assert all(one.quality is not None and 0.9 <= one.quality < 1.0 for one in month)


def test_cycles_take_what_the_program_says(shop: tuple[Plant, Signals], month: list[Figures]) -> None:
    _, signals = shop
    for machine in range(len(month)):
        parts = signals.ledger(machine).parts_in(TUESDAY_US, END_US)
        cycle_s = {program.name: program.cycle_s for program in signals.scripts[machine].program}
        expected_us = sum(cycle_s[part.program] * SECOND_US for part in parts)
        spent = classes(signals, machine, TUESDAY_US, END_US)
        assert 0.99 <= (spent[TimeClass.APT] + spent[TimeClass.APT_OUT]) / expected_us <= 1.05, "the overrides"
        assert len({part.number for part in parts}) == len(parts) > 100


def test_breakdowns_come_as_often_as_the_scenario_says(shop: tuple[Plant, Signals], month: list[Figures]) -> None:
    _, signals = shop
    expected = found = 0.0
    for machine, (script, one) in enumerate(zip(signals.scripts, month, strict=True)):
        states = signals.ledger(machine).states_in(TUESDAY_US, END_US)
        stops = [stretch for stretch in states if stretch.state == State.UNPLANNED_STOP]
        assert script.breakdown_every_h is not None
        assert script.tool_break_every_parts is not None
        expected += one.apt_us / HOUR_US / script.breakdown_every_h + one.parts / script.tool_break_every_parts
        found += len(stops)
        assert all(6 * MINUTE_US <= stop.to_us - stop.from_us <= 70 * MINUTE_US for stop in stops)
    assert expected > 15
    assert abs(found - expected) < 3 * sqrt(expected)


def test_short_stops_are_many_and_short(shop: tuple[Plant, Signals], month: list[Figures]) -> None:
    _, signals = shop
    for machine, one in enumerate(month):
        idle = [s for s in signals.ledger(machine).states_in(TUESDAY_US, END_US) if s.state == State.IDLE]
        short = sum(stretch.to_us - stretch.from_us <= 2 * MINUTE_US for stretch in idle)
        assert 0.7 <= short / (one.apt_us / HOUR_US) <= 8.0


def test_the_classes_of_a_window_are_the_whole_window_and_all_of_them_occur(shop: tuple[Plant, Signals]) -> None:
    plant, signals = shop
    seen: set[str] = set()
    for machine in range(len(plant.machines)):
        found = classes(signals, machine, TUESDAY_US, END_US)
        assert sum(found.values()) == END_US - TUESDAY_US
        seen |= {one.name for one, us in found.items() if us}
    assert seen >= {"APT", "AUST", "ADET_IDLE", "ADET_STOP", "PLANNED_STATE", "PLANNED_CALENDAR", "APT_OUT"}
    assert "UNKNOWN_OUT" in seen, "machines are off at night"
    assert "UNKNOWN" not in seen


def test_no_load_while_nothing_turns_and_no_part_while_a_machine_is_down(shop: tuple[Plant, Signals]) -> None:
    plant, signals = shop
    for machine in range(len(plant.machines)):
        ledger = signals.ledger(machine)
        for part in ledger.parts_in(TUESDAY_US, END_US):
            assert ledger.phases_in(part.at_us - 1, part.at_us)[-1].condition.state == State.PRODUCING
        now: dict[str, Value] = {"spindle.1.rotating": False, "spindle.1.load": 0.0, "feed.1.rate": 0.0}
        at_us = TUESDAY_US
        seen = {"still": 0, "air": 0, "cut": 0}
        for sample in signals.samples(machine, TUESDAY_US, TUESDAY_US + 2 * DAY_US):
            if sample.event_us > at_us:
                seen[_judged(now, ledger.phases_in(at_us, at_us + 1)[0].condition.cutting)] += 1
            at_us = sample.event_us
            now[sample.signal] = sample.value
        assert seen["still"] > 100
        assert min(seen.values()) > 100 or signals.scripts[machine].kind == "edm"


def _judged(now: dict[str, Value], cutting: bool) -> str:
    """What load and switch say together, checked against whether the ledger cuts."""
    load = float(now["spindle.1.load"])
    if not now["spindle.1.rotating"]:
        assert load == 0.0
        return "still"
    assert (load > 12.0) == cutting
    assert float(now["feed.1.rate"]) > 0.0 or not cutting
    return "cut" if cutting else "air"


@pytest.mark.parametrize(("name", "sites", "machines"), [("zones", 3, 40), ("national", 12, 500)])
def test_made_plants_are_the_same_each_time_and_can_be_played(name: str, sites: int, machines: int) -> None:
    plant_file, scenario_file = made(name, "x.toml")
    assert (plant_file, scenario_file) == made(name, "x.toml")
    plant = parse_plant(expand(plant_file))
    scenario: Scenario = parse_scenario(scenario_file, plant, TUESDAY_US)
    assert (len(plant.sites), len(plant.machines), scenario.seed) == (sites, machines, MADE[name][0])
    assert len({(entry.cycle_s, entry.name) for script in scenario.scripts for entry in script.program}) == 2 * machines
    for site in range(sites):
        of_site = [s for s, m in zip(scenario.scripts, plant.machines, strict=True) if m.site == site]
        projects = {project.kind for script in of_site for project in script.project}
        assert projects == {str(project["kind"]) for project in PROJECTS} or (len(of_site) < 24 and len(projects) >= 2)


def test_a_made_scenario_is_written_as_two_files_that_read_as_the_documents(tmp_path: Path) -> None:
    path = tmp_path / "x.scenario.toml"
    plant = write("zones", path)
    assert (tomllib.loads(plant.read_text("utf-8")), tomllib.loads(path.read_text("utf-8"))) == made(
        "zones", plant.name
    )
    with pytest.raises(InputError, match="cannot be written"):
        write("zones", path)
    with pytest.raises(InputError, match="none of zones, national"):
        write("nowhere", tmp_path / "y.toml")
