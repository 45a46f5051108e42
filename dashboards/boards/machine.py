"""The board of one machine: what it does, what it made, how well it is seen.

`build` is pure: the same language gives the same board. Text comes from the catalogue, SQL from `dashboards.queries`.
"""

from __future__ import annotations

from dataclasses import replace

from grafana_foundation_sdk.models import dashboard

from dashboards import palette
from dashboards.boards.parts import (
    board,
    cause_words,
    counts,
    frame,
    link_to,
    look,
    machine,
    marks,
    moments,
    plain,
    ratios,
    site,
    state_words,
    texts,
)  # fmt: skip
from dashboards.boards.shop_floor import OUTCOMES, SCOPES
from dashboards.catalogue import Catalogue, catalogue
from dashboards.charts import lines
from dashboards.panels import SOURCE, PostgresQuery, rows, stats, timeline
from dashboards.queries import machine as queries
from dashboards.queries.common import text

NAME = "machine"


def build(language: str) -> dashboard.Dashboard:
    """The board in one of `dashboards.catalogue.LANGUAGES`."""
    say = catalogue(language)
    top = [_now(say), _shift(say), _states(say), _programs(say)]
    panels = [*top, *_figures(say), *_gauges(say), *_tables(say, language)]
    choices = [site(say), machine(say)]
    return board(
        say,
        NAME,
        panels,
        choices,
        since="now-8h",
        refresh="10s",
        annotations=[_gaps_shaded(say), *marks(say, "shift", "commissioned")],
    )


def _gaps_shaded(say: Catalogue) -> dashboard.AnnotationQuery:
    return dashboard.AnnotationQuery(
        name=say["state.unknown"],
        datasource=SOURCE,
        enable=True,
        hide=False,
        icon_color=palette.NO_DATA,
        target=PostgresQuery(queries.shaded(text(say["state.unknown"])), name="Anno"),
        built_in=None,
    )


def _now(say: Catalogue) -> dashboard.Panel:
    looks = [
        look(say, "state", palette.TEXT, words=state_words(say)),
        look(say, "cause", palette.TEXT, words=cause_words(say)),
        look(say, "since", say["format.clock"]),
        *texts(say, "program", "tool"),
        replace(look(say, "spindle_speed", palette.SPEED), decimals=0),
        look(say, "lag_s", palette.SECONDS, palette.LAG_STEPS),
    ]
    return stats(frame(say, "now", 1, 0, 0, 24, 4), queries.NOW_DOING, looks, texts=True)


def _shift(say: Catalogue) -> dashboard.Panel:
    looks = [
        look(say, "oee", palette.RATIO, palette.OEE_STEPS),
        *ratios(say, "oee_low", "oee_high", "availability", "effectiveness", "quality_ratio"),
        look(say, "coverage", palette.RATIO, palette.COVERAGE_STEPS),
        *counts(say, "parts_good", "parts_total"),
    ]
    return stats(frame(say, "shift_so_far", 2, 0, 4, 24, 4), queries.SHIFT_SO_FAR, looks)


def _states(say: Catalogue) -> dashboard.Panel:
    shown = look(say, "state", palette.TEXT, words=state_words(say))
    return timeline(frame(say, "machine_states", 3, 0, 8, 24, 4), queries.STATES, shown, by="machine")


def _programs(say: Catalogue) -> dashboard.Panel:
    shown = look(say, "program", palette.TEXT, colour=palette.PALE)
    return timeline(frame(say, "programs", 4, 0, 12, 24, 4), queries.PROGRAMS, shown, by="machine", named=True)


