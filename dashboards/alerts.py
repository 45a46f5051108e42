"""Alert rules for Grafana as data, from the same views as the boards. Pure; docker/make_alerts.py writes them.

A rule asks for one row a subject (time, a text column that names it, a value), takes the last value and compares it.
Limits stand here once, with why. A subject without data raises no alarm of its own: silence has its own rule. Titles
are in both languages, because a notification goes to whoever is on duty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.catalogue import LANGUAGES, catalogue

SOURCE = {"type": "grafana-postgresql-datasource", "uid": "stanok"}
"""As `dashboards.panels.SOURCE`, which needs the SDK."""
FOLDER = "Stanok"
GROUP = "stanok"
INTERVAL_S = 60
"""How often rules are looked at."""

DOWN_MIN = 30.0
"""A breakdown that lasts half an hour is no matter of the operator alone any more."""
OEE_LOW = 0.40
"""Of the upper bound, after two hours of the shift: also with all unknown time used well it is under this."""
SILENT_MIN = 5.0
"""A source is marked after seconds (promise G4); five minutes are no hiccup of a network."""
LAG_S = 60.0
"""As the boards: after a minute nobody should call them live."""
STOPPED_S = 120.0
"""The engine writes its clock every two seconds; two minutes without are more than a restart."""
SPOOL_LEFT_H = 24.0
"""A day to find somebody who makes room."""
SKEW_S = 2.0
"""From here on an offset is shown (docs/en/truth.md)."""
CERTIFICATE_DAYS = 30.0
"""As `stanok doctor`: a month to get a new one."""

_STOOD = "extract(epoch FROM h.tick_time - l.since)::float8 / 60"
_LIVE = "FROM board.machine_live l\nCROSS JOIN board.platform_health h\nORDER BY machine"


@dataclass(frozen=True)
class Rule:
    """`name`: key in the catalogues; `sql`: time, subject, value; alarm where the value is above (below) `limit`."""

    name: str
    sql: str
    limit: float
    above: bool = True
    lasting: str = "2m"


RULES = (
    Rule(
        "machine_down",
        f"""\
SELECT h.tick_time AS time, l.machine,
       CASE WHEN l.state = 'unplanned_stop' THEN {_STOOD} ELSE 0 END AS value
{_LIVE}""",
        DOWN_MIN,
        lasting="0s",
    ),
    Rule(
        "oee_low",
        f"""\
SELECT h.tick_time AS time, l.machine,
       CASE WHEN h.tick_time > l.shift_start + interval '2 hours' THEN coalesce(l.oee_high, 1) ELSE 1 END AS value
{_LIVE}""",
        OEE_LOW,
        above=False,
        lasting="15m",
    ),
    Rule(
        "no_data",
        f"""\
SELECT h.tick_time AS time, l.machine,
       CASE WHEN l.state = 'unknown' THEN {_STOOD} ELSE 0 END AS value
{_LIVE}""",
        SILENT_MIN,
        lasting="0s",
    ),
    Rule("collector_lag", f"SELECT h.tick_time AS time, l.machine, l.lag_s AS value\n{_LIVE}", LAG_S),
    Rule(
        "engine_stopped",
        """\
SELECT tick_time AS time, 'engine' AS process, $__unixEpochTo() - extract(epoch FROM tick_time)::float8 AS value
FROM board.platform_health""",
        STOPPED_S,
        lasting="0s",
    ),
    Rule(
        "spool_filling",
        """\
SELECT at_time AS time, subject AS spool, value
FROM board.platform_measure
WHERE what = 'spool_left_h'
ORDER BY subject""",
        SPOOL_LEFT_H,
        above=False,
        lasting="5m",
    ),
    Rule(
        "clock_skew",
        """\
SELECT heard AS time, source, abs(clock_skew_s) AS value
FROM board.source_health
WHERE clock_skew_s IS NOT NULL
ORDER BY source""",
        SKEW_S,
        lasting="10m",
    ),
    Rule(
        "certificate",
        """\
SELECT at_time AS time, subject AS certificate, value
FROM board.platform_measure
WHERE what = 'certificate_left_d'
ORDER BY subject""",
        CERTIFICATE_DAYS,
        above=False,
        lasting="0s",
    ),
)


def provisioned() -> dict[str, Any]:
    """The file of Grafana's alert provisioning: one group of all rules, looked at every minute."""
    group = {
        "orgId": 1,
        "name": GROUP,
        "folder": FOLDER,
        "interval": f"{INTERVAL_S}s",
        "rules": [_rule(rule) for rule in RULES],
    }
    return {"apiVersion": 1, "groups": [group]}


def _rule(rule: Rule) -> dict[str, Any]:
    comparison = {"evaluator": {"type": "gt" if rule.above else "lt", "params": [rule.limit]}}
    return {
        "uid": f"stanok-{rule.name.replace('_', '-')}",
        "title": _words(f"alert.{rule.name}.title"),
        "condition": "C",
        "data": [
            _step("A", SOURCE, {"editorMode": "code", "format": "time_series", "rawQuery": True, "rawSql": rule.sql}),
            _step("B", _EXPRESSION, {"type": "reduce", "expression": "A", "reducer": "last"}),
            _step("C", _EXPRESSION, {"type": "threshold", "expression": "B", "conditions": [comparison]}),
        ],
        "for": rule.lasting,
        "noDataState": "OK",
        "execErrState": "Error",
        "annotations": {
            f"summary_{language}": catalogue(language)[f"alert.{rule.name}.todo"] for language in LANGUAGES
        },
        "labels": {"stanok": rule.name},
        "isPaused": False,
    }


_EXPRESSION = {"type": "__expr__", "uid": "__expr__"}
_WINDOW_S = 600
"""Rows carry the engine's tick as their time; the window only fills the macros."""


def _step(name: str, source: Mapping[str, str], model: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "refId": name,
        "relativeTimeRange": {"from": _WINDOW_S, "to": 0},
        "datasourceUid": source["uid"],
        "model": {"refId": name, "datasource": dict(source), **model},
    }


def _words(key: str) -> str:
    return " · ".join(catalogue(language)[key] for language in LANGUAGES)
