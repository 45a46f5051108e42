"""Many rows in one statement: columns go as arrays, so that the server parses, plans and answers once.

Invariants: part of the caller's transaction; no rows, no statement. Names of tables and columns are ours, never data.
Statements are made first and sent together (`Statements`): to make them takes as long as the server needs for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from storage.pg.connect import Connection
from storage.pg.wire import Array, Values, array

Where = tuple[Array, Array, Array]
"""Stretches of time as arrays: ids of machines, the start of each, included, and its end, excluded (`stretches`)."""


class Statements:
    """What waits to be sent, in order; none needs the answer of another."""

    def __init__(self) -> None:
        self._waiting: list[tuple[bytes, Sequence[Any] | Mapping[str, Any]]] = []

    def add(self, query: str, parameters: Sequence[Any] | Mapping[str, Any]) -> None:
        """One more."""
        self._waiting.append((query.encode(), parameters))

    def send(self, connection: Connection) -> None:
        """Send all. In a pipeline nothing waits for an answer."""
        for query, parameters in self._waiting:
            connection.execute(query, parameters)
        self._waiting.clear()


def stretches(machines: Values, spans_us: Iterable[tuple[int, int]]) -> Where:
    """From when until when [µs], for each machine (by id)."""
    listed = list(spans_us)
    since, until = [span[0] for span in listed], [span[1] for span in listed]
    return array(machines), array(since, "timestamptz"), array(until, "timestamptz")


def some(where: Where) -> bool:
    """Whether there is any stretch."""
    return where[0].count > 0


def found_in(table: str, time: str, columns: str = "ctid", also: str = "") -> str:
    """A source of rows of a table inside stretches (three parameters of type Where), with alias `f`.

    `offset 0`: one look into the index a machine, whatever the planner thinks of the size of the table.
    """
    return (
        "unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) w (machine, since, until) cross join lateral"
        f" (select {columns} from stanok.{table} where machine_id = w.machine and {time} >= w.since"
        f" and {time} < w.until{also} offset 0) f"
    )


def delete_in(statements: Statements, table: str, where: Where, time: str = "from_time", also: str = "") -> None:
    """Delete the rows of a table whose `time` lies in the stretches, and for which a further condition holds."""
    if some(where):
        rows = found_in(table, time, also=also)
        statements.add(f"delete from stanok.{table} where ctid = any (array(select f.ctid from {rows}))", where)


def insert(
    statements: Statements,
    table: str,
    types: Mapping[str, str],
    columns: Mapping[str, Values],
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
    statements.add(query, [_sent(columns[name], kind) for name, kind in types.items()])


def _sent(column: Values, kind: str) -> object:
    """How a column of a type is sent; texts as psycopg does it."""
    return list(column) if kind == "text" else array(column, kind)
