"""An hour without the database at 5 000 samples a second, until the spool is full; then the database is back.

A collector's part is played here, an engine runs as a process of its own, as in a plant. Time is simulated: samples are
appended as fast as the spool takes them. When the spool refuses them the rest waits, as in machines and brokers.
`catch_up`: how many times faster than they came samples are stored after the outage, appending included. `memory`: the
engine's most resident memory after it, beside the most before it. Afterwards every sample must be stored once, and no
second may be UNKNOWN.
"""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from core.errors import BrokenPromise, OutsideError, SpoolError
from core.plant.model import Plant
from core.samples.batch import SampleBatch
from core.samples.records import RowKind, SpoolRow, pack_samples
from stanok.bench.history import chunks
from stanok.bench.kernel import BEGIN_US, RATE_HZ, bench_plant
from stanok.bench.report import Figure
from stanok.bench.servers import a_database
from stanok.embedded import EmbeddedPostgres
from stanok.processes import stop_on_signals
from stanok.settings import EngineSettings
from storage.pg.connect import Connection, connect
from storage.pg.migrate import migrate
from storage.spool import SpoolWriter

MACHINES = 1000
OUTAGE_S = 3600
"""Simulated seconds without the database."""
BEFORE_S = 120
FULL = 0.8
"""Share of the outage's samples that the spool has room for."""
_LOOK_S = 0.1
_DEADLINE_S = 1800.0


@dataclass
class _Clock:
    """Scenario time in memory that processes share: what was sent last."""

    shared: Any

    def now_us(self) -> int:
        return int(self.shared.value)

    def from_real_us(self, real_us: int) -> int:
        return real_us

    def scale(self) -> float:
        return 1.0

    def running(self) -> bool:
        return True

    def catching_up(self) -> bool:
        return False


@dataclass
class _Memory:
    """Most resident memory of a process, looked at again and again [bytes]."""

    pid: int
    most: int = 0

    def look(self) -> None:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        self.most = max(self.most, pages * 4096)


@dataclass
class _Sender:
    """The collector's part: one row a second of samples, in order; a row that the spool refuses is tried again."""

    plant: Plant
    path: Path
    clock: _Clock
    limit_bytes: int = 1 << 40
    sent: int = 0
    _waiting: SpoolRow | None = None
    _samples: Iterator[SampleBatch] = field(init=False)
    _spool: SpoolWriter = field(init=False)

    def __post_init__(self) -> None:
        self._samples = chunks(self.plant, len(self.plant.machines) * RATE_HZ)
        self.open()

    def open(self) -> None:
        self._spool = SpoolWriter(self.path, size_limit_bytes=self.limit_bytes)

    def close(self) -> None:
        self._spool.close()

    def send(self) -> bool:
        """One second; False if the spool has no room for it now."""
        row = self._waiting or self._row()
        try:
            self._spool.append_now([row])
        except SpoolError:
            self._waiting = row
            return False
        self._waiting = None
        self.sent += 1
        self.clock.shared.value = row.received_us
        return True

    def _row(self) -> SpoolRow:
        batch = next(self._samples)
        now_us = int(batch.received_us.max())
        return SpoolRow(RowKind.SAMPLES, self.plant.sources[0].name, self.plant.hash, now_us, pack_samples(batch))


