"""What goes wrong between a machine and its reader: seeded, repeatable damage to the samples that leave a machine.

Samples pass two stages. The machine's own mistakes come first: counters that are reset, samples that leave late or in
disorder, values of the wrong type, a wrong clock. Then they get their numbers, in the order in which they leave. Then
the line's mistakes: unreadable messages, duplicates, cuts.

Invariants: the ledger knows nothing of faults. The same seed gives the same faults, in whatever steps of time they are
asked for; the faults of a machine depend on no other machine, those of a kind on no other kind but what it is made of.
Without faults exactly the machine's samples leave, with their own numbers. Nothing leaves before it happened. A good
sample leaves once, but for duplicates, cuts and what bad values replace.

What Stanok must make of them:
- recoverable: duplicate, disorder, late, an announced reset, and nan, type and broken in addition to the good value.
  Final facts are those of the run without faults, row for row (once late data have been recomputed).
- losses: cut, a reset that nobody announces, and nan, type and broken instead of the good value. The truth lies inside
  the band (docs/en/simulators.md says where it does not yet).
- a wrong clock moves everything by its error: time classes are right to within the error of the offset's estimate.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from heapq import heappop, heappush
from typing import NamedTuple, TypeVar

from core.units import MINUTE_US, SECOND_US
from core.vocabulary import meaning
from simulators.outlet import ONLINE, Damage, Sample, Value
from simulators.scenario import Bad, ClockError, Cut, Disorder, Duplicate, Late, Reset, Span
from simulators.signals import Signals

_COUNTED = ("part.total", "part.scrap", "part.good")
_UNNUMBERED = -1

_Kind = TypeVar("_Kind", Duplicate, Disorder, Late, Cut, ClockError, Reset, Bad)


class Leaving(NamedTuple):
    """A sample and the instant (scenario µs) at which it leaves the machine."""

    at_us: int
    sample: Sample


class Line:
    """Everything that leaves one machine from `from_us` on, asked for step by step; see the module's invariants."""

    def __init__(self, signals: Signals, machine: int, from_us: int) -> None:
        script = signals.scripts[machine]
        self._signals = signals
        self._machine = machine
        self._until_us = from_us
        self._faults = script.fault
        self._number = signals.count(machine, signals.begin_us, from_us)
        self._clock = _Clock(self._only(ClockError), from_us)
        where = f"{signals.seed} {script.name}"
        self._bad = [_Spoiling(fault, where, index) for index, fault in enumerate(self._only(Bad))]
        slow: list[Disorder | Late] = [*self._only(Disorder), *self._only(Late)]
        self._delays = [_Delay(fault, where, index) for index, fault in enumerate(slow)]
        self._resets = [_Resets(fault, where) for fault in self._only(Reset)]
        self._twice = [_Twice(fault, where) for fault in self._only(Duplicate)]
        self._cuts = [_Cuts(fault, where, from_us) for fault in self._only(Cut)]
        self._waiting: list[tuple[int, int, bool, Sample]] = []
        self._pushed = 0

    def present(self) -> Mapping[str, tuple[int, Value]]:
        """What the machine shows at the beginning: the true values, by its own clock."""
        found = self._signals.present(self._machine, self._until_us)
        return {name: (self._clock.shown_us(us), value) for name, (us, value) in found.items()}

    def leaving(self, until_us: int) -> list[Leaving]:
        """What leaves from the end of the last step up to before `until_us`, in order."""
        from_us, self._until_us = self._until_us, max(until_us, self._until_us)
        samples = self._signals.samples(self._machine, from_us, self._until_us)
        if not self._faults:
            return [Leaving(sample.event_us, sample) for sample in samples]
        for sample in samples:
            for at_us, spoilt in self._machines_own(sample):
                self._push(at_us, spoilt)
        for cuts in self._cuts:
            for at_us, mended in cuts.edges(self._until_us):
                self._push(at_us, Sample(self._machine, ONLINE, at_us, mended, _UNNUMBERED), final=True)
        return list(self._popped())

    def _only(self, kind: type[_Kind]) -> list[_Kind]:
        return [fault for fault in self._faults if isinstance(fault, kind)]

    def _push(self, at_us: int, sample: Sample, *, final: bool = False) -> None:
        # The running number keeps what leaves in one microsecond in the order in which it was made.
        heappush(self._waiting, (at_us, self._pushed, final, sample))
        self._pushed += 1

    def _machines_own(self, sample: Sample) -> Iterator[Leaving]:
        """The stage before the numbers."""
        for resets in self._resets:
            sample = resets.read(sample)
        at_us = sample.event_us + sum(delay.draw_us() for delay in self._delays)
        shown = replace(sample, event_us=self._clock.shown_us(sample.event_us))
        yield from (Leaving(at_us, one) for one in self._spoilt([shown], Damage.TYPE))

    def _popped(self) -> Iterator[Leaving]:
        """The stage with the numbers and after them."""
        while self._waiting and self._waiting[0][0] < self._until_us:
            at_us, _, final, sample = heappop(self._waiting)
            if final:
                yield from self._unless_cut(at_us, [sample])
                continue
            numbered = replace(sample, seq=self._number)
            self._number += 1
            for twice in self._twice:
                if (again_us := twice.draw_us()) is not None:
                    self._push(at_us + again_us, numbered, final=True)
            spoilt = self._spoilt([numbered], Damage.NAN)
            yield from self._unless_cut(at_us, self._spoilt(spoilt, Damage.BROKEN))

    def _unless_cut(self, at_us: int, samples: Iterable[Sample]) -> Iterator[Leaving]:
        for sample in samples:
            if sample.signal == ONLINE or not any(cuts.at(at_us) for cuts in self._cuts):
                yield Leaving(at_us, sample)
            else:
                yield Leaving(at_us, replace(sample, damage=Damage.LOST))

    def _spoilt(self, samples: Iterable[Sample], damage: Damage) -> Iterable[Sample]:
        for spoiling in self._bad:
            if spoiling.damage is damage:
                samples = [one for sample in samples for one in spoiling.apply(sample)]
        return samples


