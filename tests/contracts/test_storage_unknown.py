"""A commit whose answer got lost: all of it or none is there, and a new Store finds out which (reliability F3)."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.errors import DatabaseError
from storage.pg.commit import Store
from storage.pg.connect import Connection, connect
from storage.pg.plant import load_plant
from tests.contracts.wire import CommitCutter
from tests.storage.pg_changes import PLANT, SPOOL, START_US, fact, make_changes, raw_of, speeds


def held(connection: Connection) -> tuple[int, int, int]:
    """Position, raw rows and production time in the database."""
    row = connection.execute(
        "select (select record from stanok.spool_cursor), (select count(*) from stanok.sample),"
        " (select coalesce(sum(apt), 0)::bigint from stanok.fact_minute)"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1]), int(row[2])


@pytest.mark.parametrize("delivered", [True, False])
def test_a_commit_of_unknown_outcome_is_looked_up_and_never_sent_again_blindly(
    emptied: Connection, reused_database: str, delivered: bool
) -> None:
    load_plant(emptied, PLANT, START_US)
    changes = make_changes(5, raw=raw_of(speeds(50), 5), facts=[fact(0, apt=7)])
    port = int(conninfo_to_dict(reused_database)["port"])
    with (
        CommitCutter(port, delivered=delivered) as wire,
        connect(make_conninfo(reused_database, host="127.0.0.1", port=wire.port)) as through,
    ):
        store = Store(through, PLANT)
        assert store.take_ownership([SPOOL]) == {SPOOL: 0}
        wire.armed.set()
        with pytest.raises(DatabaseError):
            store.commit(changes)
    assert held(emptied) == ((5, 50, 7) if delivered else (0, 0, 0))
    fresh = Store(emptied, PLANT)
    (record,) = fresh.take_ownership([SPOOL]).values()
    assert record == (5 if delivered else 0)
    if record < 5:
        fresh.commit(changes)
    assert held(emptied) == (5, 50, 7)
