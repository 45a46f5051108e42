"""Kinds of panel that boards are made of, one function each: table, timeline, bars, stats, tiles; more in charts.py.

Core panels of Grafana 10.3 to 13 only, no library panels. Every panel has an id, a place, a title and a description.
Needs the extra `boards`; nothing that only reads built boards imports this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import bargauge, common, dashboard, stat, statetimeline, table

from dashboards.palette import NO_DATA, RATIO, Steps

SOURCE = common.DataSourceRef(type_val="grafana-postgresql-datasource", uid="stanok")
"""The data source of docker/grafana/provisioning; its uid is the same in every installation."""

NOTHING = "—"
"""What a cell shows for a value that is undefined or unknown. Never 0."""


MOST_BARS = 1000
"""Without a limit Grafana shows 25 rows and drops the rest without a word."""

UNDEFINED = dashboard.SpecialValueMap(
    options=dashboard.DashboardSpecialValueMapOptions(
        match=dashboard.SpecialValueMatch.NULL_AND_NAN,
        result=dashboard.ValueMappingResult(text=NOTHING, color=NO_DATA, index=0),
    )
)
"""Without it Grafana paints a missing value in the colour of the lowest threshold, as if it were bad."""


class PostgresQuery(Dataquery):
    """One SQL query in Grafana's PostgreSQL data source; the SDK has no such class."""

    def __init__(self, sql: str, form: str = "table", name: str = "A") -> None:
        self.sql, self.form, self.name = sql, form, name

    def to_json(self) -> dict[str, object]:
        """The query as Grafana stores it.

        `table`: rows arrive as they are, nothing is filled or pivoted; `time_series`: a line for each `metric`.
        """
        return {
            "datasource": SOURCE.to_json(),
            "editorMode": "code",
            "format": self.form,
            "rawQuery": True,
            "rawSql": self.sql,
            "refId": self.name,
        }


class MarksQuery(Dataquery):
    """Annotations that Grafana itself keeps, those with all of these tags."""

    def __init__(self, tags: Sequence[str], limit: int = 500) -> None:
        self.tags, self.limit = tags, limit

    def to_json(self) -> dict[str, object]:
        """The query as Grafana stores it."""
        return {"limit": self.limit, "matchAny": False, "tags": list(self.tags), "type": "tags"}


@dataclass(frozen=True)
class Frame:
    """What every panel has: a number that is unique on its board, words, and a place on the grid of 24 columns."""

    number: int
    title: str
    description: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Look:
    """How one column of a query is shown. `words`: value -> (text, colour or None); `link`: where a click leads."""

    column: str
    heading: str
    unit: str
    steps: Steps = ()
    colour: str | None = None
    words: Mapping[str, tuple[str, str | None]] | None = None
    filled: bool = False
    width: int | None = None
    decimals: int | None = None
    link: tuple[str, str] | None = None
    custom: Mapping[str, object] = field(default_factory=dict)


def rows(frame: Frame, sql: str, looks: Sequence[Look]) -> dashboard.Panel:
    """Rows with a heading per column; a column that is `filled` colours its cells."""
    options = table.Options()
    options.footer = None  # the SDK writes one, Grafana 13.2 has none any more
    return panel_of("table", frame, sql, options, [override(look, in_table=True) for look in looks])


def stats(frame: Frame, sql: str, looks: Sequence[Look], *, texts: bool = False) -> dashboard.Panel:
    """One row of figures, a tile per column; columns of text and times only with `texts`."""
    options = _big_values(common.ReduceDataOptions(values=False, calcs=["lastNotNull"], fields="/.*/" if texts else ""))
    return panel_of("stat", frame, sql, options, [override(look) for look in looks])


def tiles(frame: Frame, sql: str, look: Look) -> dashboard.Panel:
    """A tile a row: the column of `look` is written large in its colour, the other columns of text make its name."""
    values = common.ReduceDataOptions(values=True, limit=MOST_BARS, calcs=["lastNotNull"], fields=f"/^{look.column}$/")
    made = override(look)
    # A tile is named by its row's texts; a heading of the column would stand in their place.
    made.properties = [item for item in made.properties if item.id_val != "displayName"]
    return panel_of("stat", frame, sql, _big_values(values), [made])


def _big_values(what: common.ReduceDataOptions) -> stat.Options:
    return stat.Options(
        color_mode=common.BigValueColorMode.BACKGROUND,
        graph_mode=common.BigValueGraphMode.NONE,
        text_mode=common.BigValueTextMode.VALUE_AND_NAME,
        reduce_options=what,
    )


def bars(frame: Frame, sql: str, look: Look) -> dashboard.Panel:
    """A bar a row: the text column names it, the column of `look` is its length, from 0 to 1."""
    options = bargauge.Options(
        display_mode=common.BarGaugeDisplayMode.BASIC,
        orientation=common.VizOrientation.HORIZONTAL,
        value_mode=common.BarGaugeValueMode.TEXT,
        reduce_options=common.ReduceDataOptions(
            values=True, limit=MOST_BARS, calcs=["lastNotNull"], fields=f"/^{look.column}$/"
        ),
    )
    panel = panel_of("bargauge", frame, sql, options, [])
    assert panel.field_config is not None
    assert panel.field_config.defaults is not None
    panel.field_config.defaults.unit = look.unit
    panel.field_config.defaults.min_val, panel.field_config.defaults.max_val = 0, 1
    panel.field_config.defaults.decimals = 1
    panel.field_config.defaults.mappings = [UNDEFINED]
    panel.field_config.defaults.thresholds = thresholds(look.steps)
    panel.field_config.defaults.color = dashboard.FieldColor(mode=dashboard.FieldColorModeId.THRESHOLDS)
    return panel


