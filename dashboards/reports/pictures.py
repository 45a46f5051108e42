"""Pictures of reports as SVG: steps of a waterfall, bars by length, bands with their estimate. Pure.

Plain shapes and text only, so that a browser and the PDF's typesetter draw the same; every figure is also written out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from dashboards.palette import NO_DATA

WIDTH = 720
"""Units; a page is about as wide."""
_LABEL, _FIGURE, _ROW = 232, 124, 21
_INK, _QUIET, _LINE = "#222222", "#666666", "#dddddd"
_FONT = 'font-family="Libertinus Serif" font-size="12"'


@dataclass(frozen=True)
class Svg:
    """Markup with its size."""

    text: str
    width: float
    height: float


@dataclass(frozen=True)
class Step:
    """A bar from `base` on, `size` long (both ≥ 0 in the same unit), with words on both sides."""

    name: str
    base: float
    size: float
    figure: str
    colour: str


@dataclass(frozen=True)
class Band:
    """An estimate between its bounds, all from 0 on; None: undefined."""

    name: str
    low: float | None
    value: float | None
    high: float | None
    figure: str
    colour: str = "#0072B2"


def steps(rows: Sequence[Step], *, joined: bool = False) -> Svg:
    """A row a bar. `joined`: a waterfall, where a hair line leads on to what is left, from the first bar's end."""
    most = max((row.base + row.size for row in rows), default=1.0) or 1.0
    scale = (WIDTH - _LABEL - _FIGURE) / most
    parts = []
    for place, row in enumerate(rows):
        top = place * _ROW + 3
        x, width = _LABEL + row.base * scale, max(row.size * scale, 0.6)
        parts.append(_words(row.name, row.figure, top + 11))
        parts.append(f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" height="{_ROW - 6}" fill="{row.colour}"/>')
        if joined and place + 1 < len(rows):
            at = x if place else x + width
            parts.append(_line(at, top + _ROW - 6, at, top + _ROW, _QUIET))
    return _svg(parts, len(rows) * _ROW + 4)


def bands(rows: Sequence[Band], ticks: Sequence[tuple[float, str]]) -> Svg:
    """A row a band from 0 to the greatest end or tick; the estimate is a dot, its bounds a pale bar."""
    ends = [end for row in rows for end in (row.high, row.value) if end is not None]
    most = max([*ends, *(at for at, _ in ticks)], default=1.0) or 1.0
    scale = (WIDTH - _LABEL - _FIGURE) / most
    bottom = len(rows) * _ROW + 2
    parts = []
    for at, word in ticks:
        x = _LABEL + at * scale
        parts.append(_line(x, 0, x, bottom, _LINE))
        parts.append(f'<text x="{x:.1f}" y="{bottom + 13}" text-anchor="middle" fill="{_QUIET}" {_FONT}>{word}</text>')
    for place, row in enumerate(rows):
        middle = place * _ROW + _ROW / 2
        parts.append(_words(row.name, row.figure, middle + 4))
        if row.low is not None and row.high is not None:
            x, width = _LABEL + row.low * scale, max((row.high - row.low) * scale, 1.0)
            parts.append(
                f'<rect x="{x:.1f}" y="{middle - 5}" width="{width:.1f}" height="10" rx="2" fill="{row.colour}"'
                ' fill-opacity="0.28"/>'
            )
        if row.value is not None:
            x = _LABEL + row.value * scale
            parts.append(f'<circle cx="{x:.1f}" cy="{middle}" r="4.5" fill="{row.colour}"/>')
        else:
            parts.append(_line(_LABEL, middle, _LABEL + 8, middle, NO_DATA))
    return _svg(parts, bottom + 20)


def _words(name: str, figure: str, y: float) -> str:
    short = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
    return (
        f'<text x="0" y="{y}" fill="{_INK}" {_FONT}>{escape(short)}</text>'
        f'<text x="{WIDTH}" y="{y}" text-anchor="end" fill="{_INK}" {_FONT}>{escape(figure)}</text>'
    )


_LONGEST = 34
"""Letters that fit beside the bars."""


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}" stroke="{colour}" stroke-width="1"/>'


def _svg(parts: Sequence[str], height: float) -> Svg:
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
        f"{''.join(parts)}</svg>"
    )
    return Svg(text, WIDTH, height)
