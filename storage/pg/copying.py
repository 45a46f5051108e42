"""numpy columns <-> PostgreSQL's binary COPY, without a Python object per value.

A row of fixed columns always has the same bytes around its values, so a whole table is one structured array.
Invariants: values are big-endian; times are int64 µs since 2000-01-01; only a last text column may be NULL.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from psycopg import sql
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from core.errors import BrokenPromise
from storage.pg.connect import Connection
from storage.pg.wire import EPOCH_US

HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)
_NULL = struct.pack(">i", -1)
_PIECE = 1024
"""Rows encoded at a time: 143 kB of raw samples, what a socket takes at once."""


Columns = Mapping[str, NDArray[np.generic]]


def pg_time(us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Instants of ours as PostgreSQL counts them."""
    return us - EPOCH_US


def our_time(pg_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Instants of PostgreSQL as we count them."""
    return pg_us.astype(np.int64) + EPOCH_US


def clean(text: str) -> str:
    """Text that PostgreSQL takes: NUL becomes U+FFFD, lone surrogates become question marks."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def rows_type(kinds: Mapping[str, str], text: bool = False) -> np.dtype[np.void]:
    """One row of a binary COPY as it lies in memory: number of fields, then length and value of each."""
    fields = [("fields", ">i2")]
    for name, kind in kinds.items():
        fields += [(f"{name}:", ">i4"), (name, kind)]
    return np.dtype(fields + ([("text:", ">i4")] if text else []))


def encode(
    columns: Columns, texts: Sequence[str] = (), text: NDArray[np.int32] | None = None
) -> Iterator[bytes | memoryview]:
    """A whole binary COPY of the columns, nothing for no rows; `text` adds a last column: index into `texts`, -1 NULL.

    It comes in pieces, each to be sent before the next is asked for: they lie in the same memory, because new memory
    costs several times what it costs to fill it, and the server reads one while the next is made.
    """
    count = len(next(iter(columns.values())))
    if not count:
        return
    rows = _blank(columns, text is not None)
    bare, width = rows.view(f"V{rows.itemsize}").data.cast("B"), rows.itemsize
    fields = [_field(value) for value in texts]
    indices: Sequence[int] = [] if text is None else text.tolist()
    for at in range(0, count, _PIECE):
        length = min(_PIECE, count - at)
        for name, values in columns.items():
            rows[name][:length] = values[at : at + length]
        parts: list[bytes | memoryview] = [HEADER] if at == 0 else []
        end = 0
        for row in [] if text is None else np.flatnonzero(text[at : at + length] >= 0).tolist():
            parts += bare[end : (row + 1) * width - len(_NULL)], fields[indices[at + row]]
            end = (row + 1) * width
        parts += [bare[end : length * width]] if at + length < count else [bare[end : length * width], TRAILER]
        yield parts[0] if len(parts) == 1 else b"".join(parts)


def _blank(columns: Columns, text: bool) -> NDArray[np.void]:
    """A piece of rows without their values; what stands around them is the same in all. The text is NULL."""
    kinds = {name: values.dtype.newbyteorder(">").str for name, values in columns.items()}
    rows = np.empty(min(_PIECE, len(next(iter(columns.values())))), rows_type(kinds, text))
    rows["fields"] = len(columns) + text
    for name, values in columns.items():
        rows[f"{name}:"] = values.itemsize
    if text:
        rows["text:"] = -1
    return rows


def _field(text: str) -> bytes:
    data = clean(text).encode()
    return struct.pack(">i", len(data)) + data


@lru_cache
def _copy_into(table: str, columns: tuple[str, ...]) -> bytes:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    into = sql.SQL("copy {} ({}) from stdin (format binary)").format(sql.Identifier("stanok", table), names)
    return into.as_string().encode()


def copy_in(
    connection: Connection,
    table: str,
    columns: Columns,
    texts: Sequence[str] = (),
    text: NDArray[np.int32] | None = None,
) -> None:
    """COPY columns into a table of schema `stanok` whose columns have these names; does nothing for no rows."""
    names = (*columns, *(() if text is None else ("text",)))
    with copying_in(connection, table, names, encode(columns, texts, text)):
        pass


@contextmanager
def copying_in(
    connection: Connection, table: str, names: Sequence[str], pieces: Iterable[bytes | memoryview]
) -> Iterator[None]:
    """A binary COPY whose rows are on their way when the block begins and stored when it ends; nothing for no pieces.

    The server needs several times as long for them as we need to send them, so the block has time for work of its own;
    the connection is not free meanwhile.
    """
    sent = iter(pieces)
    first = next(sent, None)
    if first is None:
        yield
        return
    with connection.cursor().copy(_copy_into(table, tuple(names))) as copy:
        copy.write(first)
        for piece in sent:
            copy.write(piece)
        yield


@contextmanager
def copying_out(connection: Connection, query: sql.Composed) -> Iterator[None]:
    """The rows of a query come as a binary COPY; whoever does not take all of them has lost the connection."""
    started = connection.pgconn.exec_(sql.SQL("copy ({}) to stdout (format binary)").format(query).as_bytes(connection))
    if started.status != ExecStatus.COPY_OUT:
        raise error_from_result(started)
    try:
        yield
        while (ended := connection.pgconn.get_result()) is not None:
            if ended.status != ExecStatus.COMMAND_OK:
                raise error_from_result(ended)
    except BaseException:
        connection.close()
        raise


def copy_out(connection: Connection, query: sql.Composed, kinds: Mapping[str, str]) -> NDArray[np.void]:
    """The rows of a query whose columns are never NULL and have the given big-endian kinds, in that order."""
    body, receive = bytearray(), connection.pgconn.get_copy_data
    with copying_out(connection, query):
        while (found := receive(0))[0] > 0:
            body += found[1]  # at once: to keep a million small buffers costs five times as much
    return _decode(body, rows_type(kinds))


def _decode(body: bytearray, row: np.dtype[np.void]) -> NDArray[np.void]:
    count, rest = divmod(len(body) - len(HEADER) - len(TRAILER), row.itemsize)
    if rest:
        raise BrokenPromise(f"{len(body)} bytes of COPY are not rows of {row.itemsize} bytes; is there a NULL?")
    return np.frombuffer(body, row, count, len(HEADER))
