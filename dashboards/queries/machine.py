"""What the board of one machine asks."""

from __future__ import annotations

from dashboards.queries.common import CUT_S, HOURS, OF_MACHINE, TOUCHES, closed

NOW_DOING = f"""\
SELECT state, cause, since, program,
       (SELECT text FROM board.event
        WHERE {OF_MACHINE} AND signal = 'tool.id' AND at_time > live.as_of - interval '1 day'
        ORDER BY at_time DESC LIMIT 1) AS tool,
       nullif(spindle_speed, 'NaN') AS spindle_speed, lag_s
FROM board.machine_live live
WHERE {OF_MACHINE}
"""

SHIFT_SO_FAR = f"""\
SELECT oee, oee_low, oee_high, availability, effectiveness, quality_ratio, coverage, parts_good, parts_total
FROM board.machine_live
WHERE {OF_MACHINE}
"""

STATES = f"""\
WITH piece AS (
  SELECT title || ' · ' || machine AS machine, state,
         greatest(from_time, $__timeFrom()::timestamptz) AS from_time,
         least(to_time, $__timeTo()::timestamptz) AS to_time
  FROM board.state_timeline
  WHERE {OF_MACHINE}
    AND {TOUCHES}
), chained AS (
  SELECT *, lead(from_time) OVER (ORDER BY from_time) AS next_time
  FROM piece
)
SELECT from_time AS time, machine, state
FROM chained
UNION ALL
SELECT to_time, machine, NULL
FROM chained
WHERE next_time IS NULL OR next_time > to_time
ORDER BY time
"""

PROGRAMS = f"""\
WITH piece AS (
  SELECT title || ' · ' || machine AS machine, program,
         greatest(from_time, $__timeFrom()::timestamptz) AS from_time,
         least(to_time, $__timeTo()::timestamptz) AS to_time
  FROM board.program_timeline
  WHERE {OF_MACHINE}
    AND {TOUCHES}
), chained AS (
  SELECT *, lead(from_time) OVER (ORDER BY from_time) AS next_time
  FROM piece
)
SELECT from_time AS time, machine, nullif(program, '') AS program
FROM chained
UNION ALL
SELECT to_time, machine, NULL
FROM chained
WHERE next_time IS NULL OR next_time > to_time
ORDER BY time
"""


def gauge(column: str, signal: str) -> str:
    """Means of the samples of a signal a step of the picture; where the state was not known, the line is cut."""
    return f"""\
SELECT date_bin('$__interval', at_time, 'epoch') AS time, avg(value) AS {column}
FROM board.gauge
WHERE {OF_MACHINE} AND signal = '{signal}'
  AND at_time >= $__timeFrom()::timestamptz AND at_time < $__timeTo()::timestamptz
  AND block_time > $__timeFrom()::timestamptz - interval '1 hour' AND block_time < $__timeTo()::timestamptz
GROUP BY 1
UNION ALL
SELECT from_time, NULL
FROM board.gap
WHERE {OF_MACHINE} AND scope = 'state'
  AND from_time > $__timeFrom()::timestamptz AND from_time < $__timeTo()::timestamptz
ORDER BY 1
"""


SPINDLE_SPEED = gauge("spindle_speed", "spindle.1.speed")
LOAD = gauge("load", "spindle.1.load")

OVERRIDES = f"""\
WITH told AS (
  SELECT signal, at_time, value
  FROM board.gauge
  WHERE {OF_MACHINE} AND signal = ANY (ARRAY['feed.1.override', 'spindle.1.override', 'feed.1.rapid_override'])
    AND at_time >= $__timeFrom()::timestamptz - interval '1 day' AND at_time < $__timeTo()::timestamptz
    AND block_time > $__timeFrom()::timestamptz - interval '25 hours' AND block_time < $__timeTo()::timestamptz
), held AS (
  SELECT signal, at_time, value FROM told
  UNION ALL
  (SELECT DISTINCT ON (signal) signal, $__timeTo()::timestamptz, value FROM told ORDER BY signal, at_time DESC)
)
SELECT greatest(at_time, $__timeFrom()::timestamptz) AS time,
       (array_agg(value ORDER BY at_time DESC) FILTER (WHERE signal = 'feed.1.override'))[1] AS feed_override,
       (array_agg(value ORDER BY at_time DESC) FILTER (WHERE signal = 'spindle.1.override'))[1] AS spindle_override,
       (array_agg(value ORDER BY at_time DESC) FILTER (WHERE signal = 'feed.1.rapid_override'))[1] AS rapid_override
FROM held
GROUP BY 1
ORDER BY 1
LIMIT 10000
"""
"""Each setting holds until the next one; settings of the day before the window are looked at, too."""

