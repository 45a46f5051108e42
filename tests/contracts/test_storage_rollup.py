"""Hours, shifts and days are the sums of the closed minutes, exactly, after whatever sequence of replacements."""

from __future__ import annotations

import random
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from core.facts.schema import FACT, GAP_CREDIT, INTERVAL, MEASURES, PROGRAM_INTERVAL, REPORTED, Repair, ShiftRow
from core.units import DAY_US, HOUR_US, MINUTE_US, datetime_from_us
from storage.pg.commit import Store
from storage.pg.connect import Connection, connect
from storage.pg.migrate import MIGRATIONS, migrate
from storage.pg.plant import load_plant
from storage.pg.rollup import ROLLUPS, differences
from tests.storage.pg_changes import PLANT, SPOOL, START_US, make_changes, rows

LAST = "parts_total"
SHIFTS = [  # the second runs over midnight in Minsk, which is 21:00 UTC
    ShiftRow(77, 0, "1", "2025-11-22", START_US, START_US + 8 * HOUR_US),
    ShiftRow(78, 0, "2", "2025-11-22", START_US + 8 * HOUR_US, START_US + 16 * HOUR_US),
]
Sums = dict[tuple[Any, ...], tuple[int, ...]]


@pytest.fixture
def connection(emptied: Connection) -> Connection:
    return emptied


@pytest.fixture
def store(connection: Connection) -> Store:
    load_plant(connection, PLANT, START_US)
    made = Store(connection, PLANT)
    made.take_ownership([SPOOL])
    return made


def shift_at(minute_us: int) -> int:
    return next((s.id for s in SHIFTS if s.start_us <= minute_us < s.end_us), 0)


def some_minutes(rng: random.Random, machine: int, from_us: int, until_us: int) -> list[dict[str, int]]:
    """Minutes of one or two programs each; the override loss may be below 0, and anything may be 0."""
    return [
        {
            "machine": machine,
            "minute_us": minute_us,
            "shift": shift_at(minute_us),
            "program": program,
            "job_order": rng.choice([0, 5]),
            "apt": rng.choice([0, 0, rng.randrange(MINUTE_US)]),
            LAST: rng.choice([0, 0, 1]),
            "feed_override_loss": rng.choice([0, 0, rng.randrange(-(10**9), 10**9)]),
        }
        for minute_us in range(from_us, until_us, MINUTE_US)
        for program in rng.sample([0, 1, 2], rng.choice([1, 1, 2]))
    ]


def repair(rng: random.Random, machine: int, from_us: int, until_us: int) -> Repair:
    nothing = {"intervals": np.empty(0, INTERVAL), "intervals_from": 0, "intervals_until": 0}
    return Repair(
        machine, from_us, until_us, False, rows(FACT, some_minutes(rng, machine, from_us, until_us)),
        programs=np.empty(0, PROGRAM_INTERVAL), programs_from=0, programs_until=0,
        credits=np.empty(0, GAP_CREDIT), snapshots=(), **nothing,
    )  # fmt: skip


def expected(connection: Connection) -> dict[str, Sums]:
    """The slow way: every closed minute added to its hour, its shift and its day, one by one."""
    found: dict[str, defaultdict[tuple[Any, ...], list[int]]] = {
        table: defaultdict(lambda: [0] * len(MEASURES)) for table in ROLLUPS
    }
    zone, days = ZoneInfo(PLANT.sites[0].zone), {shift.id: shift.production_day for shift in SHIFTS}
    names = ", ".join(MEASURES)
    query = (
        f"select machine_id, minute, shift_id, program_id, job_order, {names} from stanok.fact_minute where not open"
    )
    for machine, minute, shift, *others in connection.execute(query.encode()):
        day = days.get(shift) or minute.astimezone(zone).date().isoformat()
        periods = {"fact_hour": minute.replace(minute=0), "fact_shift": shift, "fact_day": day}
        for table, period in periods.items():
            if period:
                sums = found[table][machine, str(period), *others[:2]]
                sums[:] = [a + b for a, b in zip(sums, others[2:], strict=True)]
    return {table: {key: tuple(v) for key, v in sums.items() if any(v)} for table, sums in found.items()}


def stored(connection: Connection) -> dict[str, Sums]:
    found = {}
    for table, period in ROLLUPS.items():
        query = f"select machine_id, {period}, program_id, job_order, {', '.join(MEASURES)} from stanok.{table}"
        found[table] = {
            (row[0], str(row[1]), *row[2:4]): tuple(row[4:]) for row in connection.execute(query.encode()).fetchall()
        }
    return found


