"""The commands of people who know what machines cannot tell: `stanok reason …` and `stanok scrap …`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # as in stanok.cli
    from stanok.operator import Done, Operator
    from stanok.settings import Settings

reason = typer.Typer(help="Reasons for stops: tell, list, correct, take back.", no_args_is_help=True)
scrap = typer.Typer(help="Scrap parts that only people know of.", no_args_is_help=True)

PlantArgument = Annotated[Path, typer.Argument(metavar="PLANT.toml", help="the plant file")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="of the entry, or its first digits")]
MachineOption = Annotated[str, typer.Option("--machine", metavar="SITE/MACHINE", help="as in the plant file")]
AuthorOption = Annotated[str, typer.Option("--author", metavar="NAME", help="who tells it")]
NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", help="in own words")]
DataOption = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="where spools and databases lie")]
SettingsOption = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE", help="settings of this installation")
]
DatabaseOption = Annotated[str | None, typer.Option("--database", metavar="DSN", help="a PostgreSQL to use")]


def settings_of(settings: Path | None, data: Path | None, database: str | None = None) -> Settings:
    """The settings of this installation, with what the command line says."""
    from stanok.settings import load_settings

    return load_settings(settings, {"data.directory": data, "database.dsn": database}, os.environ)


def operator_of(plant: Path, settings: Settings) -> Operator:
    """Who takes what is told of a plant into this installation, at its present time."""
    from core.units import DAY_US
    from stanok.clock import RealClock, ScenarioClock
    from stanok.operator import Operator
    from stanok.plantfile import load_plant

    directory = settings.data_directory()
    path = directory / "clock.json"
    clock = ScenarioClock(path) if path.exists() else RealClock()
    now_us = clock.now_us()
    kept_us = now_us // DAY_US * DAY_US - settings.keep.past_days * DAY_US  # as `stanok maintain` removes
    return Operator(load_plant(plant), directory, now_us, kept_us)


def _say(done: Done) -> None:
    entry, what = done.entry, "entered"
    if entry.takes_back:
        what = f"took back {entry.takes_back}"
    elif not done.new:
        what = "was entered before, nothing is changed"
    print(f"{entry.id}: {what} ({entry.machine}, {entry.author})")


@reason.command("add")
def reason_add(
    plant: PlantArgument,
    machine: MachineOption,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="start, included: 2026-03-02T06:00 at the site")],
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="end, excluded")],
    code: Annotated[str, typer.Option("--reason", metavar="CODE", help="see `stanok reason codes`")],
    author: AuthorOption,
    note: NoteOption = "",
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """Why a machine stood. The same words twice are one entry.

    Example: stanok reason add plant.toml --machine minsk/lathe-1 --from 2026-03-02T06:00 --to 2026-03-02T06:40
    --reason tool --author "Anna P."
    """
    _say(operator_of(plant, settings_of(settings, data)).add_reason(machine, since, until, code, author, note))


@reason.command("correct")
def reason_correct(
    plant: PlantArgument,
    entry: IdArgument,
    author: AuthorOption,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="another start")] = "",
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="another end")] = "",
    code: Annotated[str, typer.Option("--reason", metavar="CODE", help="another reason")] = "",
    note: NoteOption = "",
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """Take a reason back and tell it anew, at once; the old one stays readable.

    Example: stanok reason correct plant.toml 3f2a --reason repair --author "Anna P."
    """
    from stanok.operator import Correction

    wanted = Correction(since, until, code, note)
    _say(operator_of(plant, settings_of(settings, data)).correct(entry, author, wanted))


@reason.command("remove")
@scrap.command("remove")
def remove(
    plant: PlantArgument,
    entry: IdArgument,
    author: AuthorOption,
    note: NoteOption = "",
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """Take an entry back: it holds no more and stays readable, with who took it back.

    Example: stanok reason remove plant.toml 3f2a --author "Anna P." --note "another machine"
    """
    _say(operator_of(plant, settings_of(settings, data)).take_back(entry, author, note))


@reason.command("list")
@scrap.command("list")
def history(
    plant: PlantArgument,
    machine: Annotated[str, typer.Option("--machine", metavar="SITE/MACHINE", help="only of this one")] = "",
    everything: Annotated[bool, typer.Option("--all", help="with what was taken back")] = False,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """What was told here, oldest first: reasons and scrap.

    Example: stanok reason list plant.toml --machine minsk/lathe-1 --all
    """
    from stanok.operator import lines

    for line in lines(operator_of(plant, settings_of(settings, data)), machine, everything):
        print(line)


@reason.command("codes")
def codes(plant: PlantArgument) -> None:
    """The catalogue of reasons: code, class, words.

    Example: stanok reason codes plant.toml
    """
    from stanok.plantfile import load_plant

    for known in load_plant(plant).reasons:
        print(f"{known.code:20} {known.kind:10} {known.en} · {known.ru}")


@scrap.command("add")
def scrap_add(
    plant: PlantArgument,
    machine: MachineOption,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="when they were made: 2026-03-02T06:00 at the site")],
    parts: Annotated[int, typer.Option("--parts", metavar="N", help="how many")],
    author: AuthorOption,
    program: Annotated[str, typer.Option("--program", help="if it was not the one selected then")] = "",
    note: NoteOption = "",
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
) -> None:
    """Parts that were counted as good and are not; never more than the machine made in that shift up to then.

    Example: stanok scrap add plant.toml --machine minsk/lathe-1 --at 2026-03-02T06:40 --parts 2 --author "Anna P."
    """
    from stanok.database import address
    from stanok.operator import known_from

    found = settings_of(settings, data, database)
    operator = operator_of(plant, found)
    with address(found) as dsn:
        _say(operator.add_scrap(machine, at, parts, program, author, note, known_from(dsn, operator.plant)))
