"""A data directory with an engine's process that may die, and what its database holds in the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from core.samples.records import Gap, RowKind, SpoolRow, unpack_gap
from core.units import us_from_datetime
from stanok.pipeline import OWN_SPOOL
from storage.pg.connect import Connection, connect
from storage.spool import SpoolWriter
from storage.spool_read import SpoolReader

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60.0


def wait_for(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Look until it is true."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {deadline_s:.0f} s"
        time.sleep(0.02)


def own_gaps(directory: Path) -> list[Gap]:
    """The gap edges in the own spool of a data directory's engine."""
    reader = SpoolReader.open_if_exists(directory / "spool" / OWN_SPOOL)
    if reader is None:
        return []
    with reader:
        return [unpack_gap(row.payload) for row in reader.read(0, 1 << 30) if row.kind is RowKind.GAP]


class House:
    """Spools, a clock, and an engine that is started again whenever it has died.

    `deaths`: the moment (engine_child) at which each engine that is started dies by itself, -1 never.
    """

    def __init__(self, plant: Path, directory: Path, dsn: str, deaths: Iterator[int] | None = None) -> None:
        self._arguments = [str(plant), str(directory), dsn]
        self.dsn = dsn
        self.directory = directory
        self.log = directory / "engine.log"
        self._deaths = deaths
        self._process: subprocess.Popen[bytes] | None = None
        self.died = 0
        self.mortal = deaths is not None
        (directory / "spool").mkdir(parents=True)
        self.spools: dict[str, SpoolWriter] = {}

    def set_clock(self, now_us: int) -> None:
        fresh = self.directory / "now.new"
        fresh.write_text(str(now_us))
        fresh.replace(self.directory / "now")

    def append(self, spool: str, rows: list[SpoolRow]) -> None:
        if spool not in self.spools:
            self.spools[spool] = SpoolWriter(self.directory / "spool" / f"{spool}.spool")
        if rows:
            self.spools[spool].append_now(rows)

    def keep(self) -> None:
        """See to it that an engine runs; one that ended by itself with an error is a failure."""
        if self._process is not None and self._process.poll() is None:
            return
        if self._process is not None:
            assert self._process.returncode == -signal.SIGKILL, self.log.read_text()[-3000:]
            self.died += 1
        moments = next(self._deaths, -1) if self._deaths is not None else -1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.stanok.engine_child", *self._arguments, str(moments)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "STANOK_PARENT": str(os.getpid())},
            )

    def kill(self) -> None:
        """kill -9, as it stands."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait, with an engine running."""

        def looked() -> bool:
            self.keep()
            return condition()

        wait_for(looked, what)

    def gaps(self) -> list[Gap]:
        """The gap edges in the engine's own spool."""
        return own_gaps(self.directory)

    def acknowledged(self) -> int:
        """How many records the engine says are in the database."""
        found = [json.loads(path.read_text()) for path in (self.directory / "spool").glob("*.ack")]
        return sum(ack["record"] for ack in found)

    def committed(self) -> bool:
        """Whether every row of every spool is acknowledged."""
        ends = 0
        for path in (self.directory / "spool").glob("*.spool"):
            reader = SpoolReader.open_if_exists(path)
            if reader is None:  # the engine is just making it
                return False
            with reader:
                ends += reader.end()
        return self.acknowledged() == ends

    def ticked(self, at_us: int) -> bool:
        """Whether the engine's clock in the database has come to an instant."""
        with connect(self.dsn) as connection:
            row = connection.execute("select tick_time from stanok.engine_state").fetchone()
        return row is not None and us_from_datetime(row[0]) >= at_us

    def repaired(self) -> bool:
        """Whether no stretch waits to be folded again."""
        with connect(self.dsn) as connection:
            return connection.execute("select 1 from stanok.recompute_request limit 1").fetchone() is None

    def second(self) -> tuple[int, str]:
        """Start another engine on the same directory: its exit code and last words."""
        command = [sys.executable, "-m", "tests.stanok.engine_child", *self._arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        return done.returncode, done.stderr

    def move(self, dsn: str) -> None:
        """Go on with another database."""
        self._arguments[2] = self.dsn = dsn

    def stop(self) -> None:
        """End the engine in good order, and the spools."""
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(DEADLINE_S) == 0, self.log.read_text()[-3000:]
            self._process = None
        for spool in self.spools.values():
            spool.close()

    def clean_up(self) -> None:
        """Whatever happened, leave nothing behind."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        for spool in self.spools.values():
            spool.close()


Rows = dict[str, list[str]]
"""By table, rows as text in an order of their own."""

_RESULTS = (
    "fact_minute",
    "fact_hour",
    "fact_shift",
    "fact_day",
    "counter_event",
    "state_interval",
    "program_interval",
    "data_gap",
    "source_gap",
    "sample",
    "machine_live",
    "source_frontier",
    "recompute_request",
    "quarantine",
    "part_program",
    "operator_entry",
)
_IGNORED = ["spool_id", "requested"]
"""Numbers of spools are given out as they come; a request carries the tick it was made at."""


def results(connection: Connection) -> Rows:
    """Everything that a run leaves behind."""
    return {
        table: sorted(
            row[0]
            for row in connection.execute(
                f"select (to_jsonb(t) - %s::text[])::text from stanok.{table} t".encode(), [_IGNORED]
            )
        )
        for table in _RESULTS
    }


def difference(expected: Rows, found: Rows) -> list[str]:
    """Rows that only one of them has, marked - and +; equal rows count as often as they are there."""
    out = []
    for table, rows in expected.items():
        out += [f"- {table} {row}" for row in (Counter(rows) - Counter(found[table])).elements()]
        out += [f"+ {table} {row}" for row in (Counter(found[table]) - Counter(rows)).elements()]
    return out
