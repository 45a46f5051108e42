"""The demonstration from end to end: a first run, a second that goes on from there, a third that is interrupted."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen
from uuid import uuid4

import pytest

from core.units import MINUTE_US, us_from_datetime
from stanok.clock import ClockFile, read_clock
from stanok.embedded import EmbeddedPostgres
from stanok.plantfile import load_plant
from storage.pg.connect import connect
from storage.spool_read import SpoolReader
from tests.fix_postgres import need_binaries
from tests.stanok.house import ROOT, wait_for

pytestmark = pytest.mark.timeout(300)

RATIOS = ("oee", "availability", "effectiveness", "quality", "spindle")
TOLERANCE = 0.005


@dataclass(frozen=True)
class Run:
    """What one run left behind."""

    code: int
    output: list[str]
    clock: ClockFile
    past: int
    """Last record of the back-fill's spool."""

    @property
    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.output[-1])
        return found


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """Not below pytest's own directories: root closes these to the database's user."""
    need_binaries()
    place = Path(tempfile.gettempdir()) / f"stanok-test-{uuid4().hex}"
    yield place
    shutil.rmtree(place, ignore_errors=True)


def start(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "stanok", "demo", "--speed", "60", "--json", "--data", str(directory), *arguments]
    log = directory.with_suffix(".log").open("w")
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)


def ended(process: subprocess.Popen[str], directory: Path) -> Run:
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, directory.with_suffix(".log").read_text()[-3000:]
    with SpoolReader(directory / "spool" / "backfill.spool") as reader:
        past = reader.end()
    return Run(process.returncode, output.splitlines(), read_clock(directory / "clock.json"), past)


def left_over(directory: Path) -> list[str]:
    """Processes that work for a data directory or on its broker's port."""
    port = next(s.settings["port"] for s in load_plant(directory / "plant.toml").sources if s.protocol == "mqtt")
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if str(directory) in command or f"--port {port}" in command:
            found.append(command)
    return found


@pytest.fixture(scope="module")
def first(directory: Path) -> Run:
    return ended(start(directory, "--for", "10s"), directory)


@pytest.fixture(scope="module")
def second(first: Run, directory: Path) -> Run:  # noqa: ARG001 (it goes before)
    return ended(start(directory, "--for", "5s"), directory)


def check(run: Run, directory: Path) -> None:
    """The last line has its documented shape, and what was measured is the truth."""
    said = run.said
    assert list(said) == ["first_oee_s", "machines"]
    assert 0 < said["first_oee_s"] < 120
    plant = load_plant(directory / "plant.toml")
    assert [found["name"] for found in said["machines"]] == [machine.name for machine in plant.machines]
    for found in said["machines"]:
        assert list(found) == ["name", *RATIOS, "parts", "sent", "stored", "rejected", "gaps"]
        for name in RATIOS:
            ratio = found[name]
            assert list(ratio) == ["measured", "true", "low", "high"], name
            assert (ratio["measured"] is None) == (ratio["true"] is None), found
            if ratio["true"] is not None:
                assert abs(ratio["measured"] - ratio["true"]) <= TOLERANCE, found
                assert ratio["low"] <= ratio["measured"] <= ratio["high"], found
        assert list(found["parts"]) == ["measured", "true"]
        assert found["parts"]["measured"] == found["parts"]["true"], found
        assert found["stored"] == found["sent"], found
        assert found["rejected"] == found["gaps"] == 0, found
    assert sum(found["sent"] for found in said["machines"]) > 100


def test_the_measured_figures_are_the_true_ones(first: Run, directory: Path) -> None:
    check(first, directory)
    assert first.clock.stop_us is not None
    assert first.clock.stop_us - first.clock.origin_us >= 10 * MINUTE_US
    assert left_over(directory) == []


def test_a_second_run_goes_on_where_the_first_one_stopped(first: Run, second: Run, directory: Path) -> None:
    check(second, directory)
    assert second.clock.begin_us == first.clock.begin_us
    assert first.clock.stop_us is not None
    assert first.clock.stop_us <= second.clock.origin_us < first.clock.stop_us + MINUTE_US
    assert second.past == first.past
    assert left_over(directory) == []


