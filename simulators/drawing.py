"""What every signal shows over phases that follow each other: arrays of instants and values, repetitions included.

Invariants: all signals of a phase begin at its first microsecond; only the gauges also move inside a phase, on a grid
and while the spindle turns. Gauges that are `sampled` are known on their grid only, whatever the machine does. A value
is a pure function of phase, instant, signal and seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.units import SECOND_US, natural_id
from core.vocabulary import Execution, ItemState, OpMode, State
from simulators.script import MachineScript
from simulators.truth import Condition, Part, Phase

_AIR_LOAD, _AIR_LOAD_MOTOR = 7.0, 30.0
"""Spindle load without cutting, % of nominal: of a drive, and of a motor straight on the mains; estimates."""
VOLTAGE = 400.0
PHASE_W = math.sqrt(3.0) * VOLTAGE * 0.8
"""Active power [W] of a current of 1 A in each phase at cos φ 0.8."""
_LOAD_NOISE, _FEED_NOISE, _SPEED_NOISE, _CURRENT_NOISE, _VOLTAGE_NOISE = 0.08, 0.03, 0.004, 0.02, 0.01
"""Relative amplitudes; estimates."""

_ODD_US = 2_345_679
"""Offset of the gauges' grid, odd so that truncated times would show."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

Drawn = dict[str, tuple[Times, Floats]]
"""By signal name: instants and what it shows from then on, unchanged values included."""

_CONTROL = {"ctrl.execution", "ctrl.mode", "ctrl.op_mode", "ctrl.item_state", "ctrl.wait_for"}
_SWITCHES = {"ctrl.estop", "ctrl.feed_hold", "spindle.1.rotating", "feed.1.override", "alarm.count"}
_SELECTED = {"prog.name", "tool.id"}
_COUNTED = {"part.total", "part.scrap", "part.good"}
_CURRENTS = ("power.current.l1", "power.current.l2", "power.current.l3")
_GAUGED = {"spindle.1.speed", "spindle.1.load", "spindle.1.power", "spindle.1.torque", "feed.1.rate"}
_MAINS = {"power.active", "power.voltage", *_CURRENTS}
PLAYED = _CONTROL | _SWITCHES | _SELECTED | _COUNTED | _GAUGED | _MAINS
"""The signals that a ledger can be shown in; others of a plant entry stay silent."""


class Noise:
    """Repeatable noise: a hash of instant and signal, so that it is the same in whatever order it is asked for."""

    def __init__(self, seed: int, machine: str) -> None:
        self._seed = natural_id("noise", seed, machine)

    def at(self, event_us: Times, channel: int) -> Floats:
        """Numbers from −1 to 1, one an instant; SplitMix64 (Steele, Lea, Flood 2014)."""
        with np.errstate(over="ignore"):
            mixed = event_us.astype(np.uint64) + np.uint64(self._seed) + np.uint64(channel) * _GOLDEN
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
        return mixed.astype(np.float64) / 2.0**63 - 1.0


def draw(
    script: MachineScript,
    noise: Noise,
    index_of: Callable[[str], int],
    begin_us: int,
    phases: Sequence[Phase],
    parts: Sequence[Part],
) -> Drawn:
    """All signals over some phases that follow each other."""
    starts = np.array([phase.from_us for phase in phases], np.int64)
    shown = {
        "ctrl.execution": [phase.condition.execution for phase in phases],
        "ctrl.mode": [phase.condition.mode for phase in phases],
        "ctrl.op_mode": [_op_mode(phase.condition) for phase in phases],
        "ctrl.item_state": [_item_state(phase.condition) for phase in phases],
        "ctrl.estop": [phase.condition.estop for phase in phases],
        "alarm.count": [phase.condition.estop or phase.condition.stopped for phase in phases],
        "ctrl.feed_hold": [phase.condition.feed_hold for phase in phases],
        "ctrl.wait_for": [phase.condition.wait_for for phase in phases],
        "feed.1.override": [0.0 if phase.condition.override_zero else phase.override for phase in phases],
        "spindle.1.rotating": [phase.condition.turning for phase in phases],
        "prog.name": [index_of(phase.program) for phase in phases],
        "tool.id": [index_of(phase.tool) for phase in phases],
    }
    drawn = {name: (starts, np.array(values, np.float64)) for name, values in shown.items()}
    drawn |= _counters(script, begin_us if starts[0] == begin_us else None, parts)
    return drawn | _gauges(script, noise, phases, starts)


