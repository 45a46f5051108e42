"""Proposing a standard time (PRI) from clean cycles. Only proposing: nothing here changes a plant.

Invariants: a proposal comes with an interval and with the number of cycles behind it, or is refused by name; it takes a
person's approval and a valid-from in the plant file to count, so past figures never move because of it.
A low percentile is proposed, not the best cycle: the best one is a lucky or a broken one (5 % of cycles are quicker).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp, lgamma, log, log1p

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import OPEN_END
from core.vocabulary import State

QUANTILE = 0.05
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Proposal:
    """A proposed PRI and its confidence interval [µs an item], from so many clean cycles."""

    pri_us: int
    low_us: int
    high_us: int
    cycles: int


@dataclass(frozen=True)
class TooFew:
    """No proposal: the clean cycles are too few for an interval of the wanted confidence."""

    cycles: int
    needed: int


def clean_cycles(parts_us: NDArray[np.int64], intervals: NDArray[np.void]) -> NDArray[np.int64]:
    """Lengths [µs] of the cycles between two neighbouring parts in which the machine did nothing but produce.

    `parts_us`: instants at which parts of one program were counted, one for each cycle, rising, without a change of
    program between them; `intervals`: the machine's rows of dtype INTERVAL. Stops, setups and gaps spoil a cycle.
    """
    producing = np.sort(intervals[intervals["state"] == State.PRODUCING], order="from_us")
    starts = producing["from_us"]
    ends = np.where(producing["to_us"] == OPEN_END, np.iinfo(np.int64).max, producing["to_us"])
    apart = np.ones(len(starts), bool)
    apart[1:] = starts[1:] > ends[:-1]  # a change of cause within production does not end a run
    starts, ends = starts[apart], ends[np.append(apart[1:], True)[: len(ends)]]
    before, after = parts_us[:-1], parts_us[1:]
    run = np.searchsorted(starts, before, "right") - 1
    clean = (run >= 0) & (before < after)
    clean[clean] &= after[clean] <= ends[run[clean]]
    return (after - before)[clean]


def propose(
    cycles_us: NDArray[np.int64],
    parts_per_cycle: int = 1,
    quantile: float = QUANTILE,
    confidence: float = CONFIDENCE,
) -> Proposal | TooFew:
    """A PRI [µs an item] from clean cycles: their `quantile`, between two order statistics.

    The interval is free of any distribution: X(l) to X(u) holds the quantile with P(l <= B < u) >= confidence, B
    binomial with n and the quantile, at most half of the rest on each side (Conover, Practical Nonparametric
    Statistics, 3.2).

    >>> propose(np.arange(100, 200), parts_per_cycle=2)
    Proposal(pri_us=52, low_us=50, high_us=55, cycles=100)
    >>> propose(np.arange(50))
    TooFew(cycles=50, needed=72)
    """
    if parts_per_cycle < 1:
        raise ValueError(f"a cycle makes at least one part, not {parts_per_cycle}")
    n, tail = len(cycles_us), (1 - confidence) / 2
    low = _rank_below(n, quantile, tail)
    high = _rank_above(n, quantile, tail)
    if low == 0 or high > n:
        return TooFew(n, _needed(quantile, tail))
    ordered = np.sort(cycles_us)
    middle = max(1, ceil(quantile * n))
    pri, least, most = (round(int(ordered[rank - 1]) / parts_per_cycle) for rank in (middle, low, high))
    return Proposal(pri, least, most, n)


def _rank_below(n: int, p: float, tail: float) -> int:
    """The greatest l with P(B < l) <= tail, 0 if there is none."""
    below, rank = 0.0, 0
    while rank < n and below + _mass(n, rank, p) <= tail:
        below += _mass(n, rank, p)
        rank += 1
    return rank


def _rank_above(n: int, p: float, tail: float) -> int:
    """The least u with P(B >= u) <= tail; n + 1 if there is none."""
    above, rank = 0.0, n + 1
    while rank > 0 and above + _mass(n, rank - 1, p) <= tail:
        above += _mass(n, rank - 1, p)
        rank -= 1
    return rank


def _mass(n: int, k: int, p: float) -> float:
    """P(B = k) of a binomial, by logarithms: n over k of thousands of cycles is too great for a float."""
    ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return exp(ways + k * log(p) + (n - k) * log1p(-p))


def _needed(p: float, tail: float) -> int:
    """The least n for which the interval has two ends."""
    n = 1
    while _rank_below(n, p, tail) == 0 or _rank_above(n, p, tail) > n:
        n += 1
    return n
