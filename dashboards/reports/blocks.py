"""Blocks that several reports have: large figures with bounds, bands, the waterfall, bars of reasons. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from core.vocabulary import State
from dashboards import palette
from dashboards.reports.cells import Field, Manner, Record, band, heads, lines, measured, number
from dashboards.reports.document import Picture, Table
from dashboards.reports.pictures import Band, Step, bands, steps

_PLANNED = palette.STATE_COLOURS[State.PLANNED_STOP]
_COLOURS = {"out_of_plan": _PLANNED, "planned_stop": _PLANNED, "unknown": palette.NO_DATA}
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)

Tile = tuple[str, str, str, str | None]
"""Of `Figures`: name, text, what stands below, colour."""


def tile(row: Record, name: str, manner: Manner, unit: str = "ratio", marks: palette.Steps = ()) -> Tile:
    """A figure of a row with its bounds below, if it has any."""
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    below = "" if low is None or high is None else band(low, high, unit, manner)
    return manner.say[f"column.{name}"], measured(row[name], unit, manner), below, mark(row[name], marks)


def mark(value: float | None, marks: palette.Steps) -> str | None:
    if value is None or not marks:
        return palette.NO_DATA if marks else None
    return [colour for limit, colour in marks if limit is None or value >= limit][-1]


def ranked(key: str, rows: Sequence[tuple[str, Record]], figure: str, manner: Manner) -> Picture:
    """A ratio of each named row with its bounds; `key`: of the words in the catalogue."""
    drawn = [
        Band(name, row[f"{figure}_low"], row[figure], row[f"{figure}_high"], measured(row[figure], "ratio", manner))
        for name, row in rows
    ]
    svg = bands(drawn, [(at, f"{100 * at:.0f}\u00a0%") for at in _TICKS])
    words = "; ".join(f"{row.name}: {row.figure}" for row in drawn)
    return Picture(manner.say[f"{key}.title"], manner.say[f"{key}.about"], svg.text, svg.width, svg.height, words)


def bars(title: str, about: str, rows: Sequence[tuple[str, float, str]]) -> Picture:
    """A bar for each (name, length, its words)."""
    drawn = [Step(name, 0, size, figure, palette.SECOND) for name, size, figure in rows]
    svg = steps(drawn)
    words = "; ".join(f"{row.name}: {row.figure}" for row in drawn)
    return Picture(title, about, svg.text, svg.width, svg.height, words)


def with_share(minutes: float, whole: float, manner: Manner) -> str:
    """Minutes, and how much of the whole they are."""
    share = number(minutes / whole if whole else None, "ratio", manner)
    return f"{measured(minutes, 'minutes', manner)} · {share}\u00a0%"


def waterfall(losses: Sequence[Record], manner: Manner) -> Picture:
    """From calendar time down to what is left, step by step; rows as board.shift_loss gives them."""
    say = manner.say
    whole = losses[0]["loss_min"] + losses[0]["left_min"]

    def figure(minutes: float) -> str:
        return with_share(minutes, whole, manner)

    rows = [Step(say["step.calendar"], 0, whole, figure(whole), palette.GOOD)]
    for step in losses:
        lost, left = step["loss_min"], step["left_min"]
        colour = _COLOURS.get(step["step"], palette.BAD)
        rows.append(Step(say[f"step.{step['step']}"], min(left, left + lost), abs(lost), figure(lost), colour))
    last = losses[-1]
    name = say["step.value"] if last["step"] == "quality" else say["report.producing"]
    rows.append(Step(name, 0, last["left_min"], figure(last["left_min"]), palette.GOOD))
    svg = steps(rows, joined=True)
    words = "; ".join(f"{row.name}: {row.figure}" for row in rows)
    about = say["panel.waterfall.title"], say["panel.waterfall.description"]
    return Picture(*about, svg.text, svg.width, svg.height, words)


def loss_table(losses: Sequence[Record], where: str, manner: Manner) -> Table:
    """The same steps as numbers."""
    say = manner.say
    words = {key.removeprefix("step."): text for key, text in say.words.items() if key.startswith("step.")}
    fields = [Field("step", "text", 2.4, words=words), Field("loss_min", "minutes"), Field("left_min", "minutes")]
    fields.append(Field("share", "ratio", 1.2))
    whole = losses[0]["loss_min"] + losses[0]["left_min"]
    first: Record = {"step": "calendar", "loss_min": None, "left_min": whole, "share": 1.0 if whole else None}
    name = f"{say['report.sheet.losses']} {where}"
    rows = lines([first, *losses], fields, manner)
    place = name, say["panel.losses.title"], say["panel.losses.description"]
    return Table(*place, heads(fields, manner), rows, paper=False)
