"""Drawings of the panel kinds that boards use, and sentences for what cannot be drawn."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.errors import InputError
from dashboards.macros import Window
from dashboards.preview.drawing import Column, Result, draw, ink
from dashboards.preview.dress import Manner

NOON = datetime(2026, 3, 24, 12, tzinfo=UTC)
WINDOW = Window(NOON - timedelta(hours=8), NOON)
MANNER = Manner("en", UTC)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def panel(kind: str, **given: Any) -> dict[str, Any]:
    return {"type": kind, "options": {"reduceOptions": {}}, "fieldConfig": {"defaults": {}}, **given}


def drawn(what: dict[str, Any], columns: list[tuple[str, str]], rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    found = draw(what, Result([Column(*column) for column in columns], rows), WINDOW, MANNER)
    json.dumps(found)
    return found


def test_tiles_are_the_numbers_of_the_last_row_and_a_zero_of_a_fixed_colour_is_muted() -> None:
    config = {"defaults": {"color": {"mode": "fixed", "fixedColor": "#0072B2"}}}
    what = panel("stat", fieldConfig=config, options={"reduceOptions": {}, "colorMode": "background"})
    found = drawn(what, [("word", "string"), ("a", "number"), ("b", "number")], [("x", 1, 5), ("y", 0, None)])
    assert [(tile["name"], tile["text"], tile["muted"]) for tile in found["tiles"]] == [
        ("a", "0", True),
        ("b", "5", False),
    ]
    assert (found["filled"], found["tiles"][1]["ink"]) == (True, "#ffffff")


def test_a_table_colours_the_cells_that_the_board_fills() -> None:
    cell = {"id": "custom.cellOptions", "value": {"type": "color-background"}}
    colour = {"id": "color", "value": {"mode": "fixed", "fixedColor": "#F0E442"}}
    override = {"matcher": {"id": "byName", "options": "oee"}, "properties": [cell, colour]}
    what = panel("table", fieldConfig={"defaults": {}, "overrides": [override]})
    found = drawn(what, [("machine", "string"), ("oee", "number")], [("<b>", 0.5)])
    assert [(column["heading"], column["side"]) for column in found["columns"]] == [
        ("machine", "left"),
        ("oee", "right"),
    ]
    assert found["rows"] == [[{"text": "<b>"}, {"text": "0.50", "fill": "#F0E442", "ink": "#111111"}]]


def test_bars_are_cut_to_the_boards_limits_and_a_missing_value_has_no_length() -> None:
    what = panel("bargauge", fieldConfig={"defaults": {"min": 0, "max": 1}})
    found = drawn(what, [("machine", "string"), ("oee", "number")], [("a", 0.5), ("b", 1.2), ("c", None)])
    assert found["data"][1]["x"] == [0.5, 1.0, 0]
    assert [note["text"] for note in found["layout"]["annotations"]] == ["a", "b", "c", "0.50", "1.20", "–"]


def test_a_state_lasts_until_the_next_and_a_null_ends_it() -> None:
    step = {"id": "partitionByValues", "options": {"fields": ["machine"]}}
    what = panel("state-timeline", transformations=[step])
    what["fieldConfig"]["defaults"] = {"displayName": "${__field.labels.machine}"}
    rows = [
        (at(-8), "a", "idle"),
        (at(-5), "a", "idle"),
        (at(-4), "a", "busy"),
        (at(-3), "a", None),
        (at(-2), "b", "busy"),
    ]
    found = drawn(what, [("time", "time"), ("machine", "string"), ("state", "string")], rows)
    pieces = {
        (trace["name"], base, length / 3.6e6, y)
        for trace in found["data"]
        for base, length, y in zip(trace["base"], trace["x"], trace["y"], strict=True)
    }
    assert pieces == {
        ("idle", "2026-03-24 04:00:00.000", 4.0, 0),
        ("busy", "2026-03-24 08:00:00.000", 1.0, 0),
        ("busy", "2026-03-24 10:00:00.000", 2.0, -1),
    }
    assert {name for name, _ in found["legend"]} == {"idle", "busy"}


def test_lines_are_parted_by_their_text_column() -> None:
    what = panel("timeseries", fieldConfig={"defaults": {"custom": {"lineInterpolation": "stepAfter"}}})
    rows = [(at(-2), "a", 1.0), (at(-1), "b", 2.0), (at(0), "a", float("nan"))]
    found = drawn(what, [("time", "time"), ("machine", "string"), ("speed", "number")], rows)
    assert [(line["name"], line["y"], line["line"]["shape"]) for line in found["data"]] == [
        ("a speed", [1.0, None], "hv"),
        ("b speed", [2.0], "hv"),
    ]


def test_a_bar_chart_may_lie_and_be_stacked() -> None:
    what = panel("barchart", options={"orientation": "horizontal", "stacking": "normal"})
    found = drawn(what, [("cause", "string"), ("lost", "number")], [("alarm", 4), ("tool", 3)])
    assert found["data"][0]["y"] == ["alarm", "tool"]
    assert found["data"][0]["x"] == [4, 3]
    assert found["layout"]["barmode"] == "stack"


def test_a_tile_a_row_is_named_by_the_texts_of_its_row() -> None:
    what = panel("stat", options={"reduceOptions": {"values": True, "fields": "/^state$/"}, "colorMode": "background"})
    columns = [("state", "string"), ("title", "string"), ("work", "string"), ("oee", "number")]
    found = drawn(what, columns, [("idle", "Lathe 1", "12:30", 0.5), ("busy", "Mill 2", "11:00", 0.6)])
    assert [(tile["name"], tile["text"], tile["more"]) for tile in found["tiles"]] == [
        ("Lathe 1", "idle", ["12:30"]),
        ("Mill 2", "busy", ["11:00"]),
    ]
    assert found["many"]


def test_a_cell_leads_where_its_row_says() -> None:
    code = "${__data.fields.code:percentencode}"
    url = f"/d/stanok-shop-floor-ru?var-machine={code}&${{site:queryparam}}&${{__url_time_range}}"
    link = {"id": "links", "value": [{"title": "x", "url": url}]}
    override = {"matcher": {"id": "byName", "options": "title"}, "properties": [link]}
    what = panel("table", fieldConfig={"defaults": {}, "overrides": [override]})
    found = drawn(what, [("title", "string"), ("code", "string")], [("Lathe", "a/b&c=1")])
    assert found["rows"][0][0]["href"] == "/ru/shop_floor?var-machine=a%2Fb%26c%3D1"


def test_a_line_for_each_metric_has_its_name() -> None:
    rows = [(at(-2), "minsk", 0.5), (at(-1), "ural", 0.6)]
    found = drawn(panel("timeseries"), [("time", "time"), ("metric", "string"), ("coverage", "number")], rows)
    assert [line["name"] for line in found["data"]] == ["minsk", "ural"]


def test_the_lifting_part_of_a_waterfall_is_not_seen() -> None:
    lift = {"id": "color", "value": {"mode": "fixed", "fixedColor": "transparent"}}
    override = {"matcher": {"id": "byName", "options": "base"}, "properties": [lift]}
    options = {"orientation": "horizontal", "stacking": "normal"}
    what = panel("barchart", options=options, fieldConfig={"defaults": {}, "overrides": [override]})
    found = drawn(what, [("step", "string"), ("base", "number"), ("lost", "number")], [("setup", 30, 10)])
    assert found["data"][0]["marker"]["color"] == ["rgba(0,0,0,0)"]
    assert found["data"][0]["hoverinfo"] == "skip"
    assert [name for name, _ in found["legend"]] == ["lost"]


def test_values_of_a_named_timeline_are_written_into_it() -> None:
    what = panel("state-timeline", options={"showValue": "auto"})
    found = drawn(what, [("time", "time"), ("program", "string")], [(at(-2), "P1"), (at(-1), "P2")])
    assert [trace["text"] for trace in found["data"]] == [["P1"], ["P2"]]
    assert found["legend"] == []


def test_no_rows_are_said_to_be_none() -> None:
    assert drawn(panel("table"), [("machine", "string")], []) == {"kind": "empty"}


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (panel("heatmap"), "does not draw panels of kind heatmap"),
        (panel("table", transformations=[{"id": "joinByField"}]), "transformation joinByField"),
        (panel("timeseries"), "need a column of times"),
        (panel("state-timeline"), "needs a column of times"),
        (panel("bargauge"), "a column of numbers"),
        (panel("barchart"), "a column of numbers"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_a_sentence(what: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        drawn(what, [("machine", "string")], [("a",)])


def test_text_on_a_colour_is_the_one_that_is_read_better() -> None:
    assert [ink(colour) for colour in ("#F0E442", "#0072B2", "#ffffff", "#000000", "red")] == [
        "#111111",
        "#ffffff",
        "#111111",
        "#ffffff",
        "#111111",
    ]
