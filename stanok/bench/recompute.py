"""Stored samples folded again, from database to database, by the very steps of a running engine's repair.

`samples_refolded`: raw rows read back, ordered, folded hour by hour, and all results replaced in one commit. The facts
have to be the same rows afterwards. `restart`: from an empty process to where the last commit stood: newest snapshots,
raw rows since then, gaps and frontiers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.engine.fold import CODE_VERSION
from core.engine.repair import RepairJob
from core.engine.stream import Stream
from core.errors import BrokenPromise
from core.plant.model import Plant
from core.units import FAR_US
from stanok.bench.history import SPOOL, commits, fresh_stream
from stanok.bench.kernel import BEGIN_US, RATE_HZ, bench_plant
from stanok.bench.report import Figure
from stanok.bench.servers import a_database
from stanok.pipeline import resume
from storage.pg.commit import Store
from storage.pg.connect import Connection, connect
from storage.pg.migrate import migrate
from storage.pg.past import PgPast
from storage.pg.plant import load_plant
from storage.pg.requests import ask_again

MACHINES = 100
CHUNK = 50_000
CHUNKS = 80
"""Four million samples: two hours and a quarter of these machines."""

_FACTS = (
    "select count(*), md5(string_agg(f::text, '|' order by f::text)) from (select * from stanok.fact_minute"
    " where not open) f"
)


def measure(
    database: str | None, *, machines: int = MACHINES, chunk: int = CHUNK, chunks: int = CHUNKS
) -> Iterator[Figure]:
    """The figures, in a database that is made on the given server and dropped; else on an embedded server."""
    plant = bench_plant(machines)
    with ExitStack() as house:
        directory = Path(house.enter_context(TemporaryDirectory(prefix="stanok-bench-")))
        directory.chmod(0o755)  # as root the database server runs as another user
        connection = house.enter_context(connect(a_database(database, directory, house), "stanok bench"))
        migrate(connection)
        load_plant(connection, plant, BEGIN_US)
        store, stream = Store(connection, plant), fresh_stream(plant)
        store.take_ownership([SPOOL])
        for changes in commits(stream, chunk, chunks):
            store.commit(changes)
        conditions = {
            "machines": machines,
            "samples a second": machines * RATE_HZ,
            "samples": chunk * chunks,
            "server": _server(connection),
        }
        yield _refold(connection, plant, store, stream, conditions)
        yield _restart(connection, plant, conditions)


def _server(connection: Connection) -> str:
    row = connection.execute("show server_version").fetchone()
    return f"PostgreSQL {row[0]}" if row else "PostgreSQL"


def _refold(connection: Connection, plant: Plant, store: Store, stream: Stream, conditions: dict[str, Any]) -> Figure:
    before = connection.execute(_FACTS).fetchone()
    ask_again(connection, plant, BEGIN_US, FAR_US, range(len(plant.machines)))
    begin = time.perf_counter()
    job = RepairJob(plant, PgPast(connection, plant, CODE_VERSION), stream.begin_us)
    while job.hour(stream.settled):
        pass
    refolded = job.finish(stream.settled)
    folded = time.perf_counter()
    stream.adopt(refolded, job.upto)
    store.commit(stream.collect(1.0))
    ended = time.perf_counter()
    if connection.execute(_FACTS).fetchone() != before:
        raise BrokenPromise("facts that were folded again differ from those of the stream")
    rate = int(conditions["samples"]) / (ended - begin)
    found = {**conditions, "seconds to fold": round(folded - begin, 2), "seconds to store": round(ended - folded, 2)}
    return Figure(
        "recompute", "samples_refolded", rate, "samples/s", {}, {**found, "rows of minutes": before[0] if before else 0}
    )


def _restart(connection: Connection, plant: Plant, conditions: dict[str, Any]) -> Figure:
    begin = time.perf_counter()
    resume(fresh_stream(plant), connection)
    seconds = time.perf_counter() - begin
    row = connection.execute(
        "select (select count(*) from stanok.sample where event_time >= hour)"
        " from (select max(hour) as hour from stanok.machine_snapshot) newest"
    ).fetchone()
    return Figure(
        "recompute", "restart", seconds, "s", {}, {**conditions, "samples since the snapshots": row[0] if row else 0}
    )
