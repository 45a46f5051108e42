"""A commit that follows another writes what differs, and the tables are those of one that replaces everything."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from core.errors import BrokenPromise
from core.facts.schema import OPEN_END, Changes
from core.units import MINUTE_US
from core.vocabulary import Cause, State
from storage.pg.commit import Store
from storage.pg.connect import Connection
from storage.pg.plant import load_plant
from tests.seeds import seeds
from tests.storage.pg_changes import PLANT, SPOOL, START_US, fact, make_changes

TABLES = ("state_interval", "program_interval", "data_gap")
STATES = (State.PRODUCING, State.IDLE, State.UNKNOWN)


@pytest.fixture
def connection(emptied: Connection) -> Connection:
    load_plant(emptied, PLANT, START_US)
    return emptied


def stored(connection: Connection) -> list[list[tuple[str]]]:
    return [
        connection.execute(f"select t::text from stanok.{table} t order by 1".encode()).fetchall() for table in TABLES
    ]


def some_commits(seed: int) -> Iterator[Changes]:
    """Both machines go on, each from where its running interval began; now and then that says something else now."""
    random = np.random.default_rng(seed)
    begins = [START_US, START_US]
    for record in range(1, 9):
        intervals, programs = [], []
        for machine, begin in enumerate(begins):
            cuts = [begin, *(begin + np.cumsum(random.integers(1, 60, random.integers(3))) * MINUTE_US).tolist()]
            for first, last in zip(cuts, [*cuts[1:], OPEN_END], strict=True):
                row = {"machine": machine, "from_us": first, "to_us": last}
                state = STATES[int(random.integers(len(STATES)))]
                cause = Cause.SILENT if state is State.UNKNOWN else Cause.NONE
                intervals.append({**row, "state": state, "cause": cause, "rule": 0})
                programs.append({**row, "program": int(random.integers(2))})
            begins[machine] = cuts[int(random.integers(len(cuts)))]
        yield make_changes(record, intervals=intervals, programs=programs)


@pytest.mark.parametrize("seed", seeds("tails", 3))
def test_commits_of_one_store_leave_what_commits_of_new_stores_leave(connection: Connection, seed: int) -> None:
    found = []
    for keep in (True, False):
        for table in TABLES:
            connection.execute(f"delete from stanok.{table}".encode())
        connection.execute("delete from stanok.spool_cursor")
        store, steps = None, []
        for changes in some_commits(seed):
            if store is None or not keep:
                store = Store(connection, PLANT)
                store.take_ownership([SPOOL])
            store.commit(changes)
            steps.append(stored(connection))
        found.append(steps)
    assert any(rows for rows in found[0][-1])
    assert found[0] == found[1]


def test_what_a_failed_commit_would_have_written_is_not_taken_for_stored(connection: Connection) -> None:
    store = Store(connection, PLANT)
    store.take_ownership([SPOOL])
    row = {"machine": 0, "from_us": START_US, "to_us": OPEN_END, "state": State.IDLE, "cause": 0, "rule": 0}
    with pytest.raises(BrokenPromise, match="duplicate key"):
        store.commit(make_changes(1, intervals=[row], facts=[fact(0, apt=1), fact(0, apt=2)]))
    assert not any(stored(connection))
    store.commit(make_changes(1, intervals=[row]))
    assert len(stored(connection)[0]) == 1
