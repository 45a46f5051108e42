"""The role that reads the published views and nothing else, for boards that Stanok itself shows."""

from __future__ import annotations

from storage.pg.connect import Connection, database_errors

ROLE = "stanok_reader_all"
"""The group of readers of every site; `stanok migrate` makes it (storage/roles.sql)."""


def board_role(connection: Connection) -> str | None:
    """A role that reads schema `board` only and that this login may take on; None: the login reads as itself."""
    with database_errors("find the role that reads boards"):
        row = connection.execute(
            "select exists (select from pg_roles where rolname = %(role)s and pg_has_role(oid, 'member'))",
            {"role": ROLE},
        ).fetchone()
    return ROLE if row is not None and row[0] else None
