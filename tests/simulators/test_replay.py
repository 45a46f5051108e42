"""Recording -> broker -> collector, in each convention: every event once, its own time, the same value."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from collectors.replay.recorder import Recorder
from core.errors import InputError, SourceError
from core.plant.model import Plant
from core.vocabulary import Execution, OpMode, Quality
from simulators.recordings import Recording, look_through
from simulators.replay import Wire, play
from simulators.replay_plant import CONVENTIONS, MTCONNECT, plant_document
from stanok.plantfile import plant_of
from tests.collectors.mqtt_bench import MemorySink, collecting, make_plant, until
from tests.fix_broker import BrokerAddress
from tests.servers import free_port
from tests.simulators.test_recordings import OWN, SHDR, START_US

Values = set[tuple[int, str, Any]]

JUMP_US = 1_659_965_838_850_148
MAPPED: Values = {
    (START_US, "conn.online", 1.0),
    (START_US, "ctrl.op_mode", float(OpMode.SETUP)),
    (START_US, "ctrl.execution", float(Execution.READY)),
    (START_US, "ctrl.mode", 0.0),
    (START_US + 2_500_000, "ctrl.execution", float(Execution.ACTIVE)),
    (START_US + 2_500_000, "ctrl.op_mode", float(OpMode.PRODUCTION)),
    (START_US + 2_500_000, "tool.id", None),
    (START_US + 2_500_000, "spindle.1.speed", 620.25),
    (START_US + 2_500_000, "prog.name", 'A"B\\C.MIN'),
    (JUMP_US, "ctrl.execution", float(Execution.COMPLETED)),
    (JUMP_US, "part.total", 4.0),
    (JUMP_US, "ctrl.estop", 0.0),
    (JUMP_US, "spindle.1.load", 12.0),
}
FAULT = (START_US + 4_000_000, "alarm.edge", "system:E7")


def recording_of(text: str, directory: Path) -> Recording:
    path = directory / "recording"
    path.write_text(text, encoding="utf-8")
    return look_through(path)


def plant_for(recording: Recording, convention: str, broker: BrokerAddress) -> Plant:
    """The recording's plant, under a client id of its own."""
    found = plant_of(plant_document(recording, convention, broker.host, broker.port))
    settings = dict(found.sources[0].settings) | {"client_id": f"replay-{convention}-{free_port()}"}
    return replace(found, sources=(replace(found.sources[0], settings=settings),))


def stored(sink: MemorySink, plant: Plant) -> list[tuple[int, str, Any]]:
    batch, out = sink.samples, []
    for at in range(len(batch)):
        value = batch.texts[batch.text[at]] if batch.text[at] >= 0 else float(batch.value[at])
        usable = batch.quality[at] == Quality.GOOD
        out.append((int(batch.event_us[at]), plant.signals[batch.signal[at]].name, value if usable else None))
    return out


async def collected(recording: Recording, plant: Plant, broker: BrokerAddress, count: int) -> MemorySink:
    """What a collector stores of it."""
    sink = MemorySink()
    async with collecting(plant, sink) as collector:
        await until(lambda: collector.status().ready, "ready")
        stop = threading.Event()
        with Wire(broker.host, broker.port, stop) as wire:
            play(recording, plant, wire, 0, stop)
        await until(lambda: collector.status().stored >= count, f"{count} samples")
    return sink


