"""What a repair reads of the past, in positions of the given plant (the port core.ports.Past)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.engine.gaps import GapRecord, record_of
from core.engine.operator import Told
from core.plant.lanes import lanes_of
from core.plant.model import Plant
from core.samples.batch import SampleBatch
from storage.pg import reading, samples
from storage.pg.connect import Connection
from storage.pg.requests import refuse_older


class PgPast:
    """Reads through the engine's own connection, outside its transactions."""

    def __init__(self, connection: Connection, plant: Plant, code_version: str) -> None:
        self._connection = connection
        self._plant = plant
        self._code_version = code_version
        self._lanes = lanes_of(plant)

    def requests(self) -> tuple[dict[int, tuple[int, int]], int]:
        """First and last instant by machine, and the number of the last request. Those older than what is kept end."""
        refuse_older(self._connection)
        return reading.requests(self._connection, self._plant)

    def snapshots_before(self, at_us: Mapping[int, int]) -> dict[int, tuple[int, bytes]]:
        """The newest snapshot of each machine at or before its instant."""
        return reading.snapshots_before(self._connection, self._code_version, self._plant, at_us)

    def snapshots_at(self, hour_us: int, machines: Sequence[int]) -> dict[int, bytes]:
        """The snapshots of an hour."""
        return reading.snapshots_at(self._connection, self._code_version, self._plant, hour_us, machines)

    def samples(self, from_us: Mapping[int, int], to_us: int, told_from_us: int, told_to_us: int) -> SampleBatch:
        """Samples of each machine from its instant on, before `to_us`, in the order of their arrival; with first
        values that are older and arrived in [told_from_us, told_to_us)."""
        window = samples.Window(from_us, to_us, told_from_us, told_to_us)
        return samples.raw_rows(self._connection, self._plant, window).batch

    def gaps(self, since_us: Mapping[int, int]) -> list[GapRecord]:
        """Gap records that end after the instants of their machines."""
        rows = reading.gap_rows(self._connection, self._plant, since_us)
        return [record_of(row, self._lanes) for row in rows]

    def told(self, since_us: Mapping[int, int]) -> list[Told]:
        """What people told that is in effect and ends after the instants of its machine."""
        return reading.told(self._connection, self._plant, since_us)
