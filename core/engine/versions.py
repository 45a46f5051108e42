"""Spool rows written under other versions of the plant file, read by the names of their machines and signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.plant.model import Plant
from core.samples import records
from core.samples.batch import SampleBatch
from core.samples.records import StoredRow

NamesOf = Callable[[bytes], tuple[Sequence[str], Sequence[str]] | None]
"""Machine and signal names of another version of the plant file by its hash; None if it is not known."""


def no_names(_plant_hash: bytes) -> None:
    """No other version is known."""
    return


class PlantVersions:
    """Moves positions of a row's plant version to positions of `plant`; -1 for what `plant` has no more.

    ValueError: the version is not known; IndexError: the row names what its own version does not have.
    """

    def __init__(self, plant: Plant, names: NamesOf = no_names) -> None:
        self._plant = plant
        self._names = names

    def samples(self, row: StoredRow) -> SampleBatch:
        """The row's batch; samples of machines or signals that the plant file has no more are left out."""
        batch = records.unpack_samples(row.payload)
        machine = self.machines(row, batch.machine)
        signal = self._moved(row, batch.signal, self._plant.signal_index, 1)
        moved = replace(batch, machine=machine, signal=signal)
        keep = (machine >= 0) & (signal >= 0)
        return moved.take(keep)

    def machines(self, row: StoredRow, index: NDArray[Any]) -> NDArray[Any]:
        """Positions of machines."""
        return self._moved(row, index, self._plant.machine_index, 0)

    def _moved(self, row: StoredRow, index: NDArray[Any], present: Mapping[str, int], which: int) -> NDArray[Any]:
        if row.plant_hash == self._plant.hash:
            moved: NDArray[Any] = np.arange(len(present), dtype=index.dtype)
        else:
            names = self._names(row.plant_hash)
            if names is None:
                raise ValueError(f"it was written under a plant file that is not known ({row.plant_hash.hex()[:12]})")
            moved = np.array([present.get(name, -1) for name in names[which]], index.dtype)
        if len(index) and not 0 <= int(index.min()) <= int(index.max()) < len(moved):
            raise IndexError(f"it names {('machine', 'signal')[which]} {int(index.max())} of {len(moved)}")
        found: NDArray[Any] = moved[index]
        return found
