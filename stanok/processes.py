"""Processes of the family: started as `python -m stanok …`, watched, and ended in order.

Children have sessions of their own, so that Ctrl-C in a terminal reaches only their parent, which ends them in the
order that loses nothing. A child whose parent has gone ends by itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import OutsideError

_STOP_S = 20.0
"""An engine finishes its commit, a collector its receipts; both take well under a second when all is well."""
_PARENT = "STANOK_PARENT"
_RESTART_S = 2.0


@dataclass
class Child:
    """One `stanok` process. `restart`: start it again also when it ends by itself."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    restart: bool = False
    process: subprocess.Popen[bytes] | None = None
    died_at: float = 0.0

    def start(self) -> None:
        """Start the process; what it says goes to its log file."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stanok", *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self.environment, _PARENT: str(os.getpid())},
            )

    def check(self) -> None:
        """Start it again if it was killed or should always run, else raise OutsideError with its last words."""
        if self.process is None or self.process.poll() is None:
            return
        if not self.restart and self.process.returncode >= 0:
            raise OutsideError(f"{self.name} ended with code {self.process.returncode}: {self.last_words()}")
        if time.monotonic() - self.died_at > _RESTART_S:
            self.died_at = time.monotonic()
            self.start()

    def stop(self) -> None:
        """Ask it to end and wait; kill it if it does not."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def endings() -> list[signal.Signals]:
    """What ends a process beside Ctrl-C: SIGTERM, and SIGHUP of a closed terminal unless nohup had it ignored."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGTERM, *([] if ignored else [signal.SIGHUP])]


def stop_on_signals() -> threading.Event:
    """An event that Ctrl-C, another of the `endings` or the loss of the parent sets. For a process's main thread."""
    stop = threading.Event()
    for number in (signal.SIGINT, *endings()):
        signal.signal(number, lambda *_: stop.set())
    parent = os.environ.get(_PARENT)
    if parent is not None:
        threading.Thread(target=_watch_parent, args=(int(parent), stop), name="parent watch", daemon=True).start()
    return stop


def _watch_parent(parent: int, stop: threading.Event) -> None:
    while os.getppid() == parent and not stop.wait(1.0):
        pass
    stop.set()
