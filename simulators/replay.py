"""Plays a recording over MQTT in one of three conventions: QoS 1, original times, in the order of the file.

Invariants: every event that the convention has a word for is sent once and acknowledged by the broker; at most
`MOST_INFLIGHT` messages wait for that; an event keeps its time, cut only by what the convention can hold (UMH: ms).
At speed N the pauses of the recording last an Nth; a jump back takes no time. Speed 0: as fast as acknowledged.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from core.errors import InputError, SourceError
from core.plant.model import Machine, Plant
from core.samples.mtconnect import UNAVAILABLE
from core.units import SECOND_US
from core.vocabulary import meaning
from simulators.outlet import Value
from simulators.recordings import Event, Recording
from simulators.replay_plant import JSON, MTCONNECT, UMH, UMH_CONTRACT, machine_name

MOST_INFLIGHT = 500
"""Some milliseconds of a broker's work: enough to keep it busy, little to repeat after a lost connection."""
KEEPALIVE_S = 10
JUMP_US = SECOND_US
"""Adapters interleave lines by a tenth of a second; from a second on it is told as a jump."""

_TYPES = {
    "conn.online": "AVAILABILITY",
    "ctrl.execution": "EXECUTION",
    "ctrl.mode": "CONTROLLER_MODE",
    "ctrl.op_mode": "FUNCTIONAL_MODE",
    "ctrl.estop": "EMERGENCY_STOP",
    "part.total": "PART_COUNT",
    "prog.name": "PROGRAM",
}
"""MTConnect types of what the plant file maps; others are named after their key."""


@dataclass
class Sent:
    """What a run has sent. `unspoken`: events that the convention, or the plant file, has no word for.

    `complete`: the whole recording, and all of it acknowledged.
    """

    messages: int = 0
    unspoken: int = 0
    jumps_back: int = 0
    seconds: float = 0.0
    complete: bool = True
    machines: set[str] = field(default_factory=set)


