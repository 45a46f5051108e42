"""The spool that people write: `operator.spool`, opened by whoever has something to tell, for one transaction.

Invariants:
- An entry is synced when it is seen, and stored whole or not at all, whatever is killed when.
- Who decides from what stands there (is it new? may it be taken back?) decides inside the transaction that writes: two
  people at once come one after the other.
- Nothing is ever trimmed: the file is the history, and a database put back to an older day reads it again.
The rows are those of every spool (storage/spool_file), so the engine reads it like any other.
"""

from __future__ import annotations

import os
import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from core.errors import SpoolError
from core.samples.records import SpoolRow
from storage import spool_file as layout
from storage.spool_read import SpoolReader

OPERATOR_SPOOL = "operator.spool"
WAIT_S = 10.0
"""An entry takes milliseconds; who has not come to its end after this has died with the lock or stands still."""
_LOOK_S = 0.02
_LEVEL = 6
"""Entries are few: the usual level of zlib."""


class EntrySpool:
    """The open transaction: what stands in the file, and what is added to it."""

    def __init__(self, connection: sqlite3.Connection, last: int) -> None:
        self._connection = connection
        self._last = last

    def add(self, row: SpoolRow) -> int:
        """Write a row when the transaction ends; returns the record number that it then has."""
        self._last += 1
        blob = zlib.compress(row.payload, _LEVEL)
        identity = (self._last, layout.FORMAT, int(row.kind), row.received_us)
        crc = layout.row_crc(*identity, row.plant_hash, row.source.encode(), blob)
        self._connection.execute(
            "INSERT INTO spool_row VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (self._last, layout.FORMAT, row.plant_hash, row.source, int(row.kind), row.received_us, crc, blob),
        )
        return self._last


@contextmanager
def writing(path: Path, wait_s: float = WAIT_S) -> Iterator[EntrySpool]:
    """One transaction on the spool at `path`, which is made if it is not there; synced when it ends without an error.

    Raises SpoolError if another process does not let go of it, or the disk fails or is full.
    """
    lock = -1
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _locked(path, wait_s)
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, layout.PRIVATE))
        _give_away(path)
        with closing(sqlite3.connect(path, isolation_level=None, timeout=wait_s)) as connection:
            _prepare(connection, path)
            with layout.transaction(connection):
                (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()
                yield EntrySpool(connection, last)
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except (sqlite3.Error, OSError) as error:
        raise SpoolError(f"{path} cannot be written ({error}): nothing was stored; see to its disk") from error
    finally:
        if lock >= 0:
            os.close(lock)


def payloads(path: Path) -> list[tuple[int, bytes]]:
    """Kind and payload of every row that is there, oldest first; none while there is no spool."""
    reader = SpoolReader.open_if_exists(path)
    if reader is None:
        return []
    with reader:
        rows, after = [], max(reader.first() - 1, 0)
        while found := reader.read(after, 1 << 24):
            rows += [(int(row.kind), row.payload) for row in found]
            after = found[-1].record
        return rows


def _locked(path: Path, wait_s: float) -> int:
    end = time.monotonic() + wait_s
    while True:
        try:
            return layout.take_lock(path)
        except SpoolError:
            if time.monotonic() >= end:
                raise
            time.sleep(_LOOK_S)


def _give_away(path: Path) -> None:
    """What root makes belongs to whom the directory belongs to: the engine, which is not root, has to read it."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        for made in (path, layout.beside(path, ".lock")):
            os.chown(made, owner.st_uid, owner.st_gid)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    if layout.is_empty(connection):
        layout.create(connection)
    layout.sync_log(path)
    layout.identify(connection, path)
