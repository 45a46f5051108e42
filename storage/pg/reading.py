"""What the engine reads back: snapshots and gaps for a restart (samples.py has the samples), and facts for whoever sums
them up.

Everything comes back in positions of the given plant; rows of machines or signals that it does not have are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from core.engine.operator import Told
from core.facts.schema import FACT, FACT_KEYS, MEASURES, OPEN_END, Frontier, GapRow
from core.plant.model import Plant
from core.plant.reasons import ReasonClass
from core.units import datetime_from_us, us_from_datetime
from core.vocabulary import Cause
from storage.pg.connect import Connection, database_errors
from storage.pg.copying import copy_out, our_time
from storage.pg.positions import NOWHERE, find, positions_of

_FACTS = dict.fromkeys(("machine_id", "minute", "shift_id", "program_id", "job_order", *MEASURES), ">i8")


def last_tick(connection: Connection) -> int | None:
    """The engine's last tick in a commit [µs]; None before the first."""
    with database_errors("read the last tick"):
        row = connection.execute("select tick_time from stanok.engine_state").fetchone()
    return None if row is None else us_from_datetime(row[0])


def newest_snapshots(connection: Connection, code_version: str, plant: Plant) -> dict[int, tuple[int, bytes]]:
    """By machine: the hour [µs] and state of its newest snapshot made by this code, under whatever plant file."""
    with database_errors("read snapshots"):
        rows = connection.execute(
            "select distinct on (machine_id) machine_id, hour, state from stanok.machine_snapshot"
            " where code_version = %s order by machine_id, hour desc",
            [code_version],
        ).fetchall()
    at = find(positions_of(plant).machine, [row[0] for row in rows]).tolist()
    found = zip(at, rows, strict=True)
    return {machine: (us_from_datetime(hour), bytes(state)) for machine, (_, hour, state) in found if machine >= 0}


def snapshots_noted(connection: Connection, plant: Plant) -> dict[int, tuple[int, int]]:
    """By machine: the instants [µs] of its oldest and its newest snapshot, made by whatever code."""
    with database_errors("read snapshots"):
        rows = connection.execute(
            "select machine_id, min(hour), max(hour) from stanok.machine_snapshot group by machine_id"
        ).fetchall()
    at = find(positions_of(plant).machine, [row[0] for row in rows]).tolist()
    found = zip(at, rows, strict=True)
    return {
        machine: (us_from_datetime(oldest), us_from_datetime(newest))
        for machine, (_, oldest, newest) in found
        if machine != NOWHERE
    }


def frontiers(connection: Connection, plant: Plant) -> list[Frontier]:
    """How far each source had spoken for each machine at the last commit."""
    with database_errors("read frontiers"):
        rows = connection.execute(
            "select machine_id, source_id, last_event, last_heartbeat, last_life, gap_from, heard"
            " from stanok.source_frontier"
        ).fetchall()
    at = find(positions_of(plant).machine, [row[0] for row in rows]).tolist()
    return [
        Frontier(machine, source, *(-1 if time is None else us_from_datetime(time) for time in times))
        for machine, (_, source, *times) in zip(at, rows, strict=True)
        if machine != NOWHERE
    ]


def gap_rows(connection: Connection, plant: Plant, since_us: Mapping[int, int]) -> list[GapRow]:
    """Gap records of the given machines that end after their instant or last, and those before first contacts."""
    ids = positions_of(plant)
    with database_errors("read gap records"):
        rows = connection.execute(
            "select g.machine_id, g.source_id, g.from_time, g.to_time, g.cause, g.recovered"
            " from stanok.source_gap g join unnest(%s::bigint[], %s::timestamptz[]) w (machine, since)"
            " on g.machine_id = w.machine and (g.to_time >= w.since or g.to_time is null or g.cause = %s)"
            " order by g.machine_id, g.from_time",
            [ids.machine[list(since_us)].tolist(), list(map(datetime_from_us, since_us.values())), Cause.NO_DATA_YET],
        ).fetchall()
    at = find(ids.machine, [row[0] for row in rows]).tolist()
    return [
        GapRow(machine, source, us_from_datetime(start), OPEN_END if end is None else us_from_datetime(end), *rest)
        for machine, (_, source, start, end, *rest) in zip(at, rows, strict=True)
    ]


