"""Fixtures for OPC UA: a small plant, a real server with its machines, a sink that can be blocked, a collector."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from collectors.opcua.client import OpcUaCollector
from collectors.opcua.profiles import DEFAULT_SIGNALS
from collectors.opcua.session import Limits
from core.errors import SpoolError
from core.plant.model import Machine, Plant, Site, Source
from core.samples.batch import SampleBatch
from core.samples.records import (
    Gap,
    Heartbeat,
    Quarantine,
    RowKind,
    SpoolRow,
    unpack_gap,
    unpack_heartbeat,
    unpack_quarantine,
    unpack_samples,
)
from core.vocabulary import Flag
from simulators.opcua_server import NAMESPACES, OpcUaServer
from stanok.clock import RealClock

PROFILE = "opc-40501-1"
QUICK = Limits(request_s=1.0, silent_s=1.5, close_s=1.0, retry_s=0.5, first_pause_s=0.05, most_pause_s=0.2)
"""The collector's limits, shortened so that a test need not wait for a dead server."""
DEADLINE_S = 10.0


class Sink:
    """A spool in memory: `gate` closed blocks samples, `broken` raises, `rows` are what was stored."""

    def __init__(self) -> None:
        self.rows: list[SpoolRow] = []
        self.state: dict[str, bytes] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.blocked = False
        self.broken = False

    async def append(self, rows: Sequence[SpoolRow], state: Mapping[str, bytes] | None = None) -> int:
        if any(row.kind is RowKind.SAMPLES for row in rows):
            self.blocked = not self.gate.is_set()
            await self.gate.wait()
        if self.broken:
            raise SpoolError("the disk is full")
        self.rows += rows
        self.state.update(state or {})
        return len(self.rows)

    def source_state(self, source: str) -> bytes | None:
        return self.state.get(source)

    def kinds(self) -> list[RowKind]:
        return [row.kind for row in self.rows]

    def batch(self) -> SampleBatch:
        return SampleBatch.concat(unpack_samples(row.payload) for row in self.rows if row.kind is RowKind.SAMPLES)

    def gaps(self) -> list[Gap]:
        return [unpack_gap(row.payload) for row in self.rows if row.kind is RowKind.GAP]

    def beats(self) -> list[Heartbeat]:
        return [unpack_heartbeat(row.payload) for row in self.rows if row.kind is RowKind.HEARTBEAT]

    def rejects(self) -> list[Quarantine]:
        return [unpack_quarantine(row.payload) for row in self.rows if row.kind is RowKind.QUARANTINE]


class Bench:
    """A plant of one OPC UA source, with what a test needs to run it."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.source = plant.sources[0]
        self.sink = Sink()
        self.clock = RealClock()

    def server(self, namespaces: Sequence[str] = NAMESPACES) -> OpcUaServer:
        return OpcUaServer(self.plant, self.source.name, self.source.settings["endpoint"], namespaces)

    def collector(self, limits: Limits = QUICK) -> OpcUaCollector:
        return OpcUaCollector(self.plant, self.source, self.sink, self.clock, limits, random.Random(1))

    def seen(self, signal: str, machine: int = 0, initial: bool = False) -> list[tuple[int, float, str]]:
        """Stored samples of a signal: (event_us, value, text), without initial values unless asked for."""
        batch, index = self.sink.batch(), self.plant.signal_index[signal]
        return [
            (
                int(batch.event_us[at]),
                float(batch.value[at]),
                batch.texts[batch.text[at]] if batch.text[at] >= 0 else "",
            )
            for at in range(len(batch))
            if batch.signal[at] == index
            and batch.machine[at] == machine
            and (initial or not batch.flags[at] & Flag.INITIAL)
        ]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def opcua_plant(machines: int = 2, signals: Mapping[str, object] | None = None, **settings: object) -> Plant:
    """A plant with machines `minsk/m0` … of the 40501-1 profile, or with the given signals."""
    found = DEFAULT_SIGNALS[PROFILE] if signals is None else signals
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}/stanok/"
    source = Source(
        "cell", "opcua", 2_000_000, {"endpoint": endpoint, "security": "none", "publishing_ms": 50} | settings
    )
    made = tuple(
        Machine(
            f"minsk/m{index}",
            f"m{index}",
            0,
            "hall",
            0,
            found,
            {"profile": PROFILE, "path": f"nsu=http://stanok.example/plant;m{index}"},
            1.2,
        )
        for index in range(machines)
    )
    return Plant("test", (Site("minsk", "Minsk", "Europe/Minsk", ()),), (source,), made, (), b"hash-of-plant")


def with_signals(plant: Plant, machine: int, signals: Mapping[str, object]) -> Plant:
    """The same plant, one machine with other signals."""
    machines = list(plant.machines)
    machines[machine] = replace(machines[machine], signals=signals)
    return replace(plant, machines=tuple(machines))


@asynccontextmanager
async def running(collector: OpcUaCollector) -> AsyncIterator[OpcUaCollector]:
    """The collector's task, cancelled at the end; an error in it fails the test."""
    task = asyncio.create_task(collector.run())
    try:
        yield collector
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):  # we cancelled it
            await task


async def until(condition: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
    """Wait for a condition; fails with it when the deadline has passed."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        await asyncio.sleep(0.01)


@pytest.fixture
def bench() -> Bench:
    """Two machines of the 40501-1 profile; nothing runs yet."""
    return Bench(opcua_plant())
