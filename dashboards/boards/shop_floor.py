"""The shop floor board: every machine with its state and its shift, for the screen in the workshop.

`build` is pure: the same language gives the same board. Text comes from the catalogue, SQL from `dashboards.queries`.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from core.vocabulary import State
from dashboards import palette
from dashboards.boards.parts import board, cause_words, frame, link_to, look, plain, site, state_words, uid, word
from dashboards.catalogue import Catalogue, catalogue
from dashboards.panels import Look, bars, rows, stats, tiles, timeline
from dashboards.queries import shop_floor as queries

NAME = "shop_floor"

RATIOS = ("oee_low", "oee_high", "availability", "effectiveness", "quality_ratio", "spindle_utilization")
SCOPES = ("state", "count", "gauge", "source")
OUTCOMES = ("lasting", "lost", "recovered")
REASONS = ("no_planned_time", "no_signal", "no_standard_time", "no_parts", "parts_without_runtime")


def build(language: str) -> dashboard.Dashboard:
    """The board in one of `dashboards.catalogue.LANGUAGES`. Its uid never changes, so links and updates find it."""
    say = catalogue(language)
    panels = [_states(say), _health(say), _tiles(say), _timeline(say), _machines(say), _oee(say), _gaps(say)]
    return board(say, NAME, panels, [site(say)], since="now-8h", refresh="5s", links=[_hall(say)])


def _hall(say: Catalogue) -> dashboard.DashboardLink:
    """The same board without menus, for the screen in the hall."""
    return dashboard.DashboardLink(
        title=say["link.hall"],
        type_val=dashboard.DashboardLinkType.LINK,
        icon="external link",
        url=f"/d/{uid(NAME, say.language)}?kiosk&refresh=5s",
        include_vars=True,
        keep_time=True,
    )


def _states(say: Catalogue) -> dashboard.Panel:
    order = (State.PRODUCING, State.SETUP, State.IDLE, State.UNPLANNED_STOP, State.PLANNED_STOP, State.UNKNOWN)
    looks = [
        Look(word(state), say[f"state.{word(state)}"], palette.COUNT, colour=palette.STATE_COLOURS[state])
        for state in order
    ]
    return stats(frame(say, "states", 1, 0, 0, 15, 4), queries.STATES, looks)


def _health(say: Catalogue) -> dashboard.Panel:
    looks = [
        look(say, "gaps_lasting", palette.COUNT, palette.ANY_STEPS),
        look(say, "lag_s", palette.SECONDS, palette.LAG_STEPS),
        look(say, "quarantined", palette.COUNT, palette.ANY_STEPS),
        look(say, "recompute_requests", palette.COUNT),
    ]
    return stats(frame(say, "health", 2, 15, 0, 9, 4), queries.HEALTH, looks)


def _tiles(say: Catalogue) -> dashboard.Panel:
    shown = look(say, "state", palette.TEXT, words=state_words(say))
    return tiles(frame(say, "tiles", 7, 0, 4, 24, 12), queries.TILES, shown)


def _machines(say: Catalogue) -> dashboard.Panel:
    looks = [
        look(say, "title", palette.TEXT, width=190),
        look(say, "machine", palette.TEXT, link=link_to(say, "machine", machine="machine")),
        look(say, "state", palette.TEXT, words=state_words(say), filled=True, width=150),
        look(say, "cause", palette.TEXT, words=cause_words(say)),
        look(say, "since", say["format.moment"], width=150),
        look(say, "program", palette.TEXT),
        look(say, "parts_good", palette.COUNT),
        look(say, "parts_total", palette.COUNT),
        look(say, "oee", palette.RATIO, palette.OEE_STEPS, filled=True),
        *(look(say, ratio, palette.RATIO) for ratio in RATIOS),
        look(say, "coverage", palette.RATIO, palette.COVERAGE_STEPS, filled=True),
        look(say, "reason", palette.TEXT, words=plain(say, "reason", REASONS)),
        look(say, "lag_s", palette.SECONDS, palette.LAG_STEPS, filled=True),
    ]
    return rows(frame(say, "machines", 3, 0, 27, 24, 9), queries.MACHINES, looks)


def _timeline(say: Catalogue) -> dashboard.Panel:
    shown = look(say, "state", palette.TEXT, words=state_words(say))
    return timeline(frame(say, "timeline", 4, 0, 16, 24, 11), queries.TIMELINE, shown, by="machine")


def _oee(say: Catalogue) -> dashboard.Panel:
    shown = look(say, "oee", palette.RATIO, palette.OEE_STEPS)
    return bars(frame(say, "oee", 5, 0, 36, 10, 9), queries.OEE, shown)


def _gaps(say: Catalogue) -> dashboard.Panel:
    looks = [
        look(say, "from_time", say["format.moment"], width=150),
        look(say, "to_time", say["format.moment"], width=150),
        look(say, "length_s", palette.SECONDS),
        look(say, "machine", palette.TEXT),
        look(say, "source", palette.TEXT),
        look(say, "scope", palette.TEXT, words=plain(say, "scope", SCOPES)),
        look(say, "cause", palette.TEXT, words=cause_words(say)),
        look(say, "outcome", palette.TEXT, words=plain(say, "outcome", OUTCOMES)),
    ]
    return rows(frame(say, "gaps", 6, 10, 36, 14, 9), queries.GAPS, looks)
