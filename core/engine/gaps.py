"""Gap records by lane (machine and source): what the engine was told or judged, and what that does to samples.

Invariants:
- The gaps of a lane that count are disjoint and in order; one that overlaps another is joined with it.
- A gap ends at least 1 µs after it began; one without an end lasts.
- A recovered gap does not count any more: a sequence proved that nothing is missing inside. Its record is kept.
- A machine begins with the minute in which the first of its sources was heard. Before the first contact with a source
  nothing is known from it: cause NO_DATA_YET, from the machine's beginning. Samples from before that contact move it
  back; between the last of them and the contact nothing is known either, unless that is shorter than a silence.
Pure: every instant is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import GapRow
from core.plant.lanes import NO_LANE, Lanes
from core.samples.order import Columns, gap_edges
from core.units import HOUR_US, SECOND_US
from core.vocabulary import SIGNAL_RANK, Cause, Flag, Role

OPEN = -1
"""`to_us` of a gap that lasts."""
NOT_YET = np.iinfo(np.int64).max
"""When a sample inside an open gap takes effect."""
_AHEAD_US = 5 * SECOND_US
"""A source's clock is believed as long as it is at most so far ahead of arrival (docs/en/truth.md, Clock)."""
_TOLD_WITHIN_US = HOUR_US
"""A first count speaks of the gap that ended at most so long before it arrived: the connection was made for it."""
_SPAN = 48
"""Bits for the time in the key of a look-up: 2**48 µs are almost nine years, more than raw samples are kept."""


@dataclass(frozen=True)
class GapRecord:
    """One gap of a lane, half-open; `to_us` OPEN while it lasts."""

    lane: int
    from_us: int
    to_us: int
    cause: int
    recovered: bool = False


def record_of(row: GapRow, lanes: Lanes) -> GapRecord:
    """A stored record; one of a source that the machine has no more goes to its first."""
    lane = lanes.of(row.machine, row.source_id)
    lane = int(lanes.first[row.machine]) if lane == NO_LANE else lane
    return GapRecord(lane, row.from_us, row.to_us, row.cause, row.recovered)


