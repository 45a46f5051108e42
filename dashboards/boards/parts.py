"""What boards have in common: their frame, choices, links that keep the time window, looks of columns, words for codes.

A board's uid is `stanok-<name>-<language>` and never changes, so links, bookmarks and updates find it.
"""

from __future__ import annotations

from collections.abc import Iterable

from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard

from core.vocabulary import Cause, State
from dashboards import palette
from dashboards.catalogue import Catalogue
from dashboards.palette import Words
from dashboards.panels import SOURCE, Frame, Look, MarksQuery
from dashboards.queries import common

DAY = ("10s", "30s", "1m", "5m")
"""How often boards that show a day or more may ask again."""


def board(
    say: Catalogue,
    name: str,
    panels: list[dashboard.Panel],
    variables: list[dashboard.VariableModel],
    *,
    since: str = "now-24h",
    refresh: str = "1m",
    annotations: Iterable[dashboard.AnnotationQuery] = (),
    links: Iterable[dashboard.DashboardLink] = (),
) -> dashboard.Dashboard:
    """A board of that name with the time window, links to all other boards of its language, and what it shows."""
    return dashboard.Dashboard(
        uid=uid(name, say.language),
        title=say[f"board.{name}.title"],
        description=say[f"board.{name}.description"],
        tags=["stanok", say.language],
        timezone="browser",
        editable=False,
        graph_tooltip=dashboard.DashboardCursorSync.CROSSHAIR,
        time=dashboard.DashboardDashboardTime(from_val=since, to="now"),
        timepicker=dashboard.TimePickerConfig(hidden=None, refresh_intervals=["5s", *DAY]),
        refresh=refresh,
        schema_version=39,
        templating=dashboard.DashboardDashboardTemplating(list_val=variables),
        annotations=dashboard.AnnotationContainer(list_val=list(annotations)),
        links=[*links, _all_boards(say)],
        panels=[*panels],
    )


def marks(say: Catalogue, *kinds: str) -> list[dashboard.AnnotationQuery]:
    """What `stanok boards publish --marks` puts into Grafana: `shift` changes, machines `commissioned`."""
    return [
        dashboard.AnnotationQuery(
            name=say[f"mark.{kind}"],
            datasource=common_models.DataSourceRef(type_val="grafana", uid="-- Grafana --"),
            enable=True,
            hide=False,
            icon_color=palette.LINE if kind == "shift" else palette.FOURTH,
            target=MarksQuery(["stanok", kind]),
            type_val="tags",
            built_in=None,
        )
        for kind in kinds
    ]


def uid(name: str, language: str) -> str:
    """The board's name for ever."""
    return f"stanok-{name.replace('_', '-')}-{language}"


def _all_boards(say: Catalogue) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(
        title="Stanok",
        type_val=dashboard.DashboardLinkType.DASHBOARDS,
        icon="external link",
        tags=["stanok", say.language],
        include_vars=True,
        keep_time=True,
    )


def link_to(say: Catalogue, name: str, **variables: str) -> tuple[str, str]:
    """A link to another board in the same time window; each variable takes the column of the row that it names."""
    given = "".join(f"var-{key}=${{__data.fields.{column}:percentencode}}&" for key, column in variables.items())
    title = say["link.open"].replace("{board}", say[f"board.{name}.title"])
    return title, f"/d/{uid(name, say.language)}?{given}${{site:queryparam}}&${{__url_time_range}}"


def site(say: Catalogue) -> dashboard.VariableModel:
    """The choice of sites."""
    return choice("site", say["variable.site"], common.SITES, many=True)


def machine(say: Catalogue, *, many: bool = False) -> dashboard.VariableModel:
    """The choice of a machine of the chosen sites, or of several."""
    return choice("machine", say["variable.machine"], common.MACHINES, many=many)


def choice(name: str, label: str, query: str, *, many: bool = False) -> dashboard.VariableModel:
    """A variable of what a query gives: the first, or all of them with `many`."""
    current = dashboard.VariableOption(selected=True, text=["All"], value=["$__all"]) if many else None
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.QUERY,
        name=name,
        label=label,
        query=query,
        definition=None,
        datasource=SOURCE,
        multi=many,
        include_all=many,
        current=current,
        refresh=dashboard.VariableRefresh.ON_DASHBOARD_LOAD,
        sort=dashboard.VariableSort.DISABLED,
        skip_url_sync=None,
        allow_custom_value=None,
        auto=None,
        auto_min=None,
        auto_count=None,
    )


def look(
    say: Catalogue,
    column: str,
    unit: str,
    steps: palette.Steps = (),
    words: Words | None = None,
    *,
    filled: bool = False,
    width: int | None = None,
    colour: str | None = None,
    link: tuple[str, str] | None = None,
) -> Look:
    """How a column of that name is shown, under its heading in the catalogue."""
    heading = say[f"column.{column}"]
    width = width or (100 if filled and unit == palette.RATIO else None)
    return Look(column, heading, unit, steps, colour=colour, words=words, filled=filled, width=width, link=link)


def moments(say: Catalogue, *columns: str) -> list[Look]:
    """Columns of instants."""
    return [look(say, column, say["format.moment"], width=150) for column in columns]


def ratios(say: Catalogue, *columns: str) -> list[Look]:
    """Columns of ratios without colours."""
    return [look(say, column, palette.RATIO) for column in columns]


def counts(say: Catalogue, *columns: str) -> list[Look]:
    """Columns of whole numbers."""
    return [look(say, column, palette.PLAIN) for column in columns]


def texts(say: Catalogue, *columns: str) -> list[Look]:
    """Columns of text."""
    return [look(say, column, palette.TEXT) for column in columns]


def word(member: State | Cause) -> str:
    """The word that the views give for a code."""
    return member.name.lower()


def state_words(say: Catalogue) -> Words:
    """Words and colours of states."""
    return {word(state): (say[f"state.{word(state)}"], palette.STATE_COLOURS[state]) for state in State}


def cause_words(say: Catalogue) -> Words:
    """Words of causes."""
    return plain(say, "cause", map(word, Cause))


def plain(say: Catalogue, group: str, values: Iterable[str]) -> Words:
    """Words of a group of the catalogue, without colours."""
    return {value: (say[f"{group}.{value}"], None) for value in values}


def frame(say: Catalogue, panel: str, number: int, x: int, y: int, width: int, height: int) -> Frame:
    """Number, words and place of a panel."""
    return Frame(number, say[f"panel.{panel}.title"], say[f"panel.{panel}.description"], x, y, width, height)
