"""The spool's file as writer and reader both see it: names, schema, checksum of a row, lock, reserve, position.

Beside `<name>.spool` (SQLite, with its own `-wal` and `-shm`) lie
`<name>.spool.lock` (held by the one writer), `<name>.spool.ack` (how far the database has everything) and
`<name>.spool.reserve` (empty room that is given up when the disk is full).
All have mode 0600, because the states of sources may hold secrets of a session.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import SpoolError

FORMAT = 1
"""Version of the whole layout. A program refuses a higher one than its own and leaves the data alone."""

PRIVATE = 0o600

SCHEMA = (
    "CREATE TABLE spool_row (record INTEGER PRIMARY KEY AUTOINCREMENT, format INTEGER NOT NULL,"
    " plant_hash BLOB NOT NULL, source TEXT NOT NULL, kind INTEGER NOT NULL, received_us INTEGER NOT NULL,"
    " crc32 INTEGER NOT NULL, payload BLOB NOT NULL)",
    "CREATE TABLE source_state (source TEXT PRIMARY KEY, blob BLOB NOT NULL, crc32 INTEGER NOT NULL)",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL)",
)

_IDENTITY = struct.Struct("<qHHqHI")


def spool_paths(directory: Path) -> list[Path]:
    """All spools of a data directory, sorted by name."""
    return sorted(directory.glob("*.spool"))


def beside(path: Path, suffix: str) -> Path:
    """The companion file of a spool: its name with `suffix` added."""
    return path.with_name(path.name + suffix)


def row_crc(
    record: int, row_format: int, kind: int, received_us: int, plant_hash: bytes, source: bytes, blob: bytes
) -> int:
    """Checksum over the stored payload and all that identifies it, so that no flipped bit moves it elsewhere."""
    lengths = (len(plant_hash), len(source))
    head = _IDENTITY.pack(record, row_format, kind, received_us, *lengths) + plant_hash + source
    return zlib.crc32(blob, zlib.crc32(head))


def is_full(error: sqlite3.Error) -> bool:
    """Whether an error means "no room" and nothing worse. A failed write or sync of any other cause is fatal.

    SHMSIZE is the index of the write-ahead log that could not grow: it holds no data and is never synced.
    """
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; on return everything is synced (synchronous=FULL)."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def create(connection: sqlite3.Connection) -> None:
    """Make an empty file a spool with an identity of its own; one transaction, so it is never half a spool."""
    with transaction(connection):
        for statement in SCHEMA:
            connection.execute(statement)
        meta = [("spool_id", secrets.token_hex(16)), ("format", FORMAT)]
        connection.executemany("INSERT INTO meta VALUES (?, ?)", meta)


def is_empty(connection: sqlite3.Connection) -> bool:
    """True for a file in which nothing has been created yet."""
    count: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return count == 0


def identify(connection: sqlite3.Connection, path: Path) -> str:
    """The spool id. Raises SpoolError for a newer format than this program knows, or if there is none."""
    try:
        meta = dict(connection.execute("SELECT key, value FROM meta"))
        found, spool_id = int(meta["format"]), str(meta["spool_id"])
    except (KeyError, ValueError):
        raise SpoolError(f"{path} does not say which spool it is: it is damaged, move it aside") from None
    check_format(found, path)
    return spool_id


def check_format(found: int, path: Path) -> None:
    """Raises SpoolError if a newer program than this wrote `path`."""
    if found > FORMAT:
        raise SpoolError(
            f"{path} has spool format {found} and this program knows up to {FORMAT}:"
            " start the newer Stanok that wrote it; the file was left as it is"
        )


def sync_log(path: Path) -> None:
    """Sync the write-ahead log after opening.

    Opening after a crash may show a commit whose sync was cut off. A row that can be seen must be on disk, because
    its number would be used again if power failed now; every later commit is synced by the writer before it shows.
    """
    try:
        log = os.open(beside(path, "-wal"), os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(log)
    finally:
        os.close(log)


def take_lock(path: Path) -> int:
    """The writer's exclusive lock as a file descriptor; it ends with the process. Raises SpoolError if it is taken."""
    lock = os.open(beside(path, ".lock"), os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise SpoolError(
            f"{path} is already being written by another process: stop that one, or give this one a spool of its own"
        ) from None
    return lock


class Reserve:
    """Room on the disk that is kept for gap rows. Held means: normal operation; not held: the disk is full."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = beside(path, ".reserve")
        self._size_bytes = size_bytes
        self._held = False

    def hold(self) -> bool:
        """Have the room on disk; False if there is none. Other failures of the disk raise OSError."""
        if not self._held:
            self._held = self._allocate()
        return self._held

    def release(self) -> None:
        """Give the room up."""
        self._path.unlink(missing_ok=True)
        self._held = False

    def _allocate(self) -> bool:
        filler = -1
        try:
            filler = os.open(self._path, os.O_WRONLY | os.O_CREAT, PRIVATE)
            os.posix_fallocate(filler, 0, self._size_bytes)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self.release()
            return False
        finally:
            if filler >= 0:
                os.close(filler)
        return True


def read_ack(path: Path, spool_id: str) -> int:
    """The last acknowledged record; 0 if there is none, or if the file speaks of another spool or is not readable."""
    try:
        found = json.loads(beside(path, ".ack").read_bytes())
        return int(found["record"]) if found["spool_id"] == spool_id else 0
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return 0


def write_ack(path: Path, spool_id: str, record: int) -> None:
    """Publish the last acknowledged record; whoever reads sees the old or the new one, also after a power cut."""
    draft = beside(path, ".ack.tmp")
    with open(draft, "wb", opener=_private) as file:
        file.write(json.dumps({"spool_id": spool_id, "record": record}).encode())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(beside(path, ".ack"))
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, PRIVATE)
