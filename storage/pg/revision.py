"""Seals of closed days, and whether the results still are what was sealed.

A seal is a row of `stanok.result_revision`: the sha256 over the minutes, intervals and gaps of one machine and local
day, chained to the seal before it. A day is sealed when it cannot change in order any more, and again after a repair.

Invariants:
- What is hashed depends on nothing that happens legitimately later but a repair: intervals and gaps are cut to the day,
  credits of a gap count only if they were booked in it, new columns do not matter to old seals.
- A seal never replaces another; number n+1 contains the hash of n, so that a noted hash fixes everything before it.
- Rows that differ from their last seal are *revised* if the engine noted a repair since then that began before the
  day's end (its effect has no known end), *being revised* while one is asked for, and otherwise *tampered*.
- Days whose minutes were removed because they are old are *forgotten*; neither that nor a refused repair explains any
  other day.
- Names of columns that stand in a seal are used only if the table has them.
What this cannot show: changes before the first seal, and a superuser who writes the whole chain anew, unless somebody
elsewhere has noted a hash of it. Whoever has the engine's login can make a repair that explains a change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import psycopg

from core.units import us_from_datetime
from storage.pg.connect import Connection, database_errors

FIRST = bytes(32)
"""What stands before the first seal."""
_WAIT = timedelta(hours=1)
"""How long after its end a day is sealed: undecided time lasts 10 min, lateness 10 s at most."""
_LOCK = 0x5345414C  # "SEAL"
_CLOSED = "closed"
_REPAIRS = "(select * from stanok.repair_done where cause <> 'retention' and not starts_with(cause, 'refused: '))"
"""Notes of what was folded again."""

_ROWS = """
select count(*), sha256(convert_to(coalesce(string_agg(line, E'\\n' order by line collate "C"), ''), 'UTF8')) from (
    select concat_ws('|', 'minute', {columns}) as line from stanok.fact_minute
    where machine_id = %(machine)s and minute >= %(from)s and minute < %(to)s
    union all
    select concat_ws('|', 'state', {span}, state, cause, rule) from stanok.state_interval where {touches}
    union all
    select concat_ws('|', 'program', {span}, program_id) from stanok.program_interval where {touches}
    union all
    select concat_ws('|', 'gap', {span}, scope, source_id, cause,
        case when booked_time < %(to)s then concat_ws('|', credit_good_us, credit_total_us, parts,
            nullif(counter, -1), good_sign, scrap_sign, credit_us, least_us, most_us, pri_us) end)
    from stanok.data_gap where {touches}
) found
"""
_SPAN = (
    "extract(epoch from greatest(from_time, %(from)s)), extract(epoch from least(coalesce(to_time, %(to)s), %(to)s))"
)
_TOUCHES = "machine_id = %(machine)s and from_time < %(to)s and (to_time > %(from)s or to_time is null)"


@dataclass(frozen=True)
class Day:
    """One machine and local day."""

    machine_id: int
    machine: str
    day: date
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Seal:
    """A row of `stanok.result_revision` without its own hash."""

    number: int
    machine_id: int
    day: date
    start: datetime
    end: datetime
    columns: str
    lines: int
    rows_hash: bytes
    cause: str
    repair: int
    sealed: datetime
    previous: bytes

    @property
    def hash(self) -> bytes:
        """sha256 over the hash before and everything else, as compact JSON with times in µs."""
        times = [us_from_datetime(moment) for moment in (self.start, self.end, self.sealed)]
        rest = [self.number, self.machine_id, self.day.isoformat(), *times, self.columns, self.lines]
        text = json.dumps([*rest, self.rows_hash.hex(), self.cause, self.repair], separators=(",", ":"))
        return hashlib.sha256(self.previous + text.encode()).digest()


class Verdict(StrEnum):
    """What became of a sealed day that is not as it was sealed."""

    REVISED = "revised"
    BEING_REVISED = "being revised"
    TAMPERED = "tampered"
    GONE = "gone"
    FORGOTTEN = "forgotten"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class Finding:
    """A day that is not as it was sealed; `why` completes the sentence."""

    machine: str
    day: date
    verdict: Verdict
    why: str


@dataclass(frozen=True)
class Report:
    """`broken`: sentences about the chain itself. `root`: hash of the last seal."""

    seals: int
    days: int
    root: bytes
    broken: Sequence[str]
    findings: Sequence[Finding]

    @property
    def honest(self) -> bool:
        """Nothing but what the engine itself did."""
        return not self.broken and all(
            found.verdict in (Verdict.REVISED, Verdict.BEING_REVISED, Verdict.FORGOTTEN) for found in self.findings
        )


def seal(connection: Connection) -> int:
    """Seal every day that has closed, and anew those that repairs have changed; how many seals that made."""
    with database_errors("seal days"):
        connection.execute("select pg_advisory_lock(%s)", [_LOCK])
        try:
            with connection.transaction():
                connection.execute("set transaction isolation level repeatable read")
                return _seal(connection)
        finally:
            if not connection.broken:
                connection.execute("select pg_advisory_unlock(%s)", [_LOCK])


def _seal(connection: Connection) -> int:
    row = connection.execute("select tick_time from stanok.engine_state").fetchone()
    if row is None:
        return 0
    last = _last(connection)
    number, previous = (last.number, last.hash) if last else (0, FIRST)
    columns = _columns(connection)
    for day, cause in [*_closed(connection), *_repaired(connection)]:
        lines, rows_hash = _rows(connection, day, columns)
        old = _newest(connection, day)
        if old is not None and not _lacking(old, columns) and old.rows_hash == _rows(connection, day, old.columns)[1]:
            continue
        number += 1
        repair = _last_repair(connection, day.machine_id)
        found = (day.machine_id, day.day, day.start, day.end, columns, lines, rows_hash, cause, repair, row[0])
        made = Seal(number, *found, previous)
        _insert(connection, made)
        previous = made.hash
    return number - (last.number if last else 0)


def _insert(connection: Connection, made: Seal) -> None:
    values = [
        *(made.number, made.machine_id, made.day, made.start, made.end, made.columns, made.lines, made.rows_hash),
        *(made.cause, made.repair, made.sealed, made.previous, made.hash),
    ]
    marks = ", ".join(["%s"] * len(values))
    connection.execute(f"insert into stanok.result_revision values ({marks})".encode(), values)


def _closed(connection: Connection) -> Iterator[tuple[Day, str]]:
    """Days without a seal that cannot change any more but by a repair, the oldest first."""
    machines = connection.execute(
        "select m.id, m.name, s.zone, l.settled,"
        " (select min(minute) from stanok.fact_minute where machine_id = m.id),"
        " coalesce((select min(minute) from stanok.fact_minute where machine_id = m.id and open), l.settled),"
        " coalesce((select min(from_time) from stanok.recompute_request where machine_id = m.id), l.settled),"
        " array(select distinct day from stanok.result_revision where machine_id = m.id)"
        " from stanok.machine m join stanok.site s on s.id = m.site_id"
        " join stanok.machine_live l on l.machine_id = m.id"
        " order by m.name"
    ).fetchall()
    for machine_id, name, zone, settled, first, opened, asked, sealed in machines:
        if settled is None or first is None:
            continue
        for day in _days(machine_id, name, ZoneInfo(zone), first):
            if day.end + _WAIT > settled or day.end > min(opened, asked):
                break
            if day.day not in sealed:
                yield day, _CLOSED


def _days(machine_id: int, name: str, zone: ZoneInfo, first: datetime) -> Iterator[Day]:
    day = first.astimezone(zone).date()
    while True:
        following = day + timedelta(days=1)
        start, end = (datetime(at.year, at.month, at.day, tzinfo=zone) for at in (day, following))
        yield Day(machine_id, name, day, start, end)
        day = following


def _repaired(connection: Connection) -> list[tuple[Day, str]]:
    """Sealed days that repairs since the last sealing may have changed, with the causes of these."""
    rows = connection.execute(
        "with mark as (select machine_id, max(repair) as repair from stanok.result_revision group by machine_id),"
        f" news as (select d.* from {_REPAIRS} d join mark m on m.machine_id = d.machine_id and d.id > m.repair)"
        " select v.machine_id, m.name, v.day, min(v.from_time), max(v.to_time),"
        " string_agg(distinct n.cause, ', ' order by n.cause)"
        " from stanok.result_revision v join stanok.machine m on m.id = v.machine_id"
        " join news n on n.machine_id = v.machine_id and n.from_time < v.to_time"
        " where not exists (select from stanok.recompute_request q"
        " where q.machine_id = v.machine_id and q.from_time < v.to_time)"
        " group by v.machine_id, m.name, v.day order by m.name, v.day".encode()
    ).fetchall()
    return [(Day(machine_id, name, day, start, end), cause) for machine_id, name, day, start, end, cause in rows]


def verify(connection: Connection, noted: bytes | None = None) -> Report:
    """Compare the chain with itself, every sealed day with its rows, and the chain with a hash that somebody noted."""
    with database_errors("verify its results"), connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        broken, seals = [], 0
        previous, newest, hashes = FIRST, {}, set()
        for found, stored in _chain(connection):
            seals += 1
            if found.number != seals or found.previous != previous or found.hash != stored:
                broken.append(f"seal {found.number} does not follow from the one before it: it was written by somebody")
                seals = found.number
            previous = stored
            hashes.add(stored)
            newest[found.machine_id, found.day] = found
        if noted is not None and noted not in hashes:
            broken.append("the noted hash is not in the chain: seals were removed or written anew")
        columns = _columns(connection)
        names: dict[int, str] = dict(connection.execute("select id, name from stanok.machine").fetchall())
        findings = [
            finding
            for found in newest.values()
            if (finding := _judge(connection, names[found.machine_id], found, columns)) is not None
        ]
    return Report(seals, len(newest), previous, broken, findings)


def _lacking(found: Seal, columns: str) -> set[str]:
    return set(found.columns.split(",")) - set(columns.split(","))


def _judge(connection: Connection, name: str, found: Seal, columns: str) -> Finding | None:
    day = Day(found.machine_id, name, found.day, found.start, found.end)
    missing = _lacking(found, columns)
    if missing:
        return Finding(name, found.day, Verdict.NOT_COMPARABLE, f"column {min(missing)} is no longer stored")
    lines, rows_hash = _rows(connection, day, found.columns)
    if rows_hash == found.rows_hash:
        return None
    removed = connection.execute(
        "select max(to_time) from stanok.repair_done where machine_id = %s and cause = 'retention' and to_time > %s",
        [found.machine_id, found.start],
    ).fetchone()
    if removed is not None and removed[0] is not None:
        return Finding(name, found.day, Verdict.FORGOTTEN, f"minutes before {removed[0]} were removed, as they are old")
    causes = connection.execute(
        f"select cause, count(*), max(id) from {_REPAIRS} d where machine_id = %s and id > %s and from_time < %s"
        " group by cause order by cause".encode(),
        [found.machine_id, found.repair, found.end],
    ).fetchall()
    if causes:
        why = ", ".join(f"{cause} ({count} repairs, the last is {last})" for cause, count, last in causes)
        return Finding(name, found.day, Verdict.REVISED, why)
    asked = "select from stanok.recompute_request where machine_id = %s and from_time < %s limit 1"
    if connection.execute(asked, [found.machine_id, found.end]).fetchone() is not None:
        return Finding(name, found.day, Verdict.BEING_REVISED, "a repair has been asked for")
    if not lines:
        return Finding(name, found.day, Verdict.GONE, f"{found.lines} rows were sealed, there are none")
    return Finding(name, found.day, Verdict.TAMPERED, f"rows differ from seal {found.number}, and no repair was noted")


def _columns(connection: Connection) -> str:
    """Columns of a fact that a seal covers: all but the machine and whether it is open, which no closed day is."""
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = 'stanok.fact_minute'::regclass and attnum > 0"
        " and not attisdropped and attname not in ('machine_id', 'open') order by attnum"
    )
    return ",".join(row[0] for row in rows)


def _rows(connection: Connection, day: Day, columns: str) -> tuple[int, bytes]:
    """Number and sha256 of what is stored of a day."""
    names = [f"extract(epoch from {name})" if name == "minute" else name for name in columns.split(",")]
    query = _ROWS.format(columns=", ".join(names), span=_SPAN, touches=_TOUCHES)
    given = {"machine": day.machine_id, "from": day.start, "to": day.end}
    row = connection.execute(query.encode(), given).fetchone()
    assert row is not None
    return int(row[0]), bytes(row[1])


def _last_repair(connection: Connection, machine_id: int) -> int:
    row = connection.execute(
        "select coalesce(max(id), 0) from stanok.repair_done where machine_id = %s", [machine_id]
    ).fetchone()
    return 0 if row is None else int(row[0])


_SEAL = (
    "select number, machine_id, day, from_time, to_time, columns, lines, rows_hash, cause, repair, sealed_time,"
    " previous_hash, hash from stanok.result_revision"
)


def _chain(connection: Connection) -> Iterator[tuple[Seal, bytes]]:
    """All seals by number, each with the hash that stands beside it."""
    with psycopg.ServerCursor(connection, "chain") as cursor:
        for *found, stored in cursor.execute(f"{_SEAL} order by number".encode()):
            yield Seal(*found), stored


def _last(connection: Connection) -> Seal | None:
    row = connection.execute(f"{_SEAL} order by number desc limit 1".encode()).fetchone()
    return None if row is None else Seal(*row[:-1])


def _newest(connection: Connection, day: Day) -> Seal | None:
    row = connection.execute(
        f"{_SEAL} where machine_id = %s and day = %s order by number desc limit 1".encode(), [day.machine_id, day.day]
    ).fetchone()
    return None if row is None else Seal(*row[:-1])
