"""The one transaction that moves the engine forward: raw rows, results and the position in the spools, all or nothing.

Invariants: only the owner of the newest epoch of a spool can commit; a commit begins exactly where the last one ended.
When the connection is lost while a commit is under way its outcome is unknown: reconnect, make a new `Store`, take
ownership and go on from the records it returns. Never send the same changes again blindly.

Who has much to commit begins the next one before the last has ended: its raw rows, half of the server's work, go ahead
in a transaction of their own connection. Only raw rows do, which nobody writes but us, or reads before they are there;
the cursor is locked, compared and moved afterwards, in that same transaction, once the commit before it is stored. So
each commit is whole or not at all, and their order is that of their beginnings.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

from psycopg import Rollback

from core.errors import BrokenPromise, DatabaseError, FencedError
from core.facts.schema import Changes
from core.plant.model import Plant
from storage.pg.connect import Connection, another, database_errors
from storage.pg.writing import Writer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cursor:
    """Our position in one spool, as of our last commit."""

    number: int
    epoch: int
    record: int


@dataclass(frozen=True)
class _Begun:
    """A commit whose raw rows are sent, or on their way, in an open transaction."""

    changes: Changes
    connection: Connection
    transaction: ExitStack
    sent: Future[None]


class Store:
    """The engine's hand on the database; the plant must have been loaded. Not thread-safe."""

    def __init__(self, connection: Connection, plant: Plant) -> None:
        self._connection = connection
        self._other: Connection | None = None
        self._alone = False
        """No second connection was to be had."""
        self._sender = ThreadPoolExecutor(1, "commit ahead")
        self._begun: _Begun | None = None
        self._writer = Writer(plant)
        self._cursors: dict[str, Cursor] = {}

    def connections(self) -> list[Connection]:
        """Those that a commit may be waiting for."""
        return [self._connection, *([] if self._other is None else [self._other])]

    def close(self) -> None:
        """Roll back what was begun, and close the connection that is ours."""
        if self._begun is not None:
            _abandon(self._begun)
        self._sender.shutdown()
        if self._other is not None:
            self._other.close()

    def take_ownership(self, spool_ids: Iterable[str]) -> dict[str, int]:
        """Become the only writer for these spools; returns the last record of each that is in the database (0 none).

        Engines that owned them before get FencedError at their next commit.
        """
        self.finish()
        with database_errors("take ownership of the spools"), self._connection.transaction():
            for spool in sorted(set(spool_ids)):  # in one order everywhere, so that two engines cannot deadlock
                self._cursors[spool] = self._take(spool)
        return {spool: self._cursors[spool].record for spool in spool_ids}

    def _take(self, spool: str) -> Cursor:
        row = self._connection.execute(
            "insert into stanok.spool_cursor as c (spool, record, epoch) values (%s, 0, 1)"
            " on conflict (spool) do update set epoch = c.epoch + 1 returning id, epoch, record",
            [spool],
        ).fetchone()
        if row is None:
            raise BrokenPromise(f"spool {spool} has no cursor after it was inserted")
        return Cursor(*row)

    def commit(self, changes: Changes) -> None:
        """Write everything in one transaction and move the cursors, after what was begun.

        Raises FencedError if another engine took over, BrokenPromise if our position or rows are wrong, and
        DatabaseError if the server failed us: then it is not known whether the changes are stored.
        """
        self._check(changes)
        self.finish()
        with database_errors("commit"), self._connection.transaction():
            self._write(self._connection, changes, sent=False)
        self._committed(changes)

    def begin(self, changes: Changes) -> None:
        """Send the raw rows of a commit ahead, and finish the one begun before. Errors as of `commit`, of either.

        Where the server has no second connection for us it is a `commit`.
        """
        connection = self._free()
        if connection is None:
            self.commit(changes)
            return
        self._check(changes)
        transaction = ExitStack()
        sent = self._sender.submit(self._send, connection, transaction, changes, self._numbers())
        before, self._begun = self._begun, _Begun(changes, connection, transaction, sent)
        if before is not None:
            self._end(before)

    def finish(self) -> None:
        """Bring what was begun to its end. Errors as of `commit`."""
        before, self._begun = self._begun, None
        if before is not None:
            self._end(before)

    def _free(self) -> Connection | None:
        """A connection that no begun commit has; None if there is none to be had."""
        if self._begun is None or self._begun.connection is not self._connection:
            return self._connection
        if self._other is None and not self._alone:
            try:
                self._other = another(self._connection)
            except DatabaseError as error:
                self._alone = True
                log.info("commits follow one after the other: %s", error)
        return self._other

    def _send(
        self, connection: Connection, transaction: ExitStack, changes: Changes, numbers: Mapping[str, int]
    ) -> None:
        with database_errors("commit"):
            transaction.enter_context(connection.transaction())
            self._writer.send(connection, changes, numbers)

    def _end(self, begun: _Begun) -> None:
        with database_errors("commit"), begun.transaction:
            begun.sent.result()
            self._write(begun.connection, begun.changes, sent=True)
        self._committed(begun.changes)

    def _write(self, connection: Connection, changes: Changes, *, sent: bool) -> None:
        self._lock(connection)
        self._writer.write(connection, changes, self._numbers(), sent=sent)
        self._move(connection, changes.cursors)

    def _numbers(self) -> dict[str, int]:
        return {spool: cursor.number for spool, cursor in self._cursors.items()}

    def _committed(self, changes: Changes) -> None:
        self._writer.committed()
        for spool, record in changes.cursors.items():
            self._cursors[spool] = replace(self._cursors[spool], record=record)

    def summarize(self) -> None:
        """Tell the index of hot samples what was written since the last call; once a minute is often enough."""
        self.finish()
        with database_errors("summarize its samples"):
            self._connection.execute("select stanok.summarize_samples()")

    def _check(self, changes: Changes) -> None:
        strangers = {*changes.cursors, *changes.spools} - set(self._cursors)
        if strangers:
            raise BrokenPromise(f"changes from spools that are not ours: {sorted(strangers)}")
        for spool, record in changes.cursors.items():
            if record < self._cursors[spool].record:
                raise BrokenPromise(f"spool {spool} would go back from {self._cursors[spool].record} to {record}")

    def _lock(self, connection: Connection) -> None:
        """Hold the cursor rows to the end of the transaction and compare them with what we think."""
        rows = connection.execute(
            "select spool, id, epoch, record from stanok.spool_cursor where spool = any (%s) order by spool for update",
            [list(self._cursors)],
        ).fetchall()
        found = {spool: Cursor(number, epoch, record) for spool, number, epoch, record in rows}
        for spool, mine in self._cursors.items():
            there = found.get(spool)
            if there is None:
                raise BrokenPromise(f"the cursor of spool {spool} is gone from the database")
            if there.epoch != mine.epoch:
                raise FencedError(f"Another engine took spool {spool} over; this one must end")
            if there != mine:
                raise BrokenPromise(f"the cursor of spool {spool} stands at {there.record}, ours at {mine.record}")

    @staticmethod
    def _move(connection: Connection, cursors: Mapping[str, int]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "update stanok.spool_cursor set record = %s where spool = %s",
                [(record, spool) for spool, record in cursors.items()],
            )


def _abandon(begun: _Begun) -> None:
    """Roll back. Its rows may still be on their way: what they could wait for, the commit before, has ended."""
    begun.sent.exception()
    # A connection that is broken has rolled back by itself; Rollback comes out only where no transaction had begun.
    with suppress(DatabaseError, Rollback), database_errors("roll back"), begun.transaction:
        raise Rollback
