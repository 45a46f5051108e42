"""Production calendars of Belarus and Russia by year: public holidays, moved days off, working Saturdays. Data only.

Invariants: a year is here only with its source; a year that is missing is said, never guessed. A move takes the rest of
one day to another: the new day is off, and the old one is worked like it, unless it is a public holiday itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

_FIXED = {
    "BY": "01-01 01-02 01-07 03-08 05-01 05-09 07-03 11-07 12-25",
    "RU": "01-01 01-02 01-03 01-04 01-05 01-06 01-07 01-08 02-23 03-08 05-01 05-09 06-12 11-04",
}
"""Public holidays of fixed date. BY: President's decree 157 of 1998 as in force since 2020; RU: Labour Code, 112."""

_PACKAGE = "as in the package holidays 0.109; the decree itself was not looked at"

_YEARS: dict[tuple[str, int], tuple[str, str, str]] = {
    # (further holidays, moves "from>to", source); BY: Radunitsa, the ninth day after Orthodox Easter.
    ("BY", 2021): ("05-11", "01-16>01-08 05-15>05-10", "Council of Ministers of Belarus, No. 635 of 2020-11-09"),
    ("BY", 2022): ("05-03", "03-12>03-07 05-14>05-02", _PACKAGE),
    ("BY", 2023): ("04-25", "04-29>04-24 05-13>05-08 11-11>11-06", "Council of Ministers, No. 739 of 2022-11-01"),
    ("BY", 2024): ("05-14", "05-18>05-13 11-16>11-08", _PACKAGE),
    ("BY", 2025): (
        "04-29",
        "01-11>01-06 04-26>04-28 07-12>07-04 12-20>12-26",
        "Council of Ministers of Belarus, No. 839 of 2024-11-14",
    ),
    ("BY", 2026): ("04-21", "04-25>04-20", "Council of Ministers of Belarus, No. 397 of 2025-07-22"),
    ("RU", 2022): ("", "01-01>05-03 01-02>05-10 03-05>03-07 05-01>05-02 06-12>06-13", _PACKAGE),
    ("RU", 2023): ("", "01-01>02-24 01-08>05-08 11-04>11-06", _PACKAGE),
    ("RU", 2024): ("", "01-06>05-10 01-07>12-31 04-27>04-29 11-02>04-30 12-28>12-30", _PACKAGE),
    ("RU", 2025): ("", "01-04>05-02 01-05>12-31 02-23>05-08 03-08>06-13 11-01>11-03", _PACKAGE),
    ("RU", 2026): (
        "",
        "01-03>01-09 01-04>12-31 03-08>03-09 05-09>05-11",
        "decree of the Government of Russia of 2025-09-24",
    ),
    ("RU", 2027): ("", "01-02>11-05 01-03>12-31 02-20>02-22 05-01>05-03 05-09>05-10 06-12>06-14", _PACKAGE),
}

COUNTRIES = tuple(sorted(_FIXED))

_SATURDAY = 5


@dataclass(frozen=True)
class CalendarYear:
    """A country's year: public holidays, other days off on working weekdays, and worked rest days with the day they
    are worked like. `source`: where it comes from."""

    holidays: frozenset[date]
    off: frozenset[date]
    worked_like: dict[date, date]
    source: str


@cache
def calendar_year(country: str, year: int) -> CalendarYear | None:
    """A country's year, None if there is no data for it."""
    if (country, year) not in _YEARS:
        return None
    further, moves, source = _YEARS[country, year]
    holidays = frozenset(_day(year, text) for text in f"{_FIXED[country]} {further}".split())
    pairs = [tuple(_day(year, text) for text in move.split(">")) for move in moves.split()]
    worked = {rest: day for rest, day in pairs if rest not in holidays}
    return CalendarYear(holidays, frozenset(day for _, day in pairs), worked, source)


def _day(year: int, text: str) -> date:
    return date.fromisoformat(f"{year}-{text}")


def weekday_of(country: str, day: date) -> int | None:
    """The weekday whose plan holds on a day (0 Monday … 6 Sunday), None on a day off that is no weekend.

    A year without data keeps its plain weekdays: see `missing_years`.

    >>> weekday_of("BY", date(2026, 4, 25)), weekday_of("BY", date(2026, 4, 20)), weekday_of("BY", date(2026, 4, 22))
    (0, None, 2)
    """
    year = calendar_year(country, day.year)
    if year is None:
        return day.weekday()
    if day in year.worked_like:
        return year.worked_like[day].weekday()
    return None if day in year.holidays or day in year.off else day.weekday()


def is_shortened(country: str, day: date) -> bool:
    """Whether a working day is an hour shorter because it stands before a public holiday (Labour Codes: BY 116, RU 95).

    A moved working day is as long as the day it is worked for.
    """
    year = calendar_year(country, day.year)
    if year is None or _is_off(country, day):
        return False
    next_day = year.worked_like.get(day, day) + timedelta(days=1)
    following = calendar_year(country, next_day.year)
    return next_day in (following.holidays if following else {date(next_day.year, 1, 1)})


def norm_hours(country: str, year: int, day_hours: int = 8) -> int:
    """Working hours of a year in a week of five days of `day_hours` (Фн of one machine in one shift).

    ValueError for a year without data.

    >>> norm_hours("RU", 2025)
    1972
    """
    if calendar_year(country, year) is None:
        raise ValueError(f"there is no production calendar of {country} for {year}; known are {known_years(country)}")
    first = date(year, 1, 1)
    days = [first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)]
    return sum(day_hours - is_shortened(country, day) for day in days if not _is_off(country, day))


def _is_off(country: str, day: date) -> bool:
    weekday = weekday_of(country, day)
    return weekday is None or weekday >= _SATURDAY


def known_years(country: str) -> list[int]:
    """The years with data, rising."""
    return sorted(year for known, year in _YEARS if known == country)


def missing_years(country: str, first: date, last: date) -> list[int]:
    """Years from `first` to `last` without data: their holidays are not known and their weekdays hold."""
    return [year for year in range(first.year, last.year + 1) if (country, year) not in _YEARS]
