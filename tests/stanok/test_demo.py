"""The main job on real servers, as a person starts it: measured against true, a second start, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stanok.clock import read_clock

ROOT = Path(__file__).parents[2]
RATIOS = ("oee", "availability", "effectiveness", "quality", "spindle")


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A data directory that also the unprivileged database server may pass."""
    with tempfile.TemporaryDirectory(prefix="stanok-demo-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory) / "demo"


def start(data: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "stanok", "demo", "--data", str(data), *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(demo: subprocess.Popen[str]) -> tuple[str, str]:
    out, err = demo.communicate(timeout=240)
    assert demo.returncode == 0, err
    return out, err


def family(data: Path) -> list[str]:
    """Command lines of processes that work on the data directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(data) in line and path.parent.name != str(os.getpid()):
            found.append(line)
    return found


@pytest.mark.timeout(300)
def test_measured_equals_true_at_sixty_times_the_speed(data: Path) -> None:
    out, _ = finished(start(data, "--speed", "60", "--for", "12s", "--json"))
    line: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert set(line) == {"first_oee_s", "machines"}
    assert line["first_oee_s"] > 0
    assert len(line["machines"]) == 6
    for machine in line["machines"]:
        assert set(machine) == {"name", *RATIOS, "parts", "sent", "stored", "rejected", "gaps"}
        assert all(set(machine[name]) == {"measured", "true", "low", "high"} for name in RATIOS)
        assert machine["parts"]["measured"] == machine["parts"]["true"]
        assert machine["stored"] == machine["sent"]
        assert abs(machine["oee"]["measured"] - machine["oee"]["true"]) <= 0.005
        assert (machine["rejected"], machine["gaps"]) == (0, 0)
    assert sum(machine["sent"] for machine in line["machines"]) > 1000
    assert family(data) == []


@pytest.mark.timeout(300)
def test_a_second_start_goes_on_where_the_first_stopped_and_ctrl_c_ends_it_cleanly(data: Path) -> None:
    stopped = read_clock(data / "clock.json").stop_us
    assert stopped is not None
    past = (data / "spool/backfill.spool").stat().st_mtime_ns
    demo = start(data, "--speed", "60")
    deadline = time.monotonic() + 120
    while (clock := read_clock(data / "clock.json")).started_real_us is None or clock.stop_us is not None:
        assert demo.poll() is None, demo.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert stopped <= clock.origin_us <= stopped + 120_000_000
    demo.send_signal(signal.SIGINT)
    finished(demo)
    assert (data / "spool/backfill.spool").stat().st_mtime_ns == past
    assert family(data) == []
