"""Truth -> the samples such a machine would send: changes only, in time order, numbered from the scenario's beginning.

Invariants: a sample always differs from the one before it of the same signal; no signal has two samples in one
microsecond; samples, their numbers included, depend on the ledger only, never on how the past was cut into windows.
Values are kept as numbers (words as codes of the vocabulary, texts as indices) and become words where they leave.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from core.plant.model import Machine, Plant
from core.units import MINUTE_US
from core.vocabulary import OTHER_RANK, SIGNAL_RANK, Meaning, meaning
from simulators.drawing import PLAYED, Floats, Noise, Times, draw
from simulators.interventions import Intervention
from simulators.machine import story
from simulators.outlet import Sample, Value
from simulators.scenario import Scenario
from simulators.script import MachineScript
from simulators.truth import Ledger

_AHEAD_US = 15 * MINUTE_US
"""Samples are made in blocks of at least this length: small ones would cost more than their samples."""


@dataclass(frozen=True)
class Columns:
    """Samples of one machine in a window: parallel arrays. `signal` indexes the stream's `names`."""

    event_us: Times
    signal: NDArray[np.int16]
    value: Floats
    seq: Times


@dataclass(frozen=True)
class _Block:
    """The samples of [from_us, to_us), and what every signal showed before (by position: instant, value or NaN)."""

    from_us: int
    to_us: int
    columns: Columns
    before_us: Times
    before: Floats
    next_seq: int


class Stream:
    """All samples of one machine, made lazily from its ledger."""

    def __init__(self, machine: int, entry: Machine, script: MachineScript, ledger: Ledger, seed: int) -> None:
        self.machine = machine
        self.ledger = ledger
        self.texts: list[str] = []
        self._script = script
        self._noise = Noise(seed, entry.name)
        self._text_index: dict[str, int] = {}
        found = [(name, known) for name in entry.signals if (known := meaning(name)) and name in PLAYED]
        found.sort(key=lambda item: (SIGNAL_RANK.get(item[1].role, OTHER_RANK), item[0]))
        self.names = [name for name, _ in found]
        self.is_text = np.array([known.kind == "text" for _, known in found], bool)
        self._decode = [self._decoder(known) for _, known in found]
        self._blocks: list[_Block] = []
        self._phases_done = 0
        self._parts_done = 0

    def columns(self, from_us: int, to_us: int) -> Columns:
        """The samples with event time in [from_us, to_us)."""
        self._until(to_us)
        first = bisect_right(self._blocks, from_us, key=attrgetter("to_us"))
        last = bisect_left(self._blocks, to_us, key=attrgetter("from_us"))
        return _joined([_cut(block.columns, from_us, to_us) for block in self._blocks[first : max(last, first + 1)]])

    def samples(self, from_us: int, to_us: int) -> list[Sample]:
        """The samples with event time in [from_us, to_us), as an outlet takes them."""
        cut, names, decode = self.columns(from_us, to_us), self.names, self._decode
        rows = zip(cut.event_us.tolist(), cut.signal.tolist(), cut.value.tolist(), cut.seq.tolist(), strict=True)
        return [
            Sample(self.machine, names[sig], event_us, decode[sig](value), seq) for event_us, sig, value, seq in rows
        ]

    def present(self, at_us: int) -> dict[str, tuple[int, Value]]:
        """What every signal showed just before `at_us`, and since when; nothing at the scenario's beginning."""
        at_us = max(at_us, self.ledger.begin_us)
        self._until(at_us)
        block = self._blocks[bisect_right(self._blocks, at_us, key=attrgetter("from_us")) - 1]
        when, value = block.before_us.copy(), block.before.copy()
        cut = _cut(block.columns, block.from_us, at_us)
        when[cut.signal], value[cut.signal] = cut.event_us, cut.value
        return {
            name: (int(when[index]), self._decode[index](float(value[index])))
            for index, name in enumerate(self.names)
            if not np.isnan(value[index])
        }

    def changed(self, ledger: Ledger, at_us: int) -> Stream:
        """The same machine by another ledger, which says the same before `at_us`."""
        found = copy(self)
        found.ledger = ledger
        found._blocks = [block for block in self._blocks if block.to_us <= at_us]
        if found._blocks:
            to_us = found._blocks[-1].to_us
            ledger.until(to_us)
            found._phases_done = bisect_right(ledger.phases, to_us, key=attrgetter("to_us"))
            found._parts_done = bisect_left(ledger.parts, to_us, key=attrgetter("at_us"))
        else:
            found._phases_done = found._parts_done = 0
        return found

    def _until(self, us: int) -> None:
        """Make samples up to and including the instant `us`."""
        if not self._blocks or self._blocks[-1].to_us <= us:
            self.ledger.until(us + _AHEAD_US)
            self._blocks.append(self._next_block())

    def _next_block(self) -> _Block:
        phases = self.ledger.phases[self._phases_done :]
        from_us, to_us = phases[0].from_us, phases[-1].to_us
        # A part is finished at the end of a phase: one at the end of the last phase belongs to the next block.
        parts = [part for part in self.ledger.parts[self._parts_done :] if part.at_us < to_us]
        self._phases_done += len(phases)
        self._parts_done += len(parts)
        before_us, before, seq = self._after_last()
        drawn = draw(self._script, self._noise, self._index_of, self.ledger.begin_us, phases, parts)
        kept = [_changes(*drawn[name], first) for name, first in zip(self.names, before.tolist(), strict=True)]
        columns = _in_order(kept, seq)
        return _Block(from_us, to_us, columns, before_us, before, seq + len(columns.seq))

    def _after_last(self) -> tuple[Times, Floats, int]:
        """What every signal shows after the last block, since when, and the next sample's number."""
        if not self._blocks:
            return np.zeros(len(self.names), np.int64), np.full(len(self.names), np.nan), 0
        block = self._blocks[-1]
        when, value = block.before_us.copy(), block.before.copy()
        when[block.columns.signal], value[block.columns.signal] = block.columns.event_us, block.columns.value
        return when, value, block.next_seq

    def _index_of(self, text: str) -> int:
        if text not in self._text_index:
            self._text_index[text] = len(self.texts)
            self.texts.append(text)
        return self._text_index[text]

    def _decoder(self, known: Meaning) -> Callable[[float], Value]:
        if known.words is not None:
            words = [word.name.lower() for word in known.words]
            return lambda value: words[int(value)]
        if known.kind == "text":
            return lambda value: self.texts[int(value)]
        kinds: dict[str, Callable[[float], Value]] = {"bool": bool, "counter": int}
        return kinds.get(known.kind, float)


