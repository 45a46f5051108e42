"""Sets of faults that every machine of a simulated plant suffers at once, and what may come of each; for `accuracy`.

`truth`: what a set may change. EXACT: nothing. CLOCK: everything happens at the instants that the machine's own clock
shows, and nothing else changes. NEAR: a time class or a figure by no more than `TOLERATED`, a part or scrap by none.
LOSSES: the truth lies in the band.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.plant.model import Plant
from simulators.fault_tables import CARRIED
from simulators.made import MADE, made
from simulators.scenario import parse_scenario, plant_path, read_scenario
from simulators.signals import Signals
from stanok.bench.path import over_mqtt
from stanok.plantfile import plant_of, read_toml

GAUGE_S = 600.0
"""Gauges inside a block move no figure, and would be two thirds of all samples; but not where they tell the state."""
TOLERATED = 0.001
"""0.1 percentage points: what time classes of a plant without losses may be off by."""

Fault = Mapping[str, Any]


class Truth(Enum):
    """See the module's docstring."""

    EXACT = auto()
    CLOCK = auto()
    NEAR = auto()
    LOSSES = auto()


@dataclass(frozen=True)
class Set:
    """Faults, and what may come of them."""

    truth: Truth
    faults: Sequence[Fault] = ()


_QUICK: Sequence[Fault] = (
    {"kind": "disorder", "within_s": 1.5},
    {"kind": "late", "share": 0.02, "by_s": [0.5, 1.5]},
    {"kind": "duplicate", "share": 0.05, "after_s": [0.0, 1.0]},
    {"kind": "reset", "every_parts": 40},
    {"kind": "nan", "share": 0.01},
    {"kind": "type", "share": 0.01},
    {"kind": "broken", "share": 0.01},
)
SETS: Mapping[str, Set] = {
    "none": Set(Truth.EXACT),
    "recoverable": Set(
        Truth.EXACT,
        (
            *_QUICK,
            {"kind": "flood", "share": 0.002},
            {"kind": "leftover", "every_min": 120.0},
            {"kind": "rollover", "width": 10_000},
        ),
    ),
    "late": Set(
        Truth.EXACT,
        (
            *_QUICK[:1],
            {"kind": "late", "share": 0.003, "by_s": [60.0, 7200.0]},
            {"kind": "frozen", "every_min": 240.0, "for_s": [20.0, 50.0]},
        ),
    ),
    "clock": Set(Truth.CLOCK, ({"kind": "clock", "offset_s": -20.0, "drift_ppm": 30.0},)),
    "jump": Set(Truth.NEAR, ({"kind": "jump", "every_min": 240.0, "for_min": [5.0, 40.0], "by_s": [1.0, 4.0]},)),
    "flap": Set(Truth.NEAR, ({"kind": "flap", "share": 0.1, "within_ms": 50.0},)),
    "cut": Set(Truth.LOSSES, ({"kind": "cut", "every_min": 90.0, "for_s": [20.0, 600.0]},)),
    "losses": Set(
        Truth.LOSSES,
        (
            {"kind": "cut", "every_min": 180.0, "for_s": [20.0, 300.0]},
            {"kind": "restart", "every_min": 300.0},
            {"kind": "nan", "share": 0.002, "instead": True},
            {"kind": "broken", "share": 0.002, "instead": True},
            {"kind": "type", "share": 0.02, "instead": True, "signals": ["ctrl.execution"]},
        ),
    ),
    "counters": Set(
        Truth.LOSSES,
        (
            {"kind": "reset", "every_parts": 80, "announced": False},
            {"kind": "preset", "every_parts": 80},
            {"kind": "type", "share": 0.02, "instead": True, "signals": ["part.total", "part.scrap"]},
        ),
    ),
}


def set_of(name: str) -> Set:
    """The set of that name; InputError if there is none."""
    if name not in SETS:
        raise InputError(f"--faults: {name!r} is none of {', '.join(SETS)}")
    return SETS[name]


@dataclass(frozen=True)
class World:
    """A plant as a document and as what is read from it, and what its machines do and say."""

    document: Mapping[str, Any]
    plant: Plant
    signals: Signals


def world(
    scenario: str,
    seed: int,
    faults: Sequence[Fault],
    begin_us: int,
    machines: Sequence[str] = (),
    placed: Callable[[Mapping[str, Any]], Mapping[str, Any]] = over_mqtt,
) -> World:
    """A scenario with this seed, and with these faults at every machine that can have them; only `machines` if given.

    A machine does the same whoever stands beside it. `placed`: what has to be changed of the plant document.
    """
    if scenario in MADE:
        plant_file, file = made(scenario, "")
    else:
        path = Path(scenario)
        file = dict(read_scenario(path))
        plant_file = read_toml(plant_path(path, file))
    if machines:
        plant_file, file = _only(plant_file, file, machines)
    document = placed(plant_file)
    plant = plant_of(document)
    scripts = [
        {
            **script,
            "fault": _carried(faults, plant, script["name"]),
            "gauge_s": script["gauge_s"] if script.get("sampled") else GAUGE_S,
        }
        for script in file["machine"]
    ]
    found = parse_scenario({**file, "seed": seed, "machine": scripts}, plant, begin_us)
    return World(document, plant, Signals(plant, found))


def _carried(faults: Sequence[Fault], plant: Plant, machine: str) -> list[Fault]:
    """The faults that the machine's protocol can carry; OPC UA has no word for a reset of a counter."""
    protocol = plant.sources[plant.machines[plant.machine_index[machine]].source].protocol
    return [
        fault
        for fault in faults
        if fault["kind"] in CARRIED[protocol]
        and not (protocol == "opcua" and fault["kind"] == "reset" and fault.get("announced", True))
    ]


def _only(
    plant: Mapping[str, Any], scenario: Mapping[str, Any], machines: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    kept = [machine for machine in plant["machine"] if machine["name"] in machines]
    if missing := sorted(set(machines) - {machine["name"] for machine in kept}):
        raise InputError(f"--machine: the plant has no {', '.join(missing)}")
    needed = {machine["source"] for machine in kept}
    sources = [source for source in plant["source"] if source["name"] in needed]
    scripts = [script for script in scenario["machine"] if script["name"] in machines]
    return {**plant, "machine": kept, "source": sources}, {**scenario, "machine": scripts}
