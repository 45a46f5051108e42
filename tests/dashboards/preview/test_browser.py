"""The boards in a real browser with a demonstration's history: data in every panel, no word of complaint."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stanok.preview import preview
from tests.dashboards.browser import Browser, need_chromium

STATES = "[...document.querySelectorAll('.panel')].map((panel) => panel.dataset.state)"
PAINTED = "document.body?.dataset.painted > 0"
WIDER = "document.documentElement.scrollWidth > innerWidth"


@pytest.fixture(scope="module")
def url(history: str) -> Iterator[str]:
    with preview(history, 0) as served:
        yield served.url


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with Browser(need_chromium()) as found:
        yield found


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """An empty page that has not complained yet."""
    chromium.open("about:blank", 400, 400)
    chromium.complaints.clear()
    return chromium


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (400, 800)])
@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_panel_shows_data_and_the_console_is_silent(
    browser: Browser, url: str, language: str, width: int, height: int
) -> None:
    browser.open(f"{url}{language}/shop_floor", width, height, dark=language == "ru")
    browser.wait_for(PAINTED)
    assert browser.value(STATES) == ["ready"] * 6
    assert browser.value("document.querySelectorAll('#panel-4 .bars path').length") > 100
    assert browser.value("document.querySelectorAll('#panel-3 tbody tr').length") == 6
    assert browser.value("document.querySelectorAll('#panel-6 tbody tr').length") == 3
    assert not browser.value(WIDER)
    assert browser.complaints == []


def test_the_page_refreshes_and_choices_change_what_is_shown(browser: Browser, url: str) -> None:
    browser.open(f"{url}en/shop_floor", 1280, 900)
    browser.wait_for("document.body?.dataset.painted > 1")
    browser.value("document.querySelector('.choice').open = true")
    browser.value("[...document.querySelectorAll('.choice label')].find((l) => l.innerText.includes('ural')).click()")
    browser.wait_for("document.querySelectorAll('#panel-3 tbody tr').length === 3")
    browser.value("choices.span.value = 'now-15m'; choices.span.dispatchEvent(new Event('change'))")
    browser.wait_for("document.getElementById('panel-6').dataset.state === 'empty'")
    assert browser.value("location.search") == "?var-site=ural&from=now-15m&to=now"
    assert browser.complaints == []


def test_a_server_that_ends_is_told_and_the_last_picture_stays(browser: Browser, database: str) -> None:
    with preview(database, 0) as served:
        browser.open(f"{served.url}en/shop_floor", 1280, 900)
        browser.wait_for(PAINTED)
    browser.value("ask()")
    browser.wait_for("!document.getElementById('trouble').hidden")
    assert "does not answer" in browser.value("document.getElementById('trouble').innerText")
    assert browser.value("document.querySelectorAll('.tile').length") > 0


def test_the_browser_hears_complaints(browser: Browser) -> None:
    browser.open("data:text/html,<script>console.error('heard'); nonsense()</script>", 400, 400)
    browser.wait_for("document.readyState === 'complete'")
    assert any("heard" in complaint for complaint in browser.complaints)
    assert any("nonsense" in complaint for complaint in browser.complaints)
