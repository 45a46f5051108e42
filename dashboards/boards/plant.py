"""The plant board: machines and areas over weeks, in the indicators of plants and ministries, each with its base.

`build` is pure: the same language gives the same board. Text comes from the catalogue, SQL from `dashboards.queries`.
"""

from __future__ import annotations

from dataclasses import replace

from grafana_foundation_sdk.models import dashboard

from dashboards import palette
from dashboards.boards.parts import board, choice, counts, frame, link_to, look, marks, ratios, site, texts
from dashboards.catalogue import Catalogue, catalogue
from dashboards.charts import columns, lines_by
from dashboards.panels import Look, rows
from dashboards.queries import plant as queries

NAME = "plant"


def build(language: str) -> dashboard.Dashboard:
    """The board in one of `dashboards.catalogue.LANGUAGES`."""
    say = catalogue(language)
    areas = choice("area", say["variable.area"], queries.AREAS, many=True)
    panels = [_sites(say), *_areas(say), _machines(say), _idle(say)]
    return board(
        say, NAME, panels, [site(say), areas], since="now-28d", refresh="5m", annotations=marks(say, "commissioned")
    )


def _sites(say: Catalogue) -> dashboard.Panel:
    looks = [_week(say), *texts(say, "site"), *counts(say, "machines"), *_figures(say)]
    return rows(frame(say, "plant_sites", 1, 0, 0, 24, 8), queries.SITES_WEEKS, looks)


def _areas(say: Catalogue) -> list[dashboard.Panel]:
    trend = look(say, "oee", palette.RATIO)
    bars = [
        look(say, "allocation_efficiency", palette.RATIO, colour=palette.LINE),
        look(say, "utilization_efficiency", palette.RATIO, colour=palette.FIFTH),
    ]
    name = look(say, "title", palette.TEXT)
    area = look(say, "area", palette.TEXT, link=link_to(say, NAME, area="area"))
    looks = [_week(say), *texts(say, "site"), area, *counts(say, "machines"), *_figures(say)]
    return [
        columns(frame(say, "orders_or_running", 2, 0, 8, 12, 11), queries.RUNNING, name, bars, across=True, most=1),
        lines_by(frame(say, "oee_trend", 3, 12, 8, 12, 11), queries.TREND, trend, draw="step", most=1),
        rows(frame(say, "plant_areas", 4, 0, 19, 24, 8), queries.AREAS_WEEKS, looks),
    ]


def _machines(say: Catalogue) -> dashboard.Panel:
    machine = look(say, "machine", palette.TEXT, link=link_to(say, "machine", machine="machine"))
    looks = [_week(say), *texts(say, "title"), machine, *texts(say, "area"), *_figures(say)]
    return rows(frame(say, "plant_machines", 5, 0, 27, 24, 10), queries.MACHINES, looks)


def _idle(say: Catalogue) -> dashboard.Panel:
    looks = [
        *texts(say, "title"),
        look(say, "machine", palette.TEXT, link=link_to(say, "machine", machine="machine")),
        *texts(say, "area"),
        _week(say),
        *ratios(say, "availability", "allocation_efficiency"),
        *(look(say, name, say["format.hours"]) for name in ("no_order_h", "waiting_h", "breakdown_h", "setup_h")),
    ]
    return rows(frame(say, "idle", 6, 0, 37, 24, 5), queries.IDLE, looks)


def _week(say: Catalogue) -> Look:
    return look(say, "week", say["format.day"], width=100)


def _figures(say: Catalogue) -> list[Look]:
    """The indicators; headings name the base that each is divided by."""
    return [
        look(say, "coverage", palette.RATIO, palette.COVERAGE_STEPS, filled=True),
        *ratios(say, "load_actual", "load_actual_high"),
        replace(look(say, "shift_factor", palette.PLAIN), decimals=2),
        *ratios(say, "readiness", "equipment_use", "integral_use", "oee", "oee_low", "oee_high", "calendar_oee"),
        *ratios(say, "allocation_efficiency", "utilization_efficiency"),
        *counts(say, "parts_good"),
    ]
