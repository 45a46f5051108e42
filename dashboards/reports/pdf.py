"""A report as PDF, set by Typst (extra `reports`), whose fonts have Cyrillic; report.typ is its face.

The document travels as JSON, so no text of a database is ever read as markup. The same document gives the same bytes:
only the fonts inside Typst are used, and the time in the file is that of the report.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import Any, Literal

from core.errors import BrokenPromise, InputError
from dashboards.catalogue import catalogue
from dashboards.reports.document import Block, Document, Figures, Picture, Table

_FACE = Path(__file__).with_name("report.typ")


def pdf(document: Document) -> bytes:
    """The whole file."""
    made = _set(document, "pdf")
    assert isinstance(made, bytes)
    return made


def pictures(document: Document, ppi: float = 80.0) -> list[bytes]:
    """The pages as PNG, for eyes and tests."""
    made = _set(document, "png", ppi=ppi)
    return [made] if isinstance(made, bytes) else made


def _set(document: Document, form: Literal["pdf", "png"], **given: Any) -> Any:
    try:
        import typst
    except ImportError as missing:
        raise InputError("PDF needs typst; run: pip install 'stanok[reports]'") from missing
    compiler = typst.Compiler(_FACE.read_bytes(), root=str(_FACE.parent), ignore_system_fonts=True)
    try:
        return compiler.compile(
            format=form,
            sys_inputs={"document": json.dumps(_plain(document), ensure_ascii=False)},
            timestamp=document.made.astimezone(UTC).replace(microsecond=0),
            **given,
        )
    except typst.TypstError as error:
        raise BrokenPromise(f"dashboards/reports/report.typ cannot be set: {error.message}") from error


def _plain(document: Document) -> dict[str, Any]:
    say = catalogue(document.language)
    return {
        "language": document.language,
        "title": document.title,
        "subtitle": document.subtitle,
        "number": f"{say['report.number']} {document.number}",
        "page": say["report.page"],
        "marks": list(document.marks.items()),
        "warning": list(document.warning),
        "foot": document.foot,
        "wide": document.wide,
        "parts": [
            {"title": part.title, "fresh": part.fresh, "blocks": list(map(_block, blocks))}
            for part, blocks in document.paper
        ],
    }


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Table):
        heads = [[head.text, head.unit, head.number, head.weight] for head in block.heads]
        rows = [[[cell.text, cell.colour] for cell in row] for row in block.rows]
        words = {"title": block.title, "about": block.about.replace("**", "")}
        return {"kind": "table", **words, "heads": heads, "rows": rows, "strong": block.strong}
    if isinstance(block, Figures):
        return {"kind": "figures", "items": [list(item) for item in block.items]}
    if isinstance(block, Picture):
        about = block.about.replace("**", "")
        size = {"width": block.width, "svg": block.svg, "words": block.words}
        return {"kind": "picture", "title": block.title, "about": about, **size}
    return {"kind": "words", **asdict(block)}
