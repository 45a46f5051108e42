"""How the machines of a plant behave, as a scenario file (TOML) says it: rates and durations, no events.

Invariants: every machine of the plant has exactly one script, found by its position in the plant; what a script does
can be shown by the machine's signals, and every part program it runs is in the plant file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.errors import PlantError
from core.plant.model import Machine, Plant
from core.units import MINUTE_US
from simulators.fault_tables import CARRIED, Bad, Late, Reset, Table
from simulators.script import WAITS, MachineScript

_NEEDED = ("ctrl.execution", "ctrl.mode", "prog.name", "part.total", "spindle.1.rotating")
_NEEDED_BY_HOLD = {"feed_hold": "ctrl.feed_hold", "override": "feed.1.override"}


class _ScenarioFile(Table):
    plant: str
    seed: int
    machine: tuple[MachineScript, ...]


@dataclass(frozen=True)
class Scenario:
    """What a scenario file says, fixed in time.

    `begin_us` is a minute boundary; `scripts` is parallel to the plant's machines.
    """

    seed: int
    begin_us: int
    scripts: tuple[MachineScript, ...]


def read_scenario(path: Path) -> Mapping[str, Any]:
    """The plain content of a scenario file; PlantError if it cannot be read as TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PlantError([f"{path}: cannot be read as a TOML file ({error})"]) from error


def plant_path(path: Path, found: Mapping[str, Any]) -> Path:
    """Where the plant file of a scenario is; its name is relative to the scenario file."""
    name = found.get("plant")
    if not isinstance(name, str):
        raise PlantError(["plant: name the plant file, relative to the scenario file"])
    return path.parent / name


def parse_scenario(found: Mapping[str, Any], plant: Plant, begin_us: int) -> Scenario:
    """A scenario for a plant, beginning at `begin_us` (a full minute); PlantError with every complaint by path."""
    if begin_us % MINUTE_US:
        raise ValueError(f"a scenario begins at a full minute, not at {begin_us} µs")
    try:
        file = _ScenarioFile.model_validate(found)
    except ValidationError as error:
        raise PlantError([f"{_path(entry['loc'])}: {entry['msg']}" for entry in error.errors()]) from error
    if complaints := list(_complaints(file, plant)):
        raise PlantError(complaints)
    by_name = {script.name: script for script in file.machine}
    return Scenario(file.seed, begin_us, tuple(by_name[machine.name] for machine in plant.machines))


def _path(keys: Sequence[str | int]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")


def _complaints(file: _ScenarioFile, plant: Plant) -> Iterator[str]:
    names = [script.name for script in file.machine]
    for missing in sorted(set(plant.machine_index) - set(names)):
        yield f"machine: {missing} is in the plant and has no script here"
    for index, script in enumerate(file.machine):
        path = f"machine[{index}]"
        if script.name not in plant.machine_index:
            yield f"{path}.name: {script.name} is not a machine of the plant"
        elif script.name in names[:index]:
            yield f"{path}.name: {script.name} has a script already"
        else:
            yield from _script_complaints(path, script, plant.machines[plant.machine_index[script.name]], plant)


def _script_complaints(path: str, script: MachineScript, machine: Machine, plant: Plant) -> Iterator[str]:
    known = {program.name for program in plant.programs}
    for index, program in enumerate(script.program):
        if program.name not in known:
            yield f"{path}.program[{index}].name: {program.name} is no part program of the plant"
    for index, word in enumerate(script.wait_for):
        if word not in WAITS:
            yield f"{path}.wait_for[{index}]: {word} is nothing a machine waits for; say operator, material, program …"
    for name in sorted(set(script.idle_shifts) - {shift.name for shift in plant.sites[machine.site].shifts}):
        yield f"{path}.idle_shifts.{name}: the site has no shift of that name"
    if script.spindle[0] <= 1.0:
        yield f"{path}.spindle: the least speed must be above 1 min⁻¹, or a turning spindle looks still"
    if (script.scrap or script.tool_break_every_parts) and not {"part.scrap", "part.good"} & set(machine.signals):
        yield f"{path}.scrap: {machine.name} shows no scrap, its plant entry has neither part.scrap nor part.good"
    if machine.more:
        yield f"{path}: {machine.name} has several sources in the plant file; simulated machines have one"
    protocol = plant.sources[machine.source].protocol
    yield from _fault_complaints(path, script, machine, protocol)
    for name in _needed_signals(script, machine):
        if name not in machine.signals:
            yield f"{path}: {machine.name} needs the signal {name} to show what happens, its plant entry lacks it"


def _fault_complaints(path: str, script: MachineScript, machine: Machine, protocol: str) -> Iterator[str]:
    for index, fault in enumerate(script.fault):
        here = f"{path}.fault[{index}]"
        if fault.kind not in CARRIED.get(protocol, ()):
            yield f"{here}.kind: {protocol} cannot carry {fault.kind}"
        if any(fault.kind == other.kind for other in script.fault[:index]) and not isinstance(fault, Late | Bad):
            yield f"{here}.kind: {machine.name} has a {fault.kind} already"
        if isinstance(fault, Reset) and fault.announced and protocol == "opcua":
            yield f"{here}.announced: OPC UA has no word for a reset of a counter; say announced = false"
        for place, name in enumerate(fault.signals if isinstance(fault, Bad) else ()):
            if name not in machine.signals:
                yield f"{here}.signals[{place}]: {machine.name} has no signal {name}"


def _needed_signals(script: MachineScript, machine: Machine) -> Iterator[str]:
    """Without these signals the samples would tell another story than the ledger."""
    if machine.behaviour.by_power is not None:  # all that is known of it is how much it takes
        yield machine.behaviour.by_power.signal
        return
    yield from _NEEDED
    yield from (_NEEDED_BY_HOLD[hold] for hold in script.hold if hold in _NEEDED_BY_HOLD)
    if script.breakdown_every_h is not None or script.tool_break_every_parts is not None:
        yield {"estop": "ctrl.estop", "item_state": "ctrl.item_state"}[script.stop_shown]
    if script.maintenance_every_d is not None or script.project:
        yield "ctrl.op_mode"
    if script.off_when_free:
        yield "ctrl.item_state"
