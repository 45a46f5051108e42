"""`stanok knob`: what one does to simulated machines while they run, from another terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from simulators.interventions import Intervention, Kind
from stanok.cli_words import seconds_of

knob = typer.Typer(
    help="Simulated machines, while they run: break one, cut its line, start a rush order.", no_args_is_help=True
)

MachineArgument = Annotated[str, typer.Argument(metavar="SITE/MACHINE", help="as in the plant file")]
ForOption = Annotated[str, typer.Option("--for", help="scenario time, for example 90s, 5m, 1h")]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="of the simulators or the demonstration", show_default=False),
]


@knob.command("break")
def knob_break(machine: MachineArgument, length: ForOption = "10m", data: DataOption = None) -> None:
    """The machine breaks down now, whatever it does.

    Example: stanok knob break minsk/lathe-1 --for 10m
    """
    _turn(Intervention(Kind.BREAK, machine, for_us=_us(length)), data)


@knob.command("cut")
def knob_cut(machine: MachineArgument, length: ForOption = "5m", data: DataOption = None) -> None:
    """The machine's line is cut now; it goes on working, and nobody hears of it.

    Example: stanok knob cut ural/lathe-3 --for 5m
    """
    _turn(Intervention(Kind.CUT, machine, for_us=_us(length)), data)


@knob.command("rush")
def knob_rush(
    machine: MachineArgument,
    parts: Annotated[int, typer.Option(help="how many parts")] = 10,
    program: Annotated[str, typer.Option(help="another one than now, if not given", show_default=False)] = "",
    data: DataOption = None,
) -> None:
    """An order that may not wait: set up for it after the present part, make it, set up again for the order before.

    Example: stanok knob rush minsk/lathe-2 --parts 10 --program SHAFT-40
    """
    _turn(Intervention(Kind.RUSH, machine, program=program, parts=parts), data)


def _us(length: str) -> int:
    return round(seconds_of(length, "--for") * 1e6)


def _turn(wanted: Intervention, data: Path | None) -> None:
    from stanok.knobs import ask, told
    from stanok.settings import load_settings

    settings = load_settings(None, {"data.directory": data}, os.environ)
    print(told(ask(data or settings.data_directory() / "demo", wanted)))
