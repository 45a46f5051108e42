"""The command `stanok`: arguments and exit codes, one short function a command.

Exit codes: 0 fine, 1 something failed, 2 wrong use (a file or an argument).

Over 600 lines: nearly all are the words of --help; groups of commands stand in files of their own (`cli_*`).
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import Complaints, InputError, StanokError
from stanok import cli_bench, cli_knob, cli_ministry, cli_operator, cli_programme, cli_report
from stanok.cli_words import seconds_of
from stanok.compiled import keep_compiled_code
from stanok.processes import endings

if TYPE_CHECKING:  # commands import what they need themselves, so that --help and small commands are quick
    from stanok.clock import RealClock, ScenarioClock
    from stanok.settings import Settings

app = typer.Typer(
    name="stanok",
    help="Machine-tool telemetry and OEE: right to the microsecond, honest about missing data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
boards = typer.Typer(help="Grafana boards as code.", no_args_is_help=True)
bench = cli_bench.bench
app.add_typer(boards, name="boards")
app.add_typer(bench, name="bench")
app.add_typer(cli_operator.reason, name="reason")
app.add_typer(cli_operator.scrap, name="scrap")
app.add_typer(cli_programme.programme, name="programme")
app.add_typer(cli_knob.knob, name="knob")
app.add_typer(cli_ministry.ministry, name="ministry")
app.add_typer(cli_report.report, name="report")

PlantArgument = Annotated[Path, typer.Argument(metavar="PLANT.toml", help="the plant file")]
DataOption = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="where spools and databases lie")]
DatabaseOption = Annotated[str | None, typer.Option("--database", metavar="DSN", help="a PostgreSQL to use")]
BrokerOption = Annotated[str | None, typer.Option("--broker", metavar="mqtt://HOST:PORT", help="an MQTT broker to use")]
SettingsOption = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE", help="settings of this installation")
]
JsonOption = Annotated[bool, typer.Option("--json", help="machine-readable output")]


def main() -> None:
    """Entry point: errors become one sentence on standard error and an exit code."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    for noisy in ("asyncua", "amqtt", "transitions"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    keep_compiled_code()
    for number in endings():
        signal.signal(number, _leave)
    try:
        app()
    except Complaints as error:
        for complaint in error.complaints:
            print(f"stanok: {complaint}", file=sys.stderr)
        raise SystemExit(2) from None
    except InputError as error:
        print(f"stanok: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except StanokError as error:
        print(f"stanok: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def _leave(number: int, _: object) -> None:
    """A signal ends a command like an error, so that servers it started are stopped; long runs have their own way."""
    raise SystemExit(128 + number)


def _settings(
    settings: Path | None = None, data: Path | None = None, database: str | None = None, broker: str | None = None
) -> Settings:
    from stanok.settings import load_settings

    given = {"data.directory": data, "database.dsn": database, "broker.url": broker}
    return load_settings(settings, given, os.environ)


def _clock(directory: Path) -> RealClock | ScenarioClock:
    from stanok.clock import RealClock, ScenarioClock

    path = directory / "clock.json"
    return ScenarioClock(path) if path.exists() else RealClock()


@app.command()
def demo(
    seconds: Annotated[str | None, typer.Option("--for", metavar="60s", help="end by itself, e.g. 90s, 5m")] = None,
    speed: Annotated[float, typer.Option(help="scenario seconds per second", min=0.1, max=600)] = 1.0,
    as_json: JsonOption = False,
    data: DataOption = None,
    broker: BrokerOption = None,
    database: DatabaseOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="of the boards in a browser; 0 takes a free one")] = 0,
    no_preview: Annotated[bool, typer.Option("--no-preview", help="no boards in a browser")] = False,
) -> None:
    """Two simulated plants on real protocols, live in this terminal; ends with measured against true figures.

    Example: stanok demo --speed 60
    """
    from stanok.demo import Options
    from stanok.show import show

    settings = _settings(data=data, database=database, broker=broker)
    directory = settings.data.directory or settings.data_directory() / "demo"
    until = None if seconds is None else seconds_of(seconds, "--for")
    show(Options(directory, speed, until, broker, settings.dsn(), None if no_preview else port), as_json)


