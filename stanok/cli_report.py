"""`stanok report`: what the boards show, as files to print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from stanok.cli_operator import DatabaseOption, DataOption, SettingsOption, settings_of

report = typer.Typer(help="Printed results.", no_args_is_help=True)


@report.callback()
def _group() -> None:
    """Printed results."""


@report.command("programme")
def report_programme(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="where to")] = Path("programmes.html"),
    form: Annotated[Literal["html"], typer.Option("--format", help="HTML that prints on A4")] = "html",
    lang: Annotated[Literal["en", "ru"], typer.Option("--lang", help="language")] = "en",
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """Modernization programmes: a page for a minister, then the tables of the board with their definitions.

    Example: stanok report programme --lang ru --out programmes.html --settings settings.toml
    """
    from stanok.database import address
    from stanok.ministry import now
    from stanok.report import programme_page, write

    with address(settings_of(settings, data, database)) as dsn:
        write(out, programme_page(dsn, lang, now()))
    print(f"{out}: {form}")
