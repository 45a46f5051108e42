"""Roles of the database server: grants from storage/roles.sql, and logins for people and programs.

Invariants: grants stand in one file and go to groups; a login gets what its group has, and limits of its own, because
limits are not inherited. Limits of a session can be lifted by its user; what he cannot do is what he has no right to.
A password never stands in a statement: the server is given its SCRAM verifier.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from core.errors import InputError
from storage.pg.connect import Connection, database_errors

log = logging.getLogger(__name__)

ROLES = Path(__file__).parents[1] / "roles.sql"
EVERY_SITE = "*"

_LOGIN, _OWNER = re.split(r"^-- Block: .*$", ROLES.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]


@dataclass(frozen=True)
class Kind:
    """What a login is for. `statement_s` and `idle_s`: longest statement, longest rest inside a transaction, 0 none."""

    group: str
    connections: int
    read_only: bool = True
    statement_s: int = 30
    idle_s: int = 30


KINDS = {
    "migration": Kind("stanok_migration", 2, read_only=False, statement_s=0, idle_s=0),
    "engine": Kind("stanok_engine", 4, read_only=False, statement_s=0, idle_s=0),  # has a watchdog of its own
    "maintenance": Kind("stanok_maintenance", 4, read_only=False, statement_s=0, idle_s=300),
    "collector": Kind("stanok_collector", 4, statement_s=5),
    "reader": Kind("stanok_reader", 20),  # twice the connections that Grafana keeps
    "ministry": Kind("stanok_ministry", 10),
    "registrar": Kind("stanok_registrar", 4, read_only=False, statement_s=300),
    "health": Kind("stanok_health", 4, statement_s=5),
}


@contextmanager
def as_owner(connection: Connection) -> Iterator[None]:
    """Be the owner of schema `stanok`, if there is one and the connected role may become it."""
    row = connection.execute(
        "select nspowner::regrole::text from pg_namespace where nspname = 'stanok'"
        " and nspowner <> current_user::regrole and pg_has_role(nspowner, 'member')"
    ).fetchone()
    if row is None:
        yield
        return
    connection.execute(f"set role {row[0]}".encode())  # regrole is quoted where it must be
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute("reset role")


def forget_grants(connection: Connection) -> None:
    """Note that tables or views are about to change, so that grants are made again even if this program dies now."""
    if exists(connection, "stanok.grant_build"):
        connection.execute("delete from stanok.grant_build")


def sync_roles(connection: Connection) -> bool:
    """Make the roles where that is allowed, hand everything to the owner, and grant; False if all that stood.

    Does nothing in a database that is older than its roles.
    """
    with as_owner(connection):
        if grants_stand(connection):
            return False
    with connection.transaction():
        connection.execute(_LOGIN.encode())
        with as_owner(connection):
            connection.execute(_OWNER.encode())
            forget_grants(connection)
            connection.execute("insert into stanok.grant_build values (%s)", [_checksum(connection)])
    if not _groups(connection):
        log.warning(
            "the server has no roles of Stanok and this login may not make any; everything belongs to it until"
            " `stanok migrate` is run by a login with CREATEROLE"
        )
    return True


def grants_stand(connection: Connection) -> bool:
    """Whether the last grants were made by this program and to the roles there are."""
    if not exists(connection, "stanok.grant_build"):
        return True
    row = connection.execute("select checksum from stanok.grant_build").fetchone()
    return row is not None and row[0] == _checksum(connection)


def _groups(connection: Connection) -> list[str]:
    names = ["stanok_owner", "stanok_reader_all", *(kind.group for kind in KINDS.values())]
    rows = connection.execute("select rolname from pg_roles where rolname = any (%s) order by 1", [names])
    return [row[0] for row in rows]


def _checksum(connection: Connection) -> str:
    return hashlib.sha256("\0".join([_LOGIN, _OWNER, *_groups(connection)]).encode()).hexdigest()


def set_login(connection: Connection, name: str, kind: str, sites: Sequence[str], password: str) -> None:
    """Make a login of a kind, or change it to be one with this password; it sees these sites (EVERY_SITE: all).

    Raises InputError for what cannot be, DatabaseError where the connected role may not make roles.
    """
    _check(connection, name, kind, sites)
    wanted = KINDS[kind]
    role = sql.Identifier(name)
    limits = {
        "default_transaction_read_only": "on" if wanted.read_only else "off",
        "statement_timeout": f"{wanted.statement_s}s",
        "idle_in_transaction_session_timeout": f"{wanted.idle_s}s",
    }
    with database_errors(f"make the role {name}"), connection.transaction():
        if connection.execute("select from pg_roles where rolname = %s", [name]).fetchone() is None:
            connection.execute(sql.SQL("create role {}").format(role))
        verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        connection.execute(
            sql.SQL("alter role {} login connection limit {} password {}").format(
                role, sql.Literal(wanted.connections), sql.Literal(verifier)
            )
        )
        for setting, value in limits.items():
            connection.execute(sql.SQL("alter role {} set {} = {}").format(role, sql.Identifier(setting), value))
        for group in set(_member_of(connection, name)) - {wanted.group}:
            connection.execute(sql.SQL("revoke {} from {}").format(sql.Identifier(group), role))
        connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(wanted.group), role))
        with as_owner(connection):
            connection.execute("delete from stanok.role_site where role_name = %s", [name])
            connection.cursor().executemany(
                "insert into stanok.role_site values (%s, %s)", [(name, site) for site in sites]
            )


def _check(connection: Connection, name: str, kind: str, sites: Sequence[str]) -> None:
    if kind not in KINDS:
        raise InputError(f"--kind: {kind!r} is none of {', '.join(KINDS)}")
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name) or name.startswith(("stanok_", "pg_")):
        raise InputError(f"{name!r} cannot be a login: small letters, digits and _, beginning neither stanok_ nor pg_")
    if (kind == "reader") != bool(sites):
        raise InputError("--site says what a reader sees, and is for readers only; --site '*' is every site")
    with database_errors("look at its roles"):
        if not _groups(connection):
            raise InputError("The server has no roles of Stanok; run `stanok migrate` with a login that may make them")
        special = "select from pg_roles where rolname = %s and (rolsuper or rolcreaterole or rolname = current_user)"
        if connection.execute(special, [name]).fetchone() is not None:
            raise InputError(f"{name} administers this server; choose another name")
        known = {row[0] for row in connection.execute("select name from stanok.site")} | {EVERY_SITE}
    strangers = sorted(set(sites) - known)
    if strangers:
        raise InputError(f"--site {strangers[0]}: the database has {', '.join(sorted(known))}")


def _member_of(connection: Connection, name: str) -> list[str]:
    rows = connection.execute(
        "select g.rolname from pg_auth_members a join pg_roles g on g.oid = a.roleid"
        " join pg_roles m on m.oid = a.member where m.rolname = %s and g.rolname ~ '^stanok_'",
        [name],
    )
    return [row[0] for row in rows]


def exists(connection: Connection, table: str) -> bool:
    """Whether the database has the table `schema.name`; no right to it is needed."""
    row = connection.execute("select to_regclass(%s) is not null", [table]).fetchone()
    return bool(row and row[0])
