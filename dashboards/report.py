"""The report of programmes as one HTML file that prints on A4: a page for a minister, then the tables of the board.

Pure. Its tables are the panels of the built board, dressed as the preview dresses them, so that board and report cannot
disagree. The file needs nothing else: no script, no font, no picture from anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from dashboards import palette
from dashboards.catalogue import catalogue
from dashboards.preview.drawing import Result
from dashboards.preview.dress import Json, Manner, dress

_FOREMOST = ("plants", "machines", "connected", "idle")
_WIDTH, _HEIGHT = 420, 34
"""Of an interval's picture [px]."""
_STYLE = """
@page { size: A4 landscape; margin: 12mm }
body { font: 10pt/1.35 sans-serif; color: #111; max-width: 270mm; margin: auto }
h1 { font-size: 18pt; margin: 0 0 2mm } h2 { font-size: 12pt; margin: 6mm 0 1mm; break-after: avoid }
p { margin: 1mm 0 } .small { color: #444; font-size: 8.5pt } .annex { break-before: page }
.figures { display: flex; gap: 10mm; margin: 4mm 0 } .figures b { display: block; font-size: 20pt }
.effect { border-top: 1px solid #999; padding: 2mm 0; break-inside: avoid }
table { border-collapse: collapse; width: 100%; font-size: 7.5pt } thead { display: table-header-group }
th, td { border-bottom: 1px solid #ccc; padding: 0.6mm 1.2mm; text-align: left; vertical-align: top }
td { overflow-wrap: break-word }
td.number { text-align: right; white-space: nowrap } td span { border-left: 2.5mm solid; padding-left: 1mm }
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


def page(
    board: Json,
    language: str,
    results: Mapping[int, Result],
    effects: Sequence[Effect],
    figures: Mapping[str, int],
    made: datetime,
) -> str:
    """The whole file. `results` by the id of their panel; `figures` by name in _FOREMOST; `made` in the zone shown."""
    say = catalogue(language)
    manner = Manner(language, made.tzinfo or UTC)
    first = [
        f"<h1>{escape(say['programmes.report.title'])}</h1>",
        f'<p class="small">{made.strftime("%d.%m.%Y %H:%M" if language == "ru" else "%Y-%m-%d %H:%M")}</p>',
        '<div class="figures">',
        *(f"<div><b>{figures[name]}</b>{escape(say[f'programmes.report.{name}'])}</div>" for name in _FOREMOST),
        "</div>",
        *(_effect(effect, say.words) for effect in effects),
        *([] if effects else [f"<p>{escape(say['programmes.report.nothing'])}</p>"]),
        f'<p class="small">{escape(say["programmes.report.care"])}</p>',
    ]
    annexes = [_annex(panel, results[panel["id"]], manner, number) for number, panel in enumerate(board["panels"], 1)]
    title = escape(say["programmes.report.title"])
    head = f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
    body = "\n".join([*first, '<div class="annex"></div>', *annexes])
    return f"{head}<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"


def _effect(effect: Effect, words: Mapping[str, str]) -> str:
    """What may be said of one outcome; a picture only where there is an interval."""
    outcome, finding = words[f"programmes.judged.{effect.outcome}"], words[f"programmes.finding.{effect.finding}"]
    heading = f"<h2>{escape(effect.programme)} · {escape(outcome)}: {escape(finding)}</h2>"
    mark = f'<p class="small">{escape(effect.report)}</p>'
    return f'<div class="effect">{heading}{interval(effect)}<p>{escape(effect.verdict)}</p>{mark}</div>'


def interval(effect: Effect) -> str:
    """The interval as a line with its estimate, beside 0; empty where there is none or an end is open."""
    value, low, high = effect.value, effect.low, effect.high
    if value is None or low is None or high is None:
        return ""
    left, right = min(low, 0.0), max(high, 0.0)
    span = (right - left) or 1.0

    def at(figure: float) -> float:
        return round(10 + (_WIDTH - 20) * (figure - left) / span, 1)

    colour = {"better": palette.GOOD, "worse": palette.BAD}.get(effect.finding, "#555")
    middle = _HEIGHT / 2
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{low:g} … {value:g} … {high:g}">'
        f'<line x1="{at(0)}" x2="{at(0)}" y1="2" y2="{_HEIGHT - 2}" stroke="#999" stroke-dasharray="3"/>'
        f'<line x1="{at(low)}" x2="{at(high)}" y1="{middle}" y2="{middle}" stroke="{colour}" stroke-width="3"/>'
        f'<circle cx="{at(value)}" cy="{middle}" r="6" fill="{colour}"/>'
        f'<text x="{at(0)}" y="{_HEIGHT}" font-size="9" text-anchor="middle">0</text></svg>'
    )


def _annex(panel: Json, result: Result, manner: Manner, number: int) -> str:
    """A panel of the board as a table with its definition."""
    looks = [dress(column.name, column.kind, panel["fieldConfig"]) for column in result.columns]
    heads = "".join(f"<th>{escape(look.name)}</th>" for look in looks)
    lines = []
    for row in result.rows:
        cells = []
        for column, look, value in zip(result.columns, looks, row, strict=True):
            shown = look.shown(value, manner)
            text = escape(shown.text)
            mark = f'<span style="border-color:{shown.colour}">{text}</span>' if shown.colour else text
            kind = ' class="number"' if column.kind == "number" else ""
            cells.append(f"<td{kind}>{mark}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    words = escape(panel["description"].replace("**", "").replace("`", ""))
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return f'<h2>{number}. {escape(panel["title"])}</h2><p class="small">{words}</p>{table}'
