"""The way from simulated machines to committed facts over real servers, played as fast as they take it.

In the path: simulated OPC UA servers and MQTT publishers, a broker, the collectors, the spool's file, `stanok engine`
as a process of its own, PostgreSQL. Not in the path: networks between computers, and a collector's own process.

Time is led (led.py) and waits for what was sent to be heard, so that only order and event times decide, as at speed 1
with every limit in scenario seconds:
- what leaves within `STEP_US` arrives at the instant of the last of it, and time goes on when the collector has it.
  That is below the lateness, so a heartbeat never overtakes a sample;
- before a line is cut, a heartbeat of that instant has to be in the spool, as one would be every second in a plant;
- the engine's clock is the least instant at which every source was last heard, by what is in the spool: never ahead
  of what could disprove a silence. What it hears of the others is later than its clock, which in a plant would be a
  collector's clock that lies. So what counts there is what a source's own clock says, which may be wrong by as much as
  is believed (`SILENCE_S`).
A cut line over MQTT is a broken connection, of which the broker tells. OPC UA servers publish every 250 ms, which at
such a speed is a minute or two, so the clocks behind them are trusted.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from collectors.clockwatch import SWITCH_S
from collectors.mqtt.client import MqttCollector
from collectors.opcua.client import OpcUaCollector
from core.errors import OutsideError
from core.plant.model import Source
from core.samples.records import RowKind, SpoolRow
from core.units import HOUR_US, MINUTE_US, SECOND_US
from simulators.faults import Leaving, Line
from simulators.mqtt_publisher import MqttPublisher
from simulators.opcua_server import OpcUaServer
from simulators.outlet import ONLINE, Outlet, Value
from simulators.signals import Signals
from stanok.bench.led import LedClock
from stanok.clock import ClockFile, real_now_us, write_clock
from stanok.embedded import free_port
from stanok.plantfile import remember_names
from stanok.processes import Child
from storage.pg.connect import Connection
from storage.spool import SpoolWriter

STEP_US = 8 * SECOND_US
LATENESS_S = 10.0
"""Of machines over MQTT: what leaves in a step arrives at its end."""
SILENCE_S = float(SWITCH_S)
"""Of machines over MQTT; see the module's docstring."""
STATE_EVERY_US = 5 * MINUTE_US
"""Present values are retained anew this often. Publishers do it every 2 s, which would be most of the work."""
AFTER_US = 3 * MINUTE_US
"""How long a run goes on after its window: until who says no more is silent, and the last minute is closed."""
_BEAT_S = 0.2
"""Between two heartbeats of the collector (real): some scenario seconds."""
_GROUP_MS = 50
_LOOK_S = 0.001
"""Between two looks whether messages have come: a thread of the client has to run meanwhile."""
_PATIENCE_S = 120.0
_PROOF_S = 3.0
"""A source of which no machine lives (or none whose values are known) has no heartbeat to wait for."""
_AHEAD_US = HOUR_US // 2
"""How far the plant may be ahead of what an OPC UA server has published: far less than its queues hold."""
_SWITCH_S = 0.001
"""Threads that hand a message on wait for each other: at the usual 5 ms that is most of the time."""
_CLOCK_S = 0.1
"""Between two writes of the engine's clock."""


def on_ports(plant: Mapping[str, Any], host: str, port: int) -> dict[str, Any]:
    """The same plant document with this broker, and its OPC UA servers on free ports."""
    return {**plant, "source": [_on_port(source, host, port) for source in plant["source"]]}


def _on_port(source: Mapping[str, Any], host: str, port: int) -> dict[str, Any]:
    if source["protocol"] == "mqtt":
        return {**source, "host": host, "port": port, "lateness_s": LATENESS_S, "silence_s": SILENCE_S}
    told = {"publishing_ms": 250, "report": "timestamp", "clock": "trusted"}
    return {**source, **told, "endpoint": f"opc.tcp://127.0.0.1:{free_port()}/{source['name']}/"}


class _Sink:
    """The spool's file, with what it says of each source: when it was last heard, and how far it is proven [µs]."""

    def __init__(self, spool: SpoolWriter) -> None:
        self._spool = spool
        self.heard_us: dict[str, int] = {}

    async def append(self, rows: Sequence[SpoolRow], state: Mapping[str, bytes] | None = None) -> int:
        record = await self._spool.append(rows, state)
        for row in rows:
            if row.kind is RowKind.HEARTBEAT:
                self.heard_us[row.source] = row.received_us
        return record

    def source_state(self, source: str) -> bytes | None:
        return self._spool.source_state(source)


