"""What the engine would commit for the benchmarks' machines: `Changes` made beforehand by the real stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from core.engine.stream import Stream
from core.facts.schema import Changes
from core.plant.model import Plant
from core.samples.batch import SampleBatch
from core.samples.records import RowKind, StoredRow, Tick, pack_samples, pack_tick
from stanok.bench.kernel import PIECE_US, bench_batch

SPOOL = "bench"
_PARTS = PIECE_US // 60_000_000
"""Parts that the counter of a machine rises by in a piece: one a minute."""


def pieces(plant: Plant) -> Iterator[SampleBatch]:
    """The workload of the kernel's benchmark, piece after piece, without end."""
    batch = bench_batch(plant)
    counts = batch.signal == plant.signal_index["part.total"]
    for piece in range(1_000_000):
        later = piece * PIECE_US
        yield replace(
            batch,
            event_us=batch.event_us + later,
            received_us=batch.received_us + later,
            value=batch.value + counts * (piece * _PARTS),
            seq=batch.seq + piece * len(batch),
        )


def commits(stream: Stream, samples: int, count: int) -> Iterator[Changes]:
    """So many commits of so many samples each, as the engine makes them; ticks follow the samples."""
    plant = stream.plant
    batches = chunks(plant, samples)
    for record in range(1, 2 * count, 2):
        batch = next(batches)
        now_us = int(batch.received_us.max())
        for number, kind, payload in (
            (record, RowKind.SAMPLES, pack_samples(batch)),
            (record + 1, RowKind.TICK, pack_tick(Tick(now_us, {SPOOL: record}))),
        ):
            row = StoredRow(number, kind, plant.sources[0].name, plant.hash, now_us, payload)
            stream.take_row(SPOOL, row, 1.0, judge=False)
        yield stream.collect(1.0)


def fresh_stream(plant: Plant) -> Stream:
    """A stream that expects rows of SPOOL."""
    return Stream(plant, [SPOOL])


def chunks(plant: Plant, samples: int) -> Iterator[SampleBatch]:
    """The workload in batches of so many samples, without end."""
    left = SampleBatch.empty()
    for piece in pieces(plant):
        left = SampleBatch.concat([left, piece])
        at = 0
        while len(left) - at >= samples:
            yield left.take(np.arange(at, at + samples))
            at += samples
        left = left.take(np.arange(at, len(left)))
