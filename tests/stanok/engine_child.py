"""An engine as a process: its clock is a file that the test writes. It ends at SIGTERM, or dies where it is told to.

Arguments: plant file, data directory, database address, and optionally the number of the moment to die at. Moments are
the borders of everything that leaves the process: appends to its spool, commits, acknowledgements.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import StanokError
from stanok import pipeline
from stanok.plantfile import load_plant
from stanok.processes import stop_on_signals
from stanok.settings import EngineSettings
from storage.pg.commit import Store
from storage.spool import SpoolWriter
from storage.spool_read import SpoolReader

SETTINGS = EngineSettings(tick_s=0.03, commit_s=0.03, commit_samples=500, repair_quiet_s=0.5)
"""Everything often, so that ends fall between many steps."""


class FileClock:
    """Scenario time is what the file says."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now_us(self) -> int:
        return int(self._path.read_text())

    def from_real_us(self, real_us: int) -> int:
        raise NotImplementedError  # no spool of these tests was written by another clock

    def scale(self) -> float:
        return 1.0

    def running(self) -> bool:
        return True

    def catching_up(self) -> bool:
        return False


class Death:
    """Kills this process at a moment counted from the start."""

    def __init__(self, moments: int) -> None:
        self._left = moments

    def watch(self, owner: type, name: str) -> None:
        method: Callable[..., Any] = getattr(owner, name)

        def watched(*args: Any, **named: Any) -> Any:
            self._moment()
            result = method(*args, **named)
            self._moment()
            return result

        setattr(owner, name, watched)

    def _moment(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main(plant: Path, directory: Path, dsn: str, moments: int) -> None:
    logging.basicConfig(level=logging.INFO)
    pipeline._READ_BYTES = 60_000  # a few rows a turn
    stop = stop_on_signals()
    death = Death(moments)
    for owner, name in ((SpoolWriter, "append_now"), (Store, "commit"), (SpoolReader, "acknowledge")):
        death.watch(owner, name)
    clock: Any = FileClock(directory / "now")
    try:
        engine = pipeline.Engine(load_plant(plant), directory, dsn, clock, SETTINGS)
        print("up", flush=True)
        engine.run(stop)
        engine.close()
    except StanokError as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from error


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else -1)
