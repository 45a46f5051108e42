"""Charts of boards: lines over time, bars by name, a waterfall. As dashboards/panels.py: core panels, all described.

A line or bar takes its colour from its look; figures that belong together keep the order of their columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from grafana_foundation_sdk.models import barchart, common, dashboard, timeseries

from dashboards.palette import Words
from dashboards.panels import Frame, Look, mapping, override, panel_of

INVISIBLE = "transparent"
"""The part of a waterfall's bar that only lifts the other."""


def lines(
    frame: Frame,
    sql: str,
    looks: Sequence[Look],
    *,
    draw: str = "line",
    least: float | None = 0,
    most: float | None = None,
    joined: bool = False,
) -> dashboard.Panel:
    """A line for each look over the column `time`; `draw` is line, step or points. `joined`: across missing values."""
    panel = panel_of("timeseries", frame, sql, _line_options(len(looks) > 1), [override(look) for look in looks])
    _dress(panel, draw, least, most, joined)
    return panel


def lines_by(frame: Frame, sql: str, look: Look, *, draw: str = "line", most: float | None = None) -> dashboard.Panel:
    """A line for each word of the column `metric`, of the one figure of `look`."""
    panel = panel_of("timeseries", frame, sql, _line_options(True), [], form="time_series")
    defaults = _dress(panel, draw, 0, most, False)
    defaults.unit, defaults.decimals = look.unit, 1
    return panel


def columns(
    frame: Frame,
    sql: str,
    name: Look,
    looks: Sequence[Look],
    *,
    across: bool = False,
    stacked: bool = False,
    most: float | None = None,
) -> dashboard.Panel:
    """Bars for each row: the column of `name` names them, each look is a bar; `across` lays them down."""
    options = barchart.Options(
        x_field=name.column,
        orientation=common.VizOrientation.HORIZONTAL if across else common.VizOrientation.VERTICAL,
        stacking=common.StackingMode.NORMAL if stacked else common.StackingMode.NONE,
        show_value=common.VisibilityMode.ALWAYS if len(looks) == 1 else common.VisibilityMode.AUTO,
        x_tick_label_max_length=40,
        bar_width=0.8,
        legend=_legend(len(looks) > 1),
        tooltip=common.VizTooltipOptions(mode=common.TooltipDisplayMode.MULTI),
    )
    panel = panel_of("barchart", frame, sql, options, [override(look) for look in (name, *looks)])
    assert panel.field_config is not None
    assert panel.field_config.defaults is not None
    panel.field_config.defaults.min_val, panel.field_config.defaults.max_val = 0, most
    panel.field_config.defaults.custom = barchart.FieldConfig(fill_opacity=90, line_width=0)
    return panel


def waterfall(frame: Frame, sql: str, name: Look, looks: Sequence[Look], words: Words) -> dashboard.Panel:
    """Steps down from a whole: the query gives `base`, from where on the bars of `looks` stand, one of them a row."""
    base = replace(looks[0], column="base", heading="base", colour=INVISIBLE, custom={"hideFrom": _HIDDEN})
    panel = columns(frame, sql, name, [base, *looks], stacked=True, across=True)
    assert panel.field_config is not None
    for item in panel.field_config.overrides or []:
        if item.matcher.options == name.column:
            item.properties.append(dashboard.DynamicConfigValue(id_val="mappings", value=[mapping(words)]))
    assert isinstance(panel.options, barchart.Options)
    panel.options.show_value = common.VisibilityMode.NEVER
    panel.options.legend = _legend(True)
    return panel


_HIDDEN = {"legend": True, "tooltip": True, "viz": False}


def _line_options(legend: bool) -> timeseries.Options:
    return timeseries.Options(
        legend=_legend(legend),
        tooltip=common.VizTooltipOptions(mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.NONE),
    )


def _legend(shown: bool) -> common.VizLegendOptions:
    placement = common.LegendPlacement.BOTTOM
    return common.VizLegendOptions(
        display_mode=common.LegendDisplayMode.LIST, placement=placement, show_legend=shown, calcs=[]
    )


def _dress(
    panel: dashboard.Panel, draw: str, least: float | None, most: float | None, joined: bool
) -> dashboard.FieldConfig:
    assert panel.field_config is not None
    assert panel.field_config.defaults is not None
    panel.field_config.defaults.min_val, panel.field_config.defaults.max_val = least, most
    panel.field_config.defaults.custom = timeseries.FieldConfig(
        draw_style=common.GraphDrawStyle.POINTS if draw == "points" else common.GraphDrawStyle.LINE,
        line_width=2,
        line_interpolation=common.LineInterpolation.STEP_AFTER if draw == "step" else common.LineInterpolation.LINEAR,
        fill_opacity=0,
        show_points=common.VisibilityMode.ALWAYS if draw == "points" else common.VisibilityMode.NEVER,
        point_size=4,
        span_nulls=joined,
    )
    return panel.field_config.defaults
