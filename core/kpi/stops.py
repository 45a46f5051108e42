"""Stops over stored intervals: micro-stops, flapping, smoothing. Each is one declared pass over what is stored.

Invariants: the passes look at stored intervals only, all of them at once, so neither the order of the rows nor a second
application changes anything; they never change what is stored. A stop is a stretch of idle and unplanned_stop without
interruption, whatever its causes; UNKNOWN ends it and leaves open whether it was short.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import OPEN_END
from core.plant.calendar import Segments, Span
from core.units import SECOND_US
from core.vocabulary import Situation, State

_STANDING = (State.IDLE, State.UNPLANNED_STOP)


@dataclass(frozen=True)
class MicroRule:
    """A stop is short below min(`longest_us`, `share` · PRI); without a known PRI below `longest_us`.

    120 s alone would be too long a limit for a part of 20 s, so the cycle counts too.
    """

    longest_us: int = 120 * SECOND_US
    share: float = 0.5

    def limit_us(self, pri_us: int) -> float:
        """The limit at a standard time [µs], 0 if none is known.

        >>> MicroRule().limit_us(20_000_000), MicroRule().limit_us(3 * 3_600_000_000), MicroRule().limit_us(0)
        (10000000.0, 120000000, 120000000)
        """
        return min(self.longest_us, self.share * pri_us) if pri_us else self.longest_us


@dataclass(frozen=True)
class Stop:
    """A stretch of standing [from_us, to_us) in UTC µs; `micro`: shorter than the limit, and both ends are known."""

    from_us: int
    to_us: int
    micro: bool


def stops(
    intervals: NDArray[np.void],
    programs: NDArray[np.void],
    pri_us: Mapping[int, int],
    as_of_us: int,
    rule: MicroRule = MicroRule(),
) -> list[Stop]:
    """The stops of one machine, in order of time, open ones up to `as_of_us`.

    `intervals`: rows of dtype INTERVAL; `programs`: rows of dtype PROGRAM_INTERVAL; `pri_us`: standard time by program.
    The program selected when a stop begins gives its limit. Overlapping rows are refused with ValueError.
    """
    rows = _in_order(intervals, as_of_us)
    found: list[Stop] = []
    for first, last in _runs(rows, [row[2] in _STANDING for row in rows]):
        begin, end = rows[first][0], rows[last][1]
        limit = rule.limit_us(pri_us.get(_program_at(programs, begin), 0))
        found.append(Stop(begin, end, end - begin < limit and _known_ends(rows, first, last)))
    return found


def _in_order(intervals: NDArray[np.void], as_of_us: int) -> list[tuple[int, int, int]]:
    """(from, to, state) sorted and not empty, open ends closed at `as_of_us`."""
    ends = np.where(intervals["to_us"] == OPEN_END, as_of_us, np.minimum(intervals["to_us"], as_of_us))
    columns = (intervals["from_us"].tolist(), ends.tolist(), intervals["state"].tolist())
    rows = sorted(row for row in zip(*columns, strict=True) if row[0] < row[1])
    for before, after in pairwise(rows):
        if after[0] < before[1]:
            raise ValueError(f"intervals from {before[0]} and from {after[0]} overlap; are they of one machine?")
    return rows


def _runs(rows: list[tuple[int, int, int]], wanted: list[bool]) -> list[tuple[int, int]]:
    """First and last position of each run of wanted rows that touch."""
    runs: list[tuple[int, int]] = []
    for at, holds in enumerate(wanted):
        if not holds:
            continue
        if runs and runs[-1][1] == at - 1 and rows[at - 1][1] == rows[at][0]:
            runs[-1] = (runs[-1][0], at)
        else:
            runs.append((at, at))
    return runs


def _known_ends(rows: list[tuple[int, int, int]], first: int, last: int) -> bool:
    """Whether known, other states touch the run on both sides; otherwise it may be longer than it looks."""
    before, after = first - 1, last + 1
    if before < 0 or after >= len(rows):
        return False
    touching = rows[before][1] == rows[first][0] and rows[after][0] == rows[last][1]
    return touching and State.UNKNOWN not in (rows[before][2], rows[after][2])


def _program_at(programs: NDArray[np.void], at_us: int) -> int:
    """The program selected at an instant, 0 if none."""
    holds = (programs["from_us"] <= at_us) & ((programs["to_us"] > at_us) | (programs["to_us"] == OPEN_END))
    return int(programs["program"][holds][0]) if holds.any() else 0


_MICRO_CELL = {
    (State.IDLE, Situation.BUSY): "adet_idle_micro",
    (State.UNPLANNED_STOP, Situation.BUSY): "adet_stop_micro",
    (State.IDLE, Situation.BUSY_NO_ORDER): "adot_idle_micro",
    (State.UNPLANNED_STOP, Situation.BUSY_NO_ORDER): "adot_stop_micro",
}


def micro_time(
    intervals: NDArray[np.void], found: list[Stop], calendar: Segments, from_us: int, to_us: int
) -> dict[str, int]:
    """µs of micro-stops in [from_us, to_us) by cell (`core.kpi.sums.Sums` fields `*_micro`).

    `calendar` covers the window; a micro-stop is a whole stop, also where a shift or the window cuts it.
    """
    cells = dict.fromkeys(_MICRO_CELL.values(), 0)
    short = [(max(stop.from_us, from_us), min(stop.to_us, to_us)) for stop in found if stop.micro]
    standing = [row for row in _in_order(intervals, to_us) if row[2] in _STANDING]
    parts = [(*span, standing[at][2]) for span, _, at in overlaps(short, [row[:2] for row in standing])]
    starts = calendar.start_us.tolist()
    segments = list(zip(starts, [*starts[1:], to_us], strict=True))
    for (begin, end), at, segment in overlaps([part[:2] for part in parts], segments):
        cell = _MICRO_CELL.get((State(parts[at][2]), Situation(int(calendar.situation[segment]))))
        if cell:
            cells[cell] += end - begin
    return cells


def overlaps(first: Sequence[Span], second: Sequence[Span]) -> Iterator[tuple[Span, int, int]]:
    """(common span, position in first, position in second) of two lists of spans, each sorted and disjoint.

    >>> list(overlaps([(0, 5), (7, 9)], [(3, 8)]))
    [((3, 5), 0, 0), ((7, 8), 1, 0)]
    """
    i = j = 0
    while i < len(first) and j < len(second):
        begin, end = max(first[i][0], second[j][0]), min(first[i][1], second[j][1])
        if begin < end:
            yield (begin, end), i, j
        if first[i][1] <= second[j][1]:
            i += 1
        else:
            j += 1


def smoothed(intervals: NDArray[np.void], shortest_us: int) -> list[tuple[int, int, int]]:
    """(from, to, state) for display: neighbours of one state joined, then whatever is shorter than `shortest_us` joined
    to the last longer one before it. Lengths are judged once, on what is stored; UNKNOWN neither takes nor is taken.

    What is stored and counted does not change. Open intervals are left out.
    """
    closed = intervals[intervals["to_us"] != OPEN_END]
    joined = _joined(_in_order(closed, int(closed["to_us"].max(initial=0))))
    out: list[tuple[int, int, int]] = []
    long = False
    for begin, end, state in joined:
        touching = bool(out) and out[-1][1] == begin
        short = end - begin < shortest_us and state != State.UNKNOWN
        if short and long and touching and out[-1][2] != State.UNKNOWN:
            out[-1] = (out[-1][0], end, out[-1][2])
            continue
        long = not short
        out.append((begin, end, state))
    return _joined(out)


def _joined(rows: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Neighbours of one state as one."""
    out: list[tuple[int, int, int]] = []
    for begin, end, state in rows:
        if out and out[-1][1] == begin and out[-1][2] == state:
            out[-1] = (out[-1][0], end, state)
        else:
            out.append((begin, end, state))
    return out


def flaps(intervals: NDArray[np.void], shortest_us: int) -> int:
    """How many times a state lasted less than `shortest_us` and then gave way to the state before it."""
    closed = intervals[intervals["to_us"] != OPEN_END]
    rows = _joined(_in_order(closed, int(closed["to_us"].max(initial=0))))
    triples = zip(rows, rows[1:], rows[2:], strict=False)
    return sum(
        before[1] == middle[0]
        and middle[1] == after[0]
        and before[2] == after[2]
        and State.UNKNOWN not in (before[2], middle[2])
        and middle[1] - middle[0] < shortest_us
        for before, middle, after in triples
    )
