"""From spool rows to `Changes`: frontiers, silence, gaps, and the fold. Pure: rows and ticks in, changes out.

Invariants (docs/en/truth.md):
- Time moves by data. A machine's settled frontier is the latest event or heartbeat less the source's lateness; while a
  gap is logged for it, the last tick less the lateness. It never moves back.
- Silence is judged only at ticks of this run and only as rows for the engine's own spool. A judgement takes effect
  when it is read back, like any other row, so that a replay obeys it and never judges again.
- What is folded is a function of the samples and the gap records alone (core.samples.order). Whatever changes it before
  the settled frontier (a late sample, the edge of a gap, a proof that a gap lost nothing) asks for a repair of the
  stretch from there to the frontier. Until then the newest value of a late signal holds from the frontier on.
- What is written is absolute: facts, intervals and gaps of a machine are replaced from an instant on.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.engine.fold import CODE_VERSION, Fold, Folded
from core.engine.gaps import NOT_YET, GapLog, GapRecord
from core.engine.raw import NEVER, Latest, Raw
from core.engine.refold import Refolded
from core.engine.state import STATE
from core.engine.versions import NamesOf, PlantVersions, no_names
from core.facts.rollup import summed
from core.facts.schema import FACT, Changes, Frontier, GapRow, Late, Live, Repair, ShiftRow, Snapshot
from core.plant.calendar import shift_instances
from core.plant.model import Plant, Source
from core.samples import records
from core.samples.batch import SampleBatch
from core.samples.order import FIRST_VALUES, Columns, ReorderBuffer, columns_of, from_begin, joined
from core.samples.records import Gap, Quarantine, RowKind, SpoolRow, StoredRow, Tick
from core.units import DAY_US, FAR_US, HOUR_US, SECOND_US, natural_id
from core.vocabulary import Cause, Flag, Role

_TAILS = ("minute_us", "since_us", "program_since_us")
"""Where the running minute, interval and program of a settled state began: what the next commit replaces from."""

_NOT_LIFE = FIRST_VALUES | int(Flag.HISTORICAL)
"""Flags of samples that prove no life."""
_DEFAULT_SILENCE_S = 9.0
"""Three missed keep-alives of 3 s (docs/en/truth.md, Silence)."""
_CLOCKS_APART_US = 5 * SECOND_US
"""Clocks of collector and engine that differ by more are not compared; as much as a source may be ahead."""
GAPS_KEPT_US = 2 * DAY_US
"""Gap records that ended longer ago are only in the database; the longest outage that a proof is expected to span."""
_TOLD_KEPT = 4096
"""First counts that are remembered until the gap that they speak of has an end: far more than counters exist."""


def silence_us(source: Source) -> int:
    """Real time without proof of life after which a source counts as silent."""
    if source.settings.get("liveness") == "interval":
        return int(3 * float(source.settings.get("max_interval_s", 3.0)) * SECOND_US)
    return int(float(source.settings.get("silence_s", _DEFAULT_SILENCE_S)) * SECOND_US)


class Stream:
    """The engine's memory: feed it rows with `take_row`, write its `judgements`, store what `collect` returns."""

    def __init__(self, plant: Plant, spools: Sequence[str] = (), names: NamesOf = no_names) -> None:
        """`names` finds the machine and signal names of another version of the plant file by its hash."""
        count = len(plant.machines)
        self.plant = plant
        self.spools = list(spools)
        self._versions = PlantVersions(plant, names)
        self.fold = Fold(plant)
        self.last_tick = NEVER
        self._source = [plant.sources[machine.source] for machine in plant.machines]
        self._lateness = np.array([source.lateness_us for source in self._source], "i8")
        self._silence = np.array([silence_us(source) for source in self._source], "i8")
        self.last_event = np.full(count, NEVER, "i8")
        self.last_beat = np.full(count, NEVER, "i8")
        self.last_life = np.full(count, NEVER, "i8")
        self._heard = np.full(count, NEVER, "i8")  # when the latest proof of life arrived, by the collector's clock
        self.settled = np.full(count, NEVER, "i8")
        self._looked = np.full(count, NEVER, "i8")  # up to here samples have had a say in what is settled
        self.gap_from = np.full(count, NEVER, "i8")
        self._alive_again = np.full(count, NEVER, "i8")
        self.gaps = GapLog(count)
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
        self._judged: list[Gap] = []
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
            beat = records.Heartbeat(machines[machines >= 0], beat.at_us[machines >= 0])
            self._take_heartbeat(beat, row.received_us)
        elif row.kind is RowKind.GAP:
            gap = records.unpack_gap(row.payload)
            found = self._versions.machines(row, np.array(gap.machines, "i4"))
            self._take_gap(replace(gap, machines=tuple(found[found >= 0].tolist())))
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
        self._begin_machines(batch, (batch.flags & FIRST_VALUES) != 0)
        samples = from_begin(samples, self.begin_us)
        self._place(samples, batch.signal)
        self._remember_told(samples)
        fresh = (batch.flags & _NOT_LIFE) == 0
        for seen in (self.last_event, self.last_life):
            np.maximum.at(seen, batch.machine[fresh], batch.event_us[fresh])
        np.maximum.at(self._heard, batch.machine[fresh], batch.received_us[fresh])
        self._note_life(batch.machine[fresh], batch.event_us[fresh])
        self._latest.note(samples, batch.signal)

    def _place(self, samples: Columns, signal: NDArray[np.int16]) -> None:
        """Send each sample to the buffer, or see to it that the past which it belongs to is folded again."""
        settled_us = self.settled[samples.machine]
        effect_us = self.gaps.gaps().effect_us(samples)
        late = effect_us < settled_us
        seen = late | (effect_us < self._looked[samples.machine])
        self._buffer.push(samples.take(~late) if late.any() else samples)
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
        if from_us < max(settled_us, int(self._looked[machine])):
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

    def _take_heartbeat(self, beat: records.Heartbeat, received_us: int) -> None:
        for machine, at_us in zip(beat.machine.tolist(), beat.at_us.tolist(), strict=True):
            self._begin(machine, at_us)
        np.maximum.at(self.last_beat, beat.machine, beat.at_us)
        np.maximum.at(self.last_life, beat.machine, beat.at_us)
        np.maximum.at(self._heard, beat.machine, received_us)
        self._note_life(beat.machine, beat.at_us)

    def _take_gap(self, gap: Gap) -> None:
        for machine in (m for m in gap.machines if self.fold.begun(m)):
            if gap.proven and not gap.opened:
                until_us = FAR_US if self.gap_from[machine] != NEVER else gap.at_us
                self._touch(machine, self.gaps.recover(machine, gap.from_us, gap.at_us), until_us, "recovered")
            elif gap.opened:
                self._touch(machine, self.gaps.open(machine, gap.at_us, gap.cause), FAR_US, "gap")
            elif gap.cause is not Cause.NONE or gap.at_us > self.gap_from[machine]:
                # A judgement made before the gap began is old; a collector's own pair always ends its gap.
                self._close_gap(machine, gap.at_us)
            standing = self.gaps.standing(machine)
            from_us = NEVER if standing is None else standing.from_us
            if from_us != self.gap_from[machine]:
                self.gap_from[machine] = from_us
                self._alive_again[machine] = NEVER

    def _close_gap(self, machine: int, at_us: int) -> None:
        end_us = self.gaps.close(machine, at_us)
        if end_us == NOT_YET:
            return
        self._touch(machine, end_us, FAR_US, "gap")
        self.last_life[machine] = max(int(self.last_life[machine]), end_us)
        self.last_beat[machine] = max(int(self.last_beat[machine]), end_us)
        self._tell(self._told.take(self._told.machine == machine))

    # First contact, life and silence

    def _begin_machines(self, batch: SampleBatch, seed: NDArray[np.bool_]) -> None:
        """Begin machines heard for the first time, at their first event or at the arrival of their first values.

        Samples from before the first contact move the beginning back (core.engine.gaps).
        """
        for machine in np.unique(batch.machine).tolist():
            mine = (batch.machine == machine) & ~seed
            events = batch.event_us[mine]
            if not self.fold.begun(machine):
                begins = events if len(events) else batch.received_us[batch.machine == machine]
                self._begin(machine, int(begins.min()))
            elif len(events) and int(events.min()) < self.gaps.contact_us(machine, int(self.begin_us[machine])):
                self._begin_earlier(machine, events)
            elif len(events):
                silence = int(self._silence[machine])
                contact_us = self.gaps.known_until(machine, int(self.begin_us[machine]), events, silence)
                if contact_us != NEVER:
                    self._touch(machine, int(events.min()), contact_us, "late data")

    def _begin(self, machine: int, at_us: int) -> None:
        if not self.fold.begun(machine):
            self._start(machine, self.gaps.begin(machine, at_us), at_us)

    def _begin_earlier(self, machine: int, events_us: NDArray[np.int64]) -> None:
        before_us = int(self.begin_us[machine])
        contact_us = self.gaps.contact_us(machine, before_us)
        begin_us = self.gaps.begin_earlier(machine, before_us, events_us, int(self._silence[machine]))
        self.begin_us[machine] = begin_us
        state = Fold.first_state(self.gaps.contact_us(machine, begin_us))
        self._snapshots.append(Snapshot(machine, begin_us, CODE_VERSION, state))
        self._touch(machine, begin_us, contact_us, "late data")

    def _start(self, machine: int, begin_us: int, contact_us: int) -> None:
        """Begin a machine, with a first snapshot to come back to."""
        self.fold.begin(machine, contact_us)
        self.begin_us[machine] = begin_us
        self.settled[machine] = begin_us
        for name in _TAILS:
            self._written[name][machine] = begin_us
        self._snapshots.append(self._snapshot(machine, begin_us))

    def _note_life(self, machine: NDArray[np.int32], at_us: NDArray[np.int64]) -> None:
        """Remember the first proof of life after a gap; `judgements` makes it the gap's end."""
        gap_from = self.gap_from[machine]
        for m, at in zip(machine[gap_from != NEVER].tolist(), at_us[gap_from != NEVER].tolist(), strict=True):
            if at > self.gap_from[m] and self._alive_again[m] == NEVER:
                self._alive_again[m] = at

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
        for machine in np.flatnonzero(begun & quiet & (self.gap_from == NEVER)).tolist():
            self._judged.append(Gap(True, int(self.last_life[machine]), Cause.SILENT, (machine,)))

    def judgements(self, now_us: int) -> list[SpoolRow]:
        """Gap rows that the engine has to write to its own spool now; they act when they are read back."""
        for machine in np.flatnonzero(self._alive_again != NEVER).tolist():
            self._judged.append(Gap(False, int(self._alive_again[machine]), Cause.NONE, (machine,)))
            self._alive_again[machine] = NEVER
        judged, self._judged = self._judged, []
        return [
            SpoolRow(RowKind.GAP, self._source[gap.machines[0]].name, self.plant.hash, now_us, records.pack_gap(gap))
            for gap in judged
        ]

    # Changes out

    def collect(self, scale: float) -> Changes:
        """Fold what the frontiers allow and return everything to store since the last call."""
        begun = np.flatnonzero(self.fold.states["at_us"] > 0)
        spoken = np.maximum(self.last_event + 1, self.last_beat)  # everything before these instants has been said
        in_gap = self.gap_from != NEVER
        frontier = np.where(in_gap, self.last_tick, spoken) - (self._lateness * scale).astype("i8")
        from_us = self.settled.copy()
        self.settled[begun] = np.maximum(self._looked, np.maximum(self.settled, frontier))[begun]
        words = self._decide(from_us, begun)
        self._fold_by_hours(joined(self._pop(from_us), words), begun)
        settled = self.fold.take()
        present = np.where(in_gap, np.maximum(self.last_tick, self.gap_from), spoken)
        shown_us = np.maximum(present, self.settled)
        states, open_rows = self.fold.shown(self._tail(shown_us), begun, shown_us[begun])
        changes = self._changes(begun, settled, states, open_rows)
        minute = self.fold.states["minute_us"]
        facts = np.concatenate([self._pending, settled.facts])
        self._pending = facts[facts["minute_us"] >= minute[facts["machine"]]]
        for name in _TAILS:
            self._written[name] = self.fold.states[name].copy()
        self.gaps.forget({int(m): int(self.settled[m]) - GAPS_KEPT_US for m in begun})
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
        early = self._early.pop(gaps, Columns.empty(), self.settled)
        return self._buffer.pop(gaps, Columns.concat([*edges, early]), self.settled)

    def _tail(self, shown_us: NDArray[np.int64]) -> Columns:
        """What lies between the settled and the shown frontiers; the edge of a gap on the frontier is shown too."""
        gaps = self.gaps.gaps()
        edges = [gaps.mended(self.settled, self.fold.in_gap()), gaps.edges(self.settled, shown_us + 1)]
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
    ) -> Changes:
        late = [Late(machine, *stretch) for machine, stretch in self._late.items()]
        facts = summed(np.concatenate([self._pending, settled.facts, shown.facts]))
        taken = self._quarantine, self._snapshots, self._new_programs, dict(self._cursors)
        gap_records, gaps_from = self.gaps.take()
        repairs, repaired = self._repairs, self._repaired
        orders = self._new_orders
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
            frontiers=[self._frontier(int(machine)) for machine in begun],
            snapshots=taken[1],
            late=late,
            quarantine=taken[0],
            programs=taken[2],
            orders=orders,
            counter_events=settled.counter_events,
            shifts=self._new_shifts(np.concatenate([facts, *(repair.facts for repair in repairs)])),
            gap_rows=[self._gap_row(record) for record in gap_records],
            gap_rows_from=gaps_from,
            repairs=repairs,
            repaired=repaired,
        )

    def _gap_row(self, record: GapRecord) -> GapRow:
        source = self._source[record.machine].id
        return GapRow(record.machine, source, record.from_us, record.to_us, record.cause, record.recovered)

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
            spindle_speed=float(state["shown"][0]),
        )

    def _frontier(self, machine: int) -> Frontier:
        return Frontier(
            machine=machine,
            source_id=self._source[machine].id,
            last_event_us=int(self.last_event[machine]),
            last_heartbeat_us=int(self.last_beat[machine]),
            last_life_us=int(self.last_life[machine]),
            gap_from_us=int(self.gap_from[machine]),
            heard_us=int(self._heard[machine]),
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
    ) -> dict[int, int]:
        """Take up where the last commit stood: frontiers, gap records, newest snapshots (instant and bytes by machine).

        `begins`: when each machine begins. One without a snapshot of this code is folded again from there.
        Returns from when on `refill` wants each machine's rows.
        """
        self.last_tick = tick_us
        self.gaps.load(gaps)
        since = {}
        for machine, begin_us in begins.items():
            self.begin_us[machine] = begin_us
            if machine in snapshots:
                since[machine] = self._restore(machine, snapshots[machine][1])
            else:
                self._start(machine, begin_us, self.gaps.contact_us(machine, begin_us))
                since[machine] = begin_us
        for found in frontiers:
            self.last_event[found.machine] = found.last_event_us
            self.last_beat[found.machine] = found.last_heartbeat_us
            self.last_life[found.machine] = found.last_life_us
            self._heard[found.machine] = found.heard_us
            standing = self.gaps.standing(found.machine)
            self.gap_from[found.machine] = NEVER if standing is None else standing.from_us
        return since

    def _restore(self, machine: int, snapshot: bytes) -> int:
        """Put a machine back; what lies in a gap that was open then is wanted again."""
        self.fold.restore(machine, snapshot[: STATE.itemsize])
        self._latest.unpack(machine, snapshot[STATE.itemsize :])
        state = self.fold.states[machine]
        self.settled[machine] = state["at_us"]
        for name in _TAILS:
            self._written[name][machine] = state[name]
        return int(state["at_us"] if state["gap_from_us"] < 0 else state["gap_from_us"])

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
