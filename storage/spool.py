"""The spool's writer: rows in a SQLite file, and a receipt for each append once it is on disk.

Invariants, in the order in which they matter:
 1. A receipt means synced: the write-ahead log was flushed (synchronous=FULL) before anybody hears of it or sees it.
 2. An append is stored whole with its source states, or not at all, and then its caller gets a SpoolError.
 3. Record numbers rise by exactly one and are never used twice, also when all rows have been trimmed. So a hole in
    the numbers is damage, and the reader says so.
 4. A row that is not acknowledged is never removed. Acknowledged rows go oldest first, at most 200 a pass, when they
    are older than the keep time or the file is over its size limit.
 5. A full disk or a full spool refuses appends and nothing else; gap rows alone may use a reserve. Any other failure
    of the disk ends this writer for good: after a failed sync nobody knows what is on disk, and asking again lies.
 6. One writer a file, held by a lock. Nothing here reads a clock: the age of rows is measured against the newest row.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Self

from core.errors import SpoolError
from core.samples.records import SpoolRow
from core.units import DAY_US
from storage.spool_file import spool_paths
from storage.spool_store import Append, SpoolStore, refuse

__all__ = ["SpoolWriter", "spool_paths"]

_log = logging.getLogger(__name__)

SIZE_LIMIT_BYTES = 16 << 30
"""72 h of 5 000 samples a second at 60 bytes are 78 GB, which compress five- to eightfold (reliability estimate)."""
KEEP_US = 7 * DAY_US
"""A database restored from a week-old backup is filled up again from here."""
RESERVE_BYTES = 1_000_000
"""A commit of gap rows costs about 16 kB of log: enough for some sixty of them."""


class SpoolWriter:
    """The one writer of a spool file; implements `core.ports.BatchSink`. Safe to call from several threads.

    The first append after a pause is committed at once; then appends gather for `group_ms`, or until their payloads
    reach `group_bytes`, and share one commit. What waits is bounded by what callers have not been given receipts for.
    """

    def __init__(
        self,
        path: Path,
        *,
        size_limit_bytes: int = SIZE_LIMIT_BYTES,
        keep_us: int = KEEP_US,
        reserve_bytes: int = RESERVE_BYTES,
        group_ms: int = 50,
        group_bytes: int = 1_000_000,
    ) -> None:
        """Open or create the spool. Raises SpoolError: taken by another writer, of a newer format, not usable."""
        self._path = path
        self._group_s = group_ms / 1000
        self._group_bytes = group_bytes
        self._store = SpoolStore(path, size_limit_bytes=size_limit_bytes, keep_us=keep_us, reserve_bytes=reserve_bytes)
        self._store_lock = threading.Lock()
        self._wake = threading.Condition()
        self._waiting: list[Append] = []
        self._waiting_bytes = 0
        self._hurry = False
        self._closing = False
        self._dead = ""
        self._thread = threading.Thread(target=self._run, name=f"spool {path.name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def spool_id(self) -> str:
        """Random name of the file, made at its creation."""
        return self._store.spool_id

    @property
    def commits(self) -> int:
        """Transactions that stored rows since the start."""
        return self._store.commits

    def source_state(self, source: str) -> bytes | None:
        """What the source stored with its last rows, or None."""
        return self._store.states.get(source)

    def end(self) -> int:
        """The last record number that was given out; 0 if none ever was."""
        return self._store.last

    async def append(self, rows: Sequence[SpoolRow], state: Mapping[str, bytes] | None = None) -> int:
        """Store rows and states in one transaction; returns the last record number after they are on disk.

        Raises SpoolError if nothing was stored; then nothing may be acknowledged.
        """
        return await asyncio.wrap_future(self._submit(rows, state, hurry=False))

    def append_now(self, rows: Sequence[SpoolRow], state: Mapping[str, bytes] | None = None) -> int:
        """The same for a caller that stands still until it returns: commits without gathering others."""
        return self._submit(rows, state, hurry=True).result()

    def trim(self, now_us: int) -> int:
        """One pass of removing acknowledged rows that are too old at `now_us`, or too many; the number removed.

        The writer does this by itself; raises SpoolError if the disk failed.
        """
        with self._store_lock:
            self._check_alive()
            try:
                return self._store.trim(now_us)
            except sqlite3.Error as error:
                self._die(error, [])
                raise SpoolError(self._dead) from error

    def close(self) -> None:
        """Store what waits, then end; blocks for about one commit. Closing again does nothing."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        with self._store_lock:
            self._store.close()

    async def aclose(self) -> None:
        """`close` without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def _check_alive(self) -> None:
        if self._dead:
            raise SpoolError(self._dead)
        if self._closing:
            raise SpoolError(f"{self._path} was closed; nothing more can be stored by this process")

    def _submit(self, rows: Sequence[SpoolRow], state: Mapping[str, bytes] | None, *, hurry: bool) -> Future[int]:
        append = Append(tuple(rows), dict(state or {}))
        with self._wake:
            self._check_alive()
            self._waiting.append(append)
            self._waiting_bytes += sum(len(row.payload) for row in append.rows)
            self._hurry |= hurry
            self._wake.notify()
        return append.receipt

    def _run(self) -> None:
        """The writer thread: commit, tidy up, rest; an error of the disk ends it."""
        while group := self._next_group():
            try:
                with self._store_lock:
                    if self._dead:  # by a trim while this group waited
                        raise SpoolError(self._dead)
                    self._store.store(group)
                    self._store.tidy_up()
            except Exception as error:
                self._die(error, group)
                return
            self._rest()

    def _next_group(self) -> list[Append]:
        """All that waits, at least one; none when the spool was closed. A cancelled append is left out."""
        with self._wake:
            while True:
                self._wake.wait_for(lambda: self._waiting or self._closing)
                group, self._waiting = self._waiting, []
                self._waiting_bytes, self._hurry = 0, False
                live = [append for append in group if append.receipt.set_running_or_notify_cancel()]
                if live or not group:
                    return live

    def _rest(self) -> None:
        """Let appends gather after a commit, unless there is much of it or somebody stands still for it."""
        with self._wake:
            self._wake.wait_for(
                lambda: self._hurry or self._closing or self._waiting_bytes >= self._group_bytes, self._group_s
            )

    def _die(self, error: Exception, group: Sequence[Append]) -> None:
        """Never store or acknowledge anything again."""
        with self._wake:
            self._dead = self._dead or (
                f"{self._path} failed ({error}) and nobody knows what reached the disk: see to the disk, then restart"
            )
            waiting = [append for append in self._waiting if append.receipt.set_running_or_notify_cancel()]
            self._waiting = []
        _log.critical("%s", self._dead)
        refuse([append for append in group if not append.receipt.done()] + waiting, self._dead)
