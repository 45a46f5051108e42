"""`stanok report programme`: what the board Programmes shows, as a file to print."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from core.errors import OutsideError
from dashboards.build import BUILT
from dashboards.macros import Window, expand
from dashboards.preview.reader import session
from dashboards.report import Effect, page

_EFFECTS = "select coalesce(title, programme), outcome, finding, verdict_{language}, value, low, high, report"
_FIGURES = {
    "plants": "select count(*) from board.programme_plant",
    "machines": "select coalesce(sum(bought), 0)::integer from board.programme_plant",
    "connected": "select coalesce(sum(connected), 0)::integer from board.programme_plant",
    "idle": "select count(*) from board.programme_machine where standing = 'idle'",
}


def programme_page(dsn: str, language: str, made: datetime) -> str:
    """The report in a language, of all plants that the login sees."""
    board = json.loads((BUILT / language / "programmes.json").read_text(encoding="utf-8"))
    with session(dsn, None) as asked:
        sites = [str(row[0]) for row in asked.ask(board["templating"]["list"][0]["query"]).rows]
        window = Window(made, made)
        results = {
            panel["id"]: asked.ask(expand(panel["targets"][0]["rawSql"], window, {"site": sites}))
            for panel in board["panels"]
        }
        order = "from board.programme_effect order by 1, outcome <> 'output', outcome"
        effects = [Effect(*row) for row in asked.ask(f"{_EFFECTS.format(language=language)} {order}").rows]
        figures = {name: int(asked.ask(query).rows[0][0]) for name, query in _FIGURES.items()}
    return page(board, language, results, effects, figures, made)


def write(path: Path, text: str) -> None:
    """The file, whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise OutsideError(f"{path} cannot be written: {error.strerror}; choose another place with --out") from error
