"""The additive integers of a set of machines and a window, from which every figure is formed. Nothing else adds up.

Invariants: all integers, µs and counts; `Sums` add field by field, so any roll-up equals the sums of its parts;
`cells()` is a partition: every microsecond of the window is in exactly one cell.
Fields named `*_off` and `*_micro` are parts of the field they are named after, not additions to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import TIME_COLUMNS


@dataclass(frozen=True)
class Sums:
    """µs of each stored time class, parts [1] and standard-time credits PRI·parts [µs]; elements of ISO 22400-2.

    `*_off`: of this, outside every shift (shift id 0). `*_micro`: of this, in micro-stops (`core.kpi.stops`).
    `credit_gap_*`: credits booked by the first reading after a gap, apart from `credit_*`.
    """

    apt: int = 0
    apt_no_order: int = 0
    aust: int = 0
    adet_idle: int = 0
    adet_stop: int = 0
    adot_idle: int = 0
    adot_setup: int = 0
    adot_stop: int = 0
    planned_state: int = 0
    planned_calendar: int = 0
    planned_failure: int = 0
    unknown: int = 0
    apt_out: int = 0
    aust_out: int = 0
    unknown_out: int = 0
    planned_calendar_off: int = 0
    planned_failure_off: int = 0
    apt_out_off: int = 0
    aust_out_off: int = 0
    unknown_out_off: int = 0
    adet_idle_micro: int = 0
    adet_stop_micro: int = 0
    adot_idle_micro: int = 0
    adot_stop_micro: int = 0
    parts_total: int = 0
    parts_good: int = 0
    parts_scrap: int = 0
    parts_no_standard: int = 0
    credit_total_us: int = 0
    credit_good_us: int = 0
    credit_gap_total_us: int = 0
    credit_gap_good_us: int = 0

    def __add__(self, other: Sums) -> Sums:
        """
        >>> Sums(apt=1, parts_total=2) + Sums(apt=3) == Sums(apt=4, parts_total=2)
        True
        """
        return Sums(*(getattr(self, name) + getattr(other, name) for name in _FIELDS))

    @property
    def producing(self) -> int:
        """APT, actual production time inside PBT, with and without an order."""
        return self.apt + self.apt_no_order

    @property
    def aupt(self) -> int:
        """Actual unit processing time: APT + AUST."""
        return self.producing + self.aust

    @property
    def adet(self) -> int:
        """Actual unit delay time: standing during an order."""
        return self.adet_idle + self.adet_stop

    @property
    def aubt(self) -> int:
        """Actual unit busy time: AUPT + ADET."""
        return self.aupt + self.adet

    @property
    def adot(self) -> int:
        """Actual unit down time: available without an order."""
        return self.adot_idle + self.adot_setup + self.adot_stop

    @property
    def pbt(self) -> int:
        """Planned busy time: APT + AUST + ADET + ADOT + UNKNOWN, the identity of the time model."""
        return self.aubt + self.adot + self.unknown

    @property
    def planned_down(self) -> int:
        """Planned stops and standing time outside the plan, failures in it included."""
        return self.planned_state + self.planned_calendar + self.planned_failure

    @property
    def calendar(self) -> int:
        """CT, calendar time: every class."""
        return sum(getattr(self, name) for name in TIME_COLUMNS)

    @property
    def booked_total_us(self) -> int:
        """Σ PRI·PQ, with what was booked after gaps."""
        return self.credit_total_us + self.credit_gap_total_us

    @property
    def booked_good_us(self) -> int:
        """Σ PRI·GQ, with what was booked after gaps."""
        return self.credit_good_us + self.credit_gap_good_us

    @property
    def coverage(self) -> float | None:
        """Observed by planned busy time [1]; None without planned time."""
        return None if self.pbt == 0 else 1 - self.unknown / self.pbt

    def cells(self) -> dict[str, int]:
        """µs of each cell of CELLS; they add up to calendar time."""
        found = {name: getattr(self, name) for name in CELLS}
        for name in _PARTS:
            found[name.rpartition("_")[0]] -= found[name]
        return found


_FIELDS = tuple(field.name for field in fields(Sums))
_PARTS = tuple(name for name in _FIELDS if name.endswith(("_off", "_micro")))
CELLS = TIME_COLUMNS + _PARTS
"""The finest division of time: classes, with micro-stops and what lies outside every shift apart."""


def sums_of(facts: NDArray[np.void], micro: Mapping[str, int] | None = None) -> Sums:
    """The sums of rows of dtype FACT. `micro`: µs by field `*_micro`, from `core.kpi.stops.micro_time`."""
    sums = {name: int(facts[name].sum()) for name in _FIELDS if name not in _PARTS}
    off = facts[facts["shift"] == 0]
    for name in _PARTS:
        if name.endswith("_off"):
            sums[name] = int(off[name.removesuffix("_off")].sum())
    return Sums(**sums, **(micro or {}))


def rolled_up(parts: Iterable[Sums]) -> Sums:
    """The sums of several machines, shifts or products; ratios come after this, never before.

    20 h at 80 % and 2 h at 20 % are 74.5 %, not 50 %:

    >>> both = rolled_up([Sums(apt=160, adet_idle=40), Sums(apt=4, adet_idle=16)])
    >>> round(both.producing / both.pbt, 3)
    0.745
    """
    total = Sums()
    for part in parts:
        total = total + part
    return total
