"""Faulty machines over a real broker, the real collector, spool and engine: the facts of a run without faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from collectors.mqtt.client import MqttCollector
from core.engine.stream import Stream
from core.plant.model import Plant
from core.samples.records import StoredRow
from core.units import HOUR_US, MINUTE_US, SECOND_US, datetime_from_us
from simulators.backfill import backfill
from simulators.mqtt_publisher import MqttPublisher
from simulators.player import Player
from simulators.signals import Signals
from stanok.clock import ClockFile, ScenarioClock, start_clock, write_clock
from storage.pg.commit import Store
from storage.pg.connect import connect
from storage.pg.plant import load_plant
from storage.spool import SpoolWriter
from tests.collectors.mqtt_bench import until
from tests.properties.campaign import BEGIN_US, SOURCE, difference, facts
from tests.seeds import seed as seed_of
from tests.stanok.ural import engine, script, ural

SPEED = 90.0
UNTIL_US = BEGIN_US + 12 * MINUTE_US
LATENESS_US = int(5 * SPEED) * SECOND_US
FAULTS: list[Mapping[str, Any]] = [
    {"kind": "disorder", "within_s": 60.0},
    {"kind": "late", "share": 0.1, "by_s": [60.0, 120.0]},
    {"kind": "duplicate", "share": 0.2, "after_s": [0.0, 60.0]},
    {"kind": "reset", "every_parts": 5},
    {"kind": "nan", "share": 0.02},
    {"kind": "type", "share": 0.02},
    {"kind": "broken", "share": 0.02},
]
"""Delays in scenario time: together two seconds of real time, the lateness is five."""


def ideal(plant: Plant, seed: int, dsn: str) -> list[str]:
    """The facts as they are if nothing ever goes wrong."""
    with connect(dsn) as connection:
        load_plant(connection, plant, BEGIN_US)
        store, stream, records = Store(connection, plant), Stream(plant, ["past"]), count(1)
        store.take_ownership(["past"])
        for step in backfill(plant, script(plant, seed, []), BEGIN_US, UNTIL_US + MINUTE_US, HOUR_US):
            for row in step:
                stored = StoredRow(next(records), row.kind, row.source, row.plant_hash, row.received_us, row.payload)
                stream.take_row("past", stored, 1.0)
        store.commit(stream.collect(1.0))
        return facts(connection, UNTIL_US)


async def live(plant: Plant, seed: int, directory: Path, dsn: str) -> MqttCollector:
    """Publishers, broker, collector, spool and engine, until everything before the end of the window is settled."""
    (directory / "spool").mkdir(parents=True)
    write_clock(directory / "clock.json", ClockFile(BEGIN_US, BEGIN_US, SPEED))
    clock = ScenarioClock(directory / "clock.json")
    sink = SpoolWriter(directory / "spool" / "collect.spool")
    source = plant.sources[0]
    collector = MqttCollector(plant, source, sink, clock)
    outlet = MqttPublisher(plant, SOURCE, "127.0.0.1", int(source.settings["port"]))
    player = Player(Signals(plant, script(plant, seed, FAULTS)), clock, {SOURCE: outlet}, BEGIN_US)
    tasks = [asyncio.create_task(collector.run())]
    async with engine(plant, directory, dsn, clock):
        try:
            await until(lambda: collector.status().ready, "the collector is ready")
            tasks.append(asyncio.create_task(player.run()))
            await until(lambda: collector.status().stored == len(plant.machines), "every machine is born")
            start_clock(directory / "clock.json")
            await until(lambda: clock.now_us() > UNTIL_US + LATENESS_US + MINUTE_US, "the day is over", 60)
            await until(lambda: settled(dsn), "everything is settled", 60)
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):  # we cancelled it
                    await task
            await sink.aclose()
    return collector


def settled(dsn: str) -> bool:
    """Whether the window is closed for every machine, and nothing is asked to be folded again."""
    with connect(dsn) as connection:
        row = connection.execute(
            "select (select min(settled) from stanok.machine_live) >= %s"
            " and not exists (select from stanok.recompute_request)",
            [datetime_from_us(UNTIL_US)],
        ).fetchone()
    return row == (True,)


async def test_the_facts_of_faulty_machines_are_those_of_good_ones(
    mosquitto_port: int, tmp_path: Path, empty_database: Callable[[str], str], migrated_template: str
) -> None:
    seed = seed_of("faulty machines")
    plant = ural(mosquitto_port)
    expected = ideal(plant, seed, empty_database(migrated_template))
    assert len(expected) > 3 * 12
    dsn = empty_database(migrated_template)
    collector = await live(plant, seed, tmp_path / "data", dsn)
    assert collector.status().rejected > 20
    with connect(dsn) as connection:
        assert difference(expected, facts(connection, UNTIL_US)) == []
        assert connection.execute("select count(*) from stanok.quarantine").fetchone() != (0,)
        assert connection.execute("select count(*) from stanok.recompute_request").fetchone() == (0,)
