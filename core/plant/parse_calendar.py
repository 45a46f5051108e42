"""A site's tables of the plant file -> shifts and calendar rules. docs/en/plant-file.md is their reference.

Invariants: as in `core.plant.parse`; shifts of one site do not overlap in any week of the rotation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations

from core.plant.model import (
    Break,
    CalendarRules,
    DayException,
    DayRule,
    Maintenance,
    Overtime,
    Rotation,
    Shift,
    WallTime,
)
from core.plant.production_calendar import COUNTRIES
from core.plant.reader import Reader, hint, shown

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MIN = 1440
_WEEK_DAYS = 7
MAX_WEEKS = 52
"""A rotation of more than a year is a list of exceptions."""


def read_shifts(site: Reader, rotation: Rotation | None) -> tuple[Shift, ...]:
    """The shifts of a site; complaints about times, breaks, weeks and overlaps."""
    weeks = rotation.weeks if rotation else 1
    shifts = [(table, found) for table in site.tables("shift", required=False) if (found := _shift(table, rotation))]
    _refuse_overlaps(shifts, weeks)
    return tuple(shift for _, shift in shifts)


def read_rotation(site: Reader) -> Rotation | None:
    """`rotation = { weeks = 4, start = "2026-01-05" }`: the Monday on which week 1 begins."""
    table = site.table("rotation", required=False)
    if table is None:
        return None
    weeks = table.number("weeks", 2, MAX_WEEKS)
    if weeks != int(weeks):
        table.complain("weeks", f"must be a whole number, not {shown(weeks)}")
    start = _date(table, "start")
    if start is not None and start.weekday() != 0:
        table.complain("start", f"must be a Monday, and {start} is a {DAYS[start.weekday()]}")
    table.close()
    return Rotation(int(weeks), start) if start else None


def read_rules(
    site: Reader, rotation: Rotation | None, shifts: Sequence[Shift], machines: Sequence[str]
) -> CalendarRules:
    """What changes the pattern of a site; `machines`: the names of its machines."""
    names = [shift.name for shift in shifts]
    return CalendarRules(
        rotation=rotation,
        holidays=_choice(site, "holidays", ("", *COUNTRIES)),
        exceptions=tuple(_exceptions(site.tables("exception", required=False, unique=False), names)),
        overtimes=tuple(_overtimes(site.tables("overtime", required=False, unique=False), names)),
        maintenance=tuple(_maintenance(site.tables("maintenance", required=False, unique=False), machines)),
        day_rule=DayRule(_choice(site, "production_day", tuple(DayRule))),
        overrun_planned=_choice(site, "overrun", ("unplanned", "planned")) == "planned",
    )


def _choice(table: Reader, key: str, words: Sequence[str]) -> str:
    """One of some words, by default the first."""
    word = table.text(key, words[0])
    if word not in words:
        table.complain(key, f"must be one of {', '.join(shown(known) for known in words if known)}, not {shown(word)}")
        return words[0]
    return word


# --- shifts ----------------------------------------------------------------------------------------------------------


def _shift(table: Reader, rotation: Rotation | None) -> Shift | None:
    """The shift, or None if its times cannot be read."""
    name = table.text("name")
    times = _times(table)
    weekdays = _weekdays(table)
    weeks = _weeks(table, rotation)
    holidays = table.flag("holidays")
    breaks = _break_texts(table)
    table.close()
    if times is None:
        return None
    return Shift(name, weekdays, *times, _breaks(table, breaks, *times), weeks, holidays)


def _times(table: Reader) -> tuple[int, int] | None:
    """Start and end in minutes, an end that is not later on the next day."""
    start, end = _time(table, "start"), _time(table, "end")
    if start is None or end is None:
        return None
    return start, end + (_DAY_MIN if end <= start else 0)


def _time(table: Reader, key: str) -> int | None:
    text = table.text(key)
    minutes = _minutes(text)
    if text and minutes is None:
        table.complain(key, f'must be a time such as "06:00" (midnight is "00:00"), not {shown(text)}')
    return minutes


def _minutes(text: str) -> int | None:
    """Minutes after midnight of `HH:MM`, or None if it is none."""
    found = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])", text)
    return 60 * int(found[1]) + int(found[2]) if found else None


def _weekdays(table: Reader) -> frozenset[int]:
    days = table.texts("days")
    if table.content.get("days") is None:
        return frozenset(range(_WEEK_DAYS))
    if table.content["days"] == []:
        table.complain("days", "names no day; leave it out for every day of the week")
    for key, day in days:
        if day not in DAYS:
            table.complain(key, f"{shown(day)} is not a day; days are {', '.join(DAYS)}")
    return frozenset(DAYS.index(day) for _, day in days if day in DAYS)


def _weeks(table: Reader, rotation: Rotation | None) -> frozenset[int]:
    """Weeks of the rotation from 0; the file counts from 1. Empty: every week."""
    numbers = table.numbers("weeks")
    if numbers and rotation is None:
        table.complain("weeks", "needs a rotation of the site: rotation = { weeks = 2, start = ... }")
        return frozenset()
    most = rotation.weeks if rotation else 1
    for key, week in numbers:
        if week not in range(1, most + 1):
            table.complain(key, f"must be a week from 1 to {most}, not {shown(week)}")
    return frozenset(int(week) - 1 for _, week in numbers if week in range(1, most + 1))


# --- breaks ----------------------------------------------------------------------------------------------------------

_BreakText = tuple[str, str, bool]
"""Key, text, whether machines run through it."""


def _break_texts(table: Reader) -> list[_BreakText]:
    kinds = (("breaks", False), ("unattended_breaks", True))
    return [(key, text, unattended) for name, unattended in kinds for key, text in table.texts(name)]


def _breaks(table: Reader, texts: Sequence[_BreakText], start: int, end: int) -> tuple[Break, ...]:
    found: list[tuple[Break, str]] = []
    for key, text, unattended in texts:
        pause = _break(text, start, unattended)
        if pause is None:
            table.complain(key, f'must be two times such as "10:00-10:30", not {shown(text)}')
        elif pause.end_min > end:
            table.complain(key, f"{shown(text)} is not inside the shift {_clock(start)}-{_clock(end)}")
        else:
            found.append((pause, key))
    found.sort(key=lambda item: item[0].start_min)
    for (before, earlier), (after, key) in combinations(found, 2):
        if after.start_min < before.end_min:
            table.complain(key, f"overlaps {earlier}")
    return tuple(pause for pause, _ in found)


def _break(text: str, shift_start: int, unattended: bool) -> Break | None:
    """The break of a shift; times before the shift's start belong to its second day."""
    first, _, second = text.partition("-")
    start, end = _minutes(first.strip()), _minutes(second.strip())
    if start is None or end is None:
        return None
    start += _DAY_MIN if start < shift_start else 0
    return Break(start, start + ((end - start) % _DAY_MIN or _DAY_MIN), unattended)


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


