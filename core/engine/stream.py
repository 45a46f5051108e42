"""From spool rows to `Changes`: frontiers, silence, gaps, and the fold. Pure: rows and ticks in, changes out.

Invariants (docs/en/truth.md):
- Time moves by data. A source has spoken for a machine up to its latest event or heartbeat less its lateness; the
  settled frontier of the machine is the least of its sources. A source in a logged gap does not count; where all are in
  one, it is the last tick less the lateness. It moves back only where a repair hands back a state that is still
  undecided there (`Refolded.ahead`).
- Silence is judged only at ticks of this run and only as rows for the engine's own spool. A judgement takes effect
  when it is read back, like any other row, so that a replay obeys it and never judges again.
- What is folded is a function of the samples, the gap records and what people told alone (core.samples.order,
  core.engine.operator). Whatever changes it before the settled frontier (a late sample, the edge of a gap, a proof that
  a gap lost nothing, an operator's entry) asks for a repair of the stretch from there to the frontier. Until then the
  newest value of a late signal holds from the frontier on.
- What is written is absolute: facts, intervals and gaps of a machine are replaced from an instant on.

Over 600 lines: rows, gaps and silence change the same few arrays; first contact and silence are the part to split off.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engine.fold import CODE_VERSION, Fold, Folded
from core.engine.frontier import frontiers, silence_us
from core.engine.gaps import NOT_YET, GapLog, GapRecord
from core.engine.operator import OperatorLog, Told, told_of
from core.engine.raw import NEVER, Latest, Raw
from core.engine.refold import Refolded
from core.engine.state import STATE, since_us
from core.engine.versions import NamesOf, PlantVersions, no_names
from core.facts.rollup import summed
from core.facts.schema import FACT, Changes, Frontier, GapRow, Late, Live, Repair, ShiftRow, Snapshot
from core.plant.calendar import shift_instances
from core.plant.lanes import NO_LANE, lanes_of
from core.plant.model import Plant
from core.samples import records
from core.samples.batch import SampleBatch
from core.samples.entries import Entry, unpack_entry
from core.samples.order import FIRST_VALUES, Columns, ReorderBuffer, columns_of, from_begin, joined
from core.samples.records import Gap, Quarantine, RowKind, SpoolRow, StoredRow, Tick
from core.units import DAY_US, FAR_US, HOUR_US, SECOND_US, floor_minute, natural_id
from core.vocabulary import Cause, Flag, Role

_TAILS = ("minute_us", "since_us", "program_since_us")
"""Where the running minute, interval and program of a settled state began: what the next commit replaces from."""

_NOT_LIFE = FIRST_VALUES | int(Flag.HISTORICAL | Flag.IN_DOUBT)
"""Flags of samples that prove no life."""
_CLOCKS_APART_US = 5 * SECOND_US
"""Clocks of collector and engine that differ by more are not compared; as much as a source may be ahead."""
GAPS_KEPT_US = 2 * DAY_US
"""Gap records that ended longer ago are only in the database; the longest outage that a proof is expected to span."""
_TOLD_KEPT = 4096
"""First counts that are remembered until the gap that they speak of has an end: far more than counters exist."""


class Stream:
    """The engine's memory: feed it rows with `take_row`, write its `judgements`, store what `collect` returns."""

    def __init__(self, plant: Plant, spools: Sequence[str] = (), names: NamesOf = no_names) -> None:
        """`names` finds the machine and signal names of another version of the plant file by its hash."""
        self.plant = plant
        self.lanes = lanes_of(plant)
        count, lanes = len(plant.machines), len(self.lanes)
        self.spools = list(spools)
        self._versions = PlantVersions(plant, names)
        self.fold = Fold(plant)
        self.last_tick = NEVER
        self._source = [plant.sources[source] for source in self.lanes.source.tolist()]
        self._lateness = np.array([source.lateness_us for source in self._source], "i8")
        self._silence = np.array([silence_us(source) for source in self._source], "i8")
        self.last_event, self.last_beat, self.last_life = (np.full(lanes, NEVER, "i8") for _ in range(3))
        self._heard = np.full(lanes, NEVER, "i8")  # when the latest proof of life arrived, by the collector's clock
        self.settled = np.full(count, NEVER, "i8")
        self._looked = np.full(count, NEVER, "i8")  # up to here samples have had a say in what is settled
        self._relied = np.full(count, NEVER, "i8")  # the same of what was settled before a restart
        self.gap_from, self._alive_again = (np.full(lanes, NEVER, "i8") for _ in range(2))
        self.gaps = GapLog(self.lanes)
        self._operator = OperatorLog()
        self._entries: list[tuple[str, int, Entry]] = []
        self.begin_us = np.full(count, NEVER, "i8")
        self._latest = Latest(plant)
        self._told = Columns.empty()  # first counts of the last connections
        self._buffer = ReorderBuffer()
        self._early = ReorderBuffer()  # late values that hold from the frontier on until the repair
        self._raw = Raw()
        self._pending: NDArray[np.void] = np.empty(0, FACT)
        self._written: dict[str, NDArray[np.int64]] = {name: np.full(count, NEVER, "i8") for name in _TAILS}
        self._late: dict[int, tuple[int, int, str]] = {}
        self._repairs: list[Repair] = []
        self._repaired: tuple[Sequence[int], int] = (), 0
        self._quarantine: list[tuple[str, int, str, int, Quarantine]] = []
        self._snapshots: list[Snapshot] = []
        self._known_names = {program.id for program in plant.programs}
        self._new_programs: dict[int, str] = {}
        self._new_orders: dict[int, str] = {}
        self._cursors: dict[str, int] = {}
        self._judged: list[tuple[int, Gap]] = []  # with the lane
        self._shifts = np.iinfo("i8").max, NEVER  # from and until when shift instances were handed over

    def __len__(self) -> int:
        """Samples taken in since the last `collect`."""
        return len(self._raw)

    def add_spool(self, spool: str) -> None:
        """Another spool to expect rows from."""
        if spool not in self.spools:
            self.spools.append(spool)

    # Rows in

    def take_row(self, spool: str, row: StoredRow, scale: float, *, judge: bool = True) -> None:
        """Take in one spool row. `judge`: a tick may be judged (it was written in this run)."""
        self._cursors[spool] = row.record
        try:
            self._take(spool, row, scale, judge)
        except (ValueError, LookupError, TypeError, OverflowError, struct.error) as error:
            item = Quarantine(f"a {row.kind.name.lower()} row cannot be read: {error}", row.source, -1, row.payload)
            self._quarantine.append((spool, row.record, row.source, row.received_us, item))

    def _take(self, spool: str, row: StoredRow, scale: float, judge: bool) -> None:
        if row.kind is RowKind.TICK:
            tick = records.unpack_tick(row.payload)
            self.last_tick = max(self.last_tick, tick.at_us)
            if judge:
                self._judge_silence(tick, scale)
            return
        if row.kind in (RowKind.SAMPLES, RowKind.ALARM):
            self._take_samples(spool, row)
        elif row.kind is RowKind.HEARTBEAT:
            beat = records.unpack_heartbeat(row.payload)
            machines = self._versions.machines(row, beat.machine)
            lanes = self.lanes.of_each(machines, natural_id("source", row.source))
            self._take_heartbeat(lanes[lanes != NO_LANE], beat.at_us[lanes != NO_LANE], row.received_us)
        elif row.kind is RowKind.GAP:
            gap = records.unpack_gap(row.payload)
            found = self._versions.machines(row, np.array(gap.machines, "i4"))
            found = found[found >= 0]
            lanes = self.lanes.of_each(found, natural_id("source", row.source))
            # What was missing of a source that a machine has no more was missing all the same.
            self._take_gap(gap, np.where(lanes == NO_LANE, self.lanes.first[found], lanes).tolist())
        elif row.kind is RowKind.OPERATOR:
            self._take_entry(spool, row)
        elif row.kind is RowKind.QUARANTINE:
            item = records.unpack_quarantine(row.payload)
            if item.machine >= 0:
                moved = self._versions.machines(row, np.array([item.machine]))
                item = replace(item, machine=int(moved[0]))
            # What is left of a damaged row may be any number.
            received_us = row.received_us if 0 <= row.received_us < FAR_US else max(0, self.last_tick)
            self._quarantine.append((spool, row.record, row.source, received_us, item))

    def _take_samples(self, spool: str, row: StoredRow) -> None:
        batch = self._versions.samples(row)
        if not len(batch):
            return
        samples = columns_of(batch, self.fold.tables(int(batch.received_us.max())))
        self._raw.add(batch, natural_id("source", row.source), self.spools.index(spool), row.record)
        self._note_names(batch, samples)
        self._begin_machines(samples)
        samples = from_begin(samples, self.begin_us)
        self._place(samples, batch.signal)
        self._remember_told(samples)
        fresh = (batch.flags & _NOT_LIFE) == 0
        lane = samples.source[fresh]
        for seen in (self.last_event, self.last_life):
            np.maximum.at(seen, lane, batch.event_us[fresh])
        np.maximum.at(self._heard, lane, batch.received_us[fresh])
        self._note_life(lane, batch.event_us[fresh])
        self._latest.note(samples, batch.signal)

    def _place(self, samples: Columns, signal: NDArray[np.int16]) -> None:
        """Send each sample to the buffer, or see to it that the past which it belongs to is folded again."""
        settled_us = self.settled[samples.machine]
        effect_us = self.gaps.gaps().effect_us(samples)
        late = effect_us < settled_us
        seen = late | (effect_us < np.maximum(self._looked, self._relied)[samples.machine])
        self._buffer.push(samples.take(~late))
        if not seen.any():
            return
        missed = seen & ~self._latest.known(samples, signal)
        newest = missed & late & self._latest.newer(samples, signal)
        for machine in np.unique(samples.machine[missed]).tolist():
            touched = missed & (samples.machine == machine)
            until_us = FAR_US if newest[touched].any() else int(effect_us[touched].max()) + 1
            self._touch(machine, int(effect_us[touched].min()), until_us, "late data")
        present = samples.take(newest)
        self._early.push(replace(present, event_us=self.settled[present.machine]))

    def _touch(self, machine: int, from_us: int, until_us: int, cause: str) -> None:
        """What is folded in [from, until) has changed; ask for a repair of what is settled of it."""
        settled_us = int(self.settled[machine])
        if from_us < max(settled_us, int(self._looked[machine]), int(self._relied[machine])):
            from_us -= int(self.fold.waits_us[machine])  # what it was before may have depended on this
        if from_us < settled_us:
            first_us, last_us, earlier = self._late.get(machine, (from_us, from_us, cause))
            self._late[machine] = min(first_us, from_us), max(last_us, min(until_us, settled_us)), earlier

    def _remember_told(self, samples: Columns) -> None:
        """First counts, for the gap whose end is known already or will be (Gaps.told)."""
        initial = (samples.flags & FIRST_VALUES) == int(Flag.INITIAL)
        if initial.any():
            counter = (samples.role >= Role.PART_TOTAL) & (samples.role <= Role.PART_SCRAP)
            fresh = samples.take(initial | counter)
            self._tell(fresh)
            self._told = Columns.concat([self._told, fresh])
            self._told = self._told.take(np.arange(len(self._told))[-_TOLD_KEPT:])

    def _tell(self, samples: Columns) -> None:
        found = self.gaps.gaps().told(samples)
        late = found.event_us < self.settled[found.machine]
        self._buffer.push(found.take(~late))
        for machine, at_us in zip(found.machine[late].tolist(), found.event_us[late].tolist(), strict=True):
            self._touch(machine, at_us, at_us + 1, "first count")

    def _take_heartbeat(self, lanes: NDArray[np.int64], at_us: NDArray[np.int64], received_us: int) -> None:
        for lane, at in zip(lanes.tolist(), at_us.tolist(), strict=True):
            machine = self._machine(lane)
            if not self.fold.begun(machine):
                self._begin(lane, at)
            elif self.gaps.heard_us(lane, int(self.begin_us[machine])) == NOT_YET:
                self._hear_earlier(lane, np.array([at]))
        np.maximum.at(self.last_beat, lanes, at_us)
        np.maximum.at(self.last_life, lanes, at_us)
        np.maximum.at(self._heard, lanes, received_us)
        self._note_life(lanes, at_us)

    def _take_gap(self, gap: Gap, lanes: Iterable[int]) -> None:
        for lane in lanes:
            machine = self._machine(lane)
            if not self.fold.begun(machine):
                continue
            if gap.proven and not gap.opened:
                until_us = FAR_US if self.gap_from[lane] != NEVER else gap.at_us
                self._touch(machine, self.gaps.recover(lane, gap.from_us, gap.at_us), until_us, "recovered")
            elif gap.opened and gap.cause is Cause.SILENT and self.gaps.ended_since(lane, gap.at_us):
                pass  # judged before it was known that a gap had ended since
            elif gap.opened:
                self._touch(machine, self.gaps.open(lane, gap.at_us, gap.cause), FAR_US, "gap")
            elif gap.cause is not Cause.NONE or gap.at_us > self.gap_from[lane]:
                # A judgement made before the gap began is old; a collector's own pair always ends its gap.
                self._close_gap(lane, gap.at_us)
            self._note_gap(lane)

    def _note_gap(self, lane: int) -> None:
        """Remember whether a gap lasts."""
        standing = self.gaps.standing(lane)
        from_us = NEVER if standing is None else standing.from_us
        if from_us != self.gap_from[lane]:
            self.gap_from[lane] = from_us
            self._alive_again[lane] = NEVER

    def _close_gap(self, lane: int, at_us: int) -> None:
        end_us = self.gaps.close(lane, at_us)
        if end_us == NOT_YET:
            return
        self._touch(self._machine(lane), end_us, FAR_US, "gap")
        self.last_life[lane] = max(int(self.last_life[lane]), end_us)
        self.last_beat[lane] = max(int(self.last_beat[lane]), end_us)
        self._tell(self._told.take(self._told.source == lane))

    def _machine(self, lane: int) -> int:
        return int(self.lanes.machine[lane])

    def _take_entry(self, spool: str, row: StoredRow) -> None:
        """What a person told: kept as it is; what it changes of the past is folded again."""
        entry = unpack_entry(row.payload)
        machine = self.plant.machine_index.get(entry.machine)
        if machine is None:
            raise LookupError(f"the plant file has no machine {entry.machine!r}")
        self._entries.append((spool, row.record, entry))
        if entry.program_id and entry.program_id not in self._known_names:
            self._known_names.add(entry.program_id)
            self._new_programs[entry.program_id] = entry.program
        told = told_of(entry, machine)
        if told is None or not (entry.takes_back or self._operator.add(told)):
            return
        if entry.takes_back:
            self._operator.take_back(told)
        from_us = max(told.from_us, int(self.begin_us[machine]))
        if self.fold.begun(machine) and from_us < told.to_us:
            lasts = told.to_us > self.settled[machine]
            self._touch(machine, from_us, FAR_US if lasts else told.to_us, "operator entry")

    # First contact, life and silence

    def _begin_machines(self, samples: Columns) -> None:
        """Begin machines heard for the first time, at their first event or at the arrival of their first values.

        Samples from before the first contact with a source move that back (core.engine.gaps).
        """
        seed = (samples.flags & FIRST_VALUES) != 0
        first_us = np.full(len(self.lanes), FAR_US)
        np.minimum.at(first_us, samples.source[~seed], samples.event_us[~seed])
        contact_us = np.maximum(self.gaps.contact_us, self.begin_us[self.lanes.machine])
        begun = self.fold.states["at_us"][self.lanes.machine] > 0
        spoken = np.bincount(samples.source, minlength=len(self.lanes)) > 0
        for lane in np.flatnonzero(spoken & (~begun | (first_us < contact_us))).tolist():
            machine, mine = self._machine(lane), samples.source == lane
            events = samples.event_us[mine & ~seed]
            if not self.fold.begun(machine):
                begins = events if len(events) else samples.received_us[mine]
                self._begin(lane, int(begins.min()))
            elif len(events) and int(events.min()) < self.gaps.heard_us(lane, int(self.begin_us[machine])):
                self._hear_earlier(lane, events)
            elif len(events):
                until_us = self.gaps.known_until(lane, int(self.begin_us[machine]), events, int(self._silence[lane]))
                if until_us != NEVER:
                    self._touch(machine, int(events.min()), until_us, "late data")

    def _begin(self, lane: int, at_us: int) -> None:
        """A machine is heard for the first time, by one of its sources."""
        machine, begin_us = self._machine(lane), floor_minute(at_us)
        self.gaps.wait(lane, begin_us, at_us)
        for other in self.lanes.of_machine(machine):
            if other != lane:
                self.gaps.wait(other, begin_us)
                self._note_gap(other)
        self._start(machine, begin_us)

    def _hear_earlier(self, lane: int, events_us: NDArray[np.int64]) -> None:
        """A source that had not been heard speaks, or tells of the time before it was."""
        machine, first_us = self._machine(lane), int(events_us.min())
        before_us = int(self.begin_us[machine])
        contact_us, begin_us = self.gaps.heard_us(lane, before_us), min(before_us, floor_minute(first_us))
        self.gaps.hear_earlier(lane, before_us, begin_us, events_us, int(self._silence[lane]))
        for other in self.lanes.of_machine(machine) if begin_us < before_us else ():
            if other != lane:
                self.gaps.begin_earlier(other, before_us, begin_us)
                self._note_gap(other)
        self._note_gap(lane)
        self.begin_us[machine] = begin_us
        if self.settled[machine] == begin_us:  # nothing has been folded yet
            self.fold.begin(machine, begin_us, self.gaps.unheard(machine, begin_us))
        state = Fold.first_state(begin_us, self.gaps.unheard(machine, begin_us))
        self._snapshots.append(Snapshot(machine, begin_us, CODE_VERSION, state))
        from_us = begin_us if first_us <= before_us else first_us
        self._touch(machine, from_us, FAR_US if contact_us == NOT_YET else contact_us, "late data")

    def _start(self, machine: int, begin_us: int) -> None:
        """Begin a machine, with a first snapshot to come back to."""
        self.fold.begin(machine, begin_us, self.gaps.unheard(machine, begin_us))
        self.begin_us[machine] = begin_us
        self.settled[machine] = begin_us
        for name in _TAILS:
            self._written[name][machine] = begin_us
        self._snapshots.append(self._snapshot(machine, begin_us))

    def _note_life(self, lane: NDArray[Any], at_us: NDArray[np.int64]) -> None:
        """Remember the first proof of life after a gap; `judgements` makes it the gap's end."""
        in_gap = self.gap_from[lane] != NEVER
        for of, at in zip(lane[in_gap].tolist(), at_us[in_gap].tolist(), strict=True):
            if at > self.gap_from[of] and self._alive_again[of] == NEVER:
                self._alive_again[of] = at

    @property
    def judging(self) -> bool:
        """Whether a judgement is due; it has to be taken in before another row."""
        return bool(self._judged) or bool((self._alive_again != NEVER).any())

    def _judge_silence(self, tick: Tick, scale: float) -> None:
        """A gap from the last proof of life for machines that nothing was heard of for too long.

        A source whose clock is behind lives all the same: what counts is when it was heard. A collector's clock that
        was ahead says nothing of that.
        """
        begun = self.fold.states["at_us"] > 0
        heard = np.where(self._heard > tick.at_us + _CLOCKS_APART_US, NEVER, self._heard)
        quiet = tick.at_us - np.maximum(self.last_life, heard) > self._silence * scale
        for lane in np.flatnonzero(begun[self.lanes.machine] & quiet & (self.gap_from == NEVER)).tolist():
            self._judged.append((lane, Gap(True, int(self.last_life[lane]), Cause.SILENT, (self._machine(lane),))))

    def judgements(self, now_us: int) -> list[SpoolRow]:
        """Gap rows that the engine has to write to its own spool now; they act when they are read back."""
        for lane in np.flatnonzero(self._alive_again != NEVER).tolist():
            self._judged.append((lane, Gap(False, int(self._alive_again[lane]), Cause.NONE, (self._machine(lane),))))
            self._alive_again[lane] = NEVER
        judged, self._judged = self._judged, []
        return [
            SpoolRow(RowKind.GAP, self._source[lane].name, self.plant.hash, now_us, records.pack_gap(gap))
            for lane, gap in judged
        ]

    # Changes out

    def collect(self, scale: float) -> Changes:
        """Fold what the frontiers allow and return everything to store since the last call."""
        begun = np.flatnonzero(self.fold.states["at_us"] > 0)
        spoken = np.maximum(self.last_event + 1, self.last_beat)  # everything before these instants has been said
        lateness = (self._lateness * scale).astype("i8")
        frontier, present = frontiers(self.lanes, spoken, lateness, self.gap_from, self.last_tick)
        from_us = self.settled.copy()
        self.settled[begun] = np.maximum(self._looked, np.maximum(self.settled, frontier))[begun]
        words = self._decide(from_us, begun)
        self._fold_by_hours(joined(self._pop(from_us), words), begun)
        settled = self.fold.take()
        shown_us = np.maximum(present, self.settled)
        states, open_rows = self.fold.shown(self._tail(shown_us), begun, shown_us[begun])
        changes = self._changes(begun, settled, states, open_rows, from_us)
        minute = self.fold.states["minute_us"]
        facts = np.concatenate([self._pending, settled.facts])
        self._pending = facts[facts["minute_us"] >= minute[facts["machine"]]]
        for name in _TAILS:
            self._written[name] = self.fold.states[name].copy()
        self.gaps.forget(dict(enumerate((self.settled[self.lanes.machine] - GAPS_KEPT_US).tolist())))
        self._operator.forget({int(m): int(self.settled[m]) - GAPS_KEPT_US for m in begun})
        return changes

    def _decide(self, from_us: NDArray[np.int64], begun: NDArray[np.intp]) -> Columns:
        """Hold settled frontiers back where it is undecided what a machine does; the words up to there."""
        waits = np.zeros(len(self.settled), bool)
        waits[begun] = self.fold.waits_us[begun] > 0
        self._looked = self.settled.copy()
        if not waits.any():
            return Columns.empty()
        gaps, until_us = self.gaps.gaps(), np.where(waits, self.settled, NEVER)
        edges = [gaps.mended(from_us, self.fold.in_gap()), gaps.edges(from_us, until_us)]
        early = self._early.tail(gaps, Columns.empty(), until_us)
        words, decided_us = self.fold.words(
            self._buffer.tail(gaps, Columns.concat([*edges, early]), until_us), until_us
        )
        self.settled = np.where(waits, decided_us, self.settled)
        return words.take(words.event_us < self.settled[words.machine])

    def _pop(self, from_us: NDArray[np.int64]) -> Columns:
        """What the settled frontiers release, with the edges of gaps since `from_us`."""
        gaps = self.gaps.gaps()
        edges = [gaps.mended(from_us, self.fold.in_gap()), gaps.edges(from_us, self.settled)]
        edges += self._operator.between(from_us, self.settled, self.fold.states["words"])
        early = self._early.pop(gaps, Columns.empty(), self.settled)
        return self._buffer.pop(gaps, Columns.concat([*edges, early]), self.settled)

    def _tail(self, shown_us: NDArray[np.int64]) -> Columns:
        """What lies between the settled and the shown frontiers; the edge of a gap on the frontier is shown too."""
        gaps = self.gaps.gaps()
        edges = [gaps.mended(self.settled, self.fold.in_gap()), gaps.edges(self.settled, shown_us + 1)]
        edges += self._operator.between(self.settled, shown_us, self.fold.states["words"])
        early = self._early.tail(gaps, Columns.empty(), shown_us)
        return self._buffer.tail(gaps, Columns.concat([*edges, early]), shown_us)

    def _fold_by_hours(self, ready: Columns, machines: NDArray[np.intp]) -> None:
        """Fold and advance to the settled frontiers, with a snapshot of each machine at every full hour passed."""
        first = 0
        if len(machines):
            at = self.fold.states["at_us"][machines]
            hour = (int(at.min()) // HOUR_US + 1) * HOUR_US
            while hour <= int(self.settled[machines].max()):
                end = int(np.searchsorted(ready.event_us, hour))
                self.fold.fold(ready.take(np.arange(first, end)))
                first = end
                at = self.fold.states["at_us"][machines]
                passing = machines[(at < hour) & (self.settled[machines] >= hour)]
                self.fold.advance(passing, np.full(len(passing), hour))
                for machine in passing.tolist():
                    self._snapshots.append(self._snapshot(machine, hour))
                hour += HOUR_US
        self.fold.fold(ready.take(np.arange(first, len(ready))))
        self.fold.advance(machines, self.settled[machines])

    def _changes(
        self,
        begun: NDArray[np.intp],
        settled: Folded,
        states: NDArray[np.void],
        shown: Folded,
        from_us: NDArray[np.int64],
    ) -> Changes:
        late = [Late(machine, *stretch) for machine, stretch in self._late.items()]
        facts = summed(np.concatenate([self._pending, settled.facts, shown.facts]))
        taken = self._quarantine, self._snapshots, self._new_programs, dict(self._cursors)
        gap_records, gaps_from = self.gaps.take()
        repairs, repaired = self._repairs, self._repaired
        orders, entries = self._new_orders, self._entries
        self._entries = []
        self._late, self._quarantine, self._snapshots, self._new_programs, self._new_orders = {}, [], [], {}, {}
        self._repairs, self._repaired = [], ((), 0)

        def since(name: str) -> dict[int, int]:
            return {int(machine): int(self._written[name][machine]) for machine in begun}

        return Changes(
            spools=tuple(self.spools),
            cursors=taken[3],
            tick_us=self.last_tick,
            raw=self._raw.take(),
            facts=facts,
            facts_from=since("minute_us"),
            closed_until_us={int(machine): int(self.fold.states["minute_us"][machine]) for machine in begun},
            intervals=np.concatenate([settled.intervals, shown.intervals]),
            intervals_from=since("since_us"),
            program_intervals=np.concatenate([settled.programs, shown.programs]),
            program_intervals_from=since("program_since_us"),
            gap_credits=settled.credits,
            live=[self._live(int(machine), states[machine]) for machine in begun],
            frontiers=[self._frontier(lane) for machine in begun for lane in self.lanes.of_machine(int(machine))],
            snapshots=taken[1],
            late=late,
            quarantine=taken[0],
            programs=taken[2],
            orders=orders,
            counter_events=settled.counter_events,
            count_gaps=np.concatenate([settled.count_gaps, shown.count_gaps]),
            count_gaps_from={int(machine): int(from_us[machine]) for machine in begun},
            shifts=self._new_shifts(np.concatenate([facts, *(repair.facts for repair in repairs)])),
            gap_rows=[self._gap_row(record) for record in gap_records],
            gap_rows_from={(self._machine(lane), self._source[lane].id): us for lane, us in gaps_from.items()},
            entries=entries,
            repairs=repairs,
            repaired=repaired,
        )

    def _gap_row(self, found: GapRecord) -> GapRow:
        machine, source = self._machine(found.lane), self._source[found.lane].id
        return GapRow(machine, source, found.from_us, found.to_us, found.cause, found.recovered)

    def _live(self, machine: int, state: np.void) -> Live:
        return Live(
            machine=machine,
            as_of_us=int(state["at_us"]),
            settled_us=int(self.settled[machine]),
            state=int(state["state"]),
            cause=int(state["cause"]),
            rule=int(state["rule"]),
            since_us=int(state["since_us"]),
            program=int(state["program"]),
            shift=int(state["shift"]),
            spindle_turning=bool(state["turning"]),
            spindle_speed=np.nan if state["hidden_speed"] & 1 else float(state["shown"][0]),
        )

    def _frontier(self, lane: int) -> Frontier:
        return Frontier(
            machine=self._machine(lane),
            source_id=self._source[lane].id,
            last_event_us=int(self.last_event[lane]),
            last_heartbeat_us=int(self.last_beat[lane]),
            last_life_us=int(self.last_life[lane]),
            gap_from_us=int(self.gap_from[lane]),
            heard_us=int(self._heard[lane]),
        )

    def _note_names(self, batch: SampleBatch, samples: Columns) -> None:
        for at in np.flatnonzero(samples.key).tolist():
            name = int(samples.key[at])
            if name in self._known_names or samples.role[at] == Role.ALARM:
                continue
            self._known_names.add(name)
            new = self._new_programs if samples.role[at] == Role.PROGRAM else self._new_orders
            new[name] = batch.texts[batch.text[at]]

    def _new_shifts(self, facts: NDArray[np.void]) -> list[ShiftRow]:
        """Shift instances that these facts name, and those of the next day, unless they were handed over already."""
        if not len(facts):
            return []
        # Whole days, so that it does not matter at which commits they are handed over.
        first = (int(facts["minute_us"].min()) // DAY_US - 1) * DAY_US
        last = (int(facts["minute_us"].max()) // DAY_US + 2) * DAY_US
        since, until = self._shifts
        if since <= first and last <= until:
            return []
        self._shifts = min(since, first), max(until, last)
        return [
            ShiftRow(found.id, index, found.name, found.production_day, found.start_us, found.end_us)
            for index, site in enumerate(self.plant.sites)
            for found in shift_instances(site, first, last)
        ]

    # Repair

    def adopt(self, refolded: Sequence[Refolded], upto: int) -> None:
        """Take in stretches that were folded again; the next `collect` writes them. `upto`: number of the last request.

        Nothing may have been taken in since the last commit: a stretch that comes to the present replaces the state.
        """
        for found in refolded:
            if found.repair.to_present:
                self._replace_state(found)
            self._repairs.append(found.repair)
        self._repaired = [found.repair.machine for found in refolded], upto

    def _replace_state(self, found: Refolded) -> None:
        machine = found.repair.machine
        self.fold.states[machine] = found.state
        for name in _TAILS:
            self._written[name][machine] = found.state[name]
        others = self._pending[self._pending["machine"] != machine]
        self._pending = np.concatenate([others, found.running])
        self._buffer.push(found.ahead)
        self.settled[machine] = self._looked[machine] = found.state["at_us"]
        mask = np.zeros(len(self.plant.machines), bool)
        mask[machine] = True
        self._early.drop(mask)

    # Restart

    def _snapshot(self, machine: int, at_us: int) -> Snapshot:
        """The state, and the latest sample of each signal: what a server tells again at a restart is nothing new."""
        return Snapshot(machine, at_us, CODE_VERSION, self.fold.snapshot(machine) + self._latest.pack(machine))

    def resume(
        self,
        frontiers: Iterable[Frontier],
        gaps: Iterable[GapRecord],
        snapshots: Mapping[int, tuple[int, bytes]],
        begins: Mapping[int, int],
        tick_us: int,
        told: Iterable[Told] = (),
    ) -> dict[int, int]:
        """Take up where the last commit stood: frontiers, gap records, newest snapshots (instant and bytes by machine),
        and what people told.

        `begins`: when each machine begins. One without a snapshot of this code is folded again from there.
        Returns from when on `refill` wants each machine's rows.
        """
        self.last_tick = tick_us
        self.gaps.load(gaps)
        self._operator.load(told)
        since = {}
        for machine, begin_us in begins.items():
            self.begin_us[machine] = begin_us
            if machine in snapshots:
                since[machine] = self._restore(machine, snapshots[machine][1])
            else:
                self._start(machine, begin_us)
                since[machine] = begin_us
        self._resume_lanes(list(frontiers))
        return since

    def _resume_lanes(self, frontiers: Sequence[Frontier]) -> None:
        """Where each source stood. One that is new to a machine has been silent since anybody last spoke for that."""
        found = {self.lanes.of(row.machine, row.source_id): row for row in frontiers}
        last = {row.machine: row for row in sorted(frontiers, key=lambda row: row.last_life_us)}
        for lane, machine in enumerate(self.lanes.machine.tolist()):
            row = found.get(lane, last.get(machine))
            if row is not None:
                self.last_event[lane], self.last_beat[lane] = row.last_event_us, row.last_heartbeat_us
                self.last_life[lane], self._heard[lane] = row.last_life_us, row.heard_us
            self._note_gap(lane)

    def _restore(self, machine: int, snapshot: bytes) -> int:
        """Put a machine back; what lies in a gap that was open then is wanted again."""
        self.fold.restore(machine, snapshot[: STATE.itemsize])
        self._latest.unpack(machine, snapshot[STATE.itemsize :])
        state = self.fold.states[machine]
        self.settled[machine] = state["at_us"]
        self._relied[machine] = state["at_us"] + self.fold.waits_us[machine]
        for name in _TAILS:
            self._written[name][machine] = state[name]
        return since_us(state)

    def refill(self, batch: SampleBatch) -> None:
        """Give back stored samples in the order of their arrival. What a snapshot has seen already is left out."""
        if not len(batch):
            return
        samples = columns_of(batch, self.fold.tables(int(batch.received_us.max())))
        samples = from_begin(samples, self.begin_us)
        ahead = self.gaps.gaps().effect_us(samples) >= self.settled[samples.machine]
        self._buffer.push(samples.take(ahead))
        told = self.gaps.gaps().told(samples)
        self._buffer.push(told.take(told.event_us >= self.settled[told.machine]))
        self._latest.note(samples, batch.signal)
