"""The one reader of wall and monotonic time. Everything else takes a `core.ports.Clock` as an argument.

Invariants:
- All processes of a family read the same `clock.json`, so they agree on scenario time to within the host's clock.
- Scenario time never runs backwards; it stands still before the start and after the stop.
- At speed 1 scenario time is real time; a clock that started late (its origin lies in the past) first catches up,
  CATCH_UP times as fast, so that nothing that happened in between arrives late or out of order.
- The clock of a replay goes on from its origin and never catches up: its scenario lies years back.
- A clock that is led stands at its origin until whoever leads it writes another one; limits are scenario seconds.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core.errors import InputError

CATCH_UP = 20.0
"""Speed while a real-time clock makes up for its late start: a minute takes 3 s."""

_REREAD_NS = 20_000_000
"""How often a standing clock looks at its file: 20 ms is short beside every limit in real seconds."""

_STOP_AHEAD_US = 200_000
"""Ten times `_REREAD_NS`: a busy machine may look late."""


@dataclass(frozen=True)
class ClockFile:
    """What `clock.json` says.

    `started_real_us` is None before the start; `stop_us` is the scenario time of the end, None while running.
    `begin_us` is where the scenario's ledger begins, `origin_us` where this run's live data begin.
    `replay`: a recording is played, whose latest time is the origin. `led`: somebody moves the origin on.
    """

    begin_us: int
    origin_us: int
    speed: float
    started_real_us: int | None = None
    stop_us: int | None = None
    replay: bool = False
    led: bool = False

    @property
    def follows_wall(self) -> bool:
        """Whether scenario time is to become real time."""
        return self.speed == 1.0 and not self.replay and not self.led


def real_now_us() -> int:
    """The wall clock, UTC microseconds."""
    return time.time_ns() // 1000


class RealClock:
    """Scenario time is the wall clock, as in production."""

    def now_us(self) -> int:
        return real_now_us()

    def from_real_us(self, real_us: int) -> int:
        return real_us

    def scale(self) -> float:
        return 1.0

    def running(self) -> bool:
        return True

    def catching_up(self) -> bool:
        return False


class ScenarioClock:
    """Scenario time by `clock.json` in the data directory, which another process may start and stop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = read_clock(path)
        self._read_at = time.monotonic_ns()

    @property
    def file(self) -> ClockFile:
        """The file's present content."""
        now = time.monotonic_ns()
        if now - self._read_at > _REREAD_NS:
            self._seen = read_clock(self._path)
            self._read_at = now
        return self._seen

    def now_us(self) -> int:
        return self.from_real_us(real_now_us())

    def from_real_us(self, real_us: int) -> int:
        return scenario_us(self.file, real_us)

    def scale(self) -> float:
        return CATCH_UP if self.catching_up() else self.file.speed

    def running(self) -> bool:
        return self.file.started_real_us is not None and self.file.stop_us is None

    def catching_up(self) -> bool:
        """True while a real-time clock has not reached the wall clock yet."""
        file, now = self.file, real_now_us()
        return self.running() and file.follows_wall and scenario_us(file, now) < now


def scenario_us(file: ClockFile, real_us: int) -> int:
    """The scenario time of a real instant, after the module's invariants."""
    if file.started_real_us is None or file.led:
        return file.origin_us
    since = max(0, real_us - file.started_real_us)
    if file.follows_wall:
        now = max(file.origin_us, min(real_us, file.origin_us + int(since * CATCH_UP)))
    else:
        now = file.origin_us + int(since * file.speed)
    return now if file.stop_us is None else min(now, file.stop_us)


def read_clock(path: Path) -> ClockFile:
    """The clock file, or InputError with a sentence if it is missing or damaged."""
    try:
        return ClockFile(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: the clock of this data directory cannot be read ({error})") from error


def write_clock(path: Path, file: ClockFile) -> None:
    """Replace the clock file in one step, so that readers see the old one or the new one."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(file)))
    fresh.replace(path)


def start_clock(path: Path) -> ClockFile:
    """Let scenario time run from its origin, now."""
    started = replace(read_clock(path), started_real_us=real_now_us(), stop_us=None)
    write_clock(path, started)
    return started


def stop_clock(path: Path) -> ClockFile:
    """Freeze scenario time a moment from now; what is on its way can then arrive and be compared exactly.

    The moment lets every process read the file before scenario time reaches the end.
    """
    file = read_clock(path)
    stopped = replace(file, stop_us=scenario_us(file, real_now_us() + _STOP_AHEAD_US))
    write_clock(path, stopped)
    return stopped
