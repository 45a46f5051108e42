"""A small plant and `Changes` for it, made by hand: everything empty unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import FACT, GAP_CREDIT, INTERVAL, PROGRAM_INTERVAL, Changes, RawRows
from core.plant.model import Machine, PartProgram, Plant, Shift, Site, Source
from core.samples.batch import BatchBuilder, SampleBatch
from core.units import MINUTE_US

SPOOL = "spool-a"
START_US = 1_763_800_200_000_000  # 2025-11-22T08:30:00Z
SIGNALS = ("ctrl.execution", "part.total", "prog.name", "spindle.1.speed")
PROGRAM = PartProgram("SHAFT-40", 95_000_000)

PLANT = Plant(
    enterprise="Test",
    sites=(Site("minsk", "Минск", "Europe/Minsk", (Shift("1", frozenset(range(7)), 360, 840),)),),
    sources=(Source("minsk-opcua", "opcua", 5_000_000, {"password_file": "secret"}),),
    machines=tuple(
        Machine(f"minsk/{name}", f"Станок {name}", 0, "turning", 0, dict.fromkeys(SIGNALS, ""), {}, 1.2)
        for name in ("lathe-1", "lathe-2")
    ),
    programs=(PROGRAM,),
    hash=b"\x01" * 32,
)


def rows(kind: np.dtype[np.void], found: Iterable[Mapping[str, int]]) -> NDArray[np.void]:
    """A structured array; fields that a row does not name are 0."""
    listed = list(found)
    array = np.zeros(len(listed), kind)
    for index, row in enumerate(listed):
        for name, value in row.items():
            array[name][index] = value
    return array


def raw_of(batch: SampleBatch, record: int = 1) -> RawRows:
    """The samples of one record of SPOOL."""
    size = len(batch)
    return RawRows(
        batch=batch,
        source_id=np.full(size, PLANT.sources[0].id, "i8"),
        spool=np.zeros(size, "i4"),
        record=np.full(size, record, "i8"),
        row=np.arange(size, dtype="i4"),
    )


def speeds(count: int, from_us: int = START_US) -> SampleBatch:
    """Gauge samples a millisecond apart."""
    builder = BatchBuilder()
    for index in range(count):
        at = from_us + 1000 * index
        builder.add(machine=index % 2, signal=3, event_us=at, received_us=at + 7, value=index / 3, seq=index)
    return builder.build()


def fact(minute: int, **measures: int) -> dict[str, int]:
    """A fact row of the first machine, `minute` minutes after START_US."""
    return {"machine": 0, "minute_us": START_US + minute * MINUTE_US, "program": PROGRAM.id, **measures}


def make_changes(
    record: int,
    *,
    raw: RawRows | None = None,
    facts: Sequence[Mapping[str, int]] = (),
    intervals: Sequence[Mapping[str, int]] = (),
    programs: Sequence[Mapping[str, int]] = (),
    seen: Mapping[int, str] | None = None,
    credits: Sequence[Mapping[str, int]] = (),
    **others: Any,
) -> Changes:
    """Changes that move SPOOL to `record`; tails of a machine are replaced from their first row on."""
    settings: dict[str, Any] = {
        "spools": [SPOOL],
        "cursors": {SPOOL: record},
        "tick_us": START_US,
        "raw": raw or raw_of(SampleBatch.empty()),
        "facts": rows(FACT, facts),
        "facts_from": _first(facts, "minute_us"),
        "closed_until_us": {},
        "intervals": rows(INTERVAL, intervals),
        "intervals_from": _first(intervals, "from_us"),
        "program_intervals": rows(PROGRAM_INTERVAL, programs),
        "program_intervals_from": _first(programs, "from_us"),
        "gap_credits": rows(GAP_CREDIT, credits),
        "programs": seen or {},
    }
    return Changes(**{**settings, **others})


def _first(found: Sequence[Mapping[str, int]], column: str) -> dict[int, int]:
    machines = {row["machine"] for row in found}
    return {machine: min(row[column] for row in found if row["machine"] == machine) for machine in machines}
