"""PostgreSQL for tests: one server of a kind a session, a fresh migrated database a test.

Tests run on our own server; those that ask for `postgres_server` by parameter (tests/contracts) run on every server of
SERVERS. STANOK_TEST_DSN names another server to use instead of our own (a superuser's address).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from core.errors import InputError
from stanok.embedded import EmbeddedPostgres, find_binaries
from storage.pg.connect import Connection, connect
from storage.pg.migrate import migrate
from tests.servers import DEBIAN, TIMESCALE, Installation, Missing, Postgres

SERVERS = ("embedded", "debian", "timescaledb")
"""Our own from the wheel, PostgreSQL 15 of Debian 12, TimescaleDB's Apache edition."""

_EMPTY = """
begin;
set local session_replication_role = replica; -- no foreign keys for a moment
do $$ declare found name; begin
    for found in select relname from pg_class where relkind = 'r' and relnamespace = 'stanok'::regnamespace
        and relname not in (
            'schema_migration', 'view_build', 'grant_build', 'role_site', 'sample_event', 'sample_gauge', 'sample_block'
        )
    loop execute format('delete from stanok.%I', found); end loop;
    for found in select relname from pg_class where relispartition and relnamespace = to_regnamespace('stanok_raw')
        and relkind = 'r' and relname !~ '_rest$'
    loop execute format('drop table stanok_raw.%I', found); end loop;
end $$;
truncate stanok.sample_event, stanok.sample_gauge, stanok.sample_block;
commit
"""
"""Deletes: truncating some twenty small tables takes ten times as long. The raw tables may have many chunks."""


@contextmanager
def temporary_postgres(binaries: Path | None = None) -> Iterator[EmbeddedPostgres]:
    """A running server that is removed afterwards. Not below pytest's own directories: root closes these to others."""
    place = Path(tempfile.gettempdir()) / f"stanok-test-{uuid4().hex}"
    try:
        with EmbeddedPostgres(place / "postgres", binaries) as server:
            yield server
    finally:
        shutil.rmtree(place, ignore_errors=True)


def need_binaries() -> None:
    """Skip where there is no PostgreSQL, but never in CI."""
    try:
        find_binaries()
    except InputError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))  # in CI that is a failure (tests/fix_honest.py)


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[str]:
    """Address of a superuser's database on our own server."""
    given = os.environ.get("STANOK_TEST_DSN")
    if given:
        yield given
        return
    need_binaries()
    with temporary_postgres() as server:
        with connect(server.dsn) as admin:  # making databases waits for the disk otherwise; nobody pulls the plug here
            admin.execute("alter system set fsync = off")
            admin.execute("select pg_reload_conf()")
        yield server.dsn


@contextmanager
def system_postgres(installation: Installation, *, fast: bool = False) -> Iterator[Postgres]:
    """A running server of the system, removed afterwards; skips where there is none."""
    try:
        server = Postgres(installation, fast=fast)
    except Missing as missing:
        pytest.skip(str(missing))  # in CI that is a failure (tests/fix_honest.py)
    try:
        yield server.make()
    finally:
        server.remove()


@pytest.fixture(scope="session")
def debian_server() -> Iterator[str]:
    """The same on Debian's PostgreSQL 15."""
    with system_postgres(DEBIAN, fast=True) as server:
        yield server.dsn


@pytest.fixture(scope="session")
def timescaledb_server() -> Iterator[str]:
    """The same on TimescaleDB."""
    with system_postgres(TIMESCALE, fast=True) as server:
        yield server.dsn


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> str:
    """Address of a superuser's database on the server that the test asks for, our own if it does not say."""
    name = getattr(request, "param", SERVERS[0])
    return str(request.getfixturevalue(f"{name}_server"))


@pytest.fixture(scope="session")
def empty_database(postgres_server: str) -> Iterator[Callable[[str], str]]:
    """Makes databases; each call gives the address of a new one, a copy of the given template. All are dropped."""
    made: list[str] = []
    with connect(postgres_server) as admin:

        def make(template: str = "template0") -> str:
            made.append(f"stanok_test_{uuid4().hex}")
            query = sql.SQL("create database {} template {}").format(*map(sql.Identifier, (made[-1], template)))
            admin.execute(query)
            return make_conninfo(postgres_server, dbname=made[-1])

        yield make
        for name in made:
            admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def migrated_template(empty_database: Callable[[str], str]) -> str:
    """Name of a migrated database that nobody is connected to."""
    dsn = empty_database("template1")
    with connect(dsn) as connection:
        migrate(connection)
        return connection.info.dbname


@pytest.fixture
def database(empty_database: Callable[[str], str], migrated_template: str) -> str:
    """Address of a fresh migrated database."""
    return empty_database(migrated_template)


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    """A connection to a fresh migrated database."""
    with connect(database) as opened:
        yield opened


@pytest.fixture(scope="session")
def reused_database(empty_database: Callable[[str], str], migrated_template: str) -> str:
    """Address of a migrated database for `emptied`; making a fresh one takes a third of a second."""
    return empty_database(migrated_template)


@pytest.fixture
def emptied(reused_database: str) -> Iterator[Connection]:
    """A connection to a migrated database without rows, for tests that leave its tables as they are."""
    with connect(reused_database) as opened:
        opened.execute(_EMPTY)
        yield opened
