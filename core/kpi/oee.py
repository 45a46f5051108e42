"""Availability, effectiveness, quality ratio and OEE from sums, with the bounds that missing data leave.

After ISO 22400-2: A = ΣAPT/ΣPBT, E = Σ(PRI·PQ)/ΣAPT, Q = Σ(PRI·GQ)/Σ(PRI·PQ), OEE = A·E·Q = Σ(PRI·GQ)/ΣPBT.
Ratios are formed last and from sums, never averaged; undefined is None with a reason. Nothing is capped at 1.
The bounds are those of docs/en/truth.md: what is not known may have been standstill, or production at `max_rate`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import TIME_COLUMNS
from core.kpi.band import Band, Reason, held, share, undefined
from core.kpi.counts import CERTAIN, CountGap, Doubt, doubt_of
from core.kpi.sums import Sums, sums_of
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
    `inside`: the whole gap and that booking lie in the window; `later`: nothing was booked by the end of the window;
    `since`: it was booked in the window, but after the gap's end, so it may all have been made in time that is known;
    `out_us`: its time in the window outside planned busy time, which only figures over calendar time ask for;
    `known`: a gap of one of several sources, so it takes no unknown time by itself.
    `part_us`: the greatest standard time of a part, for one may have been begun before the gap.
    """

    busy_us: int
    credit_good_us: int | None
    credit_total_us: int | None
    inside: bool
    later: bool
    out_us: int = 0
    since: bool = False
    known: bool = False
    part_us: int = 0


@dataclass(frozen=True)
class Kpi:
    """The figures of one machine in one window."""

    availability: Band
    effectiveness: Band
    quality: Band
    oee: Band
    spindle: Band
    coverage: float | None
    spindle_coverage: float | None
    parts: int
    parts_good: int


@dataclass(frozen=True)
class Credits:
    """Standard time of parts of one kind [µs].

    `known`: surely made in the window; `after_gaps`: booked in it by the first reading after a gap, so made in that gap
    or since; `inside`: proven for gaps that lie wholly in the window; `possible`: the most that the gaps' own time
    allows; `confined`: that of gaps that hold what was booked, as nothing was booked between their end and the
    window's, without a part that was begun before; `most`: the most that was made in the window and is not known;
    `less`, `more`: by how much what was booked may differ from what was made, because counters do not say it.
    """

    known: int
    after_gaps: int
    inside: int
    possible: float
    confined: float
    most: float
    less: float = 0.0
    more: float = 0.0

    @property
    def booked(self) -> int:
        """All credits booked in the window."""
        return self.known + self.after_gaps

    @property
    def low(self) -> float:
        """What was made at least."""
        return max(0.0, self.known + self.inside - self.less)

    @property
    def high(self) -> float:
        """What was made at most."""
        return self.known + self.most + self.more


@dataclass(frozen=True)
class Output:
    """What was made: credits of good parts and of all parts, the greatest plausible rate, and whether all are rated.

    `rated` is False if a part was made by a program without a standard time: then nothing that rests on standard
    times is defined. `doubt`: what counters leave open.
    """

    good: Credits
    made: Credits
    max_rate: float
    rated: bool
    doubt: Doubt = CERTAIN


def output(
    sums: Sums, gaps: Iterable[Gap], max_rate: float, counts: Sequence[CountGap] = (), *, calendar: bool = False
) -> Output:
    """The output behind some sums. `max_rate`: greatest plausible output as a multiple of the standard rate.

    `counts`: gaps of scope `count`. `calendar`: gaps count with their whole time, for figures over calendar time.
    """
    gaps, doubt = list(gaps), doubt_of(counts, max_rate)
    scrapped = _scrapped(sums, gaps)
    doubt = replace(
        doubt,
        good_less=doubt.good_less + scrapped,
        good_more=doubt.good_more + scrapped,
        scrap_more=doubt.scrap_more + scrapped,
    )
    lengths = [(gap, gap.busy_us + (gap.out_us if calendar else 0)) for gap in gaps]
    good = [(gap, length, gap.credit_good_us) for gap, length in lengths]
    made = [(gap, length, gap.credit_total_us) for gap, length in lengths]
    return Output(
        good=_credits(sums.credit_good_us, sums.credit_gap_good_us, good, max_rate, (doubt.good_less, doubt.good_more)),
        made=_credits(
            sums.credit_total_us, sums.credit_gap_total_us, made, max_rate, (doubt.total_less, doubt.total_more)
        ),
        max_rate=max_rate,
        rated=sums.parts_no_standard == 0,
        doubt=doubt,
    )


def kpi(
    facts: NDArray[np.void],
    gaps: Iterable[Gap],
    max_rate: float,
    counts: Sequence[CountGap] = (),
    unseen_us: int = 0,
    by_speed_us: int = 0,
    *,
    counted: bool = True,
    spindle: bool = True,
) -> Kpi:
    """KPIs from rows of dtype FACT. `max_rate`: greatest plausible output as a multiple of the standard rate.

    `counts`: gaps of scope `count`. PBT in which the state is known, but not whether a spindle turns: `unseen_us`, none
    is seen to; `by_speed_us`, one does by its speed alone. `counted`, `spindle`: whether the machine counts its parts,
    and says if a spindle turns; what rests on that is undefined otherwise.
    """
    silent = undefined(Reason.NO_SIGNAL)
    turning, doubtful = int(facts["spindle_turning_us"].sum()), unseen_us + by_speed_us
    sums = sums_of(facts)
    made = output(sums, gaps, max_rate, counts)
    return Kpi(
        availability=availability(sums),
        effectiveness=effectiveness(sums, made) if counted else silent,
        quality=quality(made) if counted else silent,
        oee=oee(sums, made) if counted else silent,
        spindle=_spindle(turning, sums.unknown + unseen_us, by_speed_us, sums.pbt) if spindle else silent,
        coverage=sums.coverage,
        spindle_coverage=1 - (sums.unknown + doubtful) / sums.pbt if sums.pbt and spindle else None,
        parts=sums.parts_total,
        parts_good=sums.parts_good,
    )