@app.command()
def run(
    plant: PlantArgument,
    data: DataOption = None,
    database: DatabaseOption = None,
    broker: BrokerOption = None,
    settings: SettingsOption = None,
) -> None:
    """Collector and engine of a plant, supervised; with an embedded database if no other is given.

    Example: stanok run /etc/stanok/plant.toml --data /var/lib/stanok
    """
    from stanok.plantfile import load_plant
    from stanok.supervise import supervise

    found = _settings(settings, data, database, broker)
    load_plant(plant, found.broker.url)
    supervise(plant, found)


@app.command()
def collect(
    plant: PlantArgument,
    data: DataOption = None,
    broker: BrokerOption = None,
    settings: SettingsOption = None,
    record: Annotated[Path | None, typer.Option(metavar="FILE", help="record what is stored, to be replayed")] = None,
) -> None:
    """Only the collector: machines -> spool.

    Example: stanok collect plant.toml --data /var/lib/stanok --record monday.jsonl
    """
    import asyncio

    from stanok.collect import collect as work
    from stanok.health import health
    from stanok.meters import CollectorMeter
    from stanok.plantfile import load_plant
    from stanok.processes import stop_on_signals

    found = _settings(settings, data, None, broker)
    directory, loaded, meter = found.data_directory(), load_plant(plant, found.broker.url), CollectorMeter()
    with health("collector", found.health.collector_port, meter):
        asyncio.run(work(loaded, directory, _clock(directory), stop_on_signals(), record, meter))


@app.command()
def engine(
    plant: PlantArgument,
    data: DataOption = None,
    database: DatabaseOption = None,
    broker: BrokerOption = None,
    settings: SettingsOption = None,
) -> None:
    """Only the engine: spools -> database.

    Example: stanok engine plant.toml --data /var/lib/stanok --database postgresql://…
    """
    from stanok.health import health
    from stanok.measures import measuring
    from stanok.meters import EngineMeter
    from stanok.pipeline import Engine
    from stanok.plantfile import load_plant
    from stanok.processes import stop_on_signals

    found = _settings(settings, data, database, broker)
    dsn = found.dsn()
    if dsn is None:
        raise InputError("no database is given: use --database, a settings file, or `stanok run`")
    directory = found.data_directory()
    stop = stop_on_signals()
    loaded, clock = load_plant(plant, found.broker.url), _clock(directory)
    meter = EngineMeter(loaded, clock)
    work = Engine(loaded, directory, dsn, clock, found.engine, meter)
    try:
        with (
            health("engine", found.health.engine_port, meter),
            measuring(loaded, directory, dsn, clock.scale()),
        ):
            work.run(stop)
    finally:
        work.close()


@app.command()
def simulate(
    scenario: Annotated[
        Path | None, typer.Argument(metavar="SCENARIO.toml", help="how the machines behave", show_default=False)
    ] = None,
    plant: Annotated[Path | None, typer.Option(help="the plant file, if not the one the scenario names")] = None,
    data: DataOption = None,
    broker: BrokerOption = None,
    source: Annotated[list[str] | None, typer.Option(help="play only this source of the plant")] = None,
    replay: Annotated[Path | None, typer.Option(metavar="FILE", help="play this recording instead")] = None,
    convention: Annotated[
        str, typer.Option(help="how a recording is published: mtconnect-entity, json, umh")
    ] = "mtconnect-entity",
    speed: Annotated[float, typer.Option(help="of a recording; 0: as fast as the broker acknowledges")] = 1.0,
    plant_out: Annotated[
        Path | None, typer.Option(metavar="PLANT.toml", help="write a plant file for the recording")
    ] = None,
    make: Annotated[
        str | None, typer.Option(metavar="NAME", help="write this large scenario with its plant file: zones, national")
    ] = None,
) -> None:
    """Simulated machines on real OPC UA servers and MQTT publishers, or a recording played again over MQTT.

    Example: stanok simulate simulators/plants/demo.scenario.toml --broker mqtt://127.0.0.1:1883

    Example: stanok simulate --replay monday.jsonl --plant-out replay.toml --data replay --speed 60

    Example: stanok simulate national.scenario.toml --make national
    """
    import asyncio

    from stanok.processes import stop_on_signals

    settings = _settings(data=data, broker=broker)
    if replay is not None:
        from stanok.replay import Replay
        from stanok.replay import replay as work_replay

        wanted = Replay(replay, convention, speed, settings.broker.url, plant, plant_out, data)
        work_replay(wanted, stop_on_signals())
        return
    if scenario is None:
        raise InputError("give a SCENARIO.toml, or --replay with a recording")
    if make is not None:
        from simulators.made import write

        print(f"stanok: wrote {scenario} and {write(make, scenario)}")
        return
    from simulators.scenario import plant_path, read_scenario
    from stanok.plantfile import load_plant
    from stanok.simulate import simulate as work

    where = plant or plant_path(scenario, read_scenario(scenario))
    directory = settings.data_directory()
    clock = _clock(directory)
    found = load_plant(where, settings.broker.url)
    asyncio.run(work(found, scenario, clock, stop_on_signals(), directory, source or ()))


