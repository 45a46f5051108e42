"""The role that reads the published views and nothing else, for boards that Stanok itself shows.

Where an installation made its roles (docker/timescaledb), they are used as they are; where the login may make roles, as
on the embedded server, this one is made.
"""

from __future__ import annotations

from psycopg import sql

from storage.pg.connect import Connection, database_errors

ROLE = "boards"
"""The same name as in docker/timescaledb/100_roles.sh."""


def board_role(connection: Connection) -> str | None:
    """A role that can read schema `board` only and that this login may take on; None: the login reads as itself.

    An owner of the views that may make roles makes it and gives it the views, which lose their grants when they are
    made anew.
    """
    with database_errors("find the role that reads boards"):
        row = connection.execute(
            "select rolsuper or rolcreaterole and exists"
            " (select from pg_namespace where nspname = 'board' and pg_has_role(current_user, nspowner, 'usage')),"
            " exists (select from pg_roles where rolname = %(role)s), to_regnamespace('board') is not null"
            " from pg_roles where rolname = current_user",
            {"role": ROLE},
        ).fetchone()
        assert row is not None
        able, there, views = row
        if able and views:
            _make(connection, there=there)
            there = True
        if not there:
            return None
        member = connection.execute("select pg_has_role(current_user, %s, 'member')", [ROLE]).fetchone()
    return ROLE if member and member[0] else None


def _make(connection: Connection, *, there: bool) -> None:
    role = sql.Identifier(ROLE)
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext(%s))", [ROLE])
        if not there:
            connection.execute(sql.SQL("create role {} nologin").format(role))
            connection.execute(sql.SQL("grant {} to current_user").format(role))
        connection.execute(sql.SQL("grant usage on schema board to {}").format(role))
        connection.execute(sql.SQL("grant select on all tables in schema board to {}").format(role))
