"""What is settled before and after the numbers: the effect that can be seen at all, several outcomes, payback.

All are intervals carried on, never new evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from core.programme.grouptime import Floats, Ints, Panel
from core.programme.randomisation import Weigh, reassigned
from core.programme.student import t_quantile

POWER = 0.8
"""Chance of seeing an effect of this size, as usual in planning."""


def detectable(error: float, freedom: float = inf, level: float = 0.95, power: float = POWER) -> float:
    """The smallest effect that a study with this standard error would show with 80 % chance; about 2.8 errors.

    >>> round(detectable(1.0), 2)
    2.8
    """
    return (t_quantile((1 + level) / 2, freedom) + t_quantile(power, freedom)) * error


def planned_error(panel: Panel, weigh: Weigh, history: Floats, orders: Ints) -> float | None:
    """The standard error that a planned design would have, were the coming weeks like these (plants, weeks) of history.

    The plan is laid over the history, in which nothing happened, and drawn again and again; None if it does not fit
    in.
    """
    drawn = reassigned(panel, weigh, history, orders)
    found = drawn[np.isfinite(drawn)]
    return float(np.sqrt((found**2).mean())) if len(found) > 1 else None


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values of several outcomes, so adjusted that a false one among all is as rare as the level says (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        least = min(1.0, max(least, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = least
    return adjusted


@dataclass(frozen=True)
class Economy:
    """What payback needs beside the effect: cost, margin a standard hour, more running cost a year, in one currency.

    `calendar_hours`: of the cells, a year. `sold`: share of additional output that orders take up [1].
    """

    cost: float
    margin_per_hour: float
    more_cost_per_year: float
    calendar_hours: float
    sold: float


@dataclass(frozen=True)
class Payback:
    """Years until the cost has come back, at the estimate and the ends of its interval; None: it does not."""

    years: float | None
    soonest: float | None
    latest: float | None


def payback(economy: Economy, value: float, low: float, high: float) -> Payback:
    """Cost / (Δh · margin − ΔOPEX), Δh = effect · calendar hours · share that is sold (programmes.md §4.6).

    If a low effect earns nothing, the latest is None, "not reached". A `sold` share outside 0 to 1 is refused.

    >>> payback(Economy(1000.0, 10.0, 0.0, 1000.0, 1.0), 0.1, 0.0, 0.2)
    Payback(years=1.0, soonest=0.5, latest=None)
    """
    if not 0 <= economy.sold <= 1:
        raise ValueError(f"the share that is sold lies between 0 and 1, not {economy.sold}")
    return Payback(_years(economy, value), _years(economy, high), _years(economy, low))


def _years(economy: Economy, effect: float) -> float | None:
    hours = effect * economy.calendar_hours * economy.sold
    gain = hours * economy.margin_per_hour - economy.more_cost_per_year
    return economy.cost / gain if gain > 0 else None
