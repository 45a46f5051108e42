"""Every way a commit can end too early, one after the other on one day of a plant; then the rows of an undisturbed day.

    python -m tests.stanok.crash [--seed N] [--rounds 10] [--minutes 320] [--server debian|timescaledb] [--only KIND]

An engine's life is a fork of a process that has everything compiled (tests/stanok/crash_child.py). The day comes in
stretches; in each, lives are struck until all of it is stored:
- `kill`: SIGKILL at every statement of every commit, in a fork for each of them, and right after every COMMIT;
- `restart`: in the middle of a COPY the database server is stopped at once (SIGQUIT) or killed, and started again;
- `cut`: the connection is gone before the server has a COMMIT, or after it, so that its outcome is unknown;
- `duel`: one engine is stopped (SIGSTOP) at a moment of its commit, before it began or in its middle; another one with
  a copy of the data directory takes over and goes on. When the first wakes up (SIGCONT) it may not write any more.
"""

# ruff: noqa: E402 - the place of compiled code is told before anything imports numba
from __future__ import annotations

from stanok.compiled import keep_compiled_code

keep_compiled_code()

import argparse
import multiprocessing
import os
import random
import re
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from core.plant.model import Plant
from core.samples.records import SpoolRow
from core.units import MINUTE_US
from simulators.scenario import parse_scenario, read_scenario
from stanok.plantfile import load_plant
from storage.pg.connect import Connection, connect
from storage.pg.migrate import migrate
from storage.spool import SpoolWriter
from tests.servers import DEBIAN, TIMESCALE, Postgres
from tests.stanok.conftest import PLANTS, TUESDAY_US
from tests.stanok.crash_child import CUT, DONE, FENCED, KILL, PAUSE, STRUCK, Life, live
from tests.stanok.day import Step, day
from tests.stanok.house import Rows, difference, results

STRETCHES = 2
"""Parts of the day between which the clock stands still."""
DUELS = 4
"""In a row in a stretch; the last engine goes on to the end."""
DEADLINE_S = 60.0
TICKS_APART_US = 1000
"""A life that died between a tick and its judgement leaves it to the next tick, so each life has its own instant."""


@dataclass(frozen=True)
class Outcome:
    """What a day left; `struck` counts faults by where they struck, `lives` engines that were started."""

    rows: Rows
    struck: Counter[str]
    lives: int
    seconds: float

    def line(self) -> str:
        """For people."""
        return f"{self.struck.total()} faults, {self.lives} engines, {self.seconds:.1f} s {dict(self.struck)}"


class Crash:
    """One day of a plant in one database, with one kind of fault, or undisturbed."""

    def __init__(
        self, plant: Plant, directory: Path, dsn: str, kind: str = "", seed: int = 0, server: Postgres | None = None
    ) -> None:
        self._plant, self._directory, self._dsn, self._kind, self._server = plant, directory, dsn, kind, server
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.stanok.crash_warm"])
        self._random = random.Random(seed)
        self._lives = 0
        self._now_us = 0
        self._log = directory.with_suffix(".log")
        (directory / "spool").mkdir(parents=True)

    def live(self, steps: list[Step]) -> Outcome:
        """Feed the steps in stretches, strike, and look at the database in the end."""
        begun = time.monotonic()
        for stretch in _stretches(steps):
            self._feed(stretch)
            self._now_us = next(step.clock_us for step in reversed(stretch) if step.clock_us is not None)
            exactly_us, self._now_us = self._now_us, self._now_us - MINUTE_US // 2
            if self._kind:
                with connect(self._dsn) as connection:
                    _STRIKES[self._kind](self, connection)
            self._now_us = exactly_us
            self.end(self.start(), {DONE})
        struck = Counter(re.findall(rf"^{STRUCK}(.*)$", self._log.read_text(), re.MULTILINE))
        with connect(self._dsn) as connection:
            return Outcome(results(connection), struck, self._lives, time.monotonic() - begun)

    def _feed(self, steps: list[Step]) -> None:
        rows: dict[str, list[SpoolRow]] = {}
        for step in steps:
            for name, found in step.rows.items():
                rows.setdefault(name, []).extend(found)
        for name, found in rows.items():
            with SpoolWriter(self._directory / "spool" / f"{name}.spool") as spool:
                for row in found:
                    spool.append_now([row])

    def start(self, **fault: Any) -> Any:
        """An engine in a process of its own."""
        self._lives += 1
        self._now_us += TICKS_APART_US if fault else 0
        life = Life(self._directory, self._dsn, self._now_us, log=self._log, loaded=self._lives > 1, **fault)
        process = self._context.Process(target=live, args=(life, self._plant), daemon=True)
        process.start()
        return process

    def end(self, process: Any, allowed: set[int]) -> int:
        """Wait for its end; the exit code, one of those that are allowed."""
        process.join(DEADLINE_S)
        if process.exitcode not in allowed:
            process.kill()
            raise AssertionError(f"an engine ended with {process.exitcode}: {self._log.read_text()[-3000:]}")
        return int(process.exitcode)

    def stopped(self, process: Any) -> bool:
        """Wait until it stands still; False if it ended instead."""
        _wait(lambda: _state(process) in "TZ")
        return _state(process) == "T"

    def restart_server(self) -> None:
        """It loses everything that is not committed, politely or not."""
        assert self._server is not None
        self._server.kill(self._random.choice([signal.SIGQUIT, signal.SIGKILL]))
        self._server.start()

    def draw(self, least: int, most: int) -> int:
        """A number of the seed's."""
        return self._random.randint(least, most)

    def move(self) -> None:
        """Go on with a copy of the data directory, as if its disk were in another computer."""
        fresh = self._directory.with_name(f"{self._directory.name}x")
        shutil.copytree(self._directory, fresh)
        self._directory = fresh