# --- overlaps --------------------------------------------------------------------------------------------------------


def _refuse_overlaps(shifts: Sequence[tuple[Reader, Shift]], weeks: int) -> None:
    for index, (table, shift) in enumerate(shifts):
        for other_table, other in shifts[:index]:
            day = _common_day(shift, other, weeks)
            if day is not None:
                table.complain("start", f"overlaps {other_table.path} {shown(other.name)} in the shift of {DAYS[day]}")


def _common_day(shift: Shift, other: Shift, weeks: int) -> int | None:
    """The first weekday whose `shift` overlaps some `other`, on a rotation that closes into a ring."""
    ring = weeks * _WEEK_DAYS * _DAY_MIN
    length, other_length = shift.end_min - shift.start_min, other.end_min - other.start_min
    theirs = list(_days_of(other, weeks))
    for day in sorted(_days_of(shift, weeks), key=lambda day: day % _WEEK_DAYS):
        for their_day in theirs:
            apart = (their_day - day) * _DAY_MIN + other.start_min - shift.start_min
            if apart % ring < length or -apart % ring < other_length:
                return day % _WEEK_DAYS
    return None


def _days_of(shift: Shift, weeks: int) -> Iterator[int]:
    """Days of the whole rotation on which a shift begins."""
    for week in shift.weeks or range(weeks):
        yield from (week * _WEEK_DAYS + day for day in shift.weekdays)


