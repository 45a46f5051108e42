"""Production calendars of Belarus and Russia against an independent package and published norms."""

from __future__ import annotations

from datetime import date, timedelta

import holidays
import pytest

from core.plant.production_calendar import (
    COUNTRIES,
    calendar_year,
    is_shortened,
    known_years,
    missing_years,
    norm_hours,
    weekday_of,
)

YEARS = [(country, year) for country in COUNTRIES for year in known_years(country)]


def days(year: int) -> list[date]:
    return [date(year, 1, 1) + timedelta(days=n) for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]


@pytest.mark.parametrize(("country", "year"), YEARS)
def test_every_day_works_or_rests_as_the_package_says(country: str, year: int) -> None:
    known = holidays.country_holidays(country, years=[year])
    for day in days(year):
        weekday = weekday_of(country, day)
        assert (weekday is not None and weekday < 5) == known.is_working_day(day), day


@pytest.mark.parametrize(("year", "hours"), [(2022, 1973), (2023, 1973), (2024, 1979), (2025, 1972), (2026, 1972)])
def test_the_russian_norm_of_a_40_hour_week_is_the_published_one(year: int, hours: int) -> None:
    assert norm_hours("RU", year) == hours


def test_a_working_saturday_is_worked_like_the_day_it_replaces() -> None:
    assert weekday_of("BY", date(2025, 7, 12)) == 4  # for Friday, 4 July
    assert weekday_of("BY", date(2025, 7, 4)) is None
    assert weekday_of("RU", date(2025, 11, 1)) == 0  # for Monday, 3 November
    assert is_shortened("RU", date(2025, 11, 1))  # which stands before Unity Day
    assert not is_shortened("RU", date(2025, 11, 3))
    assert is_shortened("BY", date(2026, 7, 2))


def test_every_year_names_its_source() -> None:
    for country, year in YEARS:
        found = calendar_year(country, year)
        assert found is not None
        assert found.source


def test_a_missing_year_is_said_and_its_weekdays_hold() -> None:
    assert missing_years("BY", date(2026, 1, 1), date(2028, 6, 1)) == [2027, 2028]
    assert calendar_year("BY", 2027) is None
    assert weekday_of("BY", date(2027, 1, 1)) == 4
    with pytest.raises(ValueError, match="no production calendar of BY for 2027"):
        norm_hours("BY", 2027)
