"""Brings a database to the shape this program needs: numbered SQL files in order, one way, then the views, then grants.

Invariants: a file that was applied never changes (sha256); a database newer than the program is refused; two migrations
never run at once (advisory lock); each file is one transaction unless it says otherwise.

A file begins with comment lines, among them optional headers:
    -- requires: plain | timescaledb | timescaledb_tsl     what the server must be able to do; plain is the default
    -- transaction: off     statements, each ending in `;` at a line's end, are run one by one
    -- replaces: NNNN     once this file is applied, an earlier one that still waits for its server never is
A file whose requirement is not met stays pending and is applied when the server has learned it.
A file that changes a column which views use begins with `drop schema board, stanok_formula cascade`.
All is done as the owner of schema `stanok`, whom the connected role must be or may become.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.errors import InputError
from storage.pg.capability import OLDEST_VERSION, Capability, Timescale, ask
from storage.pg.connect import Connection, database_errors
from storage.pg.roles import as_owner, exists, forget_grants, grants_stand, sync_roles

MIGRATIONS = Path(__file__).parents[1] / "migrations"
VIEWS = Path(__file__).parents[1] / "views"

_LOCK = 0x5354414E4F4B  # "STANOK"; PostgreSQL keeps advisory locks per database
_REQUIRES = {"plain": Timescale.NONE, "timescaledb": Timescale.APACHE, "timescaledb_tsl": Timescale.COMMUNITY}
_HEADER = re.compile(r"^-- (requires|transaction|replaces): *(\w+) *$", re.MULTILINE)

_BOOKS = """
create schema if not exists stanok;
comment on schema stanok is 'Private tables of Stanok; everybody else reads the views of schema board.';
create table if not exists stanok.schema_migration (
    number integer primary key,
    name text not null,
    checksum text not null
);
comment on table stanok.schema_migration is 'Migrations that were applied.';
comment on column stanok.schema_migration.number is 'Number of the file [1]';
comment on column stanok.schema_migration.name is 'Name of the file [text]';
comment on column stanok.schema_migration.checksum is 'sha256 of the file [hex]';
create table if not exists stanok.view_build (
    checksum text primary key
);
comment on table stanok.view_build is 'One row: the view files that schema board was made from.';
comment on column stanok.view_build.checksum is 'sha256 over all files [hex]';
"""


@dataclass(frozen=True)
class Migration:
    """One SQL file."""

    number: int
    name: str
    sql: str
    requires: Timescale
    transaction: bool
    replaces: int = 0

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


class Standing(StrEnum):
    """Where a migration stands in a database."""

    APPLIED = "applied"
    PENDING = "pending"
    NOT_POSSIBLE = "not possible on this server"
    REPLACED = "replaced by a later one"


def read_migrations(directory: Path = MIGRATIONS) -> list[Migration]:
    """The files `NNNN_name.sql` of a directory in order; InputError for a wrong name, header or a number used twice."""
    found = [_read(path) for path in sorted(directory.glob("*.sql"))]
    if [migration.number for migration in found] != sorted({migration.number for migration in found}):
        raise InputError(f"Two migrations in {directory} have the same number")
    return found


def _read(path: Path) -> Migration:
    number = re.match(r"(\d{4})_\w+\.sql$", path.name)
    sql = path.read_text(encoding="utf-8")
    headers = dict(_HEADER.findall(sql))
    requires = _REQUIRES.get(headers.get("requires", "plain"))
    transaction = {"on": True, "off": False}.get(headers.get("transaction", "on"))
    if number is None or requires is None or transaction is None:
        raise InputError(f"The migration {path.name} has a wrong name or header; see storage/pg/migrate.py")
    return Migration(int(number[1]), path.stem, sql, requires, transaction, int(headers.get("replaces", 0)))


def migrate(
    connection: Connection, *, dry_run: bool = False, migrations: Path = MIGRATIONS, views: Path = VIEWS
) -> list[str]:
    """Apply what is pending and rebuild changed views; returns the names of what was (or, dry, would be) done.

    Raises InputError for a database that is newer or differs from this program's files, DatabaseError if SQL fails.
    """
    files = read_migrations(migrations)
    if dry_run:
        pending = [name for name, standing in status(connection, migrations=migrations) if standing == Standing.PENDING]
        return pending + (["views"] if _view_sum(views) != _built(connection) else [])
    with database_errors("migrate"):
        if _up_to_date(connection, migrations, views):
            return []
        with _alone(connection):
            capability = _prepare(connection)
            with as_owner(connection):
                connection.execute(_BOOKS)
                forget_grants(connection)
                pending_files = [file for file in _pending(connection, files) if file.requires <= capability.timescale]
                for file in pending_files:
                    _apply(connection, file)
                rebuilt = _build_views(connection, views)
            granted = sync_roles(connection)
    return [file.name for file in pending_files] + ["views"] * rebuilt + ["grants"] * granted


def _up_to_date(connection: Connection, migrations: Path, views: Path) -> bool:
    """Whether there is nothing to do; asked first, because a role without the right to change anything may ask."""
    with as_owner(connection):
        return (
            exists(connection, "stanok.schema_migration")
            and all(standing != Standing.PENDING for _, standing in status(connection, migrations=migrations))
            and _view_sum(views) == _built(connection)
            and grants_stand(connection)
        )


def status(connection: Connection, *, migrations: Path = MIGRATIONS) -> list[tuple[str, Standing]]:
    """Every migration of this program and where it stands; raises like `migrate`."""
    with database_errors("tell its migrations"), as_owner(connection):
        files = read_migrations(migrations)
        pending, applied = _pending(connection, files), _applied(connection)
        capability = ask(connection)
        able = Timescale.APACHE if capability.installable else capability.timescale
        return [
            (file.name, Standing.APPLIED if file.number in applied else _standing(file, pending, able))
            for file in files
        ]


def _standing(file: Migration, pending: Sequence[Migration], able: Timescale) -> Standing:
    if file not in pending:
        return Standing.REPLACED
    return Standing.PENDING if file.requires <= able else Standing.NOT_POSSIBLE


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    connection.execute("select pg_advisory_lock(%s)", [_LOCK])
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute("select pg_advisory_unlock(%s)", [_LOCK])


def _prepare(connection: Connection) -> Capability:
    """Check the server, switch TimescaleDB on where it waits."""
    capability = ask(connection)
    if capability.version < OLDEST_VERSION:
        raise InputError(f"PostgreSQL {OLDEST_VERSION // 10_000} or newer is needed; update the database server")
    if capability.installable:
        connection.execute("create extension timescaledb")
        capability = ask(connection)
    return capability


def _pending(connection: Connection, files: Sequence[Migration]) -> list[Migration]:
    """Files that were not applied yet, after comparing the others with what was."""
    applied = _applied(connection)
    known = {file.number: file for file in files}
    for number, (name, checksum) in applied.items():
        if number not in known:
            raise InputError(f"The database has migration {name}, newer than this program; update the program")
        if known[number].checksum != checksum:
            raise InputError(f"The migration {name} was changed after it was applied; restore the file")
    replaced = {file.replaces for file in files if file.number in applied}
    return [file for file in files if file.number not in applied and file.number not in replaced]


def _applied(connection: Connection) -> dict[int, tuple[str, str]]:
    if not exists(connection, "stanok.schema_migration"):
        return {}
    rows = connection.execute("select number, name, checksum from stanok.schema_migration").fetchall()
    return {number: (name, checksum) for number, name, checksum in rows}


def _apply(connection: Connection, file: Migration) -> None:
    if not file.transaction:
        for statement in re.split(r"(?<=;)[ \t]*$", file.sql, flags=re.MULTILINE):
            if statement.strip():
                connection.execute(statement.encode())
    with connection.transaction():
        if file.transaction:
            connection.execute(file.sql.encode())
        connection.execute(
            "insert into stanok.schema_migration values (%s, %s, %s)", [file.number, file.name, file.checksum]
        )


def _build_views(connection: Connection, views: Path) -> bool:
    """Drop and remake the schema `board`, and the formulas behind it, if the files changed; False if they did not."""
    checksum = _view_sum(views)
    if checksum == _built(connection):
        return False
    with connection.transaction():
        connection.execute("drop schema if exists board, stanok_formula cascade")
        connection.execute("create schema board; create schema stanok_formula")
        for path in sorted(views.glob("*.sql")):
            connection.execute(path.read_bytes())
        connection.execute("delete from stanok.view_build")
        connection.execute("insert into stanok.view_build values (%s)", [checksum])
    return True


def _view_sum(views: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(views.glob("*.sql")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _built(connection: Connection) -> str | None:
    if not exists(connection, "stanok.view_build"):
        return None
    row = connection.execute(
        "select checksum from stanok.view_build where to_regnamespace('board') is not null"
    ).fetchone()
    return None if row is None else str(row[0])
