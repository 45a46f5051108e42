"""Raw samples back into columns, as a restart and a repair read them.

Invariants: they come in the order of their arrival, in positions of the given plant; those of machines or signals that
it does not have are left out. Single rows and blocks become the same columns, part by part as the server sends them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from core.errors import DatabaseError
from core.facts.schema import RawRows
from core.plant.model import Plant
from core.samples.batch import COLUMNS, SampleBatch
from core.samples.order import FIRST_VALUES
from core.units import FAR_US, HOUR_US, datetime_from_us
from storage.pg import blocks
from storage.pg.connect import Connection, another, database_errors
from storage.pg.copying import copying_out, our_time
from storage.pg.positions import NOWHERE, Positions, find, positions_of
from storage.pg.pulling import pulled, with_text

log = logging.getLogger(__name__)

ROW = {
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
"""Columns of a single row before its text, as they come from the server."""
_KINDS = {**dict(COLUMNS), "source_id": "<i8", "spool_id": "<i4", "record": "<i8", "row": "<i4"}
"""What a part consists of."""
_Part = dict[str, NDArray[Any]]
_KEY_BITS = 63
"""Of an int64 that is not negative."""
_DENSE = 8
"""Places for each sample up to which it is put in its place without sorting."""
_MUCH_US = 4 * HOUR_US
"""Hours of machines from which on a second connection, some ten milliseconds, is worth it: some 100 000 samples."""


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
    with database_errors("read raw samples"):
        numbers: dict[str, int] = dict(connection.execute("select spool, id from stanok.spool_cursor").fetchall())
        parts, texts = _stored(connection, _Wanted(positions_of(plant), window))
    found = _in_order(parts)
    spool_ids = np.array([numbers.get(name, NOWHERE) for name in spools], np.int64)
    return RawRows(
        batch=SampleBatch.of({name: found[name] for name, _ in COLUMNS}, texts),
        source_id=found["source_id"],
        spool=find(spool_ids, found["spool_id"]).astype(np.int32),
        record=found["record"],
        row=found["row"],
    )


def _in_order(parts: list[_Part]) -> _Part:
    """All parts as one, in the order of arrival; the parts are empty then. Columns are put in order two at a time."""
    where = ("spool_id", "record", "row")
    order = arrival(*(np.concatenate([part[name] for part in parts]) for name in where))
    with ThreadPoolExecutor(2) as pool:
        columns = pool.map(lambda name: np.concatenate([part.pop(name) for part in parts])[order], _KINDS)
        return dict(zip(_KINDS, columns, strict=True))


class _Wanted:
    """What a window asks for, of the server and then of each part: a server finds blocks, and somewhat more."""

    def __init__(self, ids: Positions, window: Window) -> None:
        self.ids = ids
        self.window = window
        self._since = np.full(len(ids.machine) + 1, FAR_US)  # NOWHERE is the last
        self._since[list(window.from_us)] = list(window.from_us.values())

    def much(self) -> bool:
        """Whether it may be worth a second connection."""
        return sum(self.window.to_us - since for since in self.window.from_us.values()) >= _MUCH_US

    def query(self, table: str, columns: Sequence[str], where: str, record: str, half: int | None) -> sql.Composed:
        """Rows of one table, of one half of the pairs of records or all.

        What is no machine of the plant is told apart by us where all are asked for: comparing ids costs the server a
        tenth.
        """
        window = self.window
        some = " and machine_id = any ({machines}::bigint[])" if len(window.from_us) < len(self.ids.machine) else ""
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
        return sql.SQL(f"select {{names}} from stanok.{{table}} where {where}{some}{records}").format(
            names=sql.SQL(", ").join(map(sql.Identifier, columns)),
            table=sql.Identifier(table),
            machines=sql.Literal(self.ids.machine[list(window.from_us)].tolist()),
            seeds=sql.Literal(FIRST_VALUES),
            **{name: sql.Literal(datetime_from_us(us)) for name, us in instants.items()},
        )

    def of(self, part: _Part) -> _Part:
        """The samples of a part that are of this plant and inside the window."""
        first, received = self._since[part["machine"]], part["received_us"]
        told = part["flags"] & FIRST_VALUES != 0
        told &= (received >= self.window.told_from_us) & (received < self.window.told_to_us) & (first < FAR_US)
        wanted = (part["event_us"] >= first) | told
        wanted &= (part["event_us"] < self.window.to_us) & (part["signal"] >= 0)
        return part if wanted.all() else {name: values[wanted] for name, values in part.items()}


def _stored(connection: Connection, wanted: _Wanted) -> tuple[list[_Part], tuple[str, ...]]:
    """All parts, and the texts that they index. Where there is much, two connections read half of it each."""
    nothing = {name: np.empty(0, kind) for name, kind in _KINDS.items()}
    if not wanted.window.from_us:
        return [nothing], ()
    second = _second(connection) if wanted.much() else None
    if second is None:
        parts, texts = _read(connection, wanted, None)
        return [nothing, *parts], texts
    with second, ThreadPoolExecutor(1) as beside:
        others = beside.submit(_read, second, wanted, 1)
        parts, texts = _read(connection, wanted, 0)
        more, more_texts = others.result()
    for part in more:
        part["text"][part["text"] >= 0] += len(texts)
    return [nothing, *parts, *more], (*texts, *more_texts)


def _second(connection: Connection) -> Connection | None:
    """A connection beside ours, if it is to be had."""
    try:
        return another(connection)
    except DatabaseError as error:
        log.info("samples are read through one connection: %s", error)
        return None


def _read(connection: Connection, wanted: _Wanted, half: int | None) -> tuple[list[_Part], tuple[str, ...]]:
    texts: dict[str, int] = {}
    parts = [
        part
        for table in ("sample_event", "sample_gauge")
        for part in _rows(connection, wanted.query(table, [*ROW, "text"], *_IN_ROWS, half), wanted.ids, texts)
    ]
    parts += _blocks(connection, wanted.query(blocks.TABLE, blocks.COLUMNS, *_IN_BLOCKS, half), wanted.ids)
    return [wanted.of(part) for part in parts], tuple(texts)


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
"""Which rows of the database to read, and a record of each. A block begins in the hour of all its samples."""


def _rows(connection: Connection, query: sql.Composed, ids: Positions, texts: dict[str, int]) -> Iterator[_Part]:
    """Single rows; new texts are added to those that are known."""
    with copying_out(connection, query):
        for data, ends in pulled(connection):
            rows, worded = with_text(data, ends, ROW)
            part = _part(rows.__getitem__, rows.__getitem__, ids)
            for at, text in worded:
                part["text"][at] = texts.setdefault(text, len(texts))
            yield part


def _blocks(connection: Connection, query: sql.Composed, ids: Positions) -> Iterator[_Part]:
    with copying_out(connection, query):
        for data, ends in pulled(connection):
            shared, counts, held = blocks.decode(data, ends)
            yield _part(shared.__getitem__, held.__getitem__, ids, counts)


def _part(
    shared: Callable[[str], NDArray[Any]],
    held: Callable[[str], NDArray[Any]],
    ids: Positions,
    counts: NDArray[np.int64] | None = None,
) -> _Part:
    """Columns of the database as we count and name them. `counts`: samples that each shared value is of; one each."""
    columns = {name: shared(name) for name in ("source_id", "spool_id", "raw", "quality", "flags")}
    columns["machine"] = find(ids.machine, shared("machine_id"))
    part = {name: values.astype(_KINDS[name]) for name, values in columns.items()}
    if counts is not None:
        part = {name: np.repeat(values, counts) for name, values in part.items()}
    columns = {name: held(name) for name in ("value", "seq", "record", "row")}
    columns["signal"] = find(ids.signal, held("signal_id"))
    part |= {name: values.astype(_KINDS[name], copy=counts is None) for name, values in columns.items()}
    part |= {"event_us": our_time(held("event_time")), "received_us": our_time(held("received_time"))}
    part["text"] = np.full(len(part["value"]), -1, _KINDS["text"])
    return part


def arrival(spool: NDArray[Any], record: NDArray[Any], row: NDArray[Any]) -> NDArray[np.intp]:
    """Positions in the order of spool, record and row. One key says it, and nearly every key is there."""
    if not len(spool):
        return np.empty(0, np.intp)
    key, bits = np.zeros(len(spool), "i8"), 0
    for column in (row, record, spool):
        least, most = int(column.min()), int(column.max())
        if bits + (most - least).bit_length() > _KEY_BITS:
            return np.lexsort((row, record, spool))
        key |= (column.astype("i8") - least) << bits
        bits += (most - least).bit_length()
    places = int(key.max()) + 1
    if places <= _DENSE * len(key):
        at = np.full(places, -1, "i4" if len(key) < 2**31 else "i8")
        at[key] = np.arange(len(key))
        order = at[at >= 0]
        if len(order) == len(key):  # no two had the same
            return order
    return np.argsort(key, kind="stable")
