"""The live board of the terminal: what `board.machine_live` says, drawn with rich."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from core.plant.model import Plant

Row = Mapping[str, Any]

_BAR = 8
"""Characters of the OEE bar; the figure stands beside it."""


@dataclass(frozen=True)
class Header:
    """What stands above the table."""

    title: str
    now: datetime
    note: str


def drawn(rows: Sequence[Row], header: Header, plant: Plant) -> RenderableType:
    """The whole board; times are local to each machine's site."""
    zones = {site.name: ZoneInfo(site.zone) for site in plant.sites}
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", border_style="grey50", padding=0)
    for name, justify, width in _COLUMNS:
        table.add_column(name, justify=justify, no_wrap=True, min_width=width)
    last = None
    for row in rows:
        if last is not None and row["site"] != last:
            table.add_section()
        last = row["site"]
        table.add_row(*_cells(row, zones[row["site"]]))
    clocks = [f"{site.title} {header.now.astimezone(zones[site.name]):%H:%M:%S}" for site in plant.sites]
    clock = f"  {header.now:%Y-%m-%d}  {'  '.join(clocks)}"
    return Group(Text.assemble((header.title, "bold"), (clock, "cyan")), table, Text(header.note, "grey62"))


_COLUMNS: tuple[tuple[str, Any, int], ...] = (
    ("Machine", "left", 14),
    ("State", "left", 18),
    ("Since", "right", 5),
    ("Program", "left", 9),
    ("Parts", "right", 8),
    ("Shift's OEE", "left", 14),
    ("Band", "right", 9),
    ("Spindle", "right", 7),
    ("Lag", "right", 4),
)
"""Name, side and least width: what must not be cut fits into 100 characters."""


def _cells(row: Row, zone: ZoneInfo) -> tuple[RenderableType, ...]:
    state = Text(f"● {row['state'].replace('_', ' ')}", row["state_colour"])
    cause = row["cause"]
    if cause != "none":
        state.append(f" {cause.replace('_', ' ')}", "grey62")
    return (
        row["machine"],
        state,
        f"{row['since'].astimezone(zone):%H:%M}",
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
    low, high = (f"{100 * float(row[name]):.1f}" for name in ("oee_low", "oee_high"))
    return low if low == high else f"{low}–{high}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * float(value):.1f}%"
