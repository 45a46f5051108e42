"""Real servers of the system for tests, in processes of ours that a test may kill: PostgreSQL, TimescaleDB, Mosquitto.

Invariants: they listen on 127.0.0.1 only, on a port that stays the same over restarts; none runs as root; their files
lie in a directory that `remove` deletes. PostgreSQL keeps its promises under kill -9 (`fsync` on, as in a plant) unless
a test that kills nobody asks for speed. TimescaleDB lives in a small Debian 13 made by `.ci/timescaledb`; its server is
started through chroot, which needs root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import DatabaseError
from storage.pg.connect import connect

DEADLINE_S = 60.0
"""A start after a kill replays what was written since the last checkpoint; seconds on a busy machine."""
DEBIAN_BINARIES = Path("/usr/lib/postgresql/15/bin")
DEBIAN_13 = Path(os.environ.get("STANOK_TEST_DEBIAN_13", "/var/cache/stanok/timescaledb"))
_BINARIES_13 = Path("/usr/lib/postgresql/17/bin")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "jit": "off",
    "max_connections": "60",
    "timezone": "UTC",
    "dynamic_shared_memory_type": "mmap",  # there is no /dev/shm of its own in a chroot
}
_TIMESCALE = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.license": "apache",
    "timescaledb.telemetry_level": "off",
    "timescaledb.max_background_workers": "0",  # no job here needs one, and they hold databases that tests copy
}


def free_port() -> int:
    """A port on loopback that nobody uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Missing(Exception):
    """The server is not on this computer; the text says how it gets there."""


@dataclass(frozen=True)
class Installation:
    """Where PostgreSQL's programs are: in a folder of `root`, which is another system's where it is not /."""

    name: str
    binaries: Path
    root: Path = Path("/")
    settings: tuple[tuple[str, str], ...] = ()

    def need(self) -> None:
        """Raises Missing where it cannot be used."""
        inside = self.root / self.binaries.relative_to("/")
        if not (inside / "postgres").exists():
            raise Missing(f"{self.name} is not in {inside}; see .ci/run for how it gets there")
        if self.root != Path("/") and os.geteuid() != 0:
            raise Missing(f"{self.name} lies in {self.root}, which only root can start it in")


DEBIAN = Installation("Debian's PostgreSQL 15", DEBIAN_BINARIES)
TIMESCALE = Installation("TimescaleDB, Apache edition", _BINARIES_13, DEBIAN_13, tuple(_TIMESCALE.items()))


