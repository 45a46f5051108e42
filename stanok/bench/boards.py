"""How long the queries of the boards take on a year of a large plant, as Grafana sends them.

The boards are those that are built (`dashboards/json`), so a board that is added is measured. Each query runs with the
window and the variables that its board opens with, as the role that sees every plant through the views.
`query_p95`, `live_p95`: of the slowest query, and of the slowest that reads live views only. The conditions name every
query, and tables of facts that a plan reads from end to end: there should be none.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from core.errors import InputError
from dashboards.build import BUILT
from dashboards.macros import Window, expand
from dashboards.preview.reader import Session, session
from dashboards.preview.variables import resolve
from stanok.bench.report import Figure
from stanok.bench.servers import a_database
from stanok.bench.year import Size, make_year
from storage.pg.connect import Connection, connect
from storage.pg.migrate import migrate
from storage.pg.readers import board_role
from storage.pg.retention import add_chunks, index_chunks

LANGUAGE = "en"
ROUNDS = 20
LIVE = frozenset({"machine_live", "platform_health"})
"""Views that tell of now."""
BIG = ("fact_minute", "fact_hour", "fact_shift", "fact_day", "state_interval", "sample_event", "sample_block")
"""Tables, with their parts, that no board may read from end to end; empty parts are none."""
_SPANS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True)
class Query:
    """One query of a board, ready to be sent."""

    name: str
    text: str

    @property
    def live(self) -> bool:
        """Whether it reads live views only."""
        return set(re.findall(r"\bboard\.(\w+)", self.text)) <= LIVE


def measure(database: str | None, size: Size, rounds: int = ROUNDS) -> Iterator[Figure]:
    """The figures, in a database that is made on the given server and dropped; else on an embedded server."""
    with ExitStack() as house:
        directory = Path(house.enter_context(TemporaryDirectory(prefix="stanok-bench-")))
        directory.chmod(0o755)  # as root the database server runs as another user
        dsn = a_database(database, directory, house)
        connection = house.enter_context(connect(dsn, "stanok bench"))
        migrate(connection)
        begun = time.perf_counter()
        rows = dict(make_year(connection, size))
        for job in (add_chunks, index_chunks):  # as `stanok maintain` does
            list(job(connection))
        connection.execute("vacuum (analyze) stanok.sample_block")
        made = {"seconds to make": round(time.perf_counter() - begun), "rows": rows, "bytes": _bytes(connection)}
        reading = house.enter_context(session(dsn, board_role(connection)))
        found = queries(reading, built_boards())
        taken = {query: _times(reading, query, rounds) for query in found}
        whole = {query.name: scans for query in found if (scans := whole_scans(connection, query))}
    conditions = {"machines": size.machines, "days": size.days, "rounds": rounds, **made, "read from end to end": whole}
    live = {query: seconds for query, seconds in taken.items() if query.live}
    yield _figure("query_p95", {q: s for q, s in taken.items() if q not in live}, conditions)
    yield _figure("live_p95", live, conditions)


def built_boards() -> list[Mapping[str, Any]]:
    """The boards as they are built, in one language."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((BUILT / LANGUAGE).glob("*.json"))]


def queries(reading: Session, boards: Sequence[Mapping[str, Any]]) -> list[Query]:
    """Every query of the boards with its variables and its window, which ends at the engine's last tick."""
    now, found = reading.now(), []
    for board in boards:
        window = Window(_start(str(board["time"]["from"]), now), now)
        chosen = {variable.name: variable.values for variable in resolve(board, {}, reading.ask, window)}
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                text = expand(target["rawSql"], window, chosen)
                found.append(Query(f"{board['title']}: {panel['title']}", text))
    return found


def _start(since: str, now: datetime) -> datetime:
    """The instant of Grafana's `now-8h`."""
    found = re.fullmatch(r"now-(\d+)([mhdw])", since)
    if found is None:
        raise InputError(f"The bench cannot read the window {since!r} of a board")
    return now - int(found[1]) * _SPANS[found[2]]


def _times(reading: Session, query: Query, rounds: int) -> list[float]:
    """Seconds of each round; the first one, which reads from disk, is left out."""
    seconds = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        reading.ask(query.text)
        seconds.append(time.perf_counter() - begun)
    return seconds[1:]


def whole_scans(connection: Connection, query: Query) -> list[str]:
    """Tables of BIG that the plan reads without an index, or a part of. What functions read inside is not in a plan."""
    parts: dict[str, str] = dict(connection.execute(_PARTS, {"big": list(BIG)}).fetchall())
    row = connection.execute(f"explain (format json) {query.text}".encode()).fetchone()
    assert row is not None
    read = [node["Relation Name"] for node in _nodes(row[0][0]["Plan"]) if node["Node Type"] == "Seq Scan"]
    return sorted({parts[name] for name in read if name in parts})


_PARTS = """
select relname::text, relname::text from pg_class
where relnamespace = 'stanok'::regnamespace and relname = any (%(big)s)
union all
select part.relname::text, whole.relname::text
from pg_inherits i join pg_class part on part.oid = i.inhrelid join pg_class whole on whole.oid = i.inhparent
where whole.relnamespace = 'stanok'::regnamespace and whole.relname = any (%(big)s) and pg_relation_size(part.oid) > 0
"""


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _figure(name: str, taken: Mapping[Query, list[float]], conditions: Mapping[str, Any]) -> Figure:
    p95 = {query.name: float(np.percentile(seconds, 95)) for query, seconds in taken.items()}
    each = {query: f"{seconds * 1000:.1f} ms" for query, seconds in sorted(p95.items(), key=lambda found: -found[1])}
    return Figure("boards", name, max(p95.values()), "s", {}, {**conditions, "queries": each})


def _bytes(connection: Connection) -> int:
    row = connection.execute("select pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0
