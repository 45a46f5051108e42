"""A recording is read as it is: order, times, what is no event; and a first plant file follows from it."""

from __future__ import annotations

import gzip
import tomllib
from pathlib import Path

import pytest

from core.errors import InputError
from core.samples.recording import HEAD
from core.units import SECOND_US
from simulators.recordings import Event, look_through
from simulators.replay_plant import CONVENTIONS, plant_document, recognise, toml_text
from stanok.plantfile import plant_of

START_US = 1_659_966_694_000_000
SHDR = """\
2022-08-08T13:51:34.0000001Z|avail|AVAILABLE|fmode|PROCESS_DEVELOPMENT|exec|READY|mode|AUTOMATIC|count|3|odd "key"|x
2022-08-08T13:51:34.1Z|system|NORMAL||||
*adapterVersion:1
2022-08-08T13:51:35Z|@ASSET@|T1|CuttingTool|--multiline--AB
<CuttingTool/>
--multiline--AB
2022-08-08T13:51:36.5Z|exec|ACTIVE|fmode|PRODUCTION|p1CurrentTool|UNAVAILABLE|S1speed|620.25|pprogram|A"B\\C.MIN
2022-08-08T13:37:18.8501483Z|exec|PROGRAM_COMPLETED|partcount|4|estop|ARMED|S1load|12
2022-08-08T13:51:37|exec|ACTIVE
2022-08-08T13:51:38Z|system|FAULT|E7|||Pressure
"""
OWN = (
    HEAD
    + """
{"t":1,"source":"src","samples":[[1659966694000000,"ural/lathe-1","ctrl.execution","active",{"seq":1}],\
[1659966694500000,"ural/lathe-1","spindle.1.speed",620.25],[1659966695000000,"ural/lathe-1","ctrl.estop",true]]}
{"t":2,"source":"src","alive":{"ural/lathe-1":1659966695000000}}
{"t":3,"source":"src","samples":[[1659966691000000,"minsk/mill","prog.name","A-1"],\
[1659966692000000,"minsk/mill","part.total",null,{"quality":"bad"}],\
[1659966693000000,"minsk/mill","alarm.edge","E1",{"raw":0,"number":1.0}]]}
{"t":4,"source":"src","samp"""
)


@pytest.fixture
def shdr(tmp_path: Path) -> Path:
    path = tmp_path / "a.shdr"
    path.write_text(SHDR)
    return path


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(OWN.encode()))
    return path


def test_an_shdr_recording_keeps_its_order_and_counts_what_is_no_event(shdr: Path) -> None:
    found = look_through(shdr)
    events = list(found.events())
    assert [event.key for event in events[-5:]] == ["exec", "partcount", "estop", "S1load", "system"]
    assert events[0] == Event(START_US, "2022-08-08T13:51:34.0000001Z", "", "avail", "AVAILABLE")
    assert events[-1].level == "FAULT"
    assert events[-1].code == "E7"
    assert [event.value for event in events if event.key == "p1CurrentTool"] == [None]
    assert found.count == len(events) == 17
    assert found.latest_us == START_US + 4 * SECOND_US
    assert found.earliest_us < START_US
    assert found.skipped == "1 asset lines, 1 commands, 1 broken lines"


def test_a_recording_of_stanok_has_names_words_and_a_cut_last_line(own: Path) -> None:
    found = look_through(own)
    events = {(event.machine, event.key): event for event in found.events()}
    assert events["ural/lathe-1", "ctrl.execution"].value == "active"
    assert events["ural/lathe-1", "spindle.1.speed"].stamp == "2022-08-08T13:51:34.500000Z"
    assert events["ural/lathe-1", "ctrl.estop"].value is True
    assert events["minsk/mill", "part.total"].value is None
    assert events["minsk/mill", "alarm.edge"].level == "FAULT"
    assert (found.count, found.skipped) == (6, "1 broken lines")


@pytest.mark.parametrize("content", [b"", b"rubbish\n", b"\xff\xfe\x00", b"\x1f\x8brubbish", None])
def test_what_is_no_recording_is_refused_by_its_name(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "x"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"x: (cannot be read as a recording|has no events)"):
        look_through(path)


def test_a_newer_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(HEAD + '\n{"stanok":"recording","format":9}\n')
    with pytest.raises(InputError, match="format 9"):
        look_through(path)


def test_keys_are_recognised_by_their_words_and_by_their_names(shdr: Path) -> None:
    (keys,) = look_through(shdr).keys.values()
    assert recognise(keys) == {
        "conn.online": "avail",
        "ctrl.op_mode": "fmode",
        "ctrl.execution": "exec",
        "ctrl.mode": "mode",
        "ctrl.estop": "estop",
        "tool.id": "p1CurrentTool",
        "spindle.1.speed": "S1speed",
        "spindle.1.load": "S1load",
        "prog.name": "pprogram",
        "part.total": "partcount",
    }


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("recording", ["shdr", "own"])
def test_the_plant_file_of_a_recording_passes_the_check_and_survives_its_toml(
    convention: str, recording: str, request: pytest.FixtureRequest
) -> None:
    document = plant_document(look_through(request.getfixturevalue(recording)), convention, "127.0.0.1", 1883)
    assert tomllib.loads(toml_text(document)) == document
    plant = plant_of(document)
    assert plant.sources[0].settings["clock"] == "trusted"
    assert plant.sources[0].settings["oldest_days"] == "none"
    names = {machine.name for machine in plant.machines}
    assert names == ({"replay/machine"} if recording == "shdr" else {"ural/lathe-1", "minsk/mill"})
    assert {program.name for program in plant.programs} == ({'A"B\\C.MIN'} if recording == "shdr" else {"A-1"})
