"""The report of programmes: a page for a minister, then the tables of the board Programmes with their definitions.

Pure. Its tables are the panels of the built board, dressed as the preview dresses them, so that board and report cannot
disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboards import palette
from dashboards.preview import dress as board_dress
from dashboards.preview.drawing import Result
from dashboards.preview.dress import Dress, Json, dress, plain
from dashboards.reports.answers import Answers, records
from dashboards.reports.cells import Manner
from dashboards.reports.document import Block, Cell, Figures, Head, Part, Picture, Table, Words
from dashboards.reports.pictures import Svg

_FOREMOST = ("plants", "machines", "connected", "idle")
_WIDTH, _HEIGHT = 420, 34
"""Of an interval's picture."""

EFFECTS = """\
SELECT coalesce(title, programme) AS programme, outcome, finding, verdict_en, verdict_ru, value, low, high, report
FROM board.programme_effect
ORDER BY 1, outcome <> 'output', outcome
"""
FOREMOST = """\
SELECT (SELECT count(*) FROM board.programme_plant) AS plants,
       (SELECT coalesce(sum(bought), 0)::integer FROM board.programme_plant) AS machines,
       (SELECT coalesce(sum(connected), 0)::integer FROM board.programme_plant) AS connected,
       (SELECT count(*) FROM board.programme_machine WHERE standing = 'idle') AS idle
"""


@dataclass(frozen=True)
class Effect:
    """A row of board.programme_effect."""

    programme: str
    outcome: str
    finding: str
    verdict: str
    value: float | None
    low: float | None
    high: float | None
    report: str


def parts(answers: Answers, board: Json, manner: Manner) -> list[Part]:
    """The pages; answers of panels are named `<id>.<language>`."""
    say = manner.say
    (counts,) = records(answers["foremost"])
    figures = [(say[f"programmes.report.{name}"], str(counts[name]), "", None) for name in _FOREMOST]
    effects = [_effect_of(row, manner.language) for row in records(answers["effects"])]
    blocks: list[Block] = [Figures(figures)]
    for effect in effects:
        blocks += _effect(effect, say.words)
    if not effects:
        blocks.append(Words(say["programmes.report.nothing"]))
    blocks.append(Words(say["programmes.report.care"], small=True))
    annexes = [
        _annex(panel, answers[f"{panel['id']}.{manner.language}"], manner, number)
        for number, panel in enumerate(board["panels"], 1)
    ]
    return [Part("", blocks), Part(say["report.plant.annex"], annexes, fresh=True)]


def _effect_of(row: Mapping[str, Any], language: str) -> Effect:
    names = ("programme", "outcome", "finding", f"verdict_{language}", "value", "low", "high", "report")
    return Effect(*(row[name] for name in names))


def _effect(effect: Effect, words: Mapping[str, str]) -> list[Block]:
    """What may be said of one outcome; a picture only where there is an interval."""
    outcome, finding = words[f"programmes.judged.{effect.outcome}"], words[f"programmes.finding.{effect.finding}"]
    drawn = interval(effect)
    picture = [] if drawn is None else [Picture("", "", drawn.text, drawn.width, drawn.height, _aloud(effect))]
    mark = [Words(effect.report, small=True)] if effect.report else []
    return [Words(f"{effect.programme} · {outcome}: {finding}", strong=True), *picture, Words(effect.verdict), *mark]


def _aloud(effect: Effect) -> str:
    return f"{effect.low:g} … {effect.value:g} … {effect.high:g}"


def interval(effect: Effect) -> Svg | None:
    """The interval as a line with its estimate, beside 0; None where there is none or an end is open."""
    value, low, high = effect.value, effect.low, effect.high
    if value is None or low is None or high is None:
        return None
    left, right = min(low, 0.0), max(high, 0.0)
    span = (right - left) or 1.0

    def at(figure: float) -> float:
        return round(10 + (_WIDTH - 20) * (figure - left) / span, 1)

    colour = {"better": palette.GOOD, "worse": palette.BAD}.get(effect.finding, "#555555")
    middle = _HEIGHT / 2
    return Svg(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">'
        f'<line x1="{at(0)}" x2="{at(0)}" y1="2" y2="{_HEIGHT - 12}" stroke="#999999" stroke-dasharray="3"/>'
        f'<line x1="{at(low)}" x2="{at(high)}" y1="{middle}" y2="{middle}" stroke="{colour}" stroke-width="3"/>'
        f'<circle cx="{at(value)}" cy="{middle}" r="6" fill="{colour}"/>'
        f'<text x="{at(0)}" y="{_HEIGHT - 1}" font-family="Libertinus Serif" font-size="10" text-anchor="middle"'
        ">0</text></svg>",
        _WIDTH,
        _HEIGHT,
    )


def _annex(panel: Json, result: Result, manner: Manner, number: int) -> Table:
    """A panel of the board as a table with its definition."""
    looks = [dress(column.name, column.kind, panel["fieldConfig"]) for column in result.columns]
    numbers = [column.kind == "number" for column in result.columns]
    longest = [
        max((len(str(value)) for value in result.values(place)), default=0) for place in range(len(result.columns))
    ]
    heads = [
        Head(look.name, "", is_number, 1.0 if is_number else min(max(size / 9, 0.9), 4))
        for look, is_number, size in zip(looks, numbers, longest, strict=True)
    ]
    rows = [[_cell(look, value, manner) for look, value in zip(looks, row, strict=True)] for row in result.rows]
    words = panel["description"].replace("**", "").replace("`", "")
    return Table(f"{number}", f"{number}. {panel['title']}", words, heads, rows)


def _cell(look: Dress, value: Any, manner: Manner) -> Cell:
    shown = look.shown(value, board_dress.Manner(manner.language, manner.zone))
    value = plain(value)
    if isinstance(value, datetime):
        return Cell(shown.text, value.astimezone(manner.zone).replace(tzinfo=None), "yyyy-mm-dd hh:mm", shown.colour)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Cell(shown.text, shown.text, "", shown.colour)
    form = "0.0%" if look.unit == "percentunit" else "#,##0" if isinstance(value, int) else "#,##0.00"
    return Cell(shown.text, value, form, shown.colour)
