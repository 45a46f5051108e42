"""What the plant board asks: indicators of whole weeks that the window touches."""

from __future__ import annotations

from dashboards.queries.common import OF_SITES

AREAS = f"""\
SELECT DISTINCT area
FROM board.machine
WHERE {OF_SITES}
ORDER BY area
"""

_WEEKS = f"""\
{OF_SITES}
  AND week <= ($__timeTo()::timestamptz - interval '1 microsecond')::date
  AND week > ($__timeFrom()::timestamptz - interval '7 days')::date"""
"""Compared as days: the server lets a reader's condition into a view before the view's own only if it can leak nothing,
and does not believe that of comparing days with instants."""
_OF_AREAS = "area = ANY (ARRAY[${area:sqlstring}]::text[])"
_FIGURES = """\
coverage, load_actual, load_actual_high, shift_factor, readiness, equipment_use, integral_use,
       oee, oee_low, oee_high, calendar_oee, allocation_efficiency, utilization_efficiency, parts_good"""

SITES_WEEKS = f"""\
SELECT week::timestamptz AS week, site, machines, {_FIGURES}
FROM board.indicator_week
WHERE level = 'site' AND {_WEEKS}
ORDER BY week DESC, site
LIMIT 500
"""

AREAS_WEEKS = f"""\
SELECT week::timestamptz AS week, site, area, machines, {_FIGURES}
FROM board.indicator_week
WHERE level = 'area' AND {_WEEKS}
  AND {_OF_AREAS}
ORDER BY week DESC, site, area
LIMIT 500
"""

MACHINES = f"""\
SELECT week::timestamptz AS week, title, machine, area, {_FIGURES}
FROM board.indicator_week
WHERE level = 'machine' AND {_WEEKS}
  AND {_OF_AREAS}
ORDER BY week DESC, site, machine
LIMIT 1000
"""

TREND = f"""\
SELECT week::timestamptz AS time, site || ' · ' || area AS metric, oee
FROM board.indicator_week
WHERE level = 'area' AND {_WEEKS}
  AND {_OF_AREAS}
ORDER BY time, metric
"""

RUNNING = f"""\
SELECT title, sum(order_h) / nullif(sum(planned_busy_h), 0) AS allocation_efficiency,
       sum(production_h) / nullif(sum(order_h), 0) AS utilization_efficiency
FROM board.indicator_week
WHERE level = 'machine' AND {_WEEKS}
  AND {_OF_AREAS}
GROUP BY title, machine
ORDER BY sum(production_h) / nullif(sum(planned_busy_h), 0), machine
LIMIT 100
"""
"""Least used first."""

IDLE = f"""\
SELECT title, machine, area, from_week::timestamptz AS week, availability, allocation_efficiency,
       no_order_h, waiting_h, breakdown_h, setup_h
FROM board.idle_machine
WHERE {OF_SITES}
  AND {_OF_AREAS}
ORDER BY availability, machine
LIMIT 200
"""
