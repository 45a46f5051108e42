"""What the board of data quality and of the platform's health asks."""

from __future__ import annotations

from dashboards.queries.common import CUT_S, OF_SITES, TOUCHES

PLATFORM = """\
SELECT h.machines_unknown, h.gaps_lasting, h.lag_s, h.quarantined, h.recompute_requests, l.samples_s, l.database_bytes
FROM board.platform_health h
CROSS JOIN board.platform_load l
"""

VERSIONS = """\
SELECT definition, code_version
FROM board.platform_load
"""

SOURCES = """\
SELECT source, protocol, machines, machines_silent, heard, silent_s, clock_skew_s
FROM board.source_health
ORDER BY source
LIMIT 500
"""

MEASURES = """\
SELECT subject, what, value, at_time
FROM board.platform_measure
ORDER BY what, subject
LIMIT 500
"""

COVERAGE = f"""\
SELECT hour AS time, site AS metric,
       sum(planned_busy_h - unknown_h) / nullif(sum(planned_busy_h), 0) AS coverage
FROM board.spindle_hour
WHERE {OF_SITES}
  AND hour < $__timeTo()::timestamptz
  AND hour > $__timeFrom()::timestamptz - interval '1 hour'
GROUP BY hour, site
ORDER BY time, metric
"""

MACHINES = f"""\
SELECT title || ' · ' || machine AS machine,
       sum(planned_busy_h - unknown_h) / nullif(sum(planned_busy_h), 0) AS coverage
FROM board.spindle_hour
WHERE {OF_SITES}
  AND hour < $__timeTo()::timestamptz
  AND hour > $__timeFrom()::timestamptz - interval '1 hour'
GROUP BY title, spindle_hour.machine
ORDER BY coverage, 1
LIMIT 1000
"""

CAUSES = f"""\
SELECT scope, cause, count(*) AS gaps, count(DISTINCT machine) AS machines,
       (sum({CUT_S}) / 3600)::float8 AS length_h
FROM board.gap
WHERE {OF_SITES}
  AND {TOUCHES}
GROUP BY scope, cause
ORDER BY length_h DESC, scope, cause
LIMIT 200
"""

QUARANTINE = """\
SELECT received_time, source, machine, origin, reason AS fault, bytes
FROM board.quarantine
WHERE received_time >= $__timeFrom()::timestamptz AND received_time < $__timeTo()::timestamptz
ORDER BY received_time DESC, origin
LIMIT 200
"""
