"""How wide a band may be: by the definition (docs/en/truth.md, Bands), for what a simulated machine's line really lost.

Computed from the ledger and from what left the machine (simulators.faults) alone, written plainly, with nothing of the
engine and of core.kpi. The ledger's gaps of a machine:
- a line that is cut, until it is mended and the present values are told;
- over MQTT, numbers that do not follow (a message that is lost or unreadable, what a cut line did not tell, a publisher
  that numbers from 0 again): from the last sample before until the present values are told anew after that.
A gap's credit is the standard time of the good parts that the ledger has in it; they are told at its end, for the
present values hold the counters. If it has none, no credit is known at its end, and all that time allows is possible;
so it is over OPC UA, where counter and state come back with one notification, and the counter's reading is one like
any other. Over MQTT nothing is told at the end of a cut in which no number went missing: the first part after it is the
gap's credit. Parts of a gap may be of any program that was selected since the reading before it. A reading that is
spoilt, a reset that nobody announces, and a counter that is set by hand leave the stretch between the two good readings
around it in doubt.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from core.units import MINUTE_US
from core.vocabulary import State
from simulators.faults import Line
from simulators.figures import busy_spans
from simulators.outlet import LEFTOVER, ONLINE, Damage, Sample
from simulators.signals import Signals

Spans = list[tuple[int, int]]
_UNREADABLE = (Damage.LOST, Damage.BROKEN, Damage.NAN)
"""JSON has no NaN, so the whole message is refused."""
_COUNTERS = ("part.total", "part.scrap")
_MAY_MAKE = (State.PRODUCING, State.SETUP)
_PARTS_BACK = 10
"""A counter that falls by no more was corrected by a person, so the definition has it."""


@dataclass(frozen=True)
class Lost:
    """What a machine's line lost: gaps of its state, and stretches in which a counter is in doubt [µs]."""

    gaps: Spans
    doubts: Sequence[tuple[int, int, bool]]
    """From, to, and whether what was read after it is right in sum."""
    until_us: int
    """The end of all that was told."""
    untold: Spans = field(default_factory=list)
    """Those of the gaps at whose end no count was told."""


@dataclass(frozen=True)
class Width:
    """Greatest high less low [1]."""

    availability: float
    oee: float


def lost(signals: Signals, machine: int, until_us: int, renewed: Sequence[int]) -> Lost:
    """What was lost up to `until_us`; `renewed`: when the machine's present values were told anew, in order."""
    line = Line(signals, machine, signals.begin_us)
    found = [(leaving.at_us, leaving.sample) for leaving in line.leaving(until_us)]
    entry = signals.plant.machines[machine]
    numbered = signals.plant.sources[entry.source].protocol == "mqtt"
    gaps = list(_gaps(found, numbered, until_us, renewed))
    told = {end for _, end, told in gaps if told}
    joined = _joined((start, end) for start, end, _ in gaps)
    doubts = list(_doubts(signals, machine, found, until_us))
    return Lost(joined, doubts, until_us, [gap for gap in joined if gap[1] not in told])


def _gaps(
    found: Sequence[tuple[int, Sample]], numbered: bool, until_us: int, renewed: Sequence[int]
) -> Iterator[tuple[int, int, bool]]:
    """From, to, and whether the counts are told at its end."""
    cut_us: int | None = None
    heard_us, number, unread = 0, 0, False
    for at_us, sample in found:
        if sample.signal == LEFTOVER:
            continue
        if sample.signal == ONLINE:
            if not sample.value and cut_us is None:
                cut_us = at_us
            elif sample.value and cut_us is not None:
                yield cut_us, at_us, not numbered
                cut_us = None
        elif sample.damage in _UNREADABLE:
            unread = numbered and cut_us is None and sample.seq >= number
        else:
            unread = False
            newer = sample.seq > number or (sample.seq < number and sample.event_us > heard_us)
            if numbered and newer and sample.seq != number and heard_us:
                yield heard_us, _next(renewed, at_us, until_us), True
            if newer or sample.seq == number:
                number = sample.seq + 1
            heard_us = max(heard_us, sample.event_us)
    if cut_us is not None:
        yield cut_us, until_us, True
    if unread:  # no later number has come, and nothing proves life before
        yield heard_us, until_us, True


