"""Printed reports on a history that can be worked out by hand (tests/dashboards/known), in each format and language."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from dashboards.catalogue import LANGUAGES, catalogue
from stanok.cli import app
from storage.pg.connect import connect
from storage.pg.roles import set_login
from tests.dashboards.browser import WIDER, Browser, keep
from tests.dashboards.known import MACHINE, write_known

SHIFT = ("--day", "2025-11-22", "--shift", "1")
"""Of the history; it goes on."""


@pytest.fixture(scope="module")
def known(empty_database: Callable[[str], str], migrated_template: str) -> str:
    """A history of its own: what is printed is kept in it, and some tests revise it."""
    dsn = empty_database(migrated_template)
    write_known(dsn)
    return dsn


def stanok(*arguments: str, wrong: int = 0) -> str:
    done = CliRunner().invoke(app, ["report", *arguments])
    if wrong:
        assert done.exception is not None
        return str(done.exception)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def printed(dsn: str, out: Path, *arguments: str) -> str:
    """The number of a report that was written to `out`."""
    found = re.search(r"[SPM](-[0-9A-F]{4}){3}", stanok(*arguments, "--out", str(out), "--database", dsn))
    assert found is not None
    return found[0]


class Text(HTMLParser):
    """All words of a page, and that nothing of it comes from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "img", "link", "iframe")
        assert not {name for name, _ in attrs} & {"src", "href", "onclick"}

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def text_of(path: Path) -> str:
    page = Text()
    page.feed(path.read_text(encoding="utf-8"))
    return " ".join(page.words)


def sheet(path: Path, name: str) -> list[list[Any]]:
    """Rows below the headings of a sheet."""
    rows = [list(row) for row in openpyxl.load_workbook(path)[name].iter_rows(values_only=True)]
    return rows[4:]


def test_the_page_of_a_shift_says_the_known_figures_as_russians_write_them(known: str, tmp_path: Path) -> None:
    number = printed(known, tmp_path / "s.html", "shift", *SHIFT, "--machine", MACHINE, "--lang", "ru")
    text = text_of(tmp_path / "s.html")
    # 28 good parts of 95 s in 120 min of planned busy time; with 10 unknown minutes.
    for words in ("36,9\u00a0%", "28", "22.11.2025 11:30", "Ожидание", number, "Данные по"):
        assert words in text, words
    # Calendar 130 min: 10 of break, 10 unknown, 10 setup, 10 breakdown, 30 waiting, 60 less 47.5 too slow, 3.17 scrap.
    for words in ("130,0\u00a0мин", "10,0\u00a0мин", "30,0\u00a0мин", "12,5\u00a0мин", "3,2\u00a0мин", "44,3\u00a0мин"):
        assert words in text, words
    assert "ещё не закончилось" in text


def test_a_spreadsheet_has_real_numbers_under_headings_with_units_and_losses_that_add_up(
    known: str, tmp_path: Path
) -> None:
    path = tmp_path / "s.xlsx"
    printed(known, path, "shift", *SHIFT, "--machine", MACHINE, "--lang", "ru")
    book = openpyxl.load_workbook(path)
    bounds = book["Показатели"]
    assert [cell.value for cell in bounds[4]][:4] == ["Показатель", "Значение, %", "Не менее, %", "Не более, %"]
    figures = {row[0]: row[1:] for row in sheet(path, "Показатели")}
    assert figures["OEE"][:5] == pytest.approx((2660 / 7200, 2660 / 7200, figures["OEE"][2], 2660 / 3600, 2.0))
    assert figures["OEE"][2] > figures["OEE"][0]
    assert figures["Полнота данных"][0] == pytest.approx(110 / 120)
    assert bounds["B5"].number_format == "0.0%"
    losses = sheet(path, next(name for name in book.sheetnames if name.startswith("Потери")))
    assert losses[0][0:3] == ["Календарное время", "—", 130.0]
    assert losses[0][2] - sum(row[1] for row in losses[1:]) == pytest.approx(losses[-1][2], abs=1e-9)
    assert losses[-1][2] == pytest.approx(2660 / 60)
    stops = sheet(path, next(name for name in book.sheetnames if name.startswith("Остановки")))
    # Waiting 20, alarm 10, setup 10, break 10 and the waiting that goes on, 10 up to as_of; the last row is their sum.
    assert [row[1] for row in stops] == [20, 10, 10, 10, 10, 60]
    assert stops[0][0].strftime("%H:%M") == "12:30", "the plant's time"


