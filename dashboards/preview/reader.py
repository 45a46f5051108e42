"""Queries of boards on a real database, as harmless as in Grafana.

Every query is one statement in a read-only transaction with a time limit, as the role that sees `board.*` only where
there is one. A connection serves one page and is then closed, so a database that comes back is used at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from core.errors import OutsideError
from dashboards.preview.drawing import Column, Result
from dashboards.queries.common import NOW

TIMEOUT_S = 10
"""A query that is slower is no query for a board that refreshes every few seconds; Grafana's role has 30 s."""
CONNECT_S = 5

_NUMBERS = frozenset({20, 21, 23, 26, 700, 701, 790, 1700})
"""OIDs of int8, int2, int4, oid, float4, float8, money, numeric (pg_type.dat)."""
_TIMES = frozenset({1082, 1114, 1184})
"""OIDs of date, timestamp, timestamptz."""
_OPTIONS = f"-c default_transaction_read_only=on -c statement_timeout={TIMEOUT_S}s -c TimeZone=UTC -c jit=off"


class Session:
    """One connection. Errors are OutsideError with PostgreSQL's first line."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]], role: str | None) -> None:
        self._connection, self._role = connection, role

    def ask(self, text: str) -> Result:
        """The result of one SELECT; several statements in one text are refused by the protocol."""
        with _sentences(), self._connection.transaction(), self._connection.cursor() as cursor:
            if self._role:
                cursor.execute(sql.SQL("set local role {}").format(sql.Identifier(self._role)))
            cursor.execute(text.encode(), prepare=True)
            columns = [Column(found.name, _kind(found.type_code)) for found in cursor.description or ()]
            return Result(columns, cursor.fetchall() if columns else [])

    def now(self) -> datetime:
        """The engine's last tick; before the first one, the wall clock."""
        rows = self.ask(NOW).rows
        return rows[0][0] if rows else datetime.now(UTC)

    def timescale(self) -> bool:
        """Whether Grafana's data source would be marked as TimescaleDB."""
        return bool(self.ask("select exists (select from pg_extension where extname = 'timescaledb')").rows[0][0])


@contextmanager
def session(dsn: str, role: str | None) -> Iterator[Session]:
    """A connection for one page."""
    with _sentences():
        connection = psycopg.connect(
            dsn, autocommit=True, connect_timeout=CONNECT_S, options=_OPTIONS, application_name="stanok preview"
        )
    try:
        yield Session(connection, role)
    finally:
        connection.close()


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise OutsideError(f"The query took longer than {TIMEOUT_S} s; choose a shorter time window") from error
    except psycopg.Error as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise OutsideError(f"PostgreSQL does not answer this query: {first}") from error


def _kind(oid: int) -> str:
    return "number" if oid in _NUMBERS else "time" if oid in _TIMES else "string"