def _next(instants: Sequence[int], at_us: int, until_us: int) -> int:
    after = bisect_left(instants, at_us)
    return instants[after] if after < len(instants) else until_us


def _doubts(
    signals: Signals, machine: int, found: Sequence[tuple[int, Sample]], until_us: int
) -> Iterator[tuple[int, int, bool]]:
    """Where good readings differ otherwise than the true counts do, or a reading in between was spoilt."""
    true = {(s.signal, s.event_us): s.value for s in signals.samples(machine, signals.begin_us, until_us)}
    for name in _COUNTERS:
        last: tuple[int, int, int] | None = None
        spoilt = False
        for _, sample in found:
            if sample.signal != name:
                continue
            if sample.damage in (Damage.TYPE, Damage.NAN):
                spoilt = True
            elif sample.damage is Damage.NONE:
                shown, count = int(sample.value), int(true.get((name, sample.event_us), 0))
                if last is None and spoilt:  # what it counted since the beginning
                    yield signals.begin_us, sample.event_us, False
                if last is not None and (spoilt or shown - last[1] != count - last[2]) and not sample.reset:
                    yield last[0], sample.event_us, shown - last[1] == count - last[2]
                last, spoilt = (sample.event_us, shown, count), False
        if spoilt and last is not None:
            yield last[0], until_us, True


def allowed(signals: Signals, machine: int, from_us: int, to_us: int, what: Lost) -> Width | None:
    """The widths that the definition gives for a window; None without planned time."""
    plant, ledger = signals.plant, signals.ledger(machine)
    entry = plant.machines[machine]
    busy = list(busy_spans(plant.sites[entry.site], from_us, to_us, entry.name))
    gaps = [gap for gap in what.gaps if gap[0] < to_us and gap[1] > from_us]
    stops = [(s.from_us, s.to_us) for s in ledger.states_in(from_us, to_us) if s.state is State.PLANNED_STOP]
    pbt_us = _length(busy) - _length(_cut(_without(stops, gaps), busy))
    if not pbt_us:
        return None
    unknown_us = _length(_cut(gaps, busy))
    pri_us = {program.name: program.pri_us for program in plant.programs if program.pri_us}
    rate, most_pri_us = entry.max_rate, max(pri_us[program.name] for program in signals.scripts[machine].program)
    known, low, more, possible = 0, 0.0, 0.0, 0.0
    after = [ledger.parts_in(start + 1, end + 1) for start, end in gaps]
    told = {part.number for parts in after for part in parts}
    for part in ledger.parts_in(from_us, to_us):
        known += pri_us[part.program] if part.good and part.number not in told else 0
    apart = plant.sources[entry.source].protocol == "mqtt"
    for (start, end), parts in zip(gaps, after, strict=True):
        length = _length(_cut([(start, end)], busy))
        if not apart or not parts or end >= what.until_us:
            possible, more = possible + length * rate, more + length * rate + most_pri_us
            continue
        credit = sum(pri_us[part.program] for part in parts if part.good)
        possible += min(length * rate, credit)
        low += credit if start >= from_us and end < to_us else 0
        more += credit if end < to_us else min(length * rate + most_pri_us, credit)
    less, extra = _in_doubt(signals, machine, from_us, to_us, what, rate, most_pri_us)
    for under, over in _of_first_readings(signals, machine, from_us, to_us, what, rate):
        less, extra = less + under, extra + over
    base_us = pbt_us - unknown_us + possible / rate
    high = (known + more + extra) / base_us if base_us else 0.0
    return Width(unknown_us / pbt_us, high - max(0.0, known + low - less) / pbt_us)


