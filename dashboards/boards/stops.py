"""The stops board: what time was lost to, by the machine's cause and the reason that people gave, and what people told.

`build` is pure: the same language gives the same board. Text comes from the catalogue, SQL from `dashboards.queries`.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from core.plant.reasons import ReasonClass
from dashboards import palette
from dashboards.boards.parts import board, cause_words, frame, look, plain, site, state_words
from dashboards.catalogue import Catalogue, catalogue
from dashboards.panels import rows
from dashboards.queries import stops as queries

NAME = "stops"

STANDINGS = ("in_effect", "taken_back", "takes_back")
KINDS = ("reason", "scrap")


def build(language: str) -> dashboard.Dashboard:
    """The board in one of `dashboards.catalogue.LANGUAGES`. Its uid never changes, so links and updates find it."""
    say = catalogue(language)
    panels = [_pareto(say, language), _stops(say, language), _told(say, language)]
    return board(say, NAME, panels, [site(say)])


def _pareto(say: Catalogue, language: str) -> dashboard.Panel:
    looks = [
        look(say, "cause", palette.TEXT, words=cause_words(say)),
        look(say, "told_reason", palette.TEXT),
        look(say, "class", palette.TEXT, words=_classes(say)),
        look(say, "length_s", palette.SECONDS),
        look(say, "stops", palette.COUNT),
        look(say, "machines", palette.COUNT),
    ]
    return rows(frame(say, "pareto", 1, 0, 0, 24, 9), queries.pareto(language), looks)


def _stops(say: Catalogue, language: str) -> dashboard.Panel:
    looks = [
        look(say, "from_time", say["format.moment"], width=150),
        look(say, "to_time", say["format.moment"], width=150),
        look(say, "length_s", palette.SECONDS),
        look(say, "machine", palette.TEXT),
        look(say, "state", palette.TEXT, words=state_words(say), filled=True, width=150),
        look(say, "cause", palette.TEXT, words=cause_words(say)),
        look(say, "told_reason", palette.TEXT),
        look(say, "note", palette.TEXT),
    ]
    return rows(frame(say, "stops", 2, 0, 9, 24, 10), queries.stops(language), looks)


def _told(say: Catalogue, language: str) -> dashboard.Panel:
    looks = [
        look(say, "entered_time", say["format.moment"], width=150),
        look(say, "author", palette.TEXT),
        look(say, "kind", palette.TEXT, words=plain(say, "kind", KINDS)),
        look(say, "standing", palette.TEXT, words=plain(say, "standing", STANDINGS)),
        look(say, "from_time", say["format.moment"], width=150),
        look(say, "to_time", say["format.moment"], width=150),
        look(say, "machine", palette.TEXT),
        look(say, "told_reason", palette.TEXT),
        look(say, "parts", palette.COUNT),
        look(say, "note", palette.TEXT),
        look(say, "id", palette.TEXT),
    ]
    return rows(frame(say, "told", 3, 0, 19, 24, 9), queries.told(language), looks)


def _classes(say: Catalogue) -> dict[str, tuple[str, str | None]]:
    return {"": (say["class.none"], None), **plain(say, "class", [str(kind) for kind in ReasonClass])}
