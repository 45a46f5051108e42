"""What a person sees of `stanok demo`: the live board, and the comparison with the truth at the end."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from core.units import datetime_from_us
from stanok.board import Header, drawn
from stanok.demo import Demo, Options
from stanok.processes import stop_on_signals


def show(options: Options, as_json: bool) -> None:
    """Run the demonstration in this terminal; with `as_json` the last line of standard output is the comparison."""
    stop = stop_on_signals()
    console = Console(stderr=as_json)  # standard output is for the JSON line alone
    demo = Demo(options)
    title = f"Stanok demonstration · {len(demo.plant.sites)} plants, {len(demo.plant.machines)} machines"
    title += "" if options.speed == 1 else f" · {options.speed:g}×"
    with Live(console=console, auto_refresh=False, transient=not console.is_terminal) as screen:
        last = ""
        for progress in demo.play(stop):
            note = progress.note if demo.boards_url is None else f"{progress.note} · boards: {demo.boards_url}"
            header = Header(title, datetime_from_us(progress.now_us), note)
            if console.is_terminal:
                screen.update(drawn(progress.rows, header, demo.plant), refresh=True)
            elif note != last:
                last = note
                print(f"stanok demo: {last}", file=sys.stderr, flush=True)
    if demo.result:
        console.print(comparison(demo.result))
    elif demo.first_oee_s is not None:
        console.print("Too short for a comparison: the live window did not reach a full minute.")
    console.print(f"Data: {demo.directory} (a second start goes on from here)", style="grey62", highlight=False)
    if as_json:
        print(json.dumps({"first_oee_s": _rounded(demo.first_oee_s), "machines": demo.result}, ensure_ascii=False))


def comparison(result: list[dict[str, Any]]) -> Table:
    """Measured against true, a row a machine."""
    title = "Measured against true, from the start of live data"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name in ("Machine", "OEE", "true", "Parts", "true", "Stored", "sent", "Gaps"):
        table.add_column(name, justify="left" if name == "Machine" else "right", no_wrap=True)
    for found in result:
        table.add_row(
            found["name"],
            *(_percent(found["oee"][side]) for side in _SIDES),
            *(str(found["parts"][side]) for side in _SIDES),
            *(str(found[name]) for name in ("stored", "sent", "gaps")),
        )
    return table


_SIDES = ("measured", "true")


def _percent(ratio: float | None) -> str:
    return "–" if ratio is None else f"{100 * ratio:.2f}%"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
