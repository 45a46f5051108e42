"""Which shifts a site plans on a local date: weekly pattern, rotation, production calendar, exceptions, overtime.

Layers, the first that speaks decides which shifts a day has: an exception of the plant, the production calendar of the
country, the weekly pattern with its rotation. Overtime comes on top and never takes time from a shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from core.plant.model import CalendarRules, Plant, Rotation, Shift, Site
from core.plant.production_calendar import known_years, missing_years, weekday_of
from core.units import datetime_from_us


def shifts_on(site: Site, day: date) -> list[Shift]:
    """The shifts that begin on a day, by start, without overtime."""
    return sorted((shift for shift in site.shifts if _runs(shift, site.rules, day)), key=lambda shift: shift.start_min)


def overtime_on(site: Site, day: date) -> list[Shift]:
    """Overtime that begins on a day, by start."""
    found = [over for over in site.rules.overtimes if over.day == day]
    shifts = [Shift(over.name, frozenset(), over.start_min, over.end_min, over.breaks) for over in found]
    return sorted(shifts, key=lambda shift: shift.start_min)


def _runs(shift: Shift, rules: CalendarRules, day: date) -> bool:
    for exception in rules.exceptions:
        if exception.first <= day <= exception.last:
            if exception.like is None:
                return shift.name in exception.shifts
            return _in_pattern(shift, rules.rotation, day, exception.like)
    weekday = weekday_of(rules.holidays, day) if rules.holidays else day.weekday()
    if weekday is None:
        return shift.holidays and _in_pattern(shift, rules.rotation, day, day.weekday())
    return _in_pattern(shift, rules.rotation, day, weekday)


def _in_pattern(shift: Shift, rotation: Rotation | None, day: date, weekday: int) -> bool:
    if weekday not in shift.weekdays:
        return False
    if not shift.weeks or rotation is None:
        return True
    return (day - rotation.start).days // 7 % rotation.weeks in shift.weeks


def calendar_complaints(plant: Plant, from_us: int, to_us: int) -> list[str]:
    """A sentence for every site and year in the window whose production calendar is not known."""
    first, last = (datetime_from_us(us).date() for us in (from_us, to_us))
    return [
        f"site[{at}].holidays: the production calendar {site.rules.holidays} has the years "
        f"{_span(known_years(site.rules.holidays))} but not {year}, so its days off are planned like plain weekdays; "
        f'add them as [[site.exception]] (site "{site.name}")'
        for at, site in enumerate(plant.sites)
        if site.rules.holidays
        for year in missing_years(site.rules.holidays, first, last)
    ]


def _span(years: Sequence[int]) -> str:
    return f"{years[0]} to {years[-1]}"
