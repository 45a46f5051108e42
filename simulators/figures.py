"""True figures of a machine for a window, from the ledger and the plant's calendar: what the engine is compared with.

Invariants: written as plainly as possible, by definition and in whole microseconds, dividing last; nothing of the
engine is used. Formulas after ISO 22400-2; planned busy time (PBT) is the calendar's busy time less the machine's
planned stops; times count inside it only, while a part counts whenever it is finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from core.plant.calendar import segments
from core.plant.model import Plant, Site
from core.vocabulary import Situation, State, TimeClass
from simulators.signals import Signals
from simulators.truth import Condition, Ledger, Part

_BUSY = (Situation.BUSY, Situation.BUSY_NO_ORDER)

CLASSES = {
    State.PRODUCING: (TimeClass.APT, TimeClass.APT_OUT),
    State.SETUP: (TimeClass.AUST, TimeClass.AUST_OUT),
    State.IDLE: (TimeClass.ADET_IDLE, TimeClass.PLANNED_CALENDAR),
    State.UNPLANNED_STOP: (TimeClass.ADET_STOP, TimeClass.PLANNED_FAILURE),
    State.PLANNED_STOP: (TimeClass.PLANNED_STATE, TimeClass.PLANNED_CALENDAR),
    State.UNKNOWN: (TimeClass.UNKNOWN, TimeClass.UNKNOWN_OUT),
}
"""Time class of each state inside and outside the calendar's busy time; orders are not simulated."""


@dataclass(frozen=True)
class Figures:
    """The truth about one machine in a window. Times and credits in µs; a credit is the standard time of parts made.

    `credit_*_us` is None if a part was made by a program without a standard time. `sent` counts samples by event time.
    """

    pbt_us: int
    apt_us: int
    turning_us: int
    in_cut_us: int
    credit_total_us: int | None
    credit_good_us: int | None
    parts: int
    scrap: int
    sent: int

    @property
    def availability(self) -> float | None:
        """APT / PBT; None without planned time. Like all ratios from 0 to 1 [1]."""
        return _ratio(self.apt_us, self.pbt_us)

    @property
    def effectiveness(self) -> float | None:
        """ΣPRI·parts / APT; None without production time or without a standard time."""
        return _ratio(self.credit_total_us, self.apt_us)

    @property
    def quality(self) -> float | None:
        """ΣPRI·good / ΣPRI·parts; None without parts or without a standard time."""
        return _ratio(self.credit_good_us, self.credit_total_us)

    @property
    def oee(self) -> float | None:
        """ΣPRI·good / PBT; None without planned time or without a standard time."""
        return _ratio(self.credit_good_us, self.pbt_us)

    @property
    def spindle(self) -> float | None:
        """Spindle turning / PBT; None without planned time."""
        return _ratio(self.turning_us, self.pbt_us)

    @property
    def in_cut(self) -> float | None:
        """Spindle in cut / PBT; None without planned time."""
        return _ratio(self.in_cut_us, self.pbt_us)


def figures(signals: Signals, machine: int, from_us: int, to_us: int) -> Figures:
    """The figures of a machine (position in the plant) for [from_us, to_us); ValueError if the window is empty."""
    plant, ledger = signals.plant, signals.ledger(machine)
    found = plant.machines[machine]
    busy = list(busy_spans(plant.sites[found.site], from_us, to_us, found.name))
    parts = ledger.parts_in(from_us, to_us)
    return Figures(
        pbt_us=sum(end - begin - _in_state_us(ledger, State.PLANNED_STOP, begin, end) for begin, end in busy),
        apt_us=sum(_in_state_us(ledger, State.PRODUCING, begin, end) for begin, end in busy),
        turning_us=sum(_while_us(ledger, begin, end, lambda now: now.turning) for begin, end in busy),
        in_cut_us=sum(_while_us(ledger, begin, end, lambda now: now.turning and now.cutting) for begin, end in busy),
        credit_total_us=_credit_us(plant, parts),
        credit_good_us=_credit_us(plant, [part for part in parts if part.good], of=parts),
        parts=len(parts),
        scrap=sum(not part.good for part in parts),
        sent=signals.count(machine, from_us, to_us),
    )


def busy_spans(site: Site, from_us: int, to_us: int, machine: str = "") -> Iterator[tuple[int, int]]:
    """The planned busy stretches of a site, or of one of its machines, in [from_us, to_us)."""
    found = segments(site, from_us, to_us, machine)
    ends = np.append(found.start_us[1:], to_us)
    for begin, end, situation in zip(found.start_us.tolist(), ends.tolist(), found.situation.tolist(), strict=True):
        if situation in _BUSY:
            yield begin, end


def classes(signals: Signals, machine: int, from_us: int, to_us: int) -> dict[TimeClass, int]:
    """µs of each time class of a machine (position in the plant) in [from_us, to_us); together the whole window."""
    plant, ledger = signals.plant, signals.ledger(machine)
    found = dict.fromkeys(TimeClass, 0)
    entry = plant.machines[machine]
    busy = list(busy_spans(plant.sites[entry.site], from_us, to_us, entry.name))
    for state, (inside, outside) in CLASSES.items():
        planned = sum(_in_state_us(ledger, state, begin, end) for begin, end in busy)
        found[inside] += planned
        found[outside] += _in_state_us(ledger, state, from_us, to_us) - planned
    return found


def _in_state_us(ledger: Ledger, state: State, from_us: int, to_us: int) -> int:
    return _while_us(ledger, from_us, to_us, lambda now: now.state == state)


def _while_us(ledger: Ledger, from_us: int, to_us: int, holds: Callable[[Condition], bool]) -> int:
    return sum(
        min(phase.to_us, to_us) - max(phase.from_us, from_us)
        for phase in ledger.phases_in(from_us, to_us)
        if holds(phase.condition)
    )


def _credit_us(plant: Plant, parts: list[Part], of: list[Part] | None = None) -> int | None:
    """The standard time of some parts; None if any part (of the wider list `of`) has no standard time."""
    pri_us = {program.name: program.pri_us for program in plant.programs if program.pri_us}
    if any(part.program not in pri_us for part in of or parts):
        return None
    return sum(pri_us[part.program] for part in parts)


def _ratio(over: int | None, under: int | None) -> float | None:
    return None if over is None or not under else over / under
