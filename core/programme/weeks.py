"""A CSV text with weekly sums of cells -> CellWeek rows, or every complaint at once, each with file and line."""

from __future__ import annotations

from datetime import date

from core.errors import RegistryError
from core.plant.reader import shown
from core.programme.panel import CellWeek
from core.programme.registry_file import Row, csv_entries

MOST = 1e12
MONDAY = 0


def parse_weeks(file: str, text: str) -> list[CellWeek]:
    """Rows of `cell`, `week` (a Monday), `amount`, `base`, `coverage`; RegistryError with every complaint."""
    complaints: list[str] = []
    rows = [Row(entry, complaints) for entry in csv_entries(file, "week", text, complaints)]
    found = [_row(row) for row in rows]
    first: dict[tuple[str, date], Row] = {}
    for row, week in zip(rows, found, strict=True):
        if first.setdefault((week.cell, week.monday), row) is not row:
            place = first[week.cell, week.monday].entry.place
            row.complain("week", f"{week.monday} of {shown(week.cell)} is already there, at {place}")
    if complaints:
        raise RegistryError(complaints)
    return found


def _row(row: Row) -> CellWeek:
    cell, monday = row.text("cell"), row.day("week", required=True) or date.min
    if monday.weekday() != MONDAY:
        row.complain("week", f"{monday} is not a Monday")
    found = CellWeek(
        cell, monday, row.number("amount", 0, MOST), row.number("base", 0, MOST), row.number("coverage", 0, 1, 1.0)
    )
    row.close()
    return found
