"""`stanok programme`: commands around the registry of modernization and the evaluation of programmes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from core.programme.registry import Outcome

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


@programme.command("evaluate")
def programme_evaluate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="the registry, as for check")],
    name: Annotated[str, typer.Option("--programme", help="which programme")],
    weeks: Annotated[Path, typer.Option("--weeks", metavar="WEEKS.csv", help="weekly sums of cells")],
    outcome: Annotated[Outcome, typer.Option("--outcome", help="what is judged")] = Outcome.OUTPUT,
    seed: Annotated[int, typer.Option("--seed", help="of the draws; the same seed gives the same answer")] = 1,
    lang: Annotated[Literal["en", "ru"], typer.Option("--lang", help="language of the verdict")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable output")] = False,
) -> None:
    """Whether a programme changed an outcome, and how surely, in words that say no more than the evidence.

    Example: stanok programme evaluate registry.toml --programme machine-tools-2027 --weeks weeks.csv --lang ru
    """
    from stanok.programme import judge, show

    print(show(judge(files, weeks, name, outcome, seed), lang, as_json))
