"""Calendar rules and standard times in the plant file: what they become, and which sentence each mistake gets."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import PlantError
from core.plant.model import (
    Break,
    CalendarRules,
    DayException,
    DayRule,
    Maintenance,
    Overtime,
    PartProgram,
    Rotation,
    StandardTime,
)
from core.plant.parse import parse_plant
from tests.core.rows import utc
from tests.core.test_plant_parse import ANYTHING, GOOD, complaints_of, places, put

RULES = """
holidays = "BY"
production_day = "most"
overrun = "planned"
rotation = { weeks = 2, start = "2026-01-05" }

[[site.exception]]
day = "2026-05-04"
to = "2026-05-08"
shifts = []

[[site.exception]]
name = "for the lost Monday"
day = "2026-05-09"
like = "mon"

[[site.overtime]]
name = "extra"
day = "2026-05-16"
start = "20:00"
end = "02:00"
breaks = ["00:00-00:15"]

[[site.maintenance]]
name = "yearly"
start = "2026-05-18T06:00"
end = "2026-05-19T06:00"
finished = "2026-05-19T09:30"
machines = ["minsk/lathe-1"]
"""
STANDARDS = """
[[part_program]]
name = "TWIN"
parts_per_cycle = 2
cycle_s = 130.0

[[part_program]]
name = "HISTORY"

[[part_program.standard]]
valid_from = "2026-03-01T00:00+03:00"
pri_s = 90.0
part = "40.012"
provenance = "technologist"
approved_by = "Ivanov"
approved_on = "2026-02-20"

[[part_program.standard]]
valid_from = "2025-01-01T00:00:00Z"
cycle_s = 200.0
parts_per_cycle = 2
provenance = "vendor"
approved_by = "Petrov"
approved_on = "2025-01-10"

