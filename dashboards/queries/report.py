"""What printed reports ask beside the queries of the boards: all bounds, sums to add up, what there is to choose."""

from __future__ import annotations

from dashboards.queries.common import OF_SITES
from dashboards.queries.shift import OF_SHIFT

PLACE = f"""\
SELECT DISTINCT site, site_title, zone
FROM board.machine
WHERE {OF_SITES}
ORDER BY site
"""

PLACES = """\
SELECT DISTINCT site
FROM board.machine
ORDER BY site
"""

LAST_SHIFTS = f"""\
SELECT to_char(s.production_day, 'YYYY-MM-DD') AS day, s.shift, s.shift_end <= h.tick_time AS ended
FROM board.shift s
CROSS JOIN board.platform_health h
WHERE s.{OF_SITES}
ORDER BY s.shift_start DESC
LIMIT 1000
"""

SHIFT = f"""\
SELECT title, machine, area, shift_start, shift_end, as_of, planned_busy_h, observed_h, production_h, spindle_turning_h,
       standard_total_h, standard_good_h, parts_total, parts_good, parts_scrap, oee, oee_low, oee_high,
       availability, availability_low, availability_high, effectiveness, effectiveness_low, effectiveness_high,
       quality_ratio, quality_ratio_low, quality_ratio_high,
       spindle_utilization, spindle_utilization_low, spindle_utilization_high, coverage, reason, definition
FROM board.kpi_shift
WHERE {OF_SITES}
  AND {OF_SHIFT}
ORDER BY machine
LIMIT 500
"""

WEEKS = f"""\
SELECT level, week, area, machine, title, machines, days, calendar_h, planned_busy_h, unknown_h, order_h,
       production_h, setup_h, waiting_h, breakdown_h, no_order_h, parts_good, coverage, load_actual,
       load_actual_low, load_actual_high,
       shift_factor, shift_factor_low, shift_factor_high, readiness, readiness_low, readiness_high,
       equipment_use, equipment_use_low, equipment_use_high, integral_use, integral_use_low, integral_use_high,
       allocation_efficiency, utilization_efficiency, availability, availability_high, oee, oee_low, oee_high,
       calendar_oee, definition
FROM board.indicator_week
WHERE {OF_SITES}
  AND week >= (ARRAY[${{first:sqlstring}}]::date[])[1]
  AND week < (ARRAY[${{next:sqlstring}}]::date[])[1]
ORDER BY week, level, area, machine
LIMIT 20000
"""

IDLE = f"""\
SELECT title, machine, area, from_week AS week, availability, allocation_efficiency, no_order_h, waiting_h, breakdown_h,
       setup_h
FROM board.idle_machine
WHERE {OF_SITES}
ORDER BY availability, machine
LIMIT 500
"""

TICK = """\
SELECT tick_time
FROM board.platform_health
"""

KEPT = """\
SELECT id, kind, site, as_of, made_time
FROM board.report
ORDER BY made_time DESC
LIMIT 200
"""

SHIFT_CHANGES = """\
SELECT s.site, p.site_title, s.shift, s.shift_start
FROM board.shift s
JOIN (SELECT DISTINCT site, site_title FROM board.machine) p USING (site)
WHERE s.shift_start > (SELECT tick_time FROM board.platform_health) - interval '28 days'
ORDER BY s.shift_start, s.site
LIMIT 5000
"""

ACTS = """\
SELECT m.site, coalesce(p.zone, 'UTC') AS zone, coalesce(nullif(m.machine, ''), m.inventory) AS name,
       to_char(m.act, 'YYYY-MM-DD') AS act
FROM board.programme_machine m
LEFT JOIN (SELECT DISTINCT site, zone FROM board.machine) p USING (site)
WHERE m.act IS NOT NULL
ORDER BY m.act, m.site, name
LIMIT 1000
"""
