"""What a database server can do, asked once after connecting: its version and the edition of TimescaleDB."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from storage.pg.connect import Connection, database_errors

OLDEST_VERSION = 150_000
"""PostgreSQL 15, the oldest that the tests run on; as `server_version_num`."""


class Timescale(IntEnum):
    """Edition of TimescaleDB in the connected database; a higher one can do everything that a lower one can."""

    NONE = 0
    APACHE = 1
    COMMUNITY = 2


@dataclass(frozen=True)
class Capability:
    """`version` is `server_version_num`; `installable`: the server has TimescaleDB loaded, this database not yet."""

    version: int
    timescale: Timescale
    installable: bool


def ask(connection: Connection) -> Capability:
    """Ask the server. The licence setting is what tells: functions of both editions exist in either catalogue."""
    with database_errors("say what it can do"):
        row = connection.execute(
            "select current_setting('server_version_num')::int,"
            " (select extversion from pg_extension where extname = 'timescaledb'),"
            " current_setting('timescaledb.license', true),"
            " exists (select from pg_available_extensions where name = 'timescaledb'),"
            " case when pg_has_role('pg_read_all_settings', 'usage')"
            " then current_setting('shared_preload_libraries') else '' end"  # others may not make the extension either
        ).fetchone()
    assert row is not None
    version, installed, licence, available, preloaded = row
    return Capability(
        version=version,
        timescale=_edition(installed, licence),
        installable=installed is None and available and "timescaledb" in preloaded,
    )


def _edition(installed: str | None, licence: str | None) -> Timescale:
    if installed is None:
        return Timescale.NONE
    return Timescale.COMMUNITY if licence == "timescale" else Timescale.APACHE
