"""`python -m tests.dashboards.screenshot docs/img`: the pictures of the boards in the documents, made anew.

A demonstration's history in a database of its own, the preview's page in Chromium, as wide as a screen, drawn at half
size; the shop floor at full size, for the README. With a language behind the folder only that one, en by default.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dashboards.boards import BOARDS
from stanok.preview import preview
from storage.pg.connect import connect
from storage.pg.migrate import migrate
from tests.dashboards.browser import Browser, need_chromium, save
from tests.dashboards.history import live_through
from tests.fix_postgres import temporary_postgres

SIZE = 1920, 1080
ZONE = "Europe/Minsk"
"""Of the first plant, so that its shift stands at its own hours."""


def main(folder: Path, language: str = "en") -> None:
    """Take the picture of every board, and of the hall's screen."""
    with temporary_postgres() as server:
        with connect(server.dsn) as connection:
            migrate(connection)
        live_through(server.dsn)
        with preview(server.dsn, 0) as served, Browser(need_chromium(), ZONE) as browser:
            for name in BOARDS:
                if name == "programmes":
                    continue  # this history has none
                full = name == BOARDS[0]
                take(browser, f"{served.url}{language}/{name}", folder / f"{name}.png", 1.0 if full else 0.5)
            take(browser, f"{served.url}{language}/{BOARDS[0]}?kiosk", folder / "hall.png", 0.5)


def take(browser: Browser, url: str, path: Path, scale: float) -> None:
    """One picture of the first screenful."""
    browser.open(url, *SIZE)
    browser.wait_for("document.body?.dataset.painted > 0")
    save(path, browser.picture(scale=scale))
    assert browser.complaints == [], browser.complaints


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
