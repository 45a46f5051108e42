"""A year of a large plant as rows, made by the database itself: what boards are measured on.

Invariants: sums of hours, shifts and days are those of the minutes (of the last week; earlier ones were removed, as in
a plant); a machine-minute's time classes sum to 60 000 000 µs; every stretch of UNKNOWN has its gap; the last state
of a machine lasts, and its last minute is open. The same arguments give the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.facts.schema import MEASURES
from core.plant.model import Machine, PartProgram, Plant, Shift, Site, Source
from core.units import SECOND_US, us_from_datetime
from core.vocabulary import Cause, State
from storage.pg.connect import Connection
from storage.pg.plant import load_plant

AS_OF = datetime(2026, 3, 24, 12, 3, tzinfo=UTC)
"""A Tuesday, three minutes into an hour and a shift: there is an open minute."""
SITES = 10
SIGNALS = ("spindle.1.speed", "spindle.1.load", "power.active", "ctrl.execution", "part.total")
STATE_MINUTES = 20
"""Length of a state: 72 changes a day."""


@dataclass(frozen=True)
class Size:
    """How much: `days` of hours, shifts, days and intervals, `minute_days` of minutes, `raw_hours` of gauges."""

    machines: int = 500
    days: int = 365
    minute_days: int = 7
    raw_hours: int = 6


def plant_of(machines: int) -> Plant:
    """Machines of ten sites that work in three shifts, a part program each."""
    shifts = tuple(Shift(str(n + 1), frozenset(range(7)), 480 * n, 480 * (n + 1), ()) for n in range(3))
    sites = tuple(Site(f"s{n}", f"Plant {n}", "UTC", shifts) for n in range(SITES))
    signals: dict[str, dict[str, str]] = {name: {} for name in SIGNALS}
    return Plant(
        "bench",
        sites,
        (Source("src", "mqtt", 2 * SECOND_US, {}),),
        tuple(
            Machine(f"s{n % SITES}/m{n}", f"Machine {n}", n % SITES, f"area {n % 3}", 0, signals, {}, 1.2)
            for n in range(machines)
        ),
        tuple(PartProgram(f"P{n}", 60 * SECOND_US) for n in range(20)),
        b"bench",
    )


_MINUTE = {
    "unknown": "0",
    "apt": "36000000 - k % 7 * 1000000",
    "aust": "3000000",
    "adet_idle": "8000000",
    "adet_stop": "6000000 + k % 7 * 1000000",
    "planned_state": "7000000",
    "parts_total": "1",
    "parts_good": "1",
    "credit_total_us": "30000000",
    "credit_good_us": "30000000",
    "spindle_turning_us": "30000000",
    "powered_us": "53000000",
    "program_running_us": "36000000",
    "in_cut_us": "20000000",
    "air_cut_us": "10000000",
    "spindle_load_us": "30000000",
    "spindle_load": "12000000000",
    "load_40_us": "30000000",
    "energy_mj": "600000000",
}
"""A minute of an hour in which the machine is known, by `k`, a number of machine and hour."""


def _measures(times: str) -> str:
    """All columns of facts, so many minutes of them; in every 97th hour nothing is known."""
    found = (
        f"case when dark then {'60000000' if name == 'unknown' else '0'} else {_MINUTE[name]} end * {times}"
        if name in _MINUTE
        else "0"
        for name in MEASURES
    )
    return ", ".join(found)


_NAMES = ", ".join(MEASURES)
_SUMS = ", ".join(f"sum({name})::bigint" for name in MEASURES)
_HOURS = """
    select m.id as machine_id, m.site_id, m.n, h as hour,
        m.n * 31 + extract(epoch from h)::bigint / 3600 * 17 as k,
        (m.n * 13 + extract(epoch from h)::bigint / 3600) % 97 = 0 as dark, p.id as program_id,
        least(60, greatest(0, extract(epoch from %(as_of)s - h)::bigint / 60 - 1)) as closed
    from (select id, site_id, row_number() over (order by name) as n from stanok.machine) m
    cross join generate_series(date_trunc('hour', %(begin)s::timestamptz), %(as_of)s, interval '1 hour') h
    join (select id, row_number() over (order by name) as n from stanok.part_program) p on p.n = 1 + m.n % 20
