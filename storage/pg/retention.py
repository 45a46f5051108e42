"""What is removed when it is old, and chunks of raw samples: made ahead, indexed when closed. By a maintenance login.

Invariants:
- Hours, shifts, days, intervals and gaps are never removed; the sums do not change when their minutes go.
- First it is written down from when on the past of each machine is kept, then the rest goes: a commit that runs at the
  same time either knows of it or was over before.
- What can be folded again has its minutes, snapshots and samples. What is older is refused with a sentence.
- Each step is a transaction of its own; a step that fails leaves nothing half done, and the next run goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage.pg.connect import Connection, database_errors

RETENTION = "retention"
"""Cause under which removals stand in repair_done (written by stanok.forget_minutes)."""
_ROWS = 100_000
"""Rows that one transaction removes of a chunk that stays: about a second."""


@dataclass(frozen=True)
class Removed:
    """What went. Samples are counted in chunks, and in rows where they share a chunk with younger ones."""

    minutes: int
    snapshots: int
    gauges: int
    events: int


def forget(connection: Connection, past: timedelta, events: timedelta) -> Removed:
    """Remove minutes, snapshots and gauges older than `past`, whole days, and events older than `events`.

    Now is the engine's last tick; without one nothing is removed. DatabaseError for less than a week.
    """
    with database_errors("remove what is old"):
        row = connection.execute("select tick_time from stanok.engine_state").fetchone()
        if row is None:
            return Removed(0, 0, 0, 0)
        connection.execute("select stanok.keep_from(%s)", [_day(row[0] - past)])
        minutes, snapshots = connection.execute("select * from stanok.forget_minutes()").fetchone() or (0, 0)
        kept = connection.execute("select min(minutes_from) from stanok.kept").fetchone()
        if kept is None or kept[0] is None:
            return Removed(minutes, snapshots, 0, 0)
        gauges = sum(_samples(connection, table, kept[0]) for table in ("sample_block", "sample_gauge"))
        events_gone = _samples(connection, "sample_event", min(kept[0], _day(row[0] - events)))
    return Removed(minutes, snapshots, gauges, events_gone)


def _day(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _samples(connection: Connection, table: str, before: datetime) -> int:
    gone = 0
    while True:
        row = connection.execute("select stanok.forget_samples(%s, %s, %s)", [table, before, _ROWS]).fetchone()
        gone += row[0] if row else 0
        if row is None or row[0] < _ROWS:  # there are never so many chunks
            return gone


def add_chunks(connection: Connection) -> Iterator[str]:
    """Make the partitions of the next fortnight, and of rows that fit into none; the name of each when it is done.

    TimescaleDB makes its chunks by itself.
    """
    return _one_by_one(connection, "add_chunk", "add its chunks")


def index_chunks(connection: Connection) -> Iterator[str]:
    """Build the index of every closed chunk that has none yet; the name of each when it is done."""
    return _one_by_one(connection, "index_chunk", "index its chunks")


def compress_chunks(connection: Connection) -> Iterator[str]:
    """Turn chunks that are a week old into columns, where the licence of TimescaleDB allows it; the name of each."""
    row = connection.execute("select to_regprocedure('stanok.compress_chunk()') is not null").fetchone()
    return _one_by_one(connection, "compress_chunk", "compress its chunks") if row == (True,) else iter(())


def _one_by_one(connection: Connection, function: str, doing: str) -> Iterator[str]:
    """Each call is a transaction of its own that deals with one chunk."""
    with database_errors(doing):
        while (row := connection.execute(f"select stanok.{function}()".encode()).fetchone()) is not None and row[0]:
            yield row[0]