def _spindle(turning: int, unknown: int, doubtful: int, pbt: int) -> Band:
    """Spindle utilization: `unknown` time may be more of it, `doubtful` turning time none [all µs]."""
    found = share(turning, unknown, pbt)
    return found if found.low is None else replace(found, low=max(0, turning - doubtful) / pbt)


def availability(sums: Sums) -> Band:
    """APT / PBT [1]; ISO 22400-2 availability.

    >>> availability(Sums(apt=280, aust=40, adet_stop=50, adet_idle=20, adot_idle=60)).value
    0.6222222222222222
    """
    return share(sums.producing, sums.unknown, sums.pbt)


def effectiveness(sums: Sums, made: Output) -> Band:
    """Σ PRI·PQ / Σ APT [1]; ISO 22400-2 effectiveness. Above 1 the standard time is too generous; kept as it is."""
    return of_running(made.made, sums.producing, sums.unknown, made)


def quality(made: Output) -> Band:
    """Σ PRI·GQ / Σ PRI·PQ [1], weighted by standard hours and not by pieces, so that A·E·Q telescopes."""
    if not made.rated:
        return undefined(Reason.NO_STANDARD_TIME)
    good, every = made.good, made.made
    if every.booked == 0:
        return undefined(Reason.NO_PARTS)
    # As few good parts and as much scrap as may be, and the other way round.
    most_scrap = max(0.0, every.known + every.most - good.known - good.inside + made.doubt.scrap_more)
    least_scrap = max(0.0, every.known - good.known - made.doubt.scrap_less)
    low, high = good.low + most_scrap, good.high + least_scrap
    return held(
        good.booked / every.booked,
        good.low / low if low else 0.0,
        good.high / high if high else 1.0,
    )


def oee(sums: Sums, made: Output) -> Band:
    """Σ PRI·GQ / Σ PBT = A·E·Q [1]; ISO 22400-2 OEE index, bounds of docs/en/truth.md."""
    return of_base(made.good, sums.pbt, sums.unknown, made)


def of_base(
    credits: Credits, base_us: int, unknown_us: int, made: Output, reason: Reason = Reason.NO_PLANNED_TIME
) -> Band:
    """Standard time by a base that holds the unknown time [µs]; `reason`: what a base of 0 means."""
    if base_us == 0:
        return undefined(reason)
    if not made.rated:
        return undefined(Reason.NO_STANDARD_TIME)
    return held(credits.booked / base_us, credits.low / base_us, _at_most(credits, base_us - unknown_us, made.max_rate))


def of_running(credits: Credits, running_us: int, unknown_us: int, made: Output) -> Band:
    """Standard time by a running time that does not hold the unknown time [µs]."""
    if not made.rated:
        return undefined(Reason.NO_STANDARD_TIME)
    if running_us == 0:
        return undefined(Reason.PARTS_WITHOUT_RUNTIME if credits.booked else Reason.NO_PARTS)
    high = max(credits.known + credits.more, credits.high / (1 + credits.confined / made.max_rate / running_us))
    high /= running_us
    return held(credits.booked / running_us, credits.low / (running_us + unknown_us), high)


def _scrapped(sums: Sums, gaps: Iterable[Gap]) -> int:
    """Standard time of parts that the first reading after a gap tells to be scrap, where the gap and that reading are
    not both in the window: they may be parts of it, or of the time before it."""
    inside = [gap for gap in gaps if gap.inside]
    made = sums.credit_gap_total_us - sum(gap.credit_total_us or 0 for gap in inside)
    good = sums.credit_gap_good_us - sum(gap.credit_good_us or 0 for gap in inside)
    return max(0, made - good)


def _credits(
    known: int,
    after_gaps: int,
    gaps: list[tuple[Gap, int, int | None]],
    max_rate: float,
    doubt: tuple[float, float],
) -> Credits:
    allowed = [_most(length * max_rate, credit) for _, length, credit in gaps]
    later = sum(_most(length * max_rate + gap.part_us, credit) for gap, length, credit in gaps if gap.later)
    return Credits(
        known=known,
        after_gaps=after_gaps,
        inside=sum(credit or 0 for gap, _, credit in gaps if gap.inside),
        possible=sum(most for (gap, _, _), most in zip(gaps, allowed, strict=True) if not gap.known),
        confined=sum(
            max(0.0, most - gap.part_us)
            for (gap, _, _), most in zip(gaps, allowed, strict=True)
            if not (gap.since or gap.known)
        ),
        most=after_gaps + later,
        less=doubt[0],
        more=doubt[1],
    )


def _most(plausible_us: float, credit_us: int | None) -> float:
    """The greatest credit that may have been earned in a gap [µs]."""
    return plausible_us if credit_us is None else min(plausible_us, float(credit_us))


def _at_most(credits: Credits, known_us: int, max_rate: float) -> float:
    """Standard time by time if gaps held what they can: that is added, together with the time that it takes in them."""
    base = known_us + credits.possible / max_rate
    return credits.high / base if base else 0.0
