"""The role of boards: taken on where the login may, never more than asked for."""

from __future__ import annotations

from psycopg import sql

from storage.pg.connect import connect
from storage.pg.readers import ROLE, board_role


def test_a_superuser_reads_as_the_group_of_readers(database: str) -> None:
    with connect(database) as connection:
        assert board_role(connection) == ROLE
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(ROLE)))
        assert connection.execute("select count(*) from board.machine_live").fetchall() == [(0,)]


def test_a_login_that_may_make_roles_but_does_not_own_the_views_reads_as_itself(database: str) -> None:
    login = "maker_" + database.rpartition("_")[2][:8]
    with connect(database) as admin:
        admin.execute(sql.SQL("create role {} login createrole").format(sql.Identifier(login)))
        try:
            admin.execute(sql.SQL("set session authorization {}").format(sql.Identifier(login)))
            assert board_role(admin) is None
            admin.execute("reset session authorization")
        finally:
            admin.execute(sql.SQL("drop role {}").format(sql.Identifier(login)))


def test_a_login_without_rights_reads_as_itself(database: str) -> None:
    login = "plain_" + database.rpartition("_")[2][:8]
    with connect(database) as admin:
        admin.execute(sql.SQL("create role {} login").format(sql.Identifier(login)))
        try:
            admin.execute(sql.SQL("set session authorization {}").format(sql.Identifier(login)))
            assert board_role(admin) is None
            admin.execute("reset session authorization")
        finally:
            admin.execute(sql.SQL("drop role {}").format(sql.Identifier(login)))
