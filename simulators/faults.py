"""What goes wrong between a machine and its reader: seeded, repeatable damage to the samples that leave a machine.

Samples pass two stages. The machine's own mistakes come first: counters that are reset, samples that leave late or in
disorder, values of the wrong type, a wrong clock. Then they get their numbers, in the order in which they leave. Then
the line's mistakes: unreadable messages, duplicates, cuts.

Invariants: the ledger knows nothing of faults. The same seed gives the same faults, in whatever steps of time they are
asked for; the faults of a machine depend on no other machine, those of a kind on no other kind but what it is made of.
Without faults exactly the machine's samples leave, with their own numbers. Nothing leaves before it happened. A good
sample leaves once, but for duplicates, cuts and what bad values replace.

What Stanok must make of them:
- recoverable: duplicate, disorder, late, frozen, flood, leftover, rollover, an announced reset, and nan, type and
  broken in addition to the good value. Final facts are those of the run without faults, row for row (once late data
  have been recomputed).
- losses: cut, restart, a reset that nobody announces, preset, and nan, type and broken instead of the good value. The
  truth lies inside the band (docs/en/simulators.md says where it does not yet).
- a wrong clock (clock, jump) moves everything by its error, a flap instants by its length: time classes are right to
  within that, and to within the error of the offset's estimate.
"""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from heapq import heappop, heappush
from typing import NamedTuple, TypeVar

from core.units import MINUTE_US, SECOND_US
from core.vocabulary import meaning
from simulators.fault_tables import (
    Bad,
    ClockError,
    Cut,
    Disorder,
    Duplicate,
    Flap,
    Flood,
    Frozen,
    Jump,
    Late,
    Leftover,
    Preset,
    Reset,
    Restart,
    Rollover,
    Span,
    Table,
)
from simulators.interventions import Kind
from simulators.outlet import LEFTOVER, ONLINE, Damage, Sample, Value
from simulators.scenario import Scenario
from simulators.signals import Signals

_COUNTED = ("part.total", "part.scrap", "part.good")
_REPEATED = ("power.active", "spindle.1.load", "spindle.1.speed", "feed.1.rate", "ctrl.execution", "part.total")
"""What a flood tells again: to tell it again changes nothing."""
_AGAIN_US = 20
"""Between two of them: so close that no change comes between."""
_UNNUMBERED = -1

