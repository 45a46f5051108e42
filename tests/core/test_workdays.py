"""Rotations, exceptions, holidays, overtime, maintenance and production days, by hand and against a minute oracle."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.plant.calendar import ShiftInstance, machine_calendars, segments, shift_instances
from core.plant.model import (
    Break,
    CalendarRules,
    DayException,
    DayRule,
    Machine,
    Maintenance,
    Overtime,
    Plant,
    Rotation,
    Shift,
    Site,
)
from core.plant.workdays import calendar_complaints, shifts_on
from core.units import DAY_US, HOUR_US, MINUTE_US
from core.vocabulary import Situation
from tests.core.rows import utc

EVERY = frozenset(range(7))
WORKDAYS = frozenset(range(5))
DAY = Shift("day", WORKDAYS, 8 * 60, 16 * 60, (Break(12 * 60, 12 * 60 + 30),))
MONDAY = date(2026, 1, 5)


def site(*shifts: Shift, zone: str = "UTC", **rules: object) -> Site:
    # Any rule may be given.
    return Site("minsk", "minsk", zone, shifts, CalendarRules(**rules))  # type: ignore[arg-type]  # any of the rules


def names(where: Site, first: date, days: int) -> list[str]:
    """The shifts of some days, one word a day."""
    return ["+".join(shift.name for shift in shifts_on(where, first + timedelta(days=n))) or "-" for n in range(days)]


def seen(where: Site, day: str, days: int = 1, machine: str = "") -> list[tuple[str, int]]:
    """(UTC time, situation) of the segments of some days."""
    begin = utc(day)
    found = segments(where, begin, begin + days * DAY_US, machine)
    minutes = ((found.start_us - begin) // MINUTE_US).tolist()
    return [(f"{m // 60:02}:{m % 60:02}", s) for m, s in zip(minutes, found.situation.tolist(), strict=True)]


BUSY, DOWN, OUT = int(Situation.BUSY), int(Situation.PLANNED_DOWN), int(Situation.OUTSIDE)


# --- which shifts a day has ------------------------------------------------------------------------------------------


def test_a_rotation_gives_each_week_its_shifts_before_and_after_its_start() -> None:
    early = Shift("early", WORKDAYS, 360, 840, weeks=frozenset({0, 1}))
    late = Shift("late", WORKDAYS, 840, 1320, weeks=frozenset({1, 2}))
    where = site(early, late, rotation=Rotation(3, MONDAY))
    for weeks, expected in ((-3, "early"), (-1, "late"), (0, "early"), (1, "early+late"), (2, "late"), (3, "early")):
        assert names(where, MONDAY + timedelta(weeks=weeks), 7) == [expected] * 5 + ["-"] * 2


def test_holidays_rest_working_saturdays_work_and_continuous_shifts_run_through() -> None:
    always = Shift("furnace", EVERY, 0, 1440, holidays=True)
    assert names(site(DAY, holidays="BY"), date(2026, 4, 20), 6) == ["-", "-", "day", "day", "day", "day"]
    assert names(site(always, holidays="BY"), date(2026, 4, 20), 6) == ["furnace"] * 6
    assert names(site(DAY), date(2026, 4, 20), 6) == ["day"] * 5 + ["-"]


def test_an_exception_of_the_plant_goes_before_the_production_calendar() -> None:
    closed = DayException(date(2026, 4, 22), date(2026, 4, 23))
    open_on_holiday = DayException(date(2026, 4, 20), date(2026, 4, 20), ("day",))
    like_monday = DayException(date(2026, 4, 26), date(2026, 4, 26), like=0)
    where = site(DAY, holidays="BY", exceptions=(closed, open_on_holiday, like_monday))
    assert names(where, date(2026, 4, 20), 7) == ["day", "-", "-", "-", "day", "day", "day"]


def test_a_year_without_data_is_complained_about_by_site() -> None:
    where = site(DAY, holidays="BY")
    plant = Plant("Works", (site(DAY), where), (), (), (), b"")
    assert calendar_complaints(plant, utc("2025-12-01"), utc("2026-12-01")) == []
    (sentence,) = calendar_complaints(plant, utc("2026-12-01"), utc("2027-02-01"))
    assert sentence.startswith("site[1].holidays: the production calendar BY has the years 2021 to 2026 but not 2027")
    assert names(where, date(2027, 1, 1), 1) == ["day"]


# --- segments --------------------------------------------------------------------------------------------------------


def test_a_break_that_machines_run_through_stays_planned_time() -> None:
    shift = replace(DAY, breaks=(Break(600, 615), Break(720, 750, unattended=True)))
    assert seen(site(shift), "2026-01-05") == [
        ("00:00", OUT),
        ("08:00", BUSY),
        ("10:00", DOWN),
        ("10:15", BUSY),
        ("16:00", OUT),
    ]


def test_overtime_fills_only_what_no_shift_holds() -> None:
    long = Overtime("extra", MONDAY, 7 * 60, 19 * 60)
    after = Overtime("after", MONDAY, 15 * 60, 18 * 60, (Break(17 * 60, 17 * 60 + 15),))
    assert seen(site(DAY, overtimes=(after,)), "2026-01-05") == [
        ("00:00", OUT), ("08:00", BUSY), ("12:00", DOWN), ("12:30", BUSY), ("16:00", BUSY),
        ("17:00", DOWN), ("17:15", BUSY), ("18:00", OUT),
    ]  # fmt: skip
    found = shift_instances(site(DAY, overtimes=(long,)), utc("2026-01-05"), utc("2026-01-06"))
    assert [(shift.name, shift.start_us, shift.end_us) for shift in found] == [
        ("extra", utc("2026-01-05T07:00"), utc("2026-01-05T08:00")),
        ("day", utc("2026-01-05T08:00"), utc("2026-01-05T16:00")),
        ("extra (2)", utc("2026-01-05T16:00"), utc("2026-01-05T19:00")),
    ]


def test_overtime_is_found_on_days_without_any_pattern() -> None:
    night = Overtime("night", MONDAY, 22 * 60, 30 * 60)
    assert seen(site(overtimes=(night,)), "2026-01-06") == [("00:00", BUSY), ("06:00", OUT)]


def window(start: str, end: str, finished: str | None = None, machines: tuple[str, ...] = ()) -> Maintenance:
    def at(text: str) -> tuple[date, int]:
        return date(2026, 1, 5), 60 * int(text[:2]) + int(text[3:])

    return Maintenance("repair", at(start), at(end), at(finished) if finished else None, machines)


def test_maintenance_is_planned_down_inside_shifts_and_nothing_outside() -> None:
    assert seen(site(DAY, maintenance=(window("14:00", "20:00"),)), "2026-01-05")[-3:] == [
        ("12:30", BUSY), ("14:00", DOWN), ("16:00", OUT),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("finished", "overrun_planned", "until"),
    [(None, False, "10:00"), ("11:00", False, "10:00"), ("11:00", True, "11:00"), ("09:30", False, "09:30")],
)
def test_an_overrun_is_unplanned_from_the_planned_end_unless_the_site_says_otherwise(
    finished: str | None, overrun_planned: bool, until: str
) -> None:
    where = site(DAY, maintenance=(window("09:00", "10:00", finished),), overrun_planned=overrun_planned)
    assert seen(where, "2026-01-05")[2:4] == [("09:00", DOWN), (until, BUSY)]


def test_a_window_of_one_machine_changes_the_calendar_of_that_machine_only() -> None:
    where = site(DAY, maintenance=(window("09:00", "10:00", machines=("minsk/b",)),))
    assert ("09:00", DOWN) in seen(where, "2026-01-05", machine="minsk/b")
    assert ("09:00", DOWN) not in seen(where, "2026-01-05")
    machines = tuple(Machine(f"minsk/{name}", name, 0, "", 0, {}, {}, 1.2) for name in "abc")
    plant = Plant("", (where,), (), machines, (), b"")
    calendars, position = machine_calendars(plant, utc("2026-01-05"), utc("2026-01-06"))
    assert position == [0, 1, 0]
    assert [len(calendar.start_us) for calendar in calendars] == [5, 7]


# --- production days -------------------------------------------------------------------------------------------------


def production_day(rule: DayRule, start_min: int, end_min: int) -> str:
    where = site(Shift("n", EVERY, start_min, end_min), day_rule=rule)
    found = shift_instances(where, utc("2026-01-05T12:00"), utc("2026-01-06T12:00"))
    return next(shift for shift in found if shift.start_us >= utc("2026-01-05T12:00")).production_day


@pytest.mark.parametrize(
    ("start_min", "end_min", "start", "most", "end"),
    [
        (1320, 1800, "05", "06", "06"),  # 22:00 to 06:00
        (1080, 1560, "05", "05", "06"),  # 18:00 to 02:00
        (960, 1440, "05", "05", "05"),  # 16:00 to midnight
        (1200, 1680, "05", "05", "06"),  # 20:00 to 04:00: a tie goes to the first day
    ],
)
def test_the_production_day_of_a_night_shift_is_a_rule_of_the_site(
    start_min: int, end_min: int, start: str, most: str, end: str
) -> None:
    found = [production_day(rule, start_min, end_min)[-2:] for rule in (DayRule.START, DayRule.MOST, DayRule.END)]
    assert found == [start, most, end]


def test_a_changed_rule_keeps_the_ids_of_shifts() -> None:
    night = Shift("n", EVERY, 1320, 1800)
    ids = [
        [shift.id for shift in shift_instances(site(night, day_rule=rule), utc("2026-01-05"), utc("2026-01-08"))]
        for rule in DayRule
    ]
    assert ids[0] == ids[1] == ids[2]


# --- everything at once, against an oracle that asks each minute ------------------------------------------------------

SPAN = st.tuples(st.integers(0, 1380), st.integers(30, 600))


@st.composite
def rules(draw: st.DrawFn) -> Site:
    """A site in UTC with a shift, and any layers above it within three days."""
    day = st.integers(0, 2).map(lambda n: MONDAY + timedelta(days=n))
    start, length = draw(SPAN)
    pauses = sorted(draw(st.sets(st.integers(start, start + length), max_size=4)))
    breaks = tuple(
        Break(*pair, unattended=draw(st.booleans())) for pair in zip(pauses[::2], pauses[1::2], strict=False)
    )
    shift = Shift("s", EVERY, start, start + length, breaks)
    overtimes = tuple(
        Overtime(f"o{n}", draw(day), begin, begin + lasts)
        for n, (begin, lasts) in enumerate(draw(st.lists(SPAN, max_size=2)))
    )
    windows = []
    for begin, lasts in draw(st.lists(SPAN, max_size=3)):
        first = draw(day)
        windows.append(Maintenance("m", (first, begin), (first, begin + lasts)))
    closed = tuple(DayException(one, one) for one in draw(st.sets(day, max_size=2)))
    return site(shift, overtimes=overtimes, maintenance=tuple(windows), exceptions=closed)


def oracle(where: Site, minute: int) -> int:
    """The situation of a minute after Monday's midnight, asked layer by layer."""
    (shift,) = where.shifts
    shut = {exception.first for exception in where.rules.exceptions}
    days = [n for n in range(-1, 4) if MONDAY + timedelta(days=n) not in shut]
    in_shift = [n for n in days if n * 1440 + shift.start_min <= minute < n * 1440 + shift.end_min]
    paused = any(
        not pause.unattended and n * 1440 + pause.start_min <= minute < n * 1440 + pause.end_min
        for n in in_shift
        for pause in shift.breaks
    )
    extra = any(
        (over.day - MONDAY).days * 1440 + over.start_min <= minute < (over.day - MONDAY).days * 1440 + over.end_min
        for over in where.rules.overtimes
    )
    repaired = any(
        (one.start[0] - MONDAY).days * 1440 + one.start[1] <= minute < (one.end[0] - MONDAY).days * 1440 + one.end[1]
        for one in where.rules.maintenance
    )
    if not in_shift and not extra:
        return OUT
    return DOWN if paused or repaired else BUSY


