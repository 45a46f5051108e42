"""`python -m tests.dashboards.screenshot docs/img/shop_floor.png`: the picture in the README, made anew.

A demonstration's history in a database of its own, the preview's page in Chromium, 1920 pixels wide.
"""

from __future__ import annotations

import sys
from pathlib import Path

from stanok.preview import preview
from storage.pg.connect import connect
from storage.pg.migrate import migrate
from tests.dashboards.browser import Browser, need_chromium, save
from tests.dashboards.history import live_through
from tests.fix_postgres import temporary_postgres

SIZE = 1920, 1080
ZONE = "Europe/Minsk"
"""Of the first plant, so that its shift stands at its own hours."""


def main(path: Path, language: str = "en") -> None:
    """Take the picture of the shop floor."""
    with temporary_postgres() as server:
        with connect(server.dsn) as connection:
            migrate(connection)
        live_through(server.dsn)
        with preview(server.dsn, 0) as served, Browser(need_chromium(), ZONE) as browser:
            browser.open(f"{served.url}{language}/shop_floor", *SIZE)
            browser.wait_for("document.body?.dataset.painted > 0")
            save(path, browser.picture())
            assert browser.complaints == [], browser.complaints


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
