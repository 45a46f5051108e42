"""Fixture `history`: a database with thirty hours of the demonstration plant, for tests that only read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.dashboards.history import live_through


@pytest.fixture(scope="session")
def history(empty_database: Callable[[str], str], migrated_template: str) -> str:
    """Its address; folding it takes some seconds, once a run."""
    dsn = empty_database(migrated_template)
    live_through(dsn)
    return dsn
