"""Connections to PostgreSQL, and what its errors mean to a person. One synchronous connection a writer, no pool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from core.errors import BrokenPromise, DatabaseError, InputError
from storage.pg.wire import Array, ArrayDumper

Connection = psycopg.Connection[TupleRow]

_SESSION = "-c TimeZone=UTC -c statement_timeout=0 -c client_min_messages=warning"
_NETWORK = {
    "connect_timeout": 10,  # s
    "keepalives": 1,
    "keepalives_idle": 10,  # s; with the two below a silent server is noticed after half a minute
    "keepalives_interval": 5,  # s
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,  # ms that sent bytes may stay unacknowledged
}


def connect(dsn: str, application: str = "stanok") -> Connection:
    """An autocommitting connection; transactions are opened with `connection.transaction()`.

    Raises InputError if the address cannot be read, DatabaseError if the server cannot be reached.
    """
    try:
        given = conninfo_to_dict(dsn)
    except psycopg.Error:  # its text would repeat the address, with the password in it
        raise InputError("The database address is not a PostgreSQL URL or keyword string; correct it") from None
    options = f"{_SESSION} {given.pop('options', '') or ''}".strip()
    settings = {**_NETWORK, "application_name": application, **given, "options": options}
    with database_errors("open a connection"):
        connection = psycopg.connect(make_conninfo("", **settings), autocommit=True)
    connection.adapters.register_dumper(Array, ArrayDumper)
    return connection


def another(connection: Connection) -> Connection:
    """A second connection to the same database, with the same login."""
    info = connection.info
    application = info.get_parameters().get("application_name", "stanok")
    return connect(make_conninfo(info.dsn, password=info.password or None), application)


@contextmanager
def database_errors(doing: str) -> Iterator[None]:
    """Turn psycopg's errors into ours; `doing` completes the sentence "could not …".

    Rows that break a constraint or cannot be encoded are a defect of ours (BrokenPromise), all else is DatabaseError.
    """
    try:
        yield
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        raise BrokenPromise(f"PostgreSQL refused our rows, could not {doing}: {_first_line(error)}") from error
    except psycopg.errors.UndefinedTable as error:
        sentence = f"The database lacks a table, could not {doing}: {_first_line(error)}; run `stanok migrate`"
        raise DatabaseError(sentence) from error
    except psycopg.Error as error:
        raise DatabaseError(f"PostgreSQL could not {doing}: {_first_line(error)}") from error


def _first_line(error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
