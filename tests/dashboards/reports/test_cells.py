"""Numbers and times as each language writes them, and numbers of reports that follow from what is in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from core.errors import InputError
from dashboards.catalogue import catalogue
from dashboards.preview.drawing import Column, Result
from dashboards.reports import answers as kept
from dashboards.reports.answers import Asked, differing, pack, unpack
from dashboards.reports.cells import Field, Manner, band, cell, measured

RU = Manner(catalogue("ru"), ZoneInfo("Europe/Minsk"))
EN = Manner(catalogue("en"), UTC)
AT = datetime(2026, 3, 23, 21, 5, tzinfo=UTC)


def test_russian_numbers_have_a_decimal_comma_and_english_ones_a_point() -> None:
    assert measured(0.6125, "ratio", RU) == "61,3\u00a0%"
    assert measured(12345.67, "hours", RU) == "12\u00a0345,7\u00a0ч"
    assert measured(12345.67, "hours", EN) == "12\u00a0345.7\u00a0h"
    assert measured(-34.5, "minutes", RU) == "−34,5\u00a0мин"
    assert measured(-0.01, "minutes", RU) == "0,0\u00a0мин", "no minus before nothing"
    assert measured(None, "ratio", RU) == "—"


def test_bounds_are_written_once_if_they_are_the_same() -> None:
    assert band(0.5, 0.625, "ratio", RU) == "50,0…62,5\u00a0%"
    assert band(0.5, 0.5001, "ratio", RU) == "точно"
    assert band(None, 0.5, "ratio", RU) == "—"


def test_times_are_the_plants_and_stay_times_in_a_spreadsheet() -> None:
    shown = cell(AT, Field("from_time", "moment"), RU)
    assert (shown.text, shown.form) == ("24.03.2026 00:05", "dd.mm.yyyy hh:mm")
    assert shown.value == datetime(2026, 3, 24, 0, 5)  # noqa: DTZ001 - spreadsheets know no zones
    assert cell(date(2026, 3, 2), Field("week", "day"), RU).text == "02.03.2026"
    assert cell(date(2026, 3, 2), Field("week", "day"), EN).text == "2026-03-02"


def test_an_undefined_value_is_a_dash_without_a_number() -> None:
    assert (cell(None, Field("oee", "ratio"), RU).text, cell(None, Field("oee", "ratio"), RU).value) == ("—", None)


RESULT = Result(
    [Column("machine", "string"), Column("oee", "number"), Column("at_time", "time"), Column("week", "time")],
    [["a", 0.5, AT, date(2026, 3, 23)], ["b", None, None, None]],
)
ASKED = Asked("shift", {"site": "minsk"}, AT, "d", {"shift": RESULT})


def test_what_is_kept_is_what_was_answered() -> None:
    assert unpack(pack(ASKED)) == {"shift": RESULT}


def test_a_number_follows_from_the_content_alone() -> None:
    assert replace(ASKED, as_of=datetime(2027, 1, 1, tzinfo=UTC)).number == ASKED.number
    assert replace(ASKED, answers=unpack(pack(ASKED))).number == ASKED.number
    other = Result(RESULT.columns, [["a", 0.5000001, AT, date(2026, 3, 23)], RESULT.rows[1]])
    changed = replace(ASKED, answers={"shift": other})
    assert changed.number != ASKED.number
    assert replace(ASKED, parameters={"site": "ural"}).number != ASKED.number
    assert differing(ASKED.answers, changed.answers) == ["shift"]
    assert differing(ASKED.answers, unpack(pack(ASKED))) == []


def test_bytes_of_another_version_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack(ASKED)
    monkeypatch.setattr(kept, "_FORMAT", 2)
    with pytest.raises(InputError, match="another version"):
        unpack(packed)
