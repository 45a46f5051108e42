"""What the board of spindles and cutting asks: sums of whole hours, divided last."""

from __future__ import annotations

from dashboards.queries.common import HOURS, OF_MACHINES, closed

_RATIOS = """\
sum(powered_h) / nullif(sum(planned_busy_h), 0) AS powered,
       sum(program_running_h) / nullif(sum(planned_busy_h), 0) AS program_running,
       sum(turning_h) / nullif(sum(planned_busy_h), 0) AS turning,
       CASE WHEN count(in_cut_h) = count(*) THEN sum(in_cut_h) / nullif(sum(planned_busy_h), 0) END AS in_cut"""

FOUR = f"""\
SELECT {_RATIOS}
FROM board.spindle_hour
WHERE {OF_MACHINES}
  AND {HOURS}
"""

MACHINES = f"""\
SELECT title, machine, {_RATIOS},
       CASE WHEN count(air_cut_h) = count(*) THEN sum(air_cut_h) / nullif(sum(production_h), 0) END AS air_cut,
       sum(feed_hold_h) / nullif(sum(production_h), 0) AS feed_hold,
       sum(feed_override_loss_h) / nullif(sum(production_h), 0) AS feed_override_loss,
       sum(spindle_override_loss_h) / nullif(sum(production_h), 0) AS spindle_override_loss,
       sum(load_h) / nullif(sum(load_known_h), 0) AS mean_load,
       sum(energy_kwh) AS energy_kwh, sum(energy_kwh) / nullif(sum(parts_good), 0) AS energy_part_kwh
FROM board.spindle_hour
WHERE {OF_MACHINES}
  AND {HOURS}
GROUP BY title, machine
ORDER BY machine
LIMIT 500
"""

BY_HOUR = closed(
    f"""\
SELECT hour AS time, {_RATIOS}
FROM board.spindle_hour
WHERE {OF_MACHINES}
  AND {HOURS}
GROUP BY hour
""",
    "powered, program_running, turning, in_cut",
)

LOSSES = closed(
    f"""\
SELECT hour AS time, 60 * sum(air_cut_h) AS air_cut_min, 60 * sum(feed_hold_h) AS feed_hold_min,
       60 * sum(feed_override_loss_h) AS feed_override_min, 60 * sum(spindle_override_loss_h) AS spindle_override_min
FROM board.spindle_hour
WHERE {OF_MACHINES}
  AND {HOURS}
GROUP BY hour
""",
    "air_cut_min, feed_hold_min, feed_override_min, spindle_override_min",
)

HISTOGRAM = f"""\
SELECT CASE WHEN class_to IS NULL THEN '≥ ' || class_from ELSE class_from || '–' || class_to END AS bin,
       sum(load_h) AS load_h
FROM board.load_hour
WHERE {OF_MACHINES}
  AND {HOURS}
GROUP BY class_from, class_to
ORDER BY class_from
LIMIT 20
"""

ENERGY = closed(
    f"""\
SELECT hour AS time, sum(energy_kwh) AS energy_kwh
FROM board.spindle_hour
WHERE {OF_MACHINES}
  AND {HOURS}
GROUP BY hour
""",
    "energy_kwh",
)

ENERGY_PART = closed(
    f"""\
SELECT hour AS time, sum(energy_kwh) / nullif(sum(parts_good), 0) AS energy_part_kwh
FROM board.spindle_hour
WHERE {OF_MACHINES}
  AND {HOURS}
GROUP BY hour
""",
    "energy_part_kwh",
)
