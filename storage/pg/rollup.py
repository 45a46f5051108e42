"""Hours, shifts and days: sums of closed minutes, kept for ever and changed where a closed minute changes.

Invariants:
- After every commit a row of `fact_hour`, `fact_shift` or `fact_day` is the exact sum of the closed minutes of its key;
  there is no row whose sums are all 0. Open minutes are in no sum; time outside shifts is in no shift.
- A commit adds the integer difference between the new and the old rows of each stretch of minutes that it replaces,
  whoever replaces them: the live tail, a repair, a restart.
- Minutes from before `kept.minutes_from` of their machine change no sums: they were removed, their sums stay.
- All statements run inside the caller's transaction; the differences wait in `fact_change`, which is empty otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg.rows import TupleRow

from core.facts.schema import MEASURES
from storage.pg.connect import Connection, database_errors
from storage.pg.sets import Where, found_in, some

ROLLUPS = {"fact_hour": "hour", "fact_shift": "shift_id", "fact_day": "day"}
"""Each table and the period in its key; the rest of the key is machine, program and order."""

_KEY = ("machine_id", "hour", "day", "shift_id", "program_id", "job_order")
_DAY = "coalesce(s.production_day, (f.minute at time zone t.zone)::date)"
_COLUMNS = ", ".join((*_KEY, *MEASURES))
_PERIOD = {"hour": "date_bin('1 hour', f.minute, 'epoch')", "day": _DAY}
_WORDS = (
    " join stanok.machine m on m.id = f.machine_id join stanok.site t on t.id = m.site_id"
    " left join stanok.shift_instance s on s.id = f.shift_id left join stanok.kept k on k.machine_id = f.machine_id"
    " where not f.open and f.minute >= coalesce(k.minutes_from, '-infinity')"
)


def _sums(sign: str = "", of: str = "") -> str:
    return ", ".join(f"{sign}sum({of}{name})::bigint" for name in MEASURES)


def _changes(sign: str, source: str) -> str:
    keys = ", ".join(_PERIOD.get(name, f"f.{name}") for name in _KEY)
    return f"select {keys}, {_sums(sign, 'f.')} from {source}{_WORDS} group by 1, 2, 3, 4, 5, 6"


def _change(sign: str, source: str) -> str:
    return f"insert into stanok.fact_change ({_COLUMNS}) {_changes(sign, source)}"


_REMOVE = (
    "with gone as (delete from stanok.fact_minute where ctid = any (array(select f.ctid from"
    f" {found_in('fact_minute', 'minute')})) returning *) {_change('-', 'gone f')}"
).encode()
_ADD = _change("", found_in("fact_minute", "minute", "*")).encode()


def _add_up(table: str, changes: str = "stanok.fact_change") -> str:
    keys = ", ".join(_key(table))
    added = ", ".join(f"{name} = t.{name} + excluded.{name}" for name in MEASURES)
    anything = " or ".join(f"sum({name}) <> 0" for name in MEASURES)
    return (
        f"insert into stanok.{table} as t ({keys}, {', '.join(MEASURES)}) select {keys}, {_sums()}"
        f" from {changes} where {ROLLUPS[table]} is distinct from {_NONE[table]} group by {keys}"
        f" having {anything} on conflict ({keys}) do update set {added}"
    )


def _clear(table: str) -> bytes:
    keys = _key(table)
    same = " and ".join(f"r.{name} = c.{name}" for name in keys)
    empty = " and ".join(f"r.{name} = 0" for name in MEASURES)
    return (
        f"delete from stanok.{table} where ctid = any (array(select f.ctid from"
        f" (select distinct {', '.join(keys)} from stanok.fact_change) c cross join lateral"
        f" (select r.ctid from stanok.{table} r where {same} and {empty} offset 0) f))"
    ).encode()


def _key(table: str) -> tuple[str, ...]:
    return ("machine_id", ROLLUPS[table], "program_id", "job_order")


_NONE = {"fact_hour": "null", "fact_shift": "0", "fact_day": "null"}
"""Periods that are none."""
_ADD_UP = {table: _add_up(table).encode() for table in ROLLUPS}
_ADD_AT_ONCE = (
    f"with c ({_COLUMNS}) as materialized ({_changes('', found_in('fact_minute', 'minute', '*'))}), "
    + ", ".join(f"to_{table} as ({_add_up(table, 'c')})" for table in ROLLUPS)
    + " select"
).encode()
"""For new minutes that take no other's place, as nearly all do: nothing has to wait in `fact_change`."""
_CLEAR = {table: _clear(table) for table in ROLLUPS}


