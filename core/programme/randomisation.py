"""How sure an effect is with few plants: what would the estimate be had the starts been drawn by other plants?

Within each stratum the starts change hands among plants; the estimate of each such draw shows what chance does with
these very plants, their shocks and the serial correlation in them, without any assumption about either. The p-value
is the share of draws at least as far from 0. The interval holds every effect that is not rejected once it is taken off
the treated weeks: the same hours in each (`constant`), or the same share of what was made in each (`proportional`).
It is exact, for such effects, when who started when does not depend on how the plants would have gone on without it
(R. A. Fisher 1935); where plants gain different amounts it is wider than needed for these plants.
Invariants: the p-value is never 0; the interval always holds the estimate; the same seed gives the same answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import factorial, floor, inf, prod

import numpy as np

from core.programme.grouptime import Floats, Ints, Panel, after, estimate

DRAWS = 1999
"""Draws beside the real one: the end points of a 95 % interval then rest on a hundred of them."""
LEVEL = 0.95

Weigh = Callable[[Panel], Floats | None]


@dataclass(frozen=True)
class Certainty:
    """Estimates with intervals, p-values, and the spread of chance once the estimate is taken off; all of one shape."""

    value: Floats
    low: Floats
    high: Floats
    p: Floats
    se: Floats


def assignments(panel: Panel) -> int:
    """In how many different ways the starts can change hands within the strata."""
    ways = 1
    for stratum in set(panel.strata.tolist()):
        starts = Counter(panel.starts[panel.strata == stratum].tolist())
        ways *= factorial(starts.total()) // prod(factorial(count) for count in starts.values())
    return ways


def draw(panel: Panel, seed: int, count: int = DRAWS) -> Ints:
    """int64 (draws, plants): whose start each plant gets."""
    rng = np.random.default_rng(seed)
    orders = np.tile(np.arange(panel.plants), (count, 1))
    for stratum in np.unique(panel.strata):
        members = np.flatnonzero(panel.strata == stratum)
        orders[:, members] = rng.permuted(orders[:, members], axis=1)
    return orders


def reassigned(panel: Panel, weigh: Weigh, outcome: Floats, orders: Ints) -> Floats:
    """The estimates (draws, ...) of outcomes (..., plants, weeks) if the starts had been drawn so.

    If everything was observed, a plant's weights depend on its start only, so a draw hands them round.
    """
    if panel.observed.all():
        weights = weigh(panel)
        if weights is None:
            return np.full((len(orders), *outcome.shape[:-2]), np.nan)
        scores = np.einsum("...pt,qt->...pq", outcome, weights, optimize=True)
        given = np.zeros((len(orders), panel.plants, panel.plants))
        np.put_along_axis(given, orders[:, :, None], 1.0, axis=2)
        return np.asarray(np.tensordot(given, scores, axes=((1, 2), (-2, -1))))
    drawn = [weigh(replace(panel, starts=panel.starts[order])) for order in orders]
    nothing = np.full(outcome.shape[:-2], np.nan)
    return np.array([nothing if weights is None else estimate(weights, outcome) for weights in drawn])


def certainty(
    panel: Panel, weigh: Weigh, outcome: Floats, orders: Ints, pattern: Floats, level: float = LEVEL
) -> Certainty:
    """Estimate, interval and p-value of outcomes (..., plants, weeks). ValueError if nothing can be compared.

    `pattern` (plants, weeks), or of the shape of the outcomes: what the effect is, but for its size. Its own estimate
    must be positive.
    """
    weights = weigh(panel)
    if weights is None:
        raise ValueError("no plant that started can be compared with one that had not")
    value, drawn = estimate(weights, outcome), reassigned(panel, weigh, outcome, orders)
    gain, moved = estimate(weights, pattern), reassigned(panel, weigh, pattern, orders)
    usable = np.isfinite(drawn).all(axis=tuple(range(1, drawn.ndim)))
    drawn, moved = drawn[usable], moved[usable]
    moved = moved.reshape(-1, *[1] * (drawn.ndim - moved.ndim), *moved.shape[1:])
    low, high = _interval(value, drawn, gain, moved, level)
    beyond = np.abs(drawn) >= np.abs(value) * (1 - 1e-12)
    chance = (drawn - moved * value / gain).std(axis=0)
    return Certainty(value, low, high, (1 + beyond.sum(axis=0)) / (1 + len(drawn)), chance)


def constant(panel: Panel, skip: int) -> Floats:
    """An effect of the same size in every treated week of every plant: for shares of time."""
    return after(panel, skip)


def proportional(panel: Panel, outcome: Floats, skip: int) -> Floats:
    """The same share of what is made in every treated week: a faster machine makes much more of much."""
    return np.where(after(panel, skip) > 0, np.nan_to_num(outcome), 0.0)


def _interval(value: Floats, drawn: Floats, gain: Floats, moved: Floats, level: float) -> tuple[Floats, Floats]:
    """The effects that are not rejected. A draw speaks for δ = s·gain where |drawn − s·moved| ≥ |value − s·gain|.

    For |moved| < gain that is the stretch between two roots, which holds the estimate; a draw that moves as much as
    the real one speaks for every δ.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = gain * (value - drawn) / (gain - moved), gain * (value + drawn) / (gain + moved)
    narrow = np.abs(moved) < gain * (1 - 1e-9)
    lows = np.where(narrow, np.minimum(one, other), -inf)
    highs = np.where(narrow, np.maximum(one, other), inf)
    rank = floor((1 - level) * (len(drawn) + 1) + 1e-9)
    if rank < 1:
        return np.full(value.shape, -inf), np.full(value.shape, inf)
    return np.partition(lows, rank - 1, axis=0)[rank - 1], np.partition(highs, -rank, axis=0)[-rank]
