"""The programmes board of a ministry: are the figures to be believed, is what was bought used, what did it change, why.

`build` is pure: the same language gives the same board. Coverage stands before any result, plants are bands in their
stratum and ordered by name, and an effect never stands without its finding, its interval and its tier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from grafana_foundation_sdk.models import dashboard

from core.plant.reasons import ReasonClass
from core.programme.evaluate import Finding
from core.programme.pooling import Standing
from core.programme.registry import Outcome, Tier
from core.programme.standards import Obstacle
from dashboards import palette
from dashboards import programme_queries as queries
from dashboards.boards import parts
from dashboards.catalogue import Catalogue, catalogue
from dashboards.panels import Frame, Look, rows

NAME = "programmes"

_COLOURS: Mapping[str, str] = {
    "idle": palette.BAD,
    "not_connected": palette.NO_DATA,
    "not_commissioned": palette.WATCH,
    "refused": palette.BAD,
    Finding.BETTER: palette.GOOD,
    Finding.WORSE: palette.BAD,
    Standing.NOT_PUBLISHED: palette.NO_DATA,
}
"""What a colour means elsewhere it means here: grey is missing data, nothing that is not shown has a colour."""

_WORDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "outcome": ("judged", tuple(Outcome)),
    "finding": ("finding", tuple(Finding)),
    "tier": ("tier", tuple(Tier)),
    "obstacle": ("obstacle", ("", *Obstacle)),
    "class": ("lost", ("", *ReasonClass)),
    "localised": ("answer", ("yes", "no")),
    "signal": (
        "signal",
        (
            "standard_changed",
            "planned_drift",
            "unexplained",
            "told_late",
            "scrap_told",
            "silent_in_bad_weeks",
            "repeated",
            "parts_without_runtime",
        ),
    ),
}
"""Column -> group in the catalogue, values that the views give."""
USE = ("idle", "not_connected", "not_commissioned", "too_new", "in_use")
TAKEN = ("loaded", "refused")

_RATIOS = frozenset(
    [
        "coverage",
        "load",
        "worked",
        "worked_high",
        "calendar_oee",
        "common",
        "linked",
        "change",
        "by_planned",
        "by_availability",
        "by_effectiveness",
        "by_quality",
        "by_technology",
        "readiness",
        "readiness_low",
        "readiness_high",
        "localisation",
        "without_points",
        "cnc_not_told",
    ]
)
_NUMBERS = frozenset(
    [
        "machines",
        "days_behind",
        "bundles",
        "revised",
        "refused",
        "bought",
        "connected",
        "projects",
        "plants",
        "treated",
        "shifts",
        "number",
        "days",
        "failures",
        "days_since_part",
        "value",
        "low",
        "high",
        "mark",
        "technology_at_mix",
        "shift_factor",
    ]
)
"""And all that end in _h, hours, or _y, years."""


def build(language: str) -> dashboard.Dashboard:
    """The board in one of `dashboards.catalogue.LANGUAGES`. Its uid never changes, so links and updates find it."""
    say = catalogue(language)
    panels = [*_panels(say, language)]
    return parts.board(say, NAME, panels, [_site(say)], since="now-28d", refresh="30m")


def _panels(say: Catalogue, language: str) -> list[dashboard.Panel]:
    """In the order in which a reader should look."""
    ratio_bands = frozenset({"value", "low", "high", "pooled_low", "pooled_high", "expected_low", "expected_high"})
    placed = [
        ("plants", queries.plants(language), 9, ()),
        ("machines", queries.machines(language), 9, USE),
        ("effects", queries.effects(language), 8, ()),
        ("projects", queries.PROJECTS, 8, ()),
        ("payback", queries.PAYBACK, 6, ()),
        ("bands", queries.BANDS, 9, tuple(Standing)),
        ("reliability", queries.RELIABILITY, 7, ()),
        ("localisation", queries.LOCALISATION, 6, ()),
        ("operations", queries.operations(language), 6, ()),
        ("integrity", queries.INTEGRITY, 7, ()),
        ("bundles", queries.bundles(language), 8, TAKEN),
    ]
    panels: list[dashboard.Panel] = []
    y = 0
    for number, (name, sql, height, standings) in enumerate(placed, 1):
        title, description = (say[f"programmes.{name}.{what}"] for what in ("title", "description"))
        ratios = _RATIOS | ratio_bands if name == "bands" else _RATIOS
        looks = [_look(say, column, standings, ratios) for column in columns(sql)]
        panels.append(rows(Frame(number, title, description, 0, y, 24, height), sql, looks))
        y += height
    return panels


def columns(sql: str) -> list[str]:
    """The names of the columns that a query of this board gives, from its first SELECT list."""
    listed = sql.partition("SELECT ")[2].partition("\nFROM ")[0].removeprefix("DISTINCT ")
    depth, word = 0, ""
    found: list[str] = []
    for letter in listed + ",":
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            found.append(word.split()[-1])
            word = ""
        else:
            word += letter
    return found


def _look(say: Catalogue, column: str, standings: Iterable[str], ratios: frozenset[str]) -> Look:
    heading = say[f"programmes.column.{column}"]
    if column == "at_time":
        return Look(column, heading, say["format.moment"], width=150)
    if column == "standing":
        return Look(column, heading, palette.TEXT, words=_words(say, "standing", standings), filled=True, width=160)
    if column in _WORDS:
        group, values = _WORDS[column]
        return Look(column, heading, palette.TEXT, words=_words(say, group, values), filled=column == "finding")
    if column in ("verdict", "why"):
        wrapped = {"cellOptions": {"type": "auto", "wrapText": True}}
        return Look(column, heading, palette.TEXT, width=520, custom=wrapped)
    if column.endswith("_h"):
        return Look(column, heading, say["format.hours"], decimals=0)
    number = column in _NUMBERS or column.endswith("_y")
    unit = palette.RATIO if column in ratios else palette.COUNT if number else palette.TEXT
    return Look(column, heading, unit, palette.COVERAGE_STEPS if column == "coverage" else ())


def _words(say: Catalogue, group: str, values: Iterable[str]) -> dict[str, tuple[str, str | None]]:
    return {str(value): (say[f"programmes.{group}.{value or 'none'}"], _COLOURS.get(value)) for value in values}


def _site(say: Catalogue) -> dashboard.VariableModel:
    """The choice of plants that are registered or have sent bundles."""
    found = parts.site(say)
    found.query = queries.SITES
    return found
