"""The family of processes: started again when one dies, ended in order, and nobody outlives the parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import OutsideError
from stanok import processes, supervise
from stanok.collect import STATUS
from stanok.processes import Child
from stanok.settings import load_settings
from tests.stanok.house import ROOT, wait_for


def members(directory: Path) -> dict[str, int]:
    """Process ids of the engine and the collector of a data directory."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text().split("\0")
        except OSError:  # it has just ended
            continue
        if str(directory) in words and words[3] in ("engine", "collect"):
            found[words[3]] = int(path.parent.name)
    return found


@pytest.fixture
def collector(plant_file: Path, tmp_path: Path) -> Iterator[Child]:
    """A collector whose machines are not there: it runs until it is told to stop."""
    child = Child("the collector", ["collect", str(plant_file), "--data", str(tmp_path)], tmp_path / "log" / "c.log")
    yield child
    if child.process is not None:
        child.process.kill()
        child.process.wait()


def running(child: Child, directory: Path) -> int:
    """Start it, or start it again, and wait until it works; its process id."""
    (directory / STATUS).unlink(missing_ok=True)

    def works() -> bool:
        child.check()
        return (directory / STATUS).exists()

    wait_for(works, "the collector does not begin", 30)
    assert child.process is not None
    return child.process.pid


def test_a_child_that_was_killed_is_started_again_but_not_without_rest(collector: Child, tmp_path: Path) -> None:
    collector.start()
    first = running(collector, tmp_path)
    os.kill(first, signal.SIGKILL)
    assert collector.process is not None
    collector.process.wait()
    second = running(collector, tmp_path)
    assert second != first
    collector.died_at += 60  # as if it had been started again a moment ago
    os.kill(second, signal.SIGKILL)
    collector.process.wait()
    collector.check()
    assert collector.process.pid == second


def test_a_child_that_gives_up_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    child = Child("the collector", ["collect", str(tmp_path / "nowhere.toml")], tmp_path / "log")
    child.start()
    assert child.process is not None
    child.process.wait()
    with pytest.raises(OutsideError, match=r"the collector ended with code 2: stanok: .*nowhere\.toml: cannot be read"):
        child.check()
    child.restart = True
    pid = child.process.pid
    child.check()
    assert child.process.pid != pid
    child.stop()


def test_a_child_ends_when_it_is_asked_to_and_is_killed_when_it_does_not(
    collector: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector.start()
    running(collector, tmp_path)
    process = collector.process
    assert process is not None
    collector.stop()
    assert process.returncode == 0
    collector.stop()

    collector.start()
    pid = running(collector, tmp_path)
    process = collector.process
    assert process is not None
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(processes, "_STOP_S", 0.2)
    collector.stop()
    assert process.returncode == -signal.SIGKILL


def test_the_collector_ends_before_the_engine_that_takes_in_its_last_rows(
    plant_file: Path, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    class Recorded:
        def __init__(self, name: str, *_: Any, **__: Any) -> None:
            self.name = name

        def start(self) -> None:
            done.append(f"start {self.name}")

        def stop(self) -> None:
            done.append(f"stop {self.name}")

    stop = threading.Event()
    stop.set()
    monkeypatch.setattr(supervise, "Child", Recorded)
    monkeypatch.setattr(supervise, "stop_on_signals", lambda: stop)
    supervise.supervise(plant_file, load_settings(None, {"data.directory": tmp_path, "database.dsn": database}, {}))
    assert done == ["start the engine", "start the collector", "stop the collector", "stop the engine"]


@pytest.fixture
def family(plant_file: Path, tmp_path: Path, database: str) -> Iterator[subprocess.Popen[bytes]]:
    """`stanok run`."""
    command = [sys.executable, "-m", "stanok", "run", str(plant_file), "--data", str(tmp_path), "--database", database]
    with (tmp_path / "run.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    wait_for(lambda: len(members(tmp_path)) == 2, "the family is not complete", 30)
    yield process
    process.kill()
    process.wait()


def test_a_killed_engine_is_replaced_and_a_killed_parent_leaves_nobody_behind(
    family: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    before = members(tmp_path)
    os.kill(before["engine"], signal.SIGKILL)
    wait_for(lambda: members(tmp_path).get("engine", before["engine"]) != before["engine"], "there is no new engine")
    assert members(tmp_path)["collect"] == before["collect"]
    family.kill()
    wait_for(lambda: members(tmp_path) == {}, "somebody outlives the parent", 30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_whole_family_in_good_order(
    family: subprocess.Popen[bytes], tmp_path: Path, number: signal.Signals
) -> None:
    wait_for(lambda: (tmp_path / STATUS).exists(), "the collector does not begin", 30)
    family.send_signal(number)
    assert family.wait(30) == 0
    assert members(tmp_path) == {}


@pytest.mark.parametrize("nohup", [False, True])
def test_a_closed_terminal_ends_a_process_unless_nohup_said_that_it_shall_not(nohup: bool) -> None:
    said = subprocess.run(
        [sys.executable, "-c", _HANGS_UP, "nohup" if nohup else ""],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == [str(not nohup)]


_HANGS_UP = """
import os, signal, sys
from stanok.processes import stop_on_signals
if sys.argv[1] == "nohup":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
stop = stop_on_signals()
os.kill(os.getpid(), signal.SIGHUP)
print(stop.is_set())
"""
