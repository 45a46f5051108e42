"""Field configs as Grafana resolves them: overrides after defaults, mappings before units, decimal comma in Russian."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dashboards.preview.dress import Manner, Shown, dress

EN, RU = Manner("en", UTC), Manner("ru", ZoneInfo("Europe/Minsk"))
STEPS = {
    "steps": [{"value": None, "color": "#low"}, {"value": 0.65, "color": "#mid"}, {"value": 0.85, "color": "#top"}]
}
EMPTY = {"type": "special", "options": {"match": "null+nan", "result": {"text": "—", "color": "#grey"}}}
WORDS = {"type": "value", "options": {"idle": {"text": "Idle", "color": "#idle"}, "7": {"text": "seven"}}}


def test_the_last_override_that_matches_wins_over_the_defaults() -> None:
    config: dict[str, Any] = {
        "defaults": {"unit": "s", "displayName": "All", "noValue": "none"},
        "overrides": [
            {"matcher": {"id": "byType", "options": "number"}, "properties": [{"id": "unit", "value": "h"}]},
            {"matcher": {"id": "byRegexp", "options": "/^oee/"}, "properties": [{"id": "decimals", "value": 2}]},
            {"matcher": {"id": "byName", "options": "oee"}, "properties": [{"id": "custom.width", "value": 90}]},
            {"matcher": {"id": "byName", "options": "other"}, "properties": [{"id": "unit", "value": "bytes"}]},
        ],
    }
    found = dress("oee", "number", config)
    assert (found.name, found.unit, found.decimals, found.custom, found.nothing) == (
        "All",
        "h",
        2,
        {"width": 90},
        "none",
    )


@pytest.mark.parametrize(
    ("unit", "value", "english", "russian"),
    [
        ("percentunit", Decimal("0.6541"), "65.4 %", "65,4 %"),
        ("short", 1234.0, "1.23 K", "1,23 тыс."),
        ("locale", 1460.0, "1 460", "1 460"),
        ("s", 95.0, "1.58 min", "1,58 мин"),
        ("s", 0, "0 s", "0 с"),
        ("ms", 1500, "1.50 s", "1,50 с"),
        ("bytes", 3 * 1024**2, "3 MiB", "3 МиБ"),
        ("none", 12345, "12 345", "12 345"),
        ("kg", 2, "2 kg", "2 kg"),
    ],
)
def test_numbers_carry_their_unit_in_the_readers_language(unit: str, value: Any, english: str, russian: str) -> None:
    found = dress("x", "number", {"defaults": {"unit": unit, "decimals": 1 if unit == "percentunit" else None}})
    for manner, expected in ((EN, english), (RU, russian)):
        assert found.shown(value, manner).text.replace("\xa0", " ").replace("\u202f", " ") == expected


def test_moments_are_written_in_the_readers_zone() -> None:
    found = dress("since", "time", {"defaults": {"unit": "time:D MMM HH:mm:ss"}})
    at = datetime(2026, 3, 4, 21, 30, tzinfo=UTC)
    assert found.shown(at, EN).text == "4 Mar 21:30:00"
    assert found.shown(at, RU).text == "5 Mar 00:30:00"


@pytest.mark.parametrize(("value", "colour"), [(0.2, "#low"), (0.65, "#mid"), (0.9, "#top")])
def test_a_threshold_colours_from_its_value_on(value: float, colour: str) -> None:
    found = dress("x", "number", {"defaults": {"thresholds": STEPS, "color": {"mode": "thresholds"}}})
    assert found.shown(value, EN).colour == colour


@pytest.mark.parametrize("nothing", [None, float("nan"), Decimal("NaN")])
def test_what_is_undefined_gets_the_boards_sign_and_never_a_threshold(nothing: Any) -> None:
    config = {"defaults": {"thresholds": STEPS, "color": {"mode": "thresholds"}, "mappings": [EMPTY]}}
    assert dress("x", "number", config).shown(nothing, EN) == Shown("—", "#grey")


def test_a_mapped_word_has_the_mappings_text_and_colour() -> None:
    found = dress("state", "string", {"defaults": {"mappings": [WORDS]}})
    assert found.shown("idle", EN) == Shown("Idle", "#idle")
    assert found.shown(7.0, EN) == Shown("seven", None)
    assert found.shown("unheard", EN) == Shown("unheard", None)


def test_a_label_makes_the_name_of_a_series() -> None:
    found = dress("state", "string", {"defaults": {"displayName": "${__field.labels.machine}"}}, {"machine": "lathe"})
    assert found.name == "lathe"
