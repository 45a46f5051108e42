"""What the shop floor board asks."""

from __future__ import annotations

MACHINES = """\
SELECT title, machine, state, cause, since, program, parts_good, parts_total,
       oee, oee_low, oee_high, availability, effectiveness, quality_ratio, spindle_utilization, coverage, reason, lag_s
FROM board.machine_live
WHERE site = ANY (ARRAY[${site:sqlstring}]::text[])
ORDER BY site, title, machine
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


TILES = """\
SELECT state, title, to_char(since AT TIME ZONE zone, 'HH24:MI') || ' · ' || coalesce(nullif(program, ''), '—') AS work,
       coalesce(parts_good::text, '—') || ' / ' || coalesce(parts_total::text, '—') || ' · OEE '
           || coalesce(round(100 * oee)::text || ' % (' || round(100 * oee_low)::text || '–'
           || round(100 * oee_high)::text || ' %)', '—') AS made
FROM board.machine_live
JOIN (SELECT machine, zone FROM board.machine) place USING (machine)
WHERE site = ANY (ARRAY[${site:sqlstring}]::text[])
ORDER BY site, title, machine
LIMIT 200
"""
"""A tile is a line of text: percents of an OEE are formatted here, because its name is made of texts."""
