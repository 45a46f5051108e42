"""The plant bench: the crowd says what it is asked to say, a small one keeps up, and a limit is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.units import MINUTE_US, SECOND_US
from simulators.made import HALL, crowd
from simulators.scenario import parse_scenario
from simulators.signals import Signals
from stanok.bench import plant
from stanok.bench.plant import OTHERS, limit, measure
from stanok.plantfile import plant_of

BEGIN_US = 1_774_335_600_000_000


def test_five_hundred_machines_say_2500_changes_a_second_with_ten_signals_each() -> None:
    document, scenario = crowd(20, plant.EVERY_S)
    found = plant_of(document)
    signals = Signals(found, parse_scenario(scenario, found, BEGIN_US))
    first_us, last_us = BEGIN_US + 3 * MINUTE_US, BEGIN_US + 23 * MINUTE_US
    changes = sum(signals.count(machine, first_us, last_us) for machine in range(20))
    assert changes / (last_us - first_us) * SECOND_US / 20 >= 5.0
    for machine in range(20):
        said = signals.samples(machine, first_us, last_us)
        often = [name for name in signals.streams[machine].names if sum(s.signal == name for s in said) > 300]
        assert len(often) == 10
    assert [len(crowd(machines, 2.0)[0]["source"]) for machines in (1, HALL, HALL + 1, 500)] == [1, 1, 2, 2]


@pytest.mark.timeout(180)
def test_a_small_plant_keeps_up_and_every_change_is_stored(embedded_server: str) -> None:
    found = {
        figure.name: figure for figure in measure(None, embedded_server, machines=3, opcua=1, seconds=2.0, settle_s=1.0)
    }
    print(found)
    assert list(found) == ["changes_stored", "lag_p50", "lag_p99", "cores_used"]
    stored = found["changes_stored"]
    assert stored.value == pytest.approx(stored.peers["sent"])
    assert stored.value > 3 * 3
    assert stored.conditions["missing"] == 0
    used = found["cores_used"].conditions
    assert {"engine", "collector", "simulators hall-0", "simulators server-0"} <= set(used)


def test_what_limits_a_plant_is_named() -> None:
    all_of_it = os.cpu_count() or 1
    assert limit({"engine": 0.95, "collector": 0.2}) == "engine: 0.95 of a core"
    assert limit({"engine": 0.1, "collector": 0.2}) == "collector: 0.20 of a core, which is not all of it"
    busy = limit({"engine": 0.5, OTHERS: all_of_it - 0.5})
    assert busy.startswith(f"the computer: {all_of_it:.2f} of {all_of_it} cores")
    assert Path("/proc/stat").exists()
