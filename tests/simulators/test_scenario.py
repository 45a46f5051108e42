"""Scenario files: every mistake is named by its path."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import PlantError
from core.plant.model import Feed, Plant
from simulators.scenario import Scenario, parse_scenario, read_scenario

from .conftest import PLANTS, TUESDAY_US

Change = Callable[[dict[str, Any]], object]


def faulty(file: dict[str, Any], machine: int, **fault: Any) -> None:
    file["machine"][machine].setdefault("fault", []).append(fault)


@pytest.fixture
def found() -> dict[str, Any]:
    return deepcopy(dict(read_scenario(PLANTS / "demo.scenario.toml")))


def test_scripts_stand_in_the_order_of_the_plants_machines(
    plant: Plant, make_scenario: Callable[..., Scenario]
) -> None:
    names = [script.name for script in make_scenario().scripts]
    assert names == [machine.name for machine in plant.machines]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda file: file["machine"][1].update(scrap=1.5), "machine[1].scrap: "),
        (lambda file: file["machine"][1].update(speling=1), "machine[1].speling: "),
        (lambda file: file["machine"][2].update(wait_min=[5.0, 1.0]), "machine[2].wait_min: "),
        (lambda file: file["machine"][0].update(name="minsk/lathe-9"), "machine[0].name: "),
        (lambda file: file["machine"].pop(), "machine: ural/grinder-1 "),
        (lambda file: file["machine"][5].update(name="ural/mill-2"), "machine[5].name: "),
        (lambda file: file["machine"][0]["program"][1].update(name="X"), "machine[0].program[1].name: X "),
        (lambda file: file["machine"][0]["program"][0].update(cycle_s=0), "machine[0].program[0].cycle_s: "),
        (lambda file: file["machine"][0]["program"][0].update(batch=[9, 3]), "machine[0].program[0].batch: "),
        (lambda file: file["machine"][3].update(wait_for=["luck"]), "machine[3].wait_for[0]: "),
        (lambda file: file["machine"][3].update(idle_shifts={"9": 0.5}), "machine[3].idle_shifts.9: "),
        (lambda file: file["machine"][3].update(spindle=[0.5, 900.0]), "machine[3].spindle: "),
        (lambda file: file.pop("seed"), "seed: "),
        (lambda file: faulty(file, 3, kind="late", shere=0.5), "machine[3].fault[0].late.shere: "),
        (lambda file: faulty(file, 3, kind="late", by_s=[9.0, 1.0]), "machine[3].fault[0].late.by_s: "),
        (lambda file: faulty(file, 3, kind="gremlins"), "machine[3].fault[0]: "),
        (lambda file: faulty(file, 3, kind="type", signals=["no.such"]), "machine[3].fault[0].signals[0]: "),
        (lambda file: faulty(file, 0, kind="broken"), "machine[0].fault[0].kind: opcua cannot carry broken"),
        (lambda file: faulty(file, 0, kind="leftover"), "machine[0].fault[0].kind: opcua cannot carry leftover"),
        (lambda file: file["machine"][3].update(maintenance_every_d=5), "machine[3]: ural/lathe-3 needs"),
        (lambda file: file["machine"][3].update(stop_shown="item_state"), "machine[3]: ural/lathe-3 needs"),
        (lambda file: file["machine"][3].update(off_when_free=True), "machine[3]: ural/lathe-3 needs"),
        (lambda file: file["machine"][3].update(wait_for=["program", "fun"]), "machine[3].wait_for[1]: "),
        (lambda file: faulty(file, 0, kind="reset"), "machine[0].fault[0].announced: "),
        (lambda file: [faulty(file, 4, kind="cut") for _ in range(2)], "machine[4].fault[1].kind: "),
    ],
)
def test_a_mistake_is_named_by_its_path(plant: Plant, found: dict[str, Any], change: Change, path: str) -> None:
    change(found)
    with pytest.raises(PlantError) as caught:
        parse_scenario(found, plant, TUESDAY_US)
    assert any(complaint.startswith(path) for complaint in caught.value.complaints), caught.value.complaints


@pytest.mark.parametrize("lacking", ["ctrl.estop", "ctrl.feed_hold", "feed.1.override", "part.scrap"])
def test_a_machine_that_cannot_show_its_script_is_refused(plant: Plant, found: dict[str, Any], lacking: str) -> None:
    machines = [replace(m, signals={k: v for k, v in m.signals.items() if k != lacking}) for m in plant.machines]
    with pytest.raises(PlantError, match=lacking):
        parse_scenario(found, replace(plant, machines=tuple(machines)), TUESDAY_US)


def test_a_broken_file_is_an_error_of_its_author(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("plant = ")
    with pytest.raises(PlantError, match=r"x\.toml"):
        read_scenario(tmp_path / "x.toml")


def test_a_machine_with_several_sources_is_not_simulated_as_if_it_had_one(plant: Plant, found: dict[str, Any]) -> None:
    first, *rest = plant.machines
    several = replace(first, more=(Feed(1, {"part.total": {}}, {}),))
    with pytest.raises(PlantError, match="several sources"):
        parse_scenario(found, replace(plant, machines=(several, *rest)), TUESDAY_US)
