"""Grafana's PostgreSQL macros and the variables of a board, expanded as Grafana's back end and front end do it.

After grafana/grafana pkg/tsdb/grafana-postgresql-datasource/macros.go (2026): variables first, then comments go, then
the global words, then the calls. What Grafana refuses or quotes differently by version is refused here: unknown macros,
unknown variables and variables without a style raise KeyError.
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
_LENGTH = re.compile(r"'?(\d+)(ms|[smhdw])'?")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

_STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
"""Intervals that Grafana rounds to, from a second to a day."""


@dataclass(frozen=True)
class Window:
    """The time range of a board. `points`: how many a panel can show, which gives `$__interval`."""

    start: datetime
    end: datetime
    timescale: bool = False
    points: int = 1000

    @property
    def interval_s(self) -> int:
        """The step of `$__interval`: the first usual one at which the window has no more than `points`."""
        wanted = (self.end - self.start).total_seconds() / self.points
        return next((step for step in _STEPS_S if step >= wanted), _STEPS_S[-1])


def expand(sql: str, window: Window, variables: Mapping[str, Sequence[str]] | None = None) -> str:
    """The SQL that Grafana would send."""
    known = {"__from": [_ms(window.start)], "__to": [_ms(window.end)], **(variables or {})}
    text = _VARIABLE.sub(lambda found: _variable(found[1], found[2], known), sql)
    text = _COMMENT.sub(lambda found: found[1] or "", text)
    for word, value in _words(window).items():
        text = text.replace(word, value)
    return _CALL.sub(lambda found: _call(found[1], [part.strip() for part in found[2].split(",")], window), text)


def _variable(name: str, style: str | None, variables: Mapping[str, Sequence[str]]) -> str:
    if name not in variables:
        raise KeyError(f"${{{name}}} is no variable of this board")
    values = variables[name]
    if style == "sqlstring":
        return ",".join("'" + value.replace("'", "''") + "'" for value in values)
    if style == "csv" or (style is None and name.startswith("__")):
        return ",".join(values)
    raise KeyError(f"${{{name}}} is quoted differently by different Grafana versions; write ${{{name}:sqlstring}}")


def _words(window: Window) -> dict[str, str]:
    """Words that are replaced wherever they stand, the longer ones first."""
    step = window.interval_s
    unit = next(unit for unit in ("d", "h", "m", "s") if step % _SECONDS[unit] == 0)
    found = {"$__interval_ms": str(step * 1000), "$__interval": f"{step // int(_SECONDS[unit])}{unit}"}
    for name, moment in (("From", window.start), ("To", window.end)):
        seconds = int(moment.timestamp())
        found[f"$__unixEpoch{name}()"] = str(seconds)
        found[f"$__unixEpochNano{name}()"] = str(seconds * 10**9)
    return found


def _call(name: str, arguments: Sequence[str], window: Window) -> str:
    start, end = _stamp(window.start), _stamp(window.end)
    first, last = (int(moment.timestamp()) for moment in (window.start, window.end))
    column = arguments[0]
    macros: dict[str, Callable[[], str]] = {
        "__timeFrom": lambda: start,
        "__timeTo": lambda: end,
        "__time": lambda: f'{column} AS "time"',
        "__timeEpoch": lambda: f'extract(epoch from {column}) as "time"',
        "__timeFilter": lambda: f"{column} BETWEEN {start} AND {end}",
        "__timeGroup": lambda: _group(arguments, window),
        "__timeGroupAlias": lambda: f'{_group(arguments, window)} AS "time"',
        "__unixEpochFilter": lambda: f"{column} >= {first} AND {column} <= {last}",
        "__unixEpochNanoFilter": lambda: f"{column} >= {first * 10**9} AND {column} <= {last * 10**9}",
        "__unixEpochGroup": lambda: f"floor(({column})/{_step(arguments):g})*{_step(arguments):g}",
        "__unixEpochGroupAlias": lambda: f'floor(({column})/{_step(arguments):g})*{_step(arguments):g} AS "time"',
    }
    if name not in macros:
        raise KeyError(f"${name} is no macro of Grafana's PostgreSQL data source")
    return macros[name]()


def _group(arguments: Sequence[str], window: Window) -> str:
    seconds = _step(arguments)
    if window.timescale:
        return f"time_bucket('{seconds:.3f}s',{arguments[0]})"
    return f"floor(extract(epoch from {arguments[0]})/{seconds:g})*{seconds:g}"


def _step(arguments: Sequence[str]) -> float:
    """Seconds of the second argument, such as `5m` or `'5m'`."""
    length = _LENGTH.fullmatch(arguments[1]) if len(arguments) > 1 else None
    if length is None:
        raise KeyError(f"a group of time needs a column and a length such as '5m', not {', '.join(arguments)}")
    return int(length[1]) * _SECONDS[length[2]]


def _stamp(moment: datetime) -> str:
    """RFC 3339 in UTC without trailing zeros, in quotes."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"'{text}Z'"


def _ms(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))
