"""Many rows in one statement: columns go as arrays, so that the server parses, plans and answers once.

Invariants: part of the caller's transaction; no rows, no statement. Names of tables and columns are ours, never data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.pg.connect import Connection

Where = tuple[str, str, str]
"""Stretches of time as arrays: ids of machines, the start of each, included, and its end, excluded (`stretches`)."""

_NOWHERE = "{}"
_NEVER = -1


def array(values: Iterable[object] | NDArray[np.generic]) -> str:
    """Numbers and truth values as PostgreSQL writes an array of them.

    A tenth of the time that psycopg takes for a list, because nothing in these can need a quotation mark.
    """
    plain: Iterable[object] = values.tolist() if isinstance(values, np.ndarray) else values
    return "{" + ",".join(map(str, plain)) + "}"


def instants(us: Sequence[int] | NDArray[np.generic]) -> str:
    """The same for instants in µs; -1 is NULL. The session's zone is UTC."""
    found = np.array(us, np.int64)
    words: list[str] = np.datetime_as_string(found.astype("M8[us]")).tolist()
    for at in np.flatnonzero(found == _NEVER):
        words[at] = "NULL"
    return "{" + ",".join(words) + "}"


def stretches(machines: Sequence[int], spans_us: Iterable[tuple[int, int]]) -> Where:
    """From when until when [µs], for each machine (by id)."""
    listed = list(spans_us)
    return array(machines), instants([since for since, _ in listed]), instants([until for _, until in listed])


def some(where: Where) -> bool:
    """Whether there is any stretch."""
    return where[0] != _NOWHERE


def found_in(table: str, time: str, columns: str = "ctid", also: str = "") -> str:
    """A source of rows of a table inside stretches (three parameters of type Where), with alias `f`.

    `offset 0`: one look into the index a machine, whatever the planner thinks of the size of the table.
    """
    return (
        "unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) w (machine, since, until) cross join lateral"
        f" (select {columns} from stanok.{table} where machine_id = w.machine and {time} >= w.since"
        f" and {time} < w.until{also} offset 0) f"
    )


def delete_in(connection: Connection, table: str, where: Where, time: str = "from_time", also: str = "") -> None:
    """Delete the rows of a table whose `time` lies in the stretches, and for which a further condition holds."""
    if some(where):
        rows = found_in(table, time, also=also)
        query = f"delete from stanok.{table} where ctid = any (array(select f.ctid from {rows}))"
        connection.execute(query.encode(), where)


def insert(
    connection: Connection,
    table: str,
    types: Mapping[str, str],
    columns: Mapping[str, Sequence[Any] | NDArray[np.generic]],
    key: Sequence[str] = (),
) -> None:
    """Insert rows given as columns, instants in µs (-1 for NULL); with `key`, rows that are there already change."""
    if not len(columns[next(iter(types))]):
        return
    names = ", ".join(types)
    arrays = ", ".join(f"%s::{kind}[]" for kind in types.values())
    changed = ", ".join(f"{name} = excluded.{name}" for name in types if name not in key)
    conflict = f" on conflict ({', '.join(key)}) do update set {changed}" if key else ""
    query = f"insert into stanok.{table} ({names}) select * from unnest({arrays}){conflict}"
    connection.execute(query.encode(), [_sent(columns[name], kind) for name, kind in types.items()])


def _sent(column: Sequence[Any] | NDArray[np.generic], kind: str) -> object:
    """How a column of a type is sent; texts as psycopg does it."""
    if kind == "text":
        return list(column)
    return instants(column) if kind == "timestamptz" else array(column)
