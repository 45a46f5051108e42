"""Process two: spools -> order -> fold -> commit. One plain loop, no async.

Invariants:
- A tick carries the ends that all spools had at its moment, and is written once they have been read up to there and no
  further. So silence is never judged while data that would disprove it lie unread, nor by what came after the tick, and
  no judgement waits behind a tick.
- The engine's own ticks and judgements go through its own spool and are read back like any other row, at once. After
  a restart the other spools are read no further than the next old tick allows, so that old judgements act in order.
- A failed or unknown commit throws the whole memory away: reconnect, take ownership, resume from what is stored.
- While there is much to commit, the next commit begins before the last one has ended (storage.pg.commit); whatever else
  asks the database waits for both.
- Nothing is acknowledged to a spool before its rows are committed.
- What another version of the code folded is folded again before anything is read, in pieces (core.engine.renewal).
- Late data is folded in when it has been quiet for a while, in slices between which the stream goes on; the requests
  for it stand in the database, so that they survive whatever happens (core.engine.repair).
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from core.engine.fold import CODE_VERSION
from core.engine.gaps import record_of
from core.engine.raw import NEVER
from core.engine.renewal import renewals
from core.engine.repair import RepairJob
from core.engine.stream import GAPS_KEPT_US, Stream
from core.errors import DatabaseError, SpoolError
from core.facts.schema import Changes
from core.plant.model import Plant
from core.samples.records import RowKind, SpoolRow, StoredRow, Tick, pack_tick, unpack_tick
from core.units import FAR_US, datetime_from_us
from stanok.clock import RealClock, ScenarioClock
from stanok.meters import EngineMeter
from stanok.plantfile import names_of, remember_names
from stanok.settings import EngineSettings
from storage.pg import reading, samples
from storage.pg.commit import Store
from storage.pg.connect import Connection, connect
from storage.pg.past import PgPast
from storage.pg.plant import load_plant
from storage.spool import SpoolWriter, spool_paths
from storage.spool_read import SpoolReader

_log = logging.getLogger("stanok.engine")

OWN_SPOOL = "engine.spool"
PAST_SPOOL = "backfill.spool"
"""Written by back-fill; read to its end before any other, because live heartbeats would make its samples late."""
_READ_BYTES = 4_000_000
"""Payload bytes read from one spool at a time: some 80 000 samples, a fraction of a second of folding."""
_SUMMARIZE_S = 60.0
"""How often the index of hot samples is told what was written. What it was not told of is read by whoever asks for any
machine."""
_IDLE_S = 0.05
"""Pause when no spool had anything new; a twentieth of the commit interval."""
_LOOK_FOR_SPOOLS_S = 1.0
_BLOCKED_S = 5.0
"""How long a spool that cannot be read is left alone: rare enough for the log, soon enough for a silent machine."""
_RETRY_S = (0.5, 1.0, 2.0, 5.0, 10.0)
_REPAIR_SLICE_S = 0.2
"""How long the stream waits for a repair at a time: a fifth of the commit interval."""
_REPAIR_NOW = 10
"""Late data that never ceases is folded in after so many times the quiet that it is given."""
_FINISH_REPAIRS_S = 10.0
"""How long repairs may hold up the end; half of what a process is given to end (stanok.processes)."""
_STUCK_S = 30.0
"""A commit that makes no progress for so long has lost its server (reliability F10)."""


@dataclass
class _Inlet:
    """One spool being read: how far, and what was read but waits for its turn. Ordered by turn."""

    reader: SpoolReader
    position: int
    name: str
    inode: int
    waiting: list[StoredRow] = field(default_factory=list)
    blocked_until: float = 0.0


@dataclass(frozen=True)
class _Commit:
    """A commit that was begun: since when, and how far the spools had been read."""

    changes: Changes
    since: float
    positions: Mapping[Path, int]


class Engine:
    """The single writer of facts of one data directory."""

    def __init__(
        self,
        plant: Plant,
        directory: Path,
        dsn: str,
        clock: RealClock | ScenarioClock,
        settings: EngineSettings,
        meter: EngineMeter | None = None,
    ) -> None:
        self._meter = meter or EngineMeter(plant, clock)
        self._plant, self._clock, self._settings, self._dsn = plant, clock, settings, dsn
        self._spools = directory / "spool"
        self._names = directory / "plants"
        self._spools.mkdir(parents=True, exist_ok=True)
        remember_names(self._names, plant)
        self._own = SpoolWriter(self._spools / OWN_SPOOL)
        self._started = clock.running()
        self._next_tick = 0.0
        self._next_look = 0.0
        self._next_summary = 0.0
        self._due: Tick | None = None
        self._connection: Connection | None = None
        self._open = ExitStack()
        """What `_disconnect` closes."""
        self._begun: _Commit | None = None
        self._inlets: dict[Path, _Inlet] = {}
        self._refused: set[Path] = set()
        self._guard = _Guard()

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop, then commit what the spools hold.

        Raises FencedError if another engine took over; trouble with database or disk is waited out.
        """
        tries = 0
        while not stop.is_set():
            try:
                if not self._connect(stop):
                    return
                tries = 0
                while not stop.is_set():
                    self._turn(stop)
                self._finish()
            except (DatabaseError, SpoolError) as error:
                pause = _RETRY_S[min(tries, len(_RETRY_S) - 1)]
                self._meter.failed(error)
                _log.warning("%s; trying again in %.1f s", error, pause)
                tries += 1
                stop.wait(pause)

    def close(self) -> None:
        """Release the spools and the connection."""
        self._guard.close()
        self._disconnect()
        self._own.close()

    # Start and restart

    def _connect(self, stop: threading.Event) -> bool:
        """Go on where the last commit left off; False if told to stop on the way there."""
        self._disconnect()
        self._connection = connection = connect(self._dsn, "stanok engine")
        self._open.callback(connection.close)
        load_plant(connection, self._plant, self._clock.now_us())
        self._store = Store(connection, self._plant)
        self._open.callback(self._store.close)
        self._guard.watch(self._store.connections)
        self._stream = Stream(self._plant, names=lambda plant_hash: names_of(self._names, plant_hash))
        self._look_for_spools()  # takes ownership; what another engine committed until then is resumed from
        self._past = PgPast(connection, self._plant, CODE_VERSION)
        if not self._renewed(connection, stop):
            return False
        resume(self._stream, connection)
        self._judge_after, self._due, self._begun = self._own.end(), None, None
        self._job: RepairJob | None = None
        self._late_since = self._last_late = self._last_look = self._last_commit = time.monotonic()
        self._meter.connected()
        return True

    def _renewed(self, connection: Connection, stop: threading.Event) -> bool:
        """Fold again what only another version of the code can go on from; False if told to stop before the end."""
        own = reading.newest_snapshots(connection, CODE_VERSION, self._plant)
        noted = reading.snapshots_noted(connection, self._plant)
        for repairs in renewals(self._plant, self._past, noted, own):
            with self._guard.busy():
                self._store.commit(Changes.of_past(repairs))
            until = datetime_from_us(max(repair.until_us for repair in repairs))
            _log.info("this version of Stanok has folded the past again up to %s", f"{until:%Y-%m-%d %H:%M} UTC")
            if stop.is_set():
                return False
        return True

    def _disconnect(self) -> None:
        for inlet in self._inlets.values():
            inlet.reader.close()
        self._inlets = {}
        self._open.close()

    def _look_for_spools(self) -> None:
        """Open spools that appeared; the engine's own comes last in every round."""
        self._next_look = time.monotonic() + _LOOK_FOR_SPOOLS_S
        for path in spool_paths(self._spools):
            inode = path.stat().st_ino
            if path in self._inlets:
                if self._inlets[path].inode != inode:
                    raise SpoolError(f"{path} was replaced by another file")
                continue
            reader = SpoolReader.open_if_exists(path)
            if reader is None:
                continue
            position = self._store.take_ownership([reader.spool_id])[reader.spool_id]
            if reader.numbered() < position:
                reader.close()
                self._refuse_older_copy(path, position)
                continue
            self._inlets[path] = _Inlet(reader, position, path.name, inode)
            self._stream.add_spool(reader.spool_id)
        turn = {PAST_SPOOL: 0, OWN_SPOOL: 2}
        self._inlets = dict(sorted(self._inlets.items(), key=lambda item: (turn.get(item[1].name, 1), item[0])))

    def _refuse_older_copy(self, path: Path, position: int) -> None:
        """A spool that was put back from a copy would use numbers again that the database already has."""
        if path not in self._refused:
            self._refused.add(path)
            _log.error(
                "%s is an older copy: the database has its records up to %d, the file has not given out so many; "
                "move it away, and its collector starts a new one",
                path,
                position,
            )

    # One turn of the loop

    def _turn(self, stop: threading.Event) -> None:
        if time.monotonic() >= self._next_look:
            self._look_for_spools()
        moved = self._read_spools()
        if len(self._stream) >= self._settings.commit_samples:
            self._commit(ahead=True)
        elif time.monotonic() - self._last_commit >= self._settings.commit_s:
            self._commit()
        self._repair()
        self._summarize()
        if not moved and self._job is None:
            self._settle()
            stop.wait(_IDLE_S)

    def _summarize(self) -> None:
        if time.monotonic() >= self._next_summary:
            self._next_summary = time.monotonic() + _SUMMARIZE_S
            self._settle()
            with self._guard.busy():
                self._store.summarize()

    def _finish(self) -> None:
        """Take in and commit what is there, so that the next start has little to repeat."""
        ends = [(inlet, inlet.reader.end()) for inlet in self._inlets.values()]
        while any(inlet.position < end for inlet, end in ends) and self._read_spools():
            self._commit()
        self._commit()
        end = time.monotonic() + _FINISH_REPAIRS_S
        while time.monotonic() < end and (self._job is not None or self._look_for_requests()):
            self._go_on_with_repair()

    def _repair(self) -> None:
        """Go on with the repair that is under way, or begin one when late data has been quiet for a while."""
        now, quiet = time.monotonic(), self._settings.repair_quiet_s
        if self._job is None:
            if now - self._last_look < quiet:
                return
            if now - self._last_late < quiet and now - self._late_since < _REPAIR_NOW * quiet:
                return
            if not self._look_for_requests():
                return
        self._go_on_with_repair()

    def _look_for_requests(self) -> bool:
        """Begin a repair if one was asked for."""
        self._settle()
        self._last_look = self._late_since = time.monotonic()
        job = RepairJob(self._plant, self._past, self._stream.begin_us)
        self._job = None if job.empty else job
        return self._job is not None

    def _go_on_with_repair(self) -> None:
        """A slice of the repair. Its last step follows a commit at once, and is committed at once."""
        job, end = self._job, time.monotonic() + _REPAIR_SLICE_S
        assert job is not None
        self._settle()
        while self._repair_hour(job):
            if time.monotonic() > end:
                return
        self._commit()
        while self._repair_hour(job):
            pass
        with self._guard.busy():
            refolded = job.finish(self._stream.settled)
        self._stream.adopt(refolded, job.upto)
        self._job = None
        self._commit()

    def _repair_hour(self, job: RepairJob) -> bool:
        with self._guard.busy():
            return job.hour(self._stream.settled)

    def _read_spools(self) -> bool:
        """Take in what the spools have; True if there was anything. Nothing else is read while the past has more.

        What follows from it is judged and taken in before anything else is read.
        """
        allowed, moved = self._allowed(), False
        for inlet in self._inlets.values():
            if inlet.name == OWN_SPOOL:
                self._tick()  # after the others, and taken in before they are read on
            moved |= self._read(inlet, allowed)
            if self._stream.judging or (moved and inlet.name == PAST_SPOOL):
                break
        while judged := self._stream.judgements(self._clock.now_us()):
            self._own.append_now(judged)
            while self._read(self._own_inlet()):
                moved = True
        return moved

    def _own_inlet(self) -> _Inlet:
        return next(inlet for inlet in self._inlets.values() if inlet.name == OWN_SPOOL)

    def _endless(self) -> dict[str, int]:
        return dict.fromkeys((inlet.reader.spool_id for inlet in self._inlets.values()), FAR_US)

    def _allowed(self) -> Mapping[str, int] | None:
        """How far other spools may be read now: None for as far as they go.

        While rows of an earlier run come next in the engine's spool: to the ends that the first of them, a tick, had
        seen, or nothing before it, a judgement, has been taken in. Otherwise to the ends of a tick that is due.
        """
        own = self._own_inlet()
        if own.position >= self._judge_after:
            return None if self._due is None else {**self._endless(), **self._due.ends}
        own.waiting = own.waiting or own.reader.read(own.position, _READ_BYTES)
        first = own.waiting[0]
        return unpack_tick(first.payload).ends if first.kind is RowKind.TICK else {}

    def _read(self, inlet: _Inlet, allowed: Mapping[str, int] | None = None) -> bool:
        """Take in what a spool has; True if it had anything. The own spool stops at a tick that is not due yet."""
        inlet.waiting = inlet.waiting or self._next_rows(inlet)
        own, taken = inlet.name == OWN_SPOOL, 0
        for row in inlet.waiting:
            if own and row.kind is RowKind.TICK and not self._reached(unpack_tick(row.payload)):
                break
            if not own and allowed is not None and row.record > allowed.get(inlet.reader.spool_id, 0):
                break
            judge = own and row.record > self._judge_after
            self._stream.take_row(inlet.reader.spool_id, row, self._clock.scale(), judge=judge)
            inlet.position = row.record
            taken += 1
            if self._stream.judging:
                break
        del inlet.waiting[:taken]
        return taken > 0

    def _next_rows(self, inlet: _Inlet) -> list[StoredRow]:
        """What comes next in a spool. One that cannot be read is left alone for a while; the others go on."""
        if time.monotonic() < inlet.blocked_until:
            return []
        try:
            return inlet.reader.read(inlet.position, _READ_BYTES)
        except SpoolError as error:
            if inlet.name == OWN_SPOOL:
                raise
            _log.error("%s; until then its machines count as silent", error)
            inlet.blocked_until = time.monotonic() + _BLOCKED_S
            return []

    def _reached(self, tick: Tick) -> bool:
        """Whether every spool that can be read has been, to the end it had when the tick was written."""
        now = time.monotonic()
        positions = {i.reader.spool_id: i.position for i in self._inlets.values() if now >= i.blocked_until}
        return all(positions.get(spool, end) >= end for spool, end in tick.ends.items())

    def _tick(self) -> None:
        """Write the tick that is due when it is reached."""
        self._due = self._due or self._new_tick()
        if self._due is not None and self._reached(self._due):
            row = SpoolRow(RowKind.TICK, "engine", self._plant.hash, self._due.at_us, pack_tick(self._due))
            self._own.append_now([row])
            self._due = None

    def _new_tick(self) -> Tick | None:
        """A tick if it is time. None before scenario time runs or while it catches up with the wall clock."""
        now = time.monotonic()
        if self._clock.catching_up():
            # Sources prove their life at the clock's own pace once before they are judged.
            self._next_tick = now + self._settings.tick_s
        if now < self._next_tick:
            return None
        self._started = self._started or self._clock.running()
        now_us = self._clock.now_us()
        if not self._started or now_us <= self._stream.last_tick:
            return None
        self._next_tick = now + self._settings.tick_s
        others = [i for i in self._inlets.values() if i.name != OWN_SPOOL and now >= i.blocked_until]
        return Tick(now_us, {inlet.reader.spool_id: inlet.reader.end() for inlet in others})

    def _commit(self, *, ahead: bool = False) -> None:
        """Commit what was taken in; `ahead`: begin to, which ends what was begun before."""
        self._last_commit = time.monotonic()
        changes = self._stream.collect(self._clock.scale())
        if not (changes.cursors or changes.repaired[0]):  # nothing was taken in since the start, nor folded again
            self._settle()
            self._meter.idle()
            return
        mine = _Commit(changes, self._last_commit, {path: inlet.position for path, inlet in self._inlets.items()})
        before, self._begun = self._begun, mine
        with self._guard.busy():
            (self._store.begin if ahead else self._store.commit)(changes)
        self._stored(before)
        if not ahead:
            self._begun = None
            self._stored(mine)

    def _settle(self) -> None:
        """End what was begun: nobody may ask the database for what it does not have yet."""
        if self._begun is not None:
            with self._guard.busy():
                self._store.finish()
            mine, self._begun = self._begun, None
            self._stored(mine)

    def _stored(self, commit: _Commit | None) -> None:
        """What follows from a commit that is in the database."""
        if commit is None:
            return
        self._meter.committed(commit.changes, time.monotonic() - commit.since)
        if commit.changes.late:
            if self._last_late <= self._last_look:
                self._late_since = commit.since
            self._last_late = commit.since
        for path, inlet in self._inlets.items():
            record = commit.changes.cursors.get(inlet.reader.spool_id, commit.positions.get(path))
            if record is not None:
                inlet.reader.acknowledge(record)