class Postgres:
    """A server with a cluster of its own. `start` after `kill` is a start after a crash."""

    def __init__(self, installation: Installation, *, fast: bool = False) -> None:
        """`fast`: nothing waits for the disk; for tests that pull no plug."""
        installation.need()
        self._found = installation
        self._fast = fast
        self.port = free_port()
        self.dsn = f"postgresql://stanok@127.0.0.1:{self.port}/stanok"
        self._user = None if os.geteuid() else pwd.getpwnam("nobody")
        self.place = Path(tempfile.mkdtemp(prefix="stanok-test-", dir=installation.root / "tmp"))
        self._cluster = self.place / "cluster"
        self.log = self.place / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> Postgres:
        """Make the cluster and the database `stanok`, and start."""
        self.place.chmod(0o711)
        self._cluster.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(self._cluster, self._user.pw_uid, self._user.pw_gid)
        options = ["-D", self._inside(self._cluster), "-U", "stanok", "--encoding=UTF8", "--locale=C.UTF-8", "-N"]
        made = subprocess.run(self._command("initdb", *options), capture_output=True, check=False, **self._manners())
        if made.returncode:
            raise DatabaseError(f"{self._found.name} could not make a cluster: {made.stderr.decode(errors='replace')}")
        self.start()
        with connect(self._address("postgres")) as connection:
            connection.execute("create database stanok template template0")
        return self

    def start(self) -> None:
        """Start and wait until it answers. What a killed server left behind needs a moment to go."""
        deadline = time.monotonic() + DEADLINE_S
        while not self._started():
            if time.monotonic() > deadline:
                raise DatabaseError(f"{self._found.name} does not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def _started(self) -> bool:
        given = {**_SETTINGS, **dict(self._found.settings), "fsync": "off" if self._fast else "on"}
        options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        command = self._command("postgres", "-D", self._inside(self._cluster), "-p", str(self.port), *options)
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, **self._manners())
        deadline = time.monotonic() + DEADLINE_S
        while process.poll() is None and time.monotonic() < deadline:
            try:
                connect(self._address("postgres")).close()
            except DatabaseError:
                time.sleep(0.02)
            else:
                self._process = process
                return True
        process.kill()
        process.wait()
        return False

    def kill(self, number: int = signal.SIGKILL) -> None:
        """SIGKILL, or SIGQUIT for PostgreSQL's immediate stop; returns when the postmaster is dead."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(DEADLINE_S)

    def stop(self) -> None:
        """Stop in good order; nothing happens if it is dead already."""
        if self._process is not None and self._process.poll() is None:
            self.kill(signal.SIGINT)
        self._process = None

    def remove(self) -> None:
        """Stop and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.place, ignore_errors=True)

    def _address(self, database: str) -> str:
        return f"postgresql://stanok@127.0.0.1:{self.port}/{database}"

    def _inside(self, path: Path) -> str:
        """A path as the server sees it."""
        return f"/{path.relative_to(self._found.root)}"

    def _command(self, program: str, *arguments: str) -> Sequence[str]:
        """The program as an ordinary user, in its own system."""
        where = str(self._found.binaries / program)
        if self._found.root == Path("/"):
            return [where, *arguments]
        assert self._user is not None
        who = f"--userspec={self._user.pw_uid}:{self._user.pw_gid}"
        return ["chroot", who, "--groups=", str(self._found.root), where, *arguments]

    def _manners(self) -> dict[str, Any]:
        """As whom, and deaf to Ctrl-C in our terminal and to PG variables; chroot changes the user by itself."""
        change = self._user is not None and self._found.root == Path("/")
        user = self._user
        return {
            "stdin": subprocess.DEVNULL,
            "cwd": "/",
            "env": {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            "start_new_session": True,
            "user": user.pw_uid if change and user else None,
            "group": user.pw_gid if change and user else None,
            "extra_groups": [] if change else None,
        }


class Mosquitto:
    """A Mosquitto that keeps every message of an absent client's session. As root it becomes its own user."""

    def __init__(self) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise Missing("mosquitto is not installed; apt-get install mosquitto")
        self._program = program
        self.host, self.port = "127.0.0.1", free_port()
        self._place = Path(tempfile.mkdtemp(prefix="stanok-test-mosquitto-"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it listens."""
        file = self._place / "mosquitto.conf"
        file.write_text(
            f"listener {self.port} {self.host}\nallow_anonymous true\n"
            "max_inflight_messages 2000\nmax_queued_messages 0\n"
        )
        self._place.chmod(0o755)
        with (self._place / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(file)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
            except OSError:
                assert self._process.poll() is None, (self._place / "log").read_text()[-2000:]
                assert time.monotonic() < deadline, "mosquitto does not listen"
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End it; nothing happens if there is none."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(DEADLINE_S)

    def remove(self) -> None:
        """Stop and leave nothing behind."""
        self.stop()
        shutil.rmtree(self._place, ignore_errors=True)


if __name__ == "__main__":  # a TimescaleDB to try things on: `python -m tests.servers` prints its address
    for _number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(_number, signal.default_int_handler)
    _server = Postgres(TIMESCALE).make()
    try:
        print(_server.dsn, flush=True)
        signal.pause()
    except KeyboardInterrupt:
        pass  # how it is ended
    finally:
        _server.remove()
