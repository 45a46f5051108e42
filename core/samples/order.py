"""Canonical order, and the buffer that waits until it is certain.

The canonical order of a machine is (event time, signal rank, source rank, seq, record, row). Rows arrive in (record,
row) order, and stable sorting keeps that. A repeated delivery (same source, signal, time, number, value and quality) is
left out. A sample inside a gap of its source takes effect where the gap ends, before the gap's end itself; inside an
open gap it waits. So what is folded is a function of the samples and the gap records, not of the order of arrival.
A sample leaves the buffer when its machine's settled frontier has passed its effect.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.plant.tables import PlantTables
from core.samples.batch import SampleBatch
from core.units import natural_id
from core.vocabulary import OTHER_RANK, Flag, Quality, Role

KEYED = {
    Role.PROGRAM: "part_program",
    Role.JOB_ORDER: "job_order",
    Role.JOB_ID: "job_order",
    Role.ALARM: "alarm",
}
"""Roles whose text names something, and the kind of its id."""


@dataclass(frozen=True)
class Columns:
    """Samples as the fold wants them: parallel arrays.

    `key` is the id of a text, 0 none; `source` the lane in which it came (core.plant.lanes), by rank in a machine.
    """

    machine: NDArray[np.int32]
    event_us: NDArray[np.int64]
    role: NDArray[np.int16]
    channel: NDArray[np.int16]
    value: NDArray[np.float64]
    key: NDArray[np.int64]
    quality: NDArray[np.uint8]
    flags: NDArray[np.uint16]
    rank: NDArray[np.int16]
    source: NDArray[np.int32]
    seq: NDArray[np.int64]
    received_us: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.machine)

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Columns:
        """The samples at the given positions or under the given mask; itself if that takes nothing away."""
        if which.dtype == np.bool_ and which.all():
            return self
        return Columns(*(column[which] for column in vars(self).values()))

    @classmethod
    def concat(cls, parts: list[Columns]) -> Columns:
        """All samples of several parts, one after the other."""
        some = [part for part in parts if len(part)]
        if len(some) <= 1:
            return some[0] if some else cls.empty()
        names = cls.__dataclass_fields__
        return cls(*(np.concatenate([getattr(part, name) for part in some]) for name in names))

    @classmethod
    def empty(cls) -> Columns:
        """No samples."""
        return cls(*(np.empty(0, kind) for kind in _KINDS))


_KINDS = ("i4", "i8", "i2", "i2", "f8", "i8", "u1", "u2", "i2", "i4", "i8", "i8")


def columns_of(batch: SampleBatch, tables: PlantTables) -> Columns:
    """A batch with the fold's roles; texts that name something get a key, alarm edges their class as value."""
    role = tables.signal_role[batch.signal]
    key, value = np.zeros(len(batch), "i8"), batch.value
    if batch.texts:
        for text_role, kind in KEYED.items():
            key[role == text_role] = _keys(batch, kind)[batch.text[role == text_role]]
        alarm = role == Role.ALARM
        if alarm.any():
            value = np.where(alarm, np.where(value == 1.0, 1, -1) * (batch.raw + 2), value)
    return Columns(
        machine=batch.machine,
        event_us=batch.event_us,
        role=role,
        channel=tables.signal_channel[batch.signal],
        value=value,
        key=key,
        quality=batch.quality,
        flags=batch.flags,
        rank=tables.signal_rank[batch.signal],
        source=tables.lanes.take_in(batch.machine, batch.signal),
        seq=batch.seq,
        received_us=batch.received_us,
    )


def _keys(batch: SampleBatch, kind: str) -> NDArray[np.int64]:
    """The id of each text of a batch as a name of `kind`, 0 for an empty one; the last is that of no text."""
    return np.array([natural_id(kind, text) if text.strip() else 0 for text in batch.texts] + [0], "i8")


FIRST_VALUES = int(Flag.INITIAL | Flag.RETAINED)
"""Flags of first values after connecting: they say how things are and since when, they prove no life."""


def from_begin(samples: Columns, begin_us: NDArray[np.int64]) -> Columns:
    """First values from before a machine's beginning ([machines]) hold from the beginning on."""
    first = (samples.flags & FIRST_VALUES) != 0
    at_us = np.where(first, np.maximum(samples.event_us, begin_us[samples.machine]), samples.event_us)
    return replace(samples, event_us=at_us)


def gap_edges(machines: list[int], at_us: list[int], opened: bool, cause: int, rank: int) -> Columns:
    """The edges of a gap as pseudo-samples, so that they take their place in canonical order.

    Of the first source, in a plant where every machine has one; `channel` is the number of the source from 1 on.
    """
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
        source=np.array(machines, "i4"),
        seq=np.full(count, -1, "i8"),
        received_us=np.array(at_us, "i8"),
    )


