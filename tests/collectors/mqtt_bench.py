"""What the MQTT tests share: a small plant, a sink in memory that can refuse, waiting."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from collectors.mqtt.client import MqttCollector
from collectors.profiles import expand
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
from stanok.clock import RealClock

LIMIT_S = 20.0


def make_plant(port: int = 1883, machines: int = 2, own: Sequence[Mapping[str, Any]] = (), **settings: Any) -> Plant:
    """A plant with one MQTT source; topics and client id are new each time. `own`: sections of further machines."""
    mark = uuid.uuid4().hex[:8]
    sections = [{"name": f"m{n}", "profile": "json", "topic": f"t/{mark}/m{n}"} for n in range(machines)]
    document = expand(
        {
            "source": [{"name": "src", "protocol": "mqtt"}],
            "machine": [{"source": "src", **section} for section in [*sections, *own]],
        }
    )
    wanted = {"host": "127.0.0.1", "port": port, "client_id": f"c-{mark}", "keepalive_s": 1, **settings}
    return Plant(
        enterprise="test",
        sites=(Site("s", "S", "UTC", ()),),
        sources=(Source("src", "mqtt", 2_000_000, wanted),),
        machines=tuple(_machine(section) for section in document["machine"]),
        programs=(),
        hash=b"plant",
    )


def _machine(section: Mapping[str, Any]) -> Machine:
    mapping = {key: value for key, value in section.items() if key not in ("name", "source", "signals")}
    return Machine(section["name"], "", 0, "", 0, section.get("signals", {}), mapping, 1.0)


class MemorySink:
    """Rows in memory. While `refuses`, append raises SpoolError and stores nothing."""

    def __init__(self) -> None:
        self.rows: list[SpoolRow] = []
        self.states: dict[str, bytes] = {}
        self.refuses = False
        self.attempts = 0

    async def append(self, rows: Sequence[SpoolRow], state: Mapping[str, bytes] | None = None) -> int:
        self.attempts += 1
        await asyncio.sleep(0)
        if self.refuses:
            raise SpoolError("the disk is full")
        self.rows += rows
        self.states.update(state or {})
        return len(self.rows)

    def source_state(self, source: str) -> bytes | None:
        return self.states.get(source)

    def _of(self, kind: RowKind) -> Iterator[bytes]:
        return (row.payload for row in self.rows if row.kind == kind)

    @property
    def samples(self) -> SampleBatch:
        return SampleBatch.concat(unpack_samples(payload) for payload in self._of(RowKind.SAMPLES))

    @property
    def gaps(self) -> list[Gap]:
        return [unpack_gap(payload) for payload in self._of(RowKind.GAP)]

    @property
    def heartbeats(self) -> list[Heartbeat]:
        return [unpack_heartbeat(payload) for payload in self._of(RowKind.HEARTBEAT)]

    @property
    def quarantine(self) -> list[Quarantine]:
        return [unpack_quarantine(payload) for payload in self._of(RowKind.QUARANTINE)]

    def beats_of(self, machine: int) -> int:
        """How many heartbeats a machine has."""
        return sum(machine in beat.machine for beat in self.heartbeats)

    def numbers(self, machine: int) -> list[int]:
        """The distinct sequence numbers of a machine's samples, sorted."""
        batch = self.samples
        found = batch.seq[(batch.machine == machine) & (batch.seq >= 0)]
        return sorted(set(found.tolist()))


async def until(condition: Callable[[], object], what: str, limit_s: float = LIMIT_S) -> None:
    """Wait until the condition holds; fails with `what` after the limit."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {limit_s} s: {what}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def collecting(plant: Plant, sink: MemorySink) -> AsyncIterator[MqttCollector]:
    """A running collector of the plant's source."""
    collector = MqttCollector(plant, plant.sources[0], sink, RealClock())
    task = asyncio.create_task(collector.run())
    try:
        yield collector
        assert not task.done(), f"the collector ended: {task.exception()!r}"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):  # we cancelled it
            await task


@contextmanager
def publisher(host: str, port: int, will: tuple[str, bytes] | None = None) -> Iterator[Callable[..., None]]:
    """A plain publisher: a function (topic, payload, retain=False) that returns after the broker's PUBACK."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    if will is not None:
        client.will_set(*will, qos=1, retain=True)
    client.connect(host, port)
    client.loop_start()

    def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
        client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(LIMIT_S)

    yield publish
    client.disconnect()
    client.loop_stop()