@pytest.mark.parametrize("seed", range(3))
def test_after_any_replacements_the_sums_are_those_of_the_closed_minutes(
    store: Store, connection: Connection, seed: int
) -> None:
    rng = random.Random(seed)
    at = {0: START_US, 1: START_US + 5 * HOUR_US}
    for record in range(1, 9):
        facts, closed, repairs = [], {}, []
        for machine, begin in at.items():
            from_us = max(START_US, begin - rng.choice([0, 0, 3, 90]) * MINUTE_US)  # a restart goes back
            until_us = begin + rng.choice([1, 2, 70, 300]) * MINUTE_US
            facts += some_minutes(rng, machine, from_us, until_us)
            closed[machine] = at[machine] = until_us - rng.choice([0, 1, 2]) * MINUTE_US
            if rng.random() < 0.4:
                stretch = sorted(rng.randrange(START_US, from_us + 1, MINUTE_US) for _ in range(2))
                repairs.append(repair(rng, machine, *stretch))
        store.commit(
            make_changes(
                record, facts=facts, closed_until_us=closed, repairs=repairs, shifts=SHIFTS if record == 1 else ()
            )
        )
        want = expected(connection)
        assert all(want.values())
        assert stored(connection) == want, f"after commit {record}"
    assert differences(connection) == []
    assert connection.execute("select count(*) from stanok.fact_change").fetchone() == (0,)


def test_what_moves_to_another_program_leaves_no_empty_row(store: Store, connection: Connection) -> None:
    for record, program in ((1, 1), (2, 2)):
        made = [{"machine": 0, "minute_us": START_US, "program": program, "apt": MINUTE_US}]
        store.commit(make_changes(record, facts=made, closed_until_us={0: START_US + MINUTE_US}))
    found = connection.execute("select program_id, apt from stanok.fact_hour").fetchall()
    assert found == [(2, MINUTE_US)]


def test_minutes_from_before_what_is_kept_change_no_sums(store: Store, connection: Connection) -> None:
    made = [{"machine": 0, "minute_us": START_US + n * MINUTE_US, "apt": MINUTE_US} for n in range(3)]
    closed = {0: START_US + DAY_US}
    store.commit(make_changes(1, facts=made, closed_until_us=closed))
    connection.execute(
        "insert into stanok.kept values (%s, %s, %s)",
        [PLANT.machines[0].id, *[datetime_from_us(START_US + 2 * MINUTE_US)] * 2],
    )
    store.commit(make_changes(2, facts=[{**row, "apt": 0, "aust": 7} for row in made], closed_until_us=closed))
    assert connection.execute("select apt, aust from stanok.fact_day").fetchall() == [(2 * MINUTE_US, 7)]


def test_a_sum_that_is_wrong_is_named(store: Store, connection: Connection) -> None:
    made = [{"machine": 0, "minute_us": START_US, "shift": 77, "apt": MINUTE_US}]
    store.commit(make_changes(1, facts=made, closed_until_us={0: START_US + MINUTE_US}, shifts=SHIFTS))
    connection.execute("update stanok.fact_shift set apt = apt - 1; delete from stanok.fact_day")
    found = [(d.table, d.machine, d.period, d.column, d.stored, d.minutes) for d in differences(connection)]
    assert found == [
        ("fact_shift", "minsk/lathe-1", "77", "apt", MINUTE_US - 1, MINUTE_US),
        ("fact_day", "minsk/lathe-1", "2025-11-22", "apt", None, MINUTE_US),
    ]


@pytest.fixture
def older(empty_database: Callable[[str], str], tmp_path: Path) -> Iterator[Connection]:
    """A database as it was before there were sums."""
    for path in MIGRATIONS.glob("*.sql"):
        if int(path.name[:4]) < 26:
            shutil.copy(path, tmp_path)
    with connect(empty_database("template0")) as connection:
        migrate(connection, migrations=tmp_path, views=tmp_path / "none")
        yield connection


def test_an_existing_database_gets_the_sums_of_its_minutes(older: Connection) -> None:
    site, source, machine = PLANT.sites[0], PLANT.sources[0], PLANT.machines[0]
    older.execute("insert into stanok.site values (%s, %s, '', %s)", [site.id, site.name, site.zone])
    older.execute("insert into stanok.source values (%s, %s, 'mqtt', 0)", [source.id, source.name])
    older.execute(
        "insert into stanok.machine (id, site_id, source_id, name, title, area, max_rate)"
        " values (%s, %s, %s, %s, '', '', 1.2)",
        [machine.id, site.id, source.id, machine.name],
    )
    older.execute(
        "insert into stanok.shift_instance values (77, %s, '1', '2025-11-22', %s, %s)",
        [PLANT.sites[0].id, datetime_from_us(START_US), datetime_from_us(START_US + HOUR_US)],
    )
    names = ", ".join(REPORTED)  # what there was then
    values = ", ".join(f"n * {at}" for at in range(len(REPORTED)))
    older.execute(
        f"insert into stanok.fact_minute (machine_id, minute, shift_id, program_id, job_order, {names}, open)"
        f" select %s, %s + n * interval '1 minute', case when n < 60 then 77 else 0 end, n %% 3, 0, {values}, n > 990"
        " from generate_series(0, 999) n".encode(),
        [PLANT.machines[0].id, datetime_from_us(START_US)],
    )
    assert "0026_rollup" in migrate(older)
    want = expected(older)
    assert all(want.values())
    assert stored(older) == want
    assert differences(older) == []
