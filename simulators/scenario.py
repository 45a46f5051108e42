"""How the machines of a plant behave, as a scenario file (TOML) says it: rates and durations, no events.

Invariants: every machine of the plant has exactly one script, found by its position in the plant; what a script does
can be shown by the machine's signals, and every part program it runs is in the plant file. Durations end in their unit;
a pair is [least, greatest].
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError

from core.errors import PlantError
from core.plant.model import Machine, Plant
from core.units import MINUTE_US
from core.vocabulary import WaitFor

_Pair = TypeVar("_Pair", tuple[float, float], tuple[int, int])


def _in_order(pair: _Pair) -> _Pair:
    if not 0 <= pair[0] <= pair[1]:
        raise ValueError("give [least, greatest], neither below 0")
    return pair


Span = Annotated[tuple[float, float], AfterValidator(_in_order)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]

Hold = Literal["interrupted", "feed_hold", "override"]
"""How an operator holds a running program: by interrupting it, by feed hold, or by turning the feed override to 0."""

_NEEDED = ("ctrl.execution", "ctrl.mode", "prog.name", "part.total", "spindle.1.rotating")
_NEEDED_BY_HOLD = {"feed_hold": "ctrl.feed_hold", "override": "feed.1.override"}


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class ProgramScript(_Table):
    """A part program on a machine: mean real cycle, parts of an order, number of tools in a cycle."""

    name: str
    cycle_s: PositiveFloat
    batch: Annotated[tuple[PositiveInt, PositiveInt], AfterValidator(_in_order)] = (20, 60)
    tools: PositiveInt = 2


class Duplicate(_Table):
    """Samples that leave once more, with the same number."""

    kind: Literal["duplicate"]
    share: Share = 0.05
    after_s: Span = (0.0, 2.0)


class Disorder(_Table):
    """Every sample leaves at some moment within this time after its event, so the order is lost."""

    kind: Literal["disorder"]
    within_s: PositiveFloat = 2.0


class Late(_Table):
    """Some samples leave later than the others, by seconds or by hours, while the machine goes on living."""

    kind: Literal["late"]
    share: Share = 0.02
    by_s: Span = (1.0, 2.0)


class Cut(_Table):
    """The line is cut, again and again: what would leave meanwhile is lost. `every_min` is a mean."""

    kind: Literal["cut"]
    every_min: PositiveFloat = 60.0
    for_s: Span = (20.0, 300.0)


class ClockError(_Table):
    """The machine's clock is ahead (behind if negative), and gains (loses) as time goes on."""

    kind: Literal["clock"]
    offset_s: float = 0.0
    drift_ppm: float = Field(default=0.0, gt=-1e6)


class Reset(_Table):
    """Part counters begin again at 0. `every_parts` is a mean.

    `announced`: the first reading afterwards says so. Otherwise nobody is told: the counter shows 0, and the part made
    in that moment is on no reading.
    """

    kind: Literal["reset"]
    every_parts: PositiveInt = 50
    announced: bool = True


class Bad(_Table):
    """A value that is no number, a value of the wrong type, or a message that is not readable at all.

    It comes a moment before the good one, or `instead` of it. `signals`: only these; all if empty.
    """

    kind: Literal["nan", "type", "broken"]
    share: Share = 0.01
    instead: bool = False
    signals: tuple[str, ...] = ()


Fault = Annotated[Duplicate | Disorder | Late | Cut | ClockError | Reset | Bad, Field(discriminator="kind")]
"""What goes wrong on the way from a machine to its reader; see faults.py."""

_CARRIED = {
    "opcua": frozenset({"duplicate", "disorder", "late", "cut", "clock", "reset", "nan", "type"}),
    "mqtt": frozenset({"duplicate", "disorder", "late", "cut", "clock", "reset", "nan", "type", "broken"}),
}
"""A notification of OPC UA is either readable or no notification."""


