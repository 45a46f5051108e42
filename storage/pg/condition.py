"""What `stanok doctor` asks the database: edition, clock, the engine's tick, quarantine, gaps, offsets of sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.units import natural_id
from core.vocabulary import Execution, Flag, ItemState, Light, State
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
class Contradiction:
    """Two witnesses of one machine that cannot both be right, and since when."""

    machine: str
    control: str
    lamp: str
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
    contradictions: Sequence[Contradiction] = ()


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
        contradictions=_contradictions(connection),
    )


def _contradictions(connection: Connection) -> list[Contradiction]:
    """Machines whose control says that a program runs while the red lamp is on, or that none does while the green one
    is, by the last words of twelve hours. A feed hold or a pause may stand under green."""
    witnesses = {
        name: natural_id("signal", name) for name in ("ctrl.execution", "ctrl.item_state", "light.red", "light.green")
    }
    rows = connection.execute(
        "with last as materialized ("
        " select distinct on (machine_id, signal_id) machine_id, signal_id, value, event_time, quality"
        " from stanok.sample_event, stanok.engine_state s"
        " where event_time > s.tick_time - interval '12 hours' and signal_id = any(%(witnesses)s)"
        " order by machine_id, signal_id, event_time desc, seq desc)"
        " select m.name, c.name, w.name, greatest(said.event_time, shown.event_time)"
        " from last said join last shown using (machine_id)"
        " join stanok.signal c on c.id = said.signal_id join stanok.signal w on w.id = shown.signal_id"
        " join stanok.machine m on m.id = machine_id join stanok.machine_live l using (machine_id)"
        " where l.state <> %(unknown)s and said.quality <= 1 and shown.quality <= 1 and shown.value = %(on)s and ("
        " w.name = 'light.red' and (said.signal_id, said.value) in"
        " ((%(execution)s, %(active)s), (%(item)s, %(executing)s))"
        " or w.name = 'light.green' and (said.signal_id, said.value) in"
        " ((%(execution)s, %(ready)s), (%(execution)s, %(stopped)s), (%(item)s, %(not_executing)s)))"
        " order by 4, 1, 2, 3",
        {
            "witnesses": list(witnesses.values()),
            "execution": witnesses["ctrl.execution"],
            "item": witnesses["ctrl.item_state"],
            "on": int(Light.ON),
            "active": int(Execution.ACTIVE),
            "ready": int(Execution.READY),
            "stopped": int(Execution.STOPPED),
            "executing": int(ItemState.EXECUTING),
            "not_executing": int(ItemState.NOT_EXECUTING),
            "unknown": int(State.UNKNOWN),
        },
    ).fetchall()
    return [Contradiction(*row) for row in rows]


def _offsets(connection: Connection) -> list[tuple[str, float]]:
    """Delays only add to (arrival − event), so the least of a while is the offset of the source's clock."""
    fresh = f"received_time > e.tick_time - interval '10 minutes' and flags & {_NOT_FRESH} = 0"
    rows = connection.execute(
        "select source.name, extract(epoch from min(delay))::float8 from ("
        f" select source_id, received_time - event_time as delay from stanok.sample_event, stanok.engine_state e"
        f" where {fresh} union all"
        f" select source_id, received_time - event_time from stanok.sample_gauge, stanok.engine_state e where {fresh}"
        " union all select source_id, (select min(coalesce(received, received_times[1]) - event)"
        " from unnest(event_times, received_times) s (event, received))"
        f" from stanok.sample_block, stanok.engine_state e where {fresh}"
        ") d join stanok.source on source.id = d.source_id group by 1 order by 1".encode()
    ).fetchall()
    return [(name, seconds) for name, seconds in rows]
