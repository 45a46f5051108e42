"""The preview's form for what people know: a reason for a stretch, or scrap. Pure: fields in, HTML out.

A browser sends it only from a page of this server: the server checks origin and a token that no other page can read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from dashboards.catalogue import Catalogue, catalogue

FORM_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""Content-Security-Policy of the form: no script at all, and it is sent to this server only."""

REASON_FIELDS = ("machine", "since", "until", "reason", "author", "note")
SCRAP_FIELDS = ("machine", "since", "parts", "program", "author", "note")
LONGEST = 16_000
"""Bytes of a filled form; its lines hold a few hundred characters at most."""


@dataclass(frozen=True)
class Teller:
    """Who takes what people tell: choices (value, title) and what is done with the fields of one form.

    `tell(kind, fields)` gives a sentence for the person, of success or of refusal.
    """

    machines: Sequence[tuple[str, str]]
    reasons: Mapping[str, Sequence[tuple[str, str]]]
    """By language."""
    tell: Callable[[str, Mapping[str, str]], str]


def form_page(
    language: str, teller: Teller, token: str, said: str = "", filled: Mapping[str, str] | None = None
) -> str:
    """HTML of the form; `said`: what became of the last one; `filled`: its fields, so that nothing is typed twice."""
    say, old = catalogue(language), dict(filled or {})
    reason = "".join(_field(say, name, old, teller, language) for name in REASON_FIELDS)
    scrap = "".join(_field(say, name, old, teller, language) for name in SCRAP_FIELDS)
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(say["form.title"])} · Stanok</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/preview.css">
</head>
<body>
<header>
<h1>{escape(say["form.title"])}</h1>
<nav><a href="/{language}/stops">{escape(say["board.stops.title"])}</a></nav>
</header>
<p role="status">{escape(said)}</p>
{_form("reason", say["form.add_reason"], reason, token)}
{_form("scrap", say["form.add_scrap"], scrap, token)}
</body>
</html>
"""


def _form(kind: str, button: str, fields: str, token: str) -> str:
    return (
        f'<form method="post" class="tell"><input type="hidden" name="token" value="{escape(token)}">'
        f'<input type="hidden" name="kind" value="{kind}">{fields}<button>{escape(button)}</button></form>'
    )


def _field(say: Catalogue, name: str, old: Mapping[str, str], teller: Teller, language: str) -> str:
    value = old.get(name, "")
    if name in ("machine", "reason"):
        choices = teller.machines if name == "machine" else teller.reasons[language]
        options = "".join(
            f'<option value="{escape(key)}"{" selected" if key == value else ""}>{escape(title)}</option>'
            for key, title in choices
        )
        control = f'<select name="{name}">{options}</select>'
    else:
        kind = {"since": "datetime-local", "until": "datetime-local", "parts": "number"}.get(name, "text")
        needed = "" if name in ("note", "program") else " required"
        control = f'<input type="{kind}" name="{name}" value="{escape(value)}"{needed}>'
    return f"<label>{escape(say[f'form.{name}'])} {control}</label>"
