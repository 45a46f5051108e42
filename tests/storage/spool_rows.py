"""Small spool rows for the tests, and what a fresh reader finds of them."""

from __future__ import annotations

import random
from pathlib import Path

from core.samples.records import RowKind, SpoolRow, StoredRow
from storage.spool_read import SpoolReader

EVERYTHING = 1 << 40


def row(text: str, received_us: int = 0, kind: RowKind = RowKind.SAMPLES, source: str = "s") -> SpoolRow:
    return SpoolRow(kind, source, b"plant", received_us, text.encode())


def noise(size: int, kind: RowKind = RowKind.SAMPLES) -> SpoolRow:
    """A row that does not get smaller by compression."""
    return SpoolRow(kind, "s", b"plant", 0, random.Random(size).randbytes(size))


def stored(path: Path, after: int = 0) -> list[StoredRow]:
    """All rows behind `after`, through a read-only connection of its own."""
    with SpoolReader(path) as reader:
        return reader.read(after, EVERYTHING)


def present(rows: list[StoredRow]) -> list[StoredRow]:
    """Without what stands for a hole or for damage."""
    return [found for found in rows if found.kind is not RowKind.QUARANTINE]


def texts(path: Path) -> list[str]:
    return [found.payload.decode() for found in stored(path)]
