"""Plays machines over MQTT in Stanok's own shape: one client a machine, as real machines have, QoS 1, birth and will.

Implements `simulators.outlet.Outlet` for the machines of one MQTT source. What is published, per machine topic T:
T/status retained {"online": true or false}; T/state retained {"s": [[µs, "signal", value], …]}, the present values;
T {"seq": n, "s": […]}, the changes, numbered one by one; a counter that began again says so by a fourth word, "reset".
A line that is cut (faults.py) is told as the broker would tell it, by the will; when it is mended, birth and present
values follow, as after any connect. With `pulled` nothing is told: the connection is broken, and the broker finds it
so. A value of the wrong type does not become present.
What is present is retained anew every few seconds (`state_every_s`) while the line is up, changed or not: a reader that
missed something of a machine at rest would else not know its values before it moves again.
Invariants: `send` returns after the broker has acknowledged everything; what was not acknowledged is sent again over
the next connection by the client itself; at most `MOST_INFLIGHT` messages of a machine wait for acknowledgement.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from core.errors import SourceError
from core.plant.model import Machine, Plant
from simulators.outlet import LEFTOVER, ONLINE, Damage, Sample, Value

KEEPALIVE_S = 5
"""The broker tells everybody after 1.5 times this that a machine has gone."""
CONNECT_S = 10.0
AT_ONCE = 25
"""So many connect together: hundreds would wait for each other longer than one may wait for a broker."""
GOODBYE_S = 3.0
MOST_SAMPLES = 200
"""Samples of one message: about 8 kB."""
MOST_INFLIGHT = 100
STATUS = "/status"
STATE = "/state"
STATE_EVERY_S = 2.0
"""Present values are retained anew this often (real time), for a subscriber that has missed changes."""


class MqttPublisher:
    """See the module's invariants."""

    def __init__(
        self,
        plant: Plant,
        source: str,
        host: str,
        port: int,
        login: tuple[str, str] | None = None,
        *,
        state_every_s: float = STATE_EVERY_S,
        pulled: bool = False,
    ) -> None:
        """`login`: user and password where the broker asks for them; `pulled`: a cut line is a connection broken."""
        build = partial(_Publisher, host=host, port=port, login=login, state_every_s=state_every_s, pulled=pulled)
        self._publishers = {index: build(machine) for index, machine in plant.served(source).items()}

    @property
    def published(self) -> int:
        """Messages so far that a subscriber gets, the broker's own (wills) included."""
        return sum(publisher.published for publisher in self._publishers.values())

    async def start(self, present: Mapping[int, Mapping[str, tuple[int, Value]]]) -> None:
        """Connect all machines and publish births and present values; raises SourceError without a broker."""
        publishers = list(self._publishers.items())
        for first in range(0, len(publishers), AT_ONCE):
            some = publishers[first : first + AT_ONCE]
            await asyncio.gather(*(publisher.start(present.get(index, {})) for index, publisher in some))

    async def send(self, samples: Sequence[Sample]) -> None:
        """Publish changes in order, and present values where it is time; returns when the broker has them."""
        of_machine: dict[int, list[Sample]] = {}
        for sample in samples:
            of_machine.setdefault(sample.machine, []).append(sample)
        now_s = time.monotonic()
        busy = {index: each for index, each in self._publishers.items() if index in of_machine or each.is_due(now_s)}
        await asyncio.gather(*(each.send(of_machine.get(index, ())) for index, each in busy.items()))

    async def renew(self) -> list[int]:
        """Retain the present values of all machines that are on line anew, now; these machines."""
        found = [index for index, publisher in self._publishers.items() if publisher.on_line]
        await asyncio.gather(*(self._publishers[index].renew() for index in found))
        return found

    async def stop(self) -> None:
        """Say goodbye and disconnect; does not wait for long for a broker that has gone."""
        await asyncio.gather(*(publisher.stop() for publisher in self._publishers.values()))

    def cut(self, machine: int) -> None:
        """Cut a machine's cable for a second or two: the broker publishes its will, then the machine is back."""
        self._publishers[machine].cut()


