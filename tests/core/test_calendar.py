"""The calendar against hand-computed days, and against an oracle that asks every minute of a wall clock."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.plant.calendar import Segments, ShiftInstance, segments, shift_instances
from core.plant.model import Break, Shift, Site
from core.units import DAY_US, HOUR_US, MINUTE_US, natural_id, us_from_datetime
from core.vocabulary import Situation

EVERY_DAY = frozenset(range(7))
NIGHT = Shift("night", EVERY_DAY, 22 * 60, 30 * 60)


def utc(text: str) -> int:
    """UTC µs of an ISO time without zone."""
    return us_from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


def site(zone: str, *shifts: Shift, name: str = "plant") -> Site:
    return Site(name, name, zone, shifts)


def on_day(found: list[ShiftInstance], day: str, name: str = "night") -> ShiftInstance:
    return next(shift for shift in found if (shift.production_day, shift.name) == (day, name))


def hours(shift: ShiftInstance) -> float:
    return (shift.end_us - shift.start_us) / HOUR_US


# --- clock changes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "length_h"),
    [
        ("Europe/Berlin", "2026-03-27", 8),
        ("Europe/Berlin", "2026-03-28", 7),
        ("Europe/Berlin", "2026-10-24", 9),
        ("Europe/Berlin", "2026-10-25", 8),
        ("Europe/Minsk", "2026-03-28", 8),
        ("Europe/Minsk", "2026-10-24", 8),
        ("Asia/Yekaterinburg", "2026-03-28", 8),
        ("Asia/Yekaterinburg", "2014-10-25", 9),
        ("Europe/Volgograd", "2020-12-26", 9),
    ],
)
def test_a_night_shift_lasts_what_utc_says(zone: str, day: str, length_h: float) -> None:
    around = utc(day)
    found = shift_instances(site(zone, NIGHT), around - 3 * DAY_US, around + 3 * DAY_US)
    assert hours(on_day(found, day)) == length_h


def test_the_night_shift_of_a_clock_change_begins_and_ends_at_its_wall_times() -> None:
    found = shift_instances(site("Europe/Berlin", NIGHT), utc("2026-03-28T12:00"), utc("2026-03-29T12:00"))
    assert [(shift.start_us, shift.end_us) for shift in found] == [(utc("2026-03-28T21:00"), utc("2026-03-29T04:00"))]


def test_a_wall_time_that_the_clock_skips_moves_forward_by_the_gap() -> None:
    early = Shift("early", EVERY_DAY, 2 * 60 + 30, 8 * 60)
    found = on_day(
        shift_instances(site("Europe/Berlin", early), utc("2026-03-29"), utc("2026-03-30")), "2026-03-29", "early"
    )
    assert found.start_us == utc("2026-03-29T01:30")  # 03:30 summer time


def test_a_wall_time_that_the_clock_shows_twice_means_the_first() -> None:
    early = Shift("early", EVERY_DAY, 2 * 60 + 30, 8 * 60)
    found = on_day(
        shift_instances(site("Europe/Berlin", early), utc("2026-10-24T12:00"), utc("2026-10-26")), "2026-10-25", "early"
    )
    assert found.start_us == utc("2026-10-25T00:30")  # 02:30 summer time, the first of two
    assert hours(found) == 6.5


def test_a_shift_pushed_forward_by_a_gap_yields_to_the_one_that_begins_on_time() -> None:
    late, lost, early = (
        Shift("late", EVERY_DAY, 60, 150),
        Shift("lost", EVERY_DAY, 150, 180),
        Shift("early", EVERY_DAY, 180, 600),
    )
    found = shift_instances(site("Europe/Berlin", late, lost, early), utc("2026-03-29"), utc("2026-03-29T02:00"))
    assert [(shift.name, shift.start_us, shift.end_us) for shift in found] == [
        ("late", utc("2026-03-29T00:00"), utc("2026-03-29T01:00")),
        ("early", utc("2026-03-29T01:00"), utc("2026-03-29T08:00")),
    ]


def test_a_day_that_a_zone_skips_has_no_shifts_of_its_own() -> None:
    day = Shift("day", EVERY_DAY, 8 * 60, 16 * 60)
    found = shift_instances(site("Pacific/Apia", day), utc("2011-12-29"), utc("2012-01-01"))
    days = [shift.production_day for shift in found]
    assert "2011-12-30" not in days
    assert {"2011-12-29", "2011-12-31"} <= set(days)
    assert all(hours(shift) == 8 for shift in found)


def test_a_night_shift_that_ends_on_a_skipped_day_is_found_after_it() -> None:
    inside = utc("2011-12-30T13:00")  # 03:00 of 31 December; the 30th was skipped
    (found,) = shift_instances(site("Pacific/Apia", NIGHT), inside, inside + 1)
    assert (found.production_day, hours(found)) == ("2011-12-29", 8)


# --- production days, breaks, weekdays -------------------------------------------------------------------------------


def test_a_night_shift_belongs_to_the_day_it_begins_on_with_its_breaks_after_midnight() -> None:
    night = Shift("3", EVERY_DAY, 22 * 60, 30 * 60, (Break(26 * 60, 26 * 60 + 30),))
    (found,) = shift_instances(site("Europe/Minsk", night), utc("2026-03-02T23:30"), utc("2026-03-03T01:00"))
    assert found.production_day == "2026-03-02"
    assert found.breaks == ((utc("2026-03-02T23:00"), utc("2026-03-02T23:30")),)


def test_ids_are_those_of_the_natural_key_and_never_change() -> None:
    (found,) = shift_instances(
        site("Europe/Minsk", NIGHT, name="minsk"), utc("2026-03-02T20:00"), utc("2026-03-02T21:00")
    )
    assert found.id == natural_id("shift", "minsk", "2026-03-02", "night")
    assert found.id == 1153171512461442094


def test_a_weekend_shift_falls_on_weekends_only() -> None:
    weekend = Shift("weekend", frozenset({5, 6}), 8 * 60, 20 * 60)
    found = shift_instances(site("Asia/Yekaterinburg", weekend), utc("2026-06-01"), utc("2026-07-01"))
    assert [date.fromisoformat(shift.production_day).weekday() for shift in found] == [5, 6] * 4


def test_only_instances_that_overlap_the_half_open_window_are_given() -> None:
    day = Shift("day", EVERY_DAY, 8 * 60, 16 * 60)
    plant = site("UTC", day)
    assert shift_instances(plant, utc("2026-05-04T16:00"), utc("2026-05-05T08:00")) == []
    assert len(shift_instances(plant, utc("2026-05-04T15:59"), utc("2026-05-05T08:01"))) == 2


def test_a_site_without_shifts_is_always_outside() -> None:
    found = segments(site("Europe/Minsk"), 17, DAY_US)
    assert (found.start_us.tolist(), found.situation.tolist(), found.shift_id.tolist()) == ([17], [3], [0])


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="is empty"):
        segments(site("Europe/Minsk"), 5, 5)


def test_segments_of_a_day_are_shift_break_shift_outside() -> None:
    day = Shift("day", EVERY_DAY, 8 * 60, 16 * 60, (Break(12 * 60, 12 * 60 + 30), Break(12 * 60 + 30, 13 * 60)))
    found = segments(site("UTC", day), utc("2026-05-04T07:00:01"), utc("2026-05-05T07:00"))
    assert found.start_us.tolist() == [
        utc("2026-05-04T07:00:01"),
        utc("2026-05-04T08:00"),
        utc("2026-05-04T12:00"),
        utc("2026-05-04T13:00"),
        utc("2026-05-04T16:00"),
    ]
    assert found.situation.tolist() == [3, 0, 2, 0, 3]
    shift = natural_id("shift", "plant", "2026-05-04", "day")
    assert found.shift_id.tolist() == [0, shift, shift, shift, 0]
    assert [column.dtype.str for column in (found.start_us, found.situation, found.shift_id)] == ["<i8", "|i1", "<i8"]


def test_boundaries_are_whole_minutes_even_where_offsets_had_seconds() -> None:
    found = segments(site("Africa/Monrovia", NIGHT), utc("1971-12-01"), utc("1972-02-01"))
    assert not (found.start_us % MINUTE_US).any()
    assert len(found.start_us) > 100


def test_two_years_of_three_shifts_and_their_breaks_are_laid_out() -> None:
    shifts = [
        Shift(str(n), EVERY_DAY, 480 * n, 480 * n + 480, (Break(480 * n + 240, 480 * n + 270),)) for n in range(3)
    ]
    found = segments(site("Europe/Berlin", *shifts), utc("2025-01-01"), utc("2027-01-01"))
    assert len(found.start_us) > 6000


# --- random patterns against the minute oracle -----------------------------------------------------------------------

ZONES = (
    "Europe/Minsk",
    "Asia/Yekaterinburg",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Asia/Kathmandu",
)
TRICKY_DAYS = (
    ("Europe/Berlin", date(2026, 3, 29)),  # skips 02:00 to 03:00
    ("Europe/Berlin", date(2026, 10, 25)),  # has 02:00 to 03:00 twice
    ("Australia/Lord_Howe", date(2026, 10, 4)),  # skips 02:00 to 02:30
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # has 01:30 to 02:00 twice
    ("America/St_Johns", date(2026, 3, 8)),
    ("Asia/Yekaterinburg", date(2014, 10, 26)),
)
ANY_DAY = st.tuples(st.sampled_from(ZONES), st.integers(2012, 2034).map(lambda year: date(year, 3, 1)))
TIMES = st.integers(0, 1439) | st.sampled_from([60, 90, 110, 120, 135, 150, 165, 180, 200])
"""Any minute of a day, or one near where clocks change."""


@st.composite
def shift_patterns(draw: st.DrawFn) -> tuple[Shift, ...]:
    """Shifts between cuts of the day's ring, each on its own weekdays, with breaks between cuts of the shift."""
    cuts = sorted(draw(st.sets(TIMES, max_size=5)))
    shifts = []
    for number, start in enumerate(cuts):
        end = cuts[number + 1] if number + 1 < len(cuts) else cuts[0] + 1440
        weekdays = draw(st.just(EVERY_DAY) | st.frozensets(st.integers(0, 6)))
        marks = sorted(draw(st.sets(st.integers(start, end), max_size=6)))
        breaks = tuple(Break(*pair) for pair in zip(marks[::2], marks[1::2], strict=False))
        shifts.append(Shift(str(number), weekdays, start, end, breaks))
    return tuple(draw(st.permutations(shifts)))


