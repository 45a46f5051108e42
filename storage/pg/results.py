"""What a plant can report of a site: its closed production days as results of machines and shifts.

Invariants: sums are those of fact_shift and fact_day, so a report never says anything else than the boards; time of a
day outside shifts is what its shifts leave of the day; a day is closed when it cannot change any more but by a repair
that nobody has asked for yet.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from core.facts.schema import INTERVAL, OPEN_END, REPORTED
from core.kpi.reliability import events
from core.plant.reasons import ReasonClass
from core.units import datetime_from_us, us_from_datetime
from storage.bundle import Lost, Machine, Made, Result, Standard
from storage.pg.connect import Connection, database_errors

Key = tuple[int, date, str]
"""Machine id, production day, name of the shift (empty: outside shifts)."""

_CLOSED = """
with closed_day as materialized (
select m.id as machine_id, d.day, d.day::timestamp at time zone t.zone as midnight, e.end_time
from stanok.machine m
join stanok.site t on t.id = m.site_id and t.name = %(site)s
join stanok.machine_live l on l.machine_id = m.id
cross join lateral (select distinct day from stanok.fact_day where machine_id = m.id) d
cross join lateral (
    select greatest((d.day + 1)::timestamp at time zone t.zone, max(s.end_time)) as end_time
    from stanok.shift_instance s where s.site_id = t.id and s.production_day = d.day
) e
where e.end_time + interval '1 hour' <= l.settled -- as in storage.pg.revision
    and not exists (
        select from stanok.fact_minute f where f.machine_id = m.id and f.open and f.minute < e.end_time)
    and not exists (
        select from stanok.recompute_request r where r.machine_id = m.id and r.from_time < e.end_time)
)
"""
_SHIFTS = f"""
{_CLOSED}
select distinct f.machine_id, s.production_day, s.name, s.start_time, s.end_time
from stanok.fact_shift f
join stanok.shift_instance s on s.id = f.shift_id
join closed_day c on c.machine_id = f.machine_id and c.day = s.production_day
"""
_SUMS = """
{closed}
select x.machine_id, x.day, x.shift, coalesce(p.name, ''), {sums}
from (
    select f.machine_id, s.production_day as day, s.name as shift, f.program_id, {columns}
    from stanok.fact_shift f join stanok.shift_instance s on s.id = f.shift_id
    union all
    select machine_id, day, '', program_id, {columns} from stanok.fact_day
    union all
    select f.machine_id, s.production_day, '', f.program_id, {negative}
    from stanok.fact_shift f join stanok.shift_instance s on s.id = f.shift_id
) x
join closed_day c using (machine_id, day)
left join stanok.part_program p on p.id = x.program_id
group by 1, 2, 3, 4
having row({sums}) <> row({zeros})
order by 1, 2, 3, 4
"""
_LOST = f"""
{_CLOSED}
select c.machine_id, c.day, s.name,
    case
        when b.class <> '' then b.class
        when b.state = 'unplanned_stop' then %(repair)s
        when b.state = 'setup' then %(setup)s
        when b.state = 'planned_stop' then %(planned)s
        else coalesce(w.class, '')
    end,
    sum(extract(epoch from least(b.to_time, s.end_time) - greatest(b.from_time, s.start_time)) * 1000000)::bigint
from closed_day c
join stanok.machine m on m.id = c.machine_id
join stanok.shift_instance s on s.site_id = m.site_id and s.production_day = c.day
join board.stop b on b.machine = m.name and b.from_time < s.end_time and b.to_time > s.start_time
left join (values ('wait_material', %(material)s), ('wait_load', %(material)s), ('wait_operator', %(staff)s),
    ('wait_tool', %(tool)s), ('wait_service', %(repair)s)) w (cause, class) on w.cause = b.cause
group by 1, 2, 3, 4
order by 1, 2, 3, 4
"""
_TOLD = f"""
{_CLOSED}
select c.machine_id, c.day, coalesce(s.name, ''),
    count(*) filter (where e.kind = 'reason')::integer,
    count(*) filter (where e.kind = 'reason' and e.entered_time > e.to_time + interval '1 day')::integer,
    coalesce(sum(e.parts) filter (where e.kind = 'scrap'), 0)::integer
from closed_day c
join stanok.machine m on m.id = c.machine_id
join stanok.site t on t.id = m.site_id
join stanok.operator_entry e on e.machine_id = m.id and e.takes_back is null
    and e.to_time > c.midnight and e.to_time <= c.end_time
    and not exists (select from stanok.operator_entry b where b.takes_back = e.id)
