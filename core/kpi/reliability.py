"""Failures, MTBF and MTTR from state intervals (ISO 22400-2: FE, TBF, TTR).

Invariants: only the state unplanned_stop is a failure, wherever the calendar puts it; setup and planned stops are none.
Time between failures is operating time (producing and setup), without delays and without calendar pauses. Sums are
additive over windows: a failure with its repair belongs to the window in which it began.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import OPEN_END
from core.kpi.band import Band, Reason, undefined
from core.vocabulary import State

_OPERATING = (State.PRODUCING, State.SETUP)


@dataclass(frozen=True)
class Failures:
    """Failure events [1] that began in a window, their repair time [µs], and the operating time at risk [µs].

    `repaired`: those that ended; `repair_us` is theirs. `unknown_us`: time of the window in which failures would not
    have been seen.
    """

    events: int = 0
    repaired: int = 0
    repair_us: int = 0
    operating_us: int = 0
    unknown_us: int = 0

    def __add__(self, other: Failures) -> Failures:
        return Failures(
            self.events + other.events,
            self.repaired + other.repaired,
            self.repair_us + other.repair_us,
            self.operating_us + other.operating_us,
            self.unknown_us + other.unknown_us,
        )


def failures(intervals: NDArray[np.void], from_us: int, to_us: int, shortest_us: int = 0) -> Failures:
    """Failures of one machine in [from_us, to_us), from all of its intervals (rows of dtype INTERVAL) that touch it.

    One event lasts from the first unplanned_stop until the machine produces or is set up again: a control that is
    switched off during its repair does not fail twice. Events shorter than `shortest_us` do not count.
    Intervals up to the present are needed for repairs that end after the window; those that have not ended are open.
    """
    found = [event for event in events(intervals) if from_us <= event[0] < to_us]
    ended = [end - begin for begin, end in found if end != OPEN_END]
    counted = [us for us in ended if us >= shortest_us]
    return Failures(
        events=len(counted) + len(found) - len(ended),
        repaired=len(counted),
        repair_us=sum(counted),
        operating_us=_time_in(intervals, _OPERATING, from_us, to_us),
        unknown_us=_time_in(intervals, (State.UNKNOWN,), from_us, to_us),
    )


def events(intervals: NDArray[np.void]) -> list[tuple[int, int]]:
    """(begin, end) of every failure event; end OPEN_END while the machine has not operated again.

    The end is that of the last unplanned_stop before operation, so waiting for an operator afterwards is no repair.
    """
    found: list[tuple[int, int]] = []
    failed = False
    for row in np.sort(intervals, order="from_us"):
        if row["state"] == State.UNPLANNED_STOP:
            if failed:
                found[-1] = (found[-1][0], int(row["to_us"]))
            else:
                found.append((int(row["from_us"]), int(row["to_us"])))
            failed = True
        elif row["state"] in _OPERATING:
            failed = False
    return found


def _time_in(intervals: NDArray[np.void], states: tuple[State, ...], from_us: int, to_us: int) -> int:
    rows = intervals[np.isin(intervals["state"], states)]
    ends = np.where(rows["to_us"] == OPEN_END, to_us, rows["to_us"])
    return int(np.maximum(0, np.minimum(ends, to_us) - np.maximum(rows["from_us"], from_us)).sum())


def mtbf(found: Failures, *, censored: bool = False) -> Band:
    """Mean operating time between failures [µs]: operating time / failures.

    Without a failure it is undefined, and more than the observed operating time (`low`). Unknown time can have added
    operating time, or have hidden failures: then only 0 bounds it below. `censored`: divide by failures + 1, as the
    published text of ISO 22400-2 is said to do; one stretch more than failures is observed.

    >>> mtbf(Failures(events=2, operating_us=300)).value
    150.0
    >>> mtbf(Failures(events=0, operating_us=300))
    Band(value=None, low=300, high=None, reason=<Reason.NO_FAILURES: 'no_failures'>)
    """
    if found.events == 0:
        return undefined(Reason.NO_FAILURES, None if found.unknown_us else found.operating_us)
    divisor = found.events + censored
    value = found.operating_us / divisor
    return Band(value, 0.0 if found.unknown_us else value, (found.operating_us + found.unknown_us) / divisor)


def mttr(found: Failures) -> Band:
    """Mean time to repair [µs] of the failures that ended; an open one can only lengthen it, by nobody knows how much.

    >>> mttr(Failures(events=2, repaired=2, repair_us=90)).value
    45.0
    """
    if found.repaired == 0:
        return undefined(Reason.NO_REPAIRS if found.events else Reason.NO_FAILURES)
    value = found.repair_us / found.repaired
    open_ones = found.events > found.repaired
    return Band(value, found.repair_us / found.events, None if open_ones else value)
