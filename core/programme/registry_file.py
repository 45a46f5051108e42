"""The text of registry files -> entries that know in which line each of their keys stands.

A TOML file holds tables [[site]], [[programme]], [[cell]], [[project]], [[asset]], [[operation]], [[standard]]; a CSV
file holds entries of the one kind that its name says (`asset.csv`), its first row names the keys. The entries are flat
in both.
Invariants: nothing a file can contain raises; what cannot be read becomes a complaint with file and line.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import PurePath
from typing import Any

from core.plant.reader import Reader, hint, shown

KINDS = ("site", "programme", "cell", "project", "asset", "operation", "standard")

NUMBERS = frozenset(
    [
        "cost",
        "price_year",
        "points",
        "max_points",
        "ramp_up_weeks",
        "planned_hours",
        "planned_shifts",
        "margin_per_hour",
        "more_cost_per_year",
        "sold_share",
        "frozen_h",
        "evidenced_hours",
        "amount",
        "base",
        "coverage",
    ]
)
"""Keys whose cells in a CSV file are numbers; a decimal comma is one too."""
LISTS = frozenset({"cells", "machines", "replaces"})
"""Keys whose cells in a CSV file are lists, parted by `|`, which no inventory number contains."""


@dataclass(frozen=True)
class Entry:
    """One table or row: its keys with their values, and where it stands."""

    kind: str
    content: Mapping[str, Any]
    file: str
    line: int
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """`file:line` of the entry."""
        return f"{self.file}:{self.line}"


class Row(Reader):
    """The keys of one entry, taken one by one. Complaints begin with file and line."""

    def __init__(self, entry: Entry, complaints: list[str]) -> None:
        super().__init__(entry.content, complaints)
        self.entry = entry

    def complain(self, key: str, sentence: str) -> None:
        """Note what is wrong with one key of this entry, with the line in which the key stands."""
        line = self.entry.lines.get(key.partition("[")[0], self.entry.line)
        self._complaints.append(f"{self.entry.file}:{line}: {self.entry.kind}.{key}: {sentence}")

    def day(self, key: str, *, required: bool) -> date | None:
        """A date: 2026-05-04 or 04.05.2026; None if it is not there or is none."""
        value = self._take(key, required=required)
        if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
            return value
        found = _day(value) if isinstance(value, str) else None
        if found is None:
            self.complain(key, f"must be a date such as 2026-05-04 or 04.05.2026, not {shown(value)}")
        return found

    def number_or_none(self, key: str, low: float, high: float) -> float | None:
        """An optional number from low to high."""
        return None if self.content.get(key) is None else self.number(key, low, high, low)

    def words(self, key: str) -> tuple[str, ...]:
        """The texts of an optional list."""
        return tuple(text for _, text in self.texts(key))


def _day(text: str) -> date | None:
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007  # a day has no zone
        except ValueError:
            continue  # the other form, then; None is complained about
    return None


def read_entries(file: str, text: str, complaints: list[str]) -> list[Entry]:
    """The entries of one file; `file` is its name, whose suffix says what it is."""
    path = PurePath(file)
    if path.suffix.lower() == ".csv":
        kind = path.stem.lower()
        if kind in KINDS:
            return csv_entries(file, kind, text, complaints)
        complaints.append(f"{file}:1: a CSV file is named after what it holds, such as asset.csv{hint(kind, KINDS)}")
        return []
    return _toml_entries(file, text, complaints)


def _toml_entries(file: str, text: str, complaints: list[str]) -> list[Entry]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        last = text.count("\n") + 1
        complaints.append(f"{file}:{found[1] if found else last}: is not valid TOML: {error}")
        return []
    tops, headers = _lines_of(text)
    entries = []
    for kind, tables in document.items():
        if kind not in KINDS:
            complaints.append(f"{file}:{tops.get(kind, 1)}: {shown(kind)} is not a kind of entry{hint(kind, KINDS)}")
            continue
        for index, table in enumerate(tables if isinstance(tables, list) else [tables]):
            line, lines = headers.get((kind, index), (tops.get(kind, 1), {}))
            if isinstance(table, Mapping) and isinstance(tables, list):
                entries.append(Entry(kind, table, file, line, lines))
            else:
                complaints.append(f"{file}:{line}: {kind}: each entry stands under its own [[{kind}]]")
    return entries


_HEADER = re.compile(r"\s*\[+\s*([\w-]+)")
_KEY = re.compile(r"\s*([\w-]+|\"[^\"]*\"|'[^']*')\s*(?:\.[^=]*)?=\s*(.*)")
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|#.*")


def _lines_of(text: str) -> tuple[dict[str, int], dict[tuple[str, int], tuple[int, dict[str, int]]]]:
    """Line of each top-level word, and for each (kind, index) the line of its header and of its keys.

    The TOML parser has accepted the text, so only texts and lists over several lines have to be stepped over.
    """
    tops: dict[str, int] = {}
    headers: dict[tuple[str, int], tuple[int, dict[str, int]]] = {}
    count: dict[str, int] = {}
    keys = tops
    until, depth = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if until:
            until = "" if until in line else until
        elif depth > 0:
            depth += _depth(line)
        elif line.lstrip().startswith("[") and (header := _HEADER.match(line)):
            kind = header[1]
            tops.setdefault(kind, number)
            keys = {}
            headers[kind, count.get(kind, 0)] = number, keys
            count[kind] = count.get(kind, 0) + 1
        elif key := _KEY.match(line):
            keys.setdefault(key[1].strip("\"'"), number)
            opening = key[2][:3]
            if opening in ('"""', "'''"):
                until = "" if opening in key[2][3:] else opening
            else:
                depth = _depth(key[2])
    return tops, headers


def _depth(text: str) -> int:
    """How many more lists and tables a line opens than it closes."""
    plain = _QUOTED.sub("", text)
    return sum(plain.count(mark) for mark in "[{") - sum(plain.count(mark) for mark in "]}")


def csv_entries(file: str, kind: str, text: str, complaints: list[str]) -> list[Entry]:
    """The rows of a CSV file as entries of a kind; its first row names the keys."""
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=_delimiter(text))
    head: Sequence[str] | None = None
    entries, before = [], 0
    try:
        for row in rows:
            line, before = before + 1, rows.line_num
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if head is None:
                head = cells
            elif len(cells) != len(head):
                complaints.append(f"{file}:{line}: {kind}: has {len(cells)} cells, but the first row has {len(head)}")
            else:
                content = {key: _cell(key, cell) for key, cell in zip(head, cells, strict=True) if cell}
                entries.append(Entry(kind, content, file, line))
    except csv.Error as error:
        complaints.append(f"{file}:{rows.line_num}: is not valid CSV: {error}")
    return entries


def _delimiter(text: str) -> str:
    """What parts the cells of the first row: Russian spreadsheets write semicolons."""
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _cell(key: str, cell: str) -> object:
    if key in LISTS:
        return [part.strip() for part in cell.split("|")]
    if key in NUMBERS:
        plain = re.sub(r"\s", "", cell).replace(",", ".")
        try:
            return float(plain)
        except ValueError:
            return cell
    return cell
