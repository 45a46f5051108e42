"""The boards in a real browser with a demonstration's history: data in every panel, no word of complaint."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from dashboards.boards import BOARDS
from dashboards.build import BUILT
from stanok.preview import preview
from tests.dashboards.browser import PAINTED, STATES, WIDER, Browser, keep


@pytest.fixture(scope="module")
def url(history: str) -> Iterator[str]:
    with preview(history, 0) as served:
        yield served.url


@pytest.mark.parametrize(("language", "width", "height"), [("en", 1920, 1080), ("ru", 400, 800)])
@pytest.mark.parametrize("name", [name for name in BOARDS if name != "programmes"])  # has a history of its own
def test_every_panel_shows_data_and_the_console_is_silent(
    browser: Browser, url: str, name: str, language: str, width: int, height: int
) -> None:
    browser.open(f"{url}{language}/{name}", width, height, dark=language == "ru")
    browser.wait_for(PAINTED)
    panels = json.loads((BUILT / language / f"{name}.json").read_text(encoding="utf-8"))["panels"]
    assert browser.value(STATES) == ["ready"] * len(panels)
    assert not browser.value(WIDER)
    assert browser.complaints == []
    keep(f"{name}-{language}-{width}", browser)


def test_the_shop_floor_has_a_tile_a_row_and_a_band_for_each_machine(browser: Browser, url: str) -> None:
    browser.open(f"{url}en/shop_floor", 1920, 1080)
    browser.wait_for(PAINTED)
    assert browser.value("document.querySelectorAll('#panel-4 .bars path').length") > 100
    assert browser.value("document.querySelectorAll('#panel-3 tbody tr').length") == 6
    assert browser.value("document.querySelectorAll('#panel-7 .tile').length") == 6
    assert browser.value("document.querySelectorAll('#panel-6 tbody tr').length") == 3


def test_the_screen_in_the_hall_is_filled_and_read_from_five_metres(browser: Browser, url: str) -> None:
    browser.open(f"{url}ru/shop_floor?kiosk", 1920, 1080)
    browser.wait_for(PAINTED)
    seen = "[...document.querySelectorAll('#panel-7 .tile')].map((tile) => tile.getBoundingClientRect().bottom)"
    assert max(browser.value(seen)) < 1080
    size = "parseFloat(getComputedStyle(document.querySelector('#panel-7 .value')).fontSize)"
    # A letter of 1/200 of the distance is read with ease: 25 mm at 5 m, 30 pixels of a screen of 1.2 m width.
    assert browser.value(size) * 0.7 >= 30
    texts = "[...document.querySelectorAll('#panel-7 .tile span')]"
    assert browser.value(f"{texts}.every((text) => text.scrollWidth <= text.clientWidth + 1)")
    assert browser.value("getComputedStyle(document.getElementById('choices')).display") == "none"
    keep("shop_floor-kiosk", browser)


def test_a_phone_shows_the_first_rows_and_more_on_demand(browser: Browser, url: str) -> None:
    browser.open(f"{url}ru/stops", 400, 800)
    browser.wait_for(PAINTED)
    seen = "[...document.querySelectorAll('#panel-2 tbody tr')].filter((row) => row.offsetHeight).length"
    assert browser.value(seen) == 8
    assert browser.value("document.documentElement.scrollHeight") < 8000
    browser.value("document.querySelector('#panel-2 .more-rows').click()")
    assert browser.value(seen) == 16
    browser.value("ask()")
    assert browser.value(seen) == 16, "a refresh takes nothing away"
    browser.open(f"{url}ru/stops", 1280, 900)
    browser.wait_for(PAINTED)
    assert browser.value(seen) > 16
    assert browser.value("document.querySelector('#panel-2 .more-rows').offsetHeight") == 0


def test_a_click_leads_from_the_plant_to_the_stop_in_the_same_window(browser: Browser, url: str) -> None:
    browser.open(f"{url}en/plant?from=now-7d&to=now&var-site=minsk", 1280, 900)
    for panel, board in (("panel-5", "machine"), ("panel-12", "shift"), ("panel-6", "stops")):
        browser.wait_for(PAINTED)
        browser.value(f"document.querySelector('#{panel} td a').click()")
        browser.wait_for(f"location.pathname === '/en/{board}'")
        assert browser.value("new URLSearchParams(location.search).get('from')") == "now-7d"
        assert browser.value("new URLSearchParams(location.search).get('var-site')") == "minsk"
    browser.wait_for(PAINTED)
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
