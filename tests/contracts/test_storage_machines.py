"""Hot samples have no B-tree, and yet those of one machine are found without reading those of all."""

from __future__ import annotations

from typing import Any

from core.engine.stream import Stream
from stanok.bench.history import SPOOL, commits
from stanok.bench.kernel import BEGIN_US, bench_plant
from storage.pg import reading
from storage.pg.commit import Store
from storage.pg.connect import Connection
from storage.pg.plant import load_plant

MACHINES, SAMPLES, COMMITS = 200, 10_000, 6


def blocks_read(node: Any) -> int:
    """Blocks of tables that a plan looked into."""
    own = node.get("Lossy Heap Blocks", 0) + node.get("Exact Heap Blocks", 0)
    if node["Node Type"] == "Seq Scan":
        own = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)  # more than there are blocks
    return int(own) + sum(map(blocks_read, node.get("Plans", ())))


def test_the_samples_of_one_machine_are_read_without_those_of_the_others(emptied: Connection) -> None:
    plant = bench_plant(MACHINES)
    load_plant(emptied, plant, BEGIN_US)
    store, stream = Store(emptied, plant), Stream(plant, [SPOOL])
    store.take_ownership([SPOOL])
    for changes in commits(stream, SAMPLES, COMMITS):
        store.commit(changes)
    store.summarize()
    emptied.execute("analyze stanok.sample_gauge")
    whole = emptied.execute(
        "select sum(pg_relation_size(inhrelid)) / 8192 from pg_inherits"
        " where inhparent = 'stanok.sample_gauge'::regclass"
    ).fetchone()
    found = emptied.execute(
        "explain (analyze, format json) select from stanok.sample_gauge where machine_id = %s and event_time >= %s",
        [plant.machines[7].id, "2026-01-01"],
    ).fetchone()
    assert whole is not None
    assert found is not None
    assert 0 < blocks_read(found[0][0]["Plan"]) < whole[0] / 20
    alone = reading.raw_rows(emptied, plant, reading.Window({7: BEGIN_US}))
    every = reading.raw_rows(emptied, plant, reading.Window(dict.fromkeys(range(MACHINES), BEGIN_US)))
    assert alone.batch.value.tolist() == every.batch.value[every.batch.machine == 7].tolist()
    assert len(every.batch) == SAMPLES * COMMITS
    store.summarize()
