"""The registry of modernization in tables, and back.

Invariants: every load is kept with the text of its files, and the last one holds; tables are made from a registry that
`parse_registry` has accepted, replaced as a whole in one transaction, and read by views only: whoever computes parses
the kept files again, so tables and registry cannot say different things.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg import sql
from psycopg.types.json import Jsonb

from core.errors import InputError
from core.programme.parse import parse_registry
from core.programme.registry import Asset, Project, Registry
from storage.pg.bundles_loaded import ensure_site
from storage.pg.connect import Connection, database_errors

_TABLES = ("linked_standard", "operation", "asset", "project", "cell", "programme_site", "programme")
"""From those that refer to those that are referred to."""


@dataclass(frozen=True)
class Version:
    """A registry as it was loaded."""

    number: int
    registry: Registry


def load_registry(connection: Connection, files: Mapping[str, str], now: datetime) -> Version:
    """Keep the files and make them the registry that holds; RegistryError with every complaint."""
    registry = parse_registry(files)
    digest = hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).digest()
    with database_errors("load the registry"), connection.transaction():
        row = connection.execute(
            "insert into stanok.registry_version (loaded_time, hash, files) values (%s, %s, %s) returning number",
            [now, digest, Jsonb(dict(files))],
        ).fetchone()
        assert row is not None
        for table in _TABLES:
            connection.execute(sql.SQL("delete from stanok.{}").format(sql.Identifier(table)))
        for site in registry.sites:
            ensure_site(connection, site.name)
        _insert(connection, registry)
    return Version(int(row[0]), registry)


def current_registry(connection: Connection) -> Version:
    """The registry that was loaded last; InputError if there is none."""
    with database_errors("read the registry"):
        row = connection.execute(
            "select number, files from stanok.registry_version order by number desc limit 1"
        ).fetchone()
    if row is None:
        raise InputError("no registry was loaded; run `stanok programme load FILE...` first")
    return Version(int(row[0]), parse_registry(row[1]))


def _insert(connection: Connection, registry: Registry) -> None:
    def put(table: str, rows: Iterable[Mapping[str, object]]) -> None:
        for row in rows:
            columns = sql.SQL(", ").join(map(sql.Identifier, row))
            query = sql.SQL("insert into stanok.{} ({}) values ({})").format(
                sql.Identifier(table), columns, sql.SQL(", ").join(sql.Placeholder() * len(row))
            )
            connection.execute(query, list(map(_plain, row.values())))

    put("programme", map(asdict, registry.programmes))
    put("programme_site", map(asdict, registry.sites))
    put("cell", map(asdict, registry.cells))
    put("project", map(_project, registry.projects))
    put("asset", map(_asset, registry.assets))
    put("operation", ({"number": at, **asdict(noun)} for at, noun in enumerate(registry.operations, 1)))
    put("linked_standard", map(asdict, registry.standards))


def _project(project: Project) -> dict[str, object]:
    return _money(asdict(project))


def _asset(asset: Asset) -> dict[str, object]:
    row = _money(asdict(asset))
    found = row.pop("localisation") or {}
    assert isinstance(found, dict)
    row |= {"register_number" if name == "number" else name: value for name, value in found.items()}
    return {**row, "project": row["project"] or None}


def _money(row: dict[str, object]) -> dict[str, object]:
    """`cost` as three columns."""
    cost = row.pop("cost") or {}
    assert isinstance(cost, dict)
    return {**row, "cost": cost.get("amount"), **{name: cost.get(name) for name in ("currency", "price_year")}}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