def measure(
    database: str | None, *, machines: int = MACHINES, outage_s: int = OUTAGE_S, before_s: int = BEFORE_S
) -> Iterator[Figure]:
    """The figures, in a database that is made on the given server and dropped; else on an embedded server."""
    plant = bench_plant(machines)
    with ExitStack() as house:
        directory = Path(house.enter_context(TemporaryDirectory(prefix="stanok-bench-")))
        directory.chmod(0o755)  # as root the database server runs as another user
        server = database or _server(directory, house)
        dsn = a_database(server, directory, house)
        with connect(dsn, "stanok bench") as connection:
            migrate(connection)
        door = house.enter_context(connect(server, "stanok bench"))
        (directory / "spool").mkdir()
        clock = _Clock(multiprocessing.get_context("spawn").Value("q", BEGIN_US))
        sender = _Sender(plant, directory / "spool" / "collect.spool", clock)
        house.callback(lambda: sender.close())
        empty = _size(sender.path)
        memory = _Memory(_start_engine(plant, directory, dsn, clock, house))
        for _ in range(before_s):
            sender.send()
        _wait(dsn, sender, memory)
        before = _Memory(memory.pid, memory.most)
        _shut(door, dsn, shut=True)
        sender.close()
        sender.limit_bytes = empty + int((_size(sender.path) - empty) / before_s * FULL * outage_s)
        sender.open()
        refused = outage_s - _send(sender, outage_s)
        memory.look()
        _shut(door, dsn, shut=False)
        begun = time.perf_counter()
        while sender.sent < before_s + outage_s:
            memory.look()
            if not sender.send():
                time.sleep(_LOOK_S)
        _wait(dsn, sender, memory)
        seconds = time.perf_counter() - begun
        conditions = {
            "machines": machines,
            "samples a second": machines * RATE_HZ,
            "seconds without database": outage_s,
            "of them waiting for room": refused,
            "spool's limit in bytes": sender.limit_bytes,
            **_stored(dsn, sender.sent * machines * RATE_HZ),
        }
        found = {**conditions, "seconds to catch up": round(seconds, 1)}
        yield Figure("outage", "catch_up", outage_s / seconds, "1", {}, found)
        yield Figure("outage", "memory", memory.most, "B", {"before the outage": before.most}, conditions)


def _size(spool: Path) -> int:
    """Bytes of a spool with what is still in its log."""
    with closing(sqlite3.connect(f"{spool.absolute().as_uri()}?mode=ro", uri=True)) as looking:
        pages, size = (looking.execute(f"pragma {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages) * int(size)


def _server(directory: Path, house: ExitStack) -> str:
    server = EmbeddedPostgres(directory / "postgres")
    house.callback(server.stop)
    return server.start()


def _send(sender: _Sender, seconds: int) -> int:
    """Send so many seconds, or until there is no room."""
    for sent in range(seconds):
        if not sender.send():
            return sent
    return seconds


def _start_engine(plant: Plant, directory: Path, dsn: str, clock: _Clock, house: ExitStack) -> int:
    process = multiprocessing.get_context("spawn").Process(
        target=_engine, args=(plant, directory, dsn, clock.shared), daemon=True
    )
    process.start()
    house.callback(process.join)
    house.callback(process.terminate)
    assert process.pid is not None
    return process.pid


def _engine(plant: Plant, directory: Path, dsn: str, shared: Any) -> None:
    from stanok.pipeline import Engine

    clock: Any = _Clock(shared)
    engine = Engine(plant, directory, dsn, clock, EngineSettings())
    stop: threading.Event = stop_on_signals()
    engine.run(stop)
    engine.close()


def _shut(door: Connection, dsn: str, *, shut: bool) -> None:
    """Let nobody into the database, and throw out who is in it; or let them in again."""
    name = str(conninfo_to_dict(dsn)["dbname"])
    door.execute(
        sql.SQL("alter database {} with allow_connections {}").format(
            sql.Identifier(name), sql.SQL("false" if shut else "true")
        )
    )
    if shut:
        door.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])


def _wait(dsn: str, sender: _Sender, memory: _Memory) -> None:
    """Until all that was sent is stored."""
    end = time.monotonic() + _DEADLINE_S
    with connect(dsn, "stanok bench") as connection:
        while True:
            memory.look()
            row = connection.execute(
                "select exists (select from stanok.spool_cursor where spool = %s and record >= %s)",
                [sender._spool.spool_id, sender.sent],
            ).fetchone()
            if row == (True,):
                return
            if time.monotonic() > end:
                raise OutsideError("the engine does not catch up; look at its log above")
            time.sleep(_LOOK_S)


def _stored(dsn: str, samples: int) -> dict[str, int]:
    """Every sample once: their numbers are 0, 1, 2 …"""
    with connect(dsn, "stanok bench") as connection:
        row = connection.execute("select count(*), sum(seq)::text, max(seq) from stanok.sample").fetchone()
        unknown = connection.execute(
            "select coalesce(sum(unknown + unknown_out), 0)::bigint from stanok.fact_minute"
            " where minute > (select min(minute) from stanok.fact_minute)"  # nothing is known before first samples
        ).fetchone()
    if row != (samples, str(samples * (samples - 1) // 2), samples - 1):
        raise BrokenPromise(f"{samples} samples were sent, stored are (number, sum and last of their numbers) {row}")
    if unknown != (0,):
        raise BrokenPromise(f"the outage made {unknown} µs of UNKNOWN")
    return {"samples stored": samples}
