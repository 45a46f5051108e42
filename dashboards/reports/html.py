"""A report as one HTML file that prints on A4 and needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from dashboards.catalogue import catalogue
from dashboards.reports.document import Block, Cell, Document, Figures, Head, Part, Picture, Table, Words

_STYLE = Path(__file__).with_name("report.css")


def html(document: Document) -> bytes:
    """The whole file."""
    turn, width, table = (" landscape", "266mm", "7.3pt") if document.wide else ("", "182mm", "8.6pt")
    style = f"@page {{ size: A4{turn}; margin: 14mm 14mm 16mm }}\n:root {{ --width: {width}; --table: {table} }}\n"
    style += _STYLE.read_text(encoding="utf-8")
    title = escape(f"{document.title} · {document.subtitle}")
    body = "\n".join([_head(document), *(_part(part, blocks) for part, blocks in document.paper), _foot(document)])
    text = (
        f'<!DOCTYPE html>\n<html lang="{document.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}</style></head>\n<body>\n{body}\n</body></html>\n"
    )
    return text.encode()


def _head(document: Document) -> str:
    warned = "".join(f"<p>{escape(text)}</p>" for text in document.warning)
    return (
        f'<h1>{escape(document.title)}</h1><p class="subtitle">{escape(document.subtitle)}</p>{_marks(document.marks)}'
        + (f'<div class="warning">{warned}</div>' if warned else "")
    )


def _marks(marks: Mapping[str, str]) -> str:
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in marks.items())
    return f'<dl class="marks">{lines}</dl>'


def _foot(document: Document) -> str:
    say = catalogue(document.language)
    text = f"{say['report.number']} {document.number} · {document.foot}"
    return f'<footer class="small">{escape(text)}</footer>'


def _part(part: Part, blocks: Sequence[Block]) -> str:
    heading = f"<h2>{escape(part.title)}</h2>" if part.title else ""
    return f"<section{' class=fresh' if part.fresh else ''}>{heading}{''.join(map(_block, blocks))}</section>"


def _block(block: Block) -> str:
    if isinstance(block, Words):
        kind = "small" if block.small else "strong" if block.strong else ""
        return f"<p{f' class={kind}' if kind else ''}>{escape(block.text)}</p>"
    if isinstance(block, Figures):
        return f'<div class="figures">{"".join(_figure(*item) for item in block.items)}</div>'
    return _picture(block) if isinstance(block, Picture) else _table(block)


def _figure(name: str, text: str, below: str, colour: str | None) -> str:
    style = f' style="border-top-color:{colour}"' if colour else ""
    return f"<div{style}><span>{escape(name)}</span><b>{escape(text)}</b><i>{escape(below)}</i></div>"


def _picture(picture: Picture) -> str:
    titles = _titles(picture.title, picture.about)
    drawn = picture.svg.replace("<svg ", f'<svg role="img" aria-label="{escape(picture.words)}" ', 1)
    return f"{titles}<figure>{drawn}</figure>"


def _titles(title: str, about: str) -> str:
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    return heading + (f'<p class="small">{escape(about.replace("**", ""))}</p>' if about else "")


def _table(table: Table) -> str:
    heads = "".join(map(_heading, table.heads))
    plain, sums = table.rows[: len(table.rows) - table.strong], table.rows[len(table.rows) - table.strong :]
    lines = "".join(_line(row, table.heads, "") for row in plain)
    lines += "".join(_line(row, table.heads, ' class="sum"') for row in sums)
    body = f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"
    return f'{_titles(table.title, table.about)}<div class="scroll">{body}</div>'


def _heading(head: Head) -> str:
    unit = f"<small>,&nbsp;{escape(head.unit)}</small>" if head.unit else ""
    return f"<th{' class=number' if head.number else ''}>{escape(head.text)}{unit}</th>"


def _line(row: Sequence[Cell], heads: Sequence[Head], mark: str) -> str:
    cells = []
    for cell, head in zip(row, heads, strict=True):
        text = escape(cell.text)
        marked = f'<span style="border-color:{cell.colour}">{text}</span>' if cell.colour else text
        cells.append(f"<td{' class=number' if head.number else ''}>{marked}</td>")
    return f"<tr{mark}>{''.join(cells)}</tr>"
