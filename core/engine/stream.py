"""From spool rows to `Changes`: frontiers, silence, gaps, and the fold. Pure: rows and ticks in, changes out.

Invariants (docs/en/truth.md):
- Time moves by data. A machine's settled frontier is the latest event or heartbeat less the source's lateness; while a
  gap is logged for it, the last tick less the lateness. It never moves back.
- Silence is judged only at ticks of this run and only as rows for the engine's own spool. A judgement takes effect
  when it is read back, like any other row, so that a replay obeys it and never judges again.
- A sample before the settled frontier is late: stored, and its stretch asked to be recomputed. Two kinds are not late:
  what lies inside an open gap (its time is UNKNOWN whatever the values, they count from the gap's end), and
  first values after connecting, which only seed what is not known yet.
- What is written is absolute: facts, intervals and gaps of a machine are replaced from an instant on.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engine.fold import CODE_VERSION, Fold, Folded
from core.engine.state import NOT_IN_GAP, STATE
from core.facts.rollup import summed
from core.facts.schema import FACT, Changes, Frontier, Late, Live, RawRows, ShiftRow, Snapshot
from core.plant.calendar import shift_instances
from core.plant.model import Plant, Source
from core.samples import records
from core.samples.batch import SampleBatch
from core.samples.order import Columns, ReorderBuffer, canonical_order, columns_of, gap_edges
from core.samples.records import Gap, Quarantine, RowKind, SpoolRow, StoredRow, Tick
from core.units import DAY_US, HOUR_US, SECOND_US, natural_id
from core.vocabulary import SIGNAL_RANK, Cause, Flag, Role

NEVER = -1

_TAILS = ("minute_us", "since_us", "program_since_us")
"""Where the running minute, interval and program of a settled state began: what the next commit replaces from."""

_SEEN = np.dtype([("signal", "<i8"), ("event_us", "<i8")])
"""What a snapshot carries after the state: by id of the signal, its latest event so far."""

_FAR_FUTURE_US = 1000 * 365 * DAY_US
"""The year 2969; the database's own limit lies not far beyond what a datetime can hold."""

_CLOCK_AHEAD_US = 5 * SECOND_US
"""A source's clock is believed as long as it is at most so far ahead of arrival (docs/en/truth.md, Clock)."""

_SEEDS = int(Flag.INITIAL | Flag.RETAINED)
_DEFAULT_SILENCE_S = 9.0
"""Three missed keep-alives of 3 s (docs/en/truth.md, Silence)."""


def silence_us(source: Source) -> int:
    """Real time without proof of life after which a source counts as silent."""
    if source.settings.get("liveness") == "interval":
        return int(3 * float(source.settings.get("max_interval_s", 3.0)) * SECOND_US)
    return int(float(source.settings.get("silence_s", _DEFAULT_SILENCE_S)) * SECOND_US)


NamesOf = Callable[[bytes], tuple[Sequence[str], Sequence[str]] | None]


def _no_names(_plant_hash: bytes) -> None:
    return None


class _Raw:
    """Samples on their way to the raw tables."""

    def __init__(self) -> None:
        self.batches: list[SampleBatch] = []
        self.places: list[tuple[int, int, int]] = []  # source id, spool, record

    def add(self, batch: SampleBatch, source_id: int, spool: int, record: int) -> None:
        self.batches.append(batch)
        self.places.append((source_id, spool, record))

    def __len__(self) -> int:
        return sum(map(len, self.batches))

    def take(self) -> RawRows:
        lengths = [len(batch) for batch in self.batches]
        sources, spools, numbers = np.array(self.places, "i8").reshape(-1, 3).T
        out = RawRows(
            batch=SampleBatch.concat(self.batches),
            source_id=np.repeat(sources, lengths),
            spool=np.repeat(spools, lengths).astype("i4"),
            record=np.repeat(numbers, lengths),
            row=np.concatenate([np.arange(length, dtype="i4") for length in lengths] or [np.empty(0, "i4")]),
        )
        self.batches, self.places = [], []
        return out


