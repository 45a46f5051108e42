"""From a panel and its rows to what the page draws: tiles, a table, or a figure for plotly. Pure; one function a kind.

A drawing is JSON with a `kind`: `stat`, `table`, `text` (drawn as HTML, which wraps on a phone), `figure` (plotly's
`data` and `layout`, the least `height` in pixels, and a `legend` of names and colours), `empty`, or `error` with a
sentence.
What a kind of panel needs and does not get raises InputError; kinds that our boards do not use are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from core.errors import InputError
from dashboards.macros import Window
from dashboards.preview.dress import Dress, Json, Manner, dress, plain
from dashboards.preview.figures import bar_chart, bar_gauge, state_timeline, time_series

Drawing = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of a result; `kind` is number, time or string."""

    name: str
    kind: str


@dataclass(frozen=True)
class Result:
    """What a query gave."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]

    def of_kind(self, *kinds: str) -> list[int]:
        """Positions of the columns of these kinds."""
        return [index for index, column in enumerate(self.columns) if column.kind in kinds]

    def values(self, index: int) -> list[Any]:
        """One column, as JSON knows its values."""
        return [plain(row[index]) for row in self.rows]


def draw(panel: Json, result: Result, window: Window, manner: Manner) -> Drawing:
    """The drawing of a panel whose query gave `result`."""
    kind = panel["type"]
    if kind not in _KINDS:
        raise InputError(f"The preview does not draw panels of kind {kind}; look at this one in Grafana")
    for step in panel.get("transformations", ()):
        if step["id"] not in ("partitionByValues", "prepareTimeSeries"):
            raise InputError(f"The preview does not know the transformation {step['id']}; look at it in Grafana")
    if not result.rows:
        return {"kind": "empty"}
    return _KINDS[kind](panel, result, window, manner)


def ink(colour: str) -> str:
    """Black or white, whichever is read better on `colour` (relative luminance of WCAG 2.1, where 0.179 is the middle).

    Colours that are not #rrggbb get black.
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        return "#111111"
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return "#111111" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "#ffffff"


def looks_of(panel: Json, result: Result) -> list[Dress]:
    """The look of every column."""
    config = panel.get("fieldConfig", {})
    return [dress(column.name, column.kind, config) for column in result.columns]


def chosen(panel: Json, result: Result) -> list[int]:
    """The columns that the panel's `fields` pick; without it the numeric ones."""
    fields = panel.get("options", {}).get("reduceOptions", {}).get("fields", "")
    if not fields:
        return result.of_kind("number")
    return [index for index, column in enumerate(result.columns) if re.search(fields.strip("/"), column.name)]


def _stat(panel: Json, result: Result, _window: Window, manner: Manner) -> Drawing:
    looks = looks_of(panel, result)
    each_row = panel["options"]["reduceOptions"].get("values", False)
    named = result.of_kind("string")
    tiles = []
    for index in chosen(panel, result):
        known = [value for value in result.values(index) if value is not None]
        values = result.values(index) if each_row else [known[-1] if known else None]
        for row, value in enumerate(values):
            shown = looks[index].shown(value, manner)
            names = [str(result.rows[row][at]) for at in named if at != index] if each_row else [looks[index].name]
            muted = not value and looks[index].colour_mode == "fixed"
            text = {"name": names[0], "more": names[1:], "text": shown.text}
            tiles.append({**text, "muted": muted, **_filled(shown.colour)})
    filled = panel["options"].get("colorMode") == "background"
    return {"kind": "stat", "tiles": tiles, "filled": filled, "many": each_row}


def _table(panel: Json, result: Result, _window: Window, manner: Manner) -> Drawing:
    looks = looks_of(panel, result)
    shown_columns = [index for index, look in enumerate(looks) if not look.custom.get("hidden")]
    columns = [
        {
            "heading": looks[index].name,
            "side": "right" if result.columns[index].kind == "number" else "left",
            "width": looks[index].custom.get("width"),
            "wrapped": bool((looks[index].custom.get("cellOptions") or {}).get("wrapText")),
        }
        for index in shown_columns
    ]
    rows = []
    for row in result.rows:
        fields = {column.name: str(value) for column, value in zip(result.columns, row, strict=True)}
        rows.append([_cell(looks[index], row[index], manner, fields) for index in shown_columns])
    return {"kind": "table", "columns": columns, "rows": rows}


def _cell(look: Dress, value: Any, manner: Manner, fields: Mapping[str, str]) -> dict[str, str]:
    shown = look.shown(value, manner)
    style = (look.custom.get("cellOptions") or {}).get("type", "auto")
    cell = {"text": shown.text, **({"href": address(look.links[0]["url"], fields)} if look.links else {})}
    if style == "color-background":
        return {**cell, **_filled(shown.colour)}
    return {**cell, **({"ink": shown.colour} if style == "color-text" and shown.colour else {})}


