"""Chunks of raw samples: made ahead, filled with what waited for them, dropped whole, indexed by their owner."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.facts.schema import Live
from core.samples.batch import BatchBuilder, SampleBatch
from core.units import DAY_US, HOUR_US, datetime_from_us
from core.vocabulary import Cause, State
from storage.pg import samples
from storage.pg.capability import ask
from storage.pg.commit import Store
from storage.pg.connect import Connection, connect
from storage.pg.migrate import MIGRATIONS, migrate
from storage.pg.plant import load_plant
from storage.pg.retention import add_chunks, forget, index_chunks
from storage.pg.roles import set_login
from tests.contracts.test_storage_shape import plain
from tests.storage.pg_changes import PLANT, SPOOL, START_US, make_changes, raw_of, speeds

DAYS = 3
GAUGES, ROWS = (
    [f"sample_{what}_202511{22 + day}" for day in range(9)] + [f"sample_{what}_2025120{day}" for day in range(1, 7)]
    for what in ("block", "gauge")
)
EVENTS = [f"sample_event_2025{day}" for day in (1117, 1124, 1201)]
"""A fortnight from START_US on, a Saturday."""


def fill(connection: Connection, days: int = DAYS) -> None:
    """The plant, and at the same hour of some days a few gauge samples and a word."""
    load_plant(connection, PLANT, START_US)
    words = BatchBuilder()
    for at in range(START_US, START_US + days * DAY_US, DAY_US):
        words.add(machine=0, signal=0, event_us=at, received_us=at, value=1.0)
    gauges = [speeds(10, START_US + day * DAY_US) for day in range(days)]
    commit(connection, SampleBatch.concat([*gauges, words.build()]), START_US)


def fill_rows(connection: Connection) -> None:
    """The same as it was before there were blocks."""
    load_plant(connection, PLANT, START_US)
    (speed,) = [signal.id for signal in PLANT.signals if signal.name == "spindle.1.speed"]
    for day in range(DAYS):
        connection.execute(
            "insert into stanok.sample_gauge"
            " select %s + n * interval '1 ms', (%s::bigint[])[n %% 2 + 1], %s, %s, n / 3.0,"
            " -1, 0, 0, n, 1, %s, n, %s, null from generate_series(0, 9) n",
            [
                datetime_from_us(START_US + day * DAY_US),
                [machine.id for machine in PLANT.machines[:2]],
                *(speed, PLANT.sources[0].id, day - DAYS, datetime_from_us(START_US)),
            ],
        )
    connection.execute("insert into stanok.engine_state values (true, %s)", [datetime_from_us(START_US)])


def commit(connection: Connection, batch: SampleBatch, tick_us: int) -> None:
    store = Store(connection, PLANT)
    (record,) = store.take_ownership([SPOOL]).values()
    live = [Live(0, tick_us, tick_us, State.IDLE, Cause.READY, 7, tick_us, 0, 0, False, 0.0)]
    store.commit(make_changes(record + 1, raw=raw_of(batch, record + 1), live=live, tick_us=tick_us))


def where(connection: Connection) -> dict[str, int]:
    """Samples of gauges by the chunk that they lie in, in blocks or alone."""
    found = connection.execute(
        "select tableoid::regclass::text, sum(cardinality(event_times)) from stanok.sample_block group by 1"
        " union all select tableoid::regclass::text, count(*) from stanok.sample_gauge group by 1"
    )
    return {name.removeprefix("stanok_raw."): int(count) for name, count in found}


def stored(connection: Connection) -> list[tuple[int, float]]:
    batch = samples.raw_rows(connection, PLANT, samples.Window({0: 0, 1: 0})).batch
    return list(zip(batch.event_us.tolist(), batch.value.tolist(), strict=True))


def before_chunks(empty_database: Callable[[str], str], files: Path) -> str:
    """Address of a database as it was when there were none without TimescaleDB."""
    for path in MIGRATIONS.glob("*.sql"):
        if int(path.name[:4]) < 32:
            shutil.copy(path, files)
    dsn = empty_database("template0")
    with connect(dsn) as connection:
        migrate(connection, migrations=files, views=files / "none")
    return dsn


def test_chunks_are_made_a_fortnight_ahead_and_take_what_waited_for_them(connection: Connection) -> None:
    fill(connection)
    before = stored(connection)
    made = list(add_chunks(connection))
    assert list(add_chunks(connection)) == []
    assert stored(connection) == before
    if plain(connection):
        assert made == EVENTS + ROWS + GAUGES
        assert where(connection) == dict.fromkeys(GAUGES[:DAYS], 10)
        plan = connection.execute(
            "explain select from stanok.sample_block where event_time >= '2025-11-23' and event_time < '2025-11-24'"
        ).fetchall()
        assert [name for name in GAUGES if name in str(plan)] == GAUGES[1:2]
    else:
        assert made == []
        assert set(where(connection).values()) == {10}


def test_a_row_older_than_every_chunk_waits_and_gets_one_of_its_own(connection: Connection) -> None:
    fill(connection, 1)
    list(add_chunks(connection))
    commit(connection, speeds(4, START_US - 40 * DAY_US), START_US)
    before = stored(connection)
    assert list(add_chunks(connection)) == (["sample_block_20251013"] if plain(connection) else [])
    assert stored(connection) == before
    assert sorted(where(connection).values()) == [4, 10]


def test_old_chunks_are_dropped_whole_and_closed_ones_indexed(connection: Connection) -> None:
    fill(connection)
    list(add_chunks(connection))
    commit(connection, speeds(5, START_US + 9 * DAY_US), START_US + 9 * DAY_US + HOUR_US)
    list(add_chunks(connection))
    removed = forget(connection, timedelta(days=7), timedelta(days=1096))  # and a day more is kept
    assert removed.gauges == (2 if plain(connection) else 1)  # there, single rows have their partitions, too
    assert len(where(connection)) == DAYS
    names = list(index_chunks(connection))
    indexed = connection.execute(
        "select tablename from pg_indexes where indexdef like '%USING btree (machine_id, event_time)'"
        " and indexname = tablename || '_machine' and tablename <> 'sample_block' order by 1"
    ).fetchall()
    assert sorted(names) == [name for (name,) in indexed]
    assert set(names) >= set(EVENTS[:2]) if plain(connection) else len(names) == DAYS
    assert list(index_chunks(connection)) == []


def test_samples_of_an_older_database_stay_together_and_go_when_they_are_old(
    empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    with connect(before_chunks(empty_database, tmp_path)) as older:
        fill_rows(older)
        assert "0035_raw_chunks" in migrate(older)
        assert migrate(older) == []
        before = stored(older)
        assert len(before) == 10 * DAYS
        there = where(older)
        expected = {"sample_gauge_before": 10, "sample_gauge_rest": 20} if plain(older) else dict.fromkeys(there, 10)
        assert there == expected
        list(add_chunks(older))
        commit(older, speeds(5, START_US + 9 * DAY_US), START_US + 9 * DAY_US + HOUR_US)
        forget(older, timedelta(days=7), timedelta(days=1096))
        assert len(where(older)) == DAYS
        assert stored(older) == [*before[10:], *stored(older)[-5:]]


@pytest.mark.usefixtures("migrated_template")  # which makes the groups
def test_chunks_of_a_database_that_no_superuser_migrated_are_looked_after(
    empty_database: Callable[[str], str], postgres_server: str
) -> None:
    dsn = empty_database("template0")
    name = str(conninfo_to_dict(dsn)["dbname"])
    boss, keeper = f"boss_{name}", f"keeper_{name}"
    with connect(postgres_server) as server, connect(dsn) as superuser:
        server.execute(f"create role {boss} login createrole password 'boss' in role stanok_owner".encode())
        server.execute(f"alter database {name} owner to {boss}".encode())
        if ask(superuser).installable:
            superuser.execute("create extension timescaledb")
        try:
            with connect(make_conninfo(dsn, user=boss, password="boss")) as connection:
                migrate(connection)
                fill(connection)
            set_login(superuser, keeper, "maintenance", [], "keeper")
            with connect(make_conninfo(dsn, user=keeper, password="keeper")) as maintenance:
                list(add_chunks(maintenance))
                with superuser.transaction():
                    superuser.execute("update stanok.engine_state set tick_time = tick_time + interval '9 days'")
                assert len(list(index_chunks(maintenance))) >= len(EVENTS) - 1
                forget(maintenance, timedelta(days=7), timedelta(days=1096))
                assert len(where(maintenance)) == DAYS
        finally:
            for role in (boss, keeper):
                superuser.execute(f"reassign owned by {role} to current_user; drop owned by {role}".encode())
                server.execute(f"alter database {name} owner to current_user; drop owned by {role}".encode())
                server.execute(f"drop role if exists {role}".encode())