left join stanok.shift_instance s on s.site_id = m.site_id and e.to_time > s.start_time and e.to_time <= s.end_time
where coalesce(s.production_day, (e.to_time at time zone t.zone)::date) = c.day
group by 1, 2, 3
"""


@dataclass
class _Draft:
    """A result while it is gathered."""

    start: datetime | None = None
    end: datetime | None = None
    made: list[Made] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    failures: tuple[int, int, int] = (0, 0, 0)
    told: tuple[int, int, int] = (0, 0, 0)


def machines(connection: Connection, site: str) -> Mapping[int, Machine]:
    """The machines of a site by id."""
    rows = connection.execute(
        "select m.id, m.name, m.title, m.area from stanok.machine m join stanok.site s on s.id = m.site_id"
        " where s.name = %s order by m.name",
        [site],
    )
    return {row[0]: Machine(*row[1:]) for row in rows}


def standards(connection: Connection) -> list[Standard]:
    """The standard times of the plant file, all that ever held."""
    rows = connection.execute(
        "select p.name, s.valid_from, s.pri_us, s.provenance from stanok.standard_time s"
        " join stanok.part_program p on p.id = s.program_id order by 1, 2"
    )
    return [Standard(*row) for row in rows]


def results(connection: Connection, site: str, names: Mapping[int, Machine]) -> Iterator[tuple[int, Result]]:
    """Machine id and result of everything that is closed, in order; inside a transaction."""
    with database_errors("read results"):
        drafts = _sums(connection, site)
        _add_lost(connection, site, drafts)
        _add_told(connection, site, drafts)
        _add_failures(connection, drafts)
    for (machine, day, shift), found in sorted(drafts.items(), key=lambda item: item[0]):
        rest = (found.start, found.end, found.made, found.lost, *found.failures, *found.told)
        yield machine, Result(names[machine].name, day, shift, *rest)


def _sums(connection: Connection, site: str) -> dict[Key, _Draft]:
    drafts: dict[Key, _Draft] = defaultdict(_Draft)
    for machine, day, shift, start, end in connection.execute(_SHIFTS.encode(), {"site": site}):
        drafts[machine, day, shift] = _Draft(start, end)
    query = _SUMS.format(
        closed=_CLOSED,
        columns=", ".join(REPORTED),
        negative=", ".join(f"-{name}" for name in REPORTED),
        sums=", ".join(f"sum(x.{name})::bigint" for name in REPORTED),
        zeros=", ".join("0" for _ in REPORTED),
    )
    for machine, day, shift, part, *sums in connection.execute(query.encode(), {"site": site}):
        drafts[machine, day, shift].made.append(Made(part, sums))
    return drafts


def _add_lost(connection: Connection, site: str, drafts: dict[Key, _Draft]) -> None:
    given = {"site": site, **{kind.value: kind.value for kind in ReasonClass}}
    for machine, day, shift, cause, us in connection.execute(_LOST.encode(), given):
        if (machine, day, shift) in drafts:
            drafts[machine, day, shift].lost.append(Lost(cause, us))


def _add_told(connection: Connection, site: str, drafts: dict[Key, _Draft]) -> None:
    for machine, day, shift, *told in connection.execute(_TOLD.encode(), {"site": site}):
        if (machine, day, shift) in drafts:
            drafts[machine, day, shift].told = (told[0], told[1], told[2])


def _add_failures(connection: Connection, drafts: dict[Key, _Draft]) -> None:
    """Each failure in the shift, or the rest of the day, in which it began."""
    spans: dict[int, list[tuple[int, int, Key]]] = defaultdict(list)
    for key, draft in drafts.items():
        if draft.start and draft.end:
            spans[key[0]].append((us_from_datetime(draft.start), us_from_datetime(draft.end), key))
    query = "select m.id, s.zone from stanok.machine m join stanok.site s on s.id = m.site_id"
    zones: dict[int, str] = dict(connection.execute(query).fetchall())
    for machine, failures in _failures(connection, sorted({key[0] for key in drafts})).items():
        shifts = sorted(spans[machine])
        for begin, end in failures:
            key = _key_of(machine, begin, shifts, zones[machine])
            if key in drafts:
                count, repaired, us = drafts[key].failures
                lasts = end == OPEN_END
                drafts[key].failures = (count + 1, repaired + (not lasts), us + (0 if lasts else end - begin))


def _key_of(machine: int, at_us: int, shifts: list[tuple[int, int, Key]], zone: str) -> Key:
    place = bisect_right(shifts, at_us, key=lambda span: span[0]) - 1
    if place >= 0 and at_us < shifts[place][1]:
        return shifts[place][2]
    return machine, datetime_from_us(at_us).astimezone(ZoneInfo(zone)).date(), ""


def _failures(connection: Connection, machines: list[int]) -> dict[int, list[tuple[int, int]]]:
    rows: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    query = (
        "select machine_id, from_time, to_time, state from stanok.state_interval"
        " where machine_id = any (%s) order by machine_id, from_time"
    )
    for machine, start, end, state in connection.execute(query, [machines]):
        upto = OPEN_END if end is None else us_from_datetime(end)
        rows[machine].append((0, us_from_datetime(start), upto, state, 0, 0))
    return {machine: events(np.array(found, INTERVAL)) for machine, found in rows.items()}