class MachineScript(_Table):
    """The habits of one machine. Times "every" are means of exponential distributions over producing time."""

    name: str
    program: tuple[ProgramScript, ...] = Field(min_length=1)
    scrap: Share = 0.02
    first_part: int = Field(default=1001, ge=0)
    """What the part counter shows when the scenario begins."""
    first_scrap: int = Field(default=17, ge=0)
    breakdown_every_h: PositiveFloat | None = None
    breakdown_min: Span = (8.0, 30.0)
    """How long the emergency stop stays pressed in a breakdown."""
    hold_every_min: PositiveFloat = 40.0
    hold_s: Span = (8.0, 120.0)
    hold: tuple[Hold, ...] = Field(default=("interrupted",), min_length=1)
    wait_every_parts: PositiveFloat = 15.0
    wait_min: Span = (0.5, 5.0)
    wait_for: tuple[str, ...] = Field(default=("operator",), min_length=1)
    wait_word: Literal["wait", "interrupted"] = "interrupted"
    """`ctrl.execution` while waiting; not every protocol profile knows the word wait."""
    setup_min: Span = (10.0, 25.0)
    """Setup between orders; [0, 0] selects the next program at the instant of the last part."""
    setup_mode: Literal["manual", "mdi"] = "mdi"
    warm_up_min: Span = (3.0, 8.0)
    """Warm-up after a shift of standing."""
    breaks: Literal["stop", "run"] = "stop"
    idle_shifts: Mapping[str, Share] = {}
    """By name of shift: the share of them in which nobody comes."""
    spindle: Span = (800.0, 2400.0)
    """Speed range, min⁻¹."""
    feed: Span = (80.0, 400.0)
    """Path feed range, mm/min."""
    power_w: Span = (900.0, 9000.0)
    """Standby and full load."""
    gauge_s: PositiveFloat = 5.0
    """Interval of speed, load, feed and power while the spindle turns."""
    fault: tuple[Fault, ...] = ()
    """What goes wrong on the way to the reader. The truth is not touched by it."""


class _ScenarioFile(_Table):
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
        if word.upper() not in WaitFor.__members__:
            yield f"{path}.wait_for[{index}]: {word} is nothing a machine waits for; say operator, material, load …"
    for name in sorted(set(script.idle_shifts) - {shift.name for shift in plant.sites[machine.site].shifts}):
        yield f"{path}.idle_shifts.{name}: the site has no shift of that name"
    if script.spindle[0] <= 1.0:
        yield f"{path}.spindle: the least speed must be above 1 min⁻¹, or a turning spindle looks still"
    if script.scrap and not {"part.scrap", "part.good"} & set(machine.signals):
        yield f"{path}.scrap: {machine.name} shows no scrap, its plant entry has neither part.scrap nor part.good"
    if machine.more:
        yield f"{path}: {machine.name} has several sources in the plant file; simulated machines have one"
    protocol = plant.sources[machine.source].protocol
    yield from _fault_complaints(path, script, machine, protocol)
    for name in _needed_signals(script):
        if name not in machine.signals:
            yield f"{path}: {machine.name} needs the signal {name} to show what happens, its plant entry lacks it"


def _fault_complaints(path: str, script: MachineScript, machine: Machine, protocol: str) -> Iterator[str]:
    for index, fault in enumerate(script.fault):
        here = f"{path}.fault[{index}]"
        if fault.kind not in _CARRIED.get(protocol, ()):
            yield f"{here}.kind: {protocol} cannot carry {fault.kind}"
        if any(fault.kind == other.kind for other in script.fault[:index]) and not isinstance(fault, Late | Bad):
            yield f"{here}.kind: {machine.name} has a {fault.kind} already"
        if isinstance(fault, Reset) and fault.announced and protocol == "opcua":
            yield f"{here}.announced: OPC UA has no word for a reset of a counter; say announced = false"
        for place, name in enumerate(fault.signals if isinstance(fault, Bad) else ()):
            if name not in machine.signals:
                yield f"{here}.signals[{place}]: {machine.name} has no signal {name}"


def _needed_signals(script: MachineScript) -> Iterator[str]:
    """Without these signals the samples would tell another story than the ledger."""
    yield from _NEEDED
    yield from (_NEEDED_BY_HOLD[hold] for hold in script.hold if hold in _NEEDED_BY_HOLD)
    if script.breakdown_every_h is not None:
        yield "ctrl.estop"
