"""All drawings of a board for a time window and chosen variables. Pure but for the `ask` that it is given.

A panel whose query fails gets the sentence of its failure; the others are drawn all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import InputError, OutsideError
from dashboards.macros import Window, expand
from dashboards.preview.drawing import Drawing, Result, draw
from dashboards.preview.dress import Json, Manner
from dashboards.preview.variables import Ask, Variable, resolve
from dashboards.preview.window import moment

_LONGEST_ZONE = 64
"""IANA names are shorter than 40 characters; nothing longer is looked for on the disk."""


@dataclass(frozen=True)
class Wish:
    """What the page asked for. `start` and `end` are Grafana's words, None for the board's own."""

    start: str | None = None
    end: str | None = None
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)
    zone: tzinfo = UTC


def wish(query: Mapping[str, Sequence[str]]) -> Wish:
    """From the parsed query string of an address: from, to, tz, var-<name>."""
    chosen = {name.removeprefix("var-"): values for name, values in query.items() if name.startswith("var-")}
    start, end = (query.get(name, [None])[-1] for name in ("from", "to"))
    return Wish(start, end, chosen, _zone(query.get("tz", ["UTC"])[-1] or "UTC"))


def answer(board: Json, language: str, wanted: Wish, now: datetime, ask: Ask, *, timescale: bool) -> dict[str, Any]:
    """What the page draws: the window, the variables, and a drawing for each panel by its id.

    Raises InputError for a window that cannot be read, OutsideError if the variables cannot be asked for.
    """
    manner = Manner(language, wanted.zone)
    start = moment(wanted.start or board["time"]["from"], now, wanted.zone)
    end = moment(wanted.end or board["time"]["to"], now, wanted.zone)
    if end <= start:
        raise InputError("The time window ends before it begins")
    window = Window(start, end, timescale)
    variables = resolve(board, wanted.chosen, ask, window)
    shaded = _shaded(board, variables, window, manner, ask)
    return {
        "window": [_iso(start, wanted.zone), _iso(end, wanted.zone)],
        "now": _iso(now, wanted.zone),
        "variables": [variable.as_json() for variable in variables],
        "panels": {str(p["id"]): _panel(p, variables, window, manner, ask, shaded) for p in board["panels"]},
    }


def _shaded(
    board: Json, variables: Sequence[Variable], window: Window, manner: Manner, ask: Ask
) -> list[dict[str, Any]]:
    """Shapes for the stretches of the board's annotations; those that only a Grafana keeps have no query."""
    values = {variable.name: variable.values for variable in variables}
    shapes = []
    for annotation in board.get("annotations", {}).get("list", ()):
        if "rawSql" not in annotation["target"]:
            continue
        for start, end, *_ in ask(expand(annotation["target"]["rawSql"], window, values)).rows:
            ends = {"x0": _iso(start, manner.zone), "x1": _iso(end, manner.zone), "y0": 0, "y1": 1}
            look = {"fillcolor": annotation["iconColor"], "opacity": 0.35, "line": {"width": 0}, "layer": "below"}
            shapes.append({"type": "rect", "xref": "x", "yref": "paper", **ends, **look})
    return shapes


def _panel(
    panel: Json,
    variables: Sequence[Variable],
    window: Window,
    manner: Manner,
    ask: Ask,
    shaded: Sequence[dict[str, Any]] = (),
) -> Drawing:
    values = {variable.name: variable.values for variable in variables}
    try:
        targets = panel.get("targets") or []
        if len(targets) > 1:
            raise InputError("The preview draws panels with one query; look at this one in Grafana")
        result = ask(expand(targets[0]["rawSql"], window, values)) if targets else Result([], [[]])
        drawing = draw(panel, result, window, manner)
        if panel["type"] == "timeseries" and drawing["kind"] == "figure":
            drawing["layout"]["shapes"] = list(shaded)
        return drawing
    except (InputError, OutsideError) as error:
        return {"kind": "error", "sentence": str(error)}
    except KeyError as error:  # what `expand` refuses
        return {"kind": "error", "sentence": str(error.args[0])}


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if len(name) <= _LONGEST_ZONE else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _iso(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
