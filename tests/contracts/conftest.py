"""Every test here that touches a database runs on every server that Stanok may meet (SERVERS of tests/fix_postgres)."""

from __future__ import annotations

import pytest

from tests.fix_postgres import SERVERS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Servers are the outermost parameter, so that each is started once."""
    if "postgres_server" in metafunc.fixturenames:
        metafunc.parametrize("postgres_server", SERVERS, indirect=True, scope="session")