PARTS = closed(
    f"""\
SELECT h.hour AS time, h.parts_good, h.parts_scrap,
       h.planned_busy_h * s.parts_total / nullif(s.standard_total_h, 0) AS parts_target
FROM (
  SELECT hour, parts_good, parts_scrap, planned_busy_h
  FROM board.kpi_hour
  WHERE {OF_MACHINE}
    AND {HOURS}
) h
LEFT JOIN s ON s.shift_start <= h.hour AND s.shift_end > h.hour
""",
    "parts_good, parts_scrap, parts_target",
    f"""\
s AS MATERIALIZED (
  SELECT shift_start, shift_end, parts_total, standard_total_h
  FROM board.kpi_shift
  WHERE {OF_MACHINE}
    AND shift_start < $__timeTo()::timestamptz AND shift_end > $__timeFrom()::timestamptz - interval '1 hour'
), """,
)
"""Target: planned busy time of the hour by the mean standard time of the parts of its shift."""

CYCLES = f"""\
WITH counted AS (
  SELECT at_time AS time, value - lag(value) OVER in_order AS step,
         extract(epoch FROM at_time - lag(at_time) OVER in_order)::float8 AS cycle_s
  FROM board.event
  WHERE {OF_MACHINE} AND signal = 'part.total'
    AND at_time >= $__timeFrom()::timestamptz - interval '1 hour' AND at_time < $__timeTo()::timestamptz
  WINDOW in_order AS (ORDER BY at_time)
), cycle AS (
  SELECT time, cycle_s FROM counted WHERE step = 1 AND time >= $__timeFrom()::timestamptz
)
SELECT time, cycle_s
FROM cycle
WHERE cycle_s < (SELECT 3 * percentile_cont(0.5) WITHIN GROUP (ORDER BY cycle_s) FROM cycle)
ORDER BY time
LIMIT 5000
"""
"""From count to count, where it rose by one; an hour before the window is looked at for the count before."""

OEE_HOURS = closed(
    f"""\
SELECT hour AS time, oee_low, oee_high, oee
FROM board.kpi_hour
WHERE {OF_MACHINE}
  AND {HOURS}
""",
    "oee_low, oee_high, oee",
)

COVERAGE_HOURS = closed(
    f"""\
SELECT hour AS time, coverage, spindle_coverage
FROM board.kpi_hour
WHERE {OF_MACHINE}
  AND {HOURS}
""",
    "coverage, spindle_coverage",
)

SHIFTS = f"""\
SELECT to_char(production_day, 'YYYY-MM-DD') || ' · ' || shift AS shift, shift_start, oee, oee_low, oee_high,
       availability, effectiveness, quality_ratio, coverage, parts_good, parts_total
FROM board.kpi_shift
WHERE {OF_MACHINE}
  AND shift_start < $__timeTo()::timestamptz
  AND shift_end > $__timeFrom()::timestamptz
ORDER BY shift_start DESC
LIMIT 200
"""

ALARMS = f"""\
SELECT at_time, alarm, CASE WHEN value = 1 THEN 'raised' ELSE 'cleared' END AS edge,
       CASE WHEN value = 0 AND before = 1 THEN extract(epoch FROM at_time - before_time)::float8 END AS length_s
FROM (
  SELECT at_time, text AS alarm, value, lag(value) OVER of_code AS before, lag(at_time) OVER of_code AS before_time
  FROM board.event
  WHERE {OF_MACHINE} AND signal = 'alarm.edge'
    AND at_time >= $__timeFrom()::timestamptz AND at_time < $__timeTo()::timestamptz
  WINDOW of_code AS (PARTITION BY text ORDER BY at_time)
) e
ORDER BY at_time DESC, alarm
LIMIT 200
"""

GAPS = f"""\
SELECT from_time, to_time, length_s, source, scope, cause,
       CASE WHEN lasting THEN 'lasting' ELSE outcome END AS outcome
FROM board.gap
WHERE {OF_MACHINE}
  AND {TOUCHES}
ORDER BY from_time DESC, scope
LIMIT 200
"""


def shaded(words: str) -> str:
    """Stretches without a trusted state, for shading; `words` is an SQL literal."""
    return f"""\
SELECT greatest(from_time, $__timeFrom()::timestamptz) AS time,
       least(to_time, $__timeTo()::timestamptz) AS timeend, {words} AS text
FROM board.gap
WHERE {OF_MACHINE} AND scope = 'state' AND outcome IS DISTINCT FROM 'recovered'
  AND {TOUCHES}
ORDER BY time
LIMIT 200
"""


def stops(language: str) -> str:
    """Lost time of the machine by cause and reason, longest first."""
    return f"""\
SELECT cause, reason_{language} AS told_reason,
       sum({CUT_S})::float8 AS length_s,
       count(DISTINCT stop_from) AS stops
FROM board.stop
WHERE {OF_MACHINE}
  AND {TOUCHES}
  AND stop_from < $__timeTo()::timestamptz AND stop_to > $__timeFrom()::timestamptz
GROUP BY cause, reason_{language}
ORDER BY length_s DESC, cause, told_reason
LIMIT 200
"""
