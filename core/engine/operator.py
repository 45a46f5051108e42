"""What people told of machines, as far as it changes what is folded: repairs and scrap parts.

Invariants:
- A repair is the union of the reasons of class repair that are in effect: it begins and ends at their edges.
- Scrap parts act at their instant. Neither waits for the end of a gap: people tell what the machine could not.
- What is folded is a function of the entries in effect, not of the order in which they came.
Pure: every instant is an argument.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.samples.entries import Entry
from core.samples.order import Columns
from core.vocabulary import OTHER_RANK, SIGNAL_RANK, Role

_REPAIR, _SCRAP = int(Role.REPAIR), int(Role.SCRAP_ENTRY)


@dataclass(frozen=True)
class Told:
    """An entry in effect, in positions of a plant: a repair, or `parts` of `program` (0: the selected one)."""

    id: str
    machine: int
    from_us: int
    to_us: int
    parts: int
    program: int


def told_of(entry: Entry, machine: int) -> Told | None:
    """What an entry changes in the fold, None for a reason that only explains."""
    if not entry.repairs and not entry.parts:
        return None
    return Told(entry.takes_back or entry.id, machine, entry.from_us, entry.to_us, entry.parts, entry.program_id)


class OperatorLog:
    """Entries in effect, as far back as they may still matter."""

    def __init__(self, told: Iterable[Told] = ()) -> None:
        self._told: dict[int, dict[str, Told]] = defaultdict(dict)
        self.load(told)

    def load(self, told: Iterable[Told]) -> None:
        """Take in entries that are in effect."""
        for entry in told:
            self._told[entry.machine][entry.id] = entry

    def add(self, told: Told) -> bool:
        """An entry takes effect; False if it has already."""
        new = told.id not in self._told[told.machine]
        self._told[told.machine][told.id] = told
        return new

    def take_back(self, told: Told) -> None:
        """An entry holds no more."""
        self._told[told.machine].pop(told.id, None)

    def forget(self, before_us: Mapping[int, int]) -> None:
        """Drop what ended before the given instants of its machine; it is stored."""
        for machine, since_us in before_us.items():
            if machine in self._told:
                kept = {told.id: told for told in self._told[machine].values() if told.to_us >= since_us}
                self._told[machine] = kept

    def between(self, at_us: NDArray[np.int64], until_us: NDArray[np.int64], words: NDArray[np.int8]) -> list[Columns]:
        """What takes effect in [at, until) of each machine ([machines]), as samples; nothing where `at` is below 0.

        `words`: the state inputs of the machines at `at` ([machines, inputs]). Where they say otherwise than the
        entries, which may have changed since, they are put right at `at`.
        """
        repairing = words[:, _REPAIR] == 1
        rows: set[tuple[int, int, int, int, int, int]] = set()
        for machine in {*self._told, *np.flatnonzero(repairing).tolist()}:
            begin_us = int(at_us[machine])
            if begin_us >= 0:
                if self._repairs(machine, begin_us) != repairing[machine]:
                    rows.add(self._edge(machine, begin_us))
                rows |= self._of(machine, begin_us, int(until_us[machine]))
        return [_columns(sorted(rows))] if rows else []

    def _of(self, machine: int, begin_us: int, end_us: int) -> set[tuple[int, int, int, int, int, int]]:
        rows = set()
        for told in self._told.get(machine, {}).values():
            if told.parts and begin_us <= told.from_us < end_us:
                rows.add((machine, told.from_us, _SCRAP, told.parts, told.program, _number(told.id)))
            elif not told.parts:
                edges = [us for us in (told.from_us, told.to_us) if begin_us <= us < end_us]
                rows |= {self._edge(machine, us) for us in edges}
        return rows

    def _edge(self, machine: int, at_us: int) -> tuple[int, int, int, int, int, int]:
        return machine, at_us, _REPAIR, int(self._repairs(machine, at_us)), 0, -1

    def _repairs(self, machine: int, at_us: int) -> bool:
        found = self._told.get(machine, {}).values()
        return any(not told.parts and told.from_us <= at_us < told.to_us for told in found)


def _number(entry_id: str) -> int:
    """What tells two entries of one instant apart and gives them an order."""
    return int(entry_id, 16) % (1 << 62)


def _columns(rows: list[tuple[int, int, int, int, int, int]]) -> Columns:
    machine, at_us, role, value, key, seq = np.array(rows, "i8").reshape(-1, 6).T
    count = len(rows)
    return Columns(
        machine=machine.astype("i4"),
        event_us=at_us,
        role=role.astype("i2"),
        channel=np.ones(count, "i2"),
        value=value.astype("f8"),
        key=key,
        quality=np.zeros(count, "u1"),
        flags=np.zeros(count, "u2"),
        rank=np.where(role == _SCRAP, SIGNAL_RANK[Role.SCRAP_ENTRY], OTHER_RANK).astype("i2"),
        source=np.full(count, -1, "i4"),  # no source of the machine's
        seq=seq,
        received_us=at_us,
    )
