"""What the stops board asks."""

from __future__ import annotations

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
SELECT cause, told_reason, class, extract(epoch FROM sum(length))::float8 AS length_s, sum(stops)::int8 AS stops,
       count(*) AS machines
FROM (
  SELECT cause, reason_{language} AS told_reason, class, count(DISTINCT stop_from) AS stops,
         sum(least(to_time, $__timeTo()::timestamptz) - greatest(from_time, $__timeFrom()::timestamptz)) AS length
  FROM board.stop
  {_STOPS_IN_WINDOW.replace(chr(10), chr(10) + "  ").rstrip()}
  GROUP BY machine, cause, reason_{language}, class
) a_machine
GROUP BY cause, told_reason, class
ORDER BY length_s DESC, cause, told_reason
LIMIT 200
"""
    # Machine by machine: counting distinct pairs would sort them all. Sorted by machines first, which differ most.


def stops(language: str) -> str:
    """Every piece of a stop that touches the window, newest first.

    No piece of the newest 200 begins before the 200th newest stop: what ended earlier is not cut into pieces at all.
    """
    return f"""\
WITH newest AS MATERIALIZED (
  SELECT min(from_time) AS from_time
  FROM (
    SELECT from_time
    FROM board.state_timeline
    {_IN_WINDOW.replace(chr(10), chr(10) + "    ").rstrip()}
      AND state = ANY (ARRAY['idle', 'setup', 'planned_stop', 'unplanned_stop'])
    ORDER BY from_time DESC
    LIMIT 200
  ) s
)
SELECT from_time, to_time, length_s, title || ' · ' || machine AS machine, state, cause,
       reason_{language} AS told_reason, note
FROM board.stop
{_STOPS_IN_WINDOW}  AND from_time >= (SELECT from_time FROM newest)
  AND stop_to > (SELECT from_time FROM newest)
ORDER BY from_time DESC, machine
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
