"""What a collector stores comes back from its recording as it was; crashes and full disks cost little."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors.replay.recorder import Recorder
from core.errors import InputError, SpoolError
from core.plant.model import Plant
from core.samples.batch import BatchBuilder
from core.samples.recording import HEAD, Recorded, RecordingReader
from core.samples.records import (
    Gap,
    Heartbeat,
    Quarantine,
    RowKind,
    SpoolRow,
    pack_gap,
    pack_heartbeat,
    pack_quarantine,
    pack_samples,
)
from core.vocabulary import AlarmClass, Cause, Execution, Flag, Quality
from tests.collectors.mqtt_bench import MemorySink, make_plant

ALARMED = {"name": "m1", "topic": "t", "signals": {"alarm.edge": "a", "ctrl.estop": "e"}}
PLANT: Plant = make_plant(machines=1, own=[ALARMED])


def row(kind: RowKind, payload: bytes) -> SpoolRow:
    return SpoolRow(kind, "src", PLANT.hash, 1000, payload)


def samples(*entries: dict[str, Any]) -> SpoolRow:
    builder = BatchBuilder()
    for entry in entries:
        signal = PLANT.signal_index[entry.pop("name")]
        builder.add(**{"machine": 0, "signal": signal, "event_us": 5, "received_us": 9, **entry})
    return row(RowKind.SAMPLES, pack_samples(builder.build()))


ROWS = [
    samples(
        {"name": "ctrl.execution", "value": float(Execution.FEED_HOLD), "seq": 7, "raw": 3},
        {"name": "spindle.1.speed", "value": 0.1 + 0.2, "event_us": 6},
        {"name": "prog.name", "text": "Вал | 40"},
        {"name": "part.total", "quality": int(Quality.BAD), "flags": int(Flag.INITIAL)},
        {"name": "ctrl.estop", "machine": 1, "value": 1.0},
        {"name": "alarm.edge", "machine": 1, "value": 1.0, "text": "system:E1", "raw": int(AlarmClass.STOP)},
    ),
    row(RowKind.HEARTBEAT, pack_heartbeat(Heartbeat(np.array([0, 1], "<i4"), np.array([8, 9], "<i8")))),
    row(RowKind.GAP, pack_gap(Gap(True, 4, Cause.SILENT, (1,)))),
    row(RowKind.QUARANTINE, pack_quarantine(Quarantine("no JSON", "t", -1, b"\xff"))),
]
WANTED = [
    Recorded(5, "m0", "ctrl.execution", "feed_hold", seq=7, raw=3),
    Recorded(6, "m0", "spindle.1.speed", 0.30000000000000004),
    Recorded(5, "m0", "prog.name", "Вал | 40"),
    Recorded(5, "m0", "part.total", None, quality=int(Quality.BAD), flags=int(Flag.INITIAL)),
    Recorded(5, "m1", "ctrl.estop", True),
    Recorded(5, "m1", "alarm.edge", "system:E1", number=1.0, raw=int(AlarmClass.STOP)),
]


def read(path: Path) -> tuple[list[Recorded], int]:
    reader = RecordingReader()
    with path.open(encoding="utf-8") as file:
        return list(reader.read(file)), reader.refused


async def test_what_was_stored_comes_back_and_gaps_and_refusals_can_be_read_by_a_person(tmp_path: Path) -> None:
    path, sink = tmp_path / "a.jsonl", MemorySink()
    recorder = Recorder(sink, PLANT, path)
    assert await recorder.append(ROWS, {"src": b"state"}) == len(ROWS)
    recorder.close()
    assert sink.rows == ROWS
    assert recorder.source_state("src") == b"state"
    assert read(path) == (WANTED, 0)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == HEAD
    assert lines[2:] == [
        '{"t":1000,"source":"src","alive":{"m0":8,"m1":9}}',
        '{"t":1000,"source":"src","gap":"opened","at":4,"cause":"silent","machines":["m1"],"proven":false,"from":-1}',
        '{"t":1000,"source":"src","refused":"no JSON","origin":"t","machine":null,"raw":"/w=="}',
    ]


async def test_a_line_that_a_crash_has_cut_costs_itself_only(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    recorder = Recorder(MemorySink(), PLANT, path)
    await recorder.append(ROWS[:1])
    recorder.close()
    path.write_bytes(path.read_bytes()[:-40])
    again = Recorder(MemorySink(), PLANT, path)
    await again.append(ROWS[:1])
    again.close()
    assert read(path) == (WANTED, 1)


async def test_what_the_spool_refuses_is_not_recorded(tmp_path: Path) -> None:
    sink = MemorySink()
    sink.refuses = True
    recorder = Recorder(sink, PLANT, tmp_path / "a.jsonl")
    with pytest.raises(SpoolError):
        await recorder.append(ROWS)
    recorder.close()
    assert read(tmp_path / "a.jsonl") == ([], 0)


async def test_a_full_disk_ends_the_recording_and_not_the_collecting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        Recorder(MemorySink(), PLANT, FULL)
    sink = MemorySink()
    recorder = Recorder(sink, PLANT, tmp_path / "a.jsonl")
    fill(recorder)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            await recorder.append(ROWS)
    assert len(sink.rows) == 3 * len(ROWS)
    assert len(caplog.records) == 1


FULL = Path("/dev/full")


def fill(recorder: Recorder) -> None:
    """From now on the recorder's disk is full."""
    recorder.close()
    recorder._file = FULL.open("a", encoding="utf-8")


def test_a_file_that_is_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "plant.toml"
    path.write_text("precious\n")
    with pytest.raises(InputError, match="is no recording"):
        Recorder(MemorySink(), PLANT, path)
    with pytest.raises(InputError, match="cannot be written"):
        Recorder(MemorySink(), PLANT, tmp_path / "no" / "a.jsonl")
    assert path.read_text() == "precious\n"


def test_a_newer_format_is_refused_instead_of_misread() -> None:
    with pytest.raises(ValueError, match="format 2"):
        list(RecordingReader().read(['{"stanok": "recording", "format": 2}']))
