"""`stanok ministry`: the installation of whoever reads the bundles of many plants."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stanok.cli_operator import DatabaseOption, DataOption, SettingsOption, settings_of

ministry = typer.Typer(help="The ministry's own installation: keys, bundles, boards.", no_args_is_help=True)

PlantName = Annotated[str, typer.Argument(metavar="PLANT", help="name of the site")]
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="64 hexadecimal digits, or the file PLANT.pub")]


@ministry.command("init")
def ministry_init(
    login: Annotated[
        str | None, typer.Option("--login", metavar="NAME", help="make a login that reads the boards")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="file whose first line is its password")
    ] = None,
    boards: Annotated[
        Path | None, typer.Option("--boards", metavar="DIR", help="write the ministry's boards as Grafana JSON")
    ] = None,
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """Set up the ministry's database: schema, roles, a login for its readers, boards. May be repeated.

    Example: stanok ministry init --login anna --password-file anna.password --boards boards --settings settings.toml
    """
    from stanok.ministry import init

    for line in init(settings_of(settings, data, database), login, password_file, boards):
        print(line)


@ministry.command("trust")
def ministry_trust(
    plant: PlantName,
    key: KeyArgument,
    revoke: Annotated[bool, typer.Option("--revoke", help="it signs for the plant no more")] = False,
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """Say whose key that is. Compare it with the plant by another way first: on the telephone, on paper.

    Example: stanok ministry trust minsk minsk.pub --settings settings.toml
    """
    from stanok.bundles import trust_key
    from stanok.database import address
    from stanok.ministry import now

    with address(settings_of(settings, data, database)) as dsn:
        print(trust_key(dsn, plant, key, now(), end=revoke))


@ministry.command("load")
def ministry_load(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="bundles, or directories with bundles")],
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """Take bundles in. What was changed, is not signed by a trusted key or does not follow is refused by name.

    Example: stanok ministry load /media/stick --settings settings.toml
    """
    from stanok.bundles import take
    from stanok.database import address
    from stanok.ministry import now

    with address(settings_of(settings, data, database)) as dsn:
        fine, lines = take(dsn, files, now())
    print("\n".join(lines) or "there are no bundles")
    if not fine:
        raise typer.Exit(1)
