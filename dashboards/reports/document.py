"""What a report consists of, before it is HTML, PDF or a spreadsheet: parts, tables, figures, pictures. Pure data.

Every number carries its text for paper and its value with a format for spreadsheets; units stand in headings, not in
cells. What is undefined has NOTHING for a text, and its row says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

NOTHING = "—"

Value = float | int | str | datetime | None
"""Of a spreadsheet's cell; a datetime is local and naive, as spreadsheets are."""


@dataclass(frozen=True)
class Cell:
    """`form`: Excel's number format; `colour`: #rrggbb of a mark beside the text, which never stands alone."""

    text: str
    value: Value = None
    form: str = ""
    colour: str | None = None


@dataclass(frozen=True)
class Head:
    """A heading with its unit, empty for none. `weight`: how wide beside the others; numbers stand on the right."""

    text: str
    unit: str = ""
    number: bool = False
    weight: float = 1.0

    @property
    def full(self) -> str:
        """Heading and unit in one line."""
        return f"{self.text}, {self.unit}" if self.unit else self.text


@dataclass(frozen=True)
class Table:
    """`strong`: rows from the end that are sums. `name`: of the sheet in a spreadsheet, short. `paper`: on pages, too;
    without it only in spreadsheets, because a picture on the page has the same figures.
    """

    name: str
    title: str
    about: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Cell]]
    strong: int = 0
    paper: bool = True


@dataclass(frozen=True)
class Figures:
    """Large figures in a row: name, text, what stands below it, colour of the mark."""

    items: Sequence[tuple[str, str, str, str | None]]


@dataclass(frozen=True)
class Picture:
    """An SVG of `width` by `height` units with words for those who do not see it."""

    title: str
    about: str
    svg: str
    width: float
    height: float
    words: str


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str
    small: bool = False
    strong: bool = False


Block = Table | Figures | Picture | Words


@dataclass(frozen=True)
class Part:
    """Blocks under a heading; `fresh`: on a page of its own."""

    title: str
    blocks: Sequence[Block]
    fresh: bool = False


@dataclass(frozen=True)
class Document:
    """A report. `marks`: label -> what the report is about and rests on; `warning`: what a reader must know first."""

    language: str
    number: str
    title: str
    subtitle: str
    marks: Mapping[str, str]
    parts: Sequence[Part]
    made: datetime
    foot: str
    wide: bool = False
    warning: Sequence[str] = field(default_factory=list)

    @property
    def paper(self) -> list[tuple[Part, list[Block]]]:
        """Parts with the blocks that stand on pages."""
        return [(part, [b for b in part.blocks if not isinstance(b, Table) or b.paper]) for part in self.parts]

    @property
    def tables(self) -> list[Table]:
        """All tables in their order."""
        return [block for part in self.parts for block in part.blocks if isinstance(block, Table)]