def resume(stream: Stream, connection: Connection) -> None:
    """Put a fresh stream where the last commit left off; a database without commits leaves it as it is.

    Machines without any snapshot of this code are folded again from their beginning.
    """
    plant = stream.plant
    tick_us = reading.last_tick(connection)
    snapshots = reading.newest_snapshots(connection, CODE_VERSION, plant)
    begins = {machine: oldest for machine, (oldest, _) in reading.snapshots_noted(connection, plant).items()}
    kept = {machine: snapshots.get(machine, (begin,))[0] - GAPS_KEPT_US for machine, begin in begins.items()}
    gaps = [record_of(row, stream.lanes) for row in reading.gap_rows(connection, plant, kept)]
    frontiers = reading.frontiers(connection, plant)
    told = reading.told(connection, plant, {machine: kept.get(machine, 0) for machine in range(len(plant.machines))})
    since = stream.resume(frontiers, gaps, snapshots, begins, NEVER if tick_us is None else tick_us, told)
    if since:
        stream.refill(
            samples.raw_rows(connection, plant, samples.Window(since, told_from_us=min(since.values()))).batch
        )


class _Guard:
    """Closes the database connection under a commit that makes no progress, so that the loop gets its error."""

    def __init__(self, stuck_s: float = _STUCK_S, now: Callable[[], float] = time.monotonic) -> None:
        self._stuck_s, self._now = stuck_s, now
        self._since: float | None = None
        self._connections: Callable[[], Iterable[Connection]] = tuple
        self._over = threading.Event()
        threading.Thread(target=self._run, name="commit watchdog", daemon=True).start()

    def watch(self, connections: Callable[[], Iterable[Connection]]) -> None:
        """The connections that commits use from now on."""
        self._connections = connections

    def busy(self) -> _Guard:
        """For `with`: a commit is under way."""
        return self

    def __enter__(self) -> None:
        self._since = self._now()

    def __exit__(self, *_: object) -> None:
        self._since = None

    def close(self) -> None:
        """End the thread."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.wait(1.0):
            since = self._since
            if since is not None and self._now() - since > self._stuck_s:
                self._since = None
                _log.error("a commit makes no progress for %.0f s; closing the connection", self._stuck_s)
                for connection in self._connections():
                    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as handle:
                        handle.shutdown(socket.SHUT_RDWR)  # fails where the wire is broken already


__all__ = ["Changes", "Engine", "resume"]
