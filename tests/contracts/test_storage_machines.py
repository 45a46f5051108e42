"""The hot samples of one machine are found without reading those of all, by whatever index they have."""

from __future__ import annotations

from core.engine.stream import Stream
from stanok.bench.history import SPOOL, commits
from stanok.bench.kernel import BEGIN_US, bench_plant
from storage.pg import samples
from storage.pg.commit import Store
from storage.pg.connect import Connection
from storage.pg.plant import load_plant

MACHINES, SAMPLES, COMMITS = 200, 10_000, 20


def pages(connection: Connection, table: str) -> int:
    row = connection.execute(
        "select sum(pg_relation_size(inhrelid)) / 8192 from pg_inherits where inhparent = %s::text::regclass", [table]
    ).fetchone()
    assert row is not None
    return int(row[0])


def pages_read(connection: Connection, table: str, machine: int) -> int:
    """Pages, also of indexes, that a query of one machine looks into."""
    row = connection.execute(
        "explain (analyze, buffers, format json)"
        f" select from {table} where machine_id = %s and event_time >= %s".encode(),
        [machine, "2026-01-01"],
    ).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def test_the_samples_of_one_machine_are_read_without_those_of_the_others(emptied: Connection) -> None:
    plant = bench_plant(MACHINES)
    load_plant(emptied, plant, BEGIN_US)
    store, stream = Store(emptied, plant), Stream(plant, [SPOOL])
    store.take_ownership([SPOOL])
    for changes in commits(stream, SAMPLES, COMMITS):
        store.commit(changes)
    store.summarize()
    for table in ("stanok.sample_block", "stanok.sample_event"):
        emptied.execute(f"analyze {table}".encode())
        assert 0 < pages_read(emptied, table, plant.machines[7].id) < pages(emptied, table) / 2
    alone = samples.raw_rows(emptied, plant, samples.Window({7: BEGIN_US}))
    every = samples.raw_rows(emptied, plant, samples.Window(dict.fromkeys(range(MACHINES), BEGIN_US)))
    assert alone.batch.value.tolist() == every.batch.value[every.batch.machine == 7].tolist()
    assert len(every.batch) == SAMPLES * COMMITS
    store.summarize()
