"""The one transaction that moves the engine forward: raw rows, results and the position in the spools, all or nothing.

Invariants: only the owner of the newest epoch of a spool can commit; a commit begins exactly where the last one ended.
When the connection is lost while a commit is under way its outcome is unknown: reconnect, make a new `Store`, take
ownership and go on from the records it returns. Never send the same changes again blindly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from core.errors import BrokenPromise, FencedError
from core.facts.schema import Changes
from core.plant.model import Plant
from storage.pg.connect import Connection, database_errors
from storage.pg.writing import Writer


@dataclass(frozen=True)
class Cursor:
    """Our position in one spool, as of our last commit."""

    number: int
    epoch: int
    record: int


class Store:
    """The engine's hand on the database; the plant must have been loaded. Not thread-safe."""

    def __init__(self, connection: Connection, plant: Plant) -> None:
        self._connection = connection
        self._writer = Writer(connection, plant)
        self._cursors: dict[str, Cursor] = {}

    def take_ownership(self, spool_ids: Iterable[str]) -> dict[str, int]:
        """Become the only writer for these spools; returns the last record of each that is in the database (0 none).

        Engines that owned them before get FencedError at their next commit.
        """
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
        """Write everything in one transaction and move the cursors.

        Raises FencedError if another engine took over, BrokenPromise if our position or rows are wrong, and
        DatabaseError if the server failed us: then it is not known whether the changes are stored.
        """
        self._check(changes)
        with database_errors("commit"), self._connection.transaction():
            self._lock()
            self._writer.write(changes, {spool: cursor.number for spool, cursor in self._cursors.items()})
            self._move(changes.cursors)
        self._writer.committed()
        for spool, record in changes.cursors.items():
            self._cursors[spool] = replace(self._cursors[spool], record=record)

    def summarize(self) -> None:
        """Tell the index of hot samples what was written since the last call; once a minute is often enough."""
        with database_errors("summarize its samples"):
            self._connection.execute("select stanok.summarize_samples()")

    def _check(self, changes: Changes) -> None:
        strangers = {*changes.cursors, *changes.spools} - set(self._cursors)
        if strangers:
            raise BrokenPromise(f"changes from spools that are not ours: {sorted(strangers)}")
        for spool, record in changes.cursors.items():
            if record < self._cursors[spool].record:
                raise BrokenPromise(f"spool {spool} would go back from {self._cursors[spool].record} to {record}")

    def _lock(self) -> None:
        """Hold the cursor rows to the end of the transaction and compare them with what we think."""
        rows = self._connection.execute(
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

    def _move(self, cursors: Mapping[str, int]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "update stanok.spool_cursor set record = %s where spool = %s",
                [(record, spool) for spool, record in cursors.items()],
            )