class Stream:
    """The engine's memory: feed it rows with `take_row`, write its `judgements`, store what `collect` returns."""

    def __init__(self, plant: Plant, spools: Sequence[str] = (), names: NamesOf = _no_names) -> None:
        """`names` finds the machine and signal names of another version of the plant file by its hash."""
        count = len(plant.machines)
        self.plant = plant
        self.spools = list(spools)
        self._names = names
        self.fold = Fold(plant)
        self.last_tick = NEVER
        self._source = [plant.sources[machine.source] for machine in plant.machines]
        self._lateness = np.array([source.lateness_us for source in self._source], "i8")
        self._silence = np.array([silence_us(source) for source in self._source], "i8")
        self.last_event = np.full(count, NEVER, "i8")
        self.last_beat = np.full(count, NEVER, "i8")
        self.last_life = np.full(count, NEVER, "i8")
        self.settled = np.full(count, NEVER, "i8")
        self.gap_from = np.full(count, NEVER, "i8")
        self._alive_again = np.full(count, NEVER, "i8")
        self._closed = np.full(count, NEVER, "i8")  # where the latest gap of each machine ends, folded or not
        self._signal_seen = np.full((count, max(1, len(plant.signals))), NEVER, "i8")
        self._buffer = ReorderBuffer()
        self._raw = _Raw()
        self._pending: NDArray[np.void] = np.empty(0, FACT)
        self._written: dict[str, NDArray[np.int64]] = {name: np.full(count, NEVER, "i8") for name in _TAILS}
        self._late: dict[int, tuple[int, int]] = {}
        self._quarantine: list[tuple[str, int, str, int, Quarantine]] = []
        self._snapshots: list[Snapshot] = []
        self._known_programs = {program.id for program in plant.programs}
        self._new_programs: dict[int, str] = {}
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
            machines = self._moved_to_this_plant(row, beat.machine, self.plant.machine_index, 0)
            self._take_heartbeat(records.Heartbeat(machines[machines >= 0], beat.at_us[machines >= 0]))
        elif row.kind is RowKind.GAP:
            gap = records.unpack_gap(row.payload)
            found = self._moved_to_this_plant(row, np.array(gap.machines, "i4"), self.plant.machine_index, 0)
            self._take_gap(replace(gap, machines=tuple(found[found >= 0].tolist())))
        elif row.kind is RowKind.QUARANTINE:
            item = records.unpack_quarantine(row.payload)
            if item.machine >= 0:
                moved = self._moved_to_this_plant(row, np.array([item.machine]), self.plant.machine_index, 0)
                item = replace(item, machine=int(moved[0]))
            # What is left of a damaged row may be any number.
            received_us = row.received_us if 0 <= row.received_us < _FAR_FUTURE_US else max(0, self.last_tick)
            self._quarantine.append((spool, row.record, row.source, received_us, item))

    def _moved_to_this_plant(
        self, row: StoredRow, index: NDArray[Any], present: Mapping[str, int], which: int
    ) -> NDArray[Any]:
        """Machines (0) or signals (1) by the row's plant version as positions in ours, -1 for what is gone."""
        if row.plant_hash == self.plant.hash:
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

    def _samples_of(self, row: StoredRow) -> SampleBatch:
        """The row's batch; samples of machines or signals that the plant file has no more are left out."""
        batch = records.unpack_samples(row.payload)
        machine = self._moved_to_this_plant(row, batch.machine, self.plant.machine_index, 0)
        signal = self._moved_to_this_plant(row, batch.signal, self.plant.signal_index, 1)
        moved = replace(batch, machine=machine, signal=signal)
        keep = (machine >= 0) & (signal >= 0)
        return moved if keep.all() else moved.take(keep)

    def _take_samples(self, spool: str, row: StoredRow) -> None:
        batch = self._samples_of(row)
        if not len(batch):
            return
        samples = columns_of(batch, self.fold.tables(int(batch.received_us.max())))
        self._raw.add(batch, natural_id("source", row.source), self.spools.index(spool), row.record)
        self._note_programs(batch, samples)
        seed = (batch.flags & _SEEDS) != 0
        self._begin_machines(batch, seed)
        self._place(samples, batch.signal, seed)
        self._buffer.push(self._still_standing(batch, samples, self._closed[batch.machine]))
        fresh = ~seed
        for seen in (self.last_event, self.last_life):
            np.maximum.at(seen, batch.machine[fresh], batch.event_us[fresh])
        self._note_life(batch.machine[fresh], batch.event_us[fresh])
        np.maximum.at(self._signal_seen, (batch.machine, batch.signal), batch.event_us)

    def _place(self, samples: Columns, signal: NDArray[np.int16], seed: NDArray[np.bool_]) -> None:
        """Send each sample to the buffer, into the open gap, or to the late ones."""
        late = samples.event_us < self.settled[samples.machine]
        if not late.any():
            self._buffer.push(samples)
            return
        in_gap = late & self._in_open_gap(samples)
        unseen = late & seed & (self._signal_seen[samples.machine, signal] == NEVER)
        old_news = late & seed & (samples.event_us <= self._signal_seen[samples.machine, signal])
        at_once = samples.take(in_gap | unseen)
        self.fold.fold(at_once.take(canonical_order(at_once)))
        self._buffer.push(samples.take(~late))
        missed = samples.take(late & ~in_gap & ~unseen & ~old_news)
        for machine in np.unique(missed.machine):
            times = missed.event_us[missed.machine == machine]
            first, last = self._late.get(int(machine), (int(times.min()), int(times.max())))
            self._late[int(machine)] = min(first, int(times.min())), max(last, int(times.max()))

    def _still_standing(self, batch: SampleBatch, samples: Columns, gap_end: NDArray[np.int64]) -> Columns:
        """First counts after a gap that are older than its end (by sample), as readings of that end.

        Who tells at a new connection that a counter last changed before, says that it stands there still: so nothing
        was made since, and the next part is not one of the gap's. A retained message says nothing of the present.
        """
        first = (batch.flags & _SEEDS) == int(Flag.INITIAL)
        counter = (samples.role >= Role.PART_TOTAL) & (samples.role <= Role.PART_SCRAP)
        told = (gap_end >= self.settled[batch.machine]) & (gap_end <= batch.received_us + _CLOCK_AHEAD_US)
        found = np.flatnonzero(first & counter & told & (samples.event_us < gap_end))
        return replace(samples.take(found), event_us=gap_end[found])

    def _in_open_gap(self, samples: Columns) -> NDArray[np.bool_]:
        gap_from = self.fold.states["gap_from_us"][samples.machine]
        return np.asarray((gap_from != NOT_IN_GAP) & (samples.event_us >= gap_from))

    def _take_heartbeat(self, beat: records.Heartbeat) -> None:
        for machine, at_us in zip(beat.machine.tolist(), beat.at_us.tolist(), strict=True):
            self._begin(machine, at_us)
        np.maximum.at(self.last_beat, beat.machine, beat.at_us)
        np.maximum.at(self.last_life, beat.machine, beat.at_us)
        self._note_life(beat.machine, beat.at_us)

    def _take_gap(self, gap: Gap) -> None:
        begun = [machine for machine in gap.machines if self.fold.begun(machine)]
        if gap.opened:
            self._open_gap([m for m in begun if self.gap_from[m] == NEVER], gap)
        else:
            # A judgement that was made before the gap began is old; a collector's own pair always ends its gap.
            paired = gap.cause is not Cause.NONE
            ended = [m for m in begun if self.gap_from[m] != NEVER and (paired or gap.at_us > self.gap_from[m])]
            self._close_gap(ended, gap)

    def _open_gap(self, machines: list[int], gap: Gap) -> None:
        at = [max(gap.at_us, int(self.settled[machine]), int(self._closed[machine])) for machine in machines]
        self.gap_from[machines] = at
        self._alive_again[machines] = NEVER
        self._buffer.push(gap_edges(machines, at, True, gap.cause, SIGNAL_RANK[Role.GAP_OPEN]))

    def _close_gap(self, machines: list[int], gap: Gap) -> None:
        # At least one µs long: at the same instant the end would come before the beginning.
        at = [max(gap.at_us, int(self.settled[machine]), int(self.gap_from[machine]) + 1) for machine in machines]
        self.gap_from[machines] = NEVER
        self._closed[machines] = at
        self._alive_again[machines] = NEVER
        self.last_life[machines] = np.maximum(self.last_life[machines], at)
        self.last_beat[machines] = np.maximum(self.last_beat[machines], at)
        self._buffer.push(gap_edges(machines, at, False, gap.cause, SIGNAL_RANK[Role.GAP_CLOSE]))

    # First contact, life and silence

    def _begin_machines(self, batch: SampleBatch, seed: NDArray[np.bool_]) -> None:
        """Begin machines heard for the first time: at their first event, or at the arrival of their first values."""
        for machine in np.unique(batch.machine):
            if self.fold.begun(machine):
                continue
            mine = batch.machine == machine
            events = batch.event_us[mine & ~seed]
            self._begin(int(machine), int(events.min() if len(events) else batch.received_us[mine].min()))

    def _begin(self, machine: int, at_us: int) -> None:
        if self.fold.begun(machine):
            return
        start = self._start(machine, at_us)
        if at_us > start:
            rank = SIGNAL_RANK[Role.GAP_CLOSE]
            self._closed[machine] = at_us
            self._buffer.push(gap_edges([machine], [at_us], False, Cause.NO_DATA_YET, rank))

    def _start(self, machine: int, at_us: int) -> int:
        """Begin a machine, with a first snapshot to come back to; the instant from which on it is folded."""
        self.fold.begin(machine, at_us)
        start = int(self.fold.states["at_us"][machine])
        self.settled[machine] = start
        for name in _TAILS:
            self._written[name][machine] = start
        self._snapshots.append(self._snapshot(machine, start))
        return start

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
        begun = self.fold.states["at_us"] > 0
        quiet = tick.at_us - self.last_life > self._silence * scale
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
        self.settled[begun] = np.maximum(self.settled, frontier)[begun]
        self._fold_by_hours(self._buffer.pop(self.settled), begun)
        settled = self.fold.take()
        present = np.where(in_gap, np.maximum(self.last_tick, self.gap_from), spoken)
        shown_us = np.maximum(present, self.settled)
        states, open_rows = self.fold.shown(self._buffer.tail(shown_us), begun, shown_us[begun])
        changes = self._changes(begun, settled, states, open_rows)
        minute = self.fold.states["minute_us"]
        facts = np.concatenate([self._pending, settled.facts])
        self._pending = facts[facts["minute_us"] >= minute[facts["machine"]]]
        for name in _TAILS:
            self._written[name] = self.fold.states[name].copy()
        return changes

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
        late = [Late(machine, first, last + 1, "late data") for machine, (first, last) in self._late.items()]
        facts = summed(np.concatenate([self._pending, settled.facts, shown.facts]))
        taken = self._quarantine, self._snapshots, self._new_programs, dict(self._cursors)
        self._late, self._quarantine, self._snapshots, self._new_programs = {}, [], [], {}

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
            shifts=self._new_shifts(facts),
        )

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
            spindle_speed=float(state["speed"]),
        )

    def _frontier(self, machine: int) -> Frontier:
        return Frontier(
            machine=machine,
            source_id=self._source[machine].id,
            last_event_us=int(self.last_event[machine]),
            last_heartbeat_us=int(self.last_beat[machine]),
            last_life_us=int(self.last_life[machine]),
            gap_from_us=int(self.gap_from[machine]),
        )

    def _note_programs(self, batch: SampleBatch, samples: Columns) -> None:
        for at in np.flatnonzero(samples.key).tolist():
            program = int(samples.key[at])
            if program not in self._known_programs:
                self._known_programs.add(program)
                self._new_programs[program] = batch.texts[batch.text[at]]

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

    # Restart

    def _snapshot(self, machine: int, at_us: int) -> Snapshot:
        """The state, and which signals are known until when: that decides what first values may still seed."""
        seen = self._signal_seen[machine, : len(self.plant.signals)]
        known = np.flatnonzero(seen != NEVER)
        table = np.empty(len(known), _SEEN)
        table["signal"] = [self.plant.signals[signal].id for signal in known]
        table["event_us"] = seen[known]
        return Snapshot(machine, at_us, CODE_VERSION, self.fold.snapshot(machine) + table.tobytes())

    def resume(
        self,
        frontiers: Iterable[Frontier],
        snapshots: Mapping[int, tuple[int, bytes]],
        afresh: Mapping[int, int],
        tick_us: int,
    ) -> dict[int, int]:
        """Take up where the last commit stood: frontiers and newest snapshots (instant and bytes by machine).

        Machines in `afresh` have no snapshot of this code and are folded again from the given instants.
        Returns from when on `refill` wants each machine's rows.
        """
        self.last_tick = tick_us
        since = {machine: self._restore(machine, state) for machine, (_, state) in snapshots.items()}
        since.update({machine: self._start(machine, at_us) for machine, at_us in afresh.items()})
        for found in frontiers:
            self.last_event[found.machine] = found.last_event_us
            self.last_beat[found.machine] = found.last_heartbeat_us
            self.last_life[found.machine] = found.last_life_us
            self.gap_from[found.machine] = found.gap_from_us
        return since

    def _restore(self, machine: int, snapshot: bytes) -> int:
        """Put a machine back; what lay in a gap that was open then is wanted again, it may have come later."""
        self.fold.restore(machine, snapshot[: STATE.itemsize])
        positions = {signal.id: index for index, signal in enumerate(self.plant.signals)}
        for signal, event_us in np.frombuffer(snapshot[STATE.itemsize :], _SEEN).tolist():
            if signal in positions:
                self._signal_seen[machine, positions[signal]] = event_us
        state = self.fold.states[machine]
        self.settled[machine] = state["at_us"]
        for name in _TAILS:
            self._written[name][machine] = state[name]
        return int(state["at_us"] if state["gap_from_us"] == NOT_IN_GAP else state["gap_from_us"])

    def refill(self, batch: SampleBatch, gaps: Iterable[tuple[int, int, int, int]]) -> None:
        """Give back stored samples in order of arrival, and gaps (machine, from, to or -1, cause).

        Samples before a machine's snapshot are in its state already, but for first values that arrived after it
        and what lies in the gap that was open.
        """
        gap_end = np.full(len(batch), NEVER, "i8")
        for machine, from_us, to_us, cause in sorted(gaps):
            self._refill_gap(machine, from_us, to_us, cause)
            known = (batch.machine == machine) & (batch.received_us + _CLOCK_AHEAD_US >= to_us)
            gap_end[known] = np.maximum(gap_end[known], to_us)
        if not len(batch):
            return
        samples = columns_of(batch, self.fold.tables(int(batch.received_us.max())))
        old = samples.event_us < self.settled[samples.machine]
        seed = (batch.flags & _SEEDS) != 0
        unseen = seed & _first_of_signal(batch) & (self._signal_seen[batch.machine, batch.signal] == NEVER)
        self.fold.fold(samples.take(np.flatnonzero(old & (self._in_open_gap(samples) | unseen))))
        self._buffer.push(samples.take(~old))
        self._buffer.push(self._still_standing(batch, samples, gap_end))
        np.maximum.at(self._signal_seen, (batch.machine, batch.signal), batch.event_us)

    def _refill_gap(self, machine: int, from_us: int, to_us: int, cause: int) -> None:
        """Both edges, as far as they lie ahead; opening a gap that is open already changes nothing."""
        settled = int(self.settled[machine])
        start = max(from_us, settled)
        if to_us == NEVER or to_us > start:
            self._buffer.push(gap_edges([machine], [start], True, cause, SIGNAL_RANK[Role.GAP_OPEN]))
        self._closed[machine] = max(int(self._closed[machine]), to_us)
        if to_us >= settled:
            self._buffer.push(gap_edges([machine], [to_us], False, cause, SIGNAL_RANK[Role.GAP_CLOSE]))


def _first_of_signal(batch: SampleBatch) -> NDArray[np.bool_]:
    """Which samples are the first of their machine and signal in the batch."""
    keys = batch.machine.astype("i8") << 16 | batch.signal
    first = np.zeros(len(batch), bool)
    first[np.unique(keys, return_index=True)[1]] = True
    return first