def test_an_undefined_figure_is_a_dash_with_its_reason(known: str, tmp_path: Path) -> None:
    path = tmp_path / "all.xlsx"
    printed(known, path, "shift", *SHIFT)
    rows = {row[0]: row for row in sheet(path, "Figures")}
    assert rows["OEE"][1] == pytest.approx(2660 / 7200)
    with connect(known) as connection:
        connection.execute("update stanok.machine set has_counter = false, has_spindle = false")
    try:
        printed(known, path, "shift", *SHIFT, "--machine", MACHINE)
        rows = {row[0]: row for row in sheet(path, "Figures")}
    finally:
        with connect(known) as connection:
            connection.execute("update stanok.machine set has_counter = true, has_spindle = true")
    assert rows["OEE"][1:4] == ["—", "—", "—"]
    assert rows["OEE"][-1] == catalogue("en")["reason.no_signal"]
    assert rows["Spindle"][-1] == catalogue("en")["reason.no_spindle_signal"]
    assert rows["Availability"][1] == pytest.approx(0.5)


def test_a_report_is_printed_again_by_its_number_byte_by_byte(known: str, tmp_path: Path) -> None:
    """In a language and format that it was never printed in, too, because answers are kept and not pages."""
    number = printed(known, tmp_path / "1.html", "shift", *SHIFT, "--lang", "en")
    for form in ("html", "pdf", "xlsx"):
        for place in ("a", "b"):
            again = printed(known, tmp_path / f"{place}.{form}", "shift", "--id", number.lower(), "--lang", "ru")
            assert again == number
        assert (tmp_path / f"a.{form}").read_bytes() == (tmp_path / f"b.{form}").read_bytes()
    printed(known, tmp_path / "2.html", "shift", "--id", number, "--lang", "en")
    assert (tmp_path / "1.html").read_bytes() == (tmp_path / "2.html").read_bytes()
    assert number in stanok("list", "--database", known)


def test_revised_facts_are_told_and_both_can_be_printed(database: str, tmp_path: Path) -> None:
    write_known(database)
    with connect(database) as connection:  # the shift ends where its facts do
        connection.execute("update stanok.shift_instance set end_time = start_time + interval '130 minutes'")
    number = printed(database, tmp_path / "1.html", "shift", *SHIFT, "--lang", "en")
    with connect(database) as connection:
        connection.execute("update stanok.fact_shift set parts_good = parts_good - 8, parts_scrap = parts_scrap + 8")
        connection.execute("update stanok.fact_shift set credit_good_us = credit_good_us - 8 * 95000000")
    said = stanok("shift", "--id", number, "--both", "--out", str(tmp_path / "2.html"), "--database", database)
    assert "its facts were revised" in said
    (fresh,) = tmp_path.glob("2-S-*.html")
    old, new = text_of(tmp_path / "2.html"), text_of(fresh)
    assert "what it rests on has changed: figures, losses" in old.replace(f" {MACHINE}", "")
    assert "36.9\u00a0%" in old
    assert "36.9\u00a0%" not in new
    assert "26.4\u00a0%" in new, "20 good parts of 95 s by 7200 s"
    assert f"replaces {number}" in new
    assert fresh.stem.removeprefix("2-") in old
    assert printed(database, tmp_path / "3.html", "shift", *SHIFT) == fresh.stem.removeprefix("2-")