# --- exceptions, overtime, maintenance -------------------------------------------------------------------------------


def _exceptions(tables: Sequence[Reader], names: Sequence[str]) -> Iterator[DayException]:
    for table in tables:
        first = _date(table, "day")
        last = _date(table, "to") if table.content.get("to") is not None else first
        like = _like(table)
        shifts = table.texts("shifts")
        if (table.content.get("shifts") is None) == (table.content.get("like") is None):
            table.complain("shifts", 'say either which shifts run (shifts = [] closes), or like = "mon"')
        for key, name in shifts:
            if name not in names:
                table.complain(key, f"there is no shift named {shown(name)}{hint(name, names)}")
        table.text("name", "")
        table.close()
        if first and last and last < first:
            table.complain("to", f"lies before the day {first}")
        elif first and last:
            yield DayException(first, last, tuple(name for _, name in shifts), like)


def _like(table: Reader) -> int | None:
    word = table.text("like", "")
    if word in DAYS:
        return DAYS.index(word)
    if word:
        table.complain("like", f"{shown(word)} is not a day; days are {', '.join(DAYS)}")
    return None


def _overtimes(tables: Sequence[Reader], names: Sequence[str]) -> Iterator[Overtime]:
    seen: set[tuple[str, date | None]] = set()
    for table in tables:
        name = table.text("name")
        if name in names:
            table.complain("name", f"{shown(name)} is already the name of a shift; overtime is a shift of its own")
        day, times = _date(table, "day"), _times(table)
        breaks = _break_texts(table)
        table.close()
        if (name, day) in seen:
            table.complain("name", f"{shown(name)} is already overtime of {day}")
        seen.add((name, day))
        if day and times:
            yield Overtime(name, day, *times, _breaks(table, breaks, *times))


def _maintenance(tables: Sequence[Reader], known: Sequence[str]) -> Iterator[Maintenance]:
    for table in tables:
        name = table.text("name")
        start, end = _wall_time(table, "start"), _wall_time(table, "end")
        finished = _wall_time(table, "finished") if table.content.get("finished") is not None else None
        machines = table.texts("machines")
        for key, machine in machines:
            if machine not in known:
                table.complain(key, f"there is no machine {shown(machine)} in this site{hint(machine, known)}")
        table.close()
        if start and end and end <= start:
            table.complain("end", "must lie after the start")
        elif start and finished and finished < start:
            table.complain("finished", "lies before the start")
        elif start and end:
            yield Maintenance(name, start, end, finished, tuple(machine for _, machine in machines))


def _date(table: Reader, key: str) -> date | None:
    text = table.text(key)
    found = date_of(text)
    if text and found is None:
        table.complain(key, f'must be a date such as "2026-05-04", not {shown(text)}')
    return found


def date_of(text: str) -> date | None:
    """The date of `YYYY-MM-DD`, or None if it is none."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) else None
    except ValueError:
        return None


def _wall_time(table: Reader, key: str) -> WallTime | None:
    text = table.text(key)
    day, _, clock = text.partition("T")
    found, minutes = date_of(day), _minutes(clock)
    if found is not None and minutes is not None:
        return found, minutes
    if text:
        table.complain(key, f'must be a local time such as "2026-05-04T06:00", not {shown(text)}')
    return None