class _Clock:
    """What the machine's clock shows."""

    def __init__(self, errors: list[ClockError], from_us: int) -> None:
        self._from_us = from_us
        self._offset_us = sum(round(error.offset_s * SECOND_US) for error in errors)
        self._drift = sum(error.drift_ppm for error in errors) / 1e6

    def shown_us(self, true_us: int) -> int:
        return true_us + self._offset_us + round((true_us - self._from_us) * self._drift)


class _Spoiling:
    """Bad values before good ones, or instead of them."""

    def __init__(self, fault: Bad, where: str, index: int) -> None:
        self.damage = Damage(fault.kind)
        self._fault = fault
        self._random = random.Random(f"{where} {fault.kind} {index}")

    def apply(self, sample: Sample) -> list[Sample]:
        fault = self._fault
        if sample.damage is not Damage.NONE or (fault.signals and sample.signal not in fault.signals):
            return [sample]
        if self._random.random() >= fault.share or not _can_be(sample, self.damage):
            return [sample]
        bad = replace(sample, damage=self.damage)
        return [bad] if fault.instead else [bad, sample]


def _can_be(sample: Sample, damage: Damage) -> bool:
    """Only a number can be none."""
    known = meaning(sample.signal)
    return damage is not Damage.NAN or (known is not None and known.kind in ("float", "counter"))


class _Delay:
    """How much later samples leave."""

    def __init__(self, fault: Disorder | Late, where: str, index: int) -> None:
        late = isinstance(fault, Late)
        self._share = fault.share if isinstance(fault, Late) else 1.0
        self._by_s: Span = fault.by_s if isinstance(fault, Late) else (0.0, fault.within_s)
        self._random = random.Random(f"{where} {'late' if late else 'disorder'} {index}")

    def draw_us(self) -> int:
        drawn = self._random.random() < self._share
        by_us = int(self._random.uniform(*self._by_s) * SECOND_US)
        return by_us if drawn else 0


class _Resets:
    """Part counters that begin again."""

    def __init__(self, fault: Reset, where: str) -> None:
        self._fault = fault
        self._random = random.Random(f"{where} reset")
        self._base: dict[str, int] = {}
        self._last: dict[str, int] = {}

    def read(self, sample: Sample) -> Sample:
        """The sample as the counter shows it; a reset that nobody announces takes the part of that moment with it.

        It never comes while the counter shows 0: its next reading would be 0, too, and no reading could tell of it.
        """
        if sample.signal not in _COUNTED or not isinstance(sample.value, int):
            return sample
        name, count = sample.signal, sample.value
        before = self._last.get(name)
        self._last[name] = count
        began = before is not None and self._random.random() * self._fault.every_parts < 1.0
        if began and not self._fault.announced and before == self._base.get(name, 0):
            began = False
        if began and before is not None:
            self._base[name] = before if self._fault.announced else count
        return replace(sample, value=count - self._base.get(name, 0), reset=began and self._fault.announced)


class _Twice:
    """Which samples leave once more, and when."""

    def __init__(self, fault: Duplicate, where: str) -> None:
        self._fault = fault
        self._random = random.Random(f"{where} duplicate")

    def draw_us(self) -> int | None:
        drawn = self._random.random() < self._fault.share
        after_us = int(self._random.uniform(*self._fault.after_s) * SECOND_US)
        return after_us if drawn else None


class _Cuts:
    """When the line is cut: half-open stretches, told once each as two edges. Asked for forwards in time only."""

    def __init__(self, fault: Cut, where: str, from_us: int) -> None:
        self._fault = fault
        self._random = random.Random(f"{where} cut")
        self._ahead = self._drawn(from_us)
        self._told: deque[tuple[int, int]] = deque()

    def _drawn(self, from_us: int) -> tuple[int, int]:
        start_us = from_us + 1 + int(self._random.expovariate(1.0) * self._fault.every_min * MINUTE_US)
        return start_us, start_us + 1 + int(self._random.uniform(*self._fault.for_s) * SECOND_US)

    def edges(self, until_us: int) -> Iterator[tuple[int, bool]]:
        """The edges of stretches that begin before `until_us` and have not been told: instant, mended."""
        while self._ahead[0] < until_us:
            start_us, end_us = self._ahead
            self._told.append(self._ahead)
            self._ahead = self._drawn(end_us)
            yield start_us, False
            yield end_us, True

    def at(self, us: int) -> bool:
        """Whether the line is cut at an instant, of which the edges have been told."""
        while self._told and self._told[0][1] <= us:
            self._told.popleft()
        return bool(self._told) and self._told[0][0] <= us
