"""The Python face of the compiled fold, for the stream and for past windows alike.

A `Fold` owns the states of all machines. `fold` takes samples in canonical order, `advance` moves time where no sample
does, `take` hands over what came out since. `shown` folds a tail over a copy, so that boards can see the present
without the settled state moving. Calendars are materialised as far as needed and re-made when they run out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.engine import kernel
from core.engine.state import NOT_IN_GAP, STATE, begin, new_states
from core.engine.transitions import RULES
from core.engine.version import source_hash
from core.errors import BrokenPromise
from core.facts.schema import FACT, GAP_CREDIT, INTERVAL, PROGRAM_INTERVAL
from core.plant.model import Plant
from core.plant.tables import PlantTables, build_tables
from core.samples.order import Columns
from core.units import DAY_US

CODE_VERSION = f"{RULES}/{source_hash()}"
"""Names the rules and the code; a snapshot of another version is not used."""

_CAPACITY = 4096
"""Rows an output holds before it is emptied: some 68 machine-hours of minutes, and small beside a cache."""

_CALENDAR_AHEAD_US = 40 * DAY_US
_CALENDAR_BEHIND_US = 2 * DAY_US


@dataclass(frozen=True)
class Folded:
    """Rows that came out of the fold; dtypes of core.facts.schema. Facts of one key may stand in several rows."""

    facts: NDArray[np.void]
    intervals: NDArray[np.void]
    programs: NDArray[np.void]
    credits: NDArray[np.void]


class _Outputs:
    """The four buffers a kernel writes to, and the rows already taken out of them."""

    def __init__(self) -> None:
        self.buffers = [np.zeros((_CAPACITY, kind.itemsize // 8), np.int64) for kind in self.dtypes]
        self.used = np.zeros(4, np.int64)
        self.done: list[list[NDArray[np.int64]]] = [[], [], [], []]

    dtypes = (FACT, INTERVAL, PROGRAM_INTERVAL, GAP_CREDIT)

    def empty(self) -> bool:
        """Move what is in the buffers out of them; False if there was nothing."""
        if not self.used.any():
            return False
        for buffer, rows, done in zip(self.buffers, self.used, self.done, strict=True):
            if rows:
                done.append(buffer[:rows].copy())
        self.used[:] = 0
        return True

    def take(self) -> Folded:
        """Everything since the last take."""
        self.empty()
        found = [_structured(done, kind) for done, kind in zip(self.done, self.dtypes, strict=True)]
        self.done = [[], [], [], []]
        return Folded(*found)


def _structured(parts: list[NDArray[np.int64]], kind: np.dtype[np.void]) -> NDArray[np.void]:
    if not parts:
        return np.empty(0, kind)
    rows: NDArray[np.void] = np.ascontiguousarray(np.concatenate(parts)).view(kind)[:, 0]
    return rows


class Fold:
    """States of all machines of a plant and the way forward from them. Not thread-safe."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._tables: PlantTables | None = None
        self._outputs = _Outputs()
        self.states = new_states(len(plant.machines))

    def begin(self, machine: int, at_us: int) -> None:
        """Start a machine at its first contact."""
        begin(self.states[machine : machine + 1], at_us)
        self._must_reach_back(at_us)

    def begun(self, machine: int) -> bool:
        """Whether the machine has been heard of."""
        return bool(self.states["at_us"][machine] > 0)

    def in_gap(self) -> NDArray[np.bool_]:
        """Which machines are inside a gap, [machines]."""
        return np.asarray(self.states["gap_from_us"] != NOT_IN_GAP)

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
        return self._outputs.take()

    def shown(
        self, tail: Columns, machines: NDArray[np.int64], until_us: NDArray[np.int64]
    ) -> tuple[NDArray[np.void], Folded]:
        """States and rows if `tail` were all there is up to `until_us`; running minutes and intervals included.

        The open interval and program of each machine are rows with the end OPEN_END. Settled states do not move.
        """
        states, outputs = self.states.copy(), _Outputs()
        facts, intervals, programs, _ = outputs.buffers
        if len(tail):
            self._fold(states, tail, outputs)
        if len(machines):
            self._advance(states, machines, until_us, outputs)
        for machine in machines:
            kernel.close_view(states[machine], machine, facts, intervals, programs, outputs.used)
            if outputs.used[:3].max() > _CAPACITY - 2:
                outputs.empty()
        return states, outputs.take()

    @staticmethod
    def first_state(contact_us: int) -> bytes:
        """The snapshot of a machine that begins with its first contact at `contact_us`."""
        state = new_states(1)
        begin(state, contact_us)
        return state.tobytes()

    def snapshot(self, machine: int) -> bytes:
        """The machine's state as bytes, for `restore` under the same CODE_VERSION.

        Two equal snapshots go on equally: what cannot matter any more is not in them.
        """
        state = self.states[machine : machine + 1].copy()
        state["segment_end_us"] = 0  # the calendar may change
        owned = int(np.dot(self.tables(int(state["at_us"][0])).counters[machine], (1, 2, 4)))
        state["after_gap"] &= owned
        if not state["after_gap"][0]:
            state["last_gap_from_us"], state["gap_credit"] = NOT_IN_GAP, 0
        return state.tobytes()

    def restore(self, machine: int, state: bytes) -> None:
        """Put a machine back to a snapshot; bytes of another size are a BrokenPromise."""
        if len(state) != STATE.itemsize:
            raise BrokenPromise(f"a snapshot has {len(state)} bytes, a state {STATE.itemsize}")
        self.states[machine] = np.frombuffer(state, STATE)[0]
        self._must_reach_back(int(self.states["at_us"][machine]))

    def _fold(self, states: NDArray[np.void], c: Columns, outputs: _Outputs) -> None:
        t = self.tables(int(c.event_us.max()))
        facts, intervals, programs, credits = outputs.buffers

        def step(first: int) -> int:
            return kernel.fold_samples(
                states, first, c.machine, c.event_us, c.role, c.channel, c.value, c.key, c.quality, c.flags,
                t.machine_site, t.counters, t.site_first, t.segment_start, t.segment_situation, t.segment_shift,
                t.program_id, t.program_pri_us, facts, intervals, programs, credits, outputs.used,
            )  # fmt: skip

        _to_the_end(step, len(c), outputs)

    def _advance(
        self, states: NDArray[np.void], machines: NDArray[np.int64], until_us: NDArray[np.int64], outputs: _Outputs
    ) -> None:
        t = self.tables(int(until_us.max()))
        facts, intervals = outputs.buffers[:2]

        def step(first: int) -> int:
            return kernel.advance_machines(
                states, first, machines, until_us, t.machine_site, t.site_first, t.segment_start,
                t.segment_situation, t.segment_shift, facts, intervals, outputs.used,
            )  # fmt: skip

        _to_the_end(step, len(machines), outputs)

    def tables(self, to_us: int) -> PlantTables:
        """The plant's tables, with calendars from the oldest state to at least `to_us`."""
        tables = self._tables
        if tables is None or to_us > tables.to_us - DAY_US:
            begun = self.states["at_us"][self.states["at_us"] > 0]
            lowest = min(to_us, int(begun.min()) if len(begun) else to_us)
            highest = max(to_us, int(begun.max()) if len(begun) else to_us)
            tables = build_tables(self._plant, lowest - _CALENDAR_BEHIND_US, highest + _CALENDAR_AHEAD_US)
            self._tables = tables
        return tables

    def _must_reach_back(self, at_us: int) -> None:
        """A state older than the calendar asks for a new one."""
        if self._tables is not None and at_us < self._tables.from_us:
            self._tables = None


def _to_the_end(step: Callable[[int], int], length: int, outputs: _Outputs) -> None:
    """Call a kernel until it has taken everything, emptying the outputs whenever they are full."""
    at = step(0)
    while at < length:
        if not outputs.empty():
            raise BrokenPromise(f"the fold stands at sample {at} of {length} with empty outputs")
        at = step(at)
    if outputs.used.max() > _CAPACITY // 2:
        outputs.empty()
