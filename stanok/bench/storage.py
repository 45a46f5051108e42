"""How fast the engine's whole transaction is beside the ways to write that one would try first, and what rows weigh.

`commit_rows`: samples, most of them in blocks, with their facts, intervals, live rows and the cursor,
`synchronous_commit` on, in commits of 10 000 samples of 100 machines, made beforehand by the real stream; encoding is
measured, folding is not. As an engine that has much to commit: the samples of the next commit go ahead. `one after the
other`: as one that has not. `bare copy`: the same samples, each a row, in the same commits, by the same binary COPY
into a table (hypertable where there is TimescaleDB) without any index, and nothing else. `row-wise copy`,
`executemany`: psycopg's own ways into such a table. A row is a sample in all of them.
`read_rows`: samples back into numpy columns, as a restart and a repair read them. `copy thrown away`: what the server
gives through one connection to somebody who keeps nothing.
Rounds of each way alternate; each figure is the median of its rounds: a busy machine slows both.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from psycopg import sql

from core.facts.schema import Changes
from core.plant.model import Plant
from core.units import HOUR_US, datetime_from_us
from stanok.bench.history import SPOOL, commits, fresh_stream
from stanok.bench.kernel import BEGIN_US, bench_plant
from stanok.bench.report import Figure
from stanok.bench.servers import a_database
from storage.pg import blocks, samples
from storage.pg.capability import Timescale, ask
from storage.pg.commit import Store
from storage.pg.connect import Connection, connect
from storage.pg.copying import copy_in, copying_out
from storage.pg.migrate import migrate
from storage.pg.plant import load_plant
from storage.pg.pulling import pulled
from storage.pg.writing import Writer

MACHINES = 100
CHUNK = 10_000
CHUNKS = 200
ROUNDS = 5
SLOW_ROWS = 20_000
"""Rows for the ways that take ten times as long."""
YEAR_HOURS = 8766
_A_YEAR = {
    "fact_hour": YEAR_HOURS,
    "fact_shift": YEAR_HOURS / 24,
    "fact_day": YEAR_HOURS / 24,
    "state_interval": None,
    "program_interval": None,
    "data_gap": None,
}
"""Rows of one machine and year: of one program and one shift a day; of intervals as many as end in what is measured."""
_PEERS = ("bench_bare", "bench_rowwise", "bench_executemany")


def measure(
    database: str | None, *, machines: int = MACHINES, chunk: int = CHUNK, chunks: int = CHUNKS
) -> Iterator[Figure]:
    """The figures, on the given server, in a database that is made for it and dropped; else on an embedded server."""
    plant = bench_plant(machines)
    with ExitStack() as house:
        directory = Path(house.enter_context(TemporaryDirectory(prefix="stanok-bench-")))
        directory.chmod(0o755)  # as root the database server runs as another user
        connection = house.enter_context(connect(a_database(database, directory, house), "stanok bench"))
        migrate(connection)
        load_plant(connection, plant, BEGIN_US)
        conditions = {"database": _version(connection), "machines": machines, "rows a commit": chunk, "rounds": ROUNDS}
        yield from _writing(connection, plant, chunk, chunks, conditions)
        yield from _reading(connection, plant, conditions)
        yield from _sizes(connection, plant, conditions)


def _version(connection: Connection) -> str:
    row = connection.execute(
        "select split_part(current_setting('server_version'), ' ', 1), (select extversion || ' ' ||"
        " current_setting('timescaledb.license') from pg_extension where extname = 'timescaledb'),"
        " current_setting('fsync'), current_setting('synchronous_commit')"
    ).fetchone()
    assert row is not None
    timescale = f", TimescaleDB {row[1]}" if row[1] else ""
    return f"PostgreSQL {row[0]}{timescale}, fsync {row[2]}, synchronous_commit {row[3]}"


def _writing(
    connection: Connection, plant: Plant, chunk: int, chunks: int, conditions: dict[str, Any]
) -> Iterator[Figure]:
    store, bare = Store(connection, plant), _Bare(connection, plant)
    store.take_ownership([SPOOL])
    made = commits(fresh_stream(plant), chunk, chunks)
    warm = next(made)
    store.commit(warm)
    bare.copy(warm)
    rates: dict[str, list[float]] = {"commit": [], "one after the other": [], "bare copy": []}
    size = max(1, (chunks - 1) // ROUNDS)
    last: Sequence[Changes] = [warm]
    while batch := list(islice(made, size)):
        half = (len(batch) + 1) // 2
        rates["commit"].append(_rate(partial(_ahead, store), [batch[:half]], chunk * half))
        if batch[half:]:
            rates["one after the other"].append(_rate(store.commit, batch[half:], chunk))
        rates["bare copy"].append(_rate(bare.copy, batch, chunk))
        last = batch
    rows = [row for changes in last for row in bare.rows(changes)][:SLOW_ROWS]
    peers = {
        **{name: statistics.median(found) for name, found in rates.items() if name != "commit" and found},
        "row-wise copy": _rate(bare.rowwise, [rows[at : at + chunk] for at in range(0, len(rows), chunk)], chunk),
        "executemany": _rate(bare.executemany, [rows[at : at + chunk] for at in range(0, len(rows), chunk)], chunk),
    }
    rounds = {name: [round(rate) for rate in found] for name, found in rates.items()}
    yield Figure(
        "storage", "commit_rows", statistics.median(rates["commit"]), "rows/s", peers, {**conditions, "rounds": rounds}
    )


def _ahead(store: Store, batch: Sequence[Changes]) -> None:
    for changes in batch:
        store.begin(changes)
    store.finish()


def _rate(work: Callable[[Any], object], parts: Sequence[Any], chunk: int) -> float:
    begin = time.perf_counter()
    for part in parts:
        work(part)
    return len(parts) * chunk / (time.perf_counter() - begin)


class _Bare:
    """The same raw rows into tables without an index."""

    def __init__(self, connection: Connection, plant: Plant) -> None:
        self._connection = connection
        self._writer = Writer(plant)
        for name in _PEERS:
            table = sql.Identifier("stanok", name)
            connection.execute(sql.SQL("create table {} (like stanok.sample_gauge)").format(table))
            if ask(connection).timescale is not Timescale.NONE:
                connection.execute(
                    "select create_hypertable(%s::regclass, 'event_time', create_default_indexes => false,"
                    " chunk_time_interval => interval '6 hours')",
                    [f"stanok.{name}"],
                )

    def copy(self, changes: Changes) -> None:
        """One binary COPY, one transaction."""
        columns, text = self._writer.raw_columns(changes.raw)
        with self._connection.transaction():
            copy_in(self._connection, _PEERS[0], columns, changes.raw.batch.texts, text)

    def rows(self, changes: Changes) -> list[tuple[Any, ...]]:
        """The same as Python values."""
        columns, text = self._writer.raw_columns(changes.raw)
        texts = [*changes.raw.batch.texts, None]
        values = {name: column.tolist() for name, column in columns.items()}
        for name in ("event_time", "received_time"):
            values[name] = [datetime_from_us(us) for us in getattr(changes.raw.batch, _TIMES[name]).tolist()]
        return list(zip(*values.values(), [texts[index] for index in text.tolist()], strict=True))

    def rowwise(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """psycopg's write_row."""
        with (
            self._connection.transaction(),
            self._connection.cursor().copy(f"copy stanok.{_PEERS[1]} from stdin".encode()) as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def executemany(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """psycopg's executemany, which pipelines."""
        marks = ", ".join(["%s"] * len(rows[0]))
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(f"insert into stanok.{_PEERS[2]} values ({marks})".encode(), rows)


_TIMES = {"event_time": "event_us", "received_time": "received_us"}


def _reading(connection: Connection, plant: Plant, conditions: dict[str, Any]) -> Iterator[Figure]:
    window = samples.Window(dict.fromkeys(range(len(plant.machines)), BEGIN_US - HOUR_US))
    rates = []
    for _ in range(3):
        begin = time.perf_counter()
        rows = len(samples.raw_rows(connection, plant, window, [SPOOL]).batch)
        rates.append(rows / (time.perf_counter() - begin))
    peers = {"copy thrown away": max(_thrown_away(connection, rows) for _ in rates)}
    found = {**conditions, "rows": rows, "best of": len(rates)}
    yield Figure("storage", "read_rows", max(rates), "rows/s", peers, found)


def _thrown_away(connection: Connection, rows: int) -> float:
    """Rows a second of a COPY of the same columns through one connection, of which nothing is kept."""
    begin = time.perf_counter()
    for table, columns in (("sample_event", [*samples.ROW, "text"]), (blocks.TABLE, blocks.COLUMNS)):
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        with copying_out(connection, sql.SQL("select {} from {}").format(names, sql.Identifier("stanok", table))):
            deque(pulled(connection), maxlen=0)
    return rows / (time.perf_counter() - begin)


def _sizes(connection: Connection, plant: Plant, conditions: dict[str, Any]) -> Iterator[Figure]:
    raw = _size(connection, "sample_event") + _size(connection, blocks.TABLE)
    rows = _one(connection, "select count(*) from stanok.sample")
    yield Figure("storage", "bytes_per_sample", raw / rows, "B", {}, {**conditions, "rows": rows})
    seconds = "select extract(epoch from max(minute) - min(minute))::bigint from stanok.fact_minute"
    hours = _one(connection, seconds) / 3600
    per_table = {}
    for table, fixed in _A_YEAR.items():
        connection.execute(f"vacuum full stanok.{table}".encode())  # what it settles to, without dead rows
        size = _one(connection, f"select pg_total_relation_size('stanok.{table}')")
        a_row = size / max(1, _one(connection, f"select count(*) from stanok.{table}"))
        ended = f"select count(*) from stanok.{table} where to_time is not null"
        a_year = fixed or _one(connection, ended) / len(plant.machines) / hours * YEAR_HOURS
        per_table[table] = round(a_row * a_year)
    found = {**conditions, "hours measured": round(hours, 1), "of it": per_table}
    yield Figure("storage", "bytes_per_machine_year", sum(per_table.values()), "B", {}, found)


def _size(connection: Connection, table: str) -> int:
    if ask(connection).timescale is Timescale.NONE:
        parts = f"pg_partition_tree('stanok.{table}') where isleaf"
        return _one(connection, f"select sum(pg_total_relation_size(relid)) from {parts}")
    return _one(connection, f"select hypertable_size('stanok.{table}')")


def _one(connection: Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row and row[0] is not None else 0