def _in_doubt(
    signals: Signals, machine: int, from_us: int, to_us: int, what: Lost, rate: float, most_pri_us: int
) -> tuple[float, float]:
    """By how much less and more good standard time than was booked counters in doubt leave possible."""
    less = more = 0.0
    ledger = signals.ledger(machine)
    can = [(s.from_us, s.to_us) for s in ledger.states_in(from_us, to_us) if s.state in _MAY_MAKE]
    can = _joined([*can, *_cut(what.gaps, [(from_us, to_us)])])
    for start, end, in_sum in what.doubts:
        if start >= to_us or end <= from_us or (in_sum and from_us <= start and end < to_us):
            continue
        whole = _length(_cut(can, _minutes(start, end))) * rate + most_pri_us
        less, more = less + whole, more + whole
    return less, more


def _of_first_readings(
    signals: Signals, machine: int, from_us: int, to_us: int, what: Lost, rate: float
) -> Iterator[tuple[float, float]]:
    """The same of what each counter says first after a gap: of which program, and of the gap or of the time before."""
    parts = signals.ledger(machine).parts_in(signals.begin_us, what.until_us)
    pri_us = {program.name: float(program.pri_us) for program in signals.plant.programs if program.pri_us}
    told = [gap[1] for gap in what.gaps if gap not in what.untold]
    seen = set()
    for gap in what.gaps:
        start, end = gap
        for scrap in (False, True):
            read = [part for part in parts if not (scrap and part.good)]
            made = [part for part in read if start < part.at_us <= end]
            if gap in what.untold:
                made = [part for part in read if part.at_us >= end][:1]
            at_us = end if gap not in what.untold else made[0].at_us if made else what.until_us
            if not made or at_us < from_us or start >= to_us or (scrap, at_us) in seen:
                continue
            seen.add((scrap, at_us))
            before_us = max([signals.begin_us, *(at for at in (*told, *(p.at_us for p in read)) if at <= start)])
            programs = [pri_us.get(name, 0.0) for name in _selected(signals, machine, before_us, at_us)]
            booked = sum(pri_us[part.program] for part in made) if at_us < to_us else 0.0
            under = over = 0.0
            if len(programs) > 1:
                least = len(made) * min(programs) if start >= from_us and booked else 0.0
                within = _length(_cut(_minutes(before_us, at_us), [(from_us, to_us)])) * rate + max(programs)
                under, over = booked - least, max(0.0, min(len(made) * max(programs), within) - booked)
            before = gap in what.untold and start < from_us
            if scrap:  # it may be of parts made before, or of those made since
                yield (max(over, booked), max(under, booked)) if before else (over, under)
            else:
                yield (booked if before else under), over


def _selected(signals: Signals, machine: int, from_us: int, to_us: int) -> set[str]:
    """The programs that were selected in a stretch; an empty name where there was none."""
    _, first = signals.present(machine, from_us + 1).get("prog.name", (0, ""))
    later = (s.value for s in signals.samples(machine, from_us + 1, to_us + 1) if s.signal == "prog.name")
    return {str(name) for name in (first, *later)}


def _minutes(start: int, end: int) -> Spans:
    """The whole minutes that a stretch touches: facts say no more of where in a minute something was."""
    return [(start // MINUTE_US * MINUTE_US, -(-end // MINUTE_US) * MINUTE_US)]


def _joined(spans: Iterable[tuple[int, int]]) -> Spans:
    found: Spans = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def _cut(spans: Spans, others: Spans) -> Spans:
    """What lies in both."""
    both = [(max(a, c), min(b, d)) for a, b in spans for c, d in others]
    return [(start, end) for start, end in both if start < end]


def _without(spans: Spans, others: Spans) -> Spans:
    """What lies in the first ones only."""
    for c, d in others:
        spans = [piece for a, b in spans for piece in ((a, min(b, c)), (max(a, d), b)) if piece[0] < piece[1]]
    return spans


def _length(spans: Spans) -> int:
    return sum(end - start for start, end in spans)