_Kind = TypeVar("_Kind", bound=Table)


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
        where = f"{signals.seed} {script.name}"
        self._clock = _Clock(self._only(ClockError), self._only(Jump), where, from_us)
        self._bad = [_Spoiling(fault, where, index) for index, fault in enumerate(self._only(Bad))]
        slow: list[Disorder | Late] = [*self._only(Disorder), *self._only(Late)]
        self._delays = [_Delay(fault, where, index) for index, fault in enumerate(slow)]
        self._resets = [_Resets(fault, where) for fault in self._only(Reset)]
        self._twice = [_Twice(fault, where) for fault in self._only(Duplicate)]
        self._presets = [_Presets(fault, where) for fault in self._only(Preset)]
        self._widths = [fault.width for fault in self._only(Rollover)]
        self._flaps = [_Flaps(fault, where) for fault in self._only(Flap)]
        self._floods = [_Floods(fault, where) for fault in self._only(Flood)]
        self._frozen = [_Stretches("frozen", f.every_min, f.for_s, where, from_us) for f in self._only(Frozen)]
        self._leftovers = [_Leftovers(fault, where, from_us) for fault in self._only(Leftover)]
        self._restarts = [_Stretches("restart", f.every_min, f.for_s, where, from_us) for f in self._only(Restart)]
        self._asked = _Asked()
        for done in signals.interventions:
            if done.kind is Kind.CUT and done.machine == script.name and done.to_us > from_us:
                self._asked.add(max(done.at_us, from_us), done.to_us)
        self._cuts: list[_Stretches | _Asked] = [self._asked]
        self._cuts += [_Stretches("cut", f.every_min, f.for_s, where, from_us) for f in self._only(Cut)]
        self._cuts += self._restarts
        self._waiting: list[tuple[int, int, bool, Sample]] = []
        self._pushed = 0

    def present(self) -> Mapping[str, tuple[int, Value]]:
        """What the machine shows at the beginning: the true values, by its own clock."""
        found = self._signals.present(self._machine, self._until_us)
        return {name: (self._clock.shown_us(us), value) for name, (us, value) in found.items()}

    @property
    def until_us(self) -> int:
        """Up to here everything has left, or has been lost."""
        return self._until_us

    def cut(self, from_us: int, to_us: int) -> None:
        """Cut the line for a while that has not begun."""
        self._asked.add(max(from_us, self._until_us), to_us)

    def leaving(self, until_us: int) -> list[Leaving]:
        """What leaves from the end of the last step up to before `until_us`, in order."""
        from_us, self._until_us = self._until_us, max(until_us, self._until_us)
        samples = self._signals.samples(self._machine, from_us, self._until_us)
        if not self._faults and not self._asked.known:
            self._number += len(samples)
            return [Leaving(sample.event_us, sample) for sample in samples]
        for sample in samples:
            for at_us, spoilt in self._machines_own(sample):
                self._push(at_us, spoilt)
        for cuts in self._cuts:
            for at_us, mended in cuts.edges(self._until_us):
                number = 0 if cuts in self._restarts and mended else _UNNUMBERED
                self._push(at_us, Sample(self._machine, ONLINE, at_us, mended, number), final=True)
        for leftovers in self._leftovers:
            for at_us, then_us in leftovers.until(self._until_us):
                self._push(at_us, self._left_over(at_us, then_us), final=True)
        return list(self._popped())

    def _only(self, kind: type[_Kind]) -> list[_Kind]:
        return [fault for fault in self._faults if isinstance(fault, kind)]

    def _push(self, at_us: int, sample: Sample, *, final: bool = False) -> None:
        # The running number keeps what leaves in one microsecond in the order in which it was made.
        heappush(self._waiting, (at_us, self._pushed, final, sample))
        self._pushed += 1

    def _machines_own(self, sample: Sample) -> Iterator[Leaving]:
        """The stage before the numbers."""
        found = [self._counted(sample)]
        for flaps in self._flaps:
            found = flaps.apply(found)
        for floods in self._floods:
            found = floods.apply(found)
        delay_us = sum(delay.draw_us() for delay in self._delays)
        for told in found:
            at_us = told.event_us + delay_us
            for frozen in self._frozen:
                at_us = frozen.end_us(at_us)
            shown = replace(told, event_us=self._clock.shown_us(told.event_us))
            yield from (Leaving(at_us, one) for one in self._spoilt([shown], Damage.TYPE))

    def _counted(self, sample: Sample) -> Sample:
        """A reading as the counter shows it."""
        for resets in self._resets:
            sample = resets.read(sample)
        for presets in self._presets:
            sample = presets.read(sample)
        if self._widths and sample.signal in _COUNTED and isinstance(sample.value, int):
            sample = replace(sample, value=sample.value % self._widths[0])
        return sample

    def _left_over(self, at_us: int, then_us: int) -> Sample:
        """What the machine retained at an instant, told again now."""
        shown = self._signals.present(self._machine, max(then_us, self._signals.begin_us + 1))
        values = [[self._clock.shown_us(us), name, value] for name, (us, value) in shown.items()]
        return Sample(self._machine, LEFTOVER, at_us, json.dumps({"s": values}, ensure_ascii=False), _UNNUMBERED)

    def _popped(self) -> Iterator[Leaving]:
        """The stage with the numbers and after them."""
        while self._waiting and self._waiting[0][0] < self._until_us:
            at_us, _, final, sample = heappop(self._waiting)
            if final:
                if sample.signal == ONLINE and sample.seq == 0:  # a publisher that has started anew
                    self._number, sample = 0, replace(sample, seq=_UNNUMBERED)
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