def address(url: str, fields: Mapping[str, str]) -> str:
    """Where a link of a board leads here; the page adds its time window and its sites to it."""
    found = _BOARD.match(url)
    if found is None:
        return url
    filled = _FIELD.sub(lambda field: quote(fields.get(field[1], ""), safe=""), url[found.end() :])
    given = [part for part in filled.split("&") if part and not part.startswith("$")]
    return f"/{found[2]}/{found[1].replace('-', '_')}?{'&'.join(given)}"


_BOARD = re.compile(r"/d/stanok-([a-z-]+)-([a-z]{2})\?")
_FIELD = re.compile(r"\$\{__data\.fields\.(\w+):percentencode\}")


def _filled(colour: str | None) -> dict[str, str]:
    return {"fill": colour, "ink": ink(colour)} if colour else {}


def _text(panel: Json, _result: Result, _window: Window, _manner: Manner) -> Drawing:
    return {"kind": "text", "text": panel["options"].get("content", "")}


def _bars(panel: Json, result: Result, _window: Window, manner: Manner) -> Drawing:
    named, measured = result.of_kind("string"), chosen(panel, result)
    if not named or not measured:
        raise InputError("Bars need a column of text that names them and a column of numbers")
    look = looks_of(panel, result)[measured[0]]
    return bar_gauge([str(name) for name in result.values(named[0])], result.values(measured[0]), look, manner)


def _timeline(panel: Json, result: Result, window: Window, manner: Manner) -> Drawing:
    times = result.of_kind("time")
    if not times:
        raise InputError("A timeline needs a column of times")
    parted = _parted(panel, result)
    states = [index for index in range(len(result.columns)) if index not in (times[0], *parted)]
    pieces: dict[str, list[tuple[Any, Any]]] = {}
    looks: dict[str, Dress] = {}
    for row in result.rows:
        labels = {result.columns[index].name: str(row[index]) for index in parted}
        for index in states:
            column = result.columns[index]
            look = dress(column.name, column.kind, panel.get("fieldConfig", {}), labels)
            looks[look.name] = look
            pieces.setdefault(look.name, []).append((row[times[0]], plain(row[index])))
    named = panel["options"].get("showValue", "never") != "never"
    return state_timeline(pieces, looks, window, manner, named=named)


def _series(panel: Json, result: Result, window: Window, manner: Manner) -> Drawing:
    times, measured, parted = result.of_kind("time"), result.of_kind("number"), result.of_kind("string")
    if not times or not measured:
        raise InputError("Lines need a column of times and a column of numbers")
    lines: dict[str, tuple[Dress, list[Any], list[Any]]] = {}
    for row in result.rows:
        labels = {result.columns[index].name: str(row[index]) for index in parted}
        for index in measured:
            column = result.columns[index]
            look = dress(column.name, column.kind, panel.get("fieldConfig", {}), labels)
            name = labels.get("metric") or " ".join([*labels.values(), look.name])
            _, at, values = lines.setdefault(name, (look, [], []))
            at.append(row[times[0]])
            values.append(plain(row[index]))
    return time_series(lines, window, manner)


def _chart(panel: Json, result: Result, _window: Window, manner: Manner) -> Drawing:
    named, measured = result.of_kind("string", "time"), result.of_kind("number")
    if not named or not measured:
        raise InputError("A bar chart needs a column that names its bars and a column of numbers")
    looks = looks_of(panel, result)
    names = [looks[named[0]].shown(row[named[0]], manner).text for row in result.rows]
    series = [(looks[index], result.values(index)) for index in measured]
    stacked = panel["options"].get("stacking", "none") != "none"
    across = panel["options"].get("orientation") == "horizontal"
    written = panel["options"].get("showValue") == "always"
    return bar_chart(names, series, manner, stacked=stacked, across=across, written=written)


def _parted(panel: Json, result: Result) -> list[int]:
    """Columns whose values part the rows into series."""
    fields = [name for step in panel.get("transformations", ()) for name in step["options"].get("fields", ())]
    return [index for index, column in enumerate(result.columns) if column.name in fields]


_KINDS: Mapping[str, Callable[[Json, Result, Window, Manner], Drawing]] = {
    "stat": _stat,
    "gauge": _stat,
    "table": _table,
    "text": _text,
    "bargauge": _bars,
    "barchart": _chart,
    "state-timeline": _timeline,
    "timeseries": _series,
}
