"""The command as a person meets it: exit codes, sentences, examples."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.units import us_from_datetime
from stanok.clock import RealClock
from stanok.doctor.checks import Level
from stanok.doctor.examine import examine
from stanok.plantfile import calendar_notes, load_plant
from tests.stanok.hand import HandClock

ROOT = Path(__file__).parents[2]
COMMANDS = [
    ["demo"],
    ["run"],
    ["collect"],
    ["engine"],
    ["simulate"],
    ["check"],
    ["migrate"],
    ["doctor"],
    ["reason", "add"],
    ["reason", "correct"],
    ["reason", "remove"],
    ["reason", "list"],
    ["reason", "codes"],
    ["scrap", "add"],
    ["boards", "build"],
    ["boards", "publish"],
    ["boards", "preview"],
    ["bench", "kernel"],
    ["bench", "end-to-end"],
]


def stanok(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stanok", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: list[str]) -> None:
    found = stanok(*command, "--help")
    assert found.returncode == 0
    assert f"Example: stanok {' '.join(command)}" in " ".join(found.stdout.split())


def test_a_good_plant_file_is_fine() -> None:
    found = stanok("check", "simulators/plants/demo.toml")
    assert (found.returncode, found.stderr) == (0, "")
    assert "fine. 2 sites, 6 machines, 2 sources" in found.stdout


def test_a_production_calendar_that_ends_soon_is_told_beside_a_file_that_is_fine(tmp_path: Path) -> None:
    text = (ROOT / "simulators/plants/demo.toml").read_text(encoding="utf-8")
    path = tmp_path / "plant.toml"
    path.write_text(text.replace('zone = "Europe/Minsk"', 'zone = "Europe/Minsk"\nholidays = "BY"'), encoding="utf-8")
    november_us, october_us = (us_from_datetime(datetime(2026, month, 20, tzinfo=UTC)) for month in (11, 10))
    found = calendar_notes(load_plant(path), november_us)
    assert [note[:60] for note in found] == ["site[0].holidays: the production calendar BY has the years 2"]
    assert "but not 2027" in found[0]
    assert calendar_notes(load_plant(path), october_us) == []
    done = stanok("check", path)
    told = calendar_notes(load_plant(path), RealClock().now_us())
    assert (done.returncode, done.stderr) == (0, "".join(f"stanok: {note}\n" for note in told))
    findings = examine(tmp_path, None, HandClock(november_us), load_plant(path))
    finding = next(finding for finding in findings if finding.what == "calendar")
    assert (finding.level, finding.sentence) == (Level.WARNING, found[0])


def test_people_tell_from_a_terminal_and_see_what_became_of_it(tmp_path: Path) -> None:
    plant = ROOT / "simulators/plants/demo.toml"
    where = [plant, "--data", tmp_path]
    day = (datetime.now(UTC) - timedelta(days=1)).date()  # a repair changes figures, so it must be of the kept past
    words = ["--from", f"{day}T06:00", "--to", f"{day}T06:40", "--reason", "tool", "--author", "Anna P."]
    first = stanok("reason", "add", *where, "--machine", "minsk/lathe-1", *words)
    again = stanok("reason", "add", *where, "--machine", "minsk/lathe-1", *words)
    assert (first.returncode, first.stderr) == (again.returncode, again.stderr) == (0, "")
    name = first.stdout.partition(":")[0]
    assert "was entered before, nothing is changed" in again.stdout
    assert stanok("reason", "correct", *where, name[:5], "--reason", "repair", "--author", "Olga").returncode == 0
    shown = stanok("reason", "list", *where, "--all").stdout.splitlines()
    assert len(shown) == 3
    assert f"{name} (taken back) minsk/lathe-1 {day} 06:00:00 to {day} 06:40:00: tool" in shown[0]
    wrong = stanok("reason", "add", *where, "--machine", "minsk/lathe-7", *words)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("stanok: --machine minsk/lathe-7: the plant file has no such machine; did you mean")
    assert "tool " in stanok("reason", "codes", plant).stdout


def test_a_wrong_plant_file_gives_every_complaint_with_its_path_and_exit_code_2(tmp_path: Path) -> None:
    text = (ROOT / "simulators/plants/demo.toml").read_text(encoding="utf-8")
    text = text.replace('zone = "Europe/Minsk"', 'zone = "Europe/Minks"').replace("pri_s = 95.0", "pri_s = -1")
    path = tmp_path / "plant.toml"
    path.write_text(text.replace('source = "ural-mqtt"', 'source = "ural"', 1), encoding="utf-8")
    found = stanok("check", path)
    assert found.returncode == 2
    lines = found.stderr.splitlines()
    assert len(lines) == 3
    for words in ("site[0].zone", "machine[3].source", "part_program[0].pri_s"):
        assert any(words in line for line in lines), words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "nowhere.toml"], "nowhere.toml: cannot be read"),
        (["engine", "simulators/plants/demo.toml"], "no database is given"),
        (["migrate"], "no database is given"),
        (["migrate", "--database", "::"], "not a PostgreSQL"),
        (["boards", "preview"], "no database is given"),
        (["demo", "--for", "soon"], "--for: 'soon' is not a time"),
        (["run", "simulators/plants/demo.toml", "--broker", "http://x"], "is not an address like mqtt://"),
        (["boards", "publish", "--url", "http://127.0.0.1:9", "--token-file", "nowhere"], "nowhere cannot be read"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(arguments: list[str], words: str, tmp_path: Path) -> None:
    data = ["--data", str(tmp_path)] if arguments[0] in ("engine", "demo", "run") else []
    found = stanok(*arguments, *data)
    assert found.returncode == 2, found.stderr
    assert words in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
    assert "Traceback" not in found.stderr


def test_a_database_that_is_not_there_is_exit_code_1() -> None:
    found = stanok("migrate", "--database", "postgresql://nobody@127.0.0.1:9/none")
    assert found.returncode == 1
    assert "could not open a connection" in found.stderr
