"""Process one: sources -> spool, a supervised task each. The only event loop of a plant's installation."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from collectors.mqtt.client import MqttCollector
from collectors.opcua.client import OpcUaCollector
from collectors.replay.recorder import Recorder
from collectors.status import SourceStatus
from core.plant.model import Plant, Source
from core.ports import BatchSink, Clock
from stanok.meters import CollectorMeter, Spool
from stanok.plantfile import remember_names
from storage.spool import SpoolWriter

_log = logging.getLogger("stanok.collect")

STATUS = "collect.json"
_STATUS_S = 0.5


class Collector(Protocol):
    """What every protocol's collector offers."""

    async def run(self) -> None: ...

    def status(self) -> SourceStatus: ...


def collector_of(plant: Plant, source: Source, sink: BatchSink, clock: Clock) -> Collector:
    """The one table of protocols."""
    if source.protocol == "opcua":
        return OpcUaCollector(plant, source, sink, clock)
    return MqttCollector(plant, source, sink, clock)


async def collect(
    plant: Plant,
    directory: Path,
    clock: Clock,
    stop: threading.Event,
    record: Path | None = None,
    meter: CollectorMeter | None = None,
) -> None:
    """Run a collector for every source of the plant until told to stop. `record`: a file to record into as well."""
    spools = directory / "spool"
    spools.mkdir(parents=True, exist_ok=True)
    remember_names(directory / "plants", plant)
    spool = SpoolWriter(spools / "collect.spool")
    measured = Spool(spool, spools / "collect.spool")
    recorder = None
    try:
        recorder = Recorder(spool, plant, record) if record else None
        collectors = [collector_of(plant, source, recorder or spool, clock) for source in plant.sources]
        tasks = [asyncio.create_task(collector.run()) for collector in collectors]
        while not stop.is_set():
            statuses = [collector.status() for collector in collectors]
            _write_status(directory / STATUS, statuses)
            if meter is not None:
                meter.looked(statuses, measured)
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(_STATUS_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        if recorder is not None:
            recorder.close()
        await spool.aclose()


def _write_status(path: Path, statuses: list[SourceStatus]) -> None:
    """For the live board and for whoever waits until all sources are ready."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps([asdict(status) for status in statuses]))
    fresh.replace(path)


def read_status(directory: Path) -> list[SourceStatus]:
    """What the collector last said of its sources; empty if it has not started yet."""
    path = directory / STATUS
    if not path.exists():
        return []
    return [SourceStatus(**found) for found in json.loads(path.read_text())]