class RealWay:
    """One run into an empty, migrated database. `directory`: spools and clock; it holds plant.toml."""

    def __init__(self, signals: Signals, directory: Path, dsn: str, connection: Connection) -> None:
        self._signals, self._plant, self._directory = signals, signals.plant, directory
        self._dsn, self._connection = dsn, connection
        self._clock = LedClock(signals.begin_us)
        self._lines = [Line(signals, machine, signals.begin_us) for machine in range(len(self._plant.machines))]
        self._mqtt: dict[str, tuple[MqttPublisher, MqttCollector, int]] = {}
        self._opcua: dict[str, tuple[OpcUaServer, OpcUaCollector]] = {}
        self._written_s = 0.0
        self.rejected = 0
        self.renewed: list[tuple[int, frozenset[int]]] = []
        """When present values were retained anew [µs], and of which machines."""

    def play(self, until_us: int) -> None:
        """The whole run, to a while after `until_us`, until everything before that is committed and repaired."""
        usual_s = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_S)
        try:
            asyncio.run(self._play(until_us))
        finally:
            sys.setswitchinterval(usual_s)

    async def _play(self, until_us: int) -> None:
        async with AsyncExitStack() as house:
            self._lead(0)
            engine = self._engine()
            await asyncio.to_thread(engine.start)
            house.push_async_callback(asyncio.to_thread, engine.stop)
            self._sink = _Sink(await house.enter_async_context(self._spool()))
            for source in self._plant.sources:
                await self._on_line(source, house)
            await self._until(self._ready, "all sources are ready", engine)
            for name, (publisher, collector, _) in self._mqtt.items():
                self._mqtt[name] = publisher, collector, collector.arrived - publisher.published
            self._lead(self._signals.begin_us)
            begin_us, end_us = self._signals.begin_us, until_us + AFTER_US
            for now_us in range(begin_us + MINUTE_US, end_us + 1, MINUTE_US):
                await self._minute(now_us, engine)
            await self._proven([source.name for source in self._plant.sources])
            self._lead(end_us)
            await self._until(lambda: self._committed(until_us), "everything is committed and repaired", engine)
            self.rejected = sum(collector.status().rejected for _, collector, _ in self._mqtt.values())
            self.rejected += sum(collector.status().rejected for _, collector in self._opcua.values())

    # What stands

    def _engine(self) -> Child:
        secret = {
            "STANOK__DATABASE__DSN": self._dsn,
            "STANOK__HEALTH__ENGINE_PORT": "off",
            "STANOK__ENGINE__TICK_S": "0.5",
            "STANOK__ENGINE__REPAIR_QUIET_S": "2",
        }
        arguments = ["engine", str(self._directory / "plant.toml"), "--data", str(self._directory)]
        return Child("the engine", arguments, self._directory / "engine.log", secret)

    @asynccontextmanager
    async def _spool(self) -> AsyncIterator[SpoolWriter]:
        (self._directory / "spool").mkdir(exist_ok=True)
        remember_names(self._directory / "plants", self._plant)
        spool = SpoolWriter(self._directory / "spool" / "collect.spool", group_ms=_GROUP_MS)
        try:
            yield spool
        finally:
            await spool.aclose()

    async def _on_line(self, source: Source, house: AsyncExitStack) -> None:
        """Machines first, then their collector."""
        machines = self._plant.machines_of(source.name)
        present = {machine: self._lines[machine].present() for machine in machines}
        if source.protocol == "opcua":
            server = OpcUaServer(self._plant, source.name, str(source.settings["endpoint"]))
            reader = OpcUaCollector(self._plant, source, self._sink, self._clock)
            self._opcua[source.name] = server, reader
            await _stands(server, present, reader.run(), house)
            return
        host, port = str(source.settings["host"]), int(source.settings["port"])
        never = float("inf")
        publisher = MqttPublisher(self._plant, source.name, host, port, state_every_s=never, pulled=True)
        collector = MqttCollector(self._plant, source, self._sink, self._clock, _BEAT_S)
        self._mqtt[source.name] = publisher, collector, 0
        await _stands(publisher, present, collector.run(), house)

    def _ready(self) -> bool:
        """Subscribed, and what is retained (birth and present values of each machine) has come."""
        come = all(
            collector.status().ready and collector.arrived >= 2 * len(self._plant.machines_of(name))
            for name, (_, collector, _) in self._mqtt.items()
        )
        return come and all(c.status().ready for _, c in self._opcua.values()) and self._heard_us() > 0

    # Time

    async def _minute(self, until_us: int, engine: Child) -> None:
        """Everything that leaves in a minute, second by second."""
        found = [leaving for line in self._lines for leaving in line.leaving(until_us)]
        found.sort(key=attrgetter("at_us"))
        for _, group in groupby(found, key=_step):
            await self._send(list(group))
        self._clock.move(until_us)
        if until_us % STATE_EVERY_US == 0:
            told = await asyncio.gather(*(publisher.renew() for publisher, _, _ in self._mqtt.values()))
            self.renewed.append((until_us, frozenset(machine for machines in told for machine in machines)))
            await self._arrived()
        await self._until(lambda: self._clock.now_us() - self._heard_us() < _AHEAD_US, "OPC UA publishes", engine)
        if time.monotonic() - self._written_s > _CLOCK_S:
            engine.check()
            self._lead(self._heard_us())

    async def _send(self, group: Sequence[Leaving]) -> None:
        """What leaves together, until it has arrived."""
        self._clock.move(group[-1].at_us)
        of: dict[str, list[Any]] = {}
        for leaving in group:
            source = self._plant.machines[leaving.sample.machine].source
            of.setdefault(self._plant.sources[source].name, []).append(leaving.sample)
        if any(sample.signal == ONLINE and not sample.value for samples in of.values() for sample in samples):
            await self._proven([name for name in of if name in self._mqtt])
        await asyncio.gather(*(self._outlet(name).send(samples) for name, samples in of.items()))
        await self._arrived()

    def _outlet(self, name: str) -> MqttPublisher | OpcUaServer:
        return self._mqtt[name][0] if name in self._mqtt else self._opcua[name][0]

    async def _arrived(self) -> None:
        """Until the collector has all messages."""
        deadline = time.monotonic() + _PATIENCE_S
        for name, (publisher, collector, first) in self._mqtt.items():
            while collector.arrived - publisher.published < first:
                if time.monotonic() > deadline:
                    missing = first + publisher.published - collector.arrived
                    raise OutsideError(f"{name}: {missing} messages have not come in {_PATIENCE_S:.0f} s")
                await asyncio.sleep(_LOOK_S)

    async def _proven(self, sources: Sequence[str]) -> None:
        """Until these sources are heard at the present instant, by what is in the spool."""
        deadline = time.monotonic() + _PROOF_S
        now_us, heard_us = self._clock.now_us(), self._sink.heard_us
        while time.monotonic() < deadline and any(heard_us.get(name, 0) < now_us for name in sources):  # noqa: ASYNC110 - a spool can only be asked
            await asyncio.sleep(_LOOK_S)

    def _heard_us(self) -> int:
        """The least instant at which any source was last heard."""
        return min(self._sink.heard_us.get(source.name, 0) for source in self._plant.sources)

    def _lead(self, at_us: int) -> None:
        """Tell the engine that it is so late; 0 before the start."""
        self._written_s = time.monotonic()
        begin_us, started = self._signals.begin_us, real_now_us() if at_us else None
        write_clock(self._directory / "clock.json", ClockFile(begin_us, max(begin_us, at_us), 1.0, started, led=True))

    # The end

    def _committed(self, until_us: int) -> bool:
        """Whether all machines are settled at the end, no repair is asked for, and the spool has been read."""
        machines, settled_s, repairs = self._reached()
        return machines == len(self._plant.machines) and settled_s * SECOND_US >= until_us and not repairs

    def _reached(self) -> tuple[int, int, int]:
        """Machines that have begun, the least instant up to which they are settled [s], repairs asked for."""
        row = self._connection.execute(
            "select count(*), coalesce(extract(epoch from min(settled)), 0)::bigint,"
            " (select count(*) from stanok.recompute_request) from stanok.machine_live"
        ).fetchone()
        return (0, 0, 0) if row is None else (int(row[0]), int(row[1]), int(row[2]))

    async def _until(self, done: Callable[[], bool], what: str, engine: Child) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not done():
            engine.check()
            if time.monotonic() > deadline:
                machines, settled_s, repairs = self._reached()
                at = f"{machines} machines are settled up to {settled_s} s, {repairs} repairs are asked for"
                raise OutsideError(f"{what}: not in {_PATIENCE_S:.0f} s; {at}; the engine: {engine.last_words()}")
            await asyncio.sleep(0.02)


async def _stands(
    outlet: Outlet,
    present: Mapping[int, Mapping[str, tuple[int, Value]]],
    collecting: Coroutine[Any, Any, None],
    house: AsyncExitStack,
) -> None:
    """A server or publishers, and who collects from them, until the house is left: the collector first."""
    await outlet.start(present)
    house.push_async_callback(outlet.stop)
    house.push_async_callback(_ended, asyncio.create_task(collecting))


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _step(leaving: Leaving) -> tuple[int, int]:
    """Samples of a step; the line's own words stand alone, at their microsecond."""
    return leaving.at_us // STEP_US, leaving.at_us if leaving.sample.signal == ONLINE else 0
