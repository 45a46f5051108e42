"""`stanok bench`: benchmarks that play simulated plants; the others stand in cli.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stanok.cli_words import seconds_of

bench = typer.Typer(help="Benchmarks: each figure beside what it is compared with.", no_args_is_help=True)

DatabaseOption = Annotated[str | None, typer.Option("--database", metavar="DSN", help="a PostgreSQL to use")]
JsonOption = Annotated[bool, typer.Option("--json", help="machine-readable output")]


@bench.command("accuracy")
def bench_accuracy(
    as_json: JsonOption = False,
    database: DatabaseOption = None,
    scenario: Annotated[str, typer.Option(help="zones, national, or a scenario file")] = "zones",
    hours: Annotated[int, typer.Option(help="of scenario time a set of faults", min=1)] = 14,
    seed: Annotated[int, typer.Option(help="of the first set; each further one adds 1")] = 1,
    faults: Annotated[list[str] | None, typer.Option(help="only this set of faults, with just this seed")] = None,
    machine: Annotated[list[str] | None, typer.Option(help="only this machine of the scenario")] = None,
    docs: Annotated[Path | None, typer.Option(metavar="DIR", help="write the table into DIR/en and DIR/ru too")] = None,
    direct: Annotated[bool, typer.Option(help="quicker: without servers, broker, spool file and processes")] = False,
    jobs: Annotated[int, typer.Option(help="so many sets at a time", min=1, max=16)] = 2,
) -> None:
    """Measured figures against the truth of simulated plants, by sets of faults: 210 machine-days over real servers.

    Example: stanok bench accuracy --json

    Example: stanok bench accuracy --faults losses --seed 5 --machine minsk/mill-1
    """
    from stanok.bench.accuracy import measure
    from stanok.bench.accuracy_sets import SETS
    from stanok.bench.accuracy_table import kept
    from stanok.bench.report import report

    sets = faults or list(SETS)
    found = measure(scenario, hours, seed, sets, database, machine or (), direct=direct, jobs=min(jobs, len(sets)))
    report(kept(found, docs), as_json)


@bench.command("plant")
def bench_plant(
    as_json: JsonOption = False,
    database: DatabaseOption = None,
    broker: Annotated[str | None, typer.Option(metavar="mqtt://HOST:PORT", help="an MQTT broker to use")] = None,
    machines: Annotated[int, typer.Option(help="how many", min=1)] = 500,
    opcua: Annotated[int, typer.Option(help="so many of them over OPC UA, the others over MQTT", min=0)] = 50,
    length: Annotated[str, typer.Option("--for", help="measured time, for example 90s, 5m")] = "2m",
) -> None:
    """A whole plant in real time on this computer, simulators and servers too: what it reached, and what limits it.

    Example: stanok bench plant --machines 500 --for 2m --json
    """
    from stanok.bench.plant import measure
    from stanok.bench.report import report

    report(measure(broker, database, machines=machines, opcua=opcua, seconds=seconds_of(length, "--for")), as_json)


@bench.command("programme")
def bench_programme(as_json: JsonOption = False) -> None:
    """Whether intervals of programme effects hold the truth, on simulated programmes, beside two-way fixed effects.

    Example: stanok bench programme --json
    """
    from stanok.bench.programme import measure
    from stanok.bench.report import report

    report(measure(), as_json)
