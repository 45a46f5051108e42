"""Fixtures of the storage room's tests."""

from __future__ import annotations

from tests.fix_postgres import (  # noqa: F401  (fixtures are found by name)
    connection,
    database,
    emptied,
    empty_database,
    migrated_template,
    postgres_server,
    reused_database,
)
