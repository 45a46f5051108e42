"""The queries of all boards on every server: with the known history, with Grafana's TimescaleDB flag and without."""

from __future__ import annotations

import json

import psycopg

from dashboards.alerts import RULES
from dashboards.build import BUILT
from dashboards.macros import Window, expand
from dashboards.queries import machine, shift
from tests.dashboards.known import MACHINE, SHIFT_NAME, at

CHOSEN = {"site": ["minsk"], "machine": [MACHINE], "shift": [SHIFT_NAME], "area": ["turning"]}
WINDOWS = [Window(at(-60), at(240), timescale=flag) for flag in (False, True)]


def test_every_query_gives_the_same_with_the_flag_and_without(known_history: str) -> None:
    boards = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((BUILT / "ru").glob("*.json"))]
    texts = [panel["targets"][0]["rawSql"] for board in boards for panel in board["panels"]]
    texts += [rule.sql for rule in RULES]
    assert len(texts) > 60
    with psycopg.connect(known_history, autocommit=True) as connection:
        for text in texts:
            plain, flagged = (
                connection.execute(expand(text, window, CHOSEN).encode()).fetchall() for window in WINDOWS
            )
            if "platform_load" not in text:  # the database grows
                assert plain == flagged, text


def test_the_figures_of_a_shift_are_the_same_on_every_server(known_history: str) -> None:
    with psycopg.connect(known_history) as connection:
        (figures,) = connection.execute(expand(shift.FIGURES, WINDOWS[1], CHOSEN).encode()).fetchall()
        losses = connection.execute(expand(shift.LOSSES, WINDOWS[1], CHOSEN).encode()).fetchall()
        hours = connection.execute(expand(machine.OEE_HOURS, WINDOWS[1], CHOSEN).encode()).fetchall()
    assert (round(figures[0], 9), figures[7]) == (round(2660 / 7200, 9), 28)
    assert round(sum(row[1] for row in losses) + losses[-1][2], 9) == 130
    assert [row[0].hour for row in hours] == [8, 9, 10, 11]
