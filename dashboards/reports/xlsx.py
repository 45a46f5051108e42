"""A report as a spreadsheet: a sheet that says what it is, then a sheet a table. Needs XlsxWriter (extra `reports`).

Numbers are real numbers, times real times, units stand in headings; what is undefined is a dash with its reason beside
it. The same document gives the same bytes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from core.errors import InputError
from dashboards.catalogue import catalogue
from dashboards.reports.document import Cell, Document, Head, Table

_LONGEST_NAME = 31
_FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
"""Of the name of a sheet (Excel's specification)."""
_WIDEST = 60
"""Characters; longer texts are wrapped."""


def xlsx(document: Document) -> bytes:
    """The whole file."""
    try:
        from xlsxwriter import Workbook
    except ImportError as missing:
        raise InputError("Spreadsheets need XlsxWriter; run: pip install 'stanok[reports]'") from missing
    content = BytesIO()
    with Workbook(content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": document.title, "comments": document.number, "created": _naive(document.made)})
        forms = _Forms(book)
        _first(book.add_worksheet(catalogue(document.language)["report.sheet.about"]), document, forms)
        taken = {book.worksheets()[0].get_name().lower()}
        for table in document.tables:
            _sheet(book.add_worksheet(_name(table.name, taken)), table, document, forms)
    return content.getvalue()


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)


class _Forms:
    """Cell formats, each made once."""

    def __init__(self, book: Any) -> None:
        self._book, self._made = book, {}  # type: ignore[var-annotated]  # formats of XlsxWriter, which has no types

    def __call__(self, **properties: object) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format({"valign": "top", **properties})
        return self._made[key]


def _first(sheet: Any, document: Document, forms: _Forms) -> None:
    say = catalogue(document.language)
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 90)
    sheet.hide_gridlines(2)
    sheet.write(0, 0, document.title, forms(bold=True, font_size=16))
    sheet.write(1, 0, document.subtitle, forms(font_size=12))
    lines = {say["report.number"]: document.number, **document.marks, "": document.foot}
    row = 3
    for warning in document.warning:
        sheet.write(row, 1, warning, forms(bold=True, font_color="#D55E00", text_wrap=True))
        row += 1
    for name, text in lines.items():
        sheet.write(row, 0, name, forms(font_color="#666666"))
        sheet.write(row, 1, text, forms(text_wrap=True))
        row += 1
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def _sheet(sheet: Any, table: Table, document: Document, forms: _Forms) -> None:
    sheet.write(0, 0, table.title, forms(bold=True, font_size=13))
    sheet.write(1, 0, table.about.replace("**", ""), forms(font_color="#666666", italic=True))
    top = 3
    for column, head in enumerate(table.heads):
        shape = forms(bold=True, bottom=1, text_wrap=True, bg_color="#E8F0F6", align="right" if head.number else "left")
        sheet.write(top, column, head.full, shape)
        sheet.set_column(column, column, _width(head, [row[column] for row in table.rows]))
    for number, row in enumerate(table.rows):
        strong = number >= len(table.rows) - table.strong
        for column, (cell, head) in enumerate(zip(row, table.heads, strict=True)):
            _write(sheet, top + 1 + number, column, cell, head, strong, forms)
    sheet.freeze_panes(top + 1, 1)
    if table.rows:
        last = top + len(table.rows) - table.strong
        sheet.autofilter(top, 0, max(last, top + 1), len(table.heads) - 1)
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(top)
    sheet.set_footer(f"&L{document.number}&R&P / &N")


def _write(sheet: Any, row: int, column: int, cell: Cell, head: Head, strong: bool, forms: _Forms) -> None:
    shape: dict[str, object] = {"bold": True, "top": 1} if strong else {}
    if head.number:
        shape["align"] = "right"
    if cell.colour:
        shape |= {"left": 5, "left_color": cell.colour}
    if isinstance(cell.value, datetime):
        sheet.write_datetime(row, column, cell.value, forms(**shape, num_format=cell.form))
    elif isinstance(cell.value, int | float) and not isinstance(cell.value, bool):
        sheet.write_number(row, column, cell.value, forms(**shape, num_format=cell.form))
    else:
        sheet.write_string(row, column, cell.text, forms(**shape, text_wrap=not head.number))


def _width(head: Head, cells: list[Cell]) -> float:
    longest = max((len(cell.text) for cell in cells), default=0)
    return min(max(longest + 2, len(head.full) * 0.62, 9), _WIDEST)


def _name(wanted: str, taken: set[str]) -> str:
    """A name that Excel takes and no other sheet has."""
    plain = _FORBIDDEN.sub(" ", wanted).strip() or "1"
    name, number = plain[:_LONGEST_NAME], 2
    while name.lower() in taken:
        tail = f" {number}"
        name, number = plain[: _LONGEST_NAME - len(tail)] + tail, number + 1
    taken.add(name.lower())
    return name
