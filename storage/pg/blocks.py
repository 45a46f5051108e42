"""Samples of gauges as blocks: a row of `sample_block` has some samples of one machine, what differs in them as arrays.

A server spends on a row as much as on ten values: blocks are written with their indexes half again as fast as rows
without any, and read three times as fast (`stanok bench storage`).
Invariants: the samples of a block came from one source through one spool, happened within one hour [UTC] and arrived
within one, and share `raw`, `quality` and `flags`; they stand in the order of their arrival, SIZE at most. Its
`event_time` and `received_time` are the least of them. A text has no place in a block. Values on the wire are
big-endian, never NULL; instants are PostgreSQL's [µs since 2000-01-01].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engine.jit import compiled
from core.errors import BrokenPromise
from core.units import HOUR_US
from storage.pg.copying import HEADER, TRAILER

TABLE = "sample_block"
SIZE = 32
"""Samples of a block at most: above it nothing is gained, and 8 kB, a page of the database, hold 90."""
SHARED = {
    "event_time": 8,
    "machine_id": 8,
    "source_id": 8,
    "raw": 4,
    "quality": 2,
    "flags": 4,
    "spool_id": 4,
    "received_time": 8,
}
"""Columns with one value a block, and the bytes of each."""
HELD = {
    "event_times": ("event_time", 8, 1184),
    "signal_ids": ("signal_id", 8, 20),
    "values": ("value", 8, 701),
    "seqs": ("seq", 8, 20),
    "records": ("record", 8, 20),
    "rows": ("row", 4, 23),
    "received_times": ("received_time", 8, 1184),
}
"""Arrays: what each holds of a sample, the bytes of one value and its type's number in pg_type. The first is as long as
the block; another of one value says that all are alike in it."""
COLUMNS = (*SHARED, *HELD)
_KEYS = ("source_id", "spool_id", "raw", "quality", "flags")
_SHARED_WIDTHS = np.array(list(SHARED.values()))
_HELD_WIDTHS = np.array([width for _, width, _ in HELD.values()])
_TYPES = np.array([kind for *_, kind in HELD.values()])
_LENGTH = 4
"""Bytes before each field and each value of an array that say how long it is."""
_ARRAY = 20
"""Bytes of an array before its values: dimensions, whether any is NULL, type, length, number of the first."""
_BLOCK_BYTES = 2 + int((_SHARED_WIDTHS + _LENGTH).sum()) + len(HELD) * (_LENGTH + _ARRAY)
"""Of a block without any sample."""
_SAMPLE_BYTES = int((_HELD_WIDTHS + _LENGTH).sum())
_FIRST_LENGTH = 2 + int((_SHARED_WIDTHS + _LENGTH).sum()) + 16
"""Where a block says how many samples it has: the length of its first array."""
_PIECE = 64
"""Blocks encoded at a time: 180 kB at most, what a socket takes at once."""

Columns = Mapping[str, NDArray[Any]]


def cut(columns: Columns, machine: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The order in which samples lie in their blocks, machine by machine, and where each block begins in it, with the
    number of samples at the end. `columns`: those of `sample_gauge`, in the order of arrival; `machine`: positions."""
    count = len(machine)
    few = machine.astype("u2") if machine.max(initial=0) < 1 << 16 else machine  # which sort in a tenth of the time
    hours = [columns[name] // HOUR_US for name in ("event_time", "received_time")]
    keys = [key for key in (*(columns[name] for name in _KEYS), *hours) if (key != key[:1]).any()]
    order = np.argsort(few, kind="stable")
    changes = _changes(few[order])
    varying = [key for key in keys if (_changes(key[order]) & ~changes).any()]
    if varying:
        order = np.lexsort((*varying, few))
        changes = np.logical_or.reduce([_changes(key[order]) for key in (few, *varying)])
    first = np.append(np.zeros(min(count, 1), np.intp), np.flatnonzero(changes) + 1)
    length = np.diff(first, append=count)
    pieces = -(-length // SIZE)
    run = np.repeat(np.arange(len(first)), pieces)
    piece = np.arange(len(run)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return order, np.append(first[run] + piece * length[run] // pieces[run], count)


def _changes(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each but the first differs from the one before."""
    return np.asarray(values[1:] != values[:-1])


def encode(columns: Columns, machine: NDArray[np.int32]) -> Iterator[memoryview | bytes]:
    """A whole binary COPY of samples as blocks (COLUMNS), in pieces that lie in the same memory (`copying.encode`);
    arguments as of `cut`, nothing for no samples."""
    if len(machine) == 0:
        return
    order, starts = cut(columns, machine)
    shared = np.array([_of_blocks(name, columns[name], order, starts) for name in SHARED], "i8")
    held = np.empty((len(HELD), len(order)), "i8")
    for into, (name, *_) in zip(held, HELD.values(), strict=True):
        into[:] = (columns[name].view("i8") if name == "value" else columns[name])[order]
    blocks = len(starts) - 1
    buffer = np.empty(min(_PIECE, blocks) * (_BLOCK_BYTES + SIZE * _SAMPLE_BYTES), "u1")
    yield HEADER
    for first in range(0, blocks, _PIECE):
        last = min(first + _PIECE, blocks)
        length = _encode(shared, held, starts, first, last, buffer, _SHARED_WIDTHS, _HELD_WIDTHS, _TYPES)
        yield buffer.data[:length]
    yield TRAILER


def _of_blocks(name: str, values: NDArray[Any], order: NDArray[np.intp], starts: NDArray[np.intp]) -> NDArray[Any]:
    if name.endswith("_time"):
        return np.minimum.reduceat(values[order], starts[:-1])
    return values[order[starts[:-1]]]


@compiled
def _put(out: NDArray[np.uint8], at: int, value: int, width: int) -> int:
    for place in range(width):
        out[at + place] = (value >> (8 * (width - 1 - place))) & 0xFF
    return at + width


@compiled
def _put_8(out: NDArray[np.uint8], at: int, value: int) -> int:
    """As `_put`; the compiler makes one store of it."""
    for place in range(8):
        out[at + place] = (value >> (56 - 8 * place)) & 0xFF
    return at + 8


@compiled
def _encode(
    shared: NDArray[np.int64],
    held: NDArray[np.int64],
    starts: NDArray[np.int64],
    first: int,
    last: int,
    out: NDArray[np.uint8],
    shared_widths: NDArray[np.int64],
    held_widths: NDArray[np.int64],
    types: NDArray[np.int64],
) -> int:
    """Write some blocks; the bytes written."""
    at = 0
    for block in range(first, last):
        begin, end = starts[block], starts[block + 1]
        at = _put(out, at, len(shared_widths) + len(held_widths), 2)
        for field in range(len(shared_widths)):
            at = _put(out, at, shared_widths[field], 4)
            at = _put(out, at, shared[field, block], shared_widths[field])
        for field in range(len(held_widths)):
            width, stop = held_widths[field], end
            if field:
                stop = begin + 1
                while stop < end and held[field, stop] == held[field, begin]:
                    stop += 1
                stop = begin + 1 if stop == end else end
            at = _put(out, at, 20 + (stop - begin) * (4 + width), 4)
            at = _put_8(out, at, 1 << 32)
            at = _put(out, at, types[field], 4)
            at = _put(out, at, stop - begin, 4)
            at = _put(out, at, 1, 4)
            for sample in range(begin, stop):
                at = _put(out, at, width, 4)
                value = held[field, sample]
                at = _put_8(out, at, value) if width == 8 else _put(out, at, value, width)
    return at


def decode(
    data: NDArray[np.uint8], ends: NDArray[np.int64]
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64], dict[str, NDArray[Any]]]:
    """From rows of a binary COPY of blocks (COLUMNS) and where each ends: what the samples of each block share, how
    many they are, and what each sample has for itself; by the names of columns of `sample_gauge`."""
    counts = np.empty(len(ends), "i8")
    count = _count(data, ends, counts)
    shared, held = np.empty((len(SHARED), len(ends)), "i8"), np.empty((len(HELD), max(count, 0)), "i8")
    if count < 0 or not _decode(data, ends, counts, shared, held, _SHARED_WIDTHS, _HELD_WIDTHS):
        raise BrokenPromise(f"{len(ends)} rows of COPY are not blocks of samples; is there a NULL?")
    own = {name: values for (name, *_), values in zip(HELD.values(), held, strict=True)}
    own["value"] = own["value"].view("f8")
    return dict(zip(SHARED, shared, strict=True)), counts, own


@compiled
def _get(data: NDArray[np.uint8], at: int, width: int) -> np.int64:
    """A signed big-endian number."""
    value = np.int64(data[at])
    value -= (value & 0x80) << 1
    for place in range(1, width):
        value = (value << 8) | np.int64(data[at + place])
    return value


@compiled
def _get_8(data: NDArray[np.uint8], at: int) -> np.int64:
    """As `_get`; the compiler makes one load of it."""
    value = np.int64(0)
    for place in range(8):
        value |= np.int64(data[at + place]) << (56 - 8 * place)
    return value


@compiled
def _count(data: NDArray[np.uint8], ends: NDArray[np.int64], counts: NDArray[np.int64]) -> int:
    """Samples of each block and of all; -1 if one is too short to be a block."""
    at, count = 0, 0
    for block in range(len(ends)):
        if ends[block] - at < _BLOCK_BYTES:
            return -1
        counts[block] = _get(data, at + _FIRST_LENGTH, 4)
        if counts[block] < 0:
            return -1
        count += counts[block]
        at = ends[block]
    return count


@compiled
def _decode(
    data: NDArray[np.uint8],
    ends: NDArray[np.int64],
    counts: NDArray[np.int64],
    shared: NDArray[np.int64],
    held: NDArray[np.int64],
    shared_widths: NDArray[np.int64],
    held_widths: NDArray[np.int64],
) -> bool:
    """Fill the columns; False at a row that is no block."""
    at, begin = 0, 0
    for block in range(len(ends)):
        count = counts[block]
        at += 2
        for field in range(len(shared_widths)):
            width = shared_widths[field]
            if _get(data, at, 4) != width:
                return False
            shared[field, block] = _get(data, at + 4, width)
            at += 4 + width
        for field in range(len(held_widths)):
            width, length = held_widths[field], _get(data, at + 16, 4)
            if (length != count and length != 1) or _get(data, at, 4) != 20 + length * (4 + width):
                return False
            if _get_8(data, at + 4) != 1 << 32 or at + 24 + length * (4 + width) > ends[block]:
                return False
            at += 24
            if width == 8:
                for number in range(length):
                    held[field, begin + number] = _get_8(data, at + 12 * number + 4)
            else:
                for number in range(length):
                    held[field, begin + number] = _get(data, at + (4 + width) * number + 4, width)
            at += length * (4 + width)
            for number in range(length, count):
                held[field, begin + number] = held[field, begin]
        begin += count
        if at != ends[block]:
            return False
    return True
