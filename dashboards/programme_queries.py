"""The SQL of the board Programmes, on `board.programme_*` views only; each can be read and run without its panel.

As in `dashboards.queries` nothing is divided or averaged here. Days are written out as text: a day has no time zone.
"""

from __future__ import annotations

SITES = """\
SELECT site
FROM board.programme_plant
ORDER BY site
"""

_CHOSEN = "WHERE site = ANY (ARRAY[${site:sqlstring}]::text[])"
_FORMS = {"en": "YYYY-MM-DD", "ru": "DD.MM.YYYY"}


def plants(language: str) -> str:
    """Coverage before any other figure; plants that are behind or without results first."""
    return f"""\
SELECT title || ' · ' || site AS plant, coverage, machines, days_behind, {_day("last_day", language)}, bundles, revised,
       refused, bought, connected, projects, cost, stratum
FROM board.programme_plant
{_CHOSEN}
ORDER BY coverage NULLS FIRST, site
"""


def effects(language: str) -> str:
    """What may be said of each programme that one of the chosen plants takes part in; the primary outcome first."""
    return f"""\
SELECT coalesce(title, programme) AS programme, outcome, finding, tier, verdict_{language} AS verdict, value, low, high,
       plants, treated, report
FROM board.programme_effect
ORDER BY programme, outcome <> 'output', outcome
"""


def machines(language: str) -> str:
    """Machines that were bought: what is idle, not connected or not commissioned first."""
    return f"""\
SELECT machine, model, site, standing, worked, worked_high, load, shift_factor, calendar_oee, coverage, days_since_part,
       {_day("act", language)}, class, class_h, project
FROM (
  SELECT *, main_reason AS class, main_reason_h AS class_h
  FROM board.programme_machine
) m
{_CHOSEN}
ORDER BY array_position(ARRAY['idle', 'not_connected', 'not_commissioned', 'too_new', 'in_use'], standing), worked,
  machine
LIMIT 500
"""


PROJECTS = f"""\
SELECT project, site, tier, obstacle, common, linked, change, by_planned, by_availability, by_effectiveness, by_quality,
       by_technology, technology_at_mix
FROM board.programme_project
{_CHOSEN}
ORDER BY programme, project
LIMIT 500
"""

PAYBACK = f"""\
SELECT project, site, payback_y, payback_soonest_y, payback_latest_y, planned_h
FROM board.programme_project
{_CHOSEN}
ORDER BY programme, project
LIMIT 500
"""

BANDS = f"""\
SELECT DISTINCT stratum, site, standing, observed_h, coverage, value, low, high, pooled_low, pooled_high, expected_low,
       expected_high
FROM board.programme_band
{_CHOSEN}
ORDER BY stratum, site
"""
"""By name inside a stratum, never by value."""

RELIABILITY = """\
SELECT machine_class, origin, CASE WHEN localised THEN 'yes' ELSE 'no' END AS localised, machines, operating_h,
       unknown_h, failures, mtbf_h, mttr_h, readiness, readiness_low, readiness_high
FROM board.programme_reliability
ORDER BY machine_class, origin, localised
"""

LOCALISATION = """\
SELECT programme, machines, production_h, localisation, without_points, cnc_not_told, rule_versions
FROM board.programme_localisation
ORDER BY programme
"""


def operations(language: str) -> str:
    """Operations that were registered, with what telemetry saw."""
    return f"""\
SELECT code, site, asset, {_day("begins", language)}, {_day("ends", language)}, told_h, seen_h, unknown_h, days
FROM board.programme_operation
{_CHOSEN}
ORDER BY site, programme_operation.begins, code
LIMIT 500
"""


INTEGRITY = f"""\
SELECT site, signal, detail, value, mark
FROM board.programme_integrity
{_CHOSEN}
ORDER BY site, signal, detail
LIMIT 500
"""


def bundles(language: str) -> str:
    """What came in and what was refused, newest first."""
    return f"""\
SELECT at_time, site, standing, number, file, {_day("first_day", language)}, {_day("last_day", language)}, shifts,
       revised, why, hash
FROM board.programme_bundle
{_CHOSEN}
ORDER BY at_time DESC, site, number DESC
LIMIT 500
"""


def _day(column: str, language: str) -> str:
    return f"to_char({column}, '{_FORMS[language]}') AS {column}"
