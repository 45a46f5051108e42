"""Lanes: the pairs of machine and source, each with life, silence and gaps of its own.

Invariants: lanes are numbered by machine and, within a machine, by the rank of the source, its slot; every machine has
at least one; a signal comes in exactly one lane of a machine, the first if its plant file does not name it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.plant.model import Plant

NO_LANE = -1


@dataclass(frozen=True)
class Lanes:
    """`machine`, `slot` and `source` (position in the plant) by lane; `first`: each machine's first lane."""

    machine: NDArray[np.int32]
    slot: NDArray[np.int16]
    source: NDArray[np.int32]
    first: NDArray[np.int32]
    by_id: Mapping[tuple[int, int], int]
    """By machine and id of the source."""
    of_signal: NDArray[np.int32]
    """[machines, signals]"""

    def __len__(self) -> int:
        return len(self.machine)

    def of(self, machine: int, source_id: int) -> int:
        """The lane of a source, NO_LANE if it does not serve the machine."""
        return self.by_id.get((machine, source_id), NO_LANE)

    def of_each(self, machines: NDArray[np.int32], source_id: int) -> NDArray[np.int64]:
        """The lane of a source for each machine, NO_LANE where it does not serve it."""
        return np.array([self.of(machine, source_id) for machine in machines.tolist()], "i8")

    def of_machine(self, machine: int) -> range:
        """The lanes of a machine."""
        end = self.first[machine + 1] if machine + 1 < len(self.first) else len(self.machine)
        return range(int(self.first[machine]), int(end))

    def take_in(self, samples_machine: NDArray[np.int32], signal: NDArray[np.int16]) -> NDArray[np.int32]:
        """The lane of each sample."""
        if len(self.machine) == len(self.first):
            return samples_machine
        found: NDArray[np.int32] = self.of_signal[samples_machine, signal]
        return found


def lanes_of(plant: Plant) -> Lanes:
    """The lanes of a plant."""
    pairs = [(machine, feed.source) for machine, entry in enumerate(plant.machines) for feed in entry.feeds]
    slots = [slot for entry in plant.machines for slot in range(len(entry.feeds))]
    machine, source = np.array(pairs, "i4").reshape(-1, 2).T
    first = np.flatnonzero(np.array(slots, "i4") == 0).astype("i4")
    of_signal = np.repeat(first[:, None], max(1, len(plant.signals)), axis=1)
    for index, entry in enumerate(plant.machines):
        for slot, feed in enumerate(entry.feeds):
            of_signal[index, [plant.signal_index[name] for name in feed.signals if name in plant.signal_index]] += slot
    by_id = {(entry, plant.sources[at].id): lane for lane, (entry, at) in enumerate(pairs)}
    return Lanes(machine, np.array(slots, "i2"), source, first, by_id, of_signal)
