"""Figures for plotly as plain data: bars, a state timeline, lines, a bar chart. Pure.

Names of rows stand above their bars, not beside them, so that a phone shows both. Times are written in the reader's
zone, because plotly takes them as they are. The page adds the colours of text and grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dashboards.macros import Window
from dashboards.palette import NO_DATA
from dashboards.preview.dress import Dress, Manner

Figure = dict[str, Any]

ROW_PX = 38
"""Least height of a named bar: a line of text and a band that a finger can hit."""
_BAR_PX = 24
"""Least height of a bar whose name stands beside it."""
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""Okabe and Ito's set (dashboards/palette.py) for lines without a colour of their own."""

_HIDDEN = {"visible": False, "fixedrange": True}


def bar_gauge(names: Sequence[str], values: Sequence[Any], look: Dress, manner: Manner) -> Figure:
    """A bar a row between the column's least and most; the row's name above it on the left, the figure on the right."""
    least = 0.0 if look.least is None else float(look.least)
    most = max((value for value in values if value is not None), default=1.0) if look.most is None else look.most
    rows = [-index for index in range(len(names))]
    shown = [look.shown(value, manner) for value in values]
    lengths = [0 if value is None else min(max(float(value), least), most) - least for value in values]
    figures = [{**_name(row, text.text), "x": 1, "xanchor": "right"} for row, text in zip(rows, shown, strict=True)]
    track = {**_bars(rows, [most - least] * len(rows)), "marker": {"color": "rgba(128,128,128,0.16)"}}
    bars = {**_bars(rows, lengths), "marker": {"color": [text.colour or NO_DATA for text in shown]}}
    layout = {
        **_rows_layout(len(names)),
        "annotations": [*map(_name, rows, names), *figures],
        "xaxis": {**_HIDDEN, "range": [0, most - least]},
        "margin": {"l": 2, "r": 2, "t": 2, "b": 2},
    }
    return _figure([track, bars], layout, len(names))


def state_timeline(
    pieces: Mapping[str, Sequence[tuple[datetime, Any]]],
    looks: Mapping[str, Dress],
    window: Window,
    manner: Manner,
    *,
    named: bool = False,
) -> Figure:
    """A band a row: each value lasts until the next, NULL until something follows, the last until the window's end.

    `named`: values are written into their stretches, where they fit, and need no legend.
    """
    traces: dict[str, Figure] = {}
    for row, (name, steps) in enumerate(pieces.items()):
        for start, end, value in _stretches(steps, window):
            shown = looks[name].shown(value, manner)
            trace = traces.setdefault(shown.text, _state_trace(shown.text, shown.colour))
            trace["base"].append(_local(start, manner))
            trace["x"].append((end - start).total_seconds() * 1000)
            trace["y"].append(-row)
            span = f"{start.astimezone(manner.zone):%H:%M:%S} – {end.astimezone(manner.zone):%H:%M:%S}"
            trace["customdata"].append([name, span, _span(end - start, manner)])
            trace["text"].append(shown.text if named else "")
    layout = {
        **_rows_layout(len(pieces)),
        "annotations": [_name(-row, name) for row, name in enumerate(pieces)],
        "xaxis": _time_axis(window, manner),
        "margin": {"l": 2, "r": 2, "t": 2, "b": 22},
    }
    ordered = _ordered(traces, looks)
    for trace in ordered if named else ():
        trace["marker"]["line"] = {"color": "rgba(0,0,0,0.35)", "width": 1}
    legend = [] if named else [(trace["name"], trace["marker"]["color"]) for trace in ordered]
    return _figure(ordered, layout, len(pieces), extra=26, legend=legend)


def time_series(
    lines: Mapping[str, tuple[Dress, Sequence[Any], Sequence[Any]]], window: Window, manner: Manner
) -> Figure:
    """A line a series, or points; steps where the board asks for them."""
    traces: list[Figure] = []
    for index, (name, (look, times, values)) in enumerate(lines.items()):
        trace: Figure = {
            "type": "scatter",
            "name": name,
            "x": [_local(at, manner) for at in times],
            "y": list(values),
            "text": [look.shown(value, manner).text for value in values],
            "hovertemplate": "%{text}",
        }
        colour = look.fixed_colour or LINES[index % len(LINES)]
        shape = "hv" if look.custom.get("lineInterpolation") == "stepAfter" else "linear"
        trace |= {"mode": "markers" if look.custom.get("drawStyle") == "points" else "lines"}
        trace |= {"marker": {"color": colour, "size": 5}, "line": {"color": colour, "width": 2, "shape": shape}}
        trace |= {"connectgaps": bool(look.custom.get("spanNulls"))}
        traces.append(trace)
    layout = {
        "xaxis": _time_axis(window, manner),
        "yaxis": _measure_axis([look for look, _, _ in lines.values()], manner),
        "margin": {"l": 4, "r": 8, "t": 8, "b": 22},
        "hovermode": "x unified",
    }
    legend = [(trace["name"], trace["line"]["color"]) for trace in traces]
    return _figure(traces, layout, 0, extra=160, legend=legend if len(lines) > 1 else [])


