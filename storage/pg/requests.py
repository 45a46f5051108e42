"""Asking the engine to fold a stretch of the past again."""

from __future__ import annotations

from collections.abc import Sequence

from core.plant.model import Plant
from core.units import datetime_from_us
from storage.pg.connect import Connection, database_errors
from storage.pg.positions import positions_of

ASKED = "asked for"
"""Cause of a request that a person made."""


def ask_again(connection: Connection, plant: Plant, from_us: int, to_us: int, machines: Sequence[int]) -> int:
    """Ask for [from, to) of the given machines; how many of them have a past. The engine does it beside its work."""
    with database_errors("ask for a recomputation"):
        done = connection.execute(
            "insert into stanok.recompute_request (machine_id, from_time, to_time, cause, requested)"
            " select machine_id, %s, %s, %s, (select tick_time from stanok.engine_state)"
            " from stanok.machine_live where machine_id = any (%s)",
            [
                datetime_from_us(from_us),
                datetime_from_us(to_us),
                ASKED,
                positions_of(plant).machine[list(machines)].tolist(),
            ],
        )
    return done.rowcount


def waiting(connection: Connection, plant: Plant, machines: Sequence[int]) -> int:
    """How many of the given machines still wait for a recomputation."""
    with database_errors("look at the recomputations"):
        row = connection.execute(
            "select count(distinct machine_id) from stanok.recompute_request where machine_id = any (%s)",
            [positions_of(plant).machine[list(machines)].tolist()],
        ).fetchone()
    return 0 if row is None else int(row[0])
