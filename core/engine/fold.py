"""The Python face of the compiled fold, for the stream and for past windows alike.

A `Fold` owns the states of all machines. `fold` takes samples in canonical order, `advance` moves time where no sample
does, `take` hands over what came out since. `shown` folds a tail over a copy, so that boards can see the present
without the settled state moving. Calendars are materialised as far as needed and re-made when they run out.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.engine import kernel, waiting
from core.engine.jit import records
from core.engine.outputs import Folded, Outputs
from core.engine.state import GAPS, LAYOUT, NO_COUNT, NOT_IN_GAP, NOT_TRUSTED, STATE, begin, new_states
from core.engine.transitions import RULES
from core.errors import BrokenPromise
from core.facts.identity import Ledger
from core.plant.lanes import lanes_of
from core.plant.model import Plant
from core.plant.tables import PlantTables, build_tables
from core.samples.order import Columns, joined, words_found
from core.units import DAY_US

__all__ = ["CODE_VERSION", "Fold", "Folded"]

CODE_VERSION = f"{RULES}/{LAYOUT}"
"""Names the rules and what a state means. A snapshot of another version is not used; newer code that still understands
it goes on from there, and leaves alone what older code said of the time before."""

_CALENDAR_AHEAD_US = 40 * DAY_US
_CALENDAR_BEHIND_US = 2 * DAY_US


class Fold:
    """States of all machines of a plant and the way forward from them. Not thread-safe."""

    def __init__(self, plant: Plant, tables: PlantTables | None = None, *, checked: bool = sys.flags.dev_mode) -> None:
        """`tables`: those of another fold of this plant, which can be shared. `checked`: every minute has to add up."""
        self._ledger = Ledger() if checked else None
        self._plant = plant
        self._tables = tables
        self._lanes = lanes_of(plant)
        self._outputs = Outputs()
        self.states = new_states(len(plant.machines))
        self.waits_us = np.array([machine.behaviour.longest_wait_us for machine in plant.machines], "i8")

    def begin(self, machine: int, at_us: int, unheard: int = 0) -> None:
        """Start a machine in the minute of its first contact; `unheard`: bits of sources not heard when it starts."""
        begin(self.states[machine : machine + 1], at_us, unheard)
        self._must_reach_back(at_us)

    def begun(self, machine: int) -> bool:
        """Whether the machine has been heard of."""
        return bool(self.states["at_us"][machine] > 0)

    def in_gap(self) -> NDArray[np.bool_]:
        """Which sources of machines are inside a gap, [lanes]."""
        return np.asarray(self.states["gaps"][self._lanes.machine] >> self._lanes.slot & 1 != 0)

    def fold(self, samples: Columns) -> None:
        """Fold samples in canonical order."""
        if not len(samples):
            return
        self._fold(self.states, samples, self._outputs)

    def advance(self, machines: NDArray[np.int64], until_us: NDArray[np.int64]) -> None:
        """Book time of the given machines up to the given instants; earlier instants change nothing."""
        if len(machines):
            self._advance(self.states, machines, until_us, self._outputs)

    def take(self) -> Folded:
        """Rows since the last call; facts are complete for minutes before a machine's `minute_us`."""
        folded = self._outputs.take()
        if self._ledger is not None:
            self._ledger.take(folded.facts, self.states["minute_us"])
        return folded

    def shown(
        self, tail: Columns, machines: NDArray[np.int64], until_us: NDArray[np.int64]
    ) -> tuple[NDArray[np.void], Folded]:
        """States and rows if `tail` were all there is up to `until_us`; running minutes and intervals included.

        The open interval and program of each machine are rows with the end OPEN_END. Settled states do not move.
        """
        states, outputs = records(self.states.copy()), Outputs()
        if self.waits_us.any():
            all_until_us = np.full(len(states), -1, "i8")
            all_until_us[machines] = until_us
            tail = joined(tail, self.words(tail, all_until_us)[0])
        if len(tail):
            self._fold(states, tail, outputs)
        if len(machines):
            self._advance(states, machines, until_us, outputs)
            self._close(states, machines, outputs)
        return states, outputs.take()

    def words(self, samples: Columns, until_us: NDArray[np.int64]) -> tuple[Columns, NDArray[np.int64]]:
        """Words that come with a delay (core.engine.waiting), and up to where each machine is decided ([machines]).

        `samples` follow the states, in the order of the fold; everything before `until_us` ([machines]) is known, and
        machines whose state stands there have nothing to find. Words from where a machine is decided on are
        provisional.
        """
        which = np.flatnonzero((self.waits_us > 0) & (self.states["at_us"] < until_us))
        if not len(which):
            return Columns.empty(), until_us
        decided_us, t = until_us.copy(), self.tables(int(until_us.max(initial=0)))
        order = np.argsort(samples.machine, kind="stable")
        mine = samples.take(order[np.isin(samples.machine[order], which)])
        first = np.searchsorted(mine.machine, [*which, len(until_us)])
        out, decided = np.empty((2 * len(mine) + 2 * len(which), 3), "i8"), until_us[which]
        count = waiting.find_words(
            records(self.states[which]), which, first, until_us[which], t.machines,
            mine.event_us, mine.role, mine.channel, mine.value, mine.quality, out, decided,
        )  # fmt: skip
        decided_us[which] = decided
        return words_found(out[:count], NOT_TRUSTED), decided_us

    @staticmethod
    def first_state(begin_us: int, unheard: int) -> bytes:
        """The snapshot of a machine that begins at `begin_us`; `unheard` as in `begin`."""
        state = new_states(1)
        begin(state, begin_us, unheard)
        return state.tobytes()

    def snapshot(self, machine: int) -> bytes:
        """The machine's state as bytes, for `restore` under the same CODE_VERSION.

        Two equal snapshots go on equally: what cannot matter any more is not in them.
        """
        state = self.states[machine : machine + 1].copy()
        state["segment_end_us"] = state["horizon_us"] = 0  # the calendar may change
        has = self.tables(int(state["at_us"][0])).machines["has"][machine]
        owned = int(np.dot(has, (1, 2, 4)))
        for name in ("pri_least", "pri_most"):
            state[name][0][has == 0] = 0
        for name in ("after_gap", "missed", "fresh", "announced"):
            state[name] &= owned
        _forget_gaps(state[0])
        state["jump_us"][state["jump"] == NO_COUNT] = 0
        state["alarms"][0].sort()  # in which order they came does not matter
        state["alarms"][0] = np.roll(state["alarms"][0], int(state["alarms_known"][0]))
        return state.tobytes()

    def restore(self, machine: int, state: bytes) -> None:
        """Put a machine back to a snapshot; bytes of another size are a BrokenPromise."""
        if len(state) != STATE.itemsize:
            raise BrokenPromise(f"a snapshot has {len(state)} bytes, a state {STATE.itemsize}")
        self.states[machine] = np.frombuffer(state, STATE)[0]
        self._must_reach_back(int(self.states["at_us"][machine]))

    def _fold(self, states: NDArray[np.void], c: Columns, outputs: Outputs) -> None:
        t, at, length = self._present_tables(c), 0, len(c)
        while True:
            at = kernel.fold_samples(
                states, at, c.machine, c.event_us, c.role, c.channel, c.value, c.key, c.quality, c.flags,
                t.machines, t.segments, t.programs, outputs.buffer, outputs.used,
            )  # fmt: skip
            if at == length:
                return
            t = self._go_on(int(c.event_us[at]), t, outputs)

    def _advance(
        self, states: NDArray[np.void], machines: NDArray[np.int64], until_us: NDArray[np.int64], outputs: Outputs
    ) -> None:
        t, at = self.tables(int(until_us.max())), 0
        while True:
            at = kernel.advance_machines(
                states, at, machines, until_us, t.machines, t.segments, outputs.buffer, outputs.used
            )
            if at == len(machines):
                return
            t = self._go_on(int(until_us[at]), t, outputs)

    def _close(self, states: NDArray[np.void], machines: NDArray[np.int64], outputs: Outputs) -> None:
        t, at = self.tables(0), 0
        while True:
            at = kernel.close_views(states, at, machines, t.machines, outputs.buffer, outputs.used)
            if at == len(machines):
                return
            self._go_on(0, t, outputs)

    def _present_tables(self, c: Columns) -> PlantTables:
        """The tables at hand; how far their calendar reaches is not looked at before it ends."""
        return self._tables if self._tables is not None else self.tables(int(c.event_us.max()))

    def _go_on(self, to_us: int, tables: PlantTables, outputs: Outputs) -> PlantTables:
        """Remove what stopped a kernel: outputs that are full, or a calendar that ends."""
        if outputs.empty():
            return tables
        longer = self.tables(to_us)
        if longer is tables:
            raise BrokenPromise(f"the fold does not go on to {to_us} with empty outputs and a calendar that reaches it")
        return longer

    def tables(self, to_us: int) -> PlantTables:
        """The plant's tables, with calendars from the oldest state to at least `to_us`."""
        tables = self._tables
        if tables is None or to_us > tables.to_us - DAY_US:
            begun = self.states["at_us"][self.states["at_us"] > 0]
            lowest = min(to_us, int(begun.min()) if len(begun) else to_us)
            highest = max(to_us, int(begun.max()) if len(begun) else to_us)
            tables = build_tables(self._plant, lowest - _CALENDAR_BEHIND_US, highest + _CALENDAR_AHEAD_US)
            machines, segments, programs = map(records, (tables.machines, tables.segments, tables.programs))
            self._tables = tables = replace(tables, machines=machines, segments=segments, programs=programs)
        return tables

    def _must_reach_back(self, at_us: int) -> None:
        """A state older than the calendar asks for a new one."""
        if self._tables is not None and at_us < self._tables.from_us:
            self._tables = None


def _forget_gaps(state: np.void) -> None:
    """Gaps after which no counter has still to be read."""
    waiting = [kind for kind in range(3) if int(state["after_gap"]) >> kind & 1]
    state["spanned"][[kind for kind in range(3) if kind not in waiting]] = 0
    for gap in set(range(GAPS)) - {int(state["spanned"][kind]) for kind in waiting}:
        state["last_gap_from_us"][gap] = NOT_IN_GAP
        state["gap_credit"][3 * gap : 3 * gap + 3] = 0
