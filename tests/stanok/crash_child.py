"""One life of an engine that may be struck at a moment of its commits; forked from a server that has all compiled.

Moments of a commit: before it begins, before each statement, before and in the middle of each COPY's data, before
COMMIT and after it. So have commits that begin before the one before has ended: their own and those of the other.
A life ends by itself when all that the spools hold is stored (DONE), or when another engine took over (FENCED).
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from core.errors import FencedError
from core.facts.schema import Changes
from core.plant.model import Plant
from core.units import us_from_datetime
from stanok import pipeline
from stanok.settings import EngineSettings
from storage.pg.commit import Store
from storage.pg.connect import connect
from tests.stanok.hand import HandClock

DONE, FENCED = 0, 3
"""Exit codes."""

KILL, PAUSE, CUT = "kill", "pause", "cut"
"""What happens at the moment: SIGKILL, SIGSTOP, or the connection breaks; in turns before the server has what is said
next, and after it."""
STRUCK = "struck at "
"""Begins a line of the log for each fault."""

_SETTINGS = EngineSettings(tick_s=1e-6, commit_s=1e-6, commit_samples=500, repair_quiet_s=0.02)
_READ_BYTES = 1_000_000
"""A few commits for hours of the plant."""


@dataclass(frozen=True)
class Life:
    """An engine's data directory, database and time.

    `fault` strikes at the `moment`-th moment, counting those of the kind `at` only, if it is given; `again` after twice
    as many each time, so that it comes to an end. KILL strikes at all of them, see `_die_everywhere`.
    """

    directory: Path
    dsn: str
    now_us: int
    fault: str = ""
    moment: int = -1
    at: str = ""
    again: bool = False
    loaded: bool = False
    """The plant's words are in the database since the first life, and need not be written again."""
    log: Path = Path("/dev/null")


class _Fate:
    """Counts moments and strikes."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._left = life.moment
        self._struck = 0
        self._dies_after = False
        self._told: mmap.mmap | None = None
        self._committing = False
        self._watch()

    def _watch(self) -> None:
        self._commit = Store.commit
        transaction, write = psycopg.Connection.transaction, psycopg.Copy.write

        def struck(work: Callable[..., None]) -> Callable[..., None]:
            def committing(store: Store, *changes: Changes) -> None:
                if self._committing or not (changes or store._begun):  # it ends the one before, or there is none
                    work(store, *changes)
                    return
                if self._life.fault == KILL and changes:
                    self._die_everywhere(store, *changes)
                self._committing = True
                self._moment("begin", store._connection)
                try:
                    work(store, *changes)
                finally:
                    self._committing = False

            return committing

        @contextmanager
        def with_moments(connection: Any, *args: Any) -> Iterator[Any]:
            with transaction(connection, *args) as found:
                yield found
                self._moment("COMMIT", connection)
            self._moment("committed", connection)

        def in_pieces(copy: Any, data: Any) -> None:
            self._moment("COPY", copy.connection)
            write(copy, data[: len(data) // 2])
            self._moment("mid-COPY", copy.connection)
            write(copy, data[len(data) // 2 :])

        for name in ("commit", "begin", "finish"):
            setattr(Store, name, struck(getattr(Store, name)))
        psycopg.Connection.transaction = with_moments  # type: ignore[method-assign,assignment]  # killed inside
        psycopg.Copy.write = in_pieces  # type: ignore[method-assign]  # killed inside
        for name in ("execute", "executemany"):
            self._watch_statements(name)

    def _watch_statements(self, name: str) -> None:
        method: Callable[..., Any] = getattr(psycopg.Cursor, name)

        def watched(mine: Any, *args: Any, **named: Any) -> Any:
            self._moment("statement", mine.connection)
            return method(mine, *args, **named)

        setattr(psycopg.Cursor, name, watched)

    def _die_everywhere(self, store: Store, changes: Changes) -> None:
        """A fork for every moment of this commit makes it up to there and is killed, which leaves nothing. Then this
        life makes it itself; if there were data in it, it dies right after."""
        if store._begun is not None:
            store._begun.sent.exception()  # a fork has no other thread
        told, moment = mmap.mmap(-1, 1), 0
        while told[0] == 0:
            moment += 1
            if not (child := os.fork()):
                with connect(self._life.dsn) as connection:
                    again = Store(connection, store._writer._plant)
                    again._cursors = store._cursors
                    self._told, self._committing, self._left = told, True, moment
                    self._commit(again, changes)
                os._exit(DONE)
            _, status = os.waitpid(child, 0)
            assert os.WIFSIGNALED(status), f"a commit that cannot die at moment {moment}"
        self._dies_after = len(changes.raw.batch) > 0

    def _moment(self, kind: str, connection: Any) -> None:
        if not self._committing or (self._life.at and kind != self._life.at):
            return
        self._left -= 1
        if self._left and not (self._dies_after and kind == "committed"):
            return
        self._struck += 1
        self._left = self._life.moment << self._struck if self._life.again else 0
        os.write(1, f"{STRUCK}{kind}\n".encode())
        if self._told is not None and kind == "COMMIT":
            self._told[0] = 1
        if self._life.fault == CUT:
            _cut(connection, sent=self._struck % 2 == 0)
        else:
            os.kill(os.getpid(), {KILL: signal.SIGKILL, PAUSE: signal.SIGSTOP}[self._life.fault])


def _cut(connection: Any, *, sent: bool) -> None:
    """Break the wire before a COMMIT. `sent`: the server has it by then; its answer goes nowhere."""
    if sent:
        connection.pgconn.send_query(b"COMMIT")
        while connection.pgconn.flush():
            pass
    with socket.socket(fileno=os.dup(connection.fileno())) as handle:
        handle.shutdown(socket.SHUT_RDWR)


class _AllStored(threading.Event):
    """Set when every row of every spool, the tick of this very moment and every repair are in the database."""

    engine: pipeline.Engine
    now_us: int

    def is_set(self) -> bool:
        connection, inlets = self.engine._connection, self.engine._inlets.values()
        if (
            connection is None
            or connection.closed
            or self.engine._begun is not None
            or any(i.position < i.reader.end() for i in inlets)
        ):
            return False
        try:
            row = connection.execute(
                "select (select tick_time from stanok.engine_state), (select sum(record) from stanok.spool_cursor),"
                " exists (select from stanok.recompute_request)"
            ).fetchone()
        except psycopg.Error:
            return False
        assert row is not None
        ticked = row[0] is not None and us_from_datetime(row[0]) == self.now_us
        return ticked and row[1] == sum(i.position for i in inlets) and not row[2]


def live(life: Life, plant: Plant) -> None:
    """The whole life, in a process of its own."""
    _log_to(life.log)
    os.fsync = lambda _: None  # type: ignore[assignment]  # nobody pulls the plug
    pipeline._READ_BYTES, pipeline._IDLE_S, pipeline._LOOK_FOR_SPOOLS_S = _READ_BYTES, 0.0, 0.0
    pipeline._RETRY_S = (0.02,)  # type: ignore[assignment]  # a test has no time to wait
    if life.loaded:
        pipeline.load_plant = lambda *_: None  # type: ignore[assignment]  # loaded once for all children
    clock: Any = HandClock(life.now_us)
    stop = _AllStored()
    stop.now_us = life.now_us
    stop.engine = pipeline.Engine(plant, life.directory, life.dsn, clock, _SETTINGS)
    _Fate(life)
    try:
        stop.engine.run(stop)
    except FencedError:
        os._exit(FENCED)
    os._exit(DONE)


def _log_to(path: Path) -> None:
    with path.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    logging.basicConfig(level=logging.INFO, force=True)
