"""Availability, effectiveness, quality ratio and OEE from sums, with the bounds that missing data leave.

After ISO 22400-2: A = ΣAPT/ΣPBT, E = Σ(PRI·PQ)/ΣAPT, Q = Σ(PRI·GQ)/Σ(PRI·PQ), OEE = A·E·Q = Σ(PRI·GQ)/ΣPBT.
Ratios are formed last and from sums, never averaged; undefined is None with a reason. Nothing is capped at 1.
The bounds are those of docs/en/truth.md: what is not known may have been standstill, or production at `max_rate`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import MEASURES, TIME_COLUMNS
from core.vocabulary import TimeClass

DEFINITION = "stanok-iso22400-1"
"""Id and version of the mapping and the formulas, printed with every result."""

_OUT_OF_PBT = {
    TimeClass.PLANNED_STATE,
    TimeClass.PLANNED_CALENDAR,
    TimeClass.PLANNED_FAILURE,
    TimeClass.APT_OUT,
    TimeClass.AUST_OUT,
    TimeClass.UNKNOWN_OUT,
}
PBT_COLUMNS = tuple(column for column, name in zip(TIME_COLUMNS, TimeClass, strict=True) if name not in _OUT_OF_PBT)
"""Time classes that make up planned busy time."""


@dataclass(frozen=True)
class Gap:
    """A stretch without trusted state, cut to the window and to planned busy time [µs].

    `credit_good_us`: standard time of good parts that the counters booked after it, None if they say nothing;
    `inside`: the whole gap lies in the window.
    """

    busy_us: int
    credit_good_us: int | None
    inside: bool


@dataclass(frozen=True)
class Band:
    """A value [1] with its bounds; all None if undefined, and then `reason` says why."""

    value: float | None
    low: float | None
    high: float | None
    reason: str = ""


@dataclass(frozen=True)
class Kpi:
    """The figures of one machine in one window."""

    availability: Band
    effectiveness: Band
    quality: Band
    oee: Band
    spindle: Band
    coverage: float | None
    parts: int
    parts_good: int


def kpi(facts: NDArray[np.void], gaps: Iterable[Gap], max_rate: float) -> Kpi:
    """KPIs from rows of dtype FACT. `max_rate`: greatest plausible output as a multiple of the standard rate."""
    total = {name: int(facts[name].sum()) for name in MEASURES}
    pbt = sum(total[name] for name in PBT_COLUMNS)
    apt = total["apt"] + total["apt_no_order"]
    unknown = total["unknown"]
    good = total["credit_good_us"] + total["credit_gap_good_us"]
    made = total["credit_total_us"] + total["credit_gap_total_us"]
    unrated = total["parts_no_standard"] > 0
    return Kpi(
        availability=_share(apt, unknown, pbt),
        effectiveness=_exact(made, apt, "no_standard_time" if unrated else "no_production"),
        quality=_exact(good, made, "no_standard_time" if unrated else "no_parts"),
        oee=_undefined("no_standard_time") if unrated else _oee(total, list(gaps), max_rate, pbt, unknown),
        spindle=_share(total["spindle_turning_us"], unknown, pbt),
        coverage=None if pbt == 0 else 1 - unknown / pbt,
        parts=total["parts_total"],
        parts_good=total["parts_good"],
    )


def _undefined(reason: str) -> Band:
    return Band(None, None, None, reason)


def _exact(over: int, under: int, reason: str) -> Band:
    """A ratio that missing data do not move."""
    if under == 0 or reason == "no_standard_time":
        return _undefined(reason)
    return Band(over / under, over / under, over / under)


def _share(part_us: int, unknown_us: int, pbt_us: int) -> Band:
    """A share of PBT: what is unknown may all have been such time, or none of it."""
    if pbt_us == 0:
        return _undefined("no_planned_time")
    return Band(part_us / pbt_us, part_us / pbt_us, (part_us + unknown_us) / pbt_us)


def _oee(total: dict[str, int], gaps: list[Gap], max_rate: float, pbt: int, unknown: int) -> Band:
    """ΣPRI·GQ / PBT, low and high by docs/en/truth.md, Bands."""
    if pbt == 0:
        return _undefined("no_planned_time")
    known = total["credit_good_us"]
    proven = sum(gap.credit_good_us or 0 for gap in gaps if gap.inside)
    extra = sum(_most(gap, max_rate) for gap in gaps)
    base = pbt - unknown + extra / max_rate
    return Band(
        value=(known + total["credit_gap_good_us"]) / pbt,
        low=(known + proven) / pbt,
        high=(known + extra) / base if base > 0 else None,
    )


def _most(gap: Gap, max_rate: float) -> float:
    """The greatest credit that may have been earned in a gap [µs]."""
    plausible = gap.busy_us * max_rate
    return plausible if gap.credit_good_us is None else min(plausible, float(gap.credit_good_us))
