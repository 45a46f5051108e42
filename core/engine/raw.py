"""Samples on their way to the raw tables, and the latest of each signal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import RawRows
from core.plant.model import Plant
from core.samples.batch import SampleBatch
from core.samples.order import Columns

NEVER = -1

_LATEST = np.dtype([("signal", "<i8"), ("event_us", "<i8"), ("value", "<f8"), ("key", "<i8"), ("quality", "<i8")])
"""What a snapshot carries after the state: by id of the signal, its latest sample."""

_SEVERAL = -1
"""No quality: an instant had more than one value, and the order of arrival does not tell which of them is the last."""


class Raw:
    """Batches taken in since the last `take`, with the place they came from."""

    def __init__(self) -> None:
        self._batches: list[SampleBatch] = []
        self._places: list[tuple[int, int, int]] = []  # source id, spool, record

    def add(self, batch: SampleBatch, source_id: int, spool: int, record: int) -> None:
        """One batch: record `record` of the spool at position `spool`."""
        self._batches.append(batch)
        self._places.append((source_id, spool, record))

    def __len__(self) -> int:
        return sum(map(len, self._batches))

    def take(self) -> RawRows:
        """Everything since the last call."""
        lengths = [len(batch) for batch in self._batches]
        sources, spools, numbers = np.array(self._places, "i8").reshape(-1, 3).T
        out = RawRows(
            batch=SampleBatch.concat(self._batches),
            source_id=np.repeat(sources, lengths),
            spool=np.repeat(spools, lengths).astype("i4"),
            record=np.repeat(numbers, lengths),
            row=np.concatenate([np.arange(length, dtype="i4") for length in lengths] or [np.empty(0, "i4")]),
        )
        self._batches, self._places = [], []
        return out


class Latest:
    """The latest sample of every machine and signal: a server that tells it once more tells nothing new."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        shape = len(plant.machines), max(1, len(plant.signals))
        self._event_us = np.full(shape, NEVER, "i8")
        self._value = np.zeros(shape)
        self._key = np.zeros(shape, "i8")
        self._quality = np.zeros(shape, "i8")

    def newer(self, samples: Columns, signal: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Which samples are later than anything known of their signal."""
        return np.asarray(samples.event_us > self._event_us[samples.machine, signal])

    def known(self, samples: Columns, signal: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Which samples are the latest known one of their signal, once more."""
        at = samples.machine, signal
        same = (samples.value == self._value[at]) | (np.isnan(samples.value) & np.isnan(self._value[at]))
        same &= (samples.key == self._key[at]) & (samples.quality == self._quality[at])
        return np.asarray((samples.event_us == self._event_us[at]) & same)

    def note(self, samples: Columns, signal: NDArray[np.int16]) -> None:
        """Remember samples given in the order of their arrival."""
        order = np.flatnonzero(self.newer(samples, signal))
        order = order[np.argsort(samples.event_us[order], kind="stable")]
        at = samples.machine[order], signal[order]
        for name, column in self._columns().items():
            column[at] = getattr(samples, name)[order]  # of several the last
        latest = np.flatnonzero(samples.event_us == self._event_us[samples.machine, signal])
        other = latest[~self.known(samples.take(latest), signal[latest])]
        self._quality[samples.machine[other], signal[other]] = _SEVERAL

    def pack(self, machine: int) -> bytes:
        """What is known of a machine, for `unpack`."""
        known = np.flatnonzero(self._event_us[machine] != NEVER)
        table = np.empty(len(known), _LATEST)
        table["signal"] = [self._plant.signals[signal].id for signal in known]
        for name, column in self._columns().items():
            table[name] = column[machine, known]
        return table.tobytes()

    def unpack(self, machine: int, packed: bytes) -> None:
        """Take up what `pack` gave; signals that the plant has no more are left out."""
        positions = {signal.id: index for index, signal in enumerate(self._plant.signals)}
        for row in np.frombuffer(packed, _LATEST):
            if int(row["signal"]) in positions:
                for name, column in self._columns().items():
                    column[machine, positions[int(row["signal"])]] = row[name]

    def _columns(self) -> dict[str, NDArray[np.generic]]:
        return {"event_us": self._event_us, "value": self._value, "key": self._key, "quality": self._quality}
