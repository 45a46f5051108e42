"""Rows of a binary COPY from libpq into one piece of memory, by a compiled loop that calls libpq.

Through Python a row costs twice what the server spends on it, however narrow it is.
Invariants: the connection is in COPY OUT meanwhile. Where libpq is not found in this process the same rows come through
Python.
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

_ROWS, _BYTES = 4_096, 1_500_000
"""At a time at most: what a core keeps close, in so few pieces that what Python does for each does not count."""
_NO_ROW = 2
"""Bytes of the trailer; rows are longer."""
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
    functions: NDArray[np.int64],
    connection: int,
    data: NDArray[np.uint8],
    ends: NDArray[np.int64],
    at: int,
    odd: NDArray[np.int64],
) -> int:
    """Copy rows behind each other, from number `at` on; the number reached.

    Where there was room for more, `odd` is the address and length of what did not fit or is no row, or a code of
    PQgetCopyData.
    """
    get, free, copy = functions[0], functions[1], functions[2]
    end = ends[at - 1] if at else 0
    while at < len(ends):
        length = np.int64(np.int32(_call(get, connection, odd.ctypes.data, 0)))
        if length <= _NO_ROW or end + length > len(data):
            odd[1] = length
            return at
        _call(copy, data.ctypes.data + end, odd[0], length)
        _call(free, odd[0], 0, 0)
        end += length
        ends[at] = end
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
    connection: Connection, *, through_python: bool = False
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """The rows to the end of the COPY, some at a time: their bytes behind each other, and where each ends.

    The memory is that of the next ones, too.
    """
    functions = None if through_python else _functions()
    data, ends = np.empty(_BYTES, "u1"), np.empty(_ROWS, "i8")
    at, row = 0, _next_row(connection)
    row = None if row is None else row[len(HEADER) :]  # it comes with the first row, or with the trailer
    while row is not None and row != TRAILER:
        end = int(ends[at - 1]) if at else 0
        if at == _ROWS or end + len(row) > len(data):
            yield data[:end], ends[:at]
            at = end = 0
            data = data if len(row) <= len(data) else np.empty(len(row), "u1")
        data[end : end + len(row)] = np.frombuffer(row, "u1")
        ends[at] = end + len(row)
        at += 1
        if functions is not None:
            at, row = _fill(functions, connection, data, ends, at)
        if functions is None or (row is None and at == _ROWS):
            row = _next_row(connection)
    if row is not None and (left := _next_row(connection)) is not None:
        raise BrokenPromise(f"{len(left)} bytes of COPY after its end")
    yield data[: int(ends[at - 1]) if at else 0], ends[:at]


def _next_row(connection: Connection) -> bytes | None:
    """Through Python; None after the last one."""
    length, row = connection.pgconn.get_copy_data(0)
    return bytes(row) if length > 0 else None


def _fill(
    functions: NDArray[np.int64], connection: Connection, data: NDArray[np.uint8], ends: NDArray[np.int64], at: int
) -> tuple[int, bytes | None]:
    """Take rows while there is room; the number reached, and what came next if something did."""
    odd = np.zeros(2, "i8")
    libpq: Any = connection.pgconn  # psycopg.abc does not name the pointer, its documentation does
    at = _pull(functions, libpq.pgconn_ptr, data, ends, at, odd)
    if at == len(ends) or odd[1] == _ENDED:
        return at, None
    if odd[1] < 0:
        raise psycopg.OperationalError(connection.pgconn.error_message.decode(errors="replace"))
    row = ctypes.string_at(int(odd[0]), int(odd[1]))
    _free(functions, int(odd[0]))
    return at, row


def with_text(
    data: NDArray[np.uint8], ends: NDArray[np.int64], kinds: Mapping[str, str]
) -> tuple[NDArray[np.void], list[tuple[int, str]]]:
    """Rows of columns that are never NULL, of these kinds, and of one text, which may be; and the texts of those that
    have one, by their number. A row that is not so is a BrokenPromise."""
    kind = rows_type(kinds, text=True)
    starts = np.append(0, ends[:-1])
    length = ends - starts
    if (length < kind.itemsize).any():
        raise BrokenPromise(f"a row of COPY has {length.min()} bytes, not {kind.itemsize}; is there a NULL?")
    if (length == kind.itemsize).all():
        rows = data.view(kind)
    else:
        rows = data[starts[:, None] + np.arange(kind.itemsize)].view(kind)[:, 0]
    texts = [
        (at, data[starts[at] + kind.itemsize : ends[at]].tobytes().decode())
        for at in np.flatnonzero(rows["text:"] >= 0).tolist()
    ]
    if not (length == kind.itemsize + np.maximum(rows["text:"], 0)).all():
        raise BrokenPromise(f"rows of COPY are not {kind.itemsize} bytes and a text; is there a NULL?")
    return rows, texts
