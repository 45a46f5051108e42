"""What boards have in common: the choice of sites, looks of columns, words for codes, frames of panels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from grafana_foundation_sdk.models import dashboard

from core.vocabulary import Cause, State
from dashboards import palette, queries
from dashboards.catalogue import Catalogue
from dashboards.panels import SOURCE, Frame, Look

Words = Mapping[str, tuple[str, str | None]]
"""Value in a view -> (words for a person, colour)."""


def site(say: Catalogue) -> dashboard.VariableModel:
    """The choice of sites."""
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


def look(
    say: Catalogue,
    column: str,
    unit: str,
    steps: palette.Steps = (),
    words: Words | None = None,
    *,
    filled: bool = False,
    width: int | None = None,
) -> Look:
    """How a column of that name is shown, under its heading in the catalogue."""
    return Look(column, say[f"column.{column}"], unit, steps, words=words, filled=filled, width=width)


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
