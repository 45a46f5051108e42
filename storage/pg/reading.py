"""What the engine reads back: snapshots, raw rows and gaps for a restart, and facts for whoever sums them up.

Everything comes back in positions of the given plant; rows of machines or signals that it does not have are left out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from core.engine.operator import Told
from core.errors import DatabaseError
from core.facts.schema import FACT, FACT_KEYS, MEASURES, OPEN_END, Frontier, GapRow, RawRows
from core.plant.model import Plant
from core.plant.reasons import ReasonClass
from core.samples.batch import COLUMNS, SampleBatch
from core.samples.order import FIRST_VALUES
from core.units import FAR_US, HOUR_US, datetime_from_us, us_from_datetime
from core.vocabulary import Cause
from storage.pg import blocks
from storage.pg.connect import Connection, another, database_errors
from storage.pg.copying import copy_out, copying_out, our_time
from storage.pg.positions import NOWHERE, Positions, find, positions_of
from storage.pg.pulling import pulled, with_text
from storage.pg.wire import EPOCH_US

log = logging.getLogger(__name__)

RAW = {
    **dict.fromkeys(("event_time", "machine_id", "signal_id", "source_id"), ">i8"),
    "value": ">f8",
    "raw": ">i4",
    "quality": ">i2",
    "flags": ">i4",
    "seq": ">i8",
    "spool_id": ">i4",
    "record": ">i8",
    "row": ">i4",
    "received_time": ">i8",
}
_OURS = {"event_us": "event_time", "received_us": "received_time", "machine": "machine_id", "signal": "signal_id"}
_PLACES = {"source_id": "<i8", "spool_id": "<i4", "record": "<i8", "row": "<i4"}
_COLUMNS = {**dict(COLUMNS), **_PLACES, "machine": "<i8", "signal": "<i8"}
"""What a read row becomes; of machine and signal first the ids."""
_STORED = {name: _OURS.get(name, name) for name in _COLUMNS if name != "text"}
_Part = dict[str, NDArray[Any]]
_KEY_BITS = 63
"""Of an int64 that is not negative."""
_MUCH_US = 4 * HOUR_US
"""Hours of machines from which on a second connection, some ten milliseconds, is worth it: some 100 000 samples."""
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


@dataclass(frozen=True)
class Window:
    """Which raw samples: of each machine from its instant on, before `to_us`; and first values that are older but
    arrived in [told_from_us, told_to_us)."""

    from_us: Mapping[int, int]
    to_us: int = FAR_US
    told_from_us: int = 0
    told_to_us: int = FAR_US


def raw_rows(connection: Connection, plant: Plant, window: Window, spools: Sequence[str] = ()) -> RawRows:
    """Samples in the order of their arrival. `spool` is a position in `spools`, -1 for one that is not among them."""
    ids = positions_of(plant)
    with database_errors("read raw samples"):
        numbers: dict[str, int] = dict(connection.execute("select spool, id from stanok.spool_cursor").fetchall())
        parts, texts = _stored(connection, ids, window)
    found = {name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS}
    found["machine"], found["signal"] = find(ids.machine, found["machine"]), find(ids.signal, found["signal"])
    wanted = _wanted(found, window, len(ids.machine))
    spool, record, row = (found[name] for name in ("spool_id", "record", "row"))
    order = arrival(spool, record, row)
    order = order if wanted is None else order[wanted[order]]
    spool_ids = np.array([numbers.get(name, NOWHERE) for name in spools], np.int64)
    return RawRows(
        batch=SampleBatch.of({name: found[name][order] for name, _ in COLUMNS}, texts),
        source_id=found["source_id"][order],
        spool=find(spool_ids, spool[order]).astype(np.int32),
        record=record[order],
        row=row[order],
    )


def _stored(connection: Connection, ids: Positions, window: Window) -> tuple[list[_Part], tuple[str, ...]]:
    """All parts, and the texts that they index. Where there is much, two connections read half of it each."""
    nothing = {name: np.empty(0, kind) for name, kind in _COLUMNS.items()}
    if not window.from_us:
        return [nothing], ()
    second = _second(connection, window)
    if second is None:
        parts, texts = _read(connection, ids, window, None)
        return [nothing, *parts], texts
    with second, ThreadPoolExecutor(1) as beside:
        others = beside.submit(_read, second, ids, window, 1)
        parts, texts = _read(connection, ids, window, 0)
        more, more_texts = others.result()
    for part in more:
        part["text"][part["text"] >= 0] += len(texts)
    return [nothing, *parts, *more], (*texts, *more_texts)


def _second(connection: Connection, window: Window) -> Connection | None:
    """A connection beside ours, if it is worth it and to be had."""
    if sum(window.to_us - since for since in window.from_us.values()) < _MUCH_US:
        return None
    try:
        return another(connection)
    except DatabaseError as error:
        log.info("samples are read through one connection: %s", error)
        return None


def _read(
    connection: Connection, ids: Positions, window: Window, half: int | None
) -> tuple[list[_Part], tuple[str, ...]]:
    parts, texts = list[_Part](), dict[str, int]()
    for table in ("sample_event", "sample_gauge"):
        with copying_out(connection, _query(table, [*RAW, "text"], _IN_ROWS, ids, window, half)):
            for data, ends in pulled(connection):
                rows, worded = with_text(data, ends, RAW)
                text = np.full(len(rows), -1, "<i4")
                for at, found in worded:
                    text[at] = texts.setdefault(found, len(texts))
                parts.append(_part({name: rows[name] for name in RAW}, text))
    with copying_out(connection, _query(blocks.TABLE, blocks.COLUMNS, _IN_BLOCKS, ids, window, half)):
        for data, ends in pulled(connection):
            columns = blocks.decode(data, ends)
            parts.append(_part(columns, np.full(len(columns["value"]), -1, "<i4")))
    return parts, tuple(texts)


_IN_ROWS = (
    "event_time < {to} and (event_time >= {first} or flags & {seeds} <> 0"
    " and received_time >= {told_from} and received_time < {told_to})",
    "record",
)
_IN_BLOCKS = (
    "event_time < {to} and (event_time >= {first_hour} or flags & {seeds} <> 0"
    " and received_time >= {told_from_hour} and received_time < {told_to})",
    "records[1]",
)
"""Which rows of the database to read: all wanted samples and some others, and a record of each."""


def _query(
    table: str, columns: Sequence[str], rows: tuple[str, str], ids: Positions, window: Window, half: int | None
) -> sql.Composed:
    """Rows of one table, of one half of the pairs of records or all.

    What is no machine of the plant is told apart by us where all are asked for: comparing ids costs the server a tenth.
    """
    which, record = rows
    some = " and machine_id = any ({machines}::bigint[])" if len(window.from_us) < len(ids.machine) else ""
    records = "" if half is None else f" and {record} >> 1 & 1 = {half}"
    first_us = min(window.from_us.values())
    instants = {
        "to": window.to_us,
        "first": first_us,
        "first_hour": first_us // HOUR_US * HOUR_US,
        "told_from": window.told_from_us,
        "told_from_hour": window.told_from_us // HOUR_US * HOUR_US,
        "told_to": window.told_to_us,
    }
    return sql.SQL(f"select {{names}} from stanok.{{table}} where {which}{some}{records}").format(
        names=sql.SQL(", ").join(map(sql.Identifier, columns)),
        table=sql.Identifier(table),
        machines=sql.Literal(ids.machine[list(window.from_us)].tolist()),
        seeds=sql.Literal(FIRST_VALUES),
        **{name: sql.Literal(datetime_from_us(us)) for name, us in instants.items()},
    )


def _part(columns: Mapping[str, NDArray[Any]], text: NDArray[np.int32]) -> _Part:
    """Columns of the table as we count and name them."""
    part = {name: columns[stored].astype(_COLUMNS[name]) for name, stored in _STORED.items()}
    for name in ("event_us", "received_us"):
        part[name] += EPOCH_US
    part["text"] = text
    return part


def arrival(spool: NDArray[Any], record: NDArray[Any], row: NDArray[Any]) -> NDArray[np.intp]:
    """Positions in the order of spool, record and row. Tables are nearly in that order, which one key makes use of."""
    if not len(spool):
        return np.empty(0, np.intp)
    key, bits = np.zeros(len(spool), "i8"), 0
    for column in (row, record, spool):
        least, most = int(column.min()), int(column.max())
        if bits + (most - least).bit_length() > _KEY_BITS:
            return np.lexsort((row, record, spool))
        key |= (column.astype("i8") - least) << bits
        bits += (most - least).bit_length()
    return np.argsort(key, kind="stable")


def _wanted(found: Mapping[str, NDArray[Any]], window: Window, machines: int) -> NDArray[np.bool_] | None:
    """Which rows are of this plant and inside the window; None for all."""
    since = np.full(machines + 1, FAR_US)  # NOWHERE is the last
    since[list(window.from_us)] = list(window.from_us.values())
    event, received, first = found["event_us"], found["received_us"], since[found["machine"]]
    told = (found["flags"] & FIRST_VALUES != 0) & (received >= window.told_from_us) & (received < window.told_to_us)
    wanted = (event >= first) | (told & (first < FAR_US))
    wanted &= (event < window.to_us) & (found["signal"] >= 0)
    return None if wanted.all() else wanted


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