@pytest.mark.parametrize("convention", CONVENTIONS)
async def test_a_collector_stores_the_recording_in_every_convention(
    convention: str, mqtt_broker: BrokerAddress, tmp_path: Path
) -> None:
    recording = recording_of(SHDR, tmp_path)
    plant = plant_for(recording, convention, mqtt_broker)
    expected = MAPPED | ({FAULT} if convention == MTCONNECT else set())
    if convention == "umh":
        expected = {(us // 1000 * 1000, name, value) for us, name, value in expected}
    sink = await collected(recording, plant, mqtt_broker, len(expected))
    assert sorted(stored(sink, plant), key=str) == sorted(expected, key=str)
    assert not sink.quarantine
    assert not sink.gaps


async def test_what_was_recorded_here_comes_back_the_same(mqtt_broker: BrokerAddress, tmp_path: Path) -> None:
    first = recording_of(OWN, tmp_path)
    for convention in ("json", MTCONNECT):
        plant = plant_for(first, convention, mqtt_broker)
        sink = await collected(first, plant, mqtt_broker, 5)
        recorder = Recorder(MemorySink(), plant, tmp_path / convention)
        await recorder.append(sink.rows)
        recorder.close()
        again = look_through(tmp_path / convention)
        wanted = {(e.event_us, e.machine, e.key, e.value) for e in first.events() if not e.level}
        assert {(e.event_us, e.machine, e.key, e.value) for e in again.events() if not e.level} == wanted


class Notes:
    """Stands where the wire does and keeps what is sent; `limit`: sets `stop` after so many."""

    def __init__(self, stop: threading.Event, limit: int = 1000) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self._stop, self._limit = stop, limit

    def send(self, topic: str, payload: str) -> None:
        self.sent.append((topic, json.loads(payload)))
        if len(self.sent) >= self._limit:
            self._stop.set()

    def acknowledged(self) -> bool:
        return True


def noted(recording: Recording, convention: str, speed: float = 0, limit: int = 1000) -> tuple[Notes, Any]:
    stop = threading.Event()
    notes = Notes(stop, limit)
    plant = plant_of(plant_document(recording, convention, "127.0.0.1", 1883))
    return notes, play(recording, plant, cast(Wire, notes), speed, stop)


def test_an_entity_message_keeps_the_time_as_written_and_counts_every_observation(tmp_path: Path) -> None:
    notes, sent = noted(recording_of(SHDR, tmp_path), MTCONNECT)
    assert notes.sent[2] == (
        "MTConnect/Devices/replay.machine/Observations/exec",
        {
            "dataItemId": "exec",
            "type": "EXECUTION",
            "timestamp": "2022-08-08T13:51:34.0000001Z",
            "sequence": 2,
            "result": "READY",
        },
    )
    assert [content["sequence"] for _, content in notes.sent] == list(range(17))
    assert all(isinstance(content.get("result", content.get("level")), str) for _, content in notes.sent)
    assert (sent.messages, sent.unspoken, sent.jumps_back, sent.complete) == (17, 0, 1, True)


def test_pauses_last_as_long_as_the_speed_says_and_a_jump_back_takes_no_time(tmp_path: Path) -> None:
    text = "".join(f"2022-08-08T13:00:{second:02}Z|exec|ACTIVE\n" for second in (0, 4, 1, 5))
    _, sent = noted(recording_of(text, tmp_path), MTCONNECT, speed=40)
    assert sent.seconds >= 8 / 40
    assert sent.jumps_back == 1


def test_a_stop_ends_it_at_once(tmp_path: Path) -> None:
    notes, sent = noted(recording_of(SHDR, tmp_path), MTCONNECT, limit=3)
    assert len(notes.sent) == sent.messages == 3
    assert not sent.complete


def test_a_machine_that_the_plant_does_not_have_is_named(tmp_path: Path) -> None:
    recording = recording_of(OWN, tmp_path)
    plant = plant_of(plant_document(recording_of(SHDR, tmp_path), "json", "127.0.0.1", 1883))
    with pytest.raises(InputError, match="ural/lathe-1"):
        play(recording, plant, cast(Wire, Notes(threading.Event())), 0, threading.Event())


def test_a_machine_without_a_convention_is_refused(tmp_path: Path) -> None:
    plant = make_plant(machines=0, own=[{"name": "m", "topic": "t", "signals": {}}])
    with pytest.raises(InputError, match="profile"):
        play(recording_of(SHDR, tmp_path), plant, cast(Wire, Notes(threading.Event())), 0, threading.Event())


def test_a_broker_that_is_not_there_is_named() -> None:
    port = free_port()
    with pytest.raises(SourceError, match=str(port)), Wire("127.0.0.1", port, threading.Event()):
        pass
