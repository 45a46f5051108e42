"""What a person watching wants to know now: the live board, and counts for a comparison with the truth."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from psycopg.rows import dict_row

from core.units import datetime_from_us, us_from_datetime
from storage.pg.connect import Connection, database_errors


def machines_live(connection: Connection) -> list[dict[str, Any]]:
    """The live board, a row a machine, by site and name."""
    with database_errors("read the live board"), connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("select * from board.machine_live order by site, machine").fetchall()


def stored_samples(
    connection: Connection, machine_id: int, window_us: tuple[int, int], ignored_flags: int, ignored_signals: list[int]
) -> int:
    """Distinct samples of a machine by event time, but for those of some flags or signals."""
    query = (
        "select count(distinct (signal_id, event_time, seq, value::text, text)) from stanok.sample"
        " where machine_id = %(machine)s and event_time >= %(from)s and event_time < %(to)s"
        " and flags & %(flags)s = 0 and signal_id <> all (%(signals)s)"
    )
    given = {
        "machine": machine_id,
        "from": datetime_from_us(window_us[0]),
        "to": datetime_from_us(window_us[1]),
        "flags": ignored_flags,
        "signals": ignored_signals,
    }
    with database_errors("count stored samples"):
        row = connection.execute(query, given).fetchone()
    return 0 if row is None else int(row[0])


class GapRow(NamedTuple):
    """A gap [µs]; while it is open, or nothing is booked after it, the end of the window stands for these instants."""

    from_us: int
    to_us: int
    credit_good_us: int | None
    credit_total_us: int | None
    booked_us: int
    known: bool
    """Of scope `source`: the state in it may be known by other sources."""
    parts: int | None = None


def _us(moment: datetime | None, otherwise: int) -> int:
    return otherwise if moment is None else us_from_datetime(moment)


def gaps_touching(connection: Connection, machine_id: int, from_us: int, to_us: int) -> list[GapRow]:
    """Gaps of scopes `state` and `source` that touch a window."""
    with database_errors("read gaps"):
        rows = connection.execute(
            "select from_time, to_time, credit_good_us, credit_total_us, booked_time, scope, parts"
            " from stanok.data_gap where scope in ('state', 'source') and machine_id = %s"
            " and from_time < %s and coalesce(to_time, 'infinity') > %s"
            " order by from_time, scope, source_rank",
            [machine_id, datetime_from_us(to_us), datetime_from_us(from_us)],
        ).fetchall()
    return [
        GapRow(_us(start, 0), _us(end, to_us), good, made, _us(booked, to_us), scope == "source", parts)
        for start, end, good, made, booked, scope, parts in rows
    ]


def gauge_gaps_touching(
    connection: Connection, machine_id: int, from_us: int, to_us: int
) -> list[tuple[int, int, int]]:
    """Gaps of scope `gauge` that touch a window: UNSEEN or BY_SPEED, and from when to when, cut to it [µs]."""
    with database_errors("read gauge gaps"):
        rows = connection.execute(
            "select counter, from_time, to_time from stanok.data_gap"
            " where scope = 'gauge' and machine_id = %s and from_time < %s and coalesce(to_time, 'infinity') > %s"
            " order by from_time",
            [machine_id, datetime_from_us(to_us), datetime_from_us(from_us)],
        ).fetchall()
    return [(how, max(_us(start, 0), from_us), min(_us(end, to_us), to_us)) for how, start, end in rows]


class CountGapRow(NamedTuple):
    """A gap of scope `count` [µs]; while it lasts, the end of the window stands for its end and booking."""

    counter: int
    from_us: int
    to_us: int
    credit_us: int
    least_us: int
    most_us: int | None
    pri_us: int
    booked_us: int
    after_us: int
    """Where the first gap in it began, after which the same reading booked; -1 without one."""
    cause: int


def count_gaps_touching(connection: Connection, machine_id: int, from_us: int, to_us: int) -> list[CountGapRow]:
    """Gaps of scope `count` that began before the end of a window and were booked in it or later."""
    with database_errors("read count gaps"):
        rows = connection.execute(
            "select counter, from_time, to_time, credit_us, least_us, most_us, pri_us, booked_time,"
            " (select min(u.from_time) from stanok.data_gap u where u.machine_id = d.machine_id"
            " and u.scope in ('state', 'source') and u.outcome is distinct from 'recovered'"
            " and u.booked_time >= d.booked_time and u.from_time >= d.from_time and u.from_time < d.to_time"
            " and u.to_time <= d.to_time), cause"
            " from stanok.data_gap d"
            " where scope = 'count' and machine_id = %s and from_time < %s and coalesce(booked_time, 'infinity') >= %s"
            " order by from_time, counter",
            [machine_id, datetime_from_us(to_us), datetime_from_us(from_us)],
        ).fetchall()
    return [
        CountGapRow(
            counter, _us(start, 0), _us(end, to_us), credit, least, most, pri, _us(booked, to_us), _us(after, -1), cause
        )
        for counter, start, end, credit, least, most, pri, booked, after, cause in rows
    ]


def quarantined(connection: Connection, machine_id: int, from_us: int, to_us: int) -> int:
    """Quarantined payloads of a machine by arrival."""
    with database_errors("count quarantined payloads"):
        row = connection.execute(
            "select count(*) from stanok.quarantine"
            " where machine_id = %s and received_time >= %s and received_time < %s",
            [machine_id, datetime_from_us(from_us), datetime_from_us(to_us)],
        ).fetchone()
    return 0 if row is None else int(row[0])
