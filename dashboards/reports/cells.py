"""Rows of a view to cells: numbers with decimal comma and units as a language writes them, times of the plant. Pure.

A field names a column and its unit; ratios are written as per cent, hours and minutes with one digit, counts whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any

from dashboards.catalogue import Catalogue
from dashboards.reports.document import NOTHING, Cell, Head

Record = Mapping[str, Any]
SPACE = "\u00a0"
"""Between thousands, so that a number is never broken."""

_DECIMALS = {"ratio": 1, "hours": 1, "minutes": 1, "count": 0, "factor": 2, "years": 1}
_FORMS = {"ratio": "0.0%", "hours": "#,##0.0", "minutes": "#,##0.0", "count": "#,##0", "factor": "0.00", "years": "0.0"}
_TIMES = {
    "en": {"moment": "%Y-%m-%d %H:%M", "clock": "%H:%M", "day": "%Y-%m-%d"},
    "ru": {"moment": "%d.%m.%Y %H:%M", "clock": "%H:%M", "day": "%d.%m.%Y"},
}
_TIME_FORMS = {
    "en": {"moment": "yyyy-mm-dd hh:mm", "clock": "hh:mm", "day": "yyyy-mm-dd"},
    "ru": {"moment": "dd.mm.yyyy hh:mm", "clock": "hh:mm", "day": "dd.mm.yyyy"},
}


@dataclass(frozen=True)
class Manner:
    """How a reader wants it: words and decimal comma of a language, times of a zone."""

    say: Catalogue
    zone: tzinfo

    @property
    def language(self) -> str:
        return self.say.language


@dataclass(frozen=True)
class Field:
    """A column of a view. `unit`: a key of _DECIMALS, or text, moment, clock, day; `words`: value -> words for it."""

    column: str
    unit: str
    weight: float = 1.0
    words: Mapping[str, str] | None = None
    colours: Mapping[str, str] = field(default_factory=dict)
    heading: str = ""

    @property
    def number(self) -> bool:
        return self.unit in _DECIMALS


def number(value: float | None, unit: str, manner: Manner) -> str:
    """A number without its unit; ratios as per cent."""
    if value is None:
        return NOTHING
    size = value * 100 if unit == "ratio" else value
    text = f"{size:,.{_DECIMALS[unit]}f}".replace(",", SPACE)
    if text.strip("-0.,") == "":
        text = text.removeprefix("-")
    text = text.replace("-", "−")
    return text.replace(".", ",") if manner.language == "ru" else text


def unit_word(unit: str, manner: Manner) -> str:
    """What stands behind a number or in a heading: %, h, ч; empty for counts and factors."""
    return manner.say.words.get(f"report.unit.{unit}", "")


def measured(value: float | None, unit: str, manner: Manner) -> str:
    """A number with its unit."""
    word = unit_word(unit, manner)
    text = number(value, unit, manner)
    return f"{text}{SPACE}{word}" if word and value is not None else text


def band(low: float | None, high: float | None, unit: str, manner: Manner) -> str:
    """From the least to the most, with the unit once; in words where both are the same, which needs no figure."""
    if low is None or high is None:
        return NOTHING
    ends = list(dict.fromkeys([number(low, unit, manner), number(high, unit, manner)]))
    if len(ends) == 1:
        return manner.say["report.exact"]
    word = unit_word(unit, manner)
    return f"{'…'.join(ends)}{SPACE}{word}" if word else "…".join(ends)


def moment(at: datetime | date, form: str, manner: Manner) -> str:
    """A time of the plant, or a day, which has no zone."""
    local = at.astimezone(manner.zone) if isinstance(at, datetime) else at
    return local.strftime(_TIMES[manner.language][form])


def cell(value: Any, shown: Field, manner: Manner) -> Cell:
    """A value as its field says."""
    if value is None or value == "":
        return Cell(NOTHING)
    if shown.words is not None:
        return Cell(shown.words.get(str(value), str(value)), str(value), colour=shown.colours.get(str(value)))
    if shown.number:
        return Cell(number(value, shown.unit, manner), value, _FORMS[shown.unit])
    if shown.unit in _TIME_FORMS["en"]:
        local = value.astimezone(manner.zone).replace(tzinfo=None) if isinstance(value, datetime) else value
        naive = local if isinstance(local, datetime) else datetime.combine(local, datetime.min.time())
        return Cell(moment(value, shown.unit, manner), naive, _TIME_FORMS[manner.language][shown.unit])
    return Cell(str(value), str(value))


def heads(fields: Sequence[Field], manner: Manner) -> list[Head]:
    """Headings of the catalogue with their units."""
    return [
        Head(
            manner.say[f"column.{shown.heading or shown.column}"],
            unit_word(shown.unit, manner),
            shown.number,
            shown.weight,
        )
        for shown in fields
    ]


def lines(rows: Sequence[Record], fields: Sequence[Field], manner: Manner) -> list[list[Cell]]:
    """Cells of records."""
    return [[cell(row.get(shown.column), shown, manner) for shown in fields] for row in rows]