@dataclass(frozen=True)
class Gaps:
    """Gaps that count, as parallel arrays in the order of lane and time; the end of one that lasts is NOT_YET."""

    lanes: Lanes
    lane: NDArray[np.int64]
    from_us: NDArray[np.int64]
    to_us: NDArray[np.int64]
    cause: NDArray[np.int64]

    @classmethod
    def of(cls, records: Iterable[GapRecord], lanes: Lanes) -> Gaps:
        """The arrays of the records that count."""
        found = sorted((r.lane, r.from_us, r.to_us, r.cause) for r in records if not r.recovered)
        lane, from_us, to_us, cause = np.array(found, "i8").reshape(-1, 4).T
        return cls(lanes, lane, from_us, np.where(to_us == OPEN, NOT_YET, to_us), cause)

    def _last_before(self, lane: NDArray[np.int32], at_us: NDArray[np.int64]) -> NDArray[np.intp]:
        """Position of each lane's last gap that began at or before the instant, -1 for none."""
        base = int(min(self.from_us.min(), at_us.min()))
        keys = (self.lane << _SPAN) + np.minimum(self.from_us - base, (1 << _SPAN) - 1)
        wanted = (lane.astype("i8") << _SPAN) + np.minimum(at_us - base, (1 << _SPAN) - 1)
        found = np.searchsorted(keys, wanted, side="right") - 1
        return np.where((found >= 0) & (self.lane[found] == lane), found, -1)

    def effect_us(self, samples: Columns) -> NDArray[np.int64]:
        """When each sample takes effect: at its event time, or where the gap ends in which it lies.

        A gap begins after the samples of its microsecond: the last proof of life is before it.
        """
        until_us = np.zeros(len(self.lanes), "i8")
        np.maximum.at(until_us, self.lane, self.to_us)
        may = np.flatnonzero(samples.event_us < until_us[samples.source])  # few, as a rule: gaps are over
        if not len(may):
            return samples.event_us
        event_us = samples.event_us[may]
        last = self._last_before(samples.source[may], event_us)
        inside = (last >= 0) & (event_us > self.from_us[last]) & (event_us < self.to_us[last])
        effect_us = samples.event_us.copy()
        effect_us[may[inside]] = self.to_us[last[inside]]
        return effect_us

    def edges(self, from_us: NDArray[np.int64], until_us: NDArray[np.int64]) -> Columns:
        """Beginnings and ends of gaps in [from, until) of their machine ([machines]), as samples."""
        machine = self.lanes.machine[self.lane]
        begins = (self.from_us >= from_us[machine]) & (self.from_us < until_us[machine])
        ends = (self.to_us >= from_us[machine]) & (self.to_us < until_us[machine])
        return Columns.concat(
            [
                edge(self.lanes, self.lane[begins], self.from_us[begins], self.cause[begins], opened=True),
                edge(self.lanes, self.lane[ends], self.to_us[ends], self.cause[ends], opened=False),
            ]
        )

    def mended(
        self, at_us: NDArray[np.int64], in_gap: NDArray[np.bool_], active: NDArray[np.bool_] | None = None
    ) -> Columns:
        """Edges at `at_us` ([machines]) for lanes whose state is inside a gap ([lanes]), or outside, and the records
        say otherwise; of the `active` machines, or of all.

        A state at an instant has seen the edges before it; records may have changed since.
        """
        here_us = at_us[self.lanes.machine]
        here, asked = here_us[self.lane], np.ones(len(here_us), bool) if active is None else active[self.lanes.machine]
        meant = np.zeros(len(here_us), bool)
        meant[self.lane[(self.from_us <= here) & (self.to_us >= here)]] = True
        ended = np.flatnonzero(in_gap & ~meant & asked)
        begun = (self.from_us < here) & (self.to_us > here) & ~in_gap[self.lane] & (here > 0) & asked[self.lane]
        lane = self.lane[begun]
        return Columns.concat(
            [
                edge(self.lanes, lane, here_us[lane], self.cause[begun], opened=True),
                edge(self.lanes, ended, here_us[ended], np.zeros(len(ended), "i8"), opened=False),
            ]
        )

    def told(self, samples: Columns) -> Columns:
        """First counts after a gap that are older than its end, as readings of that end.

        Who tells at a new connection that a counter last changed before, says that it stands there still: so nothing
        was made since, and the next part is not one of the gap's. A retained message says nothing of the present. Nor
        does a first count that moved before the gap's end: both readings come with one notification.
        """
        counter = (samples.role >= Role.PART_TOTAL) & (samples.role <= Role.PART_SCRAP)
        first = (samples.flags & int(Flag.INITIAL | Flag.RETAINED)) == int(Flag.INITIAL)
        found = samples.take(np.flatnonzero(first & counter))
        closed = self.to_us != NOT_YET
        if not len(found) or not closed.any():
            return Columns.empty()
        ended = Gaps(self.lanes, *(column[closed] for column in (self.lane, self.to_us, self.to_us, self.cause)))
        last = ended._last_before(found.source, found.received_us + _AHEAD_US)
        end_us = ended.to_us[last]
        spoken = (last >= 0) & (found.event_us < end_us) & (end_us > found.received_us - _TOLD_WITHIN_US)
        counts = samples.take(np.flatnonzero(counter))
        still = [at for at in np.flatnonzero(spoken).tolist() if not _moved(counts, found, at, int(end_us[at]))]
        return replace(found.take(np.array(still, "i8")), event_us=end_us[still])


def _moved(counts: Columns, first: Columns, at: int, until_us: int) -> bool:
    """Whether a counter has another reading after the first one at a position, before an instant."""
    same = (counts.machine == first.machine[at]) & (counts.role == first.role[at])
    later = (counts.event_us > first.event_us[at]) & (counts.event_us < until_us)
    return bool((same & later).any())


def edge(
    lanes: Lanes, lane: NDArray[np.int64], at_us: NDArray[np.int64], cause: NDArray[np.int64], *, opened: bool
) -> Columns:
    """Edges of gaps as samples."""
    rank = SIGNAL_RANK[Role.GAP_OPEN if opened else Role.GAP_CLOSE]
    edges = gap_edges(lanes.machine[lane].tolist(), at_us.tolist(), opened, 0, rank)
    return replace(edges, value=cause.astype("f8"), source=lane.astype("i4"), channel=lanes.slot[lane] + np.int16(1))


