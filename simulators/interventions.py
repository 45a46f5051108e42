"""What somebody does to simulated machines while they run: a breakdown, a cut line, a rush order.

Invariants: an intervention is told once, with the instant from which it holds, and is written down; scenario and
interventions together say everything that happens, so whoever reads both knows the same truth. Nothing before its
instant changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from core.errors import InputError
from core.plant.model import Plant
from core.units import HOUR_US, SECOND_US
from simulators.script import MachineScript

SHORTEST_US, LONGEST_US = SECOND_US, 24 * HOUR_US
MOST_PARTS = 1000


class Kind(StrEnum):
    """BREAK: the machine breaks down. CUT: nothing it says arrives. RUSH: an order comes before all others."""

    BREAK = "break"
    CUT = "cut"
    RUSH = "rush"


@dataclass(frozen=True)
class Intervention:
    """`at_us`: from when on, scenario time; `for_us`: how long a breakdown or a cut lasts.

    `program` ("" the next one of the machine) and `parts` are those of a rush order.
    """

    kind: Kind
    machine: str
    at_us: int = 0
    for_us: int = 0
    program: str = ""
    parts: int = 0

    @property
    def to_us(self) -> int:
        """The end of a breakdown or a cut."""
        return self.at_us + self.for_us


def check(wanted: Intervention, plant: Plant, scripts: Iterable[MachineScript]) -> None:
    """InputError if a machine of the plant cannot do what is wanted."""
    if wanted.machine not in plant.machine_index:
        raise InputError(f"the plant has no machine {wanted.machine}; it has {', '.join(sorted(plant.machine_index))}")
    if wanted.kind is not Kind.RUSH:
        if not SHORTEST_US <= wanted.for_us <= LONGEST_US:
            raise InputError(f"{wanted.machine}: a {wanted.kind} lasts between a second and 24 hours")
        return
    programs = [program.name for script in scripts if script.name == wanted.machine for program in script.program]
    if wanted.program and wanted.program not in programs:
        raise InputError(f"{wanted.machine} does not run {wanted.program}; it runs {', '.join(programs)}")
    if not 1 <= wanted.parts <= MOST_PARTS:
        raise InputError(f"{wanted.machine}: a rush order has between 1 and {MOST_PARTS} parts")


def to_line(one: Intervention) -> str:
    """One line of a file."""
    return json.dumps(asdict(one), ensure_ascii=False)


def from_line(line: str) -> Intervention:
    """What `to_line` wrote; ValueError, TypeError or KeyError for anything else."""
    found = json.loads(line)
    return Intervention(**{**found, "kind": Kind(found["kind"])})
