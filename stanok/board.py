"""The live board of the terminal: what `board.machine_live` says, drawn with rich."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from core.plant.model import Plant

Row = Mapping[str, Any]

_BAR = 10
"""Characters of the OEE bar: ten per cent each."""


@dataclass(frozen=True)
class Header:
    """What stands above the table."""

    title: str
    now: datetime | None
    note: str


def drawn(rows: Sequence[Row], header: Header, plant: Plant) -> RenderableType:
    """The whole board; times are local to each machine's site."""
    zones = {site.name: ZoneInfo(site.zone) for site in plant.sites}
    table = Table(expand=False, header_style="bold", border_style="grey50")
    for name, justify in _COLUMNS:
        table.add_column(name, justify=justify, no_wrap=True)
    last = None
    for row in rows:
        if last is not None and row["site"] != last:
            table.add_section()
        last = row["site"]
        table.add_row(*_cells(row, zones[row["site"]]))
    clock = "" if header.now is None else f"  {header.now:%Y-%m-%d %H:%M:%S} UTC"
    return Group(Text.assemble((header.title, "bold"), (clock, "cyan")), table, Text(header.note, "grey62"))


_COLUMNS: tuple[tuple[str, Any], ...] = (
    ("Machine", "left"),
    ("State", "left"),
    ("Since", "right"),
    ("Program", "left"),
    ("Parts", "right"),
    ("OEE of the shift", "left"),
    ("Band", "right"),
    ("Spindle", "right"),
    ("Lag", "right"),
)


def _cells(row: Row, zone: ZoneInfo) -> tuple[RenderableType, ...]:
    state = Text(f"● {row['state'].replace('_', ' ')}", row["state_colour"])
    cause = row["cause"]
    if cause != "none":
        state.append(f" {cause.replace('_', ' ')}", "grey62")
    return (
        row["machine"],
        state,
        f"{row['since'].astimezone(zone):%H:%M:%S}",
        row["program"] or "–",
        "–" if row["parts_total"] is None else f"{row['parts_good']}/{row['parts_total']}",
        _oee(row),
        _band(row),
        _percent(row["spindle_utilization"]),
        f"{row['lag_s']:.0f} s",
    )


def _oee(row: Row) -> Text:
    value = row["oee"]
    if value is None:
        return Text(row["reason"] or "–", "grey62")
    filled = min(_BAR, round(float(value) * _BAR))
    return Text.assemble(("█" * filled, "green"), ("░" * (_BAR - filled), "grey39"), f" {_percent(value)}")


def _band(row: Row) -> str:
    if row["oee_low"] is None or row["oee_high"] is None:
        return "–"
    return f"{100 * float(row['oee_low']):.1f}–{100 * float(row['oee_high']):.1f} %"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * float(value):.1f} %"
