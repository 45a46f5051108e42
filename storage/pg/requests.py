"""Asking the engine to fold a stretch of the past again, and refusing what is older than what is kept."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from core.errors import InputError
from core.plant.model import Plant
from core.units import datetime_from_us
from storage.pg.connect import Connection, database_errors
from storage.pg.positions import positions_of

log = logging.getLogger(__name__)

ASKED = "asked for"
"""Cause of a request that a person made."""


def ask_again(connection: Connection, plant: Plant, from_us: int, to_us: int, machines: Sequence[int]) -> int:
    """Ask for [from, to) of the given machines; how many of them have a past. The engine does it beside its work.

    InputError if the past of one of them is not kept so long.
    """
    with database_errors("ask for a recomputation"):
        row = connection.execute(
            "select max(refold_from) from stanok.kept where machine_id = any (%s)",
            [positions_of(plant).machine[list(machines)].tolist()],
        ).fetchone()
        if row is not None and row[0] is not None and row[0] > datetime_from_us(from_us):
            raise InputError(
                f"Minutes and samples are kept from {row[0]:%Y-%m-%d %H:%M} UTC on; what is older cannot be folded"
                " again, ask for a later start"
            )
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


def refuse_older(connection: Connection) -> None:
    """End requests that begin before what is kept of their machine, with a note in repair_done that says so."""
    with database_errors("refuse recomputations"), connection.transaction():
        connection.execute("select set_config('stanok.refused', 'on', true)")
        rows = connection.execute(
            "with gone as (delete from stanok.recompute_request q using stanok.kept k"
            " where k.machine_id = q.machine_id and q.from_time < k.refold_from"
            " returning q.machine_id, q.from_time, q.cause, k.refold_from)"
            " select m.name, g.from_time, g.cause, g.refold_from"
            " from gone g join stanok.machine m on m.id = g.machine_id"
        ).fetchall()
    for machine, since, cause, kept in rows:
        log.warning(
            "%s: not folded again from %s on (%s), minutes and samples are kept from %s on only; results before stay",
            *(machine, since, cause, kept),
        )
