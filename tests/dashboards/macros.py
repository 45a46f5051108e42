"""Grafana's PostgreSQL macros and the variables of a board, expanded as Grafana's back end and front end do it.

After grafana/grafana pkg/tsdb/grafana-postgresql-datasource/macros.go (2026). A test stand-in for the part of Grafana
that turns a panel's text into SQL. Unknown macros and variables raise KeyError, as Grafana refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

_CALL = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")
_COMMENT = re.compile(r"('(?:[^']|'')*')|--[^\n]*|/\*.*?\*/", re.DOTALL)
"""Quoted text, which is kept, or a comment."""
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True)
class Window:
    """The time range of a board."""

    start: datetime
    end: datetime
    timescale: bool = False


def expand(sql: str, window: Window, variables: Mapping[str, Sequence[str]] | None = None) -> str:
    """The SQL that Grafana would send."""
    text = _VARIABLE.sub(lambda found: _variable(found[1], found[2], variables or {}), sql)
    text = _COMMENT.sub(lambda found: found[1] or "", text)
    for name, moment in (("From", window.start), ("To", window.end)):
        text = text.replace(f"$__unixEpoch{name}()", str(int(moment.timestamp())))
    return _CALL.sub(lambda found: _call(found[1], [part.strip() for part in found[2].split(",")], window), text)


def _variable(name: str, style: str | None, variables: Mapping[str, Sequence[str]]) -> str:
    values = variables[name]
    if style == "sqlstring":
        return ",".join("'" + value.replace("'", "''") + "'" for value in values)
    if style == "csv":
        return ",".join(values)
    raise KeyError(f"${{{name}}} is quoted differently by different Grafana versions; write ${{{name}:sqlstring}}")


def _call(name: str, arguments: Sequence[str], window: Window) -> str:
    start, end = _stamp(window.start), _stamp(window.end)
    macros: dict[str, Callable[[], str]] = {
        "__timeFrom": lambda: start,
        "__timeTo": lambda: end,
        "__time": lambda: f'{arguments[0]} AS "time"',
        "__timeFilter": lambda: f"{arguments[0]} BETWEEN {start} AND {end}",
        "__timeGroup": lambda: _group(arguments, window),
        "__timeGroupAlias": lambda: f'{_group(arguments, window)} AS "time"',
    }
    return macros[name]()


def _group(arguments: Sequence[str], window: Window) -> str:
    length = re.fullmatch(r"'?(\d+)(ms|[smhdw])'?", arguments[1])
    assert length, arguments
    seconds = int(length[1]) * _SECONDS[length[2]]
    if window.timescale:
        return f"time_bucket('{seconds:.3f}s',{arguments[0]})"
    return f"floor(extract(epoch from {arguments[0]})/{seconds:g})*{seconds:g}"


def _stamp(moment: datetime) -> str:
    """RFC 3339 in UTC without trailing zeros, in quotes."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"'{text}Z'"
