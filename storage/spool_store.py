"""The spool's file in the hands of its one writer: admission, one transaction a group, trimming, checkpoints.

Plain and synchronous: whoever holds a `SpoolStore` calls it from one thread at a time; `storage/spool.py` says what
is promised and does the waiting. Every sqlite3 or OS error that leaves a method means the disk failed: do not go on.

Space: removed rows leave free pages, which later rows use before the file grows. The file is therefore never shrunk
(no vacuum, which would move pages during production) and stays at its highest mark, which the size limit bounds.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import zlib
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from core.errors import SpoolError
from core.samples.records import RowKind, SpoolRow
from storage import spool_file as layout

_log = logging.getLogger(__name__)

TRIM_ROWS = 200
"""Rows removed in one pass: removing 500 MB at once blocked commits for 1.5 s when tried."""
TRIM_EVERY_ROWS = TRIM_ROWS // 2
"""New rows between two passes: half of what a pass removes, so that trimming catches up under load."""
CHECKPOINT_BYTES = 4 << 20
"""Log written between two checkpoints: SQLite's own default of 1000 pages."""
LOG_LIMIT_BYTES = 16 << 20
"""A log that grew beyond this while a reader stood still is cut back."""
PAGES_PER_COMMIT = 4 * 4096
"""What a commit costs in the log besides its payload: table, number, state, index pages."""
ROW_BYTES = 100
"""Columns and cell of a row besides its payload."""

_INSERT = "INSERT INTO spool_row VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_UPSERT = "INSERT OR REPLACE INTO source_state VALUES (?, ?, ?)"
_LAST = "SELECT max(coalesce((SELECT seq FROM sqlite_sequence), 0), coalesce((SELECT max(record) FROM spool_row), 0))"


@dataclass(eq=False)
class Append:
    """One call of append: stored whole or refused whole."""

    rows: tuple[SpoolRow, ...]
    state: dict[str, bytes]
    receipt: Future[int] = field(default_factory=Future)
    last: int = 0

    @cached_property
    def blobs(self) -> list[bytes]:
        """The rows' payloads as stored. Level 1: four fifths of the gain of level 6 at a third of its time."""
        return [zlib.compress(row.payload, 1) for row in self.rows]

    @cached_property
    def size_bytes(self) -> int:
        return sum(map(len, self.blobs)) + ROW_BYTES * len(self.rows)

    @cached_property
    def only_gaps(self) -> bool:
        return bool(self.rows) and all(row.kind is RowKind.GAP for row in self.rows)


