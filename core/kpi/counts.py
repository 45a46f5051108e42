"""Gaps of scope count and gauge as bounds: what counters and spindles do not say, and what figures make of it.

Invariants: a count gap takes no time from any class, the state in it is known; it moves the credits only. Nothing can
be made faster than the greatest plausible rate, in time that is not known to be standstill, but for one part that had
been begun before. Less than `least` was not made, and more than `most` was not either where that is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.units import MINUTE_US

POSSIBLE_COLUMNS = ("apt", "apt_no_order", "apt_out", "aust", "adot_setup", "aust_out", "unknown", "unknown_out")
"""Time in which parts may be made: all but what is known to be standstill."""
KNOWN_COLUMNS = ("apt", "apt_no_order", "aust", "adet_idle", "adet_stop", "adot_idle", "adot_setup", "adot_stop")
"""Planned busy time in a known state."""


@dataclass(frozen=True)
class CountGap:
    """A count gap, cut to a window [standard time in µs].

    `good`, `scrap`: by how many good and other parts one part of the counter changes what was made (`effect_of`).
    `time_us`: time of the gap in the window in which parts may be made. `booked_us`: credit booked for it in there.
    `least_us`, `most_us`: what was made in there for certain and at most, None if only time limits it.
    `pri_us`: greatest standard time of a part. `claimed`: whether the low bound has what was booked at all: not if
    it is the credit of a gap that is not wholly in the window.
    """

    good: int
    scrap: int
    time_us: int
    booked_us: int
    least_us: int
    most_us: int | None
    pri_us: int
    claimed: bool = True

    def bounds(self, max_rate: float) -> tuple[float, float]:
        """(less, more) than what was booked may have been made in it.

        One part of 60 s booked, found in a minute of production at a rate of 1.2: that part, or two.

        >>> CountGap(1, 0, 60, 60, 60, None, 60).bounds(1.2)
        (0.0, 72.0)
        """
        possible = self.time_us * max_rate + self.pri_us
        most = possible if self.most_us is None else min(possible, float(self.most_us))
        return float(self.booked_us - self.least_us) if self.claimed else 0.0, max(0.0, most - self.booked_us)


@dataclass(frozen=True)
class Doubt:
    """By how much credits may differ from what was booked, downwards and upwards [µs]."""

    good_less: float = 0.0
    good_more: float = 0.0
    scrap_less: float = 0.0
    scrap_more: float = 0.0
    total_less: float = 0.0
    total_more: float = 0.0


CERTAIN = Doubt()


def counts_parts(signals: Iterable[str]) -> bool:
    """Whether a machine that has these signals counts what it makes."""
    return bool({"part.total", "part.good"} & set(signals))


def effect_of(signals: Iterable[str], counter: int) -> tuple[int, int]:
    """By how many (good, other) parts a part of a counter (0 total, 1 good, 2 scrap) changes what a machine made.

    `signals`: those that the machine has; missing counters follow from the others (docs/en/truth.md, Parts).

    >>> effect_of(["part.total", "part.scrap"], 2)
    (-1, 1)
    """
    known = set(signals)
    total, good = "part.total" in known, "part.good" in known
    if counter == 0:
        return (0, 1) if good else (1, 0)
    if counter == 1:
        return (1, -1) if total else (1, 0)
    return (-1, 1) if total and not good else (0, 0)


def _inside(facts: NDArray[np.void], amount: NDArray[np.int64], from_us: int, to_us: int) -> int:
    """What [from, to) may hold of an amount by row [µs]: of a minute that it cuts no more than its part."""
    minutes, place = np.unique(facts["minute_us"], return_inverse=True)
    found = np.zeros(len(minutes), "i8")
    np.add.at(found, place, amount)
    overlap = np.minimum(minutes + MINUTE_US, to_us) - np.maximum(minutes, from_us)
    return int(np.minimum(found, np.maximum(overlap, 0)).sum())


def _added(facts: NDArray[np.void], names: Sequence[str]) -> NDArray[np.int64]:
    return np.asarray(np.sum([facts[name] for name in names], axis=0, dtype="i8"))


def unseen_us(facts: NDArray[np.void], from_us: int, to_us: int) -> int:
    """PBT in [from, to) in which a spindle may have turned that nobody saw: known state, none known to turn."""
    return _inside(facts, _added(facts, KNOWN_COLUMNS) - facts["spindle_turning_us"], from_us, to_us)


def by_speed_us(facts: NDArray[np.void], from_us: int, to_us: int) -> int:
    """PBT in [from, to) in which a spindle may have stood that its speed alone says to turn."""
    return _inside(facts, facts["spindle_turning_us"], from_us, to_us)


def possible_us(facts: NDArray[np.void], from_us: int, to_us: int) -> int:
    """Time in [from, to) in which parts may be made, by rows of dtype FACT."""
    return _inside(facts, _added(facts, POSSIBLE_COLUMNS), from_us, to_us)


def doubt_of(gaps: Sequence[CountGap], max_rate: float) -> Doubt:
    """All count gaps of a window together."""
    bounds = [(gap, *gap.bounds(max_rate)) for gap in gaps]

    def down_and_up(sign: list[int]) -> tuple[float, float]:
        less = sum(less if way > 0 else more for way, (_, less, more) in zip(sign, bounds, strict=True) if way)
        more = sum(more if way > 0 else less for way, (_, less, more) in zip(sign, bounds, strict=True) if way)
        return less, more

    good, scrap = [gap.good for gap in gaps], [gap.scrap for gap in gaps]
    both = [gap.good + gap.scrap for gap in gaps]
    return Doubt(*down_and_up(good), *down_and_up(scrap), *down_and_up(both))
