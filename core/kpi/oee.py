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

    `credit_*_us`: standard time of good and of all parts that the counters booked after it, None if they say nothing;
    `inside`: the whole gap and that booking lie in the window; `later`: nothing was booked by the end of the window.
    """

    busy_us: int
    credit_good_us: int | None
    credit_total_us: int | None
    inside: bool
    later: bool


@dataclass(frozen=True)
class Band:
    """A value [1] inside its bounds; all None if undefined, and then `reason` says why."""

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


@dataclass(frozen=True)
class _Credits:
    """Standard time of parts of one kind [µs].

    `known`: surely made in the window; `after_gaps`: booked in it by the first reading after a gap, so made in that gap
    or since; `inside`: proven for gaps that lie wholly in the window; `possible`: the most that the gaps' own time
    allows; `most`: the most that was made in the window and is not known.
    """

    known: int
    after_gaps: int
    inside: int
    possible: float
    most: float

    @property
    def booked(self) -> int:
        return self.known + self.after_gaps


def kpi(facts: NDArray[np.void], gaps: Iterable[Gap], max_rate: float) -> Kpi:
    """KPIs from rows of dtype FACT. `max_rate`: greatest plausible output as a multiple of the standard rate."""
    sums = {name: int(facts[name].sum()) for name in MEASURES}
    pbt = sum(sums[name] for name in PBT_COLUMNS)
    apt = sums["apt"] + sums["apt_no_order"]
    unknown = sums["unknown"]
    found = list(gaps)
    rated = sums["parts_no_standard"] == 0
    good = _credits(sums, "good", [(gap, gap.credit_good_us) for gap in found], max_rate)
    made = _credits(sums, "total", [(gap, gap.credit_total_us) for gap in found], max_rate)
    none = _undefined("no_standard_time")
    return Kpi(
        availability=_share(apt, unknown, pbt),
        effectiveness=_effectiveness(made, apt, unknown, max_rate) if rated else none,
        quality=_quality(good, made) if rated else none,
        oee=_oee(good, pbt, unknown, max_rate) if rated else none,
        spindle=_share(sums["spindle_turning_us"], unknown, pbt),
        coverage=None if pbt == 0 else 1 - unknown / pbt,
        parts=sums["parts_total"],
        parts_good=sums["parts_good"],
    )


def _credits(sums: dict[str, int], kind: str, gaps: list[tuple[Gap, int | None]], max_rate: float) -> _Credits:
    allowed = [_most(gap.busy_us * max_rate, credit) for gap, credit in gaps]
    inside = sum(credit or 0 for gap, credit in gaps if gap.inside)
    after_gaps = sums[f"credit_gap_{kind}_us"]
    later = sum(most for (gap, _), most in zip(gaps, allowed, strict=True) if gap.later)
    return _Credits(
        known=sums[f"credit_{kind}_us"],
        after_gaps=after_gaps,
        inside=inside,
        possible=sum(allowed),
        most=after_gaps + later,
    )


def _most(plausible_us: float, credit_us: int | None) -> float:
    """The greatest credit that may have been earned in a gap [µs]."""
    return plausible_us if credit_us is None else min(plausible_us, float(credit_us))


def _undefined(reason: str) -> Band:
    return Band(None, None, None, reason)


def _held(value: float, low: float, high: float) -> Band:
    """A value inside its band: parts booked after a gap may have been made in it, before the window."""
    high = max(low, high)
    return Band(min(max(value, low), high), low, high)


def _share(part_us: int, unknown_us: int, pbt_us: int) -> Band:
    """A share of PBT: what is unknown may all have been such time, or none of it."""
    if pbt_us == 0:
        return _undefined("no_planned_time")
    return Band(part_us / pbt_us, part_us / pbt_us, (part_us + unknown_us) / pbt_us)


def _at_most(credits: _Credits, known_us: int, max_rate: float) -> float:
    """Standard time by time if gaps held what they can: that is added, together with the time that it takes in them."""
    base = known_us + credits.possible / max_rate
    return (credits.known + credits.most) / base if base else 0.0


def _oee(good: _Credits, pbt: int, unknown: int, max_rate: float) -> Band:
    """ΣPRI·GQ / PBT."""
    if pbt == 0:
        return _undefined("no_planned_time")
    return _held(good.booked / pbt, (good.known + good.inside) / pbt, _at_most(good, pbt - unknown, max_rate))


def _effectiveness(made: _Credits, apt: int, unknown: int, max_rate: float) -> Band:
    """ΣPRI·PQ / ΣAPT."""
    if apt == 0:
        return _undefined("parts_without_runtime" if made.booked else "no_parts")
    high = max(made.known / apt, _at_most(made, apt, max_rate))
    return _held(made.booked / apt, (made.known + made.inside) / (apt + unknown), high)


def _quality(good: _Credits, made: _Credits) -> Band:
    """ΣPRI·GQ / ΣPRI·PQ."""
    if made.booked == 0:
        return _undefined("no_parts")
    low, high = made.known + made.most, made.known + good.most
    return _held(
        good.booked / made.booked,
        (good.known + good.inside) / low if low else 0.0,
        (good.known + good.most) / high if high else 1.0,
    )