def timeline(frame: Frame, sql: str, look: Look, by: str, *, named: bool = False) -> dashboard.Panel:
    """A row of coloured stretches for each value of the column `by`; `named`: their value is written into them.

    The query gives `time`, `by` and the column of `look`, with NULL where a stretch ends and none follows. Grafana
    takes text states only as a table that is partitioned (grafana#40946).
    """
    options = statetimeline.Options(
        show_value=common.VisibilityMode.AUTO if named else common.VisibilityMode.NEVER,
        row_height=0.85,
        merge_values=True,
        legend=common.VizLegendOptions(
            display_mode=common.LegendDisplayMode.LIST, placement=common.LegendPlacement.BOTTOM, show_legend=True
        ),
        tooltip=common.VizTooltipOptions(mode=common.TooltipDisplayMode.SINGLE),
        per_page=None,
    )
    panel = panel_of("state-timeline", frame, sql, options, [])
    panel.transformations = [
        dashboard.DataTransformerConfig(
            id_val="partitionByValues", options={"fields": [by], "keepFields": False, "naming": {"asLabels": True}}
        )
    ]
    assert panel.field_config is not None
    assert panel.field_config.defaults is not None
    panel.field_config.defaults.display_name = f"${{__field.labels.{by}}}"
    panel.field_config.defaults.unit = look.unit
    if look.words:
        panel.field_config.defaults.mappings = [mapping(look.words)]
    if look.colour:
        colour = dashboard.FieldColor(mode=dashboard.FieldColorModeId.FIXED, fixed_color=look.colour)
        panel.field_config.defaults.color = colour
    panel.field_config.defaults.custom = statetimeline.FieldConfig(line_width=0, fill_opacity=90)
    return panel


def panel_of(
    kind: str,
    frame: Frame,
    sql: str,
    options: object,
    overrides: list[dashboard.DashboardFieldConfigSourceOverrides],
    form: str = "table",
) -> dashboard.Panel:
    """A panel of Grafana's `kind` with one query."""
    return dashboard.Panel(
        type_val=kind,
        id_val=frame.number,
        title=frame.title,
        description=frame.description,
        grid_pos=dashboard.GridPos(h=frame.height, w=frame.width, x=frame.x, y=frame.y),
        datasource=SOURCE,
        targets=[PostgresQuery(sql, form)],
        options=options,
        field_config=dashboard.FieldConfigSource(defaults=dashboard.FieldConfig(no_value=NOTHING), overrides=overrides),
        transparent=None,
    )


def override(look: Look, *, in_table: bool = False) -> dashboard.DashboardFieldConfigSourceOverrides:
    """What makes a column of that name look as told."""
    properties: dict[str, object] = {"displayName": look.heading, "unit": look.unit}
    if look.unit == RATIO or look.unit.startswith("suffix:"):
        properties["decimals"] = 1
    if look.decimals is not None:
        properties["decimals"] = look.decimals
    if look.words:
        properties["mappings"] = [mapping(look.words)]
    elif look.steps:
        properties["mappings"] = [UNDEFINED]
    if look.steps:
        properties["thresholds"] = thresholds(look.steps)
        properties["color"] = dashboard.FieldColor(mode=dashboard.FieldColorModeId.THRESHOLDS)
    if look.colour:
        properties["color"] = dashboard.FieldColor(mode=dashboard.FieldColorModeId.FIXED, fixed_color=look.colour)
    if look.width:
        properties["custom.width"] = look.width
    if in_table and look.filled:
        properties["custom.cellOptions"] = common.TableColoredBackgroundCellOptions(
            mode=common.TableCellBackgroundDisplayMode.BASIC
        )
    if look.link:
        title, url = look.link
        properties["links"] = [{"title": title, "url": url}]
    properties |= {f"custom.{name}": value for name, value in look.custom.items()}
    return dashboard.DashboardFieldConfigSourceOverrides(
        matcher=dashboard.MatcherConfig(id_val="byName", options=look.column),
        properties=[dashboard.DynamicConfigValue(id_val=key, value=value) for key, value in properties.items()],
    )


def mapping(words: Mapping[str, tuple[str, str | None]]) -> dashboard.ValueMap:
    """Words and colours in place of values."""
    return dashboard.ValueMap(
        options={
            value: dashboard.ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(words.items())
        }
    )


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    """Limits from which on a colour holds."""
    return dashboard.ThresholdsConfig(
        mode=dashboard.ThresholdsMode.ABSOLUTE,
        steps=[dashboard.Threshold(value=limit, color=colour) for limit, colour in steps],
    )
