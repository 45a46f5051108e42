"""A headless Chromium for tests that look at pages: one program a run, an empty page a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dashboards.browser import Browser, need_chromium


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with Browser(need_chromium()) as found:
        yield found


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """An empty page that has not complained yet."""
    chromium.open("about:blank", 400, 400)
    chromium.complaints.clear()
    return chromium