def test_a_login_that_may_not_write_prints_and_says_that_nothing_is_kept(known: str, tmp_path: Path) -> None:
    with connect(known) as connection:
        set_login(connection, "report_reader", "reader", ["minsk"], "secret")
    try:
        dsn = make_conninfo(known, user="report_reader", password="secret")
        before = stanok("list", "--database", known)
        said = stanok("plant", "--until", "2025-11-22", "--out", str(tmp_path / "p.html"), "--database", dsn)
        assert "may not keep reports" in said
        assert "are not kept" in text_of(tmp_path / "p.html")
        assert stanok("list", "--database", known) == before
    finally:
        with connect(known) as connection:
            connection.execute("drop role report_reader")


def test_the_report_of_a_plant_names_the_base_of_each_indicator(known: str, tmp_path: Path) -> None:
    path = tmp_path / "p.xlsx"
    printed(known, path, "plant", "--site", "minsk", "--until", "2025-11-22", "--weeks", "1", "--lang", "ru")
    rows = {row[0]: row for row in sheet(path, "Индикаторы")}
    # Busy under an order 100 of 120 min, and 10 more if the unknown ones were; one shift of one machine on one day.
    assert rows["Загрузка (Кз.факт)"][1] == pytest.approx(110 / 120)
    assert rows["Загрузка (Кз.факт)"][2] == "91,7…100,0\u00a0%"
    assert "режимный фонд Фн" in rows["Загрузка (Кз.факт)"][4]
    assert rows["Сменность (Ксм)"][1] == 1
    assert rows["Использование оборудования (КИО)"][1] == pytest.approx(60 / 130)
    assert "календарный фонд Фк" in rows["Использование оборудования (КИО)"][4]
    hours = sheet(path, "Часы")
    assert hours[0][1:3] == pytest.approx([130 / 60, 2.0])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["shift", "plant"])
def test_pages_are_as_wide_as_a_phone_and_the_console_is_silent(
    history: str, browser: Browser, tmp_path: Path, kind: str, language: str
) -> None:
    path = tmp_path / f"{kind}.html"
    printed(history, path, kind, "--site", "minsk", "--lang", language)
    for width, height in ((1280, 900), (400, 800)):
        browser.open(path.as_uri(), width, height)
        browser.wait_for("document.readyState === 'complete'")
        assert not browser.value(WIDER)
        assert browser.value("document.querySelectorAll('svg').length") >= 2
        keep(f"report-{kind}-{language}-{width}", browser)
    assert browser.complaints == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["shift", "--site", "nowhere"], "there is no plant nowhere"),
        (["shift", "--day", "1999-01-01"], "No such shift"),
        (["shift", "--id", "S-0000-0000-0000"], "No shift report S-0000-0000-0000 is kept"),
        (["shift", *SHIFT, "--machine", "minsk/none"], "no facts of minsk/none"),
        (["plant", "--until", "tomorrow"], "is no day"),
        (["plant", "--until", "2025-11-22", "--out", "x.doc"], "does not end in .pdf"),
    ],
)
def test_wrong_wishes_are_refused_in_a_sentence(known: str, arguments: list[str], words: str) -> None:
    assert words in stanok(*arguments, "--database", known, wrong=2)


def test_words_of_people_are_text_and_never_markup(known: str, tmp_path: Path) -> None:
    evil = '<script>alert(1)</script> #panic("x") =1+1 $x$ *b*'
    with connect(known) as connection:
        connection.execute("update stanok.machine set title = %s", [evil])
    try:
        for form in ("html", "pdf", "xlsx"):
            printed(known, tmp_path / f"e.{form}", "shift", *SHIFT)
    finally:
        with connect(known) as connection:
            connection.execute("update stanok.machine set title = 'lathe'")
    assert evil in text_of(tmp_path / "e.html")
    assert (tmp_path / "e.pdf").read_bytes().startswith(b"%PDF")
