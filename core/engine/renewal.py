"""The past folded again by another version of the code, up to the newest hour noted before. Pure but for `Past`.

A state is understood only by the code that made it. Without one a machine starts at its beginning; to take everything
since then into memory would be as much as is kept.
Invariants:
- Each piece is some hours of all machines, from where the last one ended; it is whole by itself, with snapshots of this
  code, so that whoever is stopped between two pieces goes on with the next one.
- After the last piece the newest snapshots are of this code, and what is stored up to them is what it makes of it.
- Between two pieces the interval that runs at the end of a piece may stand beside that of the old code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.engine.fold import CODE_VERSION, Fold
from core.engine.gaps import GapLog, GapRecord
from core.engine.operator import Told
from core.engine.repair import Past, RepairJob
from core.facts.schema import Repair, Snapshot
from core.plant.lanes import lanes_of
from core.plant.model import Plant
from core.samples.batch import SampleBatch

HOURS = 6
"""Of a piece: a hundred million samples of a large plant pass by hour, their minutes and snapshots are kept until it
is written (500 bytes a minute: 180 MB for a thousand machines)."""

Start = tuple[int, bytes]
"""Instant [µs] and bytes of a snapshot of this code."""


@dataclass(frozen=True)
class _Asked:
    """A past of which a piece is asked for: `starts` of its machines, and up to when."""

    past: Past
    starts: Mapping[int, Start]
    ends: Mapping[int, int]

    def requests(self) -> tuple[dict[int, tuple[int, int]], int]:
        return {machine: (at_us, self.ends[machine]) for machine, (at_us, _) in self.starts.items()}, 0

    def snapshots_before(self, at_us: Mapping[int, int]) -> dict[int, Start]:
        return {machine: self.starts[machine] for machine in at_us}

    def snapshots_at(self, hour_us: int, machines: Sequence[int]) -> dict[int, bytes]:  # noqa: ARG002 - the port's
        return {}  # no hour is that of before: a machine goes on to the end

    def samples(self, from_us: Mapping[int, int], to_us: int, told_from_us: int, told_to_us: int) -> SampleBatch:
        return self.past.samples(from_us, to_us, told_from_us, told_to_us)

    def gaps(self, since_us: Mapping[int, int]) -> list[GapRecord]:
        return self.past.gaps(since_us)

    def told(self, since_us: Mapping[int, int]) -> list[Told]:
        return self.past.told(since_us)


def renewals(
    plant: Plant, past: Past, noted: Mapping[int, tuple[int, int]], own: Mapping[int, Start], hours: int = HOURS
) -> Iterator[list[Repair]]:
    """The pieces, each to be stored before the next is asked for.

    `noted`: by machine the instants of its oldest and its newest snapshot [µs], by whatever code; `own`: its newest by
    this code.
    """
    ends = {machine: newest for machine, (_, newest) in noted.items()}
    begin_us, known_us = np.full(len(plant.machines), -1, "i8"), np.full(len(plant.machines), -1, "i8")
    for machine, (oldest, newest) in noted.items():
        begin_us[machine], known_us[machine] = oldest, newest + plant.machines[machine].behaviour.longest_wait_us
    first = {machine: oldest for machine, (oldest, newest) in noted.items() if machine not in own and oldest < newest}
    log = GapLog(lanes_of(plant))
    log.load(past.gaps(first))
    fresh = {
        machine: Snapshot(machine, at_us, CODE_VERSION, Fold.first_state(at_us, log.unheard(machine, at_us)))
        for machine, at_us in first.items()
    }
    starts = {**own, **{machine: (snapshot.hour_us, snapshot.state) for machine, snapshot in fresh.items()}}
    while starts := {machine: start for machine, start in starts.items() if start[0] < ends[machine]}:
        job = RepairJob(plant, _Asked(past, starts, ends), begin_us)
        for _ in range(hours):
            if not job.hour(known_us):
                break
        repairs = [repair for repair in job.cut() if repair.snapshots]
        if not repairs:
            return
        starts |= {repair.machine: (repair.snapshots[-1].hour_us, repair.snapshots[-1].state) for repair in repairs}
        yield [_with_first(repair, fresh) for repair in repairs]


def _with_first(repair: Repair, fresh: dict[int, Snapshot]) -> Repair:
    """What a machine begins with is noted by its first piece."""
    first = fresh.pop(repair.machine, None)
    return repair if first is None else replace(repair, snapshots=[first, *repair.snapshots])
