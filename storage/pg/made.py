"""How many parts a machine is known to have made in a shift: what scrap that a person tells must not exceed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.errors import BrokenPromise
from core.plant.model import Plant
from core.units import MINUTE_US, datetime_from_us, floor_minute, us_from_datetime
from storage.pg.connect import Connection, database_errors

_OUTSIDE_HOURS = 12
"""Outside the shifts: parts of so many hours before."""


@dataclass(frozen=True)
class Made:
    """Parts of a program (empty: none) in [from_us, to_us), the shift, less what the machine says is scrap."""

    parts: int
    program: str
    from_us: int
    to_us: int


def made_up_to(connection: Connection, plant: Plant, machine: int, at_us: int, program: str) -> Made:
    """What the machine (a position) made in the shift of an instant up to the end of its minute.

    Of the named program, or (empty) of the one that was selected then. Scrap of the machine's own counter is left out,
    what people told is not: whoever asks knows of that what is not stored yet, too.
    """
    found = plant.machines[machine]
    given = {
        "machine": found.id,
        "site": plant.sites[found.site].id,
        "at": datetime_from_us(at_us),
        "end": datetime_from_us(floor_minute(at_us) + MINUTE_US),
        "hours": _OUTSIDE_HOURS,
    }
    with database_errors("look up what was made"):
        name = program or _selected(connection, given)
        first, last = _shift(connection, given)
        row = connection.execute(
            "with told as (select coalesce(sum(t.parts), 0) as parts from stanok.operator_entry t"
            " join stanok.part_program p on p.id = t.program_id where t.machine_id = %(machine)s and t.parts > 0"
            " and p.name = %(name)s and t.from_time >= %(first)s and t.from_time < %(last)s and t.takes_back is null"
            " and not exists (select from stanok.operator_entry b where b.takes_back = t.id))"
            " select coalesce(sum(f.parts_total) - greatest(0, sum(f.parts_scrap) - (select parts from told)), 0)"
            "::bigint"
            " from stanok.fact_minute f left join stanok.part_program p on p.id = f.program_id"
            " where f.machine_id = %(machine)s and coalesce(p.name, '') = %(name)s"
            " and f.minute >= %(first)s and f.minute < %(end)s",
            {**given, "name": name, "first": first, "last": last},
        ).fetchone()
    return Made(0 if row is None else int(row[0]), name, us_from_datetime(first), us_from_datetime(last))


def _selected(connection: Connection, given: Mapping[str, object]) -> str:
    row = connection.execute(
        "select p.name from stanok.program_interval i join stanok.part_program p on p.id = i.program_id"
        " where i.machine_id = %(machine)s and i.from_time <= %(at)s and (i.to_time is null or i.to_time > %(at)s)",
        given,
    ).fetchone()
    return "" if row is None else str(row[0])


def _shift(connection: Connection, given: Mapping[str, object]) -> tuple[datetime, datetime]:
    row = connection.execute(
        "select start_time, end_time from stanok.shift_instance where site_id = %(site)s"
        " and start_time <= %(at)s and end_time > %(at)s union all"
        " select %(at)s - make_interval(hours => %(hours)s), %(at)s + interval '1 microsecond' limit 1",
        given,
    ).fetchone()
    if row is None:
        raise BrokenPromise("a query that always has a row has none")
    return row[0], row[1]
