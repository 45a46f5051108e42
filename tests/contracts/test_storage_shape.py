"""What retention will lean on: where raw rows lie, that old ones can go at once, and that the rest stays readable."""

from __future__ import annotations

import pytest

from core.samples.batch import SampleBatch
from core.units import DAY_US, HOUR_US, datetime_from_us
from storage.pg import samples
from storage.pg.capability import Timescale, ask
from storage.pg.commit import Store
from storage.pg.connect import Connection
from storage.pg.plant import load_plant
from storage.pg.retention import add_chunks
from tests.storage.pg_changes import PLANT, SPOOL, START_US, make_changes, raw_of, speeds

DAYS = 3
RAW = ("sample_event", "sample_gauge", "sample_block")


@pytest.fixture
def filled(emptied: Connection) -> Connection:
    """A few gauge samples at the same hour of three days."""
    load_plant(emptied, PLANT, START_US)
    store = Store(emptied, PLANT)
    store.take_ownership([SPOOL])
    batch = SampleBatch.concat([speeds(10, START_US + day * DAY_US) for day in range(DAYS)])
    store.commit(make_changes(1, raw=raw_of(batch)))
    return emptied


def plain(connection: Connection) -> bool:
    return ask(connection).timescale == Timescale.NONE


def chunks(connection: Connection) -> int:
    row = connection.execute("select count(*) from timescaledb_information.chunks").fetchone()
    assert row is not None
    return int(row[0])


def forget_raw(connection: Connection, before_us: int) -> None:
    """Take raw rows away as the server does it best."""
    before = datetime_from_us(before_us)
    for table in RAW:
        if plain(connection):
            connection.execute(f"delete from stanok.{table} where event_time < %s".encode(), [before])
        else:
            connection.execute("select drop_chunks(%s::text::regclass, %s)", [f"stanok.{table}", before])


def test_raw_tables_are_cut_by_time(filled: Connection) -> None:
    """By TimescaleDB in chunks of six hours; else in partitions (test_storage_chunks.py)."""
    if plain(filled):
        found = filled.execute(
            "select relname from pg_class where relkind = 'p' and relnamespace = 'stanok'::regnamespace"
        ).fetchall()
        assert sorted(name for (name,) in found) == sorted(RAW)
        return
    found = filled.execute(
        "select hypertable_name, time_interval from timescaledb_information.dimensions"
        " where hypertable_schema = 'stanok' order by 1"
    ).fetchall()
    assert [(name, length.total_seconds()) for name, length in found] == [(name, 6 * 3600) for name in sorted(RAW)]
    assert chunks(filled) == DAYS


def test_hot_raw_rows_have_one_index_and_that_is_no_b_tree_but_blocks_have_both(filled: Connection) -> None:
    """The tables themselves, and their chunks, which repeat the indexes of their table."""
    list(add_chunks(filled))
    found = filled.execute(
        "select i.tablename, i.indexdef from pg_indexes i where i.tablename = any (%s) or i.schemaname = 'stanok_raw'",
        [list(RAW)],
    ).fetchall()
    kinds: dict[str, list[str]] = {}
    for table, definition in found:
        kinds.setdefault(table, []).append(definition.split(" USING ")[1].split(" ")[0])
    assert set(kinds) >= set(RAW)
    for table, indexes in kinds.items():
        blocks = table == "sample_block" or "btree" in indexes
        assert sorted(indexes) == (["brin", "btree"] if blocks else ["brin"]), (table, indexes)
    assert sum("btree" in indexes for indexes in kinds.values()) >= 1 + DAYS


def test_old_raw_rows_go_and_the_rest_reads_as_before(filled: Connection) -> None:
    before = samples.raw_rows(filled, PLANT, samples.Window({0: 0, 1: 0}))
    limit_us = START_US + DAY_US + 12 * HOUR_US
    forget_raw(filled, limit_us)
    after = samples.raw_rows(filled, PLANT, samples.Window({0: 0, 1: 0}))
    kept = before.batch.take(before.batch.event_us >= limit_us)
    assert 0 < len(after.batch) < len(before.batch)
    assert after.batch.event_us.tolist() == kept.event_us.tolist()
    assert after.batch.value.tolist() == kept.value.tolist()


def test_a_row_from_long_ago_is_taken_after_its_time_was_forgotten(filled: Connection) -> None:
    forget_raw(filled, START_US + DAYS * DAY_US)
    assert len(samples.raw_rows(filled, PLANT, samples.Window({0: 0, 1: 0})).batch) == 0
    store = Store(filled, PLANT)
    store.take_ownership([SPOOL])
    store.commit(make_changes(2, raw=raw_of(speeds(4), 2)))
    assert len(samples.raw_rows(filled, PLANT, samples.Window({0: 0, 1: 0})).batch) == 4
