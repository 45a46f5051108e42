"""The command as a person meets it: exit codes, sentences, examples."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