def cut_us(signals: Signals, machine: int, until_us: int) -> int:
    """How long the line of a machine is cut from the scenario's beginning to `until_us` [µs]."""
    script, begin_us = signals.scripts[machine], signals.begin_us
    where = f"{signals.seed} {script.name}"
    spans: list[tuple[int, int]] = []
    for fault in script.fault:
        if isinstance(fault, Cut | Restart):
            ends = [
                at for at, _ in _Stretches(fault.kind, fault.every_min, fault.for_s, where, begin_us).edges(until_us)
            ]
            spans += zip(ends[::2], ends[1::2], strict=True)
    total = reached = 0
    for start, end in sorted(spans):
        total += max(0, min(end, until_us) - max(start, reached))
        reached = max(reached, end)
    return total


def by_their_clocks(signals: Signals) -> Signals:
    """The same machines, everything happening at the instants that their own clocks show; jumps left out."""
    found = Signals(signals.plant, Scenario(signals.seed, signals.begin_us, signals.scripts))
    for stream, script in zip(found.streams, found.scripts, strict=True):
        errors = [fault for fault in script.fault if isinstance(fault, ClockError)]
        stream.ledger = stream.ledger.shown_by(_Clock(errors, [], "", signals.begin_us).shown_us)
    return found


class _Clock:
    """What the machine's clock shows."""

    def __init__(self, errors: list[ClockError], jumps: list[Jump], where: str, from_us: int) -> None:
        self._from_us = from_us
        self._offset_us = sum(round(error.offset_s * SECOND_US) for error in errors)
        self._drift = sum(error.drift_ppm for error in errors) / 1e6
        self._jumps = [
            _Stretches("jump", one.every_min, (one.for_min[0] * 60.0, one.for_min[1] * 60.0), where, from_us, one.by_s)
            for one in jumps
        ]

    def shown_us(self, true_us: int) -> int:
        off_us = self._offset_us + sum(jump.amount_us(true_us) for jump in self._jumps)
        return true_us + off_us + round((true_us - self._from_us) * self._drift)


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


class _Presets:
    """Part counters that somebody sets; what they count until they begin again is added to the new number."""

    def __init__(self, fault: Preset, where: str) -> None:
        self._fault = fault
        self._random = random.Random(f"{where} preset")
        self._moved: dict[str, int] = {}
        self._last: dict[str, int] = {}

    def read(self, sample: Sample) -> Sample:
        if sample.signal not in _COUNTED or not isinstance(sample.value, int):
            return sample
        name, before = sample.signal, self._last.get(sample.signal)
        self._last[name] = sample.value
        if before is not None and self._random.random() * self._fault.every_parts < 1.0:
            self._moved[name] = self._random.randint(*self._fault.to) - sample.value
        elif before is not None and sample.value < before:
            self._moved[name] = 0
        return replace(sample, value=sample.value + self._moved.get(name, 0))


class _Flaps:
    """Changes that bounce."""

    def __init__(self, fault: Flap, where: str) -> None:
        self._fault = fault
        self._random = random.Random(f"{where} flap")
        self._before: dict[str, Value] = {}

    def apply(self, samples: list[Sample]) -> list[Sample]:
        found = []
        for sample in samples:
            found.append(sample)
            if sample.signal not in self._fault.signals:
                continue
            before = self._before.get(sample.signal)
            self._before[sample.signal] = sample.value
            if before is not None and self._random.random() < self._fault.share:
                first, last = sorted(self._random.uniform(0.001, self._fault.within_ms) for _ in range(2))
                found.append(replace(sample, event_us=sample.event_us + int(first * 1000), value=before))
                found.append(replace(sample, event_us=sample.event_us + int(last * 1000) + 1))
        return found


class _Floods:
    """Values that are told again and again."""

    def __init__(self, fault: Flood, where: str) -> None:
        self._fault = fault
        self._random = random.Random(f"{where} flood")

    def apply(self, samples: list[Sample]) -> list[Sample]:
        return [again for sample in samples for again in self._again(sample)]

    def _again(self, sample: Sample) -> Iterator[Sample]:
        yield sample
        if sample.signal in _REPEATED and self._random.random() < self._fault.share:
            times = self._random.randint(*self._fault.times)
            for step in range(1, times + 1):
                yield replace(sample, event_us=sample.event_us + step * _AGAIN_US)


