"""`stanok ministry init`: the database of a ministry, which has no machines of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from core.errors import InputError
from core.units import datetime_from_us
from dashboards.build import BUILT
from dashboards.catalogue import LANGUAGES
from stanok.clock import RealClock
from stanok.database import address
from stanok.settings import Settings, first_line
from storage.pg.connect import connect
from storage.pg.migrate import migrate
from storage.pg.roles import set_login

BOARD = "programmes"


def now() -> datetime:
    """The present, by which loads and refusals are dated."""
    return datetime_from_us(RealClock().now_us()).astimezone(UTC)


def init(settings: Settings, login: str | None, password_file: Path | None, boards: Path | None) -> Iterator[str]:
    """Schema, roles, login, boards; a sentence about each. InputError for a login without a password file."""
    if (login is None) != (password_file is None):
        raise InputError("--login and --password-file go together")
    password = None if password_file is None else first_line(password_file, "--password-file")
    with address(settings, make=True) as dsn, connect(dsn, "stanok ministry init") as connection:
        done = migrate(connection)
        yield f"database: {len(done)} steps" if done else "database: up to date"
        if login is not None and password is not None:
            set_login(connection, login, "ministry", [], password)
            yield f"{login} reads programmes"
    if boards is not None:
        for language in LANGUAGES:
            target = boards / language / f"{BOARD}.json"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(BUILT / language / f"{BOARD}.json", target)
            yield str(target)