@app.command()
def check(plant: PlantArgument) -> None:
    """Everything wrong with a plant file, by path, at once.

    Example: stanok check plant.toml
    """
    from stanok.clock import RealClock
    from stanok.plantfile import calendar_notes, load_plant

    found = load_plant(plant)
    for note in calendar_notes(found, RealClock().now_us()):
        print(f"stanok: {note}", file=sys.stderr)
    print(
        f"{plant}: fine. {len(found.sites)} sites, {len(found.machines)} machines, {len(found.sources)} sources, "
        f"{sum(len(machine.signal_names) for machine in found.machines)} signals, {len(found.programs)} part programs."
    )


@app.command()
def migrate(
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    status: Annotated[bool, typer.Option("--status", help="only say what is applied")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be applied")] = False,
) -> None:
    """Bring a database's schema and views up to this version.

    Example: stanok migrate --database postgresql://stanok@127.0.0.1/stanok
    """
    from storage.pg.connect import connect
    from storage.pg.migrate import migrate as apply
    from storage.pg.migrate import status as standing

    dsn = _settings(settings, None, database).dsn()
    if dsn is None:
        raise InputError("no database is given: use --database or a settings file")
    with connect(dsn, "stanok migrate") as connection:
        if status:
            for name, found in standing(connection):
                print(f"{found:12} {name}")
            return
        names = apply(connection, dry_run=dry_run)
    print("\n".join(names) if names else "the database is up to date")


@app.command()
def role(
    name: Annotated[str, typer.Argument(metavar="NAME", help="the login")],
    kind: Annotated[
        str, typer.Option(help="migration, engine, maintenance, collector, reader, ministry, registrar or health")
    ],
    password_file: Annotated[Path, typer.Option(metavar="FILE", help="file whose first line is the password")],
    site: Annotated[
        list[str] | None, typer.Option(help="what a reader sees; may be repeated, '*' is every site")
    ] = None,
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """Make a login of the database server, or change what it is for and its password.

    Example: stanok role anna --kind reader --site minsk --password-file anna.password --settings settings.toml
    """
    from stanok.database import address
    from stanok.settings import first_line
    from storage.pg.connect import connect
    from storage.pg.roles import set_login

    password = first_line(password_file, "--password-file")
    with address(_settings(settings, data, database)) as dsn, connect(dsn, "stanok role") as connection:
        set_login(connection, name, kind, site or [], password)
    print(f"{name} is a login for {kind}{''.join(f', sees {found}' for found in site or [])}")


@app.command()
def backup(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="a directory that does not exist yet")],
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """Database and spools into a directory, while everything runs.

    Example: stanok backup /var/backups/stanok/monday --settings settings.toml
    """
    from stanok.backup import backup as work

    done = work(_settings(settings, data, database), directory)
    print(f"{directory}: a database with {done.records} records taken in, {done.spools} spools")


@app.command()
def restore(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="what `stanok backup` wrote")],
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """A backup into an empty database. Spools that are there stay, and replay what the backup lacks; stop Stanok first.

    Example: stanok restore /var/backups/stanok/monday --database postgresql://…/empty --data /var/lib/stanok
    """
    from stanok.backup import restore as work

    done = work(_settings(settings, data, database), directory)
    print(
        f"restored {done.records} records taken in, {done.spools} spools; start Stanok, it reads the rest of its spools"
    )