class _Leftovers:
    """When a broker hands out old values again: instant, and the instant whose values they are."""

    def __init__(self, fault: Leftover, where: str, from_us: int) -> None:
        self._fault = fault
        self._random = random.Random(f"{where} leftover")
        self._next_us = from_us
        self._draw()

    def _draw(self) -> None:
        self._next_us += 1 + int(self._random.expovariate(1.0) * self._fault.every_min * MINUTE_US)
        self._age_us = int(self._random.uniform(*self._fault.age_min) * MINUTE_US)

    def until(self, until_us: int) -> Iterator[tuple[int, int]]:
        while self._next_us < until_us:
            yield self._next_us, self._next_us - self._age_us
            self._draw()


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


class _Asked:
    """Half-open stretches that somebody asks for, one after the other; told like `_Stretches`."""

    def __init__(self) -> None:
        self.known: list[tuple[int, int]] = []
        self._told = 0

    def add(self, from_us: int, to_us: int) -> None:
        """One more; what another one covers already begins after it."""
        from_us = max([from_us, *(end_us for _, end_us in self.known)])
        if to_us > from_us:
            self.known.append((from_us, to_us))

    def edges(self, until_us: int) -> Iterator[tuple[int, bool]]:
        """As of `_Stretches`."""
        while self._told < len(self.known) and self.known[self._told][0] < until_us:
            start_us, end_us = self.known[self._told]
            self._told += 1
            yield start_us, False
            yield end_us, True

    def at(self, us: int) -> bool:
        """As of `_Stretches`."""
        return any(start_us <= us < end_us for start_us, end_us in self.known)


class _Stretches:
    """Half-open stretches that come again and again. Edges are told once each, for instants asked forwards in time."""

    def __init__(
        self, kind: str, every_min: float, for_s: Span, where: str, from_us: int, amount_s: Span = (0.0, 0.0)
    ) -> None:
        self._every_min = every_min
        self._for_s = for_s
        self._amount_s = amount_s
        self._random = random.Random(f"{where} {kind}")
        self._ahead = self._drawn(from_us)
        self._told: deque[tuple[int, int, int]] = deque()

    def _drawn(self, from_us: int) -> tuple[int, int, int]:
        start_us = from_us + 1 + int(self._random.expovariate(1.0) * self._every_min * MINUTE_US)
        end_us = start_us + 1 + int(self._random.uniform(*self._for_s) * SECOND_US)
        if not self._amount_s[1]:
            return start_us, end_us, 0
        return start_us, end_us, self._random.choice((-1, 1)) * int(self._random.uniform(*self._amount_s) * SECOND_US)

    def edges(self, until_us: int) -> Iterator[tuple[int, bool]]:
        """The edges of stretches that begin before `until_us` and have not been told: instant, whether an end."""
        while self._ahead[0] < until_us:
            start_us, end_us, _ = self._ahead
            self._told.append(self._ahead)
            self._ahead = self._drawn(end_us)
            yield start_us, False
            yield end_us, True

    def at(self, us: int) -> bool:
        """Whether an instant lies in a stretch of which the edges have been told."""
        while self._told and self._told[0][1] <= us:
            self._told.popleft()
        return bool(self._told) and self._told[0][0] <= us

    def _around(self, us: int) -> tuple[int, int, int] | None:
        """The stretch around an instant, told or not; kept, because instants may come in disorder."""
        for _ in self.edges(us + 1):
            pass
        return next((found for found in self._told if found[0] <= us < found[1]), None)

    def end_us(self, us: int) -> int:
        """The end of the stretch around an instant; the instant itself outside."""
        found = self._around(us)
        return us if found is None else found[1]

    def amount_us(self, us: int) -> int:
        """What the stretch around an instant amounts to; 0 outside."""
        found = self._around(us)
        return 0 if found is None else found[2]