class Rollup:
    """What one commit does to the sums: `remove` and `add` for each stretch of minutes, then `finish`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._removed: list[psycopg.Cursor[TupleRow]] = []

    def remove(self, where: Where) -> None:
        """Delete the minutes of the stretches. May be called in a pipeline; `finish` may not."""
        if some(where):
            self._removed.append(self._connection.execute(_REMOVE, where))

    def add(self, where: Where) -> None:
        """Count in the closed minutes that stand in the stretches now. May not be called in a pipeline."""
        if some(where):
            self._connection.execute(_ADD if self._has_removed() else _ADD_AT_ONCE, where)

    def finish(self) -> None:
        """Bring the differences that wait into the sums."""
        if not self._has_removed():
            return
        with self._connection.pipeline():
            for table in ROLLUPS:
                self._connection.execute(_ADD_UP[table])
                self._connection.execute(_CLEAR[table])
            self._connection.execute("delete from stanok.fact_change")

    def _has_removed(self) -> bool:
        return any(cursor.rowcount for cursor in self._removed)


@dataclass(frozen=True)
class Difference:
    """A sum that is not that of its minutes; `period` as text, None where a row is missing."""

    table: str
    machine: str
    period: str
    column: str
    stored: int | None
    minutes: int | None


_WHOLE = {
    "hour": "hour >= k.minutes_from",
    "shift_id": "(select start_time from stanok.shift_instance where id = shift_id) >= k.minutes_from",
    "day": "day > (k.minutes_from at time zone t.zone)::date + 1",  # a production day may begin before midnight
}
"""Whether all minutes of a period are kept."""


def _compare(table: str) -> bytes:
    """Rows of a table that differ from the sums of the closed minutes, in periods all of whose minutes are kept."""
    period, keys = ROLLUPS[table], ", ".join(_key(table))
    at = _PERIOD.get(period, f"f.{period}")
    sums = ", ".join(f"sum(f.{name})::bigint as {name}" for name in MEASURES)
    pairs = ", ".join(f"('{name}', a.{name}, b.{name})" for name in MEASURES)
    return (
        f"with b as (select f.machine_id, {at} as {period}, f.program_id, f.job_order, {sums} from stanok.fact_minute f"
        f" {_WORDS} and {at} is distinct from {_NONE[table]} group by 1, 2, 3, 4)"
        f" select m.name, {period}::text, d.* from stanok.{table} a full join b using ({keys})"
        " join stanok.machine m on m.id = machine_id join stanok.site t on t.id = m.site_id"
        " left join stanok.kept k on k.machine_id = m.id"
        f" cross join lateral (select * from (values {pairs}) v (name, stored, minutes)"
        " where coalesce(v.stored, 0) <> coalesce(v.minutes, 0) limit 1) d"
        f" where {_WHOLE[period]} or k.machine_id is null order by 1, 2 limit %s"
    ).encode()


def differences(connection: Connection, most: int = 100) -> list[Difference]:
    """Compare the sums with the minutes that are kept, in one look at the database; at most `most` of each table."""
    found = []
    with database_errors("compare its sums"), connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        for table in ROLLUPS:
            rows = connection.execute(_compare(table), [most]).fetchall()
            found += [Difference(table, *row) for row in rows]
    return found
