"""Canonical order, and the buffer that waits until it is certain.

The canonical order of a machine is (event time, signal rank, source rank, seq, record, row); in this version a machine
has one source, so its rank is no part of it. Rows arrive in (record, row) order, and stable sorting keeps that.
A sample leaves the buffer when its machine's settled frontier has passed it; then nothing older can follow in order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.plant.tables import PlantTables
from core.samples.batch import SampleBatch
from core.units import natural_id
from core.vocabulary import Role


@dataclass(frozen=True)
class Columns:
    """Samples as the fold wants them: parallel arrays. `key` is the id of a text, 0 none."""

    machine: NDArray[np.int32]
    event_us: NDArray[np.int64]
    role: NDArray[np.int16]
    channel: NDArray[np.int16]
    value: NDArray[np.float64]
    key: NDArray[np.int64]
    quality: NDArray[np.uint8]
    flags: NDArray[np.uint16]
    rank: NDArray[np.int16]
    seq: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.machine)

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Columns:
        """The samples at the given positions or under the given mask."""
        return Columns(*(column[which] for column in vars(self).values()))

    @classmethod
    def concat(cls, parts: list[Columns]) -> Columns:
        """All samples of several parts, one after the other."""
        if len(parts) == 1:
            return parts[0]
        names = cls.__dataclass_fields__
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    @classmethod
    def empty(cls) -> Columns:
        """No samples."""
        return cls(*(np.empty(0, kind) for kind in ("i4", "i8", "i2", "i2", "f8", "i8", "u1", "u2", "i2", "i8")))


def columns_of(batch: SampleBatch, tables: PlantTables) -> Columns:
    """A batch with the fold's roles; only texts of part programs get a key."""
    keys = np.array([natural_id("part_program", text) for text in batch.texts] + [0], "i8")
    role = tables.signal_role[batch.signal]
    return Columns(
        machine=batch.machine,
        event_us=batch.event_us,
        role=role,
        channel=tables.signal_channel[batch.signal],
        value=batch.value,
        key=np.where(role == Role.PROGRAM, keys[batch.text], 0),
        quality=batch.quality,
        flags=batch.flags,
        rank=tables.signal_rank[batch.signal],
        seq=batch.seq,
    )


def gap_edges(machines: list[int], at_us: list[int], opened: bool, cause: int, rank: int) -> Columns:
    """The edges of a gap as pseudo-samples, so that they take their place in canonical order."""
    count = len(machines)
    return Columns(
        machine=np.array(machines, "i4"),
        event_us=np.array(at_us, "i8"),
        role=np.full(count, Role.GAP_OPEN if opened else Role.GAP_CLOSE, "i2"),
        channel=np.ones(count, "i2"),
        value=np.full(count, float(cause)),
        key=np.zeros(count, "i8"),
        quality=np.zeros(count, "u1"),
        flags=np.zeros(count, "u2"),
        rank=np.full(count, rank, "i2"),
        seq=np.full(count, -1, "i8"),
    )


def canonical_order(c: Columns) -> NDArray[np.intp]:
    """Positions of the samples in canonical order of every machine; machines may stay interleaved."""
    order = np.argsort(c.event_us, kind="stable")
    event = c.event_us[order]
    tied = np.flatnonzero(event[1:] == event[:-1])
    if not len(tied):
        return order
    # Samples of one instant are few: only the stretches with ties are sorted by the full key.
    in_tie = np.zeros(len(order), bool)
    in_tie[tied] = in_tie[tied + 1] = True
    some = order[in_tie]
    order[in_tie] = some[np.lexsort((c.seq[some], c.rank[some], c.machine[some], c.event_us[some]))]
    return order


class ReorderBuffer:
    """Samples on their way from arrival to canonical order. Bounded by what the frontiers hold back."""

    def __init__(self) -> None:
        self._parts: list[Columns] = []

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def push(self, samples: Columns) -> None:
        """Add samples in the order of their arrival."""
        if len(samples):
            self._parts.append(samples)

    def pop(self, settled_us: NDArray[np.int64]) -> Columns:
        """Samples before their machine's settled frontier ([machines]), in canonical order; the others stay."""
        if not self._parts:
            return Columns.empty()
        everything = Columns.concat(self._parts)
        ready = everything.event_us < settled_us[everything.machine]
        rest = everything.take(~ready)
        self._parts = [rest] if len(rest) else []
        out = everything.take(ready)
        return out.take(canonical_order(out))

    def tail(self, shown_us: NDArray[np.int64]) -> Columns:
        """Copies of the samples before their machine's shown frontier, in canonical order; all stay.

        An edge of a gap on the frontier is shown too: a restart knows gaps only from what was shown.
        """
        if not self._parts:
            return Columns.empty()
        everything = Columns.concat(self._parts)
        self._parts = [everything]
        edge = (everything.role == Role.GAP_OPEN) | (everything.role == Role.GAP_CLOSE)
        out = everything.take(everything.event_us < shown_us[everything.machine] + edge)
        return out.take(canonical_order(out))