class SpoolStore:
    """An open spool file, locked for this writer."""

    def __init__(self, path: Path, *, size_limit_bytes: int, keep_us: int, reserve_bytes: int) -> None:
        """Open or create. Raises SpoolError: taken by another writer, of a newer format, not usable."""
        self.commits = 0
        """Transactions that stored rows."""
        self.last = 0
        """The last record number given out, ever."""
        self.spool_id = ""
        self.states: dict[str, bytes] = {}
        """What each source stored with its last rows."""
        self._path = path
        self._size_limit_bytes = size_limit_bytes
        self._keep_us = keep_us
        self._reserve_bytes = reserve_bytes
        self._reserve = layout.Reserve(path, reserve_bytes)
        self._newest_us = 0
        self._log_bytes = 0
        self._untrimmed_rows = 0
        self._lock = layout.take_lock(path)
        try:
            self._connection = self._connect()
        except BaseException:
            os.close(self._lock)
            raise
        try:
            self._prepare()
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error | OSError):
                raise self._unusable(error) from error
            raise

    def store(self, group: Sequence[Append]) -> None:
        """Commit what fits and refuse the rest; every append has its answer. Raises for all but a full disk."""
        fitting = self._admit(group)
        if self._commit(fitting):
            return
        self._reserve.release()
        gaps = [append for append in fitting if append.only_gaps]
        refuse([append for append in fitting if not append.only_gaps], self._disk_full())
        if not self._commit(gaps):
            refuse(gaps, self._disk_full())

    def tidy_up(self) -> None:
        """Bounded work for after the receipts: at most one pass of trimming and one checkpoint."""
        if self._untrimmed_rows >= TRIM_EVERY_ROWS:
            self._untrimmed_rows = 0
            self.trim(self._newest_us)
        if self._log_bytes >= CHECKPOINT_BYTES:
            self._checkpoint()

    def trim(self, now_us: int) -> int:
        """One pass of removing acknowledged rows that are too old at `now_us` or over the limit; the number removed."""
        return self._trim_pass(now_us - self._keep_us)

    def close(self) -> None:
        """Closing again does nothing."""
        if self._lock >= 0:
            self._connection.close()
            os.close(self._lock)
            self._lock = -1

    def _connect(self) -> sqlite3.Connection:
        try:
            # Recovery after a crash may need room on a disk that is full.
            self._reserve.release()
            if not self._path.exists():
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, layout.PRIVATE))
            return sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    def _prepare(self) -> None:
        connection = self._connection
        new = layout.is_empty(connection)
        if not new:
            layout.identify(connection, self._path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        # Checkpoints are made by us, after the receipts and where their errors can be seen: SQLite's own hide them.
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute(f"PRAGMA journal_size_limit={LOG_LIMIT_BYTES}")
        if new:
            layout.create(connection)
        layout.sync_log(self._path)
        self.spool_id = layout.identify(connection, self._path)
        self.last = connection.execute(_LAST).fetchone()[0]
        self.states = self._load_states()
        self._reserve.hold()

    def _load_states(self) -> dict[str, bytes]:
        """A damaged state counts as none: its source starts afresh, and the engine sees the silence between."""
        states = {}
        # As bytes, because a damaged name need not be text.
        for name, blob, crc in self._connection.execute("SELECT CAST(source AS BLOB), blob, crc32 FROM source_state"):
            if isinstance(blob, bytes) and zlib.crc32(name + blob) == crc:
                states[name.decode()] = blob
            else:
                _log.warning("%s: the stored state of source %r is damaged; it starts afresh", self._path, name)
        return states

    def _admit(self, group: Sequence[Append]) -> list[Append]:
        """Refuse at once what the size limit or a disk known to be full forbids; returns the others."""
        used = self._make_room(sum(append.size_bytes for append in group))
        fitting = []
        for append in group:
            limit = self._size_limit_bytes + (self._reserve_bytes if append.only_gaps else 0)
            if not (append.only_gaps or self._reserve.hold()):
                refuse([append], self._disk_full())
            elif used + append.size_bytes > limit:
                refuse([append], self._spool_full())
            else:
                used += append.size_bytes
                fitting.append(append)
        return fitting

    def _make_room(self, needed_bytes: int) -> int:
        """Trim acknowledged rows until the limit allows `needed_bytes` more, or none is left; returns bytes in use."""
        while (used := self._used_bytes()) + needed_bytes > self._size_limit_bytes:
            if not self._trim_pass(None):
                break
        return used

    def _commit(self, group: Sequence[Append]) -> bool:
        """One transaction and its receipts; False if the disk is full, then nothing of it was stored."""
        if not group:
            return True
        rows = self._numbered(group)
        states = [(source, blob) for append in group for source, blob in append.state.items()]
        try:
            with layout.transaction(self._connection):
                self._connection.executemany(_INSERT, rows)
                self._connection.executemany(
                    _UPSERT, [(source, blob, zlib.crc32(source.encode() + blob)) for source, blob in states]
                )
        except sqlite3.Error as error:
            if layout.is_full(error):
                return False
            raise
        self._committed(group, states)
        return True

    def _numbered(self, group: Sequence[Append]) -> list[tuple[int, int, bytes, str, int, int, int, bytes]]:
        """The group's rows as columns; each append learns its last number."""
        record, rows = self.last, []
        for append in group:
            for row, blob in zip(append.rows, append.blobs, strict=True):
                record += 1
                identity = (record, layout.FORMAT, int(row.kind), row.received_us)
                crc = layout.row_crc(*identity, row.plant_hash, row.source.encode(), blob)
                columns = (record, layout.FORMAT, row.plant_hash, row.source, int(row.kind), row.received_us, crc, blob)
                rows.append(columns)
            append.last = record
        return rows

    def _committed(self, group: Sequence[Append], states: list[tuple[str, bytes]]) -> None:
        self.commits += 1
        self.last = group[-1].last
        self.states.update(states)
        self._newest_us = max([self._newest_us, *(row.received_us for append in group for row in append.rows)])
        self._log_bytes += PAGES_PER_COMMIT + sum(append.size_bytes for append in group)
        self._untrimmed_rows += sum(len(append.rows) for append in group)
        for append in group:
            append.receipt.set_result(append.last)

    def _checkpoint(self) -> None:
        """Move the log into the file. On a full disk it stays where it is, equally safe, until the next commit."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._log_bytes = 0
        except sqlite3.Error as error:
            if not layout.is_full(error):
                raise

    def _trim_pass(self, before_us: int | None) -> int:
        """Remove the oldest acknowledged rows received before `before_us`; of any age if None or over the limit."""
        acked = layout.read_ack(self._path, self.spool_id)
        if acked > self.last:
            return 0  # the file was put back to an older state: this position is not of its history
        if self._used_bytes() > self._size_limit_bytes:
            before_us = None
        oldest = self._connection.execute(
            "SELECT record, ?1 IS NULL OR received_us < ?1 FROM spool_row WHERE record <= ?2 ORDER BY record LIMIT ?3",
            (before_us, acked, TRIM_ROWS),
        ).fetchall()
        doomed = [record for record, _ in takewhile(lambda row: row[1], oldest)]
        if not doomed:
            return 0
        try:
            with layout.transaction(self._connection):
                self._connection.execute("DELETE FROM spool_row WHERE record <= ?", (doomed[-1],))
        except sqlite3.Error as error:
            if layout.is_full(error):
                return 0
            raise
        self._log_bytes += PAGES_PER_COMMIT
        return len(doomed)

    def _used_bytes(self) -> int:
        """Bytes of the file that hold something; free pages do not count."""
        pages, free, size = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def _disk_full(self) -> str:
        return f"the disk of {self._path} is full and its sources wait: make room; it goes on by itself"

    def _spool_full(self) -> str:
        return (
            f"{self._path} has reached its limit of {self._size_limit_bytes} bytes with rows that no database has yet,"
            " and its sources wait: start the engine or its database, or raise the limit"
        )

    def _unusable(self, error: Exception) -> SpoolError:
        return SpoolError(f"{self._path} cannot be opened as a spool ({error}): see to the disk, or move it aside")


def refuse(appends: Sequence[Append], why: str) -> None:
    """Tell the callers that nothing of theirs was stored."""
    for append in appends:
        append.receipt.set_exception(SpoolError(why))
