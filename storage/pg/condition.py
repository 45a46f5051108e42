"""What `stanok doctor` asks the database: edition, clock, the engine's tick, quarantine, gaps, offsets of sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.vocabulary import Flag
from storage.pg.capability import Capability, ask
from storage.pg.connect import Connection, database_errors
from storage.pg.migrate import Standing, status

_NOT_FRESH = int(Flag.INITIAL | Flag.RETAINED)
"""Samples whose arrival says nothing of a clock."""


@dataclass(frozen=True)
class OpenGap:
    """Machines of a source that are without data now, and since when the first of them."""

    source: str
    cause: str
    machines: int
    since: datetime


@dataclass(frozen=True)
class Condition:
    """A database. `clock`: its own time when asked. `tick` is None before the engine's first.

    `offsets`: source -> least (arrival − event) [s] over the last ten minutes before the tick.
    `quarantine`: (source, reason, number) of the day before the tick, the most frequent first.
    """

    capability: Capability
    version: str
    clock: datetime
    pending: Sequence[str]
    engines: int = 0
    tick: datetime | None = None
    gaps: Sequence[OpenGap] = ()
    quarantine: Sequence[tuple[str, str, int]] = ()
    requests: int = 0
    offsets: Sequence[tuple[str, float]] = ()


def condition(connection: Connection) -> Condition:
    """Ask for all of it; a database whose migrations are pending is asked no further."""
    capability = ask(connection)
    pending = [name for name, standing in status(connection) if standing == Standing.PENDING]
    with database_errors("say how it is"):
        row = connection.execute("select current_setting('server_version'), clock_timestamp()").fetchone()
        assert row is not None
        found = Condition(capability, str(row[0]).split(" ")[0], row[1], pending)
        return found if pending else _full(connection, found)


def _full(connection: Connection, found: Condition) -> Condition:
    tick = connection.execute("select tick_time from stanok.engine_state").fetchone()
    engines = connection.execute(
        "select count(*) from pg_stat_activity"
        " where application_name = 'stanok engine' and datname = current_database()"
    ).fetchone()
    requests = connection.execute("select count(*) from stanok.recompute_request").fetchone()
    gaps = connection.execute(
        "select source, min(cause), count(distinct machine), min(from_time) from board.gap"
        " where lasting and scope = 'state' group by source order by source"
    ).fetchall()
    quarantine = connection.execute(
        "select source.name, reason, count(*) from stanok.quarantine q join stanok.source on source.id = q.source_id"
        " where q.received_time > (select max(tick_time) - interval '1 day' from stanok.engine_state)"
        " group by 1, 2 order by 3 desc, 1, 2 limit 20"
    ).fetchall()
    assert engines is not None
    assert requests is not None
    return Condition(
        found.capability,
        found.version,
        found.clock,
        (),
        engines=engines[0],
        tick=None if tick is None else tick[0],
        gaps=[OpenGap(*row) for row in gaps],
        quarantine=[(source, reason, count) for source, reason, count in quarantine],
        requests=requests[0],
        offsets=_offsets(connection),
    )


def _offsets(connection: Connection) -> list[tuple[str, float]]:
    """Delays only add to (arrival − event), so the least of a while is the offset of the source's clock."""
    tables = " union all ".join(
        f"select source_id, received_time - event_time as delay from stanok.{table}, stanok.engine_state e"
        f" where received_time > e.tick_time - interval '10 minutes' and flags & {_NOT_FRESH} = 0"
        for table in ("sample_event", "sample_gauge")
    )
    rows = connection.execute(
        f"select source.name, extract(epoch from min(delay))::float8 from ({tables}) d"
        " join stanok.source on source.id = d.source_id group by 1 order by 1".encode()
    ).fetchall()
    return [(name, seconds) for name, seconds in rows]
