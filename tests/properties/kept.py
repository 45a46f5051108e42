"""What commits leave behind, in a few dictionaries, and the port `Past` over it: the database in memory."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.engine.gaps import OPEN, GapRecord, record_of
from core.engine.operator import Told, told_of
from core.engine.raw import NEVER
from core.engine.renewal import renewals
from core.engine.repair import RepairJob
from core.engine.stream import Stream
from core.facts.schema import OPEN_END, Changes, GapRow, Snapshot
from core.plant.lanes import lanes_of
from core.plant.model import Plant
from core.samples.batch import SampleBatch
from core.samples.entries import Entry, in_effect
from core.samples.order import FIRST_VALUES
from core.units import FAR_US
from core.vocabulary import Cause


class Kept:
    """Facts, intervals, program intervals, gap records, snapshots, raw samples and requests of all machines."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.facts: dict[int, list[Any]] = {}
        self.intervals: dict[int, list[Any]] = {}
        self.programs: dict[int, list[Any]] = {}
        self.counter_events: dict[int, list[Any]] = {}
        self.count_gaps: dict[int, list[Any]] = {}
        self.gap_rows: dict[int, list[GapRow]] = {}
        self.snapshots: dict[int, dict[int, bytes]] = {}
        self.raw: list[SampleBatch] = []
        self.asked: list[tuple[int, int, int, int]] = []
        self.frontiers: dict[tuple[int, int], Any] = {}
        self.entries: list[Entry] = []
        self.tick_us = NEVER
        self._number = 0

    def store(self, changes: Changes) -> None:
        for found in changes.repairs:
            m = found.machine
            self._replace(self.facts, found.facts, "minute_us", {m: (found.from_us, found.until_us)})
            stretch = {m: (found.intervals_from, found.intervals_until)}
            end = FAR_US if found.to_present else found.until_us
            self._replace(self.intervals, found.intervals, "from_us", stretch)
            self._replace(self.programs, found.programs, "from_us", {m: (found.programs_from, found.programs_until)})
            self._replace(self.counter_events, found.counter_events, "at_us", {m: (found.from_us, end)})
            self._count_gaps(m, found.count_gaps, found.from_us, end)
            old = self.snapshots.get(m, {})
            self.snapshots[m] = {at: state for at, state in old.items() if not found.from_us < at < end}
            self._snapshots(found.snapshots)
        done, upto = changes.repaired
        self.asked = [row for row in self.asked if row[1] not in done or row[0] > upto]
        self._replace(self.facts, changes.facts, "minute_us", _tails(changes.facts_from))
        self._replace(self.intervals, changes.intervals, "from_us", _tails(changes.intervals_from))
        self._replace(self.programs, changes.program_intervals, "from_us", _tails(changes.program_intervals_from))
        for (m, source), since in changes.gap_rows_from.items():
            old = self.gap_rows.get(m, [])
            kept = [row for row in old if row.source_id != source or row.from_us < since]
            fresh = [row for row in changes.gap_rows if (row.machine, row.source_id) == (m, source)]
            self.gap_rows[m] = kept + fresh
        for row in changes.counter_events:  # a stream that began anew at a snapshot tells some of them again
            noted = self.counter_events.setdefault(int(row["machine"]), [])
            if row.tolist() not in [known.tolist() for known in noted]:
                noted.append(row)
        for m, since in changes.count_gaps_from.items():
            self._count_gaps(m, changes.count_gaps, since, FAR_US, lasting=True)
        self._snapshots(changes.snapshots)
        self.raw.append(changes.raw.batch)
        known = {entry.id for entry in self.entries}
        self.entries += [entry for _, _, entry in changes.entries if entry.id not in known]
        for late in changes.late:
            self._number += 1
            self.asked.append((self._number, late.machine, late.from_us, late.to_us))
        self.frontiers.update({(found.machine, found.source_id): found for found in changes.frontiers})
        self.tick_us = max(self.tick_us, changes.tick_us)

    def _count_gaps(self, machine: int, rows: Any, since_us: int, until_us: int, *, lasting: bool = False) -> None:
        """Replace those that were booked in a stretch; of those that last, all."""
        old, fresh = self.count_gaps.get(machine, []), [row for row in rows if row["machine"] == machine]
        assert all(since_us <= row["booked_us"] < until_us or row["booked_us"] == OPEN_END for row in fresh)
        gone = [
            row for row in old if since_us <= row["booked_us"] < until_us or (lasting and row["booked_us"] == OPEN_END)
        ]
        self.count_gaps[machine] = [row for row in old if not any(row is other for other in gone)] + fresh

    def _snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        for found in snapshots:
            self.snapshots.setdefault(found.machine, {})[found.hour_us] = found.state

    @staticmethod
    def _replace(table: dict[int, list[Any]], rows: Any, column: str, stretches: Mapping[int, tuple[int, int]]) -> None:
        for machine, (since, until) in stretches.items():
            kept = [row for row in table.get(machine, []) if not since <= row[column] < until]
            fresh = [row for row in rows if row["machine"] == machine]
            assert all(since <= row[column] < until for row in fresh), "a row outside the stretch that is replaced"
            table[machine] = sorted(kept + fresh, key=lambda row: int(row[column]))

    # The port

    def requests(self) -> tuple[dict[int, tuple[int, int]], int]:
        found: dict[int, tuple[int, int]] = {}
        for _, machine, first, last in self.asked:
            before = found.get(machine, (first, last))
            found[machine] = min(before[0], first), max(before[1], last)
        return found, max((row[0] for row in self.asked), default=0)

    def snapshots_before(self, at_us: Mapping[int, int]) -> dict[int, tuple[int, bytes]]:
        out = {}
        for machine, at in at_us.items():
            hours = [hour for hour in self.snapshots.get(machine, {}) if hour <= at]
            if hours:
                out[machine] = max(hours), self.snapshots[machine][max(hours)]
        return out

    def snapshots_at(self, hour_us: int, machines: Sequence[int]) -> dict[int, bytes]:
        return {m: self.snapshots[m][hour_us] for m in machines if hour_us in self.snapshots.get(m, {})}

    def samples(self, from_us: Mapping[int, int], to_us: int, told_from_us: int, told_to_us: int) -> SampleBatch:
        batch = SampleBatch.concat(self.raw)
        keep = np.zeros(len(batch), bool)
        for machine, since in from_us.items():
            told = (batch.flags & FIRST_VALUES != 0) & (batch.received_us >= told_from_us)
            told &= batch.received_us < told_to_us
            keep |= (batch.machine == machine) & (batch.event_us < to_us) & ((batch.event_us >= since) | told)
        return batch.take(keep)

    def gaps(self, since_us: Mapping[int, int]) -> list[GapRecord]:
        rows = [
            row
            for machine, since in since_us.items()
            for row in self.gap_rows.get(machine, [])
            if row.to_us == OPEN or row.to_us >= since or row.cause == Cause.NO_DATA_YET
        ]
        return [record_of(row, lanes_of(self.plant)) for row in rows]

    def told(self, since_us: Mapping[int, int]) -> list[Told]:
        machines = {f"s/m{machine}": machine for machine in since_us}
        found = [(e, told_of(e, machines[e.machine])) for e in in_effect(self.entries) if e.machine in machines]
        return [told for _, told in found if told is not None and told.to_us >= since_us[told.machine]]

    # Restart and repair, as the engine does them

    def resumed(self, plant: Plant, spools: Sequence[str]) -> Stream:
        stream = Stream(plant, spools)
        begins = {machine: min(hours) for machine, hours in self.snapshots.items()}
        newest = self._understood()
        gaps = self.gaps(dict.fromkeys(begins, 0))
        since = stream.resume(self.frontiers.values(), gaps, newest, begins, self.tick_us, self._all_told(plant))
        if since:
            stream.refill(self.samples(since, FAR_US, min(since.values()), FAR_US))
        return stream

    def _understood(self) -> dict[int, tuple[int, bytes]]:
        """The newest snapshots of the code there is now."""
        known = {m: {at: state for at, state in hours.items() if state} for m, hours in self.snapshots.items()}
        return {machine: (max(hours), hours[max(hours)]) for machine, hours in known.items() if hours}

    def upgrade(self, plant: Plant, rng: random.Random) -> None:
        """Another code, which understands no snapshot, folds the past again; it may be stopped between two pieces."""
        for hours in self.snapshots.values():
            hours.update(dict.fromkeys(hours, b""))
        noted = {machine: (min(hours), max(hours)) for machine, hours in self.snapshots.items()}
        stopped = True
        while stopped:
            stopped = False
            for repairs in renewals(plant, self, noted, self._understood(), rng.randrange(1, 4)):
                self.store(Changes.of_past(repairs))
                stopped = rng.random() < 0.2
                if stopped:
                    break

    def _all_told(self, plant: Plant) -> list[Told]:
        return self.told(dict.fromkeys(range(len(plant.machines)), 0))

    def repair(self, stream: Stream) -> bool:
        """Do what is asked for; whether anything was."""
        self.store(stream.collect(1.0))
        job = RepairJob(stream.plant, self, stream.begin_us)
        if job.empty:
            return False
        while job.hour(stream.settled):
            pass
        stream.adopt(job.finish(stream.settled), job.upto)
        self.store(stream.collect(1.0))
        return True


def _tails(since_us: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    return {machine: (us, FAR_US) for machine, us in since_us.items()}
