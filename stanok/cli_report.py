"""`stanok report`: what the boards show, as files to print."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from core.errors import InputError
from stanok.cli_operator import DatabaseOption, DataOption, SettingsOption, settings_of

if TYPE_CHECKING:  # as in stanok.cli
    from collections.abc import Sequence

    from stanok.report import Printed

report = typer.Typer(help="Printed results.", no_args_is_help=True)

OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="where to; default: its number, in this directory")
]
FormatOption = Annotated[
    Literal["pdf", "xlsx", "html"] | None, typer.Option("--format", help="default: as FILE ends, otherwise pdf")
]
LangOption = Annotated[Literal["en", "ru"], typer.Option("--lang", help="language")]
SiteOption = Annotated[str, typer.Option("--site", metavar="SITE", help="plant; needed where there are several")]
IdOption = Annotated[str, typer.Option("--id", metavar="NUMBER", help="print a report again: the same figures")]
BothOption = Annotated[bool, typer.Option("--both", help="with --id: also as its facts are now, if they were revised")]


@report.callback()
def _group() -> None:
    """Printed results."""


@report.command("shift")
def report_shift(
    site: SiteOption = "",
    day: Annotated[
        str, typer.Option("--day", metavar="YYYY-MM-DD", help="production day; default: the last ended")
    ] = "",
    shift: Annotated[str, typer.Option("--shift", metavar="NAME", help="name of the shift")] = "",
    machine: Annotated[str, typer.Option("--machine", metavar="SITE/MACHINE", help="only this one")] = "",
    number: IdOption = "",
    both: BothOption = False,
    out: OutOption = None,
    form: FormatOption = None,
    lang: LangOption = "en",
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """A shift: the hall on a page, then each machine with bounds, losses, stops and the same shift of earlier weeks.

    Example: stanok report shift --site minsk --day 2026-03-23 --shift 1 --lang ru --out shift.pdf
    """
    from stanok.ministry import now
    from stanok.report import printed_again, shift_report

    with _database(settings, data, database) as dsn:
        if number:
            _write(printed_again(dsn, "shift", number, lang, now(), both=both), out, form)
            return
        wish = {"site": site, "day": day, "shift": shift, "machine": machine}
        _write([shift_report(dsn, wish, lang, now())], out, form)


@report.command("plant")
def report_plant(
    site: SiteOption = "",
    until: Annotated[
        str,
        typer.Option("--until", metavar="YYYY-MM-DD", help="a day of the last week; default: of the last whole one"),
    ] = "",
    weeks: Annotated[int, typer.Option("--weeks", help="how many whole weeks", min=1, max=53)] = 4,
    number: IdOption = "",
    both: BothOption = False,
    out: OutOption = None,
    form: FormatOption = None,
    lang: LangOption = "en",
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """A plant over whole weeks: indicators with their declared base, orders or running, the idle list, all tables.

    Example: stanok report plant --site minsk --weeks 4 --lang ru --out plant.pdf
    """
    from stanok.ministry import now
    from stanok.report import plant_report, printed_again

    with _database(settings, data, database) as dsn:
        if number:
            _write(printed_again(dsn, "plant", number, lang, now(), both=both), out, form)
            return
        _write([plant_report(dsn, {"site": site, "until": until, "weeks": str(weeks)}, lang, now())], out, form)


@report.command("programme")
def report_programme(
    number: IdOption = "",
    both: BothOption = False,
    out: OutOption = None,
    form: FormatOption = None,
    lang: LangOption = "en",
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """Modernization programmes: a page for a minister, then the tables of the board with their definitions.

    Example: stanok report programme --lang ru --out programmes.html --settings settings.toml
    """
    from stanok.ministry import now
    from stanok.report import printed_again, programme_report

    with _database(settings, data, database) as dsn:
        if number:
            _write(printed_again(dsn, "programme", number, lang, now(), both=both), out, form)
            return
        _write([programme_report(dsn, lang, now())], out, form)


@report.command("list")
def report_list(database: DatabaseOption = None, data: DataOption = None, settings: SettingsOption = None) -> None:
    """The reports that are kept and can be printed again by their number.

    Example: stanok report list --settings settings.toml
    """
    from stanok.report import list_reports

    with _database(settings, data, database) as dsn:
        for line in list_reports(dsn):
            print(line)


def _database(settings: Path | None, data: Path | None, database: str | None) -> AbstractContextManager[str]:
    from stanok.database import address

    return address(settings_of(settings, data, database))


def _write(printed: Sequence[Printed], out: Path | None, form: str | None) -> None:
    """The first into `out`, a second beside it under its own number."""
    from stanok.report import FORMATS, write

    kind = form or (out.suffix.removeprefix(".").lower() if out else "pdf")
    if kind not in FORMATS:
        raise InputError(f"--out: {out} does not end in .pdf, .xlsx or .html; name the format with --format")
    for place, one in enumerate(printed):
        number = one.page.number
        path = Path(f"{number}.{kind}") if out is None else out.with_stem(f"{out.stem}-{number}") if place else out
        write(path, kind, one.page)
        print(f"{path}: {number}")
        if one.said:
            typer.echo(f"stanok: {one.said}", err=True)
