"""How full a spool is and how fast it fills, read beside its writer without disturbing it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from core.errors import SpoolError
from storage.spool_file import beside, identify, read_ack

RECENT_ROWS = 2000
"""Rows that the rate is measured over: some minutes of a busy plant, hours of a quiet one."""
ROW_BYTES = 200
"""What a row takes besides its payload: the other columns, the page's share, half an index entry."""


@dataclass(frozen=True)
class Survey:
    """One spool. `bytes_per_hour` is None while too little was written to tell."""

    path: Path
    size_bytes: int
    end: int
    acknowledged: int
    bytes_per_hour: float | None


def survey(path: Path) -> Survey:
    """Look at a spool; SpoolError if it cannot be read."""
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
    except sqlite3.Error as error:
        raise SpoolError(f"{path} cannot be read: {error}") from error
    try:
        spool_id = identify(connection, path)
        size, first, last, end = connection.execute(
            "SELECT sum(length(payload) + ?), min(received_us), max(received_us), max(record) FROM"
            " (SELECT record, payload, received_us FROM spool_row ORDER BY record DESC LIMIT ?)",
            [ROW_BYTES, RECENT_ROWS],
        ).fetchone()
    except sqlite3.Error as error:
        raise SpoolError(f"{path} cannot be read: {error}") from error
    finally:
        connection.close()
    files = sum(part.stat().st_size for part in (path, beside(path, "-wal")) if part.exists())
    rate = size / ((last - first) / 3.6e9) if size and last - first > 60_000_000 else None
    return Survey(path, files, end or 0, read_ack(path, spool_id), rate)
