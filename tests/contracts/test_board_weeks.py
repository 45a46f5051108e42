"""Weeks on the boards against the plainest way: every day, shift and open minute added to its week, one by one."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg import sql
from psycopg.rows import dict_row

from core.facts.schema import MEASURES
from core.units import MINUTE_US, us_from_datetime
from stanok.bench.year import plant_of
from storage.pg.connect import Connection
from storage.pg.plant import load_plant

MACHINES = 20
MONDAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 18, 12, 3, tzinfo=UTC)
"""A Wednesday, two weeks and a half later."""
DAYS = [MONDAY + timedelta(days=number) for number in range(-7, 17)]
HOUR_US = 60 * MINUTE_US
WORK = ("apt", "apt_no_order", "aust", "apt_out", "aust_out")
UNSEEN = ("unknown", "unknown_out")
BUSY = ("apt", "apt_no_order", "aust", "adet_idle", "adet_stop", "adot_idle", "adot_setup", "adot_stop", "unknown")
OUTSIDE = ("planned_state", "planned_calendar", "planned_failure", "apt_out", "aust_out", "unknown_out")
Facts = Mapping[str, int]


@dataclass
class Week:
    """What happened in a week, of one machine or of several."""

    machines: set[int] = field(default_factory=set)
    days: set[date] = field(default_factory=set)
    calendar: int = 0
    busy: int = 0
    parts_good: int = 0
    sure: int = 0
    possible: int = 0


@dataclass
class History:
    """Rows as they are written: of days and shifts by machine and program, of open minutes by machine."""

    days: list[tuple[int, date, int, Facts]] = field(default_factory=list)
    shifts: list[tuple[int, date, int, Facts]] = field(default_factory=list)
    open: list[tuple[int, date, int, Facts]] = field(default_factory=list)


def some(rng: random.Random, most_us: int) -> Facts:
    """A few measures; the others are 0."""
    names = rng.sample([*BUSY, *OUTSIDE], rng.choice([1, 3, 6]))
    return {**{name: rng.randrange(most_us) for name in names}, "parts_good": rng.randrange(3)}


def history(rng: random.Random) -> History:
    """Machines that stand for days or for good, two programs in a day, shifts of days without facts."""
    made = History()
    for machine in range(MACHINES):
        for day in DAYS:
            for program in rng.sample([0, 1, 2], rng.choice([0, 1, 2]) if machine % 7 else 0):
                made.days.append((machine, day, program, some(rng, 8 * HOUR_US)))
            for program in rng.sample([0, 1, 2], rng.choice([0, 1, 2])):
                made.shifts.append((machine, day, program, some(rng, HOUR_US // 2)))
        for program in rng.sample([0, 1, 2], rng.choice([0, 1, 2])):
            made.open.append((machine, rng.choice([DAYS[-1], DAYS[-3]]), program, some(rng, HOUR_US // 2)))
    return made


def weeks(made: History, machines: Sequence[int]) -> dict[date, Week]:
    found: dict[date, Week] = {}
    worked: dict[tuple[int, date], list[int]] = {}
    for machine, day, _, facts in [*made.days, *made.open]:
        if machine in machines:
            week = found.setdefault(day - timedelta(days=day.weekday()), Week())
            busy = sum(facts.get(name, 0) for name in BUSY)
            week.machines.add(machine)
            week.days |= {day} if busy else set()
            week.busy += busy
            week.calendar += busy + sum(facts.get(name, 0) for name in OUTSIDE)
            week.parts_good += facts["parts_good"]
    for machine, day, _, facts in [*made.shifts, *made.open]:
        if machine in machines:
            sums = worked.setdefault((machine, day), [0, 0])
            sums[0] += sum(facts.get(name, 0) for name in WORK)
            sums[1] += sum(facts.get(name, 0) for name in UNSEEN)
    for (_, day), (work, unseen) in worked.items():
        monday = day - timedelta(days=day.weekday())
        if monday in found:
            found[monday].sure += work >= HOUR_US
            found[monday].possible += work + unseen >= HOUR_US
    return found


def write(connection: Connection, made: History) -> None:
    """Every site has one shift a day, from midnight to midnight; an open minute is the one that its program begins."""
    load_plant(connection, plant_of(MACHINES), us_from_datetime(NOW) - 40 * 24 * HOUR_US)
    ids = dict(connection.execute("select name, id from stanok.machine").fetchall())
    sites = dict(connection.execute("select name, site_id from stanok.machine").fetchall())
    names = [f"s{number % 10}/m{number}" for number in range(MACHINES)]
    shift = {(site, day): 1 + 100 * n + k for n, site in enumerate(set(sites.values())) for k, day in enumerate(DAYS)}
    for (site, day), number in shift.items():
        since = datetime(day.year, day.month, day.day, tzinfo=UTC)
        insert(connection, "shift_instance", [
            {"id": number, "site_id": site, "name": "1", "production_day": day, "start_time": since,
             "end_time": since + timedelta(days=1)}
        ])  # fmt: skip
    for table, facts in (("fact_day", made.days), ("fact_shift", made.shifts), ("fact_minute", made.open)):
        found = []
        for machine, day, program, measured in facts:
            number = shift[sites[names[machine]], day]
            noon = datetime(day.year, day.month, day.day, 12, program, tzinfo=UTC)
            when = {
                "fact_day": {"day": day},
                "fact_shift": {"shift_id": number},
                "fact_minute": {"minute": noon, "shift_id": number, "open": True},
            }[table]
            row = {"machine_id": ids[names[machine]], "program_id": program, "job_order": 0, **when}
            found.append({**dict.fromkeys(MEASURES, 0), **measured, **row})
        insert(connection, table, found)
    insert(connection, "engine_state", [{"one": True, "tick_time": NOW}])


def insert(connection: Connection, table: str, found: Sequence[Mapping[str, Any]]) -> None:
    columns = list(found[0])
    statement = sql.SQL("insert into {} ({}) values ({})").format(
        sql.Identifier("stanok", table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(map(sql.Placeholder, columns)),
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, found)


@pytest.mark.parametrize("seed", range(3))
def test_weeks_of_machines_areas_and_sites_are_the_sums_of_their_days_shifts_and_open_minutes(
    emptied: Connection, seed: int
) -> None:
    made = history(random.Random(seed))
    write(emptied, made)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for machine in range(MACHINES):
        site, area, name = f"s{machine % 10}", f"area {machine % 3}", f"s{machine % 10}/m{machine}"
        for key in (("site", site, None, None), ("area", site, area, None), ("machine", site, area, name)):
            groups.setdefault(key, []).append(machine)
    expected = {
        (*key, monday): week for key, machines in groups.items() for monday, week in weeks(made, machines).items()
    }
    with emptied.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute("select * from board.indicator_week").fetchall()
    found = {(row["level"], row["site"], row["area"], row["machine"], row["week"]): row for row in rows}
    assert len(found) == len(rows)
    assert found.keys() == expected.keys()
    for key, week in expected.items():
        row = found[key]
        assert (row["machines"], row["days"], row["parts_good"]) == (
            len(week.machines), len(week.days), week.parts_good
        ), key  # fmt: skip
        assert (row["calendar_h"], row["planned_busy_h"]) == pytest.approx(
            (week.calendar / HOUR_US, week.busy / HOUR_US)
        )
        if week.days:
            shifts = len(week.days) * len(week.machines)
            factors = (week.sure / shifts, week.possible / shifts)
            assert (row["shift_factor"] or 0, row["shift_factor_high"] or 0) == pytest.approx(factors), key


def test_some_weeks_of_some_machines_are_the_same_rows_as_among_all(emptied: Connection) -> None:
    write(emptied, history(random.Random(7)))
    every = emptied.execute("select * from board.indicator_week").fetchall()
    chosen = emptied.execute(
        "select * from board.indicator_week where level = 'machine' and site = any('{s1, s4}') and area = 'area 1'"
        " and week > '2026-03-01' and week < '2026-03-12'"
    ).fetchall()
    kept = [row for row in every if row[:3] in {("machine", "s1", "area 1"), ("machine", "s4", "area 1")}]
    kept = [row for row in kept if row[5] in (MONDAY, MONDAY + timedelta(days=7))]
    assert sorted(chosen, key=str) == sorted(kept, key=str)
    assert len(kept) > 2
