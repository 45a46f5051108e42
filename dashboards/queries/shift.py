"""What the board of one shift asks. A shift is chosen by its production day and name, as SHIFTS writes them."""

from __future__ import annotations

from dashboards.queries.common import OF_MACHINE, OF_SITES

SHIFTS = f"""\
SELECT to_char(production_day, 'YYYY-MM-DD') || ' · ' || shift AS shift
FROM board.shift
WHERE {OF_SITES}
GROUP BY production_day, shift
ORDER BY min(shift_start) DESC
LIMIT 300
"""

_START = f"""\
(SELECT min(shift_start) FROM board.shift
    WHERE {OF_SITES}
      AND to_char(production_day, 'YYYY-MM-DD') || ' · ' || shift = (ARRAY[${{shift:sqlstring}}]::text[])[1])"""
_END = _START.replace("min(shift_start)", "min(shift_end)")
OF_SHIFT = f"shift_start = {_START}"

FIGURES = f"""\
SELECT oee, oee_low, oee_high, availability, effectiveness, quality_ratio, coverage, parts_good, parts_scrap
FROM board.kpi_shift
WHERE {OF_MACHINE}
  AND {OF_SHIFT}
"""

BOUNDS = f"""\
SELECT v.figure, v.value, v.low, v.high, v.upper_h, v.lower_h
FROM board.kpi_shift k
CROSS JOIN LATERAL (VALUES
  (1, 'oee', oee, oee_low, oee_high, standard_good_h, planned_busy_h),
  (2, 'availability', availability, availability_low, availability_high, production_h, planned_busy_h),
  (3, 'effectiveness', effectiveness, effectiveness_low, effectiveness_high, standard_total_h, production_h),
  (4, 'quality_ratio', quality_ratio, quality_ratio_low, quality_ratio_high, standard_good_h, standard_total_h),
  (5, 'spindle_utilization', spindle_utilization, spindle_utilization_low, spindle_utilization_high,
   spindle_turning_h, planned_busy_h),
  (6, 'coverage', coverage, coverage, coverage, observed_h, planned_busy_h)
) v (place, figure, value, low, high, upper_h, lower_h)
WHERE k.{OF_MACHINE}
  AND k.{OF_SHIFT}
ORDER BY v.place
"""

WATERFALL = f"""\
SELECT step, base,
       CASE WHEN step IN ('calendar', 'value') THEN height END AS kept_min,
       CASE WHEN step IN ('out_of_plan', 'planned_stop') THEN height END AS planned_min,
       CASE WHEN step = 'unknown' THEN height END AS unseen_min,
       CASE WHEN step NOT IN ('calendar', 'value', 'out_of_plan', 'planned_stop', 'unknown') THEN height END AS lost_min
FROM (
  SELECT 0 AS place, 'calendar' AS step, 0::float8 AS base, loss_min + left_min AS height
  FROM board.shift_loss
  WHERE {OF_MACHINE} AND step_number = 1
    AND {OF_SHIFT}
  UNION ALL
  SELECT step_number, step, least(left_min, left_min + loss_min), abs(loss_min)
  FROM board.shift_loss
  WHERE {OF_MACHINE}
    AND {OF_SHIFT}
  UNION ALL
  SELECT 10, 'value', 0, left_min
  FROM board.shift_loss
  WHERE {OF_MACHINE} AND step_number = 9
    AND {OF_SHIFT}
) v
ORDER BY place
"""
"""From calendar time to good standard time; a step that is a gain rises from what was left before it."""

LOSSES = f"""\
SELECT step, loss_min, left_min,
       loss_min / nullif(first_value(loss_min + left_min) OVER (ORDER BY step_number), 0) AS share
FROM board.shift_loss
WHERE {OF_MACHINE}
  AND {OF_SHIFT}
ORDER BY step_number
"""

_IN_SHIFT = f"""\
{OF_MACHINE}
  AND from_time < {_END}
  AND to_time > {_START}
  AND stop_from < {_END}
  AND stop_to > {_START}"""
_CUT_MIN = f"extract(epoch FROM least(to_time, {_END})\n           - greatest(from_time, {_START})) / 60"


def pareto(language: str, none: str) -> str:
    """Minutes by reason, or by cause where nobody told one, longest first; `none`: the reason of what has none."""
    return f"""\
SELECT name, sum(minutes)::float8 AS lost_min
FROM (
  SELECT CASE reason WHEN '' THEN cause_{language} || ' ({none})' ELSE reason_{language} END AS name,
         {_CUT_MIN} AS minutes
  FROM board.stop
  WHERE {_IN_SHIFT}
) s
GROUP BY name
ORDER BY lost_min DESC, name
LIMIT 10
"""


def stops(language: str, most: int = 500) -> str:
    """Every piece of a stop that touches the shift, cut to it, in order; the first `most` of them."""
    return f"""\
SELECT from_time, {_CUT_MIN} AS lost_min, state, cause, reason_{language} AS told_reason, author, note
FROM board.stop
WHERE {_IN_SHIFT}
ORDER BY from_time
LIMIT {most}
"""


WEEKS = f"""\
SELECT to_char(k.production_day, 'YYYY-MM-DD') || ' · ' || k.shift AS shift, k.oee, k.oee_low, k.oee_high,
       k.availability, k.effectiveness, k.quality_ratio, k.coverage, k.parts_good
FROM board.kpi_shift k
WHERE k.{OF_MACHINE}
  AND k.shift_start = ANY (ARRAY(
    SELECT other.shift_start
    FROM board.shift this
    JOIN board.shift other ON other.site = this.site AND other.shift = this.shift
      AND this.production_day - other.production_day = ANY (ARRAY[0, 7, 14, 21, 28, 35, 42, 49])
    WHERE this.{OF_SITES}
      AND to_char(this.production_day, 'YYYY-MM-DD') || ' · ' || this.shift = (ARRAY[${{shift:sqlstring}}]::text[])[1]
  ))
ORDER BY k.shift_start
"""

MACHINES = f"""\
SELECT title, machine, oee, oee_low, oee_high, availability, effectiveness, quality_ratio, coverage,
       parts_good, parts_total, reason
FROM board.kpi_shift
WHERE {OF_SITES}
  AND {OF_SHIFT}
ORDER BY machine
LIMIT 500
"""
