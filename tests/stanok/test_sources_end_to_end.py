"""One machine, an OPC UA server for its control, an MQTT publisher for its counter: one dies, the other lives."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from collectors.mqtt.client import MqttCollector
from collectors.mqtt.profiles import DEFAULT_SIGNALS
from collectors.opcua.client import OpcUaCollector
from core.plant.model import Plant
from simulators.mqtt_publisher import MqttPublisher
from simulators.opcua_server import OpcUaServer
from simulators.outlet import Sample
from stanok.clock import RealClock
from stanok.embedded import free_port
from stanok.plantfile import plant_of
from storage.pg.connect import connect
from storage.spool import SpoolWriter
from tests.fix_opcua import QUICK
from tests.stanok.ural import engine

PRI_S = 0.25
BEAT_S = 0.1
"""Real time between two things that the machine says."""
LIMIT_S = 60.0


def plant_with(broker_port: int) -> Plant:
    control = {
        "name": "control",
        "path": "nsu=http://stanok.example/plant;m",
        "profile": "opc-40501-1",
        "signals": {"part.total": False, "part.good": False, "part.scrap": False},
    }
    counter = {
        **{"name": "counter", "topic": "works/m", "profile": "json"},
        "signals": {name: name == "part.total" and name for name in DEFAULT_SIGNALS["json"]},
    }
    return plant_of(
        {
            "enterprise": {"name": "Works"},
            "site": [{"name": "s", "zone": "UTC", "shift": [{"name": "all", "start": "00:00", "end": "00:00"}]}],
            "source": [
                {
                    **{"name": "control", "protocol": "opcua", "security": "none", "publishing_ms": 100},
                    "endpoint": f"opc.tcp://127.0.0.1:{free_port()}/stanok/",
                },
                {
                    **{"name": "counter", "protocol": "mqtt", "host": "127.0.0.1", "port": broker_port},
                    **{"client_id": "stanok", "liveness": "interval", "max_interval_s": 1.0},
                },
            ],
            "machine": [{"name": "s/m", "area": "a", "source": [control, counter]}],
            "part_program": [{"name": "P", "pri_s": PRI_S}],
        }
    )


class Machine:
    """It turns, makes a part at every beat, and tells both sources, as far as they are on line."""

    def __init__(self, plant: Plant, clock: RealClock) -> None:
        self.plant, self.clock = plant, clock
        self.made, self.number = 100, 0
        self.go = asyncio.Event()
        self.control: OpcUaServer | None = None
        self.counter: MqttPublisher | None = None

    async def start_control(self) -> None:
        now = self.clock.now_us()
        said = {"ctrl.execution": "active", "ctrl.mode": "automatic", "prog.name": "P", "spindle.1.speed": 3000.0}
        server = OpcUaServer(self.plant, "control", str(self.plant.sources[0].settings["endpoint"]))
        await server.start({0: {name: (now, value) for name, value in said.items()}})
        self.control = server

    async def start_counter(self) -> None:
        publisher = MqttPublisher(self.plant, "counter", "127.0.0.1", int(self.plant.sources[1].settings["port"]))
        await publisher.start({0: {"part.total": (self.clock.now_us(), self.made)}})
        self.counter = publisher

    async def stop_control(self) -> None:
        server, self.control = self.control, None
        if server is not None:
            await server.stop()

    async def stop_counter(self) -> None:
        publisher, self.counter = self.counter, None
        if publisher is not None:
            await publisher.stop()

    async def work(self) -> None:
        await self.go.wait()
        while True:
            await asyncio.sleep(BEAT_S)
            self.made, self.number = self.made + 1, self.number + 1
            now = self.clock.now_us()
            if (control := self.control) is not None:
                await control.send([Sample(0, "spindle.1.speed", now, 3000.0 + self.number % 7, -1)])
            if (counter := self.counter) is not None:
                await counter.send([Sample(0, "part.total", now, self.made, self.number)])


class Board:
    """What the database says."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        def ask() -> list[tuple[Any, ...]]:
            with connect(self._dsn) as connection:
                return connection.execute(query.encode()).fetchall()

        return await asyncio.to_thread(ask)

    async def until(self, query: str, what: str) -> tuple[Any, ...]:
        """The first row, when there is one."""
        deadline = time.monotonic() + LIMIT_S
        while not (found := await self.rows(query)):
            assert time.monotonic() < deadline, f"{what}: {await self.rows('select * from board.gap')}"
            await asyncio.sleep(0.1)
        return found[0]


