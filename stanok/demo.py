"""The servers and the scenario behind `stanok demo`: the main job on embedded parts, compared with the truth.

Order of a run: database and broker start, the last days are written into a spool of their own, the engine folds them,
simulators and collector connect; then scenario time starts. At the end it stands still, everything on its way arrives,
and measured figures are compared with the ledger's over exactly the same window. A second run goes on where the first
one stopped.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from core.engine.version import source_hash
from core.errors import InputError, OutsideError
from core.plant.model import Plant
from core.samples.records import RowKind, SpoolRow, Tick, pack_tick, unpack_tick
from core.units import DAY_US, ceil_minute, floor_minute, us_from_datetime
from simulators.backfill import backfill
from simulators.scenario import Scenario, parse_scenario, read_scenario
from simulators.signals import Signals
from stanok.broker import DemoBroker
from stanok.clock import ClockFile, ScenarioClock, read_clock, real_now_us, start_clock, stop_clock, write_clock
from stanok.collect import read_status
from stanok.compare import compare
from stanok.embedded import EmbeddedPostgres, free_port
from stanok.knobs import done_in
from stanok.operator import Operator
from stanok.pipeline import OWN_SPOOL, PAST_SPOOL
from stanok.plantfile import load_plant, remember_names
from stanok.preview import preview
from stanok.processes import Child
from storage.pg.connect import Connection, connect
from storage.pg.live import machines_live
from storage.pg.migrate import migrate
from storage.spool import SpoolWriter
from storage.spool_read import SpoolReader

_PAST_US = 2 * DAY_US
"""How much past a first run fills in: two days give every shift of both plants a figure."""
_START_WEEKDAY, _START_HOUR = 1, 10
"""Tuesday 10:00 local time of the first site: every machine is in the middle of a shift."""
_READY_S = 90.0
"""Without getting any further. A cold start on two cores takes some 15 s, compilation included; a computer that is busy
with other things has been seen to need ten times that."""
_DRAIN_S = 60.0
_QUIET_S = 3.0
"""Real time without news after which nothing more is on its way: three commits, and twelve publishes of OPC UA."""
_LAST_ROWS = 500
"""Rows of the engine's spool among which the last tick is looked for: 16 minutes of ticks without judgements."""
_LOOK_S = 0.25


T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """What the command line says.

    `seconds`: None runs until stopped. `broker` and `database` replace embedded parts.
    """

    directory: Path
    speed: float
    seconds: float | None
    broker: str | None
    database: str | None
    preview_port: int | None = None
    """Where boards are shown in a browser: 0 any free port, None nowhere."""


@dataclass(frozen=True)
class Progress:
    """What is to be seen while the demonstration runs."""

    rows: list[dict[str, Any]]
    now_us: int
    note: str


