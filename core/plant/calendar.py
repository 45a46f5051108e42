"""Shift patterns and time zones -> instants. Daylight saving ends here: nothing behind this file knows a zone.

Invariants: the boundaries of an instance are whole UTC minutes and do not depend on the window asked for; instances
of a site never overlap; lengths come from UTC, so a night shift over a clock change has 7 or 9 hours.
A wall time that the clock skips moves forward by the skipped stretch; of one that it shows twice the first is meant.
Layers, highest first: planned maintenance and breaks (their union is planned down time), shifts, overtime (only where
no shift is), outside. Which shifts a day has is said in `core.plant.workdays`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from core.plant.model import DayRule, Maintenance, Plant, Shift, Site
from core.plant.workdays import overtime_on, shifts_on
from core.units import datetime_from_us, floor_minute, natural_id, us_from_datetime
from core.vocabulary import Situation

_DAY_MIN = 1440

Span = tuple[int, int]
"""Start and end in UTC µs, half-open."""


@dataclass(frozen=True)
class Segments:
    """Contiguous stretches of one situation and shift; the first begins where the window does, neighbours differ.

    `situation` is BUSY, PLANNED_DOWN (break or maintenance inside a shift) or OUTSIDE; `shift_id` is 0 outside shifts.
    """

    start_us: NDArray[np.int64]
    situation: NDArray[np.int8]
    shift_id: NDArray[np.int64]


@dataclass(frozen=True)
class ShiftInstance:
    """One shift of one day; `production_day` is a local date in ISO form, by the site's rule. Times in UTC µs.

    The id is made from the date the shift begins on, so a changed rule keeps ids.
    """

    id: int
    site: str
    name: str
    production_day: str
    start_us: int
    end_us: int
    breaks: tuple[Span, ...]


def segments(site: Site, from_us: int, to_us: int, machine: str = "") -> Segments:
    """The calendar of a site over [from_us, to_us), or of one machine with its own maintenance windows.

    ValueError if the window is empty.
    """
    if to_us <= from_us:
        raise ValueError(f"the calendar window from {from_us} to {to_us} is empty; its end must lie after its start")
    rows = {from_us: (Situation.OUTSIDE, 0)}
    for instance in shift_instances(site, from_us, to_us, machine):
        for at_us, row in _edges(instance):
            if at_us < to_us:
                # Edges come in rising order; of several at one instant the last one holds from there on.
                rows[max(at_us, from_us)] = row
    return _without_repeats(rows)


def machine_calendars(plant: Plant, from_us: int, to_us: int) -> tuple[list[Segments], list[int]]:
    """Every calendar of a plant over [from_us, to_us), and the position of each machine's own among them.

    Those of the sites come first, at the sites' positions; then those of machines with maintenance of their own.
    """
    found = [segments(site, from_us, to_us) for site in plant.sites]
    position = []
    for machine in plant.machines:
        site = plant.sites[machine.site]
        if any(machine.name in window.machines for window in site.rules.maintenance):
            position.append(len(found))
            found.append(segments(site, from_us, to_us, machine.name))
        else:
            position.append(machine.site)
    return found, position


def shift_instances(site: Site, from_us: int, to_us: int, machine: str = "") -> list[ShiftInstance]:
    """Every shift instance that overlaps [from_us, to_us), in order of time; `breaks` with planned maintenance.

    `machine` adds the maintenance windows of that machine; names, ids and lengths do not depend on it.
    """
    zone = ZoneInfo(site.zone)
    days = list(_days(site, zone, from_us, to_us))
    planned = [(day, shift) for day in days for shift in shifts_on(site, day)]
    spans = _disjoint([_span(zone, day, shift.start_min, shift.end_min) for day, shift in planned])
    found = list(zip(planned, spans, strict=True))
    for day in days:
        for shift in overtime_on(site, day):
            span = _span(zone, day, shift.start_min, shift.end_min)
            pieces = _outside(span, [taken for _, taken in found])
            found += [((day, _piece(shift, number)), piece) for number, piece in enumerate(pieces, 1)]
    found.sort(key=lambda item: item[1])
    closed = _maintenance(site, zone, machine)
    return [
        _instance(site, zone, day, shift, span, closed)
        for (day, shift), span in found
        if max(span[0], from_us) < min(span[1], to_us)
    ]


def _days(site: Site, zone: ZoneInfo, from_us: int, to_us: int) -> Iterator[date]:
    """Every local day whose shifts may reach into the window or cut one that does."""
    ends = [shift.end_min for shift in site.shifts] + [over.end_min for over in site.rules.overtimes]
    # A day more than the longest shift needs, because a zone may skip one (Samoa, 2011-12-30).
    reach = timedelta(days=1 + max(ends, default=0) // _DAY_MIN)
    day = datetime_from_us(from_us).astimezone(zone).date() - reach
    last = datetime_from_us(to_us).astimezone(zone).date() + reach
    while day <= last:
        yield day
        day += timedelta(days=1)


def _outside(span: Span, taken: Sequence[Span]) -> list[Span]:
    """The pieces of a span that lie outside the taken ones."""
    pieces, (start, end) = [], span
    for begin, until in sorted(taken):
        if begin < end and until > start:
            pieces.append((start, begin))
            start = until
    return [piece for piece in (*pieces, (start, end)) if piece[0] < piece[1]]


def _piece(shift: Shift, number: int) -> Shift:
    """Overtime that shifts cut into pieces: each is an instance with a name of its own."""
    return shift if number == 1 else replace(shift, name=f"{shift.name} ({number})")


def _maintenance(site: Site, zone: ZoneInfo, machine: str) -> list[Span]:
    """The planned windows of the whole site and of one machine."""
    return [
        (_instant(zone, *window.start), _end_of(window, zone, site.rules.overrun_planned))
        for window in site.rules.maintenance
        if not window.machines or machine in window.machines
    ]


def _end_of(window: Maintenance, zone: ZoneInfo, overrun_planned: bool) -> int:
    """Where planned time ends: as planned, or when it was finished; an overrun is planned only if the site says so."""
    end = _instant(zone, *window.end)
    if window.finished is None:
        return end
    finished = _instant(zone, *window.finished)
    return finished if overrun_planned else min(end, finished)


def _instance(site: Site, zone: ZoneInfo, day: date, shift: Shift, span: Span, closed: Sequence[Span]) -> ShiftInstance:
    start_us, end_us = span
    attended = [pause for pause in shift.breaks if not pause.unattended]
    pauses = _disjoint([_span(zone, day, pause.start_min, pause.end_min) for pause in attended])
    inside = ((max(begin, start_us), min(end, end_us)) for begin, end in (*pauses, *closed))
    return ShiftInstance(
        id=natural_id("shift", site.name, day.isoformat(), shift.name),
        site=site.name,
        name=shift.name,
        production_day=_production_day(site.rules.day_rule, day, shift).isoformat(),
        start_us=start_us,
        end_us=end_us,
        breaks=_union(span for span in inside if span[0] < span[1]),
    )


def _production_day(rule: DayRule, day: date, shift: Shift) -> date:
    """The local date a shift's production belongs to; a tie goes to the day it begins on."""
    last_minute = shift.end_min - 1
    if rule is DayRule.END:
        return day + timedelta(days=last_minute // _DAY_MIN)
    if rule is DayRule.MOST and shift.end_min - _DAY_MIN > _DAY_MIN - shift.start_min:
        return day + timedelta(days=1)
    return day


def _union(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Disjoint spans that cover the same time."""
    out: list[Span] = []
    for begin, end in sorted(spans):
        if out and begin < out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((begin, end))
    return tuple(out)


def _span(zone: ZoneInfo, day: date, start_min: int, end_min: int) -> Span:
    return _instant(zone, day, start_min), _instant(zone, day, end_min)


def _instant(zone: ZoneInfo, day: date, minutes: int) -> int:
    """UTC µs of a wall time, given in minutes after local midnight of `day`.

    fold=0, the default, is what makes a skipped time move forward and a doubled one mean the first. Offsets with
    seconds (Liberia before 1972) are cut to the minute, because facts are kept by the UTC minute.
    """
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return floor_minute(us_from_datetime(wall.replace(tzinfo=zone)))


def _disjoint(spans: Sequence[Span]) -> list[Span]:
    """Spans in wall clock order, each cut where a later one begins; one that vanishes ends at or before its start.

    Only needed where the clock skips: 01:00-02:30 then ends at 03:30, when what was to follow at 03:00 has begun.
    """
    limit = max((end for _, end in spans), default=0)
    cut: list[Span] = []
    for start, end in reversed(spans):
        cut.append((start, min(end, limit)))
        limit = min(start, limit)
    return cut[::-1]


def _edges(instance: ShiftInstance) -> Iterator[tuple[int, tuple[Situation, int]]]:
    """What holds from which instant on, in order."""
    yield instance.start_us, (Situation.BUSY, instance.id)
    for begin, end in instance.breaks:
        yield begin, (Situation.PLANNED_DOWN, instance.id)
        yield end, (Situation.BUSY, instance.id)
    yield instance.end_us, (Situation.OUTSIDE, 0)


def _without_repeats(rows: dict[int, tuple[Situation, int]]) -> Segments:
    start_us = np.array(list(rows), "i8")
    situation = np.array([row[0] for row in rows.values()], "i1")
    shift_id = np.array([row[1] for row in rows.values()], "i8")
    new = np.ones(len(rows), bool)
    new[1:] = (np.diff(situation) != 0) | (np.diff(shift_id) != 0)
    return Segments(start_us[new], situation[new], shift_id[new])