@asynccontextmanager
async def everything(plant: Plant, machine: Machine, directory: Path, dsn: str) -> AsyncIterator[None]:
    """Server, publisher, both collectors on one spool, and the engine."""
    (directory / "spool").mkdir(parents=True)
    sink = SpoolWriter(directory / "spool" / "collect.spool")
    control, counter = plant.sources
    async with AsyncExitStack() as stack:
        stack.push_async_callback(sink.aclose)
        for start, stop in (
            (machine.start_control, machine.stop_control),
            (machine.start_counter, machine.stop_counter),
        ):
            await start()
            stack.push_async_callback(stop)
        collectors = (
            OpcUaCollector(plant, control, sink, machine.clock, QUICK, random.Random(1)),
            MqttCollector(plant, counter, sink, machine.clock),
        )
        for job in (*(collector.run() for collector in collectors), machine.work()):
            stack.push_async_callback(_cancel, asyncio.create_task(job))
        await stack.enter_async_context(engine(plant, directory, dsn, machine.clock))
        yield


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


PARTS = "select parts_total from board.kpi_shift where parts_total >= {}"


@pytest.mark.timeout(300)
async def test_each_source_may_die_while_the_other_goes_on(
    mosquitto_port: int, tmp_path: Path, empty_database: Callable[[str], str], migrated_template: str
) -> None:
    dsn, clock = empty_database(migrated_template), RealClock()
    plant = plant_with(mosquitto_port)
    machine, board = Machine(plant, clock), Board(dsn)
    async with everything(plant, machine, tmp_path / "data", dsn):
        await board.until("select 1 from board.machine_live where state = 'producing' and program = 'P'", "no state")
        machine.go.set()
        await board.until(PARTS.format(5), "no parts are counted")

        await machine.stop_counter()
        (since, scope) = await board.until(
            "select from_time, scope from board.gap where lasting and source = 'counter'", "the counter is not missed"
        )
        assert scope == "source"
        assert await board.rows("select state from board.machine_live") == [("producing",)]
        ((as_of,),) = await board.rows("select as_of from board.machine_live")
        await board.until(f"select 1 from board.machine_live where as_of > '{as_of}'", "the board stands still")
        await machine.start_counter()
        (parts,) = await board.until(
            f"select parts from board.gap where source = 'counter' and to_time > '{since}' and parts > 0",
            "nothing is booked after the gap",
        )
        assert parts > 1, "a part was made at every beat"

        (before,) = (await board.rows("select parts_total from board.kpi_shift"))[0]
        await machine.stop_control()
        await board.until("select 1 from board.gap where lasting and scope = 'state'", "the control is not missed")
        assert await board.rows("select state from board.machine_live") == [("unknown",)]
        await board.until(PARTS.format(before + 10), "the counter does not count on")
        await machine.start_control()
        await board.until("select 1 from board.machine_live where state = 'producing'", "the control is not back")
        await board.until(PARTS.format(before + 20), "the end is not told")
    ((told,),) = await board.rows(
        "select max(value) - 100 from stanok.sample_event e join stanok.signal s on s.id = e.signal_id"
        " where s.name = 'part.total' and event_time < (select as_of from stanok.machine_live)"
    )
    ((made, unknown, after_gaps, credit),) = await board.rows(
        "select sum(parts_total), sum(unknown + unknown_out), sum(credit_gap_total_us),"
        " sum(credit_total_us + credit_gap_total_us) from stanok.fact_minute"
    )
    ((gone, booked),) = await board.rows(
        "select sum(extract(epoch from to_time - from_time) * 1e6) filter (where scope = 'state'), sum(parts)"
        " from board.gap where scope in ('state', 'source')"
    )
    assert (made, unknown) == (told, gone)
    assert (after_gaps, credit) == (PRI_S * 1e6 * float(booked), PRI_S * 1e6 * float(made))
    shifts = await board.rows(
        f"select oee_low, oee, oee_high, parts_good * {PRI_S} / 3600 / planned_busy_h from board.kpi_shift"
    )
    for low, oee, high, expected in shifts:
        assert low <= oee <= high
        assert oee == pytest.approx(expected)