def words_found(found: NDArray[np.int64], not_trusted: int) -> Columns:
    """Rows (machine, instant, word) as samples of the role CYCLE; a word `not_trusted` as a bad one."""
    edges = gap_edges(found[:, 0].tolist(), found[:, 1].tolist(), True, 0, OTHER_RANK)
    bad = (found[:, 2] == not_trusted).astype("u1") * np.uint8(Quality.BAD)
    return replace(edges, role=np.full(len(found), Role.CYCLE, "i2"), value=found[:, 2].astype("f8"), quality=bad)


def joined(samples: Columns, others: Columns) -> Columns:
    """Samples in the order of the fold, with others that may stand anywhere within their microsecond."""
    if not len(others):
        return samples
    everything = Columns.concat([samples, others])
    return everything.take(np.argsort(everything.event_us, kind="stable"))


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
    order[in_tie] = some[np.lexsort((c.seq[some], c.source[some], c.rank[some], c.machine[some], c.event_us[some]))]
    return order


def repeated(c: Columns) -> NDArray[np.bool_]:
    """Which samples, given in canonical order, were delivered before: a mask. Of equal ones the first is kept."""
    out = np.zeros(len(c), bool)
    tied = np.flatnonzero((c.event_us[1:] == c.event_us[:-1]) & (c.machine[1:] == c.machine[:-1]))
    if not len(tied):
        return out
    some = np.unique(np.concatenate([tied, tied + 1]))
    bits = np.ascontiguousarray(c.value[some]).view("i8")  # two NaN are the same value
    identity = (
        bits, c.key[some], c.quality[some], c.channel[some], c.role[some], c.seq[some], c.source[some],
        c.machine[some], c.event_us[some],
    )  # fmt: skip
    order = np.lexsort(identity)
    same = np.ones(len(some) - 1, bool)
    for column in identity:
        same &= column[order][1:] == column[order][:-1]
    out[some[order[1:][same]]] = True
    return out


class GapRecords(Protocol):
    """What the order must know of gaps; core.engine.gaps has it."""

    def effect_us(self, samples: Columns) -> NDArray[np.int64]:
        """When each sample takes effect: its event time, the end of the gap it lies in, or NOT_YET."""
        ...


def fold_order(samples: Columns, effect_us: NDArray[np.int64], edges: Columns) -> Columns:
    """Samples and edges of gaps as the fold takes them: `event_us` of the result is the time of effect."""
    everything = Columns.concat([samples, edges])
    effect = np.concatenate([effect_us, edges.event_us])
    order = canonical_order(everything)
    everything, effect = everything.take(order), effect[order]
    once = ~repeated(everything)
    everything, effect = everything.take(once), effect[once]
    deferred = effect != everything.event_us
    if deferred.any():
        order = np.lexsort((~deferred, effect))
        everything, effect = everything.take(order), effect[order]
    return replace(everything, event_us=effect)


class ReorderBuffer:
    """Samples on their way from arrival to canonical order. Bounded by what frontiers and open gaps hold back."""

    def __init__(self) -> None:
        self._parts: list[Columns] = []

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def push(self, samples: Columns) -> None:
        """Add samples in the order of their arrival."""
        if len(samples):
            self._parts.append(samples)

    def drop(self, machines: NDArray[np.bool_]) -> None:
        """Forget the samples of the machines under the mask [machines]."""
        self._parts = [part.take(~machines[part.machine]) for part in self._parts]

    def pop(self, gaps: GapRecords, edges: Columns, until_us: NDArray[np.int64]) -> Columns:
        """What takes effect before the given instants ([machines]), with the edges, as the fold takes it."""
        out, rest = self._split(gaps, edges, until_us)
        self._parts = [rest] if len(rest) else []
        return out

    def rest(self, until_us: NDArray[np.int64]) -> Columns:
        """What has its event before the given instants, as it was pushed; everything stays."""
        everything = Columns.concat(self._parts)
        return everything.take(everything.event_us < until_us[everything.machine])

    def tail(self, gaps: GapRecords, edges: Columns, until_us: NDArray[np.int64]) -> Columns:
        """The same, but everything stays."""
        return self._split(gaps, edges, until_us)[0]

    def _split(self, gaps: GapRecords, edges: Columns, until_us: NDArray[np.int64]) -> tuple[Columns, Columns]:
        everything = Columns.concat(self._parts)
        self._parts = [everything]
        effect = gaps.effect_us(everything)
        ready = effect < until_us[everything.machine]
        return fold_order(everything.take(ready), effect[ready], edges), everything.take(~ready)