def told(connection: Connection, plant: Plant, since_us: Mapping[int, int]) -> list[Told]:
    """What people told of the given machines that changes the fold, is in effect, and ends at or after its instant."""
    ids = positions_of(plant)
    with database_errors("read what people told"):
        rows = connection.execute(
            "select t.id, t.machine_id, t.from_time, t.to_time, t.parts, t.program_id from stanok.operator_entry t"
            " join unnest(%s::bigint[], %s::timestamptz[]) w (machine, since)"
            " on t.machine_id = w.machine and t.to_time >= w.since"
            " where (t.parts > 0 or t.class = %s) and t.takes_back is null"
            " and not exists (select from stanok.operator_entry b where b.takes_back = t.id)",
            [
                ids.machine[list(since_us)].tolist(),
                list(map(datetime_from_us, since_us.values())),
                str(ReasonClass.REPAIR),
            ],
        ).fetchall()
    at = find(ids.machine, [row[1] for row in rows]).tolist()
    return [
        Told(entry, machine, us_from_datetime(first), us_from_datetime(last), parts, program)
        for machine, (entry, _, first, last, parts, program) in zip(at, rows, strict=True)
    ]


def requests(connection: Connection, plant: Plant) -> tuple[dict[int, tuple[int, int]], int]:
    """What is to be folded again: first and last instant [µs] by machine; and the number of the last request."""
    with database_errors("read recompute requests"):
        rows = connection.execute(
            "select machine_id, min(from_time), max(to_time), max(id) from stanok.recompute_request group by machine_id"
        ).fetchall()
    at = find(positions_of(plant).machine, [row[0] for row in rows]).tolist()
    found = {
        machine: (us_from_datetime(first), us_from_datetime(last))
        for machine, (_, first, last, _) in zip(at, rows, strict=True)
        if machine != NOWHERE
    }
    return found, max((row[3] for row in rows), default=0)


def snapshots_before(
    connection: Connection, code_version: str, plant: Plant, at_us: Mapping[int, int]
) -> dict[int, tuple[int, bytes]]:
    """By machine: instant [µs] and state of its newest snapshot made by this code at or before the given instant."""
    ids = positions_of(plant)
    with database_errors("read snapshots"):
        rows = connection.execute(
            "select w.machine, s.hour, s.state from unnest(%s::bigint[], %s::timestamptz[]) w (machine, at)"
            " cross join lateral (select hour, state from stanok.machine_snapshot where machine_id = w.machine"
            " and hour <= w.at and code_version = %s order by hour desc limit 1) s",
            [ids.machine[list(at_us)].tolist(), list(map(datetime_from_us, at_us.values())), code_version],
        ).fetchall()
    at = find(ids.machine, [row[0] for row in rows]).tolist()
    return {machine: (us_from_datetime(hour), bytes(state)) for machine, (_, hour, state) in zip(at, rows, strict=True)}


def snapshots_at(
    connection: Connection, code_version: str, plant: Plant, hour_us: int, machines: Sequence[int]
) -> dict[int, bytes]:
    """By machine: the state that this code noted at an hour."""
    ids = positions_of(plant)
    with database_errors("read snapshots"):
        rows = connection.execute(
            "select machine_id, state from stanok.machine_snapshot"
            " where machine_id = any (%s) and hour = %s and code_version = %s",
            [ids.machine[list(machines)].tolist(), datetime_from_us(hour_us), code_version],
        ).fetchall()
    at = find(ids.machine, [row[0] for row in rows]).tolist()
    return {machine: bytes(state) for machine, (_, state) in zip(at, rows, strict=True)}


def facts(
    connection: Connection, plant: Plant, from_us: int, to_us: int, machine: int | None = None
) -> NDArray[np.void]:
    """FACT rows of minutes that begin in [from_us, to_us), of one machine or of all, in the order of their keys."""
    ids = positions_of(plant)
    wanted = ids.machine if machine is None else ids.machine[[machine]]
    query = sql.SQL(
        "select {} from stanok.fact_minute where machine_id = any ({}::bigint[]) and minute >= {} and minute < {}"
        " order by machine_id, minute, shift_id, program_id, job_order"
    ).format(
        sql.SQL(", ").join(map(sql.Identifier, _FACTS)),
        sql.Literal(wanted.tolist()),
        sql.Literal(datetime_from_us(from_us)),
        sql.Literal(datetime_from_us(to_us)),
    )
    with database_errors("read facts"):
        rows = copy_out(connection, query, _FACTS)
    found = np.empty(len(rows), FACT)
    for ours, theirs in zip(FACT_KEYS + MEASURES, _FACTS, strict=True):
        found[ours] = rows[theirs]
    found["machine"] = find(ids.machine, rows["machine_id"])
    found["minute_us"] = our_time(rows["minute"])
    return found
