"""`stanok backup` and `stanok restore`: the database as pg_dump's directory, the spools, and a manifest over both.

Invariants:
- The database is dumped first and its cursors are read in the same snapshot; the spools are copied after it, so that
  they hold whatever the dump lacks. A spool that was trimmed in between is noticed and refused.
- A backup has its name only when it is complete and on disk. A restore begins by comparing every checksum.
- A restore goes into a database without tables of ours and overwrites no spool: newer spools that are kept replay what
  the restored database lacks, exactly as after a crash.
- No password is in a backup, except what spools keep of sessions (mode 0600); roles are made again by `stanok role`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.errors import InputError, SpoolError
from stanok.database import address
from stanok.dump import choose, run
from stanok.settings import Settings
from storage.pg.capability import ask
from storage.pg.connect import Connection, connect, database_errors
from storage.pg.migrate import migrate, read_migrations
from storage.pg.roles import as_owner, forget_grants
from storage.spool import spool_paths
from storage.spool_copy import Contents, contents, copy_spool, nobody_writes, put_back

_log = logging.getLogger("stanok.backup")

FORMAT = 1
_MANIFEST, _DUMP, _SPOOL = "manifest.json", "database", "spool"
_SMALL = ("plants/*.json", "clock.json")
"""Other files of a data directory that the spools cannot be read without."""


@dataclass(frozen=True)
class Done:
    """What a person wants to know afterwards."""

    records: int
    spools: int


def backup(settings: Settings, target: Path) -> Done:
    """Write a backup of the installation into a new directory.

    Raises InputError if it exists or there is no pg_dump for the server, OutsideError if something failed.
    """
    if target.exists():
        raise InputError(f"{target} exists already; name a directory that does not")
    draft = target.with_name(f"{target.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    (draft / _SPOOL).mkdir(parents=True)
    draft.chmod(0o700)
    with address(settings) as dsn:
        manifest = _dump(dsn, draft)
    for path in spool_paths(settings.data_directory() / _SPOOL):
        _check_whole(path, copy_spool(path, draft / _SPOOL / path.name), manifest["cursors"])
    _copy_small(settings.data_directory(), draft)
    manifest["files"] = {
        str(path.relative_to(draft)): _sum(path) for path in sorted(draft.rglob("*")) if path.is_file()
    }
    (draft / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    _sync(draft)
    draft.rename(target)
    return Done(sum(manifest["cursors"].values()), len(list((target / _SPOOL).iterdir())))


def _dump(dsn: str, draft: Path) -> dict[str, Any]:
    """Dump the database; what the manifest says of it, of the very same moment."""
    with connect(dsn, "stanok backup") as connection:
        capability = ask(connection)
        program = choose("pg_dump", capability.version // 10_000)
        with database_errors("back up the database"), connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            found = _state(connection)
            arguments = ("--format=directory", "--no-owner", "--no-privileges", f"--snapshot={found.pop('snapshot')}")
            run(program, dsn, *arguments, "--file", str(draft / _DUMP))
    made = {"format": FORMAT, "stanok": version("stanok"), "made": datetime.now(UTC).isoformat(timespec="seconds")}
    return {**made, "postgresql": capability.version, "pg_dump": program.major, **found}


def _state(connection: Connection) -> dict[str, Any]:
    row = connection.execute(
        "select pg_export_snapshot(), (select extversion from pg_extension where extname = 'timescaledb')"
    ).fetchone()
    assert row is not None
    migrations = connection.execute("select name from stanok.schema_migration order by number").fetchall()
    return {
        "snapshot": row[0],
        "timescaledb": row[1],
        "migrations": [name for (name,) in migrations],
        "cursors": dict(connection.execute("select spool, record from stanok.spool_cursor").fetchall()),
    }


def _check_whole(path: Path, found: Contents, cursors: dict[str, int]) -> None:
    has = cursors.get(found.spool_id, 0)
    if found.first > has + 1:
        raise SpoolError(f"{path} was trimmed while it was copied, records {has + 1} to {found.first - 1}; try again")


def _copy_small(source: Path, target: Path) -> None:
    """Copy what is not there yet."""
    for pattern in _SMALL:
        for path in source.glob(pattern):
            place = target / path.relative_to(source)
            if not place.exists():
                place.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, place)


def restore(settings: Settings, source: Path) -> Done:
    """Put a backup into an empty database and its spools to where there are none.

    Raises InputError for a damaged or newer backup and a database that is not empty, OutsideError if something failed.
    """
    manifest = _checked(source)
    directory = settings.data_directory()
    spools = {copy: directory / _SPOOL / copy.name for copy in sorted((source / _SPOOL).iterdir())}
    (directory / _SPOOL).mkdir(parents=True, exist_ok=True)
    with nobody_writes(spools.values()):
        with address(settings, make=True) as dsn, connect(dsn, "stanok restore") as connection:
            _check_empty(connection, manifest)
            _load(connection, dsn, source, manifest)
        _copy_small(source, directory)
        for copy, place in spools.items():
            _put_back(copy, place, manifest["cursors"])
    return Done(sum(manifest["cursors"].values()), len(spools))


def _checked(source: Path) -> dict[str, Any]:
    """The manifest of a backup that is as it was written and not newer than this program."""
    try:
        manifest: dict[str, Any] = json.loads((source / _MANIFEST).read_text(encoding="utf-8"))
        files = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()} - {_MANIFEST}
        wrong = sorted(files ^ set(manifest["files"]))
        wrong += [name for name in sorted(files - set(wrong)) if _sum(source / name) != manifest["files"][name]]
        newer = sorted(set(manifest["migrations"]) - {file.name for file in read_migrations()})
        unknown = manifest["format"] > FORMAT
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{source} is no complete backup ({error}); take another one") from error
    if wrong:
        raise InputError(f"{source / wrong[0]} is not as it was written; the backup is damaged, take another one")
    if newer or unknown:
        raise InputError(f"{source} was written by Stanok {manifest['stanok']}, which is newer; update this program")
    return manifest


def _check_empty(connection: Connection, manifest: dict[str, Any]) -> None:
    with database_errors("look whether it is empty"):
        row = connection.execute("select to_regnamespace('stanok') is null").fetchone()
    if row != (True,):
        raise InputError("The database has tables of Stanok already; restore into an empty one and leave this as it is")
    if ask(connection).version // 10_000 < manifest["postgresql"] // 10_000:
        raise InputError(
            f"The backup is of PostgreSQL {manifest['postgresql'] // 10_000}, this server is older; update it"
        )


def _load(connection: Connection, dsn: str, source: Path, manifest: dict[str, Any]) -> None:
    """The dump, then whatever this program has newer: migrations, views, grants."""
    program = choose("pg_restore", manifest["pg_dump"])
    scale = manifest["timescaledb"]
    with database_errors("restore the database"):
        if scale is not None:
            connection.execute(f"create extension if not exists timescaledb version '{scale}'".encode())
            connection.execute("select timescaledb_pre_restore()")
        arguments = ("--exit-on-error", "--no-owner", "--no-privileges", "--single-transaction")
        run(program, dsn, *arguments, str(source / _DUMP))
        if scale is not None:
            connection.execute("select timescaledb_post_restore()")
    with connect(dsn, "stanok migrate") as fresh:  # a session from before knows nothing of restored hypertables
        with database_errors("grant rights"), as_owner(fresh):
            forget_grants(fresh)
        migrate(fresh)


def _put_back(copy: Path, place: Path, cursors: dict[str, int]) -> None:
    """One spool; a strange one that meanwhile has its name stays, and the copy gets a name of its own."""
    saved = contents(copy)
    if place.exists() and (there := contents(place).spool_id) != saved.spool_id:
        put_back(place, place, cursors.get(there, 0))
        place = place.with_name(f"{place.stem}-{saved.spool_id[:8]}{place.suffix}")
    has = cursors.get(saved.spool_id, 0)
    found = put_back(copy, place, has)
    if found.first > has + 1:
        _log.warning("%s no longer has the records %d to %d; their time becomes a gap", place, has + 1, found.first - 1)
    elif found.last > has:
        _log.info("%s: records %d to %d are taken in again", place, has + 1, found.last)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    """Everything below is on disk."""
    for path in (*folder.rglob("*"), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
