"""`stanok simulate --replay` as a person uses it: wrong use in a sentence, two commands to a collected recording."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from core.errors import InputError
from core.units import SECOND_US
from stanok.clock import ClockFile, ScenarioClock, write_clock
from stanok.plantfile import load_plant
from stanok.processes import Child
from stanok.replay import Replay, replay
from storage.spool_read import SpoolReader
from tests.stanok.house import ROOT, wait_for

SHDR = """\
2022-08-08T13:51:34.0000001Z|avail|AVAILABLE|exec|READY|mode|AUTOMATIC
2022-08-08T13:51:36.5Z|exec|ACTIVE
2022-08-08T13:37:18.8501483Z|exec|PROGRAM_COMPLETED
"""
LATEST_US = 1_659_966_696_500_000


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "a.shdr"
    path.write_text(SHDR)
    return path


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"convention": "yaml"}, "--convention: 'yaml' is not one of mtconnect-entity, json, umh"),
        ({"speed": -1.0}, "--speed: give 0"),
        ({"speed": float("nan")}, "--speed: give 0"),
        ({"plant": Path("p.toml"), "plant_out": Path("q.toml")}, "--plant and --plant-out"),
        ({"plant_out": Path("q.toml")}, "--plant-out: needs --data"),
        ({"plant_out": ROOT / "README.md", "data": Path("d")}, "README.md exists"),
        ({"path": ROOT / "README.md"}, "README.md: has no events"),
        ({"path": ROOT / "nowhere"}, "nowhere: cannot be read"),
        ({"broker": "http://x"}, "is not an address like mqtt://"),
    ],
    ids=str,
)
def test_wrong_use_is_one_sentence_and_writes_nothing(wrong: dict[str, Any], words: str, recording: Path) -> None:
    with pytest.raises(InputError) as refused:
        replay(Replay(**({"path": recording, "broker": "mqtt://127.0.0.1:9"} | wrong)), Event())
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_data_directory_with_something_else_or_an_earlier_clock_is_left_alone(
    recording: Path, tmp_path: Path
) -> None:
    stop = Event()
    stop.set()
    for number, content in enumerate(("spool", "clock.json")):
        data = tmp_path / str(number)
        data.mkdir()
        write_clock(data / content, ClockFile(0, LATEST_US - SECOND_US, 1.0))
        wanted = Replay(recording, broker="mqtt://127.0.0.1:9", plant_out=data.with_suffix(".toml"), data=data)
        with pytest.raises(InputError, match="new directory"):
            replay(wanted, stop)


def test_from_a_recording_to_a_collected_spool_in_two_commands(recording: Path, tmp_path: Path) -> None:
    plant, data, recorded = tmp_path / "plant.toml", tmp_path / "data", tmp_path / "again.jsonl"
    command = ["simulate", "--replay", str(recording), "--plant-out", str(plant), "--data", str(data), "--speed", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "stanok", *command],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as simulator:
        assert simulator.stdout is not None
        collect = ["collect", str(plant), "--data", str(data), "--record", str(recorded)]
        collector = Child("the collector", collect, tmp_path / "collect.log")
        try:
            wait_for(lambda: (data / "clock.json").exists(), "no clock is written")
            collector.start()
            said = next(line for line in iter(simulator.stdout.readline, "") if line.startswith("sent"))
            wait_for(lambda: '"completed"' in recorded.read_text(), "the last observation is not recorded")
            simulator.send_signal(signal.SIGINT)
            assert simulator.wait(20) == 0
        finally:
            collector.stop()
            simulator.kill()
    assert said.startswith("sent 5 messages of 1 machines")
    assert "jumped back by a second or more 1 times" in said
    assert ScenarioClock(data / "clock.json").now_us() > LATEST_US
    assert load_plant(plant).machines[0].signals["ctrl.execution"] == "exec"
    reader = SpoolReader.open_if_exists(data / "spool" / "collect.spool")
    assert reader is not None
    with reader:
        assert reader.end() > 0
