"""The borders between rooms as small nouns: what a collector writes to, what the engine reads from, and time.

The spool is replaceable through these protocols; nothing else crosses process borders but the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from core.samples.records import SpoolRow, StoredRow


class Clock(Protocol):
    """Time as an argument. Scenario time and real time differ when a demonstration runs faster."""

    def now_us(self) -> int:
        """The present in scenario time, UTC microseconds."""
        ...

    def from_real_us(self, real_us: int) -> int:
        """The scenario time of an instant of the wall clock."""
        ...

    def scale(self) -> float:
        """Scenario seconds per real second; limits in real seconds are multiplied by it."""
        ...

    def running(self) -> bool:
        """False before the clock was started and after it was stopped."""
        ...


class BatchSink(Protocol):
    """Where collectors put rows. One writer a spool."""

    async def append(self, rows: Sequence[SpoolRow], state: Mapping[str, bytes] | None = None) -> int:
        """Store rows and the sources' decoding state in one transaction; returns after they are on disk.

        Returns the last record number. Raises SpoolError if nothing was stored; then nothing may be acknowledged.
        """
        ...

    def source_state(self, source: str) -> bytes | None:
        """What the source stored with its last rows, or None."""
        ...


class SpoolReader(Protocol):
    """How the engine reads a spool."""

    @property
    def spool_id(self) -> str:
        """Random name of the file, made at its creation."""
        ...

    def read(self, after: int, limit_bytes: int) -> list[StoredRow]:
        """Rows with a record number above `after`, in order, at least one if there is one."""
        ...

    def end(self) -> int:
        """The last record number that can be read; 0 for an empty spool."""
        ...

    def acknowledge(self, record: int) -> None:
        """Publish that everything up to `record` is in the database."""
        ...