class GapLog:
    """The records of all lanes as far back as they may still matter, and which of them changed since `take`."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._records: list[list[GapRecord]] = [[] for _ in range(len(lanes))]
        self.contact_us = np.full(len(lanes), -1, "i8")
        """By lane: what is said of the time from here on moves no first contact; NOT_YET before the first one."""
        self._forgotten_us = [-1] * len(lanes)
        self._changed: dict[int, int] = {}
        self._gaps: Gaps | None = None

    def load(self, records: Iterable[GapRecord]) -> None:
        """Take in records that are stored already."""
        for record in records:
            self._records[record.lane].append(record)
        for found in self._records:
            found.sort(key=lambda record: record.from_us)
        for lane in range(len(self._records)):
            self._note_contact(lane)
        self._gaps = None

    def gaps(self) -> Gaps:
        """Those that count."""
        if self._gaps is None:
            self._gaps = Gaps.of((record for found in self._records for record in found), self._lanes)
        return self._gaps

    def standing(self, lane: int) -> GapRecord | None:
        """The gap that lasts, or None."""
        return next((r for r in reversed(self._records[lane]) if r.to_us == OPEN and not r.recovered), None)

    def last_end_us(self, lane: int) -> int:
        """Where the latest gap with an end ends, -1 if there is none."""
        return max((r.to_us for r in self._records[lane] if not r.recovered), default=-1)

    def ended_since(self, lane: int, at_us: int) -> bool:
        """Whether a gap of a source that had been heard before ended after the instant."""
        return any(r.to_us > at_us and r.cause != Cause.NO_DATA_YET and not r.recovered for r in self._records[lane])

    def heard_us(self, lane: int, begin_us: int) -> int:
        """When the source was first heard by a machine that begins at `begin_us`, NOT_YET if it never was."""
        first = self._first(lane, begin_us)
        if first is None:
            return begin_us
        return NOT_YET if first.to_us == OPEN else first.to_us

    def unheard(self, machine: int, begin_us: int) -> int:
        """Bits of the sources that a machine begins without at `begin_us`."""
        lanes = self._lanes.of_machine(machine)
        return sum(1 << slot for slot, lane in enumerate(lanes) if self.heard_us(lane, begin_us) > begin_us)

    def open(self, lane: int, from_us: int, cause: int) -> int:
        """A gap begins, or one that lasts began earlier. Returns from when on something is different, or NOT_YET."""
        contact_us = max((r.to_us for r in self._records[lane] if r.cause == Cause.NO_DATA_YET), default=-1)
        from_us = max(from_us, contact_us, self._forgotten_us[lane])
        standing = self.standing(lane)
        if standing is not None and standing.from_us <= from_us:
            return NOT_YET
        return self._put(GapRecord(lane, from_us, OPEN, cause))

    def close(self, lane: int, at_us: int) -> int:
        """The gap that lasts ends. Returns where, or NOT_YET if there is none."""
        standing = self.standing(lane)
        if standing is None:
            return NOT_YET
        closed = replace(standing, to_us=max(at_us, standing.from_us + 1))
        self._swap(lane, standing, [closed])
        return closed.to_us

    def recover(self, lane: int, from_us: int, to_us: int) -> int:
        """Everything in [from, to) was delivered: gaps inside do not count. Returns the first of them, or NOT_YET."""
        first = NOT_YET
        for record in [r for r in self._records[lane] if not r.recovered]:
            end_us = record.to_us if record.to_us != OPEN else to_us
            if record.cause != Cause.NO_DATA_YET and from_us <= record.from_us and end_us <= to_us:
                self._swap(lane, record, [replace(record, to_us=end_us, recovered=True)])
                first = min(first, record.from_us)
        return first

    def wait(self, lane: int, begin_us: int, until_us: int = OPEN) -> None:
        """A machine begins at `begin_us`, and nothing is known from this source before `until_us`."""
        if until_us != begin_us:
            self._put(GapRecord(lane, begin_us, until_us, Cause.NO_DATA_YET))

    def begin_earlier(self, lane: int, begin_us: int, new_begin_us: int) -> None:
        """The machine begins earlier, by what another source told."""
        first = self._first(lane, begin_us)
        to_us = begin_us if first is None else first.to_us
        self._replace(lane, first, [GapRecord(lane, new_begin_us, to_us, Cause.NO_DATA_YET)])

    def hear_earlier(
        self, lane: int, begin_us: int, new_begin_us: int, events_us: NDArray[np.int64], silence_us: int
    ) -> None:
        """Samples came from before the first contact with a source; see the module's invariants."""
        contact_us = self.heard_us(lane, begin_us)
        before = events_us[events_us < contact_us]
        first_us, last_us, rest = int(before.min()), int(before.max()), []
        if contact_us != NOT_YET and contact_us - last_us > silence_us:
            rest = [GapRecord(lane, last_us, contact_us, Cause.NO_DATA_YET)]
        self._replace(lane, self._first(lane, begin_us), rest)
        self.wait(lane, new_begin_us, first_us)

    def _first(self, lane: int, begin_us: int) -> GapRecord | None:
        """The record from a machine's beginning until the first contact with a source."""
        found = (r for r in self._records[lane] if r.from_us == begin_us and r.cause == Cause.NO_DATA_YET)
        return next(found, None)

    def _replace(self, lane: int, old: GapRecord | None, new: list[GapRecord]) -> None:
        if old is not None:
            self._swap(lane, old, new)
        else:
            for record in new:
                self._put(record)

    def known_until(self, lane: int, begin_us: int, events_us: NDArray[np.int64], silence_us: int) -> int:
        """Samples from before a later contact came: less is unknown. Until when; -1 if nothing is new."""
        until_us = -1
        for record in [r for r in self._records[lane] if r.cause == Cause.NO_DATA_YET and r.from_us > begin_us]:
            inside = events_us[(events_us >= record.from_us) & (events_us < record.to_us)]
            if len(inside):
                last_us = int(inside.max())
                short = record.to_us - last_us <= silence_us
                self._swap(lane, record, [] if short else [replace(record, from_us=last_us)])
                until_us = record.to_us
        return until_us

    def take(self) -> tuple[list[GapRecord], dict[int, int]]:
        """The records that changed since the last call: all of a lane from the given instant on."""
        changed, self._changed = self._changed, {}
        return [r for lane, since in changed.items() for r in self._records[lane] if r.from_us >= since], changed

    def forget(self, before_us: Mapping[int, int]) -> None:
        """Drop records that ended before the given instants and are stored; those of first contacts stay."""
        for lane, at_us in before_us.items():
            old = [r for r in self._records[lane] if OPEN < r.to_us < at_us and r.cause != Cause.NO_DATA_YET]
            if old and lane not in self._changed:
                self._forgotten_us[lane] = max(r.to_us for r in old)
                self._records[lane] = [r for r in self._records[lane] if r not in old]
                self._gaps = None

    def _put(self, record: GapRecord) -> int:
        """Add a record, joined with those that it overlaps; returns from when on something is different."""
        end_us = NOT_YET if record.to_us == OPEN else record.to_us
        touched = [
            r
            for r in self._records[record.lane]
            if not r.recovered and r.from_us < end_us and (r.to_us == OPEN or r.to_us > record.from_us)
        ]
        if not touched:
            self._change(record.lane, record.from_us, [], [record])
            return record.from_us
        lasting = record.to_us == OPEN or any(r.to_us == OPEN for r in touched)
        joined = replace(
            touched[0] if touched[0].from_us <= record.from_us else record,
            from_us=min(record.from_us, touched[0].from_us),
            to_us=OPEN if lasting else max(record.to_us, *(r.to_us for r in touched)),
        )
        self._change(record.lane, joined.from_us, touched, [joined])
        return min([record.from_us, *(r.to_us for r in touched if r.to_us != OPEN)])

    def _swap(self, lane: int, old: GapRecord, new: list[GapRecord]) -> None:
        self._change(lane, min([old.from_us, *(r.from_us for r in new)]), [old], new)

    def _change(self, lane: int, since_us: int, old: list[GapRecord], new: list[GapRecord]) -> None:
        records = [r for r in self._records[lane] if r not in old] + new
        self._records[lane] = sorted(records, key=lambda r: (r.from_us, r.recovered))
        self._changed[lane] = min(since_us, self._changed.get(lane, NOT_YET))
        self._note_contact(lane)
        self._gaps = None

    def _note_contact(self, lane: int) -> None:
        ends = [NOT_YET if r.to_us == OPEN else r.to_us for r in self._records[lane] if r.cause == Cause.NO_DATA_YET]
        self.contact_us[lane] = max(ends, default=-1)
