"""Folding a stretch of the past again: the same fold over stored samples, from snapshots, on states of its own.

Invariants:
- `step` gets all samples that take effect in a stretch, for all machines under way, and goes forward only.
- A machine is done when, after the last instant that was asked for, its state equals a stored snapshot again: what
  follows is then what is stored already. Otherwise it is done at the settled frontier, or earlier where it is
  undecided what the machine did: its state replaces the live one.
- The result replaces everything in its stretch; running it twice gives the same rows.
Pure: samples, gaps, entries and snapshots are arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.engine.fold import CODE_VERSION, Fold, Folded
from core.engine.gaps import Gaps
from core.engine.operator import OperatorLog
from core.engine.raw import Latest
from core.engine.state import STATE, since_us
from core.facts.rollup import summed
from core.facts.schema import Repair, Snapshot
from core.plant.model import Plant
from core.samples.batch import SampleBatch
from core.samples.order import Columns, ReorderBuffer, columns_of, from_begin, joined


@dataclass(frozen=True)
class Wanted:
    """A machine to be folded again: from a snapshot (instant and bytes), at least to `until_us`."""

    from_us: int
    snapshot: bytes
    until_us: int


@dataclass(frozen=True)
class Refolded:
    """A stretch folded again; the state at its end, and the facts of the minute that runs there."""

    repair: Repair
    state: np.void
    running: NDArray[np.void]
    ahead: Columns
    """Samples before the settled frontier that the state has not seen: what they say is not decided, or they lie in a
    gap that ends later. The stream may still hold some of them; a sample twice is one."""


class Refold:
    """One repair of some machines. Not thread-safe."""

    def __init__(self, plant: Plant, wanted: Mapping[int, Wanted]) -> None:
        self._wanted = dict(wanted)
        self._fold = Fold(plant)
        self._buffer = ReorderBuffer()
        self._latest = Latest(plant)
        self._snapshots: dict[int, list[Snapshot]] = {machine: [] for machine in wanted}
        self._done: dict[int, tuple[bool, np.void]] = {}  # whether at the present, and the state there
        for machine, start in wanted.items():
            self._fold.restore(machine, start.snapshot[: STATE.itemsize])
            self._latest.unpack(machine, start.snapshot[STATE.itemsize :])
        self._starts = {machine: self._fold.states[machine].copy() for machine in wanted}

    def under_way(self, before_us: int) -> list[int]:
        """Machines that are not done and stand before an instant."""
        at_us = self._fold.states["at_us"]
        return [machine for machine in self._wanted if machine not in self._done and at_us[machine] < before_us]

    def at_us(self, machine: int) -> int:
        """How far a machine has come."""
        return int(self._fold.states["at_us"][machine])

    def wanted_from_us(self, machine: int) -> int:
        """From when on samples are to be given next: inside a gap from its beginning, their effect is still to come."""
        state = self._fold.states[machine]
        if state["at_us"] != self._starts[machine]["at_us"]:
            return int(state["at_us"])
        return since_us(state)

    def columns_of(self, batch: SampleBatch, begin_us: NDArray[np.int64]) -> Columns:
        """Stored samples for `step`: first values hold from the machine's beginning on at the earliest."""
        least_us = int(self._fold.states["at_us"].max())  # without samples; the calendar would begin in 1970
        return from_begin(columns_of(batch, self._fold.tables(int(batch.event_us.max(initial=least_us)))), begin_us)

    def step(
        self,
        samples: Columns,
        signal: NDArray[np.int16],
        gaps: Gaps,
        until_us: Mapping[int, int],
        people: OperatorLog,
        known: int = 0,
    ) -> None:
        """Fold samples of the given machines up to the given instants, or as far as they are decided.

        `samples`: all that have their event since the last step, and first values that arrived about then. `known`: for
        how many of its longest waits after `until_us` everything about a machine is given, too.
        """
        machines = np.array(sorted(until_us), "i8")
        here = self._fold.states["at_us"].copy()
        ends = np.full(len(here), -1, "i8")
        ends[machines] = [until_us[int(machine)] for machine in machines]
        told = gaps.told(samples)
        for found, effect_us in ((samples, gaps.effect_us(samples)), (told, told.event_us)):
            self._buffer.push(found.take(effect_us >= here[found.machine]))
        active = np.zeros(len(here), bool)
        active[machines] = True
        mended = gaps.mended(here, self._fold.in_gap(), active)
        words, decided_us = self._words(gaps, mended, np.where(active, ends + known * self._fold.waits_us, -1))
        ends = np.minimum(ends, decided_us)
        edges = [mended, gaps.edges(here, ends)]
        edges += people.between(np.where(active, here, -1), ends, self._fold.states["words"])
        ready = self._buffer.pop(gaps, Columns.concat(edges), ends)
        self._fold.fold(joined(ready, words.take(words.event_us < ends[words.machine])))
        self._fold.advance(machines, ends[machines])
        self._latest.note(samples, signal)

    def _words(self, gaps: Gaps, mended: Columns, known_us: NDArray[np.int64]) -> tuple[Columns, NDArray[np.int64]]:
        waits = self._fold.waits_us > 0
        if not waits.any():
            return Columns.empty(), known_us
        look_us = np.where(waits, known_us, -1)
        edges = Columns.concat([mended, gaps.edges(self._fold.states["at_us"], look_us)])
        words, decided_us = self._fold.words(self._buffer.tail(gaps, edges, look_us), look_us)
        return words, np.where(waits, decided_us, known_us)

    def at_hour(self, hour_us: int, stored: Mapping[int, bytes]) -> None:
        """Machines that stand at a full hour: note their snapshots, and which of them are done."""
        for machine in [m for m in self._wanted if m not in self._done and self.at_us(m) == hour_us]:
            state = self._fold.snapshot(machine)
            if hour_us >= self._wanted[machine].until_us and stored.get(machine, b"")[: STATE.itemsize] == state:
                self._done[machine] = False, self._fold.states[machine].copy()
            else:
                packed = state + self._latest.pack(machine)
                self._snapshots[machine].append(Snapshot(machine, hour_us, CODE_VERSION, packed))

    def finish(self, settled_us: NDArray[np.int64], *, to_present: bool = True) -> list[Refolded]:
        """All machines that are not done stand at their settled frontiers, or where they are undecided: the results.

        `to_present`: False if they stand somewhere before, and what is stored of later is to stay.
        """
        for machine in self._wanted:
            self._done.setdefault(machine, (to_present, self._fold.states[machine].copy()))
        rows, ahead = self._fold.take(), self._buffer.rest(settled_us)
        return [self._refolded(machine, rows, ahead.take(ahead.machine == machine)) for machine in self._wanted]

    def _refolded(self, machine: int, rows: Folded, ahead: Columns) -> Refolded:
        start, (to_present, end) = self._starts[machine], self._done[machine]
        facts = rows.facts[rows.facts["machine"] == machine]
        running = facts["minute_us"] >= end["minute_us"]
        repair = Repair(
            machine=machine,
            from_us=int(start["minute_us"]),
            until_us=int(end["minute_us"]),
            to_present=to_present,
            facts=summed(facts[~running]),
            intervals=rows.intervals[rows.intervals["machine"] == machine],
            intervals_from=int(start["since_us"]),
            intervals_until=int(end["since_us"]),
            programs=rows.programs[rows.programs["machine"] == machine],
            programs_from=int(start["program_since_us"]),
            programs_until=int(end["program_since_us"]),
            credits=rows.credits[rows.credits["machine"] == machine],
            snapshots=self._snapshots[machine],
            counter_events=rows.counter_events[rows.counter_events["machine"] == machine],
            count_gaps=rows.count_gaps[rows.count_gaps["machine"] == machine],
        )
        return Refolded(repair, end, facts[running], ahead)