class Voice:
    """How one machine of the plant speaks, by its section of the plant file. Numbers its messages from 0 on."""

    def __init__(self, machine: Machine) -> None:
        self._topic = str(machine.mapping.get("topic"))
        self._convention = str(machine.mapping.get("profile"))
        if self._convention not in _SAY:
            raise InputError(f'machine "{machine.name}".profile: a recording is played as {", ".join(_SAY)}')
        self._signals = dict(_keys(machine))
        self._next = 0

    def say(self, event: Event) -> tuple[str, dict[str, Any]] | None:
        """Topic and content of the event's message, None if the convention has no word for it."""
        said = _SAY[self._convention](self, event)
        self._next += said is not None
        return said

    def _observation(self, event: Event) -> tuple[str, dict[str, Any]]:
        kind = _TYPES.get(self._signals.get(event.key, ""), f"x:{event.key.upper()}")
        content: dict[str, Any] = {
            "dataItemId": event.key,
            "type": kind,
            "timestamp": event.stamp,
            "sequence": self._next,
        }
        result = {"level": event.level, "nativeCode": event.code} if event.level else {"result": _text(event.value)}
        return f"{self._topic}/Observations/{event.key}", content | result

    def _own(self, event: Event) -> tuple[str, dict[str, Any]] | None:
        if event.level or event.key not in self._signals:
            return None
        return self._topic, {"seq": self._next, "s": [[event.event_us, event.key, self._value(event)]]}

    def _tag(self, event: Event) -> tuple[str, dict[str, Any]] | None:
        if event.level:
            return None
        content = {"timestamp_ms": event.event_us // 1000, "value": self._value(event)}
        return f"{self._topic}/{UMH_CONTRACT}/{event.key}", content

    def _value(self, event: Event) -> Value | None:
        """A number where the plant file wants one; "no value" of availability is a word."""
        signal = self._signals.get(event.key, "")
        if event.value is None:
            return UNAVAILABLE if signal == "conn.online" else None
        found = meaning(signal)
        numeric = found is not None and found.kind in ("float", "counter")
        return _number(event.value) if numeric and isinstance(event.value, str) else event.value


_SAY: Mapping[str, Callable[[Voice, Event], tuple[str, dict[str, Any]] | None]] = {
    MTCONNECT: Voice._observation,
    JSON: Voice._own,
    UMH: Voice._tag,
}


def _keys(machine: Machine) -> list[tuple[str, str]]:
    """Key of the recording and signal, for every signal that the plant file maps."""
    found = []
    for signal, address in machine.signals.items():
        name = address.get("name", signal) if isinstance(address, Mapping) else address
        if isinstance(name, str):
            found.append((name.removeprefix(f"{UMH_CONTRACT}/"), signal))
    return found


def _text(value: Value | None) -> str:
    """An MTConnect result is always text."""
    if value is None:
        return UNAVAILABLE
    if isinstance(value, bool):
        return "ON" if value else "OFF"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def _number(text: str) -> Value:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


class Wire:
    """A publishing client. `send` waits while too many messages are not acknowledged; a lost broker is waited for."""

    def __init__(self, host: str, port: int, stop: threading.Event, login: tuple[str, str] | None = None) -> None:
        self._where = host, port
        self._stop = stop
        self._waiting = 0
        self._progress = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"stanok-replay-{uuid.uuid4().hex[:8]}")
        self._client.max_inflight_messages_set(MOST_INFLIGHT)
        self._client.on_publish = self._on_publish
        if login is not None:
            self._client.username_pw_set(*login)

    def __enter__(self) -> Wire:
        host, port = self._where
        try:
            self._client.connect(host, port, KEEPALIVE_S)
        except OSError as wrong:
            raise SourceError(f"the broker {host}:{port} cannot be reached: {wrong}") from wrong
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, topic: str, payload: str) -> None:
        """Publish; returns when there is room for the next message, or when everything stops."""
        with self._progress:
            self._waiting += 1
        self._client.publish(topic, payload, qos=1)
        self._until(MOST_INFLIGHT - 1)

    def acknowledged(self) -> bool:
        """Wait for the broker to acknowledge everything; False if stopped before."""
        return self._until(0)

    def _until(self, most: int) -> bool:
        with self._progress:
            while self._waiting > most and not self._stop.is_set():
                self._progress.wait(0.2)
            return self._waiting <= most

    def _on_publish(self, *_: Any) -> None:
        with self._progress:
            self._waiting -= 1
            self._progress.notify_all()


def play(
    recording: Recording,
    plant: Plant,
    wire: Wire,
    speed: float,
    stop: threading.Event,
    step: Callable[[], None] = lambda: None,
) -> Sent:
    """Send the whole recording, or until stopped; raises InputError for a machine that the plant does not have.

    `step` is called after every event, for who shows progress.
    """
    voices = {name: _voice(plant, name) for name in recording.keys}
    sent, started_s, played_us, before_us = Sent(), time.monotonic(), 0, recording.earliest_us
    for number, event in enumerate(recording.events()):
        if stop.is_set():
            sent.complete = False
            break
        step()
        step_us = event.event_us - before_us if number else 0
        before_us = event.event_us
        sent.jumps_back += step_us <= -JUMP_US
        played_us += max(0, step_us)
        if speed:
            stop.wait(max(0.0, started_s + played_us / SECOND_US / speed - time.monotonic()))
        said = voices[event.machine].say(event)
        if said is None:
            sent.unspoken += 1
            continue
        topic, content = said
        wire.send(topic, json.dumps(content, ensure_ascii=False, separators=(",", ":")))
        sent.messages += 1
        sent.machines.add(machine_name(event.machine))
    sent.complete &= wire.acknowledged()
    sent.seconds = time.monotonic() - started_s
    return sent


def _voice(plant: Plant, name: str) -> Voice:
    """The machine of that name; a recording without names belongs to the only one."""
    if not name and len(plant.machines) == 1:
        return Voice(plant.machines[0])
    index = plant.machine_index.get(machine_name(name))
    if index is None:
        raise InputError(f'the plant file has no machine "{machine_name(name)}", which the recording names')
    return Voice(plant.machines[index])
