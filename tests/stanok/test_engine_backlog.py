"""What the engine makes of rows that have piled up, with a database that only remembers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import SpoolError
from core.samples.records import Gap, Heartbeat, RowKind, SpoolRow, StoredRow, pack_gap, pack_heartbeat, pack_samples
from core.units import SECOND_US
from core.vocabulary import Cause, State
from stanok import pipeline
from stanok.settings import EngineSettings
from storage.spool import SpoolWriter
from tests.properties.scenes import BEGIN, Happening, plant
from tests.properties.test_stream_equals_oracle import Tables, batch_of

WHERE = plant(2)


def row(kind: RowKind, payload: bytes, received_s: int = 0) -> SpoolRow:
    return SpoolRow(kind, "src", WHERE.hash, BEGIN + received_s * SECOND_US, payload)


def beat(at_s: int, machine: int = 0, received_s: int = 0) -> SpoolRow:
    found = Heartbeat(np.array([machine], "i4"), np.array([BEGIN + at_s * SECOND_US], "i8"))
    return row(RowKind.HEARTBEAT, pack_heartbeat(found), received_s)


def sample(at_s: int, what: str, value: object) -> SpoolRow:
    batch = batch_of([Happening(BEGIN + at_s * SECOND_US, at_s, what, value, "good")], WHERE)
    return row(RowKind.SAMPLES, pack_samples(batch))


def gap(opened: bool, at_s: int) -> SpoolRow:
    return row(RowKind.GAP, pack_gap(Gap(opened, BEGIN + at_s * SECOND_US, Cause.RESTART, (0,))))


class Bench:
    """An engine whose loop the test turns, and the spool of its collector."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tables, self.now_us = Tables(), BEGIN
        store = SimpleNamespace(
            take_ownership=lambda ids: dict.fromkeys(ids, 0),
            **dict.fromkeys(("commit", "begin"), self.tables.store),
            **dict.fromkeys(("finish", "summarize", "close"), lambda: None),
            connections=tuple,
        )
        connection = SimpleNamespace(close=lambda: None)
        for name, found in {
            "connect": lambda *_: connection,
            "load_plant": lambda *_: None,
            "resume": lambda *_: None,
            "Store": lambda *_: store,
        }.items():
            monkeypatch.setattr(pipeline, name, found)
        monkeypatch.setattr(pipeline.Engine, "_renewed", lambda *_: True)
        clock = SimpleNamespace(
            now_us=lambda: self.now_us, scale=lambda: 1.0, running=lambda: True, catching_up=lambda: False
        )
        settings = EngineSettings(tick_s=1e-6, commit_s=1e-6, commit_samples=500)
        # A clock by its methods only.
        self.engine = pipeline.Engine(WHERE, directory, "", clock, settings)  # type: ignore[arg-type]  # a clock set by hand
        self.path = directory / "spool" / "collect.spool"
        self.collector = SpoolWriter(self.path)
        self.engine._connect(threading.Event())

    def turn(self, now_s: int, times: int = 3) -> None:
        self.now_us = BEGIN + now_s * SECOND_US
        for _ in range(times):
            self.engine._turn(threading.Event())

    def unknown(self) -> list[tuple[float, float | None]]:
        rows = [found for found in self.tables.intervals[0] if found["state"] == State.UNKNOWN]
        spans = [((int(found["from_us"]) - BEGIN) / SECOND_US, int(found["to_us"])) for found in rows]
        return [(start, (end - BEGIN) / SECOND_US if end >= 0 else None) for start, end in spans]

    def close(self) -> None:
        self.collector.close()
        self.engine.close()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(tmp_path, monkeypatch)
    monkeypatch.setattr(pipeline, "_IDLE_S", 0.0)
    made.collector.append_now([sample(0, "ctrl.execution", "active"), beat(10)])
    made.turn(10)
    for now_s in range(12, 40, 2):
        made.turn(now_s)
    assert made.unknown() == [(10, None)]
    yield made
    made.close()


def test_a_machine_that_came_back_in_a_backlog_is_unknown_no_longer_than_it_was(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_READ_BYTES", 2000)
    others = [beat(at_s, machine=1) for at_s in range(40, 120)]
    mine = [found for at_s in range(120, 400) for found in (sample(at_s, "spindle.1.load", 45.5), beat(at_s))]
    bench.collector.append_now([*others, *mine, *(beat(at_s, machine=1) for at_s in range(400, 600))])
    held = 0
    for _ in range(300):
        bench.turn(600, 1)
        held = max(held, len(bench.engine._stream._buffer))
    assert bench.unknown() == [(10, 120), (399, None)]
    assert held < 50


def test_a_gap_told_in_one_read_with_the_return_from_another_is_one_of_its_own(bench: Bench) -> None:
    bench.collector.append_now([beat(60), sample(100, "spindle.1.load", 45.5), beat(400), gap(True, 400)])
    bench.collector.append_now([gap(False, 500), beat(510)])
    bench.turn(512, 10)
    assert bench.unknown() == [(10, 60), (400, 500)]


def test_what_came_after_a_tick_that_was_due_does_not_make_a_machine_with_a_slow_clock_silent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def beats(*seconds: int) -> list[SpoolRow]:
        return [beat(at_s - 20, received_s=at_s) for at_s in range(*seconds)]

    # Five rows a read: the one that reaches the tick's ends goes on to what was heard 3 s later, the next one 8 s.
    monkeypatch.setattr(pipeline, "_READ_BYTES", 5 * len(beat(0).payload))
    bench.collector.append_now([*(beat(30, machine=1) for _ in range(101)), *beats(60, 101)])
    bench.turn(100, 1)
    bench.collector.append_now(beats(101, 150))
    bench.turn(150, 300)
    assert bench.unknown() == [(10, 40)]


def test_a_spool_that_cannot_be_read_on_holds_up_neither_the_others_nor_silence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = SpoolWriter(bench.path.with_name("other.spool"))
    other.append_now([beat(30, machine=1) for _ in range(20)])
    bench.engine._look_for_spools()
    monkeypatch.setattr(pipeline, "_READ_BYTES", 5 * len(beat(0).payload))
    bench.turn(50, 1)
    (inlet,) = [each for path, each in bench.engine._inlets.items() if path.name == "other.spool"]

    def broken(after: int, _limit_bytes: int) -> list[StoredRow]:
        raise SpoolError(f"row {after} cannot be read")

    monkeypatch.setattr(inlet.reader, "read", broken)
    bench.collector.append_now([beat(60), beat(61)])
    for now_s in range(61, 90):
        bench.turn(now_s, 5)
    other.close()
    assert 0 < inlet.position < 20
    assert bench.unknown() == [(10, 60), (61, None)]


def test_a_spool_that_was_replaced_by_another_file_is_opened_again(bench: Bench) -> None:
    bench.collector.close()
    for path in bench.path.parent.glob("collect.spool*"):
        path.unlink()
    bench.collector = SpoolWriter(bench.path)
    bench.collector.append_now([beat(60)])
    with pytest.raises(SpoolError, match="replaced"):
        bench.engine._look_for_spools()