def bar_chart(
    names: Sequence[str],
    series: Sequence[tuple[Dress, Sequence[Any]]],
    manner: Manner,
    *,
    stacked: bool,
    across: bool,
    written: bool = False,
) -> Figure:
    """Bars of one or several series over names; `across` lays them down, `written` writes their values beside them."""
    traces: list[Figure] = []
    legend = []
    for index, (look, values) in enumerate(series):
        own = [look.shown(value, manner) for value in values]
        colour = look.fixed_colour or LINES[index % len(LINES)]
        legend.append((look.name, colour))
        traces.append(
            {
                "type": "bar",
                "name": look.name,
                ("y" if across else "x"): list(names),
                ("x" if across else "y"): list(values),
                "orientation": "h" if across else "v",
                "text": [text.text for text in own],
                "textposition": "auto" if written or stacked else "none",
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"color": [_seen(text.colour or colour) for text in own]},
            }
        )
        if look.fixed_colour == "transparent":  # what only lifts the bar above it
            traces[-1] |= {"hoverinfo": "skip", "hovertemplate": None, "textposition": "none"}
    names_axis, measure = {"type": "category", "automargin": True}, _measure_axis([look for look, _ in series], manner)
    if across:
        names_axis["autorange"] = "reversed"
    layout = {
        "xaxis": measure if across else names_axis,
        "yaxis": names_axis if across else measure,
        "barmode": "stack" if stacked else "group",
        "margin": {"l": 4, "r": 8, "t": 8, "b": 4},
    }
    shown = [(name, colour) for name, colour in legend if colour != "transparent"] if len(series) > 1 else []
    height = len(names) * _BAR_PX + 40 if across else 120
    return _figure(traces, layout, 0, extra=height, legend=shown)


def _figure(
    traces: Sequence[Figure], layout: Figure, rows: int, extra: int = 4, legend: Sequence[tuple[str, str]] = ()
) -> Figure:
    height = rows * ROW_PX + extra
    return {"kind": "figure", "data": list(traces), "layout": layout, "height": height, "legend": list(legend)}


def _seen(colour: str) -> str:
    return "rgba(0,0,0,0)" if colour == "transparent" else colour


def _bars(rows: Sequence[int], lengths: Sequence[float]) -> Figure:
    return {
        "type": "bar",
        "orientation": "h",
        "x": list(lengths),
        "y": list(rows),
        "width": 0.42,
        "offset": -0.46,
        "hoverinfo": "skip",
    }


def _state_trace(name: str, colour: str | None) -> Figure:
    return {
        **_bars([], []),
        "name": name,
        "base": [],
        "customdata": [],
        "text": [],
        "textposition": "inside",
        "insidetextanchor": "start",
        "textangle": 0,
        "marker": {"color": colour or NO_DATA},
        "hoverinfo": None,
        "hovertemplate": "<b>%{fullData.name}</b> · %{customdata[2]}<br>%{customdata[1]}<extra></extra>",
    }


def _name(row: int, text: str) -> Figure:
    """The words above a bar; `row` is the upper edge of what belongs to it, a bar lies half a row below."""
    return {
        "text": text.replace("<", "&lt;"),
        "xref": "paper",
        "x": 0,
        "xanchor": "left",
        "y": row,
        "yanchor": "bottom",
        "yshift": -3,
        "showarrow": False,
        "font": {"size": 12},
    }


def _rows_layout(rows: int) -> Figure:
    return {"barmode": "overlay", "yaxis": {**_HIDDEN, "range": [0.55 - rows, 0.5]}}


def _time_axis(window: Window, manner: Manner) -> Figure:
    return {
        "type": "date",
        "range": [_local(window.start, manner), _local(window.end, manner)],
        "tickformatstops": [
            {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
            {"dtickrange": [60_000, 86_400_000], "value": "%H:%M"},
            {"dtickrange": [86_400_000, None], "value": "%d.%m" if manner.language == "ru" else "%b %-d"},
        ],
    }


def _measure_axis(looks: Sequence[Dress], manner: Manner) -> Figure:
    ratio = bool(looks) and all(look.unit == "percentunit" for look in looks)
    limits = [looks[0].least, looks[0].most] if looks else [None, None]
    return {
        "automargin": True,
        "rangemode": "tozero",
        **({"tickformat": ".0%"} if ratio else {"ticksuffix": _suffix(looks, manner)}),
        **({"range": limits} if None not in limits else {}),
    }


def _suffix(looks: Sequence[Dress], manner: Manner) -> str:
    """The word of a unit that is not scaled, such as minutes; ticks of other units are plain."""
    if not looks or any(look.unit != looks[-1].unit for look in looks):
        return ""
    unit, russian = looks[0].unit, manner.language == "ru"
    words = {"percent": " %", "s": " с" if russian else " s", "kwatth": " кВт·ч" if russian else " kWh"}
    return unit.removeprefix("suffix:") if unit.startswith("suffix:") else words.get(unit, "")


def _stretches(steps: Sequence[tuple[datetime, Any]], window: Window) -> list[tuple[datetime, datetime, Any]]:
    """(from, to, value) of values that last, neighbours of the same value joined; `steps` are in order of time."""
    found: list[tuple[datetime, datetime, Any]] = []
    ends = [start for start, _ in steps[1:]] + [window.end]
    for (start, value), end in zip(steps, ends, strict=True):
        if value is None or end <= start:
            continue
        if found and found[-1][2] == value and found[-1][1] == start:
            found[-1] = (found[-1][0], end, value)
        else:
            found.append((start, end, value))
    return found


def _ordered(traces: Mapping[str, Figure], looks: Mapping[str, Dress]) -> list[Figure]:
    """In the order of the board's mapping, so that the legend does not jump."""
    options = [mapping["options"] for look in list(looks.values())[:1] for mapping in look.mappings]
    named = [option for group in options for option in group.values() if isinstance(option, dict)]
    order = [option.get("text", "") for option in sorted(named, key=lambda option: option.get("index", 0))]
    return sorted(traces.values(), key=lambda t: order.index(t["name"]) if t["name"] in order else len(order))


def _span(length: Any, manner: Manner) -> str:
    return Dress("", unit="s").shown(length.total_seconds(), manner).text


def _local(at: datetime, manner: Manner) -> str:
    return at.astimezone(manner.zone).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
