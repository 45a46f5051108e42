"""PostgreSQL for tests: one server a session, a fresh migrated database a test.

STANOK_TEST_DSN names another server to use (a superuser's address); otherwise our own server is started.
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
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Address of a superuser's database on a running server."""
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
        tables = opened.execute(
            "select string_agg(oid::regclass::text, ', ') from pg_class where relkind = 'r'"
            " and relnamespace = 'stanok'::regnamespace and relname not in ('schema_migration', 'view_build')"
        ).fetchone()
        assert tables is not None
        opened.execute(f"truncate {tables[0]} restart identity cascade".encode())
        yield opened