class _Publisher:
    """One machine's client. Everything runs in the event loop but paho's callbacks, which only schedule."""

    def __init__(
        self,
        machine: Machine,
        host: str,
        port: int,
        login: tuple[str, str] | None,
        state_every_s: float,
        pulled: bool,
    ) -> None:
        self.published = 0
        self.on_line = True
        self._where = host, port
        self._state_every_s = state_every_s
        self._pulled = pulled
        self._born = asyncio.Event()
        self._topic = str(machine.mapping["topic"])
        self._present: dict[str, tuple[int, Value]] = {}
        self._state_s = 0.0
        self._waiting: set[int] = set()
        self._progress = asyncio.Event()
        self._client = self._build(machine.name)
        if login is not None:
            self._client.username_pw_set(*login)

    async def start(self, present: Mapping[str, tuple[int, Value]]) -> None:
        self._loop = asyncio.get_running_loop()
        self._present = dict(present)
        await self._connect()
        self._publish_state()
        async with asyncio.timeout(CONNECT_S):
            await self._acknowledged_down_to(0)

    async def _connect(self) -> None:
        """On line, and the birth is on its way."""
        self._born.clear()
        try:
            await asyncio.to_thread(self._client.connect, *self._where, KEEPALIVE_S)
        except OSError as wrong:
            host, port = self._where
            raise SourceError(f"the broker {host}:{port} cannot be reached: {wrong}") from wrong
        self._client.loop_start()
        async with asyncio.timeout(CONNECT_S):
            await self._born.wait()

    async def send(self, samples: Sequence[Sample]) -> None:
        if self._pulled and samples and samples[0].signal == ONLINE:
            await self._pull_or_plug(bool(samples[0].value))
        for suffix, payload in messages(samples, self._present):
            if self._pulled and suffix == STATUS:
                continue
            await self._acknowledged_down_to(MOST_INFLIGHT - 1)
            self._publish(suffix, payload, retain=suffix != "")
        self.on_line = next((bool(s.value) for s in reversed(samples) if s.signal == ONLINE), self.on_line)
        if self.is_due(time.monotonic()):
            self._publish_state()
        await self._acknowledged_down_to(0)

    def is_due(self, now_s: float) -> bool:
        """Whether present values should be retained anew."""
        return self.on_line and now_s - self._state_s >= self._state_every_s

    async def renew(self) -> None:
        self._publish_state()
        await self._acknowledged_down_to(0)

    async def _pull_or_plug(self, plug: bool) -> None:
        """Break the connection, of which the broker tells by our will, or make it anew."""
        if plug == self.on_line:
            return
        self.on_line = plug
        if plug:
            await self._connect()
            return
        self.cut()
        await asyncio.to_thread(self._client.loop_stop)
        self.published += 1

    async def stop(self) -> None:
        if self._client.is_connected():
            self._publish(STATUS, _status(False), retain=True)
            with contextlib.suppress(TimeoutError):  # a broker that has gone says the same by our will
                async with asyncio.timeout(GOODBYE_S):
                    await self._acknowledged_down_to(0)
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def cut(self) -> None:
        wire = self._client.socket()
        if isinstance(wire, socket.socket):
            wire.shutdown(socket.SHUT_RDWR)

    def _build(self, name: str) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"machine-{name.replace('/', '-')}",
            reconnect_on_failure=not self._pulled,
        )
        client.reconnect_delay_set(1, 10)
        client.max_queued_messages_set(0)
        client.will_set(self._topic + STATUS, _status(False), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        return client

    def _publish_state(self) -> None:
        self._state_s = time.monotonic()
        self._publish(STATE, state_message(self._present), retain=True)

    def _publish(self, suffix: str, payload: bytes, *, retain: bool = False) -> None:
        sent = self._client.publish(self._topic + suffix, payload, qos=1, retain=retain)
        self.published += 1
        self._waiting.add(sent.mid)

    async def _acknowledged_down_to(self, most: int) -> None:
        while len(self._waiting) > most:
            self._progress.clear()
            await self._progress.wait()

    def _acknowledged(self, mid: int) -> None:
        self._waiting.discard(mid)
        self._progress.set()

    def _is_born(self) -> None:
        self.published += 1
        self._born.set()

    # The callbacks run in paho's network thread.

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            client.publish(self._topic + STATUS, _status(True), qos=1, retain=True)
            self._from_thread(self._is_born)

    def _on_publish(self, _client: Any, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        self._from_thread(self._acknowledged, mid)

    def _from_thread(self, call: Callable[..., None], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)


def state_message(present: Mapping[str, tuple[int, Value]]) -> bytes:
    """The present values."""
    return _packed({"s": [[us, name, value] for name, (us, value) in present.items()]})


def messages(samples: Sequence[Sample], present: dict[str, tuple[int, Value]]) -> Iterator[tuple[str, bytes]]:
    """What is published for some samples: suffix of the topic and payload, in order; `present` is kept up to date."""
    for run in _runs(samples):
        first = run[0]
        if first.signal == ONLINE:
            yield STATUS, _status(bool(first.value))
            if first.value:
                yield STATE, state_message(present)
            continue
        if first.signal == LEFTOVER:
            if first.damage is not Damage.LOST:
                yield STATE, str(first.value).encode()
            continue
        for sample in run:
            if sample.damage is not Damage.TYPE and sample.event_us >= present.get(sample.signal, (0, 0))[0]:
                present[sample.signal] = sample.event_us, sample.value
        if first.damage is not Damage.LOST:
            payload = _packed({"seq": first.seq, "s": [_entry(sample) for sample in run]})
            yield "", payload[: len(payload) // 2] if first.damage is Damage.BROKEN else payload


def _runs(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Stretches of consecutive numbers, none longer than a message may be; what makes a message unreadable is alone."""
    run: list[Sample] = []
    for sample in samples:
        if run and (_alone(sample) or _alone(run[0]) or sample.seq != run[-1].seq + 1 or len(run) >= MOST_SAMPLES):
            yield run
            run = []
        run.append(sample)
    if run:
        yield run


def _alone(sample: Sample) -> bool:
    return sample.signal in (ONLINE, LEFTOVER) or sample.damage not in (Damage.NONE, Damage.TYPE)


def _entry(sample: Sample) -> list[Any]:
    value: Any = sample.value
    if sample.damage is Damage.NAN:
        value = math.nan
    elif sample.damage is Damage.TYPE:
        value = {"value": value}
    return [sample.event_us, sample.signal, value, *(["reset"] if sample.reset else [])]


def _status(online: bool) -> bytes:
    return _packed({"online": online})


def _packed(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
