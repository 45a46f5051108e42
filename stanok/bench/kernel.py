"""How fast the compiled fold and the ordering before it are on one core, beside what a plant would build itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from core.engine.fold import Fold
from core.plant.model import Break, Machine, PartProgram, Plant, Shift, Site, Source
from core.samples.batch import SampleBatch
from core.samples.order import Columns, canonical_order, columns_of
from core.units import HOUR_US, MINUTE_US, SECOND_US
from stanok.bench.report import Figure

MACHINES = 1000
SAMPLES = 2_000_000
BEGIN_US = 1_767_592_800_000_000 // MINUTE_US * MINUTE_US
SPAN_US = HOUR_US
SEED = 1

_MIX = {
    "spindle.1.speed": 0.25,
    "spindle.1.load": 0.25,
    "feed.1.rate": 0.20,
    "power.active": 0.20,
    "ctrl.execution": 0.04,
    "ctrl.mode": 0.02,
    "part.total": 0.02,
    "part.scrap": 0.01,
    "prog.name": 0.01,
}
"""Shares of signals as a machining centre sends them: nine in ten are gauges."""


def bench_plant() -> Plant:
    """A thousand machines in one shift pattern."""
    shift = Shift("1", frozenset(range(7)), 360, 840, (Break(600, 630),))
    signals: dict[str, dict[str, str]] = {name: {} for name in _MIX}
    return Plant(
        "bench",
        (Site("s", "s", "Europe/Minsk", (shift,)),),
        (Source("src", "mqtt", 2 * SECOND_US, {}),),
        tuple(Machine(f"s/m{n}", "", 0, "", 0, signals, {}, 1.2) for n in range(MACHINES)),
        (PartProgram("P", 60 * SECOND_US),),
        b"bench",
    )


def bench_batch(plant: Plant, samples: int = SAMPLES) -> SampleBatch:
    """An hour of all machines in the order of arrival, times in order, values plausible."""
    rng = np.random.default_rng(SEED)
    names = list(_MIX)
    signals = np.array([plant.signal_index[name] for name in names], "i2")
    kind = rng.choice(len(names), samples, p=list(_MIX.values()))
    event = BEGIN_US + np.sort(rng.integers(0, SPAN_US, samples))
    value = rng.integers(0, 3000, samples).astype(float)
    value[kind == names.index("ctrl.execution")] %= 8
    value[kind == names.index("ctrl.mode")] = 0
    counts = np.isin(kind, [names.index("part.total"), names.index("part.scrap")])
    value[counts] = np.floor((event[counts] - BEGIN_US) / (30 * SECOND_US))
    columns = {
        "event_us": event,
        "machine": rng.integers(0, MACHINES, samples),
        "signal": signals[kind],
        "value": value,
        "raw": np.full(samples, -1),
        "text": np.where(kind == names.index("prog.name"), 0, -1),
        "quality": np.zeros(samples),
        "flags": np.zeros(samples),
        "seq": np.arange(samples),
        "received_us": event,
    }
    return SampleBatch.of(columns, ("P",))


def measure(samples: int = SAMPLES) -> Iterator[Figure]:
    """`fold_100`, `fold_16k`, `order_16k` in samples/s, `first_call_cached` in s."""
    plant = bench_plant()
    batch = bench_batch(plant, samples)
    fold = _begun(plant)
    tables = fold.tables(BEGIN_US + SPAN_US)
    columns = columns_of(batch, tables)
    conditions = {"machines": MACHINES, "samples": samples, "threads": 1, "mix": "nine in ten are gauges"}
    peers = {"numpy copy": samples / _seconds(lambda: _copy(columns)), "polars minute states": _polars(plant, batch)}
    for name, size in (("fold_100", 100), ("fold_16k", 16_384)):
        parts = [columns.take(np.arange(at, min(at + size, samples))) for at in range(0, samples, size)]
        yield Figure("kernel", name, samples / _fold_seconds(plant, parts), "samples/s", peers, conditions)
    parts = [columns.take(np.arange(at, min(at + 16_384, samples))) for at in range(0, samples, 16_384)]
    full_sort = samples / _seconds(lambda: [np.lexsort((p.seq, p.rank, p.event_us, p.machine)) for p in parts])
    ordering = samples / _seconds(lambda: [canonical_order(part) for part in parts])
    yield Figure("kernel", "order_16k", ordering, "samples/s", {"numpy lexsort, four keys": full_sort}, conditions)
    yield Figure("kernel", "first_call_cached", _first_call(), "s", {}, {"process": "new, compiled code cached"})


def _begun(plant: Plant) -> Fold:
    fold = Fold(plant)
    for machine in range(MACHINES):
        fold.begin(machine, BEGIN_US)
    return fold


def _fold_seconds(plant: Plant, parts: list[Columns]) -> float:
    """The best of three runs from fresh states; taking the rows out is part of it."""
    best = float("inf")
    for _ in range(3):
        fold = _begun(plant)
        fold.tables(BEGIN_US + SPAN_US)
        started = time.perf_counter()
        for part in parts:
            fold.fold(part)
        fold.take()
        best = min(best, time.perf_counter() - started)
    return best


def _seconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def _copy(columns: Columns) -> list[object]:
    return [column.copy() for column in vars(columns).values()]


def _polars(plant: Plant, batch: SampleBatch) -> float:
    """Samples/s of the do-it-yourself way: time per minute and execution word by a window and a group-by in polars.

    Only part of what the fold does (no calendar, gaps, counters or spindle); nothing if polars is not installed.
    """
    try:
        import polars as pl
    except ImportError:
        return 0.0
    frame = pl.DataFrame(
        {"machine": batch.machine, "signal": batch.signal, "event": batch.event_us, "value": batch.value}
    )
    execution = plant.signal_index["ctrl.execution"]

    def work() -> object:
        state = pl.when(pl.col("signal") == execution).then(pl.col("value")).forward_fill().over("machine")
        until = pl.col("event").shift(-1).over("machine")
        return (
            frame.lazy()
            .sort("machine", "event")
            .with_columns(state.alias("state"), (until - pl.col("event")).alias("spent"))
            .group_by("machine", (pl.col("event") // MINUTE_US).alias("minute"), "state")
            .agg(pl.col("spent").sum())
            .collect()
        )

    return len(batch) / _seconds(work)


_FIRST = """
import time, numpy as np
started = time.perf_counter()
from stanok.compiled import keep_compiled_code
keep_compiled_code()
from stanok.bench.kernel import bench_plant, bench_batch, _begun, BEGIN_US
from core.samples.order import columns_of
plant = bench_plant()
fold = _begun(plant)
batch = columns_of(bench_batch(plant, 100), fold.tables(BEGIN_US))
called = time.perf_counter()
fold.fold(batch)
fold.advance(np.array([0]), np.array([BEGIN_US + 1]))
print(time.perf_counter() - called)
"""


def _first_call() -> float:
    """Seconds of the first fold in a new process whose compiled code is in the cache."""
    command = [sys.executable, "-c", _FIRST]
    found = [
        float(subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ).stdout)
        for _ in (1, 2)
    ]
    return min(found)
