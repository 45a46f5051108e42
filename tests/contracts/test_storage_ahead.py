"""Commits that begin before the one before has ended: whole, in their order, and never without the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from core.engine.stream import Stream
from core.errors import BrokenPromise, DatabaseError, FencedError
from core.facts.schema import Changes
from stanok.bench.history import SPOOL, commits
from stanok.bench.kernel import BEGIN_US, bench_plant
from storage.pg import commit
from storage.pg.commit import Store
from storage.pg.connect import Connection, connect
from storage.pg.plant import load_plant
from tests.stanok.house import difference, results

PLANT = bench_plant(5)
SAMPLES, COMMITS = 400, 12


@pytest.fixture
def day() -> list[Changes]:
    return list(commits(Stream(PLANT, [SPOOL]), SAMPLES, COMMITS))


@pytest.fixture
def store(emptied: Connection, reused_database: str) -> Iterator[Store]:
    load_plant(emptied, PLANT, BEGIN_US)
    with connect(reused_database) as own:
        made = Store(own, PLANT)
        made.take_ownership([SPOOL])
        yield made
        made.close()


def begin_all(store: Store, day: list[Changes]) -> None:
    for changes in day:
        store.begin(changes)
    store.finish()


def stored(connection: Connection) -> tuple[int, int]:
    """Position in the spool and raw rows that others can see."""
    row = connection.execute(
        "select (select record from stanok.spool_cursor), (select count(*) from stanok.sample)"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def test_the_rows_are_those_of_commits_one_after_the_other(
    store: Store, emptied: Connection, day: list[Changes], empty_database: Callable[[str], str], migrated_template: str
) -> None:
    for number, changes in enumerate(day):
        (store.commit if number % 5 == 3 else store.begin)(changes)
    store.finish()
    with connect(empty_database(migrated_template)) as other:
        load_plant(other, PLANT, BEGIN_US)
        plain = Store(other, PLANT)
        plain.take_ownership([SPOOL])
        for changes in day:
            plain.commit(changes)
        expected = results(other)
    assert difference(expected, results(emptied)) == []
    assert stored(emptied) == (day[-1].cursors[SPOOL], SAMPLES * COMMITS)


def test_each_begun_commit_is_seen_when_the_next_one_has_begun(
    store: Store, emptied: Connection, day: list[Changes]
) -> None:
    assert store.take_ownership([SPOOL]) == {SPOOL: 0}
    for number, changes in enumerate(day):
        store.begin(changes)
        assert stored(emptied) == ((day[number - 1].cursors[SPOOL] if number else 0), number * SAMPLES)
    assert store.take_ownership([SPOOL]) == day[-1].cursors  # which ends what was begun
    assert stored(emptied) == (day[-1].cursors[SPOOL], SAMPLES * COMMITS)


def test_another_owner_keeps_out_what_was_begun_and_what_would_follow(
    store: Store, emptied: Connection, day: list[Changes]
) -> None:
    store.commit(day[0])
    store.begin(day[1])
    successor = Store(emptied, PLANT)
    assert successor.take_ownership([SPOOL]) == day[0].cursors
    with pytest.raises(FencedError, match=SPOOL):
        store.begin(day[2])
    store.close()
    assert stored(emptied) == (day[0].cursors[SPOOL], SAMPLES)
    successor.begin(day[1])
    successor.finish()
    assert stored(emptied) == (day[1].cursors[SPOOL], 2 * SAMPLES)
    successor.close()


@pytest.mark.parametrize("which", [0, 1])
def test_a_connection_that_breaks_takes_with_it_what_is_not_committed(
    store: Store, emptied: Connection, reused_database: str, day: list[Changes], which: int
) -> None:
    for changes in day[:3]:
        store.begin(changes)  # the first and the third by the first connection
    broken = store.connections()[which].info.backend_pid
    emptied.execute("select pg_terminate_backend(%s, 10000)", [broken])
    with pytest.raises(DatabaseError):
        begin_all(store, day[3:])
    store.close()
    left, rows = stored(emptied)
    number = [0, *(changes.cursors[SPOOL] for changes in day)].index(left)
    assert (number, rows) == ((2, 3)[which], number * SAMPLES)
    with connect(reused_database) as own:
        again = Store(own, PLANT)
        assert again.take_ownership([SPOOL]) == {SPOOL: left}
        begin_all(again, day[number:])
        again.close()
    assert stored(emptied) == (day[-1].cursors[SPOOL], SAMPLES * COMMITS)


def test_what_follows_a_commit_that_was_refused_is_not_stored(
    store: Store, emptied: Connection, day: list[Changes]
) -> None:
    store.begin(day[0])
    emptied.execute("alter table stanok.engine_state add constraint never check (false) not valid")
    try:
        with pytest.raises(BrokenPromise, match="refused our rows"):
            store.begin(day[1])
        store.close()
    finally:
        emptied.execute("alter table stanok.engine_state drop constraint never")
    assert stored(emptied) == (0, 0)


def test_what_was_begun_and_never_ended_leaves_nothing(store: Store, emptied: Connection, day: list[Changes]) -> None:
    store.begin(day[0])
    store.begin(day[1])
    store.close()
    assert stored(emptied) == (day[0].cursors[SPOOL], SAMPLES)


def test_without_a_second_connection_commits_follow_one_after_the_other(
    store: Store, emptied: Connection, day: list[Changes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Connection) -> Connection:
        raise DatabaseError("too many connections")

    monkeypatch.setattr(commit, "another", refused)
    begin_all(store, day)
    assert len(store.connections()) == 1
    assert stored(emptied) == (day[-1].cursors[SPOOL], SAMPLES * COMMITS)
