"""From bundles of twelve plants to findings, explanations and the ministry's board, where the truth is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from dashboards.build import BUILT
from dashboards.catalogue import LANGUAGES
from dashboards.macros import Window, expand
from dashboards.reports.programme import Effect, interval
from stanok.cli import app
from stanok.preview import preview
from storage.pg.connect import connect
from tests.dashboards.browser import PAINTED, STATES, WIDER, Browser, keep
from tests.stanok.reports import GAIN, PLANTS, PRI_S, WEEKS, fill, name_of

SITES = [name_of(plant) for plant in range(PLANTS)]
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
BOARDS = {
    language: json.loads((BUILT / language / "programmes.json").read_text(encoding="utf-8")) for language in LANGUAGES
}
PANELS = [(language, panel["id"]) for language in LANGUAGES for panel in BOARDS[language]["panels"]]


@pytest.fixture(scope="module")
def reported(empty_database: Callable[[str], str], migrated_template: str) -> str:
    """A database with everything loaded and evaluated; the plant p04 makes other parts after its start."""
    dsn = empty_database(migrated_template)
    with connect(dsn) as connection:
        fill(connection, frozenset({4}))
    done = CliRunner().invoke(app, ["programme", "evaluate", "--programme", "renewal", "--database", dsn])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Better: output in frozen standard hours differs by +")
    assert "Left out, because the work before and after is not the same: 1 of the projects." in done.output
    return dsn


@cache
def ask(dsn: str, sql: str) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Column -> type OID, and the rows."""
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(expand(sql, WINDOW, {"site": SITES}).encode())
        assert cursor.description is not None
        columns = {column.name: column.type_code for column in cursor.description}
        return columns, [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def test_the_effect_is_found_and_its_interval_holds_the_truth(reported: str) -> None:
    _, rows = ask(reported, "select * from board.programme_effect")
    found = {row["outcome"]: row for row in rows}
    output = found["output"]
    assert (output["finding"], output["plants"], output["treated"], output["tier"]) == ("better", PLANTS - 1, 5, "B0")
    # Plants gain a fifth of what each made: 1500 + 100·plant minutes a week over 168 hours, of those compared.
    truth = sum((GAIN - 1) * (1500 + 100 * plant) / 60 / 168 for plant in (0, 2, 6, 8, 10)) / 5
    assert output["low"] < truth < output["high"]
    assert output["value"] == pytest.approx(truth, rel=0.1)
    assert set(found) == {"output", "load", "availability"}, "nobody measures energy"
    assert found["load"]["finding"] == "worse", "half the time for a part, a fifth more parts"


def test_why_output_changed_is_split_exactly_and_other_parts_are_no_number(reported: str) -> None:
    _, rows = ask(reported, "select * from board.programme_project order by project")
    found = {row["project"]: row for row in rows}
    assert len(found) == PLANTS // 2
    other = found.pop("P-p04")
    assert (other["obstacle"], other["change"], other["payback_y"]) == ("mix", None, None)
    for row in found.values():
        factors = [row[f"by_{name}"] for name in ("planned", "availability", "effectiveness", "quality", "technology")]
        assert row["change"] == pytest.approx(sum(factors), abs=1e-12)
        assert row["by_technology"] > 0 > row["by_availability"]
        assert row["technology_at_mix"] == pytest.approx(2.0)
        assert row["common"] == pytest.approx(1.0)
        assert row["payback_soonest_y"] < row["payback_y"] < row["payback_latest_y"]
        # 100 000 / (effect · 8760 h · 50 a standard hour)
    _, (effect,) = ask(reported, "select value from board.programme_effect where outcome = 'output'")
    assert found["P-p00"]["payback_y"] == pytest.approx(100_000 / (effect["value"] * 8760 * 50))


def test_use_localisation_and_operations_come_from_the_reported_hours(reported: str) -> None:
    _, rows = ask(reported, "select * from board.programme_machine order by machine")
    assert [row["standing"] for row in rows] == ["in_use"] * (PLANTS // 2)
    assert {row["main_reason"] for row in rows} == {"no_order"}
    for plant, row in zip((0, 2, 4, 6, 8, 10), rows, strict=True):
        # Half the time for a part, a fifth more of them, a tenth slower than the standard; 56 planned hours a week.
        assert row["worked"] == pytest.approx((1500 + 100 * plant) / 60 * 1.2 / 2 * 1.1 / 56, rel=0.05)
        assert (row["load"], row["shift_factor"]) == (pytest.approx(1.0), 1.0)
    _, (local,) = ask(reported, "select * from board.programme_localisation")
    assert local["localisation"] == pytest.approx(0.6)
    _, operations = ask(reported, "select * from board.programme_operation")
    assert len(operations) == PLANTS // 2
    assert all(0 < row["seen_h"] < row["days"] * 8 for row in operations)


def test_plants_are_bands_and_nobody_of_the_alike_is_called_above_or_below(reported: str) -> None:
    _, rows = ask(reported, "select * from board.programme_band")
    assert len(rows) == PLANTS
    for row in rows:
        assert row["low"] <= row["value"] <= row["high"]
        assert row["expected_low"] < row["expected_high"]


def test_a_standard_time_that_changed_at_the_start_is_told(reported: str) -> None:
    _, rows = ask(reported, "select * from board.programme_integrity where signal = 'standard_changed'")
    assert {(row["site"], row["detail"], row["value"]) for row in rows} == {
        (name_of(plant), part, -0.5) for plant in range(0, PLANTS, 2) for part in PRI_S
    }


@pytest.mark.parametrize(("language", "number"), PANELS)
def test_every_panel_of_the_board_shows_rows_and_dresses_every_column(
    reported: str, language: str, number: int
) -> None:
    (panel,) = (panel for panel in BOARDS[language]["panels"] if panel["id"] == number)
    columns, rows = ask(reported, panel["targets"][0]["rawSql"])
    assert rows
    assert {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]} == set(columns)
    assert set(columns.values()) <= {20, 21, 23, 25, 700, 701, 1043, 1184, 1700}, "Grafana shows these"


@pytest.mark.parametrize(("language", "width", "height"), [("en", 1920, 1080), ("ru", 400, 800)])
def test_the_board_opens_in_a_browser_with_data_in_every_panel_and_a_silent_console(
    browser: Browser, reported: str, language: str, width: int, height: int
) -> None:
    with preview(reported, 0) as served:
        browser.open(f"{served.url}{language}/programmes", width, height, dark=language == "ru")
        browser.wait_for(PAINTED)
        assert browser.value(STATES) == ["ready"] * len(BOARDS[language]["panels"])
        assert not browser.value(WIDER)
        assert browser.complaints == []
        keep(f"programmes-{language}-{width}", browser)


def test_every_word_that_the_views_give_has_words_on_the_board(reported: str) -> None:
    for panel in BOARDS["ru"]["panels"]:
        _, rows = ask(reported, panel["targets"][0]["rawSql"])
        for override in panel["fieldConfig"]["overrides"]:
            for item in override["properties"]:
                if item["id"] == "mappings" and item["value"][0]["type"] == "value":
                    given = {row[override["matcher"]["options"]] for row in rows}
                    assert given <= set(item["value"][0]["options"]), panel["title"]


class Tags(HTMLParser):
    """Which tags stand open, and all text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {name for name, _ in attrs} & {"src", "href", "onclick"}, "nothing from elsewhere"
        if tag not in ("meta", "line", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "circle"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_says_what_the_board_says_in_one_file(reported: str, language: str, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    asked = ["report", "programme", "--lang", language, "--out", str(out), "--database", reported]
    assert CliRunner().invoke(app, asked, catch_exceptions=False).exit_code == 0
    found = Tags()
    found.feed(out.read_text(encoding="utf-8"))
    assert found.open == []
    text = " ".join(found.text)
    for _, (row,) in [ask(reported, "select * from board.programme_effect where outcome = 'output'")]:
        assert row[f"verdict_{language}"] in text
        assert row["report"] in text
    for panel in BOARDS[language]["panels"]:
        assert panel["title"] in text
    assert "60,0" in text if language == "ru" else "60.0" in text, "the local share"
    assert "".join(found.text).count("P-p04") >= 2


def test_an_effect_without_an_interval_has_no_picture() -> None:
    known = Effect("P", "output", "better", "", 0.2, 0.1, 0.3, "id")
    drawn = interval(known)
    assert drawn is not None
    assert interval(replace(known, low=None)) is None
    # From 0 on the left to the upper end on the right, 400 px between the margins.
    assert 'x1="143.3" x2="410.0"' in drawn.text


def test_the_choice_of_plants_is_all_of_the_registry(reported: str) -> None:
    _, rows = ask(reported, BOARDS["en"]["templating"]["list"][0]["query"])
    assert [row["site"] for row in rows] == SITES


def test_weeks_that_nobody_reported_are_not_observed(reported: str) -> None:
    assert ask(reported, "select count(*) from stanok.plant_shift")[1][0]["count"] == WEEKS * 7 * PLANTS
