"""Six hours of the demonstration plant as what its two collectors write to their spools, minute by minute.

The minutes hold disorder and duplicates below the lateness, and three outages, each across a full hour:
silence (what happened in it is lost), a restarted collector (a pair of gap edges, then first values), and a broker that
kept the messages of the outage and delivers them at its end. And people tell of repairs and scrap, and take some back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from core.plant.model import Plant
from core.samples.batch import SampleBatch
from core.samples.entries import REASON, SCRAP, Entry, identified, pack_entry, taken_back
from core.samples.records import Gap, Heartbeat, RowKind, SpoolRow, pack_gap, pack_heartbeat, pack_samples
from core.samples.records import unpack_samples as unpack
from core.units import MINUTE_US, SECOND_US
from core.vocabulary import Cause, Flag
from simulators.backfill import backfill
from simulators.scenario import Scenario

MINUTES = 360


@dataclass(frozen=True)
class Outage:
    """Minutes from `first` on to `last` of one source; `told` by the collector, not judged; `kept` by the broker."""

    source: str
    first: int
    last: int
    told: bool = False
    kept: bool = False


OUTAGES = (
    Outage("ural-mqtt", 100, 130),
    Outage("minsk-opcua", 175, 186, told=True),
    Outage("ural-mqtt", 286, 304, kept=True),
)


def told(plant: Plant, begin_us: int) -> dict[int, list[Entry]]:
    """What people tell, by minute: of the past, of a stretch that is not over yet, twice, and that it was a mistake."""

    def us(minute: float) -> int:
        return begin_us + int(minute * MINUTE_US)

    names = [machine.name for machine in plant.machines]
    repair = Entry("", REASON, names[0], us(150), us(215.5), "Anna", us(200), "repair", "repair")
    other = replace(repair, machine=names[-1], from_us=us(20), to_us=us(90), entered_us=us(95), author="Ivan")
    scrap = Entry("", SCRAP, names[0], us(40.5), us(40.5) + 1, "Ivan", us(61), parts=2)
    repair, other, scrap = (identified(entry, []) for entry in (repair, other, scrap))
    back = identified(taken_back(scrap, "Olga", us(230), "measured again"), [scrap])
    again = identified(replace(scrap, id="", parts=1), [scrap, back])
    return {61: [scrap, scrap], 95: [other], 200: [repair], 230: [back, again]}


@dataclass
class Step:
    """One minute: rows by spool, the clock after them, and the source whose silence must be judged then."""

    rows: dict[str, list[SpoolRow]] = field(default_factory=dict)
    clock_us: int | None = None
    judged: Outage | None = None


class Collector:
    """What one source's collector writes."""

    def __init__(self, plant: Plant, source: str, random: np.random.Generator) -> None:
        self._plant, self._source, self._random = plant, source, random
        self.machines = plant.machines_of(source)
        self._everything = SampleBatch.empty()
        self._held = SampleBatch.empty()
        self._queue = SampleBatch.empty()

    def minute(self, batch: SampleBatch, end_us: int) -> list[SpoolRow]:
        """Some samples of the last seconds come with the next minute, or with both."""
        self._everything = SampleBatch.concat([self._everything, batch])
        last = batch.event_us >= end_us - 4 * SECOND_US
        held, twice = last & (self._random.random(len(batch)) < 0.5), last & (self._random.random(len(batch)) < 0.2)
        now = SampleBatch.concat([self._held, batch.take(~held)])
        self._held = batch.take(held | twice)
        return [*self._samples(now, end_us), self._beat(end_us)]

    def missed(self, batch: SampleBatch) -> None:
        """A minute of an outage."""
        self._everything = SampleBatch.concat([self._everything, batch])
        self._queue = SampleBatch.concat([self._queue, self._held, batch])
        self._held = SampleBatch.empty()

    def back(self, outage: Outage, from_us: int, to_us: int) -> list[SpoolRow]:
        """The end of an outage: what the collector says of it, and what comes first."""
        queue, self._queue = self._queue, SampleBatch.empty()
        if not outage.told and not outage.kept:
            return []
        opened = Gap(True, from_us, Cause.RESTART, self.machines)
        pair = [
            self._row(RowKind.GAP, pack_gap(gap), to_us) for gap in (opened, replace(opened, opened=False, at_us=to_us))
        ]
        first = queue if outage.kept else self._first_values()
        return [*pair, self._beat(to_us), *self._samples(first, to_us)]

    def _first_values(self) -> SampleBatch:
        """The present value of every signal, with the time of its last change."""
        keys = self._everything.machine.astype("i8") << 16 | self._everything.signal
        last = len(keys) - 1 - np.unique(keys[::-1], return_index=True)[1]
        found = self._everything.take(np.sort(last))
        return replace(found, flags=found.flags | np.uint16(Flag.INITIAL))

    def _samples(self, batch: SampleBatch, at_us: int) -> list[SpoolRow]:
        if not len(batch):
            return []
        received = replace(batch, received_us=np.full(len(batch), at_us, "<i8"))
        return [self._row(RowKind.SAMPLES, pack_samples(received), at_us)]

    def _beat(self, at_us: int) -> SpoolRow:
        beat = Heartbeat(np.array(self.machines, "<i4"), np.full(len(self.machines), at_us, "<i8"))
        return self._row(RowKind.HEARTBEAT, pack_heartbeat(beat), at_us)

    def _row(self, kind: RowKind, payload: bytes, at_us: int) -> SpoolRow:
        return SpoolRow(kind, self._source, self._plant.hash, at_us, payload)


def day(plant: Plant, scenario: Scenario, seed: int) -> Iterator[Step]:
    """The steps of the day, in order."""
    random = np.random.default_rng(seed)
    collectors = {source.name: Collector(plant, source.name, random) for source in plant.sources}
    begin_us = scenario.begin_us
    found = backfill(plant, scenario, begin_us, begin_us + MINUTES * MINUTE_US, MINUTE_US)
    people = told(plant, begin_us)
    for minute, rows in enumerate(found):
        step = Step(clock_us=begin_us + (minute + 1) * MINUTE_US)
        for name, collector in collectors.items():
            _minute(step, collector, name, minute, begin_us, _batch(rows, name))
        if minute in people:
            at_us = begin_us + minute * MINUTE_US
            step.rows["operator"] = [
                SpoolRow(RowKind.OPERATOR, "operator", plant.hash, at_us, pack_entry(entry)) for entry in people[minute]
            ]
        yield step


def _minute(step: Step, collector: Collector, name: str, minute: int, begin_us: int, batch: SampleBatch) -> None:
    rows = step.rows.setdefault(name, [])
    for outage in OUTAGES:
        if outage.source != name:
            continue
        if outage.first <= minute < outage.last:
            collector.missed(batch)
            step.clock_us = None if outage.told else step.clock_us
            step.judged = outage if minute == outage.first + 1 and not outage.told else step.judged
            return
        if minute == outage.last:
            rows += collector.back(outage, *(begin_us + at * MINUTE_US for at in (outage.first, outage.last)))
    rows += collector.minute(batch, begin_us + (minute + 1) * MINUTE_US)


def _batch(rows: Sequence[SpoolRow], source: str) -> SampleBatch:
    return SampleBatch.concat(
        unpack(row.payload) for row in rows if row.source == source and row.kind is RowKind.SAMPLES
    )
