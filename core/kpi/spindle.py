"""Spindle utilization in four separate ratios, losses by overrides and holds, load, energy.

Base is planned busy time, with the same band as availability. A signal that no machine gives is None, never 0: its
figures are undefined with `no_signal`. The plain word "spindle utilization" means turning / PBT.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from core.kpi.band import Band, Reason, exact, share, undefined


@dataclass(frozen=True)
class SpindleSums:
    """µs inside planned busy time with a trusted state, unless named otherwise; None: no signal tells.

    `loss_*`: ∫(1 − override/100) dt over producing time, negative above 100 %; each by itself, never added together.
    `load_permille_us`: load integral ‰·µs over `load_known_us`. `energy_mj`: mJ over the whole window.
    """

    powered: int | None = None
    program_running: int | None = None
    turning: int | None = None
    in_cut: int | None = None
    air_cut: int | None = None
    feed_hold: int | None = None
    loss_feed: int | None = None
    loss_rapid: int | None = None
    loss_spindle: int | None = None
    load_permille_us: int | None = None
    load_known_us: int | None = None
    energy_mj: int | None = None

    def __add__(self, other: SpindleSums) -> SpindleSums:
        """Sums of two windows or machines; what one of them cannot tell, the sum cannot tell.

        >>> SpindleSums(turning=1, in_cut=1) + SpindleSums(turning=2) == SpindleSums(turning=3)
        True
        """
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return SpindleSums(*(None if a is None or b is None else a + b for a, b in pairs))


RATIOS = ("powered", "program_running", "turning", "in_cut")
"""The four spindle utilizations, each over PBT; four figures because plants mean different things by the word."""
LOSSES = ("air_cut", "feed_hold", "loss_feed", "loss_rapid", "loss_spindle")
"""Lost time [µs]; overlapping, so they are not added up."""


def utilization(sums: SpindleSums, which: str, unknown_us: int, pbt_us: int) -> Band:
    """One of RATIOS over planned busy time [1].

    >>> utilization(SpindleSums(turning=30), "turning", 10, 60)
    Band(value=0.5, low=0.5, high=0.6666666666666666, reason=None)
    >>> utilization(SpindleSums(turning=30), "in_cut", 10, 60).reason
    <Reason.NO_SIGNAL: 'no_signal'>
    """
    if which not in RATIOS:
        raise ValueError(f"{which!r} is no spindle utilization; there are {', '.join(RATIOS)}")
    us = getattr(sums, which)
    return undefined(Reason.NO_SIGNAL) if us is None else share(us, unknown_us, pbt_us)


def loss(sums: SpindleSums, which: str, producing_us: int) -> Band:
    """One of LOSSES as a share of producing time [1]; negative where an override stood above 100 %."""
    if which not in LOSSES:
        raise ValueError(f"{which!r} is no spindle loss; there are {', '.join(LOSSES)}")
    us = getattr(sums, which)
    if us is None:
        return undefined(Reason.NO_SIGNAL)
    return exact(us / producing_us) if producing_us else undefined(Reason.NO_PRODUCTION)


def mean_load(sums: SpindleSums) -> Band:
    """Mean load [1] over the time it was known: load integral by time."""
    if sums.load_permille_us is None or not sums.load_known_us:
        return undefined(Reason.NO_SIGNAL)
    return exact(sums.load_permille_us / 1000 / sums.load_known_us)


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