def _op_mode(condition: Condition) -> OpMode:
    if condition.maintenance:
        return OpMode.MAINTENANCE
    return OpMode.SETUP if condition.state == State.SETUP else OpMode.PRODUCTION


def _item_state(condition: Condition) -> ItemState:
    if condition.off:
        return ItemState.NOT_AVAILABLE
    if condition.stopped:
        return ItemState.OUT_OF_SERVICE
    return ItemState.EXECUTING if condition.execution == Execution.ACTIVE else ItemState.NOT_EXECUTING


def _counters(script: MachineScript, begin_us: int | None, parts: Sequence[Part]) -> Drawn:
    """Part counters; with `begin_us` their first values too."""
    at = [part.at_us for part in parts]
    total = [script.first_part + part.number for part in parts]
    scrap = [script.first_scrap + part.scraps for part in parts]
    if begin_us is not None:
        at, total, scrap = [begin_us, *at], [script.first_part, *total], [script.first_scrap, *scrap]
    when = np.array(at, np.int64)
    totals, scraps = np.array(total, np.float64), np.array(scrap, np.float64)
    return {"part.total": (when, totals), "part.scrap": (when, scraps), "part.good": (when, totals - scraps)}


def _gauges(script: MachineScript, noise: Noise, phases: Sequence[Phase], starts: Times) -> Drawn:
    """Speed, feed, load, power and currents at the beginning of each phase and on a grid while the spindle turns."""
    turning = np.array([phase.condition.turning for phase in phases], bool)
    grid_us = round(script.gauge_s * SECOND_US)
    # The grid belongs to the epoch, so it does not depend on where blocks begin.
    from_us, to_us = phases[0].from_us, phases[-1].to_us
    grid = np.arange(from_us // grid_us - 1, to_us // grid_us + 1, dtype=np.int64) * grid_us + _ODD_US % grid_us
    grid = grid[(grid >= from_us) & (grid < to_us)]
    at = grid if script.sampled else np.union1d(starts, grid[turning[np.searchsorted(starts, grid, "right") - 1]])
    phase = np.searchsorted(starts, at, "right") - 1
    speed = _each(phases, lambda one: one.speed)[phase] * (1.0 + _SPEED_NOISE * noise.at(at, 1))
    feed = _each(phases, lambda one: one.feed)[phase] * (1.0 + _FEED_NOISE * noise.at(at, 2))
    moved = 1.0 + _LOAD_NOISE * noise.at(at, 4)
    air = _AIR_LOAD_MOTOR if script.kind == "manual" else _AIR_LOAD
    work = _each(phases, lambda one: max(one.load, air) if one.condition.cutting else air * one.condition.turning)
    on = _each(phases, lambda one: 0.0 if one.condition.off else 1.0)[phase]
    standby, full = script.power_w
    drive = (full - standby) * work[phase] * moved / 100.0
    power = on * (standby + drive)
    turns = np.maximum(speed, 1.0) * (2.0 * math.pi / 60.0)
    # Each phase of the mains has a little noise of its own.
    currents = {
        name: (at, np.round(power / PHASE_W * (1.0 + _CURRENT_NOISE * noise.at(at, number)), 2))
        for number, name in enumerate(_CURRENTS, 5)
    }
    return currents | {
        "spindle.1.speed": (at, np.round(speed, 1)),
        "feed.1.rate": (at, np.round(feed, 1)),
        "spindle.1.load": (at, np.round((work * turning)[phase] * moved, 1)),
        "spindle.1.power": (at, np.round(drive)),
        "spindle.1.torque": (at, np.round(np.where(turning[phase], drive / turns, 0.0), 1)),
        "power.active": (at, np.round(power)),
        "power.voltage": (at, np.round(VOLTAGE * (1.0 + _VOLTAGE_NOISE * noise.at(at, 8)), 1)),
    }


def _each(phases: Sequence[Phase], what: Callable[[Phase], float]) -> Floats:
    return np.array([what(phase) for phase in phases], np.float64)
