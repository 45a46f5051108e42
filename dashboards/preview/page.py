"""The page of a board: a grid of empty panels and the choices above it; static/preview.js fills it. Pure.

Everything comes from this server: no other host is named, and the page's policy would refuse it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from dashboards.catalogue import Catalogue, catalogue
from dashboards.preview.dress import Json

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Content-Security-Policy. Plotly sets styles on its own elements, which needs 'unsafe-inline' for styles only."""

_SPANS = (("15m", 15, "minute"), ("1h", 1, "hour"), ("8h", 8, "hour"), ("24h", 24, "hour"), ("2d", 2, "day"))
_LONG_SPANS = (("7d", 7, "day"), ("28d", 28, "day"), ("91d", 91, "day"))
_WORDS = ("custom", "empty", "gone", "as_of", "all", "chosen", "more")


def page(board: Json, language: str, name: str, boards: Mapping[str, Mapping[str, str]], *, form: bool = False) -> str:
    """HTML of a board. `boards`: language -> file name -> title, of all boards there are; `form`: with a link to it."""
    say = catalogue(language)
    words = {word: say[f"preview.{word}"] for word in _WORDS}
    settings = {"words": words, "time": board["time"], "refresh": _seconds(board.get("refresh") or "5s"), "name": name}
    tell = f'<a href="/{language}/tell">{escape(say["form.title"])}</a>' if form else ""
    panels = "\n".join(map(_panel, sorted(board["panels"], key=_place)))
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(board["title"])} · Stanok</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/preview.css">
</head>
<body data-settings="{escape(json.dumps(settings, ensure_ascii=False))}">
<header>
<h1>{escape(board["title"])}</h1>
<nav>{_links(language, name, boards)}{tell}</nav>
<form id="choices">
<select name="span" aria-label="{escape(say["preview.window"])}">{_spans(board["time"]["from"], say)}</select>
<span id="custom" hidden><input type="datetime-local" name="from"> – <input type="datetime-local" name="to"></span>
<span id="variables"></span>
</form>
<p id="clock" role="status"></p>
</header>
<p id="trouble" role="alert" hidden></p>
<main>
{panels}
</main>
<script src="/static/plotly.min.js"></script>
<script src="/static/preview.js"></script>
</body>
</html>
"""


def _panel(panel: Json) -> str:
    place = panel["gridPos"]
    style = f"--x:{place['x'] + 1};--w:{place['w']};--y:{place['y'] + 1};--h:{place['h']}"
    about = panel.get("description", "")
    info = f'<details><summary aria-label="?">i</summary><div>{_rich(about)}</div></details>' if about else ""
    return (
        f'<section class="panel" id="panel-{panel["id"]}" data-kind="{escape(panel["type"])}" style="{style}">'
        f'<div class="head"><h2>{escape(panel.get("title", ""))}</h2>{info}</div><div class="body"></div></section>'
    )


def _rich(text: str) -> str:
    """The little of Markdown that descriptions use: bold words, paragraphs, lines."""
    bold = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(text))
    return "".join(f"<p>{part.strip().replace(chr(10), '<br>')}</p>" for part in bold.split("\n\n"))


def _links(language: str, name: str, boards: Mapping[str, Mapping[str, str]]) -> str:
    """Other boards of this language, then this board in other languages."""
    here = [(f"/{language}/{other}", title) for other, title in boards[language].items() if other != name]
    there = [(f"/{other}/{name}", other.upper()) for other in boards if other != language and name in boards[other]]
    return "".join(f'<a href="{escape(path)}">{escape(text)}</a>' for path, text in [*here, *there])


def _spans(default: str, say: Catalogue) -> str:
    """Usual spans, the board's own chosen, and a free one."""
    lines = [
        _option(f"now-{word}", f"{say['preview.last']} {number} {say['preview.' + unit]}", f"now-{word}" == default)
        for word, number, unit in _SPANS + _LONG_SPANS
    ]
    if not any("selected" in line for line in lines):
        lines.insert(0, _option(default, default, True))
    return "".join([*lines, _option("custom", say["preview.custom"], False)])


def _option(value: str, text: str, chosen: bool) -> str:
    return f'<option value="{escape(value)}"{" selected" if chosen else ""}>{escape(text)}</option>'


def _place(panel: Json) -> tuple[int, int]:
    return panel["gridPos"]["y"], panel["gridPos"]["x"]


def _seconds(refresh: str) -> float:
    found = re.fullmatch(r"(\d+)([smh])", refresh)
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]] if found else 5


def titles(boards: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Language -> name -> title."""
    return {language: {name: board["title"] for name, board in found.items()} for language, found in boards.items()}


__all__: Sequence[str] = ("POLICY", "page", "titles")
