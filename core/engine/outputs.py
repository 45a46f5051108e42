"""Where the compiled fold writes its rows: one buffer with a region for each kind, because every array costs at a call.

Invariant: a region holds `used[kind]` rows; whoever writes has made sure that there is room.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.engine.jit import compiled
from core.facts.schema import COUNT_GAP, COUNTER_EVENT, FACT, GAP_CREDIT, INTERVAL, PROGRAM_INTERVAL

KINDS = (FACT, INTERVAL, PROGRAM_INTERVAL, GAP_CREDIT, COUNTER_EVENT, COUNT_GAP)
FACTS, INTERVALS, PROGRAMS, CREDITS, EVENTS, DOUBTS = range(6)

CAPACITY = 1024
"""Rows that a region holds before it is emptied: some 17 machine-hours of minutes, and facts still fit a cache."""

_WIDTH = np.array([kind.itemsize // 8 for kind in KINDS])
_FIRST = np.cumsum([0, *(CAPACITY * _WIDTH)])


@compiled
def room(used: NDArray[np.int64], kind: int, rows: int) -> bool:
    """Whether a region takes so many rows more."""
    return bool(used[kind] + rows <= CAPACITY)


@compiled
def new_row(out: NDArray[np.int64], used: NDArray[np.int64], kind: int) -> NDArray[np.int64]:
    """The next row of a region, to be filled."""
    first = _FIRST[kind] + used[kind] * _WIDTH[kind]
    used[kind] += 1
    return out[first : first + _WIDTH[kind]]


@dataclass(frozen=True)
class Folded:
    """Rows that came out of the fold; dtypes of core.facts.schema. Facts of one key may stand in several rows."""

    facts: NDArray[np.void]
    intervals: NDArray[np.void]
    programs: NDArray[np.void]
    credits: NDArray[np.void]
    counter_events: NDArray[np.void]
    count_gaps: NDArray[np.void]


class Outputs:
    """The buffer, and the rows already taken out of it."""

    def __init__(self) -> None:
        self.buffer = np.zeros(_FIRST[-1], np.int64)
        self.used = np.zeros(len(KINDS), np.int64)
        self._done: list[list[NDArray[np.void]]] = [[] for _ in KINDS]

    def empty(self) -> bool:
        """Move what is in the buffer out of it; False if there was nothing."""
        if not self.used.any():
            return False
        for kind, rows in enumerate(self.used.tolist()):
            if rows:
                region = self.buffer[_FIRST[kind] : _FIRST[kind] + rows * _WIDTH[kind]]
                self._done[kind].append(region.view(KINDS[kind]).copy())
        self.used[:] = 0
        return True

    def take(self) -> Folded:
        """Everything since the last take."""
        self.empty()
        found = [np.concatenate([np.empty(0, kind), *done]) for done, kind in zip(self._done, KINDS, strict=True)]
        self._done = [[] for _ in KINDS]
        return Folded(*found)
