"""What several boards ask: choices, and the conditions that put them into a query."""

from __future__ import annotations

SITES = """\
SELECT DISTINCT site
FROM board.machine
ORDER BY site
"""

MACHINES = """\
SELECT title || ' · ' || machine AS __text, machine AS __value
FROM board.machine
WHERE site = ANY (ARRAY[${site:sqlstring}]::text[])
ORDER BY site, machine
"""

NOW = """\
SELECT tick_time
FROM board.platform_health
WHERE tick_time IS NOT NULL
"""
"""What boards take for now outside Grafana: the engine's last tick."""

OF_SITES = "site = ANY (ARRAY[${site:sqlstring}]::text[])"
OF_MACHINES = "machine = ANY (ARRAY[${machine:sqlstring}]::text[])"
OF_MACHINE = "machine = (ARRAY[${machine:sqlstring}]::text[])[1]"
"""The one machine that was chosen; none where there is none to choose."""

TOUCHES = """\
from_time < $__timeTo()::timestamptz
  AND to_time > $__timeFrom()::timestamptz"""
"""Stretches with a part inside the window, also those that began before it."""

HOURS = """\
hour < $__timeTo()::timestamptz
  AND hour > $__timeFrom()::timestamptz - interval '1 hour'"""
"""Whole hours that the window touches."""

CUT_S = """\
extract(epoch FROM least(to_time, $__timeTo()::timestamptz)
           - greatest(from_time, $__timeFrom()::timestamptz))"""
"""Length of a stretch inside the window [s]."""


def closed(hours: str, columns: str, before: str = "") -> str:
    """A query of whole hours whose last one is drawn to its end: a step ends at its last point otherwise.

    `before`: what else the query is made with.
    """
    return f"""\
WITH {before}h AS MATERIALIZED (
{hours})
SELECT time, {columns}
FROM h
UNION ALL
SELECT last.time, {columns}
FROM (SELECT * FROM h ORDER BY time DESC LIMIT 1) h
CROSS JOIN LATERAL (SELECT least(h.time + interval '1 hour', $__timeTo()::timestamptz) AS time) last
WHERE last.time > h.time
ORDER BY time
"""


def text(words: str) -> str:
    """Words as an SQL literal."""
    return "'" + words.replace("'", "''") + "'"