"""
_PIECES = f"""
    select machine_id, n, greatest(hour + i * interval '{STATE_MINUTES} minutes', hour) as from_time, k, dark,
        program_id, (k + i * 5) % 11 as what
    from ({_HOURS}) h cross join generate_series(0, {60 // STATE_MINUTES - 1}) i
    where hour + i * interval '{STATE_MINUTES} minutes' < %(as_of)s
"""
_END = f"""
    case when from_time + interval '{STATE_MINUTES} minutes' <= %(as_of)s
        then from_time + interval '{STATE_MINUTES} minutes' end"""
_WORKING = (State.PRODUCING, State.PRODUCING, State.IDLE, State.UNPLANNED_STOP, State.SETUP)
_STATE = f"(array[{', '.join(str(int(state)) for state in _WORKING)}])[1 + what % 5]"

_STATEMENTS = {
    "shift_instance": """
        insert into stanok.shift_instance
        select 1 + row_number() over (order by s.id, d, i), s.id, (i + 1)::text, d::date, d + i * interval '8 hours',
            d + (i + 1) * interval '8 hours'
        from stanok.site s
        cross join generate_series(date_trunc('day', %(begin)s::timestamptz), %(as_of)s, interval '1 day') d
        cross join generate_series(0, 2) i""",
    "fact_hour": f"""
        insert into stanok.fact_hour (machine_id, hour, program_id, job_order, {_NAMES})
        select machine_id, hour, program_id, 0,
            {_measures("closed")}
        from ({_HOURS}) h order by hour, machine_id""",
    "fact_shift": f"""
        insert into stanok.fact_shift (machine_id, shift_id, program_id, job_order, {_NAMES})
        select f.machine_id, s.id, f.program_id, 0, {_SUMS}
        from stanok.fact_hour f join stanok.machine m on m.id = f.machine_id
        join stanok.shift_instance s on s.site_id = m.site_id
            and s.start_time = date_bin('8 hours', f.hour, date_trunc('day', %(begin)s::timestamptz))
        group by s.start_time, 1, 2, 3 order by s.start_time, 1""",
    "fact_day": f"""
        insert into stanok.fact_day (machine_id, day, program_id, job_order, {_NAMES})
        select machine_id, (hour at time zone 'UTC')::date, program_id, 0, {_SUMS}
        from stanok.fact_hour group by 2, 1, 3 order by 2, 1""",
    "fact_minute": f"""
        insert into stanok.fact_minute (machine_id, minute, shift_id, program_id, job_order, open, {_NAMES})
        select machine_id, minute, s.id, program_id, 0, minute >= %(as_of)s - interval '1 minute', {_measures("1")}
        from ({_HOURS}) h
        cross join lateral generate_series(hour, least(hour + interval '59 minutes', %(as_of)s - interval '1 minute'),
            interval '1 minute') minute
        join stanok.shift_instance s on s.site_id = h.site_id
            and s.start_time = date_bin('8 hours', h.hour, date_trunc('day', %(begin)s::timestamptz))
        where hour >= %(minutes)s order by hour, minute, machine_id""",
    "state_interval": f"""
        insert into stanok.state_interval
        select machine_id, from_time, {_END}, case when dark then {int(State.UNKNOWN)} else {_STATE} end,
            case when dark then {int(Cause.SILENT)} else {int(Cause.NONE)} end, 1
        from ({_PIECES}) p order by from_time, machine_id""",
    "program_interval": """
        insert into stanok.program_interval
        select machine_id, min(from_time), null, min(i.program_id) from (
            select f.machine_id, f.hour as from_time, f.program_id from stanok.fact_hour f) i group by 1""",
    "data_gap": f"""
        insert into stanok.data_gap (machine_id, source_id, scope, from_time, to_time, cause, outcome, credit_good_us,
            credit_total_us, parts, booked_time)
        select i.machine_id, m.source_id, 'state', i.from_time, i.to_time, i.cause,
            case when i.to_time is not null then 'lost' end, 0, 0, 0, i.to_time
        from stanok.state_interval i join stanok.machine m on m.id = i.machine_id
        where i.state = {int(State.UNKNOWN)}""",
    "operator_entry": f"""
        insert into stanok.operator_entry
        select md5(machine_id::text || from_time::text), 1, row_number() over (order by from_time, machine_id),
            'reason', null, machine_id, from_time, to_time, 'tool', 'tool', 0, 0, 'Anna', '', to_time
        from stanok.state_interval where state = {int(State.UNPLANNED_STOP)} and to_time is not null
            and (machine_id + extract(epoch from from_time)::bigint) % 5 = 0""",
    "machine_live": """
        insert into stanok.machine_live
        select distinct on (i.machine_id) i.machine_id, %(as_of)s, %(as_of)s - interval '5 seconds', i.state, i.cause,
            1, i.from_time, p.program_id, s.id, i.state = 1, 1000
        from stanok.state_interval i join stanok.program_interval p using (machine_id)
        join stanok.machine m on m.id = i.machine_id
        join stanok.shift_instance s on s.site_id = m.site_id and s.start_time <= %(as_of)s and s.end_time > %(as_of)s
        where i.from_time > %(as_of)s - interval '1 hour' order by i.machine_id, i.from_time desc""",
    "sample_block": """
        insert into stanok.sample_block
        select min(t), m.id, m.source_id, -1, 0, 0, 1, min(t) + interval '1 second', array_agg(t), array_agg(g.id),
            array_agg(50), '{-1}', '{1}', array_agg(1), array_agg(t + interval '1 second')
        from generate_series(%(as_of)s - make_interval(hours => %(raw_hours)s), %(as_of)s, interval '20 seconds') t
        cross join stanok.machine m cross join stanok.signal g where g.store = 1
        group by date_bin('1 minute', t, 'epoch'), m.id order by 1, 2""",
    "kept": """
        insert into stanok.kept
        select id, %(minutes)s::timestamptz + interval '1 day', %(minutes)s from stanok.machine""",
    "spool_cursor": "insert into stanok.spool_cursor (spool, record, epoch) values ('bench', 1000, 1)",
    "engine_state": "insert into stanok.engine_state values (true, %(as_of)s)",
}
"""What is inserted into each table, in this order."""


_MANY = ("fact_hour", "fact_shift", "fact_day", "fact_minute", "state_interval")
_KEYS = """
select format('alter table %%s drop constraint %%I', conrelid::regclass, conname),
    format('alter table %%s add constraint %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
from pg_constraint where conrelid = %(table)s::text::regclass and contype in ('p', 'u')
union all
select format('drop index %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
from pg_index where indrelid = %(table)s::text::regclass
    and not exists (select from pg_constraint where conindid = indexrelid)
"""


@contextmanager
def _bare(connection: Connection, table: str) -> Iterator[None]:
    """The table has no index and no log while it is filled: a third of the time. It stays unlogged."""
    found = connection.execute(_KEYS, {"table": f"stanok.{table}"}).fetchall()
    for drop, _ in found:
        connection.execute(drop.encode())
    connection.execute(f"alter table stanok.{table} set unlogged".encode())
    yield
    for _, make in found:
        connection.execute(make.encode())


def make_year(connection: Connection, size: Size) -> Iterator[tuple[str, int]]:
    """Fill a migrated database; table and rows of each step when it is done. In the end all of it is analyzed."""
    begin = (AS_OF - timedelta(days=size.days)).replace(hour=0, minute=0)
    minutes = (AS_OF - timedelta(days=size.minute_days)).replace(hour=0, minute=0)
    load_plant(connection, plant_of(size.machines), us_from_datetime(begin))
    given = {"begin": begin, "as_of": AS_OF, "minutes": minutes, "raw_hours": size.raw_hours}
    connection.execute("set synchronous_commit = off; set work_mem = '256MB'; set maintenance_work_mem = '512MB'")
    for table, statement in _STATEMENTS.items():
        with _bare(connection, table) if table in _MANY else nullcontext():
            done = connection.execute(statement.replace(" % ", " %% ").encode(), given)
        yield table, done.rowcount
    connection.execute("select stanok.summarize_samples()")  # as an engine does
    connection.execute("vacuum (analyze)")
