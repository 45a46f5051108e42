"""Printed reports in the database: kept once by their number, found again; nobody changes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from storage.pg.connect import Connection, database_errors


@dataclass(frozen=True)
class KeptReport:
    """A row of board.report; `site` is * for all plants."""

    id: str
    kind: str
    site: str
    parameters: Mapping[str, str]
    as_of: datetime
    definition: str
    program: str
    made: datetime
    content: bytes


def keep(connection: Connection, report: KeptReport) -> bool:
    """Keep a report that is not kept yet; False where the login may not write."""
    with database_errors("keep a report"), connection.transaction():
        row = connection.execute(
            "select has_table_privilege(c.oid, 'insert') and has_schema_privilege(c.relnamespace, 'usage')"
            " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = 'stanok' and c.relname = 'report'"
        ).fetchone()
        if row is None or not row[0]:
            return False
        connection.execute(
            "insert into stanok.report values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            [
                *(report.id, report.kind, report.site, json.dumps(dict(report.parameters), sort_keys=True)),
                *(report.as_of, report.definition, report.program, report.made, report.content),
            ],
        )
        return True


def kept(connection: Connection, number: str) -> KeptReport | None:
    """The report of that number, if the login sees it."""
    with database_errors("read a report"):
        row = connection.execute(
            "select id, kind, site, parameters, as_of, definition, program, made_time, content"
            " from board.report where id = %s",
            [number],
        ).fetchone()
    if row is None:
        return None
    name, of_kind, site, parameters, as_of, definition, program, made, content = row
    return KeptReport(name, of_kind, site, json.loads(parameters), as_of, definition, program, made, bytes(content))
