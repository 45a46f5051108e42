"""The board of data quality and of the platform's health: whether the other boards can be believed, and who is to act.

`build` is pure: the same language gives the same board. Text comes from the catalogue, SQL from `dashboards.queries`.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from dashboards import palette
from dashboards.boards.parts import board, cause_words, counts, frame, look, moments, plain, site, texts
from dashboards.boards.shop_floor import OUTCOMES, SCOPES
from dashboards.catalogue import Catalogue, catalogue
from dashboards.charts import lines_by
from dashboards.panels import bars, rows, stats
from dashboards.queries import health as queries
from dashboards.queries import shop_floor

NAME = "health"
MEASURES = ("spool_left_h", "spool_waiting", "certificate_left_d")


def build(language: str) -> dashboard.Dashboard:
    """The board in one of `dashboards.catalogue.LANGUAGES`."""
    say = catalogue(language)
    panels = [_platform(say), *_sources(say), *_coverage(say), *_gaps(say), *_rest(say)]
    return board(say, NAME, panels, [site(say)], since="now-2d", refresh="30s")


def _platform(say: Catalogue) -> dashboard.Panel:
    looks = [
        look(say, "machines_unknown", palette.PLAIN, palette.ANY_STEPS),
        look(say, "gaps_lasting", palette.PLAIN, palette.ANY_STEPS),
        look(say, "lag_s", palette.SECONDS, palette.LAG_STEPS),
        look(say, "quarantined", palette.COUNT, palette.ANY_STEPS),
        look(say, "recompute_requests", palette.PLAIN, palette.ANY_STEPS),
        look(say, "samples_s", say["format.per_second"], colour=palette.LINE),
        look(say, "database_bytes", palette.BYTES, colour=palette.LINE),
    ]
    return stats(frame(say, "platform", 1, 0, 0, 24, 4), queries.PLATFORM, looks)


def _sources(say: Catalogue) -> list[dashboard.Panel]:
    sources = [
        *texts(say, "source", "protocol"),
        *counts(say, "machines"),
        look(say, "machines_silent", palette.PLAIN, palette.ANY_STEPS, filled=True),
        *moments(say, "heard"),
        look(say, "silent_s", palette.SECONDS, palette.LAG_STEPS, filled=True),
        look(say, "clock_skew_s", palette.SECONDS, palette.SKEW_STEPS, filled=True),
    ]
    measures = [
        *texts(say, "subject"),
        look(say, "what", palette.TEXT, words=plain(say, "measure", MEASURES)),
        look(say, "value", palette.PLAIN),
        *moments(say, "at_time"),
    ]
    return [
        rows(frame(say, "sources", 2, 0, 4, 14, 6), queries.SOURCES, sources),
        rows(frame(say, "measures", 3, 14, 4, 10, 6), queries.MEASURES, measures),
    ]


def _coverage(say: Catalogue) -> list[dashboard.Panel]:
    shown = look(say, "coverage", palette.RATIO, palette.COVERAGE_STEPS)
    return [
        lines_by(frame(say, "coverage_sites", 4, 0, 10, 14, 8), queries.COVERAGE, shown, draw="step", most=1),
        bars(frame(say, "coverage_machines", 5, 14, 10, 10, 8), queries.MACHINES, shown),
    ]


def _gaps(say: Catalogue) -> list[dashboard.Panel]:
    scope = look(say, "scope", palette.TEXT, words=plain(say, "scope", SCOPES))
    cause = look(say, "cause", palette.TEXT, words=cause_words(say))
    causes = [scope, cause, *counts(say, "gaps", "machines"), look(say, "length_h", say["format.hours"])]
    gaps = [
        *moments(say, "from_time", "to_time"),
        look(say, "length_s", palette.SECONDS),
        *texts(say, "machine", "source"),
        scope,
        cause,
        look(say, "outcome", palette.TEXT, words=plain(say, "outcome", OUTCOMES)),
    ]
    return [
        rows(frame(say, "gap_causes", 6, 0, 18, 9, 7), queries.CAUSES, causes),
        rows(frame(say, "gaps", 7, 9, 18, 15, 7), shop_floor.GAPS, gaps),
    ]


def _rest(say: Catalogue) -> list[dashboard.Panel]:
    quarantine = [
        *moments(say, "received_time"),
        *texts(say, "source", "machine", "origin"),
        *texts(say, "fault"),
        look(say, "bytes", palette.BYTES),
    ]
    return [
        rows(frame(say, "quarantine", 8, 0, 25, 16, 6), queries.QUARANTINE, quarantine),
        rows(frame(say, "versions", 9, 16, 25, 8, 6), queries.VERSIONS, texts(say, "definition", "code_version")),
    ]
