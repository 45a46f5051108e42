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
