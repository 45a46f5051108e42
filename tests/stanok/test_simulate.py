"""Which sources a process of simulators plays."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from core.errors import InputError
from core.plant.model import Plant
from simulators.made import made, write
from stanok.clock import RealClock
from stanok.plantfile import plant_of
from stanok.simulate import MOST_CLIENTS, simulate


def refused(plant: Plant, scenario: Path, *sources: str) -> str:
    with pytest.raises(InputError) as error:
        asyncio.run(simulate(plant, scenario, RealClock(), threading.Event(), scenario.parent, sources))
    return str(error.value)


def test_more_machines_than_one_process_can_play_are_refused_before_anything_starts(tmp_path: Path) -> None:
    scenario = tmp_path / "national.scenario.toml"
    write("national", scenario)
    plant = plant_of(made("national", "national.toml")[0])
    assert refused(plant, scenario).startswith(
        f"460 machines over MQTT are too many for one process, {MOST_CLIENTS} can"
    )
    assert refused(plant, scenario, "perm-mqtt", "mars-mqtt") == "--source: the plant has no source mars-mqtt"