@settings(max_examples=150, deadline=None)
@given(rules())
def test_every_minute_is_what_the_layers_say(where: Site) -> None:
    begin = utc("2026-01-05")
    found = segments(where, begin, begin + 3 * DAY_US)
    starts = ((found.start_us - begin) // MINUTE_US).tolist()
    # Between two edges of any layer nothing changes, so both sides of each edge are every case.
    for minute in sorted({side for edge in (*layer_edges(where), *starts) for side in (edge - 1, edge)}):
        if 0 <= minute < 3 * 1440:
            at = bisect_right(starts, minute) - 1
            assert int(found.situation[at]) == oracle(where, minute), minute


def layer_edges(where: Site) -> list[int]:
    """Every minute after Monday's midnight at which a layer begins or ends."""
    (shift,) = where.shifts
    daily = [shift.start_min, shift.end_min, *(edge for one in shift.breaks for edge in (one.start_min, one.end_min))]
    edges = [n * 1440 + minutes for n in range(-1, 4) for minutes in daily]
    for over in where.rules.overtimes:
        edges += [(over.day - MONDAY).days * 1440 + minutes for minutes in (over.start_min, over.end_min)]
    for one in where.rules.maintenance:
        edges += [(day - MONDAY).days * 1440 + minutes for day, minutes in (one.start, one.end)]
    return edges


def test_instances_stay_disjoint_with_overtime_and_do_not_depend_on_the_window() -> None:
    extra = (Overtime("x", MONDAY, 420, 1200), Overtime("y", MONDAY, 1000, 1300))
    where = site(DAY, overtimes=extra, zone="Europe/Minsk")
    whole: list[ShiftInstance] = shift_instances(where, utc("2026-01-04"), utc("2026-01-08"))
    edges = [edge for shift in whole for edge in (shift.start_us, shift.end_us)]
    assert edges == sorted(edges)
    for shift in whole:
        assert shift_instances(where, shift.start_us, shift.start_us + 1) == [shift]
    planned = sum(shift.end_us - shift.start_us for shift in whole if shift.production_day == "2026-01-05")
    assert planned == 14 * HOUR_US + 40 * MINUTE_US  # 07:00 to 21:40
