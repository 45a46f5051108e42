"""The identity that holds for every closed machine-minute: its time classes fill it, no more and no less.

Checked by tests always, and at run time under Python's development mode (`python -X dev`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.errors import BrokenPromise
from core.facts.rollup import summed
from core.facts.schema import FACT, TIME_COLUMNS
from core.units import MINUTE_US


def check_minutes(minutes: NDArray[np.void]) -> None:
    """BrokenPromise if the time classes of a row do not add up to a minute; one row a machine-minute, dtype FACT."""
    times = sum((minutes[name] for name in TIME_COLUMNS), np.zeros(len(minutes), "i8"))
    wrong = np.flatnonzero(times != MINUTE_US)
    if len(wrong):
        row = minutes[wrong[0]]
        raise BrokenPromise(f"minute {row['minute_us']} of machine {row['machine']} sums to {times[wrong[0]]} µs")


class Ledger:
    """Facts of minutes that are not closed yet, so that each is checked once, and whole."""

    def __init__(self) -> None:
        self._open = np.empty(0, FACT)

    def take(self, facts: NDArray[np.void], closed_until_us: NDArray[np.int64]) -> None:
        """Check the minutes before `closed_until_us` ([machines]) that these facts complete."""
        rows = summed(np.concatenate([self._open, facts]), ("machine", "minute_us"))
        closed = rows["minute_us"] < closed_until_us[rows["machine"]]
        check_minutes(rows[closed])
        self._open = rows[~closed]
