"""Roles on a server that has none yet: who migrates decides what comes of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from core.errors import InputError
from storage.pg.connect import Connection, connect
from storage.pg.migrate import migrate
from storage.pg.roles import set_login
from tests.fix_postgres import need_binaries, temporary_postgres


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A superuser's address, with a database for each of two others: one may make roles, one may not."""
    need_binaries()
    with temporary_postgres() as made:
        with connect(made.dsn) as admin:
            for name, right in (("plain", "nocreaterole"), ("maker", "createrole")):
                admin.execute(f"create role {name} login password 'x' {right}".encode())
                admin.execute(sql.SQL("create database {0} owner {0} template template0").format(sql.Identifier(name)))
        yield made.dsn


def address(server: str, name: str, user: str | None = None) -> str:
    return make_conninfo(server, dbname=name, **({"user": user, "password": "x"} if user else {}))


def owners(connection: Connection) -> set[str]:
    rows = connection.execute("select tableowner from pg_tables where schemaname = 'stanok'").fetchall()
    return {row[0] for row in rows}


def test_a_login_that_may_make_no_roles_keeps_everything_until_somebody_may(
    server: str, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(address(server, "plain", "plain")) as connection:
        assert migrate(connection)
        assert migrate(connection) == []
        assert "may not make any" in caplog.text
        assert owners(connection) == {"plain"}
        assert connection.execute("select count(*) from board.machine_live").fetchone() == (0,)
        with pytest.raises(InputError, match="no roles of Stanok"):
            set_login(connection, "anna", "health", [], "x")
    with connect(address(server, "maker", "maker")) as connection:
        assert migrate(connection)
        assert migrate(connection) == []
        assert owners(connection) == {"stanok_owner"}
        set_login(connection, "anna", "ministry", [], "x")
    with connect(address(server, "maker", "anna")) as connection:
        assert connection.execute("select count(*) from board.kpi_shift").fetchone() == (0,)
    with connect(address(server, "plain")) as connection:
        assert migrate(connection) == ["grants"]
        assert owners(connection) == {"stanok_owner"}
