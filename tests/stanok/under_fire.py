"""A whole plant as processes that may be killed: simulators, collector and engine on a broker and a database server.

It is the demonstration's plant. `start` writes a few hours of past, lets the family begin and scenario time run; `kill`
kills -9; `settle` stops scenario time and waits until everything on its way has arrived.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from core.plant.model import Plant
from core.samples.records import RowKind, SpoolRow, Tick, pack_tick
from core.units import HOUR_US, SECOND_US, datetime_from_us, us_from_datetime
from core.vocabulary import Flag
from simulators.backfill import backfill
from simulators.scenario import Scenario, parse_scenario, read_scenario
from simulators.signals import Signals
from stanok.clock import ClockFile, ScenarioClock, start_clock, stop_clock, write_clock
from stanok.collect import STATUS, read_status
from stanok.embedded import free_port
from stanok.pipeline import PAST_SPOOL
from stanok.plantfile import load_plant, remember_names
from stanok.processes import Child
from storage.pg.connect import connect
from storage.pg.live import machines_live
from storage.pg.migrate import migrate
from storage.spool import SpoolWriter
from tests.stanok.house import wait_for

ORIGIN_US = 1_774_335_600_000_000
"""2026-03-24 10:00 in Minsk, a Tuesday: every machine is in the middle of a shift."""
PAST_US = 2 * HOUR_US
READY_S = 120.0
"""The first start on a busy machine compiles the kernel."""
BACK_S = 60.0
PEACE_S = 6.0
"""A publisher repeats its present values every 2 s: until then a machine may not yet know that it missed something."""
QUIET_S = 3.0
"""Without news for so long nothing more is on its way: many commits, and a dozen publishes of OPC UA."""
PLANTS = Path(__file__).parents[2] / "simulators" / "plants"


class Broker(Protocol):
    """A broker that runs."""

    port: int


class Server(Protocol):
    """A database server that a test may kill and start again on the same address."""

    dsn: str

    def start(self) -> object: ...

    def kill(self, number: int = signal.SIGKILL) -> None: ...


class UnderFire:
    """See the module's first lines."""

    def __init__(self, directory: Path, broker: Broker, server: Server, speed: float, seed: int) -> None:
        self.directory, self.server = directory, server
        directory.mkdir(parents=True, exist_ok=True)
        self._clock_path = directory / "clock.json"
        self.plant = self._make_plant(broker.port)
        self._speed = speed
        self.begin_us, self.end_us = ORIGIN_US - PAST_US, ORIGIN_US
        self.scenario = self._make_scenario(seed)
        self.signals = Signals(self.plant, self.scenario)
        self.children = self._make_children()
        self._work_seen = -1

    # Before the first shot

    def start(self) -> None:
        """Everything up, the past folded, scenario time running."""
        write_clock(self._clock_path, ClockFile(self.begin_us, ORIGIN_US, self._speed))
        with connect(self.server.dsn) as connection:
            migrate(connection)
        self._fill_past()
        for child in self.children.values():
            child.start()
        wait_for(self._ready, f"the plant in {self.directory} is not ready", READY_S)
        start_clock(self._clock_path)
        wait_for(self._all_have_spoken, "not every machine has said something", READY_S)

    def _make_plant(self, broker_port: int) -> Plant:
        path = self.directory / "plant.toml"
        text = (PLANTS / "demo.toml").read_text(encoding="utf-8")
        text = text.replace("127.0.0.1:0/", f"127.0.0.1:{free_port()}/").replace("port = 0", f"port = {broker_port}")
        path.write_text(text, encoding="utf-8")
        plant = load_plant(path)
        remember_names(self.directory / "plants", plant)
        return plant

    def _make_scenario(self, seed: int) -> Scenario:
        """The demonstration's machines with another seed, in a file of its own for the simulators."""
        text = (PLANTS / "demo.scenario.toml").read_text(encoding="utf-8")
        path = self.directory / "plant.scenario.toml"
        path.write_text(text.replace("seed = 20260324", f"seed = {seed}"), encoding="utf-8")
        return parse_scenario(read_scenario(path), self.plant, self.begin_us)

    def _fill_past(self) -> None:
        spools = self.directory / "spool"
        spools.mkdir(exist_ok=True)
        write_past(spools / PAST_SPOOL, self.plant, self.scenario, self.begin_us, ORIGIN_US)

    def _make_children(self) -> dict[str, Child]:
        plant, data = str(self.directory / "plant.toml"), ["--data", str(self.directory)]
        log = self.directory / "log"
        often = {"STANOK__DATABASE__DSN": self.server.dsn, "STANOK__ENGINE__COMMIT_S": "0.3"}
        often["STANOK__ENGINE__REPAIR_QUIET_S"] = "0.5"
        scenario = str(self.directory / "plant.scenario.toml")
        return {
            "engine": Child("the engine", ["engine", plant, *data], log / "engine.log", often),
            "collector": Child("the collector", ["collect", plant, *data], log / "collect.log"),
            "simulators": Child(
                "the simulators", ["simulate", scenario, "--plant", plant, *data], log / "simulate.log"
            ),
        }

    def _ready(self) -> bool:
        self.check()
        return self.collecting() and self.as_of() >= ORIGIN_US

    def _all_have_spoken(self) -> bool:
        """Whether every machine has sent something live: without a first number nothing can follow it."""
        self.check()
        with connect(self.server.dsn) as connection:
            rows = connection.execute(
                "select count(distinct machine_id) from stanok.sample where event_time > %s and flags & %s = 0",
                [datetime_from_us(ORIGIN_US), int(Flag.INITIAL)],
            ).fetchone()
        return rows is not None and rows[0] == len(self.plant.machines)

    # Shots

    def kill(self, victim: str, *, politely: bool) -> None:
        """Kill -9. `politely`: the database server stops at once by itself instead (SIGQUIT)."""
        if victim == "database":
            self.server.kill(signal.SIGQUIT if politely else signal.SIGKILL)
            return
        for name in ("collector", "engine") if victim == "both" else (victim,):
            process = self.children[name].process
            assert process is not None
            process.kill()
            process.wait()

    def revive(self, victim: str) -> None:
        """Start it again, as its supervisor would."""
        self._work_seen = self.acknowledged()
        if victim == "database":
            self.server.start()
            return
        for name in ("collector", "engine") if victim == "both" else (victim,):
            if name == "collector":
                (self.directory / STATUS).unlink(missing_ok=True)
            self.children[name].start()

    def at_work(self, victim: str) -> Callable[[], bool]:
        """Whether the victim has got anywhere since the last revival: a commit, or all sources of a collector."""

        def looked() -> bool:
            self.check()
            return self.collecting() if victim == "collector" else self.acknowledged() > self._work_seen

        return looked

    def check(self) -> None:
        """Nobody may end by itself; the kills wait for the dead, so a return code here is somebody's own will."""
        for child in self.children.values():
            process = child.process
            assert process is None or process.poll() is None, f"{child.name} ended: {child.last_words()}"

    def collecting(self) -> bool:
        """Whether every source says that all it wants is subscribed."""
        statuses = read_status(self.directory)
        return bool(statuses) and all(status.ready for status in statuses)

    def acknowledged(self) -> int:
        """How many records of all spools are in the database."""
        found = (json.loads(path.read_text()) for path in (self.directory / "spool").glob("*.ack"))
        return sum(int(ack["record"]) for ack in found)

    def as_of(self) -> int:
        """Up to when every machine is told, scenario µs."""
        with connect(self.server.dsn) as connection:
            return min((us_from_datetime(row["as_of"]) for row in machines_live(connection)), default=0)

    def _settled(self) -> int:
        """Up to when nothing of any machine can change in order, scenario µs."""
        with connect(self.server.dsn) as connection:
            row = connection.execute("select min(settled) from stanok.machine_live").fetchone()
        return 0 if row is None or row[0] is None else us_from_datetime(row[0])

    def _heard(self) -> bool:
        """Whether no gap lasts: what was made in it is booked when present values have been told after it."""
        with connect(self.server.dsn) as connection:
            row = connection.execute(
                "select not exists (select from stanok.data_gap where scope = 'state' and to_time is null)"
            ).fetchone()
        return row == (True,)

    def _repaired(self) -> bool:
        """Whether nothing waits to be computed again."""
        with connect(self.server.dsn) as connection:
            row = connection.execute("select not exists (select from stanok.recompute_request)").fetchone()
        return row == (True,)

    # After the last shot

    def settle(self) -> None:
        """Stop scenario time, wait until nothing more arrives, end the family in the order that loses nothing."""
        wait_for(lambda: self.at_work("collector")() and self.at_work("engine")(), "not all are back", BACK_S)
        peace_us = ScenarioClock(self._clock_path).now_us() + int(PEACE_S * SECOND_US * self._speed)
        wait_for(lambda: self._settled() >= peace_us and self._heard(), "the plant does not come to rest", BACK_S)
        self.end_us = end_us = stop_clock(self._clock_path).stop_us or 0
        seen, since = -1, time.monotonic()
        deadline = time.monotonic() + BACK_S
        while seen < end_us and time.monotonic() - since < QUIET_S and time.monotonic() < deadline:
            self.check()
            if (now := self.as_of()) != seen:
                seen, since = now, time.monotonic()
            time.sleep(0.1)
        wait_for(self._repaired, "late data is not folded in", BACK_S)
        for name in ("simulators", "collector", "engine"):
            self.children[name].stop()

    def end(self) -> None:
        """Whatever happened, leave no process behind."""
        for child in self.children.values():
            if child.process is not None:
                child.process.kill()
                child.process.wait()


def write_past(path: Path, plant: Plant, scenario: Scenario, from_us: int, to_us: int) -> None:
    """A spool with everything that the machines say in a stretch, and a tick at its end."""
    with SpoolWriter(path) as spool:
        for rows in backfill(plant, scenario, from_us, to_us):
            spool.append_now(rows)
        spool.append_now([SpoolRow(RowKind.TICK, "engine", plant.hash, to_us, pack_tick(Tick(to_us)))])
