"""Plant -> flat arrays for the compiled fold. Rebuilt when the calendar window runs out; states survive that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.plant.calendar import machine_calendars
from core.plant.model import Plant
from core.vocabulary import OTHER_RANK, SIGNAL_RANK, Role


@dataclass(frozen=True)
class PlantTables:
    """Arrays by position of machine, signal, site and program.

    `segment_start[site_first[s]:site_first[s + 1]]` are the segments of calendar s (`machine_calendars`), contiguous,
    covering [from_us, to_us); `program_id` is sorted.
    """

    from_us: int
    to_us: int
    machine_site: NDArray[np.int32]
    counters: NDArray[np.bool_]
    """[machine, 3]: has a counter of total, good, scrap parts."""
    signal_role: NDArray[np.int16]
    signal_channel: NDArray[np.int16]
    signal_rank: NDArray[np.int16]
    signal_store: NDArray[np.uint8]
    program_id: NDArray[np.int64]
    program_pri_us: NDArray[np.int64]
    site_first: NDArray[np.int64]
    segment_start: NDArray[np.int64]
    segment_situation: NDArray[np.int8]
    segment_shift: NDArray[np.int64]


def build_tables(plant: Plant, from_us: int, to_us: int) -> PlantTables:
    """The arrays of a plant, with its calendars materialised for [from_us, to_us)."""
    calendars, position = machine_calendars(plant, from_us, to_us)
    counts = [len(calendar.start_us) for calendar in calendars]
    programs = sorted((program.id, program.pri_us) for program in plant.programs)
    names = [set(machine.signals) for machine in plant.machines]
    roles = [signal.meaning.role for signal in plant.signals]
    return PlantTables(
        from_us=from_us,
        to_us=to_us,
        machine_site=np.array(position, "i4"),
        counters=np.array([[f"part.{kind}" in has for kind in ("total", "good", "scrap")] for has in names], bool),
        signal_role=np.array(roles, "i2"),
        signal_channel=np.array([signal.meaning.channel for signal in plant.signals], "i2"),
        signal_rank=np.array([SIGNAL_RANK.get(Role(role), OTHER_RANK) for role in roles], "i2"),
        signal_store=np.array([signal.meaning.store for signal in plant.signals], "u1"),
        program_id=np.array([program for program, _ in programs], "i8"),
        program_pri_us=np.array([pri for _, pri in programs], "i8"),
        site_first=np.concatenate([[0], np.cumsum(counts)]).astype("i8"),
        segment_start=np.concatenate([calendar.start_us for calendar in calendars]),
        segment_situation=np.concatenate([calendar.situation for calendar in calendars]),
        segment_shift=np.concatenate([calendar.shift_id for calendar in calendars]),
    )
