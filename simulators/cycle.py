"""What one run of a part program is made of: blocks, the same ones in the same lengths for every part of a machine.

Blocks follow each other: the part is loaded (and probed), then tool by tool: change, rapid approach, roughing cut,
finishing cut, retreat. Invariants: the shares of a cycle's blocks add up to 1, those in cut to the program's cut share;
a block cuts only if it feeds, and but for a spark only if the spindle turns; blocks are a pure function of script,
program and seed. A machine that is worked by hand is idle while it is handled: nothing of it moves.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from core.vocabulary import Execution, State
from simulators.script import Kind, MachineScript, ProgramScript
from simulators.truth import Condition

_STANDING = Condition(State.PRODUCING, Execution.ACTIVE)
_HANDLED = Condition(State.IDLE, Execution.READY)
_TURNING = replace(_STANDING, turning=True)
_TRAVELLING = replace(_TURNING, feeding=True)
_PROBING = replace(_STANDING, feeding=True)
_CUTTING = replace(_TRAVELLING, cutting=True)
_ERODING = replace(_PROBING, cutting=True)

RAPID_MM_MIN = 12_000.0
"""Path feed in rapid; an estimate, machines of the last thirty years do 8 000 to 60 000."""
_PROBING_MM_MIN = 200.0
_ROUGH_LOAD, _FINISH_LOAD = (38.0, 72.0), (22.0, 38.0)
"""Spindle load in cut, % of nominal; estimates, well above the load in air."""
WORN_LOAD = 0.3
"""By how much a worn tool needs more load than a sharp one; an estimate, tool monitors warn at 20 to 50 %."""


@dataclass(frozen=True)
class Block:
    """A part of a cycle. `share` of the cycle [1] at full override; `speed` [min⁻¹], `feed` [mm/min], `load` [%]."""

    condition: Condition
    share: float
    tool: int = 1
    speed: float = 0.0
    feed: float = 0.0
    load: float = 0.0


@dataclass(frozen=True)
class _Habit:
    """How a kind of machine spends a cycle: weights of what is not cutting, by piece."""

    cut: float
    load: float
    change: float
    rapid: float
    probe: float = 0.0
    dwell: float = 0.0
    spark: bool = False


_HABITS: dict[Kind, _Habit] = {
    "turning": _Habit(cut=0.50, load=4.0, change=0.5, rapid=0.6),
    "milling": _Habit(cut=0.46, load=5.0, change=0.8, rapid=0.8),
    "five_axis": _Habit(cut=0.52, load=3.0, change=0.7, rapid=0.9, probe=4.0),
    # The wheel sparks out without feed, and is dressed in air.
    "grinding": _Habit(cut=0.44, load=4.0, change=0.2, rapid=1.5, dwell=2.0),
    "edm": _Habit(cut=0.82, load=4.0, change=0.5, rapid=1.0, spark=True),
    "manual": _Habit(cut=0.42, load=6.0, change=1.0, rapid=0.4),
}
"""Estimates: time studies give 40 to 60 % of a cycle in cut, and more for erosion."""


def blocks(script: MachineScript, program: ProgramScript, seed: int) -> tuple[Block, ...]:
    """The blocks of a program on a machine."""
    habit = _HABITS[script.kind]
    draw = random.Random(f"{seed} {script.name} blocks {program.name}")
    found = [Block(_HANDLED if script.kind == "manual" else _STANDING, habit.load)]
    if habit.probe:
        found.append(Block(_PROBING, habit.probe / 2, feed=_PROBING_MM_MIN))
    for tool in range(1, program.tools + 1):
        found += _of_tool(script, habit, tool, draw)
    if habit.probe:
        found.append(Block(_PROBING, habit.probe / 2, tool=program.tools, feed=_PROBING_MM_MIN))
    return tuple(_shared(found, program.cut or habit.cut))


def _of_tool(script: MachineScript, habit: _Habit, tool: int, draw: random.Random) -> list[Block]:
    speed = 0.0 if habit.spark else round(draw.uniform(*script.spindle), 1)
    travel, cut = (_PROBING, _ERODING) if habit.spark else (_TRAVELLING, _CUTTING)
    rough, fine = (round(draw.uniform(*script.feed), 1) for _ in range(2))
    found = [
        Block(_HANDLED if script.kind == "manual" else _STANDING, habit.change, tool),
        Block(travel, habit.rapid, tool, speed, RAPID_MM_MIN),
        Block(cut, draw.uniform(0.8, 1.6), tool, speed, rough, round(draw.uniform(*_ROUGH_LOAD), 1)),
        Block(cut, draw.uniform(0.4, 0.8), tool, speed, fine, round(draw.uniform(*_FINISH_LOAD), 1)),
    ]
    if habit.dwell:
        found.append(Block(_TURNING, habit.dwell, tool, speed))
    return [*found, Block(travel, habit.rapid, tool, speed, RAPID_MM_MIN)]


def _shared(found: list[Block], cut: float) -> list[Block]:
    """The same with shares of the whole in place of weights."""
    inside = sum(block.share for block in found if block.condition.cutting)
    outside = sum(block.share for block in found) - inside
    return [
        replace(block, share=block.share * (cut / inside if block.condition.cutting else (1.0 - cut) / outside))
        for block in found
    ]


class Tools:
    """The edges of a machine's tools: how far each is worn, from 0 to 1."""

    def __init__(self, life_parts: int | None, draw: random.Random) -> None:
        self._life_parts = life_parts
        self._random = draw
        self._used: dict[str, int] = {}
        self._life: dict[str, int] = {}

    def worn(self, edge: str) -> float:
        """Wear of an edge; 0 for edges that last for ever."""
        return self._used.get(edge, 0) / self._life[edge] if edge in self._life else 0.0

    def cut(self, edge: str) -> None:
        """One part more."""
        if self._life_parts is not None:
            if edge not in self._life:
                self.renew(edge)
            self._used[edge] += 1

    def renew(self, edge: str) -> None:
        """A new edge, whose life is drawn."""
        if self._life_parts is not None:
            self._life[edge] = max(1, round(self._life_parts * self._random.uniform(0.75, 1.25)))
            self._used[edge] = 0
