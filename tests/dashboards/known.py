"""A history of one machine whose every figure can be worked out by hand: 130 minutes of one shift.

From START_US on: 60 min producing with 30 parts (2 scrap) of 95 s standard time; 20 min waiting for the operator; 10
min without data; 10 min stopped by an alarm; 10 min setup; 10 min break; then waiting again, which goes on at `as_of`.
In each producing minute the spindle turns 40 s at half load (20 s at 30 %, 20 s at 70 %), cuts 20 s of them and moves
10 s in air, the feed override takes 6 s, and 0.1 kWh goes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from core.facts.schema import Live, ShiftRow
from core.units import MINUTE_US, SECOND_US, datetime_from_us
from core.vocabulary import Cause, State
from storage.pg.commit import Store
from storage.pg.connect import Connection, connect
from storage.pg.plant import load_plant
from tests.storage.pg_changes import PLANT, PROGRAM, SPOOL, START_US, fact, make_changes

MACHINE = PLANT.machines[0].name
START = datetime_from_us(START_US)
"""2025-11-22 08:30 UTC, a Saturday, 11:30 in Minsk."""
LENGTH_MIN = 130
END_US = START_US + LENGTH_MIN * MINUTE_US
SHIFT = ShiftRow(77, 0, "1", "2025-11-22", START_US, START_US + 480 * MINUTE_US)
SHIFT_NAME = "2025-11-22 · 1"

PIECES = (
    (0, 60, State.PRODUCING, Cause.NONE),
    (60, 80, State.IDLE, Cause.WAIT_OPERATOR),
    (80, 90, State.UNKNOWN, Cause.SILENT),
    (90, 100, State.UNPLANNED_STOP, Cause.ALARM),
    (100, 110, State.SETUP, Cause.SETUP),
    (110, 120, State.PLANNED_STOP, Cause.NONE),
    (120, None, State.IDLE, Cause.WAIT_OPERATOR),
)
_PRODUCING = {
    "apt": MINUTE_US,
    "powered_us": MINUTE_US,
    "program_running_us": MINUTE_US,
    "spindle_turning_us": 40 * SECOND_US,
    "in_cut_us": 20 * SECOND_US,
    "air_cut_us": 10 * SECOND_US,
    "spindle_load_us": 40 * SECOND_US,
    "spindle_load": 500 * 40 * SECOND_US,
    "load_30_us": 20 * SECOND_US,
    "load_70_us": 20 * SECOND_US,
    "feed_override_loss": 1000 * 6 * SECOND_US,
    "energy_mj": 360_000_000,
}
_CLASSES = ("apt", "adet_idle", "unknown", "adet_stop", "aust", "planned_calendar", "adet_idle")


def at(minute: float) -> datetime:
    """An instant, minutes after the start."""
    return START + timedelta(minutes=minute)


def write_known(dsn: str) -> None:
    """Into a migrated database without a plant."""
    with connect(dsn) as connection:
        load_plant(connection, PLANT, START_US)
        store = Store(connection, PLANT)
        store.take_ownership([SPOOL])
        live = Live(
            0,
            END_US,
            END_US,
            State.IDLE,
            Cause.WAIT_OPERATOR,
            8,
            START_US + 120 * MINUTE_US,
            PROGRAM.id,
            77,
            False,
            0.0,
        )
        closed = {0: END_US}
        intervals, programs = _intervals(), [{"machine": 0, "from_us": START_US, "to_us": -1, "program": PROGRAM.id}]
        given = {"live": [live], "shifts": [SHIFT], "tick_us": END_US + 2 * SECOND_US, "closed_until_us": closed}
        store.commit(make_changes(1, facts=_facts(), intervals=intervals, programs=programs, **given))
        _raw(connection)


def _facts() -> list[dict[str, int]]:
    found = []
    for (start, end, _, _), column in zip(PIECES, _CLASSES, strict=True):
        for minute in range(start, end or LENGTH_MIN):
            row = fact(minute, shift=77, **(_PRODUCING if column == "apt" else {column: MINUTE_US}))
            if column not in ("apt", "unknown", "planned_calendar"):
                row["powered_us"] = MINUTE_US
            if column == "apt" and minute % 2:
                good = minute < 57
                row |= {"parts_total": 1, "parts_good": int(good), "parts_scrap": int(not good)}
                row |= {"credit_total_us": PROGRAM.pri_us, "credit_good_us": PROGRAM.pri_us * good}
            found.append(row)
    return found


def _intervals() -> list[dict[str, int]]:
    return [
        {
            "machine": 0,
            "from_us": START_US + start * MINUTE_US,
            "to_us": -1 if end is None else START_US + end * MINUTE_US,
            "state": state,
            "cause": cause,
        }
        for start, end, state, cause in PIECES
    ]


_RAW = """
insert into stanok.{table}
select %(start)s + minute * interval '1 minute', m.id, g.id, m.source_id, value, -1, 0, 0, -1, 1, 0, 0, %(start)s, text
from (values {rows}) v (signal, minute, value, text)
join stanok.machine m on m.name = %(machine)s join stanok.signal g on g.name = v.signal
"""
_INTO_BLOCKS = """
with single as (
    delete from stanok.sample_gauge g using stanok.signal s where s.id = g.signal_id and s.name <> 'spindle.1.speed'
    returning g.*
)
insert into stanok.sample_block
select min(event_time), machine_id, source_id, -1, 0, 0, 1, min(received_time), array_agg(event_time),
    array_agg(signal_id), array_agg(value), '{-1}', '{0}', '{0}', array_agg(received_time)
from single group by machine_id, source_id, date_bin('1 hour', event_time, 'epoch')
"""
"""All but one signal, which lies in rows as in a database of before."""
_GAUGES = (
    ("spindle.1.load", 0.0, 25.0), ("spindle.1.load", 0.5, 55.0), ("spindle.1.load", 1.0, 0.0),
    ("spindle.1.load", 2.0, 35.0), ("spindle.1.load", 9.0, 25.0), ("spindle.1.load", 9.5, 0.0),
    ("spindle.1.speed", 0.0, 1000.0), ("spindle.1.speed", 0.5, 2000.0),
    ("feed.1.override", 0.0, 90.0), ("feed.1.override", 70.0, 100.0),
)  # fmt: skip
_EVENTS = (
    ("part.total", 1.0, 1.0, None), ("part.total", 3.0, 2.0, None), ("part.total", 5.0, 3.0, None),
    ("part.total", 7.5, 4.0, None), ("tool.id", 2.0, "NaN", "T07"),
    ("alarm.edge", 90.0, 1.0, "EX1024"), ("alarm.edge", 100.0, 0.0, "EX1024"),
)  # fmt: skip


def _raw(connection: Connection) -> None:
    names = [("spindle.1.load", 1), ("feed.1.override", 1), ("tool.id", 0), ("alarm.edge", 0)]
    for number, (name, store) in enumerate(names):
        connection.execute("insert into stanok.signal values (%s, %s, 'float', '', %s)", [number, name, store])
    for table, rows in (("sample_gauge", [(*row, None) for row in _GAUGES]), ("sample_event", list(_EVENTS))):
        values = ", ".join(
            f"('{signal}', {minute}, '{value}'::float8, {'null' if text is None else repr(text)})"
            for signal, minute, value, text in rows
        )
        connection.execute(_RAW.format(table=table, rows=values).encode(), {"start": START, "machine": MACHINE})
    connection.execute(_INTO_BLOCKS)
