"""`stanok programme`: commands around the registry of modernization and the evaluation of programmes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from core.errors import InputError
from core.programme.registry import Outcome
from stanok.cli_operator import DatabaseOption, DataOption, SettingsOption, settings_of

programme = typer.Typer(
    help="Modernization programmes: what was registered, and whether it worked.", no_args_is_help=True
)


@programme.command("check")
def programme_check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="TOML files, and CSV files such as asset.csv")],
) -> None:
    """Everything wrong with the files of a registry, by file and line, at once.

    Example: stanok programme check registry.toml asset.csv
    """
    from stanok.programme import counts, read_registry

    print(counts(read_registry(files)))


@programme.command("load")
def programme_load(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="all files of the registry, as for check")],
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """Make these files the registry of a database, or say everything that is wrong with them. Earlier ones are kept.

    Example: stanok programme load registry.toml asset.csv --settings settings.toml
    """
    from stanok.database import address
    from stanok.programme import keep

    with address(settings_of(settings, data, database)) as dsn:
        print(keep(dsn, files))


@programme.command("bundle")
def programme_bundle(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="where to, such as a USB stick")],
    site: Annotated[str | None, typer.Option("--site", metavar="PLANT", help="which, if there are several")] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="private key; made where it is not")] = None,
    pseudonyms: Annotated[bool, typer.Option("--pseudonyms", help="other names for machines and parts")] = False,
    number: Annotated[int | None, typer.Option("--number", help="write a bundle that was made before")] = None,
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """Sign what is new or revised of a plant's closed days into a file for the ministry. Samples stay in the plant.

    Example: stanok programme bundle /media/stick --site minsk --settings settings.toml
    """
    from stanok.bundles import KEY_FILE, Wish, write
    from stanok.database import address

    found = settings_of(settings, data, database)
    wish = Wish(site, key or found.data_directory() / KEY_FILE, pseudonyms, number)
    with address(found) as dsn:
        print("\n".join(write(dsn, directory, wish)))


@programme.command("verify")
def programme_verify(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="bundles, or directories with bundles")],
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="who must have signed: digits or file")
    ] = None,
) -> None:
    """Whether bundles are as they were signed and follow each other; needs no database.

    Example: stanok programme verify /media/stick --key minsk.pub
    """
    from stanok.bundles import verify

    honest, lines = verify(files, key)
    print("\n".join(lines) or "there are no bundles")
    if not honest:
        raise typer.Exit(1)


@programme.command("evaluate")
def programme_evaluate(
    name: Annotated[str, typer.Option("--programme", help="which programme")],
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE...]", help="the registry, as for check; else the database")
    ] = None,
    weeks: Annotated[Path | None, typer.Option("--weeks", metavar="WEEKS.csv", help="weekly sums of cells")] = None,
    outcome: Annotated[
        Outcome | None, typer.Option("--outcome", help="what is judged", show_default="output; of a database all")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="of the draws; the same seed gives the same answer")] = 1,
    lang: Annotated[Literal["en", "ru"], typer.Option("--lang", help="language of the verdict")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable output")] = False,
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """Whether a programme changed an outcome, and how surely, in words that say no more than the evidence.

    From files, or from the registry and the bundles in a database, where the answer is kept for the boards.

    Example: stanok programme evaluate registry.toml --programme machine-tools-2027 --weeks weeks.csv --lang ru

    Example: stanok programme evaluate --programme machine-tools-2027 --settings settings.toml
    """
    from stanok.database import address
    from stanok.evaluation import judge_reported, say
    from stanok.programme import judge, show

    if bool(files) != (weeks is not None):
        raise InputError("files of the registry and --weeks go together; without both the database is asked")
    if files and weeks:
        print(show(judge(files, weeks, name, outcome or Outcome.OUTPUT, seed), lang, as_json))
        return
    with address(settings_of(settings, data, database)) as dsn:
        print(say(judge_reported(dsn, name, outcome, seed), lang, as_json))
