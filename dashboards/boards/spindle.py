"""The board of spindles and cutting: four ratios that are called spindle utilization, and what cutting is lost to.

`build` is pure: the same language gives the same board. Text comes from the catalogue, SQL from `dashboards.queries`.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from dashboards import palette
from dashboards.boards.parts import board, frame, link_to, look, machine, ratios, site, texts
from dashboards.catalogue import Catalogue, catalogue
from dashboards.charts import columns, lines
from dashboards.palette import FIFTH, FOURTH, LINE, PALE, SECOND, THIRD
from dashboards.panels import rows, stats
from dashboards.queries import spindle as queries

NAME = "spindle"
RATIOS = {"powered": PALE, "program_running": FIFTH, "turning": LINE, "in_cut": THIRD}
LOSSES = {"air_cut_min": FIFTH, "feed_hold_min": SECOND, "feed_override_min": LINE, "spindle_override_min": FOURTH}


def build(language: str) -> dashboard.Dashboard:
    """The board in one of `dashboards.catalogue.LANGUAGES`."""
    say = catalogue(language)
    panels = [_four(say), *_hours(say), *_load(say), _machines(say)]
    return board(say, NAME, panels, [site(say), machine(say, many=True)])


def _four(say: Catalogue) -> dashboard.Panel:
    looks = [look(say, name, palette.RATIO, colour=colour) for name, colour in RATIOS.items()]
    return stats(frame(say, "four_ratios", 1, 0, 0, 24, 4), queries.FOUR, looks)


def _hours(say: Catalogue) -> list[dashboard.Panel]:
    four = [look(say, name, palette.RATIO, colour=colour) for name, colour in RATIOS.items()]
    lost = [look(say, name, say["format.minutes"], colour=colour) for name, colour in LOSSES.items()]
    return [
        lines(frame(say, "four_hours", 2, 0, 4, 12, 9), queries.BY_HOUR, four, draw="step", most=1),
        lines(frame(say, "cutting_losses", 3, 12, 4, 12, 9), queries.LOSSES, lost, draw="step", least=None),
    ]


def _load(say: Catalogue) -> list[dashboard.Panel]:
    load = look(say, "bin", palette.TEXT)
    held = look(say, "load_h", say["format.hours"], colour=LINE)
    energy = [look(say, "energy_kwh", palette.ENERGY, colour=LINE)]
    each = [look(say, "energy_part_kwh", palette.ENERGY, colour=SECOND)]
    return [
        columns(frame(say, "load_histogram", 4, 0, 13, 12, 9), queries.HISTOGRAM, load, [held]),
        lines(frame(say, "energy_part", 5, 12, 13, 6, 9), queries.ENERGY_PART, each, draw="step"),
        lines(frame(say, "energy", 7, 18, 13, 6, 9), queries.ENERGY, energy, draw="step"),
    ]


def _machines(say: Catalogue) -> dashboard.Panel:
    looks = [
        *texts(say, "title"),
        look(say, "machine", palette.TEXT, link=link_to(say, "machine", machine="machine")),
        *ratios(say, *RATIOS, "air_cut", "feed_hold", "feed_override_loss", "spindle_override_loss", "mean_load"),
        look(say, "energy_kwh", palette.ENERGY),
        look(say, "energy_part_kwh", palette.ENERGY),
    ]
    return rows(frame(say, "spindle_machines", 6, 0, 22, 24, 9), queries.MACHINES, looks)
