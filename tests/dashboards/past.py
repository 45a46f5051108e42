"""What thirty hours of a demonstration do not have, written beside them: earlier weeks, alarms, reasons, bad messages.

Facts of earlier weeks are copies of the first production day, so that boards over weeks have something to show; the
grinder stood nearly idle in them.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from psycopg import sql

from core.facts.schema import MEASURES
from storage.pg.connect import Connection, connect

DAY = date(2026, 3, 23)
"""The first production day of the history, a Monday."""
WEEKS, WORKDAYS = 5, 5
IDLE = "ural/grinder-1"

_COPY = """
insert into stanok.shift_instance (id, site_id, name, production_day, start_time, end_time)
select id + %(shift)s, site_id, name, production_day - %(back)s, start_time - %(span)s, end_time - %(span)s
from stanok.shift_instance where production_day = %(day)s;
insert into stanok.fact_shift (machine_id, shift_id, program_id, job_order, {columns})
select machine_id, shift_id + %(shift)s, program_id, job_order, {columns}
from stanok.fact_shift where shift_id in (select id from stanok.shift_instance where production_day = %(day)s);
insert into stanok.fact_day (machine_id, day, program_id, job_order, {columns})
select machine_id, day - %(back)s, program_id, job_order, {columns}
from stanok.fact_day where day = %(day)s;
"""
_STAND = """
update stanok.fact_day set
    adot_idle = adot_idle + apt + adet_idle - apt / 5, apt = apt / 5, adet_idle = 0,
    parts_total = parts_total / 5, parts_good = parts_good / 5, parts_scrap = parts_scrap / 5,
    credit_total_us = credit_total_us / 5, credit_good_us = credit_good_us / 5
where day < %(day)s and machine_id = (select id from stanok.machine where name = %(idle)s)
"""
_BESIDE = """
insert into stanok.signal (id, name, kind, unit, store) values (4711, 'alarm.edge', 'text', '', 0);
insert into stanok.sample_event
select %(end)s - minute * interval '1 minute', m.id, g.id, m.source_id, value, 2, 0, 0, -1, 1, 0, 0, %(end)s, code
from (values (311.0, 'EX1024', 1.0), (298.5, 'EX1024', 0.0), (95.0, 'SP9031', 1.0)) v (minute, code, value)
join stanok.machine m on m.name in ('minsk/lathe-1', 'minsk/lathe-2') join stanok.signal g on g.name = 'alarm.edge';
insert into stanok.quarantine
select 1, n, s.id, null, %(end)s - interval '1 day' - n * interval '37 minutes', 'no JSON: unexpected end',
    'stanok/ural/' || n, '\\x7b'
from generate_series(1, 3) n join stanok.source s on s.name = 'ural-mqtt';
insert into stanok.platform_measure values
    ('spool_left_h', 'collect.spool', 391.5, %(end)s), ('spool_waiting', 'collect.spool', 2, %(end)s),
    ('certificate_left_d', 'minsk-opcua: client.der', 212, %(end)s);
insert into stanok.operator_entry
select 'entry' || row_number() over (), 1, 1, 'reason', null, i.machine_id, i.from_time, i.to_time, 'tool', 'tool',
    0, 0, 'I. Petrova', '', i.to_time
from stanok.state_interval i join stanok.state s on s.id = i.state
where s.word = 'unplanned_stop' and i.to_time is not null;
"""


def write_past(dsn: str, end: datetime) -> None:
    """Write it all to a database with the history that ends at `end`."""
    with connect(dsn) as connection, connection.transaction():
        _weeks(connection)
        for statement in _BESIDE.split(";\n"):
            if statement.strip():
                connection.execute(statement.encode(), {"end": end})


def _weeks(connection: Connection) -> None:
    statement = sql.SQL(_COPY).format(columns=sql.SQL(", ").join(map(sql.Identifier, MEASURES))).as_string(connection)
    for week in range(1, WEEKS + 1):
        for workday in range(WORKDAYS):
            back = 7 * week - workday
            given = {"day": DAY, "back": back, "span": timedelta(days=back), "shift": back}
            for part in statement.split(";\n"):
                if part.strip():
                    connection.execute(part.encode(), given)
    connection.execute(_STAND.encode(), {"day": DAY, "idle": IDLE})
