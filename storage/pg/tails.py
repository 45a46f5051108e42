"""What the last commit left standing at the end of each machine's rows, so that the next one writes only what differs.

Every commit brings the intervals of a machine from an instant on anew, and most are those of the commit before.
Invariants: it is known only what a commit of this process wrote, and only while that is the last one: nobody else may
write these rows (storage.pg.commit), and a commit that fails leaves nothing known. What is not known is replaced whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import OPEN_END
from core.units import FAR_US


@dataclass(frozen=True)
class Difference:
    """How stored rows of a table become the new ones."""

    whole: dict[int, int]
    """Machines of which nothing is known: everything from the instant [µs] on goes."""
    gone: NDArray[np.void]
    """Rows that are stored and go."""
    fresh: NDArray[np.void]
    """Rows that come."""


class Tails:
    """Rows of int64 fields, `machine` and `from_us` among them, by name of their table."""

    def __init__(self, machines: int) -> None:
        self._none = np.full(machines, FAR_US)
        self._stored: dict[str, tuple[NDArray[np.void], NDArray[np.int64]]] = {}
        self._written: dict[str, tuple[NDArray[np.void], NDArray[np.int64]]] = {}
        self._booked, self._booking = self._no_booking(), self._no_booking()

    def difference(self, table: str, rows: NDArray[np.void], since_us: Mapping[int, int]) -> Difference:
        """The rows of a commit, which replace those of their machines from the given instants on."""
        now_us = self._none.copy()
        now_us[list(since_us)] = list(since_us.values())
        stored, stored_us = self._stored.pop(table, (rows[:0], self._none))
        self._written[table] = rows, now_us
        known = (stored_us <= now_us) & (now_us < FAR_US)
        old = stored[known[stored["machine"]] & (stored["from_us"] >= now_us[stored["machine"]])]
        return Difference(
            whole={machine: us for machine, us in since_us.items() if not known[machine]},
            gone=old[~_among(old, rows)],
            fresh=rows[~(_among(rows, old) & known[rows["machine"]])],
        )

    def booked(self, gaps: NDArray[np.void], since_us: Mapping[int, int]) -> dict[int, int]:
        """Of the machines whose gaps booked from their instant on, and those that last, are replaced by the given rows
        of COUNT_GAP: those that may have any."""
        (last_us, stored_us), self._booked = self._booked, self._no_booking()
        self._booking = self._no_booking()
        booked_us, from_us = self._booking
        from_us[list(since_us)] = list(since_us.values())
        np.maximum.at(booked_us, gaps["machine"], np.where(gaps["to_us"] == OPEN_END, FAR_US, gaps["booked_us"]))
        return {machine: us for machine, us in since_us.items() if us < stored_us[machine] or us <= last_us[machine]}

    def forget(self, machines: Iterable[int]) -> None:
        """Their rows are changed by other means."""
        which = list(machines)
        for _, since_us in self._stored.values():
            since_us[which] = FAR_US
        self._booked[1][which] = FAR_US

    def _no_booking(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """By machine: the latest that a gap was booked, and from when on that is all there is."""
        return np.zeros_like(self._none), self._none.copy()

    def committed(self) -> None:
        """What was written since the last call is stored."""
        self._stored, self._written = self._written, {}
        self._booked, self._booking = self._booking, self._no_booking()


def _among(rows: NDArray[np.void], others: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which rows are equal to one of the others."""
    there = set(_each(others))
    return np.fromiter((row in there for row in _each(rows)), bool, len(rows))


def _each(rows: NDArray[np.void]) -> list[bytes]:
    found: list[bytes] = np.ascontiguousarray(rows).view(f"V{rows.itemsize}").tolist()
    return found
