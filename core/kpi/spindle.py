"""Spindle utilization in four separate ratios, losses by overrides and holds, load, energy.

Base is planned busy time, with the same band as availability. A signal that no machine gives is None, never 0: its
figures are undefined with `no_signal`. The plain word "spindle utilization" means turning / PBT.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from core.kpi.band import Band, Reason, exact, share, undefined


@dataclass(frozen=True)
class SpindleSums:
    """Columns of `fact_minute`: µs of known time inside planned busy time, unless named otherwise; None: no signal.

    `*_override_loss`: ∫ (1000 ‰ − override) over producing time [‰·µs], below 0 above 100 %; each by itself, never
    added together. `spindle_load`: load integral [‰·µs] over `spindle_load_us`. `energy_mj`: mJ over the whole window.
    """

    powered_us: int | None = None
    program_running_us: int | None = None
    spindle_turning_us: int | None = None
    in_cut_us: int | None = None
    air_cut_us: int | None = None
    feed_hold_us: int | None = None
    spindle_load_us: int | None = None
    spindle_load: int | None = None
    feed_override_loss: int | None = None
    spindle_override_loss: int | None = None
    rapid_override_loss: int | None = None
    energy_mj: int | None = None

    def __add__(self, other: SpindleSums) -> SpindleSums:
        """Sums of two windows or machines; what one of them cannot tell, the sum cannot tell.

        >>> SpindleSums(energy_mj=1, in_cut_us=1) + SpindleSums(energy_mj=2) == SpindleSums(energy_mj=3)
        True
        """
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return SpindleSums(*(None if a is None or b is None else a + b for a, b in pairs))


RATIOS = {
    "powered": "powered_us",
    "program_running": "program_running_us",
    "turning": "spindle_turning_us",
    "in_cut": "in_cut_us",
}
"""The four spindle utilizations, each over PBT; four figures because plants mean different things by the word."""
LOSSES = {
    "air_cut": ("air_cut_us", 1),
    "feed_hold": ("feed_hold_us", 1),
    "feed_override": ("feed_override_loss", 1000),
    "rapid_override": ("rapid_override_loss", 1000),
    "spindle_override": ("spindle_override_loss", 1000),
}
"""Lost time: column and what it counts in a µs; overlapping, so losses are not added up."""

_SPEED = r"spindle\.\d+\.(rotating|speed)"
_STATE = r"ctrl\.(execution|item_state)"
_NEEDS = {
    "powered_us": (_STATE,),
    "program_running_us": (_STATE,),
    "spindle_turning_us": (_SPEED,),
    "in_cut_us": (_SPEED, r"feed\.\d+\.rate", r"spindle\.\d+\.load"),
    "air_cut_us": (_SPEED, r"feed\.\d+\.rate", r"spindle\.\d+\.load"),
    "feed_hold_us": (r"ctrl\.(execution|feed_hold)",),
    "spindle_load_us": (r"spindle\.1\.load", _SPEED),
    "spindle_load": (r"spindle\.1\.load", _SPEED),
    "feed_override_loss": (r"feed\.1\.override",),
    "spindle_override_loss": (r"spindle\.1\.override",),
    "rapid_override_loss": (r"feed\.1\.rapid_override",),
    "energy_mj": (r"energy\.import|power\.active",),
}
"""Which signals a column needs, one of each pattern."""
_NEEDS_IDLE_LEVEL = ("in_cut_us", "air_cut_us")


def tells_spindle(signals: Iterable[str]) -> bool:
    """Whether a machine that has these signals says if a spindle turns."""
    return any(re.fullmatch(_SPEED, name) for name in signals)


def spindle_sums(facts: NDArray[np.void], signals: Iterable[str], *, idle_taught: bool) -> SpindleSums:
    """The sums of rows of dtype FACT of one machine that has these signals; a column nobody tells is None.

    `idle_taught`: whether the load in air is known, without which nobody can tell cutting from turning.
    """
    names = list(signals)

    def told(column: str) -> bool:
        if column not in (facts.dtype.names or ()) or (column in _NEEDS_IDLE_LEVEL and not idle_taught):
            return False
        return all(any(re.fullmatch(pattern, name) for name in names) for pattern in _NEEDS[column])

    return SpindleSums(**{column: int(facts[column].sum()) for column in _NEEDS if told(column)})


def utilization(sums: SpindleSums, which: str, unknown_us: int, pbt_us: int) -> Band:
    """One of RATIOS over planned busy time [1].

    >>> utilization(SpindleSums(spindle_turning_us=30), "turning", 10, 60)
    Band(value=0.5, low=0.5, high=0.6666666666666666, reason=None)
    >>> utilization(SpindleSums(spindle_turning_us=30), "in_cut", 10, 60).reason
    <Reason.NO_SIGNAL: 'no_signal'>
    """
    if which not in RATIOS:
        raise ValueError(f"{which!r} is no spindle utilization; there are {', '.join(RATIOS)}")
    us = getattr(sums, RATIOS[which])
    return undefined(Reason.NO_SIGNAL) if us is None else share(us, unknown_us, pbt_us)


def loss(sums: SpindleSums, which: str, producing_us: int) -> Band:
    """One of LOSSES as a share of producing time [1]; negative where an override stood above 100 %."""
    if which not in LOSSES:
        raise ValueError(f"{which!r} is no spindle loss; there are {', '.join(LOSSES)}")
    column, per_us = LOSSES[which]
    amount = getattr(sums, column)
    if amount is None:
        return undefined(Reason.NO_SIGNAL)
    return exact(amount / per_us / producing_us) if producing_us else undefined(Reason.NO_PRODUCTION)


def mean_load(sums: SpindleSums) -> Band:
    """Mean load [1] over the time it was known: load integral by time."""
    if sums.spindle_load is None or not sums.spindle_load_us:
        return undefined(Reason.NO_SIGNAL)
    return exact(sums.spindle_load / 1000 / sums.spindle_load_us)


def histogram_mean(edges: NDArray[np.float64], bins_us: NDArray[np.int64]) -> Band:
    """Mean of a histogram of time: value with every bin at its middle, bounds with every bin at its edges.

    `edges`: [n + 1] rising, in the unit of the result; `bins_us`: [n] µs. ValueError if the shapes do not fit.

    >>> histogram_mean(np.array([0.0, 10.0, 20.0]), np.array([30, 10]))
    Band(value=7.5, low=2.5, high=12.5, reason=None)
    """
    if len(edges) != len(bins_us) + 1:
        raise ValueError(f"{len(bins_us)} bins need {len(bins_us) + 1} edges, not {len(edges)}")
    total = int(bins_us.sum())
    if total == 0:
        return undefined(Reason.NO_SIGNAL)
    low, high = float(edges[:-1] @ bins_us) / total, float(edges[1:] @ bins_us) / total
    return Band((low + high) / 2, low, high)


def energy_per_good_part(sums: SpindleSums, parts_good: int, unseen: int = 0) -> Band:
    """mJ a good part (e = E / GQ, after ISO 22400-2 Amd 1: comprehensive energy consumption).

    `unseen`: the most good parts that may have been made and are not counted yet; energy comes from a meter that counts
    through gaps.
    """
    if sums.energy_mj is None:
        return undefined(Reason.NO_SIGNAL)
    if parts_good <= 0:
        return undefined(Reason.NO_PARTS)
    each = sums.energy_mj / parts_good
    return Band(each, sums.energy_mj / (parts_good + unseen), each)
