"""Databases with a past, for tests that only read: `history`, thirty hours of the demonstration plant, and
`known_history`, two hours of one machine that can be worked out by hand.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.dashboards.history import live_through
from tests.dashboards.known import write_known


@pytest.fixture(scope="session")
def history(empty_database: Callable[[str], str], migrated_template: str) -> str:
    """Its address; folding it takes some seconds, once a run."""
    dsn = empty_database(migrated_template)
    live_through(dsn)
    return dsn


@pytest.fixture(scope="session")
def known_history(empty_database: Callable[[str], str], migrated_template: str) -> str:
    """The address of what tests/dashboards/known writes."""
    dsn = empty_database(migrated_template)
    write_known(dsn)
    return dsn
