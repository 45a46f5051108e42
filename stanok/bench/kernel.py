"""How fast the compiled fold and the ordering before it are on one core, beside what a plant would build itself.

The workload is fixed (seeded): machines with ten signals and five samples a second, a state change every 20 s, a part a
minute, spindle and feed that cut and travel in turns, full accounting on. Some minutes of it are made and repeated with
later times and counts until the span is full, so that an hour of a thousand machines fits into memory.

What limits is measured in the same run, by leaving things out: `fold_16k` names nanoseconds of a sample that changes
nothing between its gates, of one that changes what is known, and of a word, a count or a program; `fold_100` stands
beside its calls alone, which then find nothing to do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engine.fold import Fold
from core.engine.kernel import fold_samples
from core.engine.state import STATE
from core.plant.behaviour import Behaviour
from core.plant.model import Break, Machine, PartProgram, Plant, Shift, Site, Source
from core.samples.batch import SampleBatch
from core.samples.order import Columns, canonical_order, columns_of
from core.units import HOUR_US, MINUTE_US, SECOND_US
from stanok.bench.report import Figure

MACHINES = 1000
RATE_HZ = 5
"""Samples a second of one machine."""
BEGIN_US = 1_767_592_800_000_000 // MINUTE_US * MINUTE_US
SPAN_US = HOUR_US
PIECE_US = 4 * MINUTE_US
"""What is made at once and repeated; a multiple of every period in it."""
SEED = 1

_STATE_US = 20 * SECOND_US
_CUT_US = 4 * SECOND_US
_PART_US = 60 * SECOND_US
_MIX = {
    "spindle.1.speed": 0.25,
    "spindle.1.load": 0.25,
    "feed.1.rate": 0.20,
    "power.active": 0.25,
    "feed.1.override": 0.02,
    "spindle.1.override": 0.01,
    "ctrl.mode": 0.01,
    "prog.name": 0.01,
}
"""Shares of signals beside the changes of `ctrl.execution` and the counts of `part.total`."""


def bench_plant(machines: int = MACHINES) -> Plant:
    """Machines in one shift pattern, with a taught load in air."""
    shift = Shift("1", frozenset(range(7)), 360, 840, (Break(600, 630),))
    signals: dict[str, dict[str, str]] = {name: {} for name in (*_MIX, "ctrl.execution", "part.total")}
    ways = Behaviour(idle_load=((8000.0, 10.0),))
    return Plant(
        "bench",
        (Site("s", "s", "Europe/Minsk", (shift,)),),
        (Source("src", "mqtt", 2 * SECOND_US, {}),),
        tuple(Machine(f"s/m{n}", "", 0, "", 0, signals, {}, 1.2, ways) for n in range(machines)),
        (PartProgram("P", 60 * SECOND_US),),
        b"bench",
    )


def bench_batch(plant: Plant, samples: int | None = None) -> SampleBatch:
    """The first piece of the workload in the order of event times, at most so many samples of it."""
    rng, machines = np.random.default_rng(SEED), len(plant.machines)
    phase = rng.integers(0, 2 * _STATE_US, machines)
    events = [_regular(plant, phase, "ctrl.execution", _STATE_US), _regular(plant, phase, "part.total", _PART_US)]
    rest = machines * RATE_HZ * PIECE_US // SECOND_US - sum(map(len, events))
    kind = rng.choice(len(_MIX), rest, p=list(_MIX.values()))
    gauges = np.empty(rest, _ROW)
    gauges["event_us"] = rng.integers(0, PIECE_US, rest)
    gauges["machine"] = rng.integers(0, machines, rest)
    gauges["signal"] = np.array([plant.signal_index[name] for name in _MIX])[kind]
    gauges["value"] = _values(rng, kind, gauges["event_us"] + phase[gauges["machine"]])
    rows = np.concatenate([*events, gauges])
    rows = rows[np.argsort(rows["event_us"], kind="stable")][:samples]
    count, program = len(rows), plant.signal_index["prog.name"]
    columns: dict[str, NDArray[Any]] = {
        "event_us": BEGIN_US + rows["event_us"],
        "machine": rows["machine"],
        "signal": rows["signal"],
        "value": rows["value"],
        "raw": np.full(count, -1),
        "text": np.where(rows["signal"] == program, 0, -1),
        "quality": np.zeros(count),
        "flags": np.zeros(count),
        "seq": np.arange(count),
        "received_us": BEGIN_US + rows["event_us"],
    }
    return SampleBatch.of(columns, ("P",))


_SMALL, _LARGE = 100, 16_384
"""Samples of a chunk: a quiet second of some machines, and what a commit or a repair takes at once."""

_ROW = np.dtype([("event_us", "<i8"), ("machine", "<i4"), ("signal", "<i2"), ("value", "<f8")])


def _regular(plant: Plant, phase: NDArray[np.int64], name: str, period_us: int) -> NDArray[np.void]:
    """A signal that changes once a period: the state alternates between active and interrupted, a counter rises."""
    number = np.arange(PIECE_US // period_us)
    at = (number[None, :] + 1) * period_us - phase[:, None] % period_us - 1
    rows = np.empty(at.size, _ROW)
    rows["event_us"] = at.ravel()
    rows["machine"] = np.repeat(np.arange(len(phase)), len(number))
    rows["signal"] = plant.signal_index[name]
    after = (at + 1 + phase[:, None]).ravel()
    rows["value"] = after // period_us % 2 if name == "ctrl.execution" else np.tile(number, len(phase))
    return rows


def _values(rng: np.random.Generator, kind: NDArray[np.int64], age_us: NDArray[np.int64]) -> NDArray[np.float64]:
    """Gauges of machines that are so far into their cycle: they stand still, travel, or cut."""
    names, noise = list(_MIX), rng.random(len(kind))
    active = age_us // _STATE_US % 2 == 0
    cut = active & (age_us // _CUT_US % 2 == 0)
    value = np.zeros(len(kind))
    for name, found in {
        "spindle.1.speed": np.where(active, 3000 + 50 * noise, 0.0),
        "spindle.1.load": np.where(cut, 35 + 20 * noise, np.where(active, 3 + 2 * noise, 0.0)),
        "feed.1.rate": np.where(active, 400 + 100 * noise, 0.0),
        "power.active": np.where(cut, 6000 + 900 * noise, 900 + 50 * noise),
        "feed.1.override": np.where(noise < 0.8, 100.0, 90.0),
        "spindle.1.override": np.full(len(kind), 100.0),
    }.items():
        value = np.where(kind == names.index(name), found, value)
    return value


_Pieces = Iterator[Columns]


class Workload:
    """The whole span as pieces of columns, made one after the other."""

    def __init__(self, plant: Plant, span_us: int, samples: int | None = None) -> None:
        self.batch = bench_batch(plant, samples)
        self._columns = columns_of(self.batch, Fold(plant).tables(BEGIN_US + SPAN_US))
        self._counts = self.batch.signal == plant.signal_index["part.total"]
        self._pieces = max(1, span_us // PIECE_US)
        self.samples = self._pieces * len(self.batch)

    def pieces(self, which: NDArray[np.bool_] | None = None, value: NDArray[np.float64] | None = None) -> _Pieces:
        """All pieces; of them only some samples, or with other values."""
        columns, counts = self._columns, self._counts
        if value is not None:
            columns = replace(columns, value=value)
        if which is not None:
            columns, counts = columns.take(which), counts[which]
        for piece in range(self._pieces):
            later = columns.event_us + piece * PIECE_US
            yield replace(columns, event_us=later, value=columns.value + counts * (piece * PIECE_US // _PART_US))


def measure(samples: int | None = None, span_us: int = SPAN_US) -> Iterator[Figure]:
    """`fold_100`, `fold_16k` (also with few and many machines), `order_16k` in samples/s, `first_call_cached` in s.

    `samples` cuts the piece that is repeated: for tests.
    """
    plant = bench_plant()
    work = Workload(plant, span_us, samples)
    conditions = {
        "machines": MACHINES, "samples": work.samples, "threads": 1, "span_s": span_us // SECOND_US,
        "state_bytes": STATE.itemsize,
    }  # fmt: skip
    columns = next(work.pieces())
    peers = {
        "numpy copy": len(columns) / _seconds(lambda: _copy(columns)),
        "polars": _peer(plant, work.batch, _polars),
        "pandas": _peer(plant, work.batch, _pandas),
    }
    seconds = {size: min(_fold_seconds(plant, work.pieces(), size) for _ in (1, 2)) for size in (_SMALL, _LARGE)}
    calls = {"its calls alone": _SMALL / _call_seconds(plant, columns)}
    yield Figure("kernel", "fold_100", work.samples / seconds[_SMALL], "samples/s", {**peers, **calls}, conditions)
    spent = _spent(plant, work, seconds[_LARGE])
    found = {**conditions, "ns a sample": spent}
    yield Figure("kernel", "fold_16k", work.samples / seconds[_LARGE], "samples/s", peers, found)
    for machines in (10, 10_000):
        yield _scale(machines, span_us if samples is None else PIECE_US, samples)
    yield _order(columns, conditions)
    limit = {"numba, a function of one line": _first_call(_LIMIT)}
    yield Figure(
        "kernel", "first_call_cached", _first_call(_FIRST), "s", limit, {"process": "new, compiled code cached"}
    )


def _scale(machines: int, span_us: int, samples: int | None) -> Figure:
    """The same for few or many machines, over a span that gives about as many samples."""
    plant = bench_plant(machines)
    work = Workload(plant, max(PIECE_US, span_us * MACHINES // machines // 4), samples)
    seconds = min(_fold_seconds(plant, work.pieces(), _LARGE) for _ in (1, 2))
    conditions = {"machines": machines, "samples": work.samples, "threads": 1}
    return Figure("kernel", f"fold_16k_{machines}_machines", work.samples / seconds, "samples/s", {}, conditions)


def _order(columns: Columns, conditions: dict[str, Any]) -> Figure:
    parts = list(_cut(columns, _LARGE))
    full_sort = len(columns) / _seconds(lambda: [np.lexsort((p.seq, p.rank, p.event_us, p.machine)) for p in parts])
    ordering = len(columns) / _seconds(lambda: [canonical_order(part) for part in parts])
    return Figure("kernel", "order_16k", ordering, "samples/s", {"numpy lexsort, four keys": full_sort}, conditions)


def _begun(plant: Plant) -> Fold:
    fold = Fold(plant)
    for machine in range(len(plant.machines)):
        fold.begin(machine, BEGIN_US)
    return fold


def _cut(columns: Columns, size: int) -> Iterator[Columns]:
    """Columns in chunks, as views."""
    arrays = list(vars(columns).values())
    for at in range(0, len(columns), size):
        yield Columns(*(array[at : at + size] for array in arrays))


def _fold_seconds(plant: Plant, pieces: _Pieces, size: int) -> float:
    """From fresh states; taking the rows out is part of it, making the samples is not."""
    fold, spent = _begun(plant), 0.0
    fold.tables(BEGIN_US + SPAN_US)
    for piece in pieces:
        parts = list(_cut(piece, size))
        started = time.perf_counter()
        for part in parts:
            fold.fold(part)
        fold.take()
        spent += time.perf_counter() - started
    return spent


def _spent(plant: Plant, work: Workload, whole_s: float) -> dict[str, float]:
    """What samples cost by what they do [ns], from folds of gauges alone: as they are, and all of one value.

    A gauge changes what is known where its machine begins or ceases to turn, to feed or to cut. Closing the minutes of
    all machines is part of the first figure.
    """
    batch = work.batch
    gauge = np.isin(batch.signal, [plant.signal_index[name] for name in _GATED])
    repeats = work.samples // len(batch)
    gauges, others = repeats * int(gauge.sum()), repeats * int((~gauge).sum())
    changing = repeats * _changes(batch, gauge)
    as_they_are = min(_fold_seconds(plant, work.pieces(gauge), _LARGE) for _ in (1, 2))
    steady = np.where(gauge, 0.0, batch.value)
    alike = min(_fold_seconds(plant, work.pieces(gauge, steady), _LARGE) for _ in (1, 2))
    quiet_s = alike / gauges
    return {
        "a gauge between its gates": round(quiet_s * 1e9, 1),
        "a gauge that changes what is known": round(((as_they_are - alike) / max(1, changing) + quiet_s) * 1e9, 1),
        "a word, a count, a program": round((whole_s - as_they_are) / max(1, others) * 1e9, 1),
        "share of changing gauges": round(changing / work.samples, 3),
        "share of words and counts": round(others / work.samples, 3),
    }


def _changes(batch: SampleBatch, gauge: NDArray[np.bool_]) -> int:
    """Gauges that stand beside their gate otherwise than the one before."""
    order = np.lexsort((batch.event_us[gauge], batch.signal[gauge], batch.machine[gauge]))
    who = (batch.machine[gauge].astype(np.int64) << 16 | batch.signal[gauge])[order]
    level = np.digitize(batch.value[gauge][order], _LEVELS)
    return int(((who[1:] == who[:-1]) & (level[1:] != level[:-1])).sum())


_GATED = ("spindle.1.speed", "spindle.1.load", "feed.1.rate", "power.active")
_LEVELS = (0.1, 20.0, 2000.0)
"""Between standing still, travelling and cutting in every gauge of `_values`."""


def _call_seconds(plant: Plant, columns: Columns) -> float:
    """A call of the compiled fold that starts at the end of its chunk and so does nothing."""
    fold, used, out = _begun(plant), np.zeros(8, "i8"), np.zeros(8, "i8")
    t, parts = fold.tables(BEGIN_US + SPAN_US), list(_cut(columns, _SMALL))

    def work() -> None:
        for c in parts:
            fold_samples(
                fold.states, len(c), c.machine, c.event_us, c.role, c.channel, c.value, c.key, c.quality, c.flags,
                t.machines, t.segments, t.programs, out, used,
            )  # fmt: skip

    work()
    return _seconds(work) / len(parts)


def _seconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def _copy(columns: Columns) -> list[object]:
    return [column.copy() for column in vars(columns).values()]


def _peer(plant: Plant, batch: SampleBatch, way: Callable[[dict[str, Any], int], Callable[[], object] | None]) -> float:
    """Samples/s of a do-it-yourself way: time per minute and execution word by a forward fill and a group-by.

    Only part of what the fold does (no calendar, gaps, counters or spindle); nothing if the library is not installed.
    """
    columns = {"machine": batch.machine, "signal": batch.signal, "event": batch.event_us, "value": batch.value}
    work = way(columns, plant.signal_index["ctrl.execution"])
    return 0.0 if work is None else len(batch) / _seconds(work)


def _polars(columns: dict[str, Any], execution: int) -> Callable[[], object] | None:
    try:
        import polars as pl
    except ImportError:
        return None
    frame = pl.DataFrame(columns)

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

    return work


def _pandas(columns: dict[str, Any], execution: int) -> Callable[[], object] | None:
    try:
        import pandas as pd
    except ImportError:
        return None
    frame = pd.DataFrame(columns)

    def work() -> object:
        rows = frame.sort_values(["machine", "event"], kind="stable")
        machine = rows.groupby("machine", sort=False)
        rows["state"] = rows["value"].where(rows["signal"] == execution).groupby(rows["machine"], sort=False).ffill()
        rows["spent"] = machine["event"].shift(-1) - rows["event"]
        rows["minute"] = rows["event"] // MINUTE_US
        return rows.groupby(["machine", "minute", "state"], sort=False)["spent"].sum()

    return work


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
_LIMIT = """
import time, numpy as np
from stanok.compiled import keep_compiled_code
keep_compiled_code()
from core.engine.outputs import room
used = np.zeros(8, "i8")
called = time.perf_counter()
room(used, 0, 1)
print(time.perf_counter() - called)
"""
"""What numba takes for the first call of any function, here one of a single line, also if its code is cached."""


def _first_call(script: str) -> float:
    """Seconds of the first call in a new process whose compiled code is in the cache."""
    command = [sys.executable, "-c", script]
    found = [
        float(subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ).stdout)
        for _ in (1, 2)
    ]
    return min(found)
