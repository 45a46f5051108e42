"""Shift patterns and time zones -> instants. Daylight saving ends here: nothing behind this file knows a zone.

Invariants: the boundaries of an instance are whole UTC minutes and do not depend on the window asked for; instances
of a site never overlap; lengths come from UTC, so a night shift over a clock change has 7 or 9 hours.
A wall time that the clock skips moves forward by the skipped stretch; of one that it shows twice the first is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from core.plant.model import Shift, Site
from core.units import datetime_from_us, floor_minute, natural_id, us_from_datetime
from core.vocabulary import Situation

_DAY_MIN = 1440

Span = tuple[int, int]
"""Start and end in UTC µs, half-open."""


@dataclass(frozen=True)
class Segments:
    """Contiguous stretches of one situation and shift; the first begins where the window does, neighbours differ.

    `situation` is BUSY, PLANNED_DOWN (a break inside a shift) or OUTSIDE; `shift_id` is 0 outside shifts.
    """

    start_us: NDArray[np.int64]
    situation: NDArray[np.int8]
    shift_id: NDArray[np.int64]


@dataclass(frozen=True)
class ShiftInstance:
    """One shift of one day; `production_day` is the local date it begins on, in ISO form. Times in UTC µs."""

    id: int
    site: str
    name: str
    production_day: str
    start_us: int
    end_us: int
    breaks: tuple[Span, ...]


def segments(site: Site, from_us: int, to_us: int) -> Segments:
    """The calendar of a site over [from_us, to_us); ValueError if the window is empty."""
    if to_us <= from_us:
        raise ValueError(f"the calendar window from {from_us} to {to_us} is empty; its end must lie after its start")
    rows = {from_us: (Situation.OUTSIDE, 0)}
    for instance in shift_instances(site, from_us, to_us):
        for at_us, row in _edges(instance):
            if at_us < to_us:
                # Edges come in rising order; of several at one instant the last one holds from there on.
                rows[max(at_us, from_us)] = row
    return _without_repeats(rows)


def shift_instances(site: Site, from_us: int, to_us: int) -> list[ShiftInstance]:
    """Every shift instance that overlaps [from_us, to_us), in order of time."""
    zone = ZoneInfo(site.zone)
    planned = list(_planned(site, zone, from_us, to_us))
    spans = _disjoint([_span(zone, day, shift.start_min, shift.end_min) for day, shift in planned])
    return [
        _instance(site, zone, day, shift, span)
        for (day, shift), span in zip(planned, spans, strict=True)
        if max(span[0], from_us) < min(span[1], to_us)
    ]


def _planned(site: Site, zone: ZoneInfo, from_us: int, to_us: int) -> Iterator[tuple[date, Shift]]:
    """The shifts of every day that may reach into the window or cut a shift that does, in wall clock order."""
    shifts = sorted(site.shifts, key=lambda shift: shift.start_min)
    # A day more than the longest shift needs, because a zone may skip one (Samoa, 2011-12-30).
    reach = timedelta(days=1 + max((shift.end_min for shift in shifts), default=0) // _DAY_MIN)
    day = datetime_from_us(from_us).astimezone(zone).date() - reach
    last = datetime_from_us(to_us).astimezone(zone).date() + reach
    while day <= last:
        yield from ((day, shift) for shift in shifts if day.weekday() in shift.weekdays)
        day += timedelta(days=1)


def _instance(site: Site, zone: ZoneInfo, day: date, shift: Shift, span: Span) -> ShiftInstance:
    start_us, end_us = span
    pauses = _disjoint([_span(zone, day, pause.start_min, pause.end_min) for pause in shift.breaks])
    inside = ((max(begin, start_us), min(end, end_us)) for begin, end in pauses)
    return ShiftInstance(
        id=natural_id("shift", site.name, day.isoformat(), shift.name),
        site=site.name,
        name=shift.name,
        production_day=day.isoformat(),
        start_us=start_us,
        end_us=end_us,
        breaks=tuple((begin, end) for begin, end in inside if begin < end),
    )


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