@app.command()
def verify(
    seal: Annotated[bool, typer.Option("--seal", help="first seal the days that have closed; once a day")] = False,
    root: Annotated[str | None, typer.Option(metavar="HASH", help="a hash that was noted elsewhere")] = None,
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """Whether stored results still are what was sealed: as they were, revised by the engine, or tampered with.

    Example: stanok verify --seal --settings settings.toml
    """
    from stanok.jobs import verify as work

    if not work(_settings(settings, data, database), seal, root):
        raise typer.Exit(1)


@app.command()
def maintain(
    database: DatabaseOption = None,
    data: DataOption = None,
    settings: SettingsOption = None,
) -> None:
    """What a database needs once a day: seal closed days, compare sums, remove what is old, index what has closed.

    Example: stanok maintain --settings settings.toml
    """
    from stanok.jobs import maintain as work

    if not work(_settings(settings, data, database)):
        raise typer.Exit(1)


@app.command()
def recompute(
    plant: PlantArgument,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="start, included: 2026-03-02T06:00 at the site")],
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="end, excluded")],
    machine: Annotated[list[str] | None, typer.Option("--machine", help="only this one; may be repeated")] = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="come back when the engine has done it")] = False,
) -> None:
    """Fold a stretch of the past again, from the stored samples. The running engine does it beside its work.

    Example: stanok recompute plant.toml --from 2026-03-02T06:00 --to 2026-03-02T14:00 --machine minsk/lathe-1
    """
    from stanok.jobs import recompute as ask
    from stanok.plantfile import load_plant

    dsn = _settings(settings, None, database).dsn()
    if dsn is None:
        raise InputError("no database is given: use --database or a settings file")
    ask(load_plant(plant), dsn, since, until, machine or [], wait)


@app.command()
def doctor(
    plant: Annotated[Path | None, typer.Argument(metavar="[PLANT.toml]", help="to look at its sources too")] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    broker: BrokerOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """What is well, what is not, and what to do: disk, database, clocks, sources, certificates. Changes nothing.

    Exit code: 0 all is well, 1 warnings, 2 faults.

    Example: stanok doctor plant.toml --settings settings.toml
    """
    from stanok.doctor.examine import examine
    from stanok.doctor.say import say
    from stanok.plantfile import load_plant

    found = _settings(settings, data, database, broker)
    directory = found.data_directory()
    loaded = load_plant(plant, found.broker.url) if plant else None
    raise typer.Exit(say(examine(directory, found.dsn(), _clock(directory), loaded), as_json))


@boards.command("build")
def boards_build(
    directory: Annotated[Path | None, typer.Argument(help="where to; default: the committed boards")] = None,
) -> None:
    """Write the boards as Grafana JSON, one folder per language.

    Example: stanok boards build
    """
    from dashboards.build import write_boards

    for path in write_boards(directory) if directory else write_boards():
        print(path)


@boards.command("publish")
def boards_publish(
    url: Annotated[str, typer.Option(help="Grafana's address")],
    token_file: Annotated[Path, typer.Option(help="file with a service account token")],
    alerts: Annotated[bool, typer.Option("--alerts", help="the alert rules, too; the token must allow it")] = False,
    source: Annotated[
        str | None, typer.Option(metavar="DSN", help="make the data source, too: the database as Grafana reaches it")
    ] = None,
    source_password_file: Annotated[Path | None, typer.Option(help="file with the password for --source")] = None,
    timescale: Annotated[bool, typer.Option("--timescale", help="the database of --source is TimescaleDB")] = False,
    marks: Annotated[
        bool, typer.Option("--marks", help="shift changes and commissioning dates, from --database")
    ] = False,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
) -> None:
    """Publish the boards to a Grafana by its API. A second time changes nothing that is there already.

    Example: stanok boards publish --url http://127.0.0.1:3000 --token-file token.txt
    """
    from dashboards.publish import publish, publish_alerts, publish_source
    from stanok.publish import mark_time, source_of

    try:
        token = token_file.read_text().strip()
    except OSError as error:
        raise InputError(f"--token-file: {token_file} cannot be read: {error.strerror}") from error
    if source is not None:
        print(publish_source(url, token, source_of(source, source_password_file, timescale=timescale)))
    for line in publish(url, token):
        print(line)
    if alerts:
        print(publish_alerts(url, token))
    if marks:
        dsn = _settings(settings, database=database).dsn()
        if dsn is None:
            raise InputError("--marks needs the database: use --database or a settings file")
        print(mark_time(url, token, dsn))


@boards.command("preview")
def boards_preview(
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="on 127.0.0.1; 0 takes a free one")] = 8817,
    plant: Annotated[Path | None, typer.Option(metavar="PLANT.toml", help="with a form for what people know")] = None,
    data: DataOption = None,
) -> None:
    """The boards in a browser on this computer, without a Grafana; with a plant file also a form, at /en/tell.

    Example: stanok boards preview --database postgresql://boards@127.0.0.1/stanok
    """
    from stanok.preview import preview
    from stanok.processes import stop_on_signals

    found = _settings(settings, data, database)
    dsn = found.dsn()
    if dsn is None:
        raise InputError("no database is given: use --database or a settings file")
    stop = stop_on_signals()
    operator = None if plant is None else partial(cli_operator.operator_of, plant, found)
    with preview(dsn, port, operator) as served:
        print(f"stanok: boards at {served.url} until Ctrl-C", flush=True)
        stop.wait()


