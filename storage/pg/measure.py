"""What the processes measured of their own house, for boards and alerts: the last value of each kind and subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage.pg.connect import Connection, database_errors


@dataclass(frozen=True)
class Measure:
    """`what`: spool_left_h, spool_waiting or certificate_left_d; `subject`: the spool or file that it is about."""

    what: str
    subject: str
    value: float


def store_measures(connection: Connection, measures: Sequence[Measure]) -> None:
    """Write them with the engine's tick as their time; before the first tick there is nothing to write them to."""
    with database_errors("take measures"), connection.cursor() as cursor:
        cursor.executemany(
            "insert into stanok.platform_measure (what, subject, value, at_time)"
            " select %s, %s, %s, tick_time from stanok.engine_state"
            " on conflict (what, subject) do update set value = excluded.value, at_time = excluded.at_time",
            [(found.what, found.subject, found.value) for found in measures],
        )
