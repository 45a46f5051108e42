"""One repair: which machines, from which snapshots, hour by hour until nothing changes any more. Pure but for `Past`.

Invariants:
- An hour is folded with all that is stored of it when it is its turn; what is stored later for an hour that is past
  asks for another repair.
- The last step comes right after a commit, with nothing taken in since: then what is stored is all that the stream has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.engine.gaps import GapRecord, Gaps
from core.engine.operator import OperatorLog, Told
from core.engine.refold import Refold, Refolded, Wanted
from core.facts.schema import Repair
from core.plant.lanes import lanes_of
from core.plant.model import Plant
from core.samples.batch import SampleBatch
from core.units import FAR_US, HOUR_US, MINUTE_US

_TOLD_BEFORE_US = MINUTE_US
"""First values may arrive a little before the gap's end that they speak of (core.engine.gaps)."""
_TOLD_AFTER_US = HOUR_US
"""They speak of a gap that ended at most so long before they arrived."""


class Past(Protocol):
    """What is stored. Positions of one plant, instants in UTC µs."""

    def requests(self) -> tuple[dict[int, tuple[int, int]], int]:
        """First and last instant by machine, and the number of the last request."""
        ...

    def snapshots_before(self, at_us: Mapping[int, int]) -> dict[int, tuple[int, bytes]]:
        """The newest snapshot of each machine at or before its instant."""
        ...

    def snapshots_at(self, hour_us: int, machines: Sequence[int]) -> dict[int, bytes]:
        """The snapshots of an hour."""
        ...

    def samples(self, from_us: Mapping[int, int], to_us: int, told_from_us: int, told_to_us: int) -> SampleBatch:
        """Samples of each machine from its instant on, before `to_us`, in the order of their arrival; with first
        values that are older and arrived in [told_from_us, told_to_us)."""
        ...

    def gaps(self, since_us: Mapping[int, int]) -> list[GapRecord]:
        """Gap records that end after the instants of their machines."""
        ...

    def told(self, since_us: Mapping[int, int]) -> list[Told]:
        """What people told that is in effect and ends after the instants of its machine."""
        ...


class RepairJob:
    """Machines that are folded again together, because they share the hours that have to be read."""

    def __init__(self, plant: Plant, past: Past, begin_us: NDArray[np.int64]) -> None:
        """`begin_us`: when each machine begins ([machines]), -1 never."""
        self._past = past
        self._lanes = lanes_of(plant)
        self._begin_us = begin_us.copy()
        self._waits_us = np.array([machine.behaviour.longest_wait_us for machine in plant.machines], "i8")
        asked, self.upto = past.requests()
        asked = {m: (max(first, int(begin_us[m])), last) for m, (first, last) in asked.items() if begin_us[m] >= 0}
        found = past.snapshots_before({machine: first for machine, (first, _) in asked.items()})
        wanted = {m: Wanted(*found[m], asked[m][1]) for m in asked if m in found}
        self._refold = Refold(plant, wanted)
        starts = [start.from_us for start in wanted.values()]
        self._hour_us = (min(starts) // HOUR_US + 1) * HOUR_US if starts else FAR_US

    @property
    def empty(self) -> bool:
        """Whether nothing was asked for."""
        return self._hour_us == FAR_US

    def hour(self, settled_us: NDArray[np.int64]) -> bool:
        """Fold one more full hour; False if none is left before the settled frontiers ([machines])."""
        end_us = self._hour_us
        before = self._refold.under_way(end_us)
        active = [machine for machine in before if settled_us[machine] >= end_us + self._waits_us[machine]]
        if not active:
            under_way = self._refold.under_way(FAR_US)
            ahead = [m for m in under_way if m not in before and settled_us[m] >= end_us + self._waits_us[m]]
            self._hour_us += HOUR_US if ahead else 0
            return bool(ahead)
        self._step(dict.fromkeys(active, end_us), known=1)
        self._refold.at_hour(end_us, self._past.snapshots_at(end_us, active))
        self._hour_us += HOUR_US
        return True

    def finish(self, settled_us: NDArray[np.int64]) -> list[Refolded]:
        """Fold what is left up to the settled frontiers; see the module's invariants."""
        rest = {m: int(settled_us[m]) for m in self._refold.under_way(FAR_US)}
        if rest:
            self._step(rest)
        return self._refold.finish(settled_us)

    def cut(self) -> list[Repair]:
        """What has been folded so far, as it is: what follows is to be folded again next."""
        return [found.repair for found in self._refold.finish(np.zeros_like(self._begin_us), to_present=False)]

    def _step(self, until_us: Mapping[int, int], known: int = 0) -> None:
        since = {machine: self._refold.wanted_from_us(machine) for machine in until_us}
        from_us, to_us = min(self._refold.at_us(machine) for machine in until_us), max(until_us.values())
        begins = any(self._refold.at_us(machine) == self._begin_us[machine] for machine in until_us)
        told_to_us = FAR_US if begins else to_us + _TOLD_AFTER_US
        known_us = to_us + known * int(self._waits_us.max())
        batch = self._past.samples(since, known_us, from_us - _TOLD_BEFORE_US, told_to_us)
        gaps, told = Gaps.of(self._past.gaps(since), self._lanes), OperatorLog(self._past.told(since))
        self._refold.step(self._refold.columns_of(batch, self._begin_us), batch.signal, gaps, until_us, told, known)
