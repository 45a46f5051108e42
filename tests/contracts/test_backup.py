"""A backup of every server we may meet gives the same rows back, in a database that then works like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from core.errors import InputError
from core.units import DAY_US
from stanok.backup import backup, restore
from stanok.settings import DatabaseSettings, DataSettings, Settings
from storage.pg.commit import Store
from storage.pg.connect import connect
from storage.pg.migrate import migrate
from storage.pg.plant import load_plant
from storage.pg.roles import forget_grants, set_login, sync_roles
from tests.stanok.house import results
from tests.storage.pg_changes import PLANT, SPOOL, START_US, fact, make_changes, raw_of, speeds


def settings(dsn: str, directory: Path) -> Settings:
    return Settings(data=DataSettings(directory=directory), database=DatabaseSettings(dsn=dsn))


def test_rows_and_rights_come_back_and_the_next_commit_goes_on(
    database: str, empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    with connect(database) as connection:
        load_plant(connection, PLANT, START_US)
        store = Store(connection, PLANT)
        store.take_ownership([SPOOL])
        store.commit(make_changes(1, raw=raw_of(speeds(5)), facts=[fact(0), fact(1)]))
        before = results(connection)
        forget_grants(connection)
        sync_roles(connection)  # rights to a database are not copied with a template
        name = f"copier_{connection.info.dbname}"
        set_login(connection, name, "maintenance", [], "secret")
        try:
            keeper = make_conninfo(database, user=name, password="secret")
            backup(settings(keeper, tmp_path / "data"), tmp_path / "backup")
        finally:
            connection.execute(f"drop owned by {name}; drop role {name}".encode())
    target = empty_database("template0")
    restore(settings(target, tmp_path / "new"), tmp_path / "backup")
    with connect(target) as connection:
        assert results(connection) == before
        assert migrate(connection) == []
        store = Store(connection, PLANT)
        assert store.take_ownership([SPOOL]) == {SPOOL: 1}
        store.commit(make_changes(2, raw=raw_of(speeds(5, START_US + 2 * DAY_US), 2)))
        count = connection.execute("select count(*) from stanok.sample").fetchone()
        assert count == (10,)
        rights = "select has_table_privilege('stanok_reader', 'board.machine_live', 'select')"
        assert connection.execute(rights).fetchone() == (True,)
    with pytest.raises(InputError, match="restore into an empty one"):
        restore(settings(target, tmp_path / "new"), tmp_path / "backup")