[[part_program.standard]]
valid_from = "2026-06-01T00:00+03:00"
pri_s = 80.0
provenance = "measured"
"""


def full() -> dict[str, Any]:
    """The good file of the other tests, with everything this page knows."""
    document = tomllib.loads(GOOD.replace('zone = "Europe/Minsk"\n', f'zone = "Europe/Minsk"\n{RULES}') + STANDARDS)
    first, second = document["site"][0]["shift"]
    first["weeks"], first["unattended_breaks"] = [1], ["08:00-08:10"]
    second["holidays"] = True
    return document


def test_rules_of_a_site_are_read() -> None:
    (site,) = parse_plant(full()).sites
    assert site.rules == CalendarRules(
        rotation=Rotation(2, date(2026, 1, 5)),
        holidays="BY",
        exceptions=(
            DayException(date(2026, 5, 4), date(2026, 5, 8)),
            DayException(date(2026, 5, 9), date(2026, 5, 9), like=0),
        ),
        overtimes=(Overtime("extra", date(2026, 5, 16), 1200, 1560, (Break(1440, 1455),)),),
        maintenance=(
            Maintenance(
                "yearly",
                (date(2026, 5, 18), 360),
                (date(2026, 5, 19), 360),
                (date(2026, 5, 19), 570),
                ("minsk/lathe-1",),
            ),
        ),
        day_rule=DayRule.MOST,
        overrun_planned=True,
    )
    day, night = site.shifts
    assert (day.weeks, day.holidays, night.weeks, night.holidays) == (frozenset({0}), False, frozenset(), True)
    assert day.breaks[0] == Break(480, 490, unattended=True)


def test_a_file_without_rules_has_none() -> None:
    plant = parse_plant(tomllib.loads(GOOD))
    assert plant.sites[0].rules == CalendarRules()
    assert plant.programs[0] == PartProgram("SHAFT", 95_250_000)


def test_standard_times_have_a_history_and_only_approved_ones_count() -> None:
    twin, history = parse_plant(full()).programs[2:]
    assert twin == PartProgram("TWIN", 65_000_000)
    assert history.standards == (
        StandardTime(100_000_000, utc("2025-01-01"), 2, "", "vendor", "Petrov", date(2025, 1, 10)),
        StandardTime(90_000_000, utc("2026-02-28T21:00"), 1, "40.012", "technologist", "Ivanov", date(2026, 2, 20)),
        StandardTime(80_000_000, utc("2026-05-31T21:00"), 1, "", "measured"),
    )
    assert history.pri_us == 90_000_000
    moments = ("2024-12-31", "2025-01-01", "2026-02-28T20:59", "2026-02-28T21:00", "2027-01-01")
    assert [history.pri_at(utc(moment)) // 1_000_000 for moment in moments] == [0, 100, 100, 90, 90]
    assert twin.pri_at(0) == 65_000_000


def test_two_shifts_may_share_their_hours_in_different_weeks() -> None:
    document = full()
    twin = {"name": "1b", "start": "06:00", "end": "14:00", "days": ["mon"], "weeks": [2]}
    document["site"][0]["shift"].append(twin)
    assert len(parse_plant(document).sites[0].shifts) == 3
    twin["weeks"] = [1, 2]
    (sentence,) = complaints_of(document)
    assert sentence.startswith("site[0].shift[2].start: overlaps site[0].shift[0]")


EXTRA = {"name": "extra", "start": "08:00", "end": "14:00"}


def test_overtime_and_maintenance_of_one_name_may_come_again_on_another_day() -> None:
    document = put(full(), "site.0.overtime.+", {**EXTRA, "day": "2026-05-23"})
    again = {"name": "yearly", "start": "2027-05-18T06:00", "end": "2027-05-19T06:00"}
    rules = parse_plant(put(document, "site.0.maintenance.+", again)).sites[0].rules
    assert [over.day.day for over in rules.overtimes] == [16, 23]
    assert len(rules.maintenance) == 2


SITE, PROGRAM = "site.0", "part_program.3"
BAD: list[tuple[str, dict[str, Any], str, str]] = [
    (SITE, {"holidays": "DE"}, "site[0].holidays: ", '"BY", "RU"'),
    (SITE, {"production_day": "first"}, "site[0].production_day: ", '"start", "end", "most"'),
    (SITE, {"overrun": "yes"}, "site[0].overrun: ", '"unplanned", "planned"'),
    (SITE, {"rotation": {"weeks": 2, "start": "2026-01-06"}}, "site[0].rotation.start: ", "is a tue"),
    (SITE, {"rotation": {"weeks": 1, "start": "2026-01-05"}}, "site[0].rotation.weeks: ", "from 2 to 52"),
    (SITE, {"rotation": {"weeks": 2.5, "start": "2026-01-05"}}, "site[0].rotation.weeks: ", "whole number"),
    (SITE, {"rotation": None}, "site[0].shift[0].weeks: ", "needs a rotation"),
    (f"{SITE}.shift.0", {"weeks": [3]}, "site[0].shift[0].weeks[0]: ", "from 1 to 2"),
    (f"{SITE}.shift.0", {"weeks": ["1"]}, "site[0].shift[0].weeks[0]: ", "must be a number"),
    (f"{SITE}.shift.0", {"weeks": 1}, "site[0].shift[0].weeks: ", "list of numbers"),
    (f"{SITE}.shift.0", {"holidays": "yes"}, "site[0].shift[0].holidays: ", "true or false"),
    (f"{SITE}.shift.0", {"unattended_breaks": ["12:15-12:45"]}, "site[0].shift[0].unattended_breaks[0]: ", "overlaps"),
    (f"{SITE}.exception.0", {"day": "04.05.2026"}, "site[0].exception[0].day: ", '"2026-05-04"'),
    (f"{SITE}.exception.0", {"day": "2026-02-30"}, "site[0].exception[0].day: ", "must be a date"),
    (f"{SITE}.exception.0", {"to": "2026-05-01"}, "site[0].exception[0].to: ", "lies before"),
    (f"{SITE}.exception.0", {"shifts": ["2"]}, "site[0].exception[0].shifts[0]: ", 'no shift named "2"'),
    (f"{SITE}.exception.0", {"like": "mon"}, "site[0].exception[0].shifts: ", "either"),
    (f"{SITE}.exception.1", {"like": "monday"}, "site[0].exception[1].like: ", "is not a day"),
    (f"{SITE}.overtime.0", {"name": "night"}, "site[0].overtime[0].name: ", "already the name of a shift"),
    (
        f"{SITE}.overtime.+",
        {**EXTRA, "day": "2026-05-16"},
        "site[0].overtime[1].name: ",
        "already overtime of 2026-05-16",
    ),
    (f"{SITE}.overtime.0", {"start": "8"}, "site[0].overtime[0].start: ", "must be a time"),
    (f"{SITE}.maintenance.0", {"start": "2026-05-18"}, "site[0].maintenance[0].start: ", "local time"),
    (f"{SITE}.maintenance.0", {"end": "2026-05-18T05:00"}, "site[0].maintenance[0].end: ", "after the start"),
    (
        f"{SITE}.maintenance.0",
        {"finished": "2026-05-17T00:00"},
        "site[0].maintenance[0].finished: ",
        "before the start",
    ),
    (f"{SITE}.maintenance.0", {"machines": ["minsk/lathe"]}, "site[0].maintenance[0].machines[0]: ", "minsk/lathe-1"),
    (f"{SITE}.maintenance.0", {"machine": "x"}, "site[0].maintenance[0].machine: ", '"machines"'),
    ("part_program.0", {"cycle_s": 5.0}, "part_program[0].cycle_s: ", "beside pri_s"),
    ("part_program.0", {"parts_per_cycle": 1.5}, "part_program[0].parts_per_cycle: ", "whole number"),
    (PROGRAM, {"pri_s": 5.0}, "part_program[3].pri_s: ", "[[part_program.standard]]"),
    (f"{PROGRAM}.standard.0", {"pri_s": None}, "part_program[3].standard[0].pri_s: ", "or cycle_s"),
    (f"{PROGRAM}.standard.0", {"valid_from": "2026-03-01"}, "part_program[3].standard[0].valid_from: ", "offset"),
    (f"{PROGRAM}.standard.0", {"valid_from": "soon"}, "part_program[3].standard[0].valid_from: ", "offset"),
    (f"{PROGRAM}.standard.0", {"provenance": "best"}, "part_program[3].standard[0].provenance: ", '"technologist"'),
    (f"{PROGRAM}.standard.0", {"approved_on": None}, "part_program[3].standard[0].approved_by: ", "goes together"),
    (f"{PROGRAM}.standard.0", {"approved_on": "1.3.26"}, "part_program[3].standard[0].approved_on: ", "must be a date"),
    (
        f"{PROGRAM}.standard.0",
        {"valid_from": "2025-01-01T03:00+03:00"},
        "part_program[3].standard: ",
        "same valid_from",
    ),
]


@pytest.mark.parametrize(("where", "changes", "path", "words"), BAD, ids=[f"{bad[2]}{bad[3]}" for bad in BAD])
def test_a_mistake_gets_one_sentence_with_its_path(where: str, changes: dict[str, Any], path: str, words: str) -> None:
    (sentence,) = complaints_of(put(full(), where, changes))
    assert sentence.startswith(path), sentence
    assert words in sentence


@settings(max_examples=150, deadline=None)
@given(place=st.sampled_from(places(full())[1:]), value=ANYTHING)
def test_whatever_stands_in_whatever_place_of_the_rules_is_read_or_refused(place: tuple[Any, ...], value: Any) -> None:
    document: Any = full()
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    try:
        parse_plant(document)
        complaints: tuple[str, ...] = ()
    except PlantError as error:
        complaints = error.complaints or ("",)
    assert all(": " in sentence and sentence.isprintable() for sentence in complaints)