class Signals:
    """The samples of every machine of a plant in a scenario; share one to draw the truth only once."""

    def __init__(self, plant: Plant, scenario: Scenario, done: Sequence[Intervention] = ()) -> None:
        """`done`: what somebody has done to the machines."""
        self.plant = plant
        self.begin_us = scenario.begin_us
        self.seed = scenario.seed
        self.scripts = scenario.scripts
        self.interventions = list(done)
        self.streams = [
            Stream(index, machine, script, self._ledger(index), scenario.seed)
            for index, (machine, script) in enumerate(zip(plant.machines, scenario.scripts, strict=True))
        ]

    def intervene(self, wanted: Intervention) -> None:
        """Let something happen to a machine from its instant on; nothing before changes."""
        self.interventions.append(wanted)
        machine = self.plant.machine_index[wanted.machine]
        self.streams[machine] = self.streams[machine].changed(self._ledger(machine), wanted.at_us)

    def _ledger(self, machine: int) -> Ledger:
        entry, script = self.plant.machines[machine], self.scripts[machine]
        done = [one for one in self.interventions if one.machine == entry.name]
        return Ledger(self.begin_us, story(script, self.plant.sites[entry.site], self.begin_us, self.seed, done))

    def ledger(self, machine: int) -> Ledger:
        """The truth about a machine."""
        return self.streams[machine].ledger

    def samples(self, machine: int, from_us: int, to_us: int) -> list[Sample]:
        """A machine's samples with event time in [from_us, to_us), in order."""
        return self.streams[machine].samples(from_us, to_us)

    def present(self, machine: int, at_us: int) -> Mapping[str, tuple[int, Value]]:
        """The last value of every signal before `at_us` with its event time."""
        return self.streams[machine].present(at_us)

    def count(self, machine: int, from_us: int, to_us: int) -> int:
        """How many samples have an event time in [from_us, to_us)."""
        return len(self.streams[machine].columns(from_us, to_us).event_us)


def _changes(at: Times, value: Floats, before: float) -> tuple[Times, Floats]:
    """Only what differs from the value before it; NaN before the first differs from everything."""
    differs = value != np.concatenate([[before], value[:-1]])
    return at[differs], value[differs]


def _in_order(kept: Sequence[tuple[Times, Floats]], seq: int) -> Columns:
    """The changes of all signals in order of time; at the same microsecond in the order of the signals."""
    event_us = np.concatenate([at for at, _ in kept])
    signal = np.repeat(np.arange(len(kept), dtype=np.int16), [len(at) for at, _ in kept])
    value = np.concatenate([values for _, values in kept])
    order = np.lexsort((signal, event_us))
    return Columns(event_us[order], signal[order], value[order], np.arange(seq, seq + len(order), dtype=np.int64))


def _cut(columns: Columns, from_us: int, to_us: int) -> Columns:
    window = slice(*np.searchsorted(columns.event_us, (from_us, to_us)))
    return Columns(columns.event_us[window], columns.signal[window], columns.value[window], columns.seq[window])


def _joined(parts: Sequence[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    names = ("event_us", "signal", "value", "seq")
    return Columns(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
