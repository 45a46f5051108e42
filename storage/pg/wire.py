"""Columns as arrays of a statement, in PostgreSQL's binary form: no value of them becomes text or a Python object.

Invariants: values are big-endian and of one width; only instants may be NULL; the statement says the type by a cast.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

EPOCH_US = 946_684_800_000_000
"""2000-01-01T00:00:00Z in µs since 1970: where PostgreSQL counts from."""

Values = Sequence[object] | NDArray[np.generic]

_KINDS = {
    "bigint": (20, ">i8"),
    "timestamptz": (1184, ">i8"),
    "smallint": (21, ">i2"),
    "boolean": (16, "?"),
    "float8": (701, ">f8"),
}
"""Of each type its number in pg_type and how a value lies in memory."""
_NEVER = -1
_LENGTH = 4
"""Bytes before each value that say how many follow; -1 for NULL, which nothing follows."""


@dataclass(frozen=True)
class Array:
    """A parameter that psycopg sends as it is."""

    data: bytes
    count: int


class ArrayDumper(Dumper):
    """For `connection.adapters`; without a type of its own, so that the cast in the statement decides."""

    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        """The bytes of the parameter."""
        return obj.data


def array(values: Values, kind: str = "bigint") -> Array:
    """Numbers or truth values; instants of type `timestamptz` in µs since 1970, -1 for NULL."""
    number, width = _KINDS[kind]
    found = np.asarray(values, "i8" if kind == "timestamptz" else width)
    if not len(found):
        return Array(struct.pack(">iii", 0, 0, number), 0)
    rows = np.empty(len(found), [("length", ">i4"), ("value", width)])
    rows["length"] = rows["value"].itemsize
    rows["value"] = found - EPOCH_US if kind == "timestamptz" else found
    missing = found == _NEVER if kind == "timestamptz" else np.zeros(len(found), bool)
    kept = np.ones((len(rows), rows.itemsize), bool)
    kept[missing, _LENGTH:] = False
    rows["length"][missing] = -1
    head = struct.pack(">iiiii", 1, int(missing.any()), number, len(rows), 1)
    return Array(head + rows.view("u1").reshape(kept.shape)[kept].tobytes(), len(rows))