@cache
def wall_clock(zone: str, day: date) -> tuple[dict[datetime, int], dict[datetime, timedelta]]:
    """Of nine days around `day`: the first UTC minute of each wall minute, and the gap around each skipped one."""
    shown: dict[datetime, int] = {}
    skipped: dict[datetime, timedelta] = {}
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=4)
    before = None
    for _ in range(9 * 1440):
        wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
        shown.setdefault(wall, us_from_datetime(moment))
        if before is not None and wall - before > timedelta(minutes=1):
            gap = wall - before - timedelta(minutes=1)
            skipped.update({wall - timedelta(minutes=n): gap for n in range(1, gap // timedelta(minutes=1) + 1)})
        before, moment = wall, moment + timedelta(minutes=1)
    return shown, skipped


def instant(zone: str, around: date, day: date, minutes: int) -> int:
    shown, skipped = wall_clock(zone, around)
    wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001 - a wall time
    return shown[wall + skipped.get(wall, timedelta())]


def minute_oracle(plant: Site, around: date, minutes: list[int]) -> list[tuple[int, int]]:
    """(situation, shift id) of each UTC minute: the shift that began last on the wall holds it, if it has not ended."""
    planned = []
    for day in (around + timedelta(days=n) for n in range(-2, 3)):
        for shift in sorted(plant.shifts, key=lambda shift: shift.start_min):
            if day.weekday() in shift.weekdays:
                edges = [(shift.start_min, shift.end_min)] + [
                    (pause.start_min, pause.end_min) for pause in shift.breaks
                ]
                spans = [tuple(instant(plant.zone, around, day, edge) for edge in pair) for pair in edges]
                planned.append((spans, natural_id("shift", plant.name, str(day), shift.name)))
    answers = []
    for minute in minutes:
        begun = [(spans, shift_id) for spans, shift_id in planned if spans[0][0] <= minute]
        if not begun or minute >= begun[-1][0][0][1]:
            answers.append((int(Situation.OUTSIDE), 0))
            continue
        spans, shift_id = begun[-1]
        pauses = [span for span in spans[1:] if span[0] <= minute]
        paused = bool(pauses) and minute < pauses[-1][1]
        answers.append((int(Situation.PLANNED_DOWN if paused else Situation.BUSY), shift_id))
    return answers


def looked_up(found: Segments, minutes: list[int]) -> list[tuple[int, int]]:
    starts = found.start_us.tolist()
    rows = list(zip(found.situation.tolist(), found.shift_id.tolist(), strict=True))
    return [rows[bisect_right(starts, minute) - 1] for minute in minutes]


@settings(max_examples=200, deadline=None)
@given(shifts=shift_patterns(), where_and_when=st.sampled_from(TRICKY_DAYS) | ANY_DAY)
def test_every_minute_of_a_day_is_what_the_wall_clock_oracle_says(
    shifts: tuple[Shift, ...], where_and_when: tuple[str, date]
) -> None:
    zone, day = where_and_when
    plant = site(zone, *shifts)
    midnight = utc(day.isoformat())
    minutes = list(range(midnight - 6 * HOUR_US, midnight + DAY_US, MINUTE_US))
    found = segments(plant, minutes[0], minutes[-1] + MINUTE_US)
    assert looked_up(found, minutes) == minute_oracle(plant, day, minutes)


windows = st.tuples(st.integers(utc("2012-01-01"), utc("2035-01-01")), st.integers(1, 40 * DAY_US))


@settings(max_examples=150, deadline=None)
@given(shifts=shift_patterns(), zone=st.sampled_from(ZONES), window=windows)
def test_segments_are_contiguous_cover_the_window_and_differ_from_their_neighbours(
    shifts: tuple[Shift, ...], zone: str, window: tuple[int, int]
) -> None:
    from_us, to_us = window[0], sum(window)
    found = segments(site(zone, *shifts), from_us, to_us)
    rows = list(zip(found.situation.tolist(), found.shift_id.tolist(), strict=True))
    assert found.start_us[0] == from_us
    assert found.start_us[-1] < to_us
    assert (np.diff(found.start_us) > 0).all()
    assert not (found.start_us[1:] % MINUTE_US).any()
    assert all(row != following for row, following in pairwise(rows))
    assert all((situation == Situation.OUTSIDE) == (shift == 0) for situation, shift in rows)


@settings(max_examples=150, deadline=None)
@given(shifts=shift_patterns(), zone=st.sampled_from(ZONES), window=windows)
def test_instances_are_sorted_disjoint_and_the_same_in_every_window(
    shifts: tuple[Shift, ...], zone: str, window: tuple[int, int]
) -> None:
    plant = site(zone, *shifts)
    from_us, to_us = window[0], sum(window)
    found = shift_instances(plant, from_us, to_us)
    edges = [edge for shift in found for edge in (shift.start_us, shift.end_us)]
    assert edges == sorted(edges)
    assert len({shift.id for shift in found}) == len(found)
    for shift in found[:1] + found[-1:]:
        assert shift_instances(plant, shift.start_us, shift.start_us + 1) == [shift]
        assert shift_instances(plant, shift.end_us - 1, shift.end_us) == [shift]
        assert all(shift.start_us <= begin < end <= shift.end_us for begin, end in shift.breaks)