def test_between_two_runs_is_a_gap_and_nowhere_else(first: Run, second: Run, directory: Path) -> None:
    with EmbeddedPostgres(directory / "postgres") as server, connect(server.dsn) as connection:
        found = connection.execute(
            "select from_time, to_time from stanok.data_gap where scope = 'state' and cause between 1 and 9"
            " and from_time > (select min(from_time) from stanok.state_interval)"
        ).fetchall()
        minutes = connection.execute(
            "select machine_id, count(distinct minute), min(minute), max(minute) from stanok.fact_minute group by 1"
        ).fetchall()
    assert first.clock.stop_us is not None
    for from_time, to_time in found:
        assert us_from_datetime(from_time) <= first.clock.stop_us
        assert us_from_datetime(to_time) >= second.clock.origin_us
    for _, count, earliest, latest in minutes:
        assert us_from_datetime(earliest) == first.clock.begin_us
        assert us_from_datetime(latest) >= second.clock.origin_us
        assert count == (latest - earliest).total_seconds() // 60 + 1


def doctor(directory: Path) -> set[str]:
    """What the doctor says of a running demonstration beyond well and the security that simulators do not have."""
    port = (directory / "postgres" / "postmaster.pid").read_text().splitlines()[3]
    password = (directory / "postgres.password").read_text().strip()
    command = [
        sys.executable,
        "-m",
        "stanok",
        "doctor",
        str(directory / "plant.toml"),
        "--data",
        str(directory),
        "--json",
    ]
    command += ["--database", f"postgresql://stanok:{password}@127.0.0.1:{port}/stanok"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    findings = json.loads(said.stdout)["findings"]
    assert {"disk", "clock", "engine", "broker", "OPC UA", "source", "source clock"} <= {f["what"] for f in findings}
    assert said.returncode == 1
    return {f["sentence"] for f in findings if f["level"] != "ok" and f["what"] != "OPC UA"}


def test_ctrl_c_ends_a_run_in_good_order(second: Run, directory: Path) -> None:
    process = start(directory)
    log = directory.with_suffix(".log")
    try:
        wait_for(lambda: process.poll() is not None or "live" in log.read_text(), "it does not begin", 100)
        assert len(left_over(directory)) >= 5
        boards = re.findall(r"boards: (http://127\.0\.0\.1:\d+/)", log.read_text())[-1]
        with urlopen(f"{boards}en/shop_floor/data") as answer:
            panels = json.load(answer)["panels"]
        assert len(panels["3"]["rows"]) == 6
        assert doctor(directory) == set()
        process.send_signal(signal.SIGINT)
        run = ended(process, directory)
    finally:
        process.kill()
        process.wait()
    assert run.code == 0
    with pytest.raises(URLError):
        urlopen(boards)
    assert list(run.said) == ["first_oee_s", "machines"]
    assert run.clock.stop_us is not None
    assert second.clock.stop_us is not None
    assert run.clock.origin_us >= second.clock.stop_us
    assert left_over(directory) == []


def test_a_closed_terminal_leaves_no_server_behind(second: Run, directory: Path) -> None:
    assert second.code == 0
    process = start(directory)
    log = directory.with_suffix(".log")
    try:
        wait_for(lambda: process.poll() is not None or "live" in log.read_text(), "it does not begin", 100)
        assert len(left_over(directory)) >= 5
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    assert left_over(directory) == []


def test_a_directory_that_other_machines_began_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "clock.json").write_text("{}", encoding="utf-8")
    (tmp_path / "machines").write_text("others", encoding="utf-8")
    process = start(tmp_path, "--for", "1s")
    assert process.wait(60) == 2
    told = tmp_path.with_suffix(".log").read_text(encoding="utf-8")
    assert "another version of the demonstration" in told
    assert "--data" in told


def test_the_tests_see_processes_that_are_left(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_bytes((ROOT / "simulators" / "plants" / "demo.toml").read_bytes())
    with subprocess.Popen([sys.executable, "-c", "input()", str(tmp_path)], stdin=subprocess.PIPE) as process:
        wait_for(lambda: len(left_over(tmp_path)) == 1, "it is not seen")
        assert process.pid != os.getpid()