class Demo:
    """One run. `play` yields what to show; after it `result` holds the comparison with the truth."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.directory = options.directory
        self._started = time.monotonic()
        self.first_oee_s: float | None = None
        self.boards_url: str | None = None
        self.result: list[dict[str, Any]] = []
        self.directory.mkdir(parents=True, exist_ok=True)
        self._must_be_ours()
        self.plant = self._plant()
        self._scenario_path = Path(str(files("simulators") / "plants" / "demo.scenario.toml"))
        self._fresh = not self._clock_path.exists()
        write_clock(self._clock_path, self._next_clock())
        self.clock = ScenarioClock(self._clock_path)
        self._live_us = self.clock.file.origin_us

    @property
    def _clock_path(self) -> Path:
        return self.directory / "clock.json"

    def play(self, stop: threading.Event) -> Iterator[Progress]:
        """Start everything, show it until the time is over or `stop` is set, then drain and compare."""
        with ExitStack() as house, ThreadPoolExecutor(3) as pool:
            broker = self._own_broker(house, pool)
            past = pool.submit(self._fill_past)
            database = pool.submit(self._database, house)
            yield from self._until(broker, "starting the broker", stop)
            dsn = yield from self._until(database, "starting the database", stop)
            yield from self._until(past, "writing the past two days", stop)
            children = self._children(dsn, house)
            connection = house.enter_context(connect(dsn, "stanok demo"))
            if self._options.preview_port is not None:
                self.boards_url = house.enter_context(preview(dsn, self._options.preview_port, self._operator)).url
            yield from self._warm_up(connection, children, stop)
            if not stop.is_set():
                start_clock(self._clock_path)
                yield from self._live(connection, children, stop)
                yield from self._drain(connection, children)
                self.result = compare(connection, self.plant, self._signals(), ceil_minute(self._live_us))

    def _operator(self) -> Operator:
        """Who takes what people tell in the form, at the present of the scenario."""
        return Operator(self.plant, self.directory, self.clock.now_us())

    # Before the start

    def _must_be_ours(self) -> None:
        """Other machines would go on from other counters: a directory is for those that began it."""
        path, ours = self.directory / "machines", source_hash(Path(str(files("simulators"))))
        if not self._clock_path.exists():
            path.write_text(ours, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != ours:
            raise InputError(
                f"{self.directory} was begun by another version of the demonstration, whose machines made other parts;"
                " remove it, or give another one with --data"
            )

    def _plant(self) -> Plant:
        """The demo plant with ports of this computer, chosen once, so that a second run finds the same plant."""
        path = self.directory / "plant.toml"
        if not path.exists():
            text = (files("simulators") / "plants" / "demo.toml").read_text(encoding="utf-8")
            text = text.replace("127.0.0.1:0/", f"127.0.0.1:{free_port()}/").replace(
                "port = 0", f"port = {free_port()}"
            )
            path.write_text(text, encoding="utf-8")
        plant = load_plant(path, self._options.broker)
        remember_names(self.directory / "plants", plant)
        return plant

    def _next_clock(self) -> ClockFile:
        """Where scenario time stands now: at the first start by the speed, later where the last run left off."""
        if not self._fresh:
            last = read_clock(self._clock_path)
            reached = max(last.stop_us or last.origin_us, self._last_tick())
            origin = real_now_us() if self._options.speed == 1.0 else reached
            return ClockFile(last.begin_us, origin, self._options.speed)
        now = datetime.now(ZoneInfo(self.plant.sites[0].zone))
        if self._options.speed == 1.0:
            origin = floor_minute(us_from_datetime(now))
        else:
            days = (now.weekday() - _START_WEEKDAY) % 7
            start = (now - timedelta(days=days)).replace(hour=_START_HOUR, minute=0, second=0, microsecond=0)
            origin = us_from_datetime(start if start < now else start - timedelta(days=7))
        return ClockFile(origin - _PAST_US, origin, self._options.speed)

    def _last_tick(self) -> int:
        """The last tick in the engine's spool; a run that was killed has not stopped its clock."""
        reader = SpoolReader.open_if_exists(self.directory / "spool" / OWN_SPOOL)
        if reader is None:
            return 0
        with reader:
            rows = reader.read(max(0, reader.end() - _LAST_ROWS), _LAST_ROWS * 10_000)
        return max((unpack_tick(row.payload).at_us for row in rows if row.kind is RowKind.TICK), default=0)

    def _scenario(self) -> Scenario:
        return parse_scenario(read_scenario(self._scenario_path), self.plant, self.clock.file.begin_us)

    def _signals(self) -> Signals:
        return Signals(self.plant, self._scenario(), done_in(self.directory))

    def _own_broker(self, house: ExitStack, pool: ThreadPoolExecutor) -> Future[None]:
        """Start the embedded broker, unless another one is to be used."""
        if self._options.broker:
            return pool.submit(lambda: None)
        port = next(int(s.settings["port"]) for s in self.plant.sources if s.protocol == "mqtt")
        broker = DemoBroker(port)
        house.callback(broker.stop)
        return pool.submit(broker.start)

    def _database(self, house: ExitStack) -> str:
        """The address of a migrated database."""
        dsn = self._options.database
        if dsn is None:
            server = EmbeddedPostgres(self.directory / "postgres")
            house.callback(server.stop)
            dsn = server.start()
        with connect(dsn, "stanok migrate") as connection:
            migrate(connection)
        return dsn

    def _fill_past(self) -> None:
        """Write the past into a spool of its own; a second run has it already."""
        spools = self.directory / "spool"
        spools.mkdir(exist_ok=True)
        if not self._fresh:
            return
        file = self.clock.file
        with SpoolWriter(spools / PAST_SPOOL) as spool:
            for rows in backfill(self.plant, self._scenario(), file.begin_us, file.origin_us):
                spool.append_now(rows)
            tick = pack_tick(Tick(file.origin_us))
            spool.append_now([SpoolRow(RowKind.TICK, "engine", self.plant.hash, file.origin_us, tick)])

    def _children(self, dsn: str, house: ExitStack) -> list[Child]:
        """Simulators, collector and engine; ended in this order, so that what was sent is stored."""
        plant, data = str(self.directory / "plant.toml"), ["--data", str(self.directory)]
        broker = ["--broker", self._options.broker] if self._options.broker else []
        log = self.directory / "log"
        ports = {"STANOK__HEALTH__ENGINE_PORT": "0", "STANOK__HEALTH__COLLECTOR_PORT": "0", **os.environ}
        secret = {**ports, "STANOK__DATABASE__DSN": dsn}
        scenario = str(self._scenario_path)
        children = [
            Child("the engine", ["engine", plant, *data, *broker], log / "engine.log", secret),
            Child("the collector", ["collect", plant, *data, *broker], log / "collect.log", ports),
            Child("the simulators", ["simulate", scenario, "--plant", plant, *data, *broker], log / "simulate.log"),
        ]
        for child in children:
            child.start()
            house.callback(child.stop)
        return children

    # While it runs

    def _until(self, task: Future[T], note: str, stop: threading.Event) -> Generator[Progress, None, T]:
        """Show `note` until a task is done; its result or its error."""
        while not task.done() and not stop.is_set():
            yield Progress([], self._live_us, note)
            stop.wait(_LOOK_S)
        return task.result()

    def _warm_up(self, connection: Connection, children: list[Child], stop: threading.Event) -> Iterator[Progress]:
        """Until the past is folded and every source is ready."""
        deadline, reached = time.monotonic() + 2 * _READY_S, 0
        while not stop.is_set():
            for child in children:
                child.check()
            progress = self._look(connection, "folding the past two days")
            if progress.rows and self._as_of(progress) > reached:
                deadline, reached = time.monotonic() + _READY_S, self._as_of(progress)
            statuses = read_status(self.directory)
            waiting = [status.source for status in statuses if not status.ready]
            folded = bool(progress.rows) and self._as_of(progress) >= self._live_us
            if (folded or not self._fresh) and statuses and not waiting:
                return
            if time.monotonic() > deadline:
                what = ", ".join(waiting) or "the past"
                logs = self.directory / "log"
                raise OutsideError(f"the demonstration gets no further for {_READY_S:.0f} s: {what}; see {logs}")
            yield progress
            stop.wait(_LOOK_S)

    def _live(self, connection: Connection, children: list[Child], stop: threading.Event) -> Iterator[Progress]:
        deadline: float | None = None
        while not stop.is_set():
            for child in children:
                child.check()
            progress = self._look(connection, "live; Ctrl-C ends it")
            yield progress
            if deadline is None and self.first_oee_s is not None and self._options.seconds is not None:
                deadline = time.monotonic() + self._options.seconds
            if deadline is not None and time.monotonic() >= deadline:
                return
            stop.wait(_LOOK_S)

    def _drain(self, connection: Connection, children: list[Child]) -> Iterator[Progress]:
        """Freeze scenario time and wait until every machine is told up to that instant, or nothing more arrives.

        A publisher whose messages take a while proves its life a little behind the clock, and stays there.
        """
        end_us = stop_clock(self._clock_path).stop_us or 0
        deadline = time.monotonic() + _DRAIN_S
        quiet_since, last = time.monotonic(), -1
        while time.monotonic() < deadline:
            for child in children:
                child.check()
            progress = self._look(connection, "letting the last samples arrive")
            yield progress
            if (reached := self._as_of(progress)) != last:
                quiet_since, last = time.monotonic(), reached
            if reached >= end_us or time.monotonic() - quiet_since > _QUIET_S:
                return
            time.sleep(_LOOK_S)

    def _look(self, connection: Connection, note: str) -> Progress:
        rows = machines_live(connection)
        if self.first_oee_s is None and any(row["oee"] is not None for row in rows):
            self.first_oee_s = time.monotonic() - self._started
        return Progress(rows, self.clock.now_us(), note)

    @staticmethod
    def _as_of(progress: Progress) -> int:
        return min((us_from_datetime(row["as_of"]) for row in progress.rows), default=0)
