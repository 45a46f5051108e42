"""The shop floor board: every machine with its state and its shift, for the screen in the workshop.

`build` is pure: the same language gives the same board. Text comes from the catalogue, SQL from `dashboards.queries`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from grafana_foundation_sdk.models import dashboard

from core.vocabulary import Cause, State
from dashboards import palette, queries
from dashboards.catalogue import Catalogue, catalogue
from dashboards.panels import SOURCE, Frame, Look, bars, rows, stats, timeline

NAME = "shop_floor"

RATIOS = ("oee_low", "oee_high", "availability", "effectiveness", "quality_ratio", "spindle_utilization")
SCOPES = ("state", "count", "gauge", "source")
OUTCOMES = ("lasting", "lost", "recovered")
REASONS = ("no_planned_time", "no_standard_time", "no_parts", "parts_without_runtime")

Words = Mapping[str, tuple[str, str | None]]
"""Value in a view -> (words for a person, colour)."""


def build(language: str) -> dashboard.Dashboard:
    """The board in one of `dashboards.catalogue.LANGUAGES`. Its uid never changes, so links and updates find it."""
    say = catalogue(language)
    return dashboard.Dashboard(
        uid=f"stanok-shop-floor-{language}",
        title=say["board.shop_floor.title"],
        description=say["board.shop_floor.description"],
        tags=["stanok", language],
        timezone="browser",
        editable=False,
        graph_tooltip=dashboard.DashboardCursorSync.CROSSHAIR,
        time=dashboard.DashboardDashboardTime(from_val="now-8h", to="now"),
        timepicker=dashboard.TimePickerConfig(hidden=None, refresh_intervals=["5s", "10s", "30s", "1m", "5m"]),
        refresh="5s",
        schema_version=39,
        templating=dashboard.DashboardDashboardTemplating(list_val=[_site(say)]),
        annotations=dashboard.AnnotationContainer(list_val=[]),
        panels=[_states(say), _health(say), _machines(say), _timeline(say), _oee(say), _gaps(say)],
    )


def _site(say: Catalogue) -> dashboard.VariableModel:
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.QUERY,
        name="site",
        label=say["variable.site"],
        query=queries.SITES,
        definition=queries.SITES,
        datasource=SOURCE,
        multi=True,
        include_all=True,
        current=dashboard.VariableOption(selected=True, text=["All"], value=["$__all"]),
        refresh=dashboard.VariableRefresh.ON_DASHBOARD_LOAD,
        sort=dashboard.VariableSort.DISABLED,
        skip_url_sync=None,
        allow_custom_value=None,
        auto=None,
        auto_min=None,
        auto_count=None,
    )


def _states(say: Catalogue) -> dashboard.Panel:
    order = (State.PRODUCING, State.SETUP, State.IDLE, State.UNPLANNED_STOP, State.PLANNED_STOP, State.UNKNOWN)
    looks = [
        Look(word(state), say[f"state.{word(state)}"], palette.COUNT, colour=palette.STATE_COLOURS[state])
        for state in order
    ]
    return stats(_frame(say, "states", 1, 0, 0, 15, 4), queries.STATES, looks)


def _health(say: Catalogue) -> dashboard.Panel:
    looks = [
        _look(say, "gaps_lasting", palette.COUNT, palette.ANY_STEPS),
        _look(say, "lag_s", palette.SECONDS, palette.LAG_STEPS),
        _look(say, "quarantined", palette.COUNT, palette.ANY_STEPS),
        _look(say, "recompute_requests", palette.COUNT),
    ]
    return stats(_frame(say, "health", 2, 15, 0, 9, 4), queries.HEALTH, looks)


def _machines(say: Catalogue) -> dashboard.Panel:
    looks = [
        _look(say, "site", palette.TEXT),
        _look(say, "machine", palette.TEXT, width=210),
        _look(say, "state", palette.TEXT, words=_state_words(say), filled=True, width=150),
        _look(say, "cause", palette.TEXT, words=_cause_words(say)),
        _look(say, "since", say["format.moment"], width=150),
        _look(say, "program", palette.TEXT),
        _look(say, "parts_good", palette.COUNT),
        _look(say, "parts_total", palette.COUNT),
        _look(say, "oee", palette.RATIO, palette.OEE_STEPS, filled=True),
        *(_look(say, ratio, palette.RATIO) for ratio in RATIOS),
        _look(say, "coverage", palette.RATIO, palette.COVERAGE_STEPS, filled=True),
        _look(say, "reason", palette.TEXT, words=_plain(say, "reason", REASONS)),
        _look(say, "lag_s", palette.SECONDS, palette.LAG_STEPS, filled=True),
    ]
    return rows(_frame(say, "machines", 3, 0, 4, 24, 9), queries.MACHINES, looks)


def _timeline(say: Catalogue) -> dashboard.Panel:
    look = _look(say, "state", palette.TEXT, words=_state_words(say))
    return timeline(_frame(say, "timeline", 4, 0, 13, 24, 9), queries.TIMELINE, look, by="machine")


def _oee(say: Catalogue) -> dashboard.Panel:
    look = _look(say, "oee", palette.RATIO, palette.OEE_STEPS)
    return bars(_frame(say, "oee", 5, 0, 22, 10, 9), queries.OEE, look)


def _gaps(say: Catalogue) -> dashboard.Panel:
    looks = [
        _look(say, "from_time", say["format.moment"], width=150),
        _look(say, "to_time", say["format.moment"], width=150),
        _look(say, "length_s", palette.SECONDS),
        _look(say, "machine", palette.TEXT),
        _look(say, "source", palette.TEXT),
        _look(say, "scope", palette.TEXT, words=_plain(say, "scope", SCOPES)),
        _look(say, "cause", palette.TEXT, words=_cause_words(say)),
        _look(say, "outcome", palette.TEXT, words=_plain(say, "outcome", OUTCOMES)),
    ]
    return rows(_frame(say, "gaps", 6, 10, 22, 14, 9), queries.GAPS, looks)


def _look(
    say: Catalogue,
    column: str,
    unit: str,
    steps: palette.Steps = (),
    words: Words | None = None,
    *,
    filled: bool = False,
    width: int | None = None,
) -> Look:
    return Look(column, say[f"column.{column}"], unit, steps, words=words, filled=filled, width=width)


def word(member: State | Cause) -> str:
    """The word that the views give for a code."""
    return member.name.lower()


def _state_words(say: Catalogue) -> Words:
    return {word(state): (say[f"state.{word(state)}"], palette.STATE_COLOURS[state]) for state in State}


def _cause_words(say: Catalogue) -> Words:
    return _plain(say, "cause", map(word, Cause))


def _plain(say: Catalogue, group: str, values: Iterable[str]) -> Words:
    return {value: (say[f"{group}.{value}"], None) for value in values}


def _frame(say: Catalogue, panel: str, number: int, x: int, y: int, width: int, height: int) -> Frame:
    return Frame(number, say[f"panel.{panel}.title"], say[f"panel.{panel}.description"], x, y, width, height)
