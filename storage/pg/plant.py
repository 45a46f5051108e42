"""A plant file's content into the dimension tables. Nothing is ever deleted: the past refers to it.

Invariant: an id stands for one name for ever; two names with one id (a collision of hashes) are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from psycopg import sql

from core.errors import InputError
from core.kpi.counts import counts_parts
from core.kpi.spindle import tells_spindle
from core.plant.model import Plant
from core.units import datetime_from_us
from core.vocabulary import Cause, State
from storage.pg.connect import Connection, database_errors
from storage.pg.words import CAUSES, STATES

Row = Mapping[str, Any]


def load_plant(connection: Connection, plant: Plant, valid_from_us: int) -> None:
    """Store a plant in one transaction; it holds from `valid_from_us` (the clock's present), or from the first loading.

    Raises InputError if two names have the same id.
    """
    with database_errors("load the plant"), connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext('stanok.plant_version'))")
        _load_words(connection)
        _upsert_named(connection, "site", _sites(plant))
        _upsert_named(connection, "source", _sources(plant))
        _upsert_named(connection, "machine", _machines(plant))
        _upsert_named(connection, "signal", _signals(plant))
        add_programs(connection, {program.id: program.name for program in plant.programs})
        _upsert(connection, "reason", _reasons(plant), key="code")
        _new_version(connection, plant, valid_from_us)


def add_programs(connection: Connection, programs: Mapping[int, str]) -> None:
    """Part programs by id; part of the caller's transaction."""
    _upsert_named(connection, "part_program", [{"id": number, "name": name} for number, name in programs.items()])


def add_orders(connection: Connection, orders: Mapping[int, str]) -> None:
    """Job orders by id; part of the caller's transaction."""
    _upsert_named(connection, "job_order", [{"id": number, "name": name} for number, name in orders.items()])


def _sites(plant: Plant) -> list[Row]:
    return [{"id": site.id, "name": site.name, "title": site.title, "zone": site.zone} for site in plant.sites]


def _sources(plant: Plant) -> list[Row]:
    return [
        {"id": source.id, "name": source.name, "protocol": source.protocol, "lateness_us": source.lateness_us}
        for source in plant.sources
    ]


def _machines(plant: Plant) -> list[Row]:
    return [
        {
            "id": machine.id,
            "site_id": plant.sites[machine.site].id,
            "source_id": plant.sources[machine.source].id,
            "name": machine.name,
            "title": machine.title,
            "area": machine.area,
            "max_rate": machine.max_rate,
            "has_counter": counts_parts(machine.signal_names),
            "has_spindle": tells_spindle(machine.signal_names),
        }
        for machine in plant.machines
    ]


def _signals(plant: Plant) -> list[Row]:
    return [
        {
            "id": signal.id,
            "name": signal.name,
            "kind": signal.meaning.kind,
            "unit": signal.meaning.unit,
            "store": int(signal.meaning.store),
        }
        for signal in plant.signals
    ]


def _reasons(plant: Plant) -> list[Row]:
    return [
        {"code": reason.code, "class": str(reason.kind), "title_en": reason.en, "title_ru": reason.ru}
        for reason in plant.reasons
    ]


def _load_words(connection: Connection) -> None:
    _upsert(connection, "state", [_word(state, *STATES[state]) for state in State])
    _upsert(connection, "cause", [_word(cause, *CAUSES[cause]) for cause in Cause])


def _word(member: State | Cause, title_en: str, title_ru: str, colour: str) -> Row:
    return {
        "id": int(member),
        "word": member.name.lower(),
        "title_en": title_en,
        "title_ru": title_ru,
        "colour": colour,
    }


def _upsert_named(connection: Connection, table: str, rows: Sequence[Row]) -> None:
    """Insert or update rows with id and name, after looking for one id under two names."""
    if not rows:
        return
    names = {row["id"]: row["name"] for row in rows}
    if len(names) < len({row["name"] for row in rows}):
        raise InputError(f"Two names in {table} have the same id; rename one: {sorted(row['name'] for row in rows)}")
    query = sql.SQL("select id, name from {} where id = any(%s)").format(sql.Identifier("stanok", table))
    for number, name in connection.execute(query, [list(names)]):
        if names[number] != name:
            raise InputError(f"{names[number]!r} has the same id in {table} as the earlier {name!r}; rename it")
    _upsert(connection, table, rows)


def _upsert(connection: Connection, table: str, rows: Iterable[Row], key: str = "id") -> None:
    for row in rows:
        columns = list(map(sql.Identifier, row))
        connection.execute(
            sql.SQL("insert into {} ({}) values ({}) on conflict ({}) do update set {}").format(
                sql.Identifier("stanok", table),
                sql.SQL(", ").join(columns),
                sql.SQL(", ").join(map(sql.Placeholder, row)),
                sql.Identifier(key),
                sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(column) for column in columns),
            ),
            row,
        )


def _new_version(connection: Connection, plant: Plant, valid_from_us: int) -> None:
    """Add the version and changed standard times if the file differs from the one that held last."""
    found = connection.execute("select valid_from, hash from stanok.plant_version order by valid_from desc limit 1")
    last = found.fetchone()
    if last is not None and bytes(last[1]) == plant.hash:
        return
    valid_from = datetime_from_us(valid_from_us)
    if last is not None:
        valid_from = max(valid_from, last[0] + timedelta(microseconds=1))  # a clock set back must not reorder versions
    connection.execute(
        "insert into stanok.plant_version values (%s, %s, %s)", [valid_from, plant.hash, plant.enterprise]
    )
    for program in plant.programs:
        connection.execute(
            "insert into stanok.standard_time (program_id, valid_from, pri_us, provenance)"
            " select %(id)s, %(from)s, %(pri)s, 'plant file' where %(pri)s is distinct from"
            " (select pri_us from stanok.standard_time where program_id = %(id)s order by valid_from desc limit 1)",
            {"id": program.id, "from": valid_from, "pri": program.pri_us},
        )
