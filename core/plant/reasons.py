"""Reasons that people give for stops: a catalogue of short codes, each with a class and its words in two languages.

Invariant: a reason explains time, it never moves it from one time class to another. The one exception is the class
`repair`, which only makes a figure worse: maintenance under such a reason is an unplanned stop (state rule 2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from core.plant.reader import Reader, hint, shown


class ReasonClass(StrEnum):
    """What a reason stands for. Words are stored: never rename, only append."""

    REPAIR = "repair"
    SETUP = "setup"
    PLANNED = "planned"
    NO_ORDER = "no_order"
    MATERIAL = "material"
    STAFF = "staff"
    TOOL = "tool"
    QUALITY = "quality"
    UTILITY = "utility"
    OTHER = "other"


@dataclass(frozen=True)
class Reason:
    """One line of the catalogue; `code` is what a person types."""

    code: str
    kind: ReasonClass
    en: str
    ru: str


USUAL = (
    Reason("repair", ReasonClass.REPAIR, "Repair", "Ремонт"),
    Reason("setup", ReasonClass.SETUP, "Setup for another part", "Переналадка"),
    Reason("first_part", ReasonClass.SETUP, "Waiting for the first part's approval", "Контроль первой детали"),
    Reason("planned_service", ReasonClass.PLANNED, "Planned maintenance", "Плановое обслуживание"),
    Reason("cleaning", ReasonClass.PLANNED, "Cleaning", "Уборка"),
    Reason("meeting", ReasonClass.PLANNED, "Meeting, training", "Собрание, обучение"),
    Reason("no_order", ReasonClass.NO_ORDER, "No order", "Нет задания"),
    Reason("no_material", ReasonClass.MATERIAL, "No blanks or material", "Нет заготовок или материала"),
    Reason("no_operator", ReasonClass.STAFF, "No operator", "Нет оператора"),
    Reason("no_program", ReasonClass.STAFF, "No NC program or drawing", "Нет программы или чертежа"),
    Reason("tool", ReasonClass.TOOL, "Tool worn, broken or missing", "Инструмент: износ, поломка, отсутствие"),
    Reason("measuring", ReasonClass.QUALITY, "Measuring, correcting", "Измерение, коррекция"),
    Reason("no_power", ReasonClass.UTILITY, "No power, air or coolant", "Нет энергии, воздуха или СОЖ"),
    Reason("other", ReasonClass.OTHER, "Other, see the note", "Прочее, см. примечание"),
)
"""The catalogue of a plant file without [[reason]]: short, because long lists are answered with their first line."""

_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def read_reasons(file: Reader) -> tuple[Reason, ...]:
    """The catalogue of a plant file, `USUAL` if it has none; what is wrong goes to the reader's complaints."""
    return tuple(map(_reason, file.tables("reason", required=False))) or USUAL


def _reason(table: Reader) -> Reason:
    code = table.text("name")
    if code and not _CODE.fullmatch(code):
        table.complain("name", f"must be 1 to 40 of a-z, 0-9, _ and -, so that it can be typed, not {shown(code)}")
    word, words = table.text("class"), [str(member) for member in ReasonClass]
    if word and word not in words:
        table.complain("class", f"must be one of {', '.join(map(shown, words))}, not {shown(word)}{hint(word, words)}")
    en, ru = table.text("en"), table.text("ru")
    table.close()
    return Reason(code, ReasonClass(word) if word in words else ReasonClass.OTHER, en, ru)


def reason_named(reasons: tuple[Reason, ...], code: str) -> Reason | None:
    """The reason of that code, None if there is none.

    >>> reason_named(USUAL, "repair").kind
    <ReasonClass.REPAIR: 'repair'>
    """
    return next((reason for reason in reasons if reason.code == code), None)
