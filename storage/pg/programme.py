"""What plants reported, summed by week for the evaluation, and evaluations as they are kept.

Only the revision that holds counts. Weeks begin on Mondays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg.types.json import Jsonb

from core.programme.pooling import PlantWeek
from core.programme.reported import InForce, MachineWeek, PartWeek, Report
from storage.pg.connect import Connection, database_errors

_HELD = (
    "with held as (select * from stanok.plant_shift h where not exists (select from stanok.plant_shift n where"
    " (n.site, n.machine, n.day, n.shift, n.revision) = (h.site, h.machine, h.day, h.shift, h.revision + 1))) "
)
_KNOWN = "r.apt + r.apt_no_order + r.aust + r.adet_idle + r.adet_stop + r.adot_idle + r.adot_setup + r.adot_stop"
_H = 3_600_000_000
_KWH = 3_600_000_000  # mJ in one
_MACHINES = (
    f"{_HELD} select h.machine, date_trunc('week', h.day)::date, count(distinct h.day)::integer,"
    f" coalesce(sum({_KNOWN} + r.unknown), 0)::float8 / {_H}, coalesce(sum({_KNOWN}), 0)::float8 / {_H},"
    f" coalesce(sum(r.apt + r.apt_no_order + r.apt_out), 0)::float8 / {_H},"
    f" coalesce(sum(r.energy_mj), 0)::float8 / {_KWH}"
    " from held h left join stanok.plant_result r using (site, machine, day, shift, revision)"
    " group by 1, 2 order by 1, 2"
)
_PARTS = (
    f"{_HELD} select r.machine, date_trunc('week', r.day)::date, r.part, sum(r.parts_good)::bigint,"
    f" sum(r.parts_total)::bigint, sum(r.credit_total_us + r.credit_gap_total_us)::float8 / {_H}"
    " from held h join stanok.plant_result r using (site, machine, day, shift, revision)"
    " where r.parts_total > 0 group by 1, 2, 3 order by 1, 2, 3"
)
_PLANTS = (
    f"{_HELD} select h.site, (date_trunc('week', h.day)::date - date '2001-01-01') / 7,"  # a Monday
    f" sum(r.credit_good_us + r.credit_gap_good_us)::float8 / {_H},"
    f" sum({_KNOWN} + r.unknown)::float8 / {_H}, sum({_KNOWN})::float8 / {_H}"
    " from held h join stanok.plant_result r using (site, machine, day, shift, revision)"
    " where h.day > (select max(last_day) from stanok.bundle) - %s group by 1, 2 order by 1, 2"
)
COMPARED_DAYS = 26 * 7
"""Plants are compared over the last half year: seasons are in it, the past is not."""


@dataclass(frozen=True)
class Kept:
    """An evaluation as it is stored; `values` are columns of stanok.evaluation by name."""

    id: str
    values: Mapping[str, object]
    found: Mapping[str, object]


def read_report(connection: Connection) -> Report:
    """Everything that plants reported."""
    with database_errors("read what plants reported"):
        machines = [MachineWeek(*row) for row in connection.execute(_MACHINES.encode())]
        parts = [PartWeek(*row) for row in connection.execute(_PARTS.encode())]
        rows = connection.execute(
            "select distinct on (p.site, p.part, p.valid_from) p.site, p.part,"
            " (p.valid_from at time zone s.zone)::date, p.pri_us"
            " from stanok.plant_standard p join stanok.site s on s.name = p.site"
            " order by p.site, p.part, p.valid_from, p.bundle desc"
        ).fetchall()
    standards = [InForce(site, part, since, us / _H) for site, part, since, us in rows]
    return Report(machines, parts, standards)


def read_plant_weeks(connection: Connection) -> list[PlantWeek]:
    """Plants by week over the last half year."""
    with database_errors("read what plants reported"):
        return [PlantWeek(*row) for row in connection.execute(_PLANTS.encode(), [COMPARED_DAYS])]


def chains(connection: Connection) -> dict[str, str]:
    """By plant the hash of the last bundle that was loaded, which stands for all that it reported."""
    with database_errors("read the chains of bundles"):
        rows = connection.execute(
            "select distinct on (site) site, encode(hash, 'hex') from stanok.bundle order by site, number desc"
        ).fetchall()
    return dict(rows)


def keep_evaluation(connection: Connection, kept: Kept) -> None:
    """Store an evaluation; the same again is stored once."""
    values = {"id": kept.id, **kept.values, "found": dict(kept.found)}
    columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    given = [Jsonb(value) if isinstance(value, dict) else value for value in values.values()]
    with database_errors("keep an evaluation"):
        connection.execute(
            f"insert into stanok.evaluation ({columns}) values ({marks}) on conflict (id) do nothing".encode(), given
        )
