"""Rows of a binary COPY from libpq straight into columns, by a compiled loop that calls libpq.

Through Python a row costs twice what the server spends on it, however narrow it is.
Invariants: the fields of a row are never NULL and of fixed width, then comes one text, which may be NULL; the
connection is in COPY OUT meanwhile. Where libpq is not found in this process the same rows come through Python.
"""

from __future__ import annotations

import ctypes
import logging
import struct
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from core.engine.jit import compiled
from core.errors import BrokenPromise
from storage.pg.connect import Connection
from storage.pg.copying import HEADER, TRAILER, rows_type

log = logging.getLogger(__name__)

BLOCK = 4_096
"""Rows at a time: half a megabyte, as much as waits in a socket, so that the server goes on meanwhile."""
_ENDED = -1
"""What PQgetCopyData returns after the last row."""
_MAPS = Path("/proc/self/maps")


@intrinsic
def _c_call(_typing: Any, _address: Any, _one: Any, _two: Any, _three: Any) -> Any:
    """Call the C function at an address with three words; the word that it returns."""

    def code(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        word = ir.IntType(64)
        function = builder.inttoptr(given[0], ir.FunctionType(word, [word] * 3).as_pointer())
        return builder.call(function, given[1:])

    return types.int64(types.int64, types.int64, types.int64, types.int64), code


_call: Any = _c_call  # what stands in its place takes no typing context


@compiled
def _pull(
    functions: NDArray[np.int64], connection: int, first: int, width: int, at: int, end: int, odd: NDArray[np.int64]
) -> int:
    """Copy rows of so many bytes to `first` + width × number, from row `at` on; the number reached.

    Where that is not `end`, the next is no such row: `odd` is its address and length, or a code of PQgetCopyData.
    """
    get, free, copy = functions[0], functions[1], functions[2]
    while at < end:
        length = np.int64(np.int32(_call(get, connection, odd.ctypes.data, 0)))
        if length != width:
            odd[1] = length
            return at
        _call(copy, first + at * width, odd[0], width)
        _call(free, odd[0], 0, 0)
        at += 1
    return at


@compiled
def _free(functions: NDArray[np.int64], address: int) -> None:
    _call(functions[1], address, 0, 0)


@cache
def _functions() -> NDArray[np.int64] | None:
    """Addresses of PQgetCopyData, PQfreemem and memcpy in the libpq that psycopg loaded; None if not found."""
    try:
        lines = _MAPS.read_text().splitlines()
    except OSError:
        lines = []
    found = {path for path in (line.split(maxsplit=5)[-1] for line in lines) if Path(path).name.startswith("libpq")}
    if len(found) != 1 or struct.calcsize("P") != 8:
        log.info("libpq is not found among what this process has loaded; reading goes through Python")
        return None
    libpq = ctypes.CDLL(found.pop())
    called = libpq.PQgetCopyData, libpq.PQfreemem, ctypes.CDLL(None).memcpy
    return np.array([ctypes.cast(function, ctypes.c_void_p).value for function in called], "i8")


def pulled(
    connection: Connection, kinds: Mapping[str, str], *, through_python: bool = False
) -> Iterator[tuple[NDArray[np.void], list[tuple[int, str]]]]:
    """Blocks of rows to the end of the COPY, and the texts of those that have one, by their number in the block.

    The memory of a block is that of the next one, too. A row that is not as the module says is a BrokenPromise.
    """
    functions = None if through_python else _functions()
    rows = np.empty(BLOCK, rows_type(kinds, text=True))
    texts: list[tuple[int, str]] = []
    at, head = 0, len(HEADER)  # which comes with the first row, or with the trailer
    while True:
        if functions is None:
            row = _next_row(connection)
        else:
            at, row = _fill(functions, connection, rows, at)
        if row is None and at < BLOCK:
            break
        if row is not None and (row := row[head:]) != TRAILER:
            texts += _take(rows, at, row)
            at += 1
        head = 0
        if at == BLOCK:
            yield rows, texts + _empty(rows)
            at, texts = 0, []
    yield rows[:at], texts + _empty(rows[:at])


def _next_row(connection: Connection) -> bytes | None:
    """Through Python; None after the last one."""
    length, row = connection.pgconn.get_copy_data(0)
    return bytes(row) if length > 0 else None


def _fill(
    functions: NDArray[np.int64], connection: Connection, rows: NDArray[np.void], at: int
) -> tuple[int, bytes | None]:
    """Fill the block; the number of the row reached, and what came instead of a row without a text."""
    odd = np.zeros(2, "i8")
    libpq: Any = connection.pgconn  # psycopg.abc does not name the pointer, its documentation does
    at = _pull(functions, libpq.pgconn_ptr, rows.ctypes.data, rows.itemsize, at, len(rows), odd)
    if at == len(rows) or odd[1] == _ENDED:
        return at, None
    if odd[1] < 0:
        raise psycopg.OperationalError(connection.pgconn.error_message.decode(errors="replace"))
    row = ctypes.string_at(int(odd[0]), int(odd[1]))
    _free(functions, int(odd[0]))
    return at, row


def _take(rows: NDArray[np.void], at: int, row: bytes) -> list[tuple[int, str]]:
    """Put in a row that has a text or came through Python; the text."""
    whole = len(row) >= rows.itemsize
    if whole:
        rows[at : at + 1] = np.frombuffer(row, rows.dtype, 1)
    length = int(rows["text:"][at])
    if not whole or len(row) != rows.itemsize + max(length, 0):
        raise BrokenPromise(f"a row of COPY has {len(row)} bytes, not {rows.itemsize}; is there a NULL?")
    return [(at, row[rows.itemsize :].decode())] if length > 0 else []


def _empty(rows: NDArray[np.void]) -> list[tuple[int, str]]:
    """Texts without a character, in rows as wide as those without a text."""
    return [(at, "") for at in np.flatnonzero(rows["text:"] == 0).tolist()]
