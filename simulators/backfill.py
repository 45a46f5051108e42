"""The past of a scenario as spool rows, as if its sources had been collected without any disturbance.

Invariants: every sample of [from_us, to_us) is in exactly one row of its source; rows of a source rise in time; each
step ends with a heartbeat of the source's machines at the step's end, the very last one at exactly `to_us`.
Received times are the ends of the steps: the collector is imagined to have stored each step at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.plant.model import Plant, Source
from core.samples.batch import SampleBatch
from core.samples.records import Heartbeat, RowKind, SpoolRow, pack_heartbeat, pack_samples
from core.units import HOUR_US
from core.vocabulary import ClockChoice, Quality
from simulators.scenario import Scenario
from simulators.signals import Signals, Stream

_NUMBERED = frozenset({"mqtt"})
"""Protocols whose samples carry the machine's own sequence; OPC UA numbers notifications, not samples."""


def backfill(
    plant: Plant,
    scenario: Scenario,
    from_us: int,
    to_us: int,
    step_us: int = HOUR_US,
    signals: Signals | None = None,
) -> Iterator[list[SpoolRow]]:
    """Rows of each step of [from_us, to_us), all sources; `signals` may be given to draw the truth only once.

    Start where the scenario begins: a window that starts later has changes only, and what held before is not told.
    """
    signals = signals or Signals(plant, scenario)
    for begin_us in range(from_us, to_us, step_us):
        end_us = min(begin_us + step_us, to_us)
        rows: list[SpoolRow] = []
        for source in plant.sources:
            rows += _source_rows(signals, source, begin_us, end_us)
        yield rows


def _source_rows(signals: Signals, source: Source, from_us: int, to_us: int) -> Iterator[SpoolRow]:
    plant, machines = signals.plant, signals.plant.machines_of(source.name)
    numbered = source.protocol in _NUMBERED
    batch = SampleBatch.concat(
        _machine_batch(plant, signals.streams[machine], from_us, to_us, numbered) for machine in machines
    )
    if len(batch):
        payload = pack_samples(batch.take(np.argsort(batch.event_us, kind="stable")))
        yield SpoolRow(RowKind.SAMPLES, source.name, plant.hash, to_us, payload)
    if machines:
        beat = Heartbeat(np.array(machines, "<i4"), np.full(len(machines), to_us, "<i8"))
        yield SpoolRow(RowKind.HEARTBEAT, source.name, plant.hash, to_us, pack_heartbeat(beat))


def _machine_batch(plant: Plant, stream: Stream, from_us: int, to_us: int, numbered: bool) -> SampleBatch:
    """A machine's samples as the collectors decode them: words as codes, switches as 0 and 1, texts by index."""
    cut = stream.columns(from_us, to_us)
    size = len(cut.event_us)
    is_text = stream.is_text[cut.signal]
    columns: dict[str, NDArray[np.generic]] = {
        "event_us": cut.event_us,
        "machine": np.full(size, stream.machine, "<i4"),
        "signal": np.array([plant.signal_index[name] for name in stream.names], "<i2")[cut.signal],
        "value": np.where(is_text, np.nan, cut.value),
        "raw": np.full(size, -1, "<i4"),
        "text": np.where(is_text, cut.value, -1.0).astype("<i4"),
        "quality": np.full(size, Quality.GOOD, "u1"),
        "flags": np.full(size, ClockChoice.SOURCE, "<u2"),
        "seq": cut.seq if numbered else np.full(size, -1, "<i8"),
        "received_us": np.full(size, to_us, "<i8"),
    }
    return SampleBatch.of(columns, stream.texts)