def _stretches(steps: list[Step]) -> Iterator[list[Step]]:
    """Parts of the day; a silence that has to be judged ends a part, and an outage is in one part with its end."""
    size = len(steps) // STRETCHES
    part: list[Step] = []
    for step in steps:
        part.append(step)
        if step is steps[-1] or step.judged is not None or (len(part) >= size and step.clock_us is not None):
            yield part
            part = []


def _wait(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("nothing happens")
        time.sleep(0.002)
    return True


def _state(process: Any) -> str:
    """Letter of a process's state, Z for one that has ended."""
    try:
        return Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def _kill(crash: Crash, _: Connection) -> None:
    """At every moment of every commit."""
    while crash.end(crash.start(fault=KILL), {-signal.SIGKILL, DONE}) != DONE:
        pass


def _restart(crash: Crash, _: Connection) -> None:
    """Again and again while the engine stands in a COPY; it goes on by itself when the server is back."""
    process = crash.start(fault=PAUSE, at="mid-COPY", moment=3, again=True)
    while crash.stopped(process):
        crash.restart_server()
        os.kill(process.pid, signal.SIGCONT)
    crash.end(process, {DONE})


def _cut(crash: Crash, _: Connection) -> None:
    """Again and again at a COMMIT, in turns before it and after; the engine connects again."""
    crash.end(crash.start(fault=CUT, at="COMMIT", moment=1, again=True), {DONE})


def _duel(crash: Crash, connection: Connection) -> None:
    """The one that was stopped must not write any more once the other has taken over.

    The first is stopped in the middle of a commit, for which the other has to wait; the others between computing and
    committing.
    """
    first = crash.start(fault=PAUSE, at="COPY", moment=1)
    for duel in range(DUELS):
        if not crash.stopped(first):
            break
        crash.move()
        another = {"fault": PAUSE, "at": "begin", "moment": crash.draw(1, 2)} if duel < DUELS - 1 else {"moment": -1}
        second = crash.start(**another)
        # A default argument keeps the one of this round.
        _wait(lambda of=second: _state(of) in "TZ" or _waits_for_lock(connection))  # type: ignore[misc]  # mypy takes no default of a lambda
        os.kill(first.pid, signal.SIGCONT)
        crash.end(first, {DONE, FENCED})
        first = second
    crash.end(first, {DONE})


def _waits_for_lock(connection: Connection) -> bool:
    row = connection.execute(
        "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
    ).fetchone()
    return row == (True,)


_STRIKES: dict[str, Callable[[Crash, Connection], None]] = {
    "kill": _kill,
    "restart": _restart,
    "cut": _cut,
    "duel": _duel,
}
KINDS = tuple(_STRIKES)


def main() -> int:
    """By hand: a long campaign; prints the numbers of faults, exit code 1 if a row differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.stanok.crash", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--minutes", type=int, default=320, help="of the day, which has 360")
    parser.add_argument("--rounds", type=int, default=1, help="days with seeds that follow each other")
    parser.add_argument("--only", choices=KINDS, help="one kind of fault")
    parser.add_argument("--server", choices=["debian", "timescaledb"], default="debian")
    given = parser.parse_args()
    plant, wrong, number = load_plant(PLANTS / "demo.toml"), 0, 0
    with ExitStack() as house:
        place = Path(house.enter_context(tempfile.TemporaryDirectory(prefix="stanok-crash-")))
        server = Postgres({"debian": DEBIAN, "timescaledb": TIMESCALE}[given.server])
        house.callback(server.remove)
        server.make()
        for seed in range(given.seed, given.seed + given.rounds):
            scenario = parse_scenario(read_scenario(PLANTS / "demo.scenario.toml"), plant, TUESDAY_US)
            steps = list(day(plant, scenario, seed))[: given.minutes]
            calm = None
            for kind in ["", *([given.only] if given.only else KINDS)]:
                number += 1
                dsn = _database(server, f"day_{number}")
                found = Crash(plant, place / f"day-{number}", dsn, kind, seed, server).live(steps)
                calm = calm or found
                rows = difference(calm.rows, found.rows)
                wrong += bool(rows)
                print(
                    f"seed {seed}, {kind or 'undisturbed'}: {found.line()}, {len(rows)} rows differ",
                    *rows[:20],
                    sep="\n",
                )
    return 1 if wrong else 0


def _database(server: Postgres, name: str) -> str:
    with connect(server.dsn) as connection:
        connection.execute(f"create database {name} template template0".encode())
    dsn = make_conninfo(server.dsn, dbname=name)
    with connect(dsn) as connection:
        migrate(connection)
    return dsn


if __name__ == "__main__":
    raise SystemExit(main())