def _figures(say: Catalogue) -> list[dashboard.Panel]:
    band = [
        look(say, "oee_low", palette.RATIO, colour=palette.PALE),
        look(say, "oee_high", palette.RATIO, colour=palette.PALE),
        look(say, "oee", palette.RATIO, colour=palette.LINE),
    ]
    made = [
        look(say, "parts_good", palette.PLAIN, colour=palette.GOOD),
        look(say, "parts_scrap", palette.PLAIN, colour=palette.BAD),
        look(say, "parts_target", palette.PLAIN, colour=palette.LINE),
    ]
    seen = [
        look(say, "coverage", palette.RATIO, colour=palette.LINE),
        look(say, "spindle_coverage", palette.RATIO, colour=palette.FIFTH),
    ]
    cycle = [look(say, "cycle_s", palette.SECONDS, colour=palette.LINE)]
    return [
        lines(frame(say, "oee_hours", 5, 0, 16, 12, 8), queries.OEE_HOURS, band, draw="step"),
        lines(frame(say, "parts_hours", 6, 12, 16, 12, 8), queries.PARTS, made, draw="step"),
        lines(frame(say, "cycles", 7, 0, 24, 12, 8), queries.CYCLES, cycle, draw="points"),
        lines(frame(say, "coverage_hours", 8, 12, 24, 12, 8), queries.COVERAGE_HOURS, seen, draw="step", most=1),
    ]


def _gauges(say: Catalogue) -> list[dashboard.Panel]:
    overrides = [
        look(say, "feed_override", palette.PERCENT, colour=palette.LINE),
        look(say, "spindle_override", palette.PERCENT, colour=palette.FIFTH),
        look(say, "rapid_override", palette.PERCENT, colour=palette.THIRD),
    ]
    speed = [look(say, "spindle_speed", palette.SPEED, colour=palette.LINE)]
    load = [look(say, "load", palette.PERCENT, colour=palette.LINE)]
    place = frame(say, "overrides", 11, 16, 32, 8, 8)
    return [
        lines(frame(say, "spindle_speed", 9, 0, 32, 8, 8), queries.SPINDLE_SPEED, speed, draw="step"),
        lines(frame(say, "load", 10, 8, 32, 8, 8), queries.LOAD, load, draw="step"),
        lines(place, queries.OVERRIDES, overrides, draw="step", most=150, joined=True),
    ]


def _tables(say: Catalogue, language: str) -> list[dashboard.Panel]:
    shifts = [
        look(say, "shift", palette.TEXT, link=link_to(say, "shift", shift="shift")),
        *moments(say, "shift_start"),
        look(say, "oee", palette.RATIO, palette.OEE_STEPS, filled=True),
        *ratios(say, "oee_low", "oee_high", "availability", "effectiveness", "quality_ratio"),
        look(say, "coverage", palette.RATIO, palette.COVERAGE_STEPS, filled=True),
        *counts(say, "parts_good", "parts_total"),
    ]
    stops = [
        look(say, "cause", palette.TEXT, words=cause_words(say), link=link_to(say, "stops")),
        *texts(say, "told_reason"),
        look(say, "length_s", palette.SECONDS),
        *counts(say, "stops"),
    ]
    alarms = [
        *moments(say, "at_time"),
        *texts(say, "alarm"),
        look(say, "edge", palette.TEXT, words=plain(say, "edge", ("raised", "cleared"))),
        look(say, "length_s", palette.SECONDS),
    ]
    gaps = [
        *moments(say, "from_time", "to_time"),
        look(say, "length_s", palette.SECONDS),
        *texts(say, "source"),
        look(say, "scope", palette.TEXT, words=plain(say, "scope", SCOPES)),
        look(say, "cause", palette.TEXT, words=cause_words(say)),
        look(say, "outcome", palette.TEXT, words=plain(say, "outcome", OUTCOMES)),
    ]
    return [
        rows(frame(say, "machine_shifts", 12, 0, 40, 24, 6), queries.SHIFTS, shifts),
        rows(frame(say, "machine_stops", 13, 0, 46, 12, 8), queries.stops(language), stops),
        rows(frame(say, "alarms", 14, 12, 46, 12, 8), queries.ALARMS, alarms),
        rows(frame(say, "machine_gaps", 15, 0, 54, 24, 7), queries.GAPS, gaps),
    ]
