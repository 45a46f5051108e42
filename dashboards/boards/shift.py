"""The board of one shift of one machine: OEE and its factors with bounds, where the time went, and other weeks.

`build` is pure: the same language gives the same board. Text comes from the catalogue, SQL from `dashboards.queries`.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from core.vocabulary import State
from dashboards import palette
from dashboards.boards.parts import (
    board,
    cause_words,
    choice,
    counts,
    frame,
    link_to,
    look,
    machine,
    moments,
    plain,
    ratios,
    site,
    state_words,
    texts,
)  # fmt: skip
from dashboards.boards.shop_floor import REASONS
from dashboards.catalogue import Catalogue, catalogue
from dashboards.charts import columns, waterfall
from dashboards.palette import BAD, GOOD, NO_DATA, STATE_COLOURS
from dashboards.panels import rows, stats
from dashboards.queries import shift as queries

NAME = "shift"

STEPS = ("out_of_plan", "planned_stop", "unknown", "no_order", "setup", "breakdown", "waiting", "speed", "quality")
"""The losses of `board.shift_loss` in their order."""
FIGURES = ("oee", "availability", "effectiveness", "quality_ratio", "spindle_utilization", "coverage")


def build(language: str) -> dashboard.Dashboard:
    """The board in one of `dashboards.catalogue.LANGUAGES`."""
    say = catalogue(language)
    variables = [site(say), machine(say), choice("shift", say["variable.shift"], queries.SHIFTS)]
    panels = [_figures(say), *_time(say), *_stops(say, language), *_others(say)]
    return board(say, NAME, panels, variables, since="now-7d")


def _figures(say: Catalogue) -> dashboard.Panel:
    looks = [
        look(say, "oee", palette.RATIO, palette.OEE_STEPS),
        *ratios(say, "oee_low", "oee_high", "availability", "effectiveness", "quality_ratio"),
        look(say, "coverage", palette.RATIO, palette.COVERAGE_STEPS),
        *counts(say, "parts_good", "parts_scrap"),
    ]
    return stats(frame(say, "shift_figures", 1, 0, 0, 24, 4), queries.FIGURES, looks)


def _time(say: Catalogue) -> list[dashboard.Panel]:
    step = look(say, "step", palette.TEXT)
    steps = ("calendar", *STEPS, "value")
    words = {name: (say[f"step.{name}"], None) for name in steps}
    kinds = {"kept_min": GOOD, "planned_min": STATE_COLOURS[State.PLANNED_STOP], "unseen_min": NO_DATA, "lost_min": BAD}
    bars = [look(say, name, say["format.minutes"], colour=colour) for name, colour in kinds.items()]
    bounds = [
        look(say, "figure", palette.TEXT, words={name: (say[f"column.{name}"], None) for name in FIGURES}),
        *ratios(say, "value", "low", "high"),
        look(say, "upper_h", say["format.hours"]),
        look(say, "lower_h", say["format.hours"]),
    ]
    losses = [
        look(say, "step", palette.TEXT, words={name: words[name] for name in STEPS}),
        look(say, "loss_min", say["format.minutes"]),
        look(say, "left_min", say["format.minutes"]),
        *ratios(say, "share"),
    ]
    return [
        waterfall(frame(say, "waterfall", 2, 0, 4, 14, 11), queries.WATERFALL, step, bars, words),
        rows(frame(say, "losses", 3, 14, 4, 10, 11), queries.LOSSES, losses),
        rows(frame(say, "bounds", 4, 0, 15, 12, 8), queries.BOUNDS, bounds),
    ]


def _stops(say: Catalogue, language: str) -> list[dashboard.Panel]:
    name = look(say, "name", palette.TEXT)
    lost = look(say, "lost_min", say["format.minutes"], colour=palette.SECOND)
    none = say["step.no_reason"]
    place = frame(say, "shift_pareto", 5, 12, 15, 12, 8)
    pareto = columns(place, queries.pareto(language, none), name, [lost], across=True)
    looks = [
        *moments(say, "from_time"),
        look(say, "lost_min", say["format.minutes"]),
        look(say, "state", palette.TEXT, words=state_words(say), filled=True, width=150),
        look(say, "cause", palette.TEXT, words=cause_words(say), link=link_to(say, "stops")),
        *texts(say, "told_reason", "author", "note"),
    ]
    return [pareto, rows(frame(say, "shift_stops", 6, 0, 23, 24, 9), queries.stops(language), looks)]


def _others(say: Catalogue) -> list[dashboard.Panel]:
    weeks = [
        *texts(say, "shift"),
        look(say, "oee", palette.RATIO, palette.OEE_STEPS, filled=True),
        *ratios(say, "oee_low", "oee_high", "availability", "effectiveness", "quality_ratio"),
        look(say, "coverage", palette.RATIO, palette.COVERAGE_STEPS, filled=True),
        *counts(say, "parts_good"),
    ]
    machines = [
        *texts(say, "title"),
        look(say, "machine", palette.TEXT, link=link_to(say, "machine", machine="machine")),
        *weeks[1:8],
        *counts(say, "parts_good", "parts_total"),
        look(say, "reason", palette.TEXT, words=plain(say, "reason", REASONS)),
    ]
    return [
        rows(frame(say, "weeks", 7, 0, 32, 24, 8), queries.WEEKS, weeks),
        rows(frame(say, "shift_machines", 8, 0, 40, 24, 8), queries.MACHINES, machines),
    ]