@bench.command("kernel")
def bench_kernel(as_json: JsonOption = False) -> None:
    """The compiled fold and the ordering before it, beside numpy and polars.

    Example: stanok bench kernel --json
    """
    from stanok.bench.kernel import measure
    from stanok.bench.report import report

    report(measure(), as_json)


@bench.command("end-to-end")
def bench_end_to_end(as_json: JsonOption = False, broker: BrokerOption = None, database: DatabaseOption = None) -> None:
    """From a broker to committed facts: samples a second, and seconds from event to the live board.

    Example: stanok bench end-to-end --json
    """
    from stanok.bench.end_to_end import measure
    from stanok.bench.report import report

    report(measure(broker, database), as_json)


@bench.command("storage")
def bench_storage(as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """The engine's whole transaction beside bare COPY, rows back into columns, and what rows weigh.

    Example: stanok bench storage --json --database postgresql://postgres@127.0.0.1/postgres
    """
    from stanok.bench.report import report
    from stanok.bench.storage import measure

    report(measure(database), as_json)


@bench.command("boards")
def bench_boards(
    as_json: JsonOption = False,
    database: DatabaseOption = None,
    machines: Annotated[int, typer.Option(help="machines of the history")] = 500,
    days: Annotated[int, typer.Option(help="days of hours, shifts, days and intervals")] = 365,
) -> None:
    """How long every query of the boards takes on a year of a large plant, and whether a plan reads too much.

    Example: stanok bench boards --json --machines 100 --days 60
    """
    from stanok.bench.boards import measure
    from stanok.bench.report import report
    from stanok.bench.year import Size

    report(measure(database, Size(machines, days)), as_json)


@bench.command("outage")
def bench_outage(
    as_json: JsonOption = False,
    database: DatabaseOption = None,
    machines: Annotated[int, typer.Option(help="machines of five samples a second each")] = 1000,
    seconds: Annotated[int, typer.Option(help="simulated seconds without the database")] = 3600,
) -> None:
    """An hour without the database, the spool full, and how quickly nothing is missing any more.

    Example: stanok bench outage --json --machines 100
    """
    from stanok.bench.outage import measure
    from stanok.bench.report import report

    report(measure(database, machines=machines, outage_s=seconds), as_json)


@bench.command("recompute")
def bench_recompute(
    as_json: JsonOption = False,
    database: DatabaseOption = None,
    samples: Annotated[int, typer.Option(min=50_000, help="samples of 100 machines, five a second each")] = 4_000_000,
) -> None:
    """Stored samples folded again and stored, database to database, and how long a restart takes.

    Example: stanok bench recompute --json
    """
    from stanok.bench.recompute import CHUNK, measure
    from stanok.bench.report import report

    report(measure(database, chunks=samples // CHUNK), as_json)
