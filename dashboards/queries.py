"""The SQL of the boards, by name, on `board.*` views only; each can be read and run without the panel around it.

Grafana's macros and `${site:sqlstring}` stand for literals (docs/en/boards.md). The list of sites is written as an
array, because an empty database has no sites and `IN ()` is no SQL. Percentages come from the views: nothing is
divided or averaged here.
"""

from __future__ import annotations

SITES = """\
SELECT DISTINCT site
FROM board.machine_live
ORDER BY site
"""

MACHINES = """\
SELECT site, title AS machine, state, cause, since, program, parts_good, parts_total,
       oee, oee_low, oee_high, availability, effectiveness, quality_ratio, spindle_utilization, coverage, reason, lag_s
FROM board.machine_live
WHERE site = ANY (ARRAY[${site:sqlstring}]::text[])
ORDER BY site, title, machine_live.machine
"""

STATES = """\
SELECT count(*) FILTER (WHERE state = 'producing') AS producing,
       count(*) FILTER (WHERE state = 'setup') AS setup,
       count(*) FILTER (WHERE state = 'idle') AS idle,
       count(*) FILTER (WHERE state = 'unplanned_stop') AS unplanned_stop,
       count(*) FILTER (WHERE state = 'planned_stop') AS planned_stop,
       count(*) FILTER (WHERE state = 'unknown') AS unknown
FROM board.machine_live
WHERE site = ANY (ARRAY[${site:sqlstring}]::text[])
"""

HEALTH = """\
SELECT gaps_lasting, lag_s, quarantined, recompute_requests
FROM board.platform_health
"""

TIMELINE = """\
WITH piece AS (
  SELECT title || ' · ' || machine AS machine, state,
         greatest(from_time, $__timeFrom()::timestamptz) AS from_time,
         least(to_time, $__timeTo()::timestamptz) AS to_time
  FROM board.state_timeline
  WHERE site = ANY (ARRAY[${site:sqlstring}]::text[])
    AND from_time < $__timeTo()::timestamptz
    AND to_time > $__timeFrom()::timestamptz
), chained AS (
  SELECT *, lead(from_time) OVER (PARTITION BY machine ORDER BY from_time) AS next_time
  FROM piece
)
SELECT from_time AS time, machine, state
FROM chained
UNION ALL
SELECT to_time, machine, NULL
FROM chained
WHERE next_time IS NULL OR next_time > to_time
ORDER BY machine, time
"""
"""A piece that began before the window is cut to it; where no piece follows, a NULL ends the stretch.
Any other column would become a row of the panel.
"""

OEE = """\
SELECT title || ' · ' || machine AS machine, oee
FROM board.machine_live
WHERE site = ANY (ARRAY[${site:sqlstring}]::text[])
ORDER BY site, title, machine_live.machine
"""

GAPS = """\
SELECT from_time, to_time, length_s, title || ' · ' || machine AS machine, source, scope, cause,
       CASE WHEN lasting THEN 'lasting' ELSE outcome END AS outcome
FROM board.gap
WHERE site = ANY (ARRAY[${site:sqlstring}]::text[])
  AND scope IN ('state', 'source')
  AND from_time < $__timeTo()::timestamptz
  AND to_time > $__timeFrom()::timestamptz
ORDER BY from_time DESC, machine
LIMIT 200
"""
"""Silence of sources. What counters and gauges leave open widens bands, but nobody could mend a line of it."""

_IN_WINDOW = """\
WHERE site = ANY (ARRAY[${site:sqlstring}]::text[])
  AND from_time < $__timeTo()::timestamptz
  AND to_time > $__timeFrom()::timestamptz
"""
_STOPS_IN_WINDOW = f"""\
{_IN_WINDOW}  AND stop_from < $__timeTo()::timestamptz
  AND stop_to > $__timeFrom()::timestamptz
"""
"""A piece of a stop lies inside it; an index knows the whole stop."""


def pareto(language: str) -> str:
    """Time not produced in the window by cause and reason, longest first; a piece is cut to the window."""
    return f"""\
SELECT cause, reason_{language} AS told_reason, class,
       sum(extract(epoch FROM least(to_time, $__timeTo()::timestamptz)
           - greatest(from_time, $__timeFrom()::timestamptz)))::float8 AS length_s,
       count(DISTINCT (machine, stop_from)) AS stops, count(DISTINCT machine) AS machines
FROM board.stop
{_STOPS_IN_WINDOW}GROUP BY cause, reason_{language}, class
ORDER BY length_s DESC, cause, told_reason
LIMIT 200
"""


def stops(language: str) -> str:
    """Every piece of a stop that touches the window, newest first."""
    return f"""\
SELECT from_time, to_time, length_s, title || ' · ' || machine AS machine, state, cause,
       reason_{language} AS told_reason, note
FROM board.stop
{_STOPS_IN_WINDOW}ORDER BY from_time DESC, machine
LIMIT 200
"""


def told(language: str) -> str:
    """What people told of the window, with what was taken back."""
    return f"""\
SELECT entered_time, author, kind, standing, from_time, to_time, title || ' · ' || machine AS machine,
       reason_{language} AS told_reason, parts, note, id
FROM board.operator_entry
{_IN_WINDOW}ORDER BY entered_time DESC, id
LIMIT 200
"""


NOW = """\
SELECT tick_time
FROM board.platform_health
WHERE tick_time IS NOT NULL
"""
"""What boards take for now outside Grafana: the engine's last tick."""
