"""How right the figures are: simulated plants whose truth is known, with sets of faults, against the database.

`class_error_max`: by how much a time class of a machine's whole window differs from the truth, in percent of the
window; where time is unknown, by how much the truth lies outside what unknown time leaves open. `parts_wrong`: parts
too many or too few of machines' windows. `outside_band`: figures (availability, effectiveness, quality, OEE, spindle)
of a machine-shift whose truth is not in the band, to a millionth; where bouncing switches or a jumping clock move
instants, to `TOLERATED`. A bound that is undefined claims nothing. Machines whose clock is wrong by an amount are
compared with what happened at the instants that their clock shows. What the way is, and what is not in it, stands in
path.py.

Every set has its own seed, printed with its figures, and what is wrong names its machine: the same is played again,
for that machine alone, by `stanok bench accuracy --faults SET --seed N --machine NAME`, with the same `--scenario` and
`--hours`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import uuid4

from psycopg import sql
from psycopg.conninfo import make_conninfo

from core.facts.schema import TIME_COLUMNS
from core.plant.calendar import shift_instances
from core.units import HOUR_US, us_from_datetime
from core.vocabulary import TimeClass
from simulators.faults import by_their_clocks, cut_us
from simulators.figures import classes
from simulators.replay_plant import toml_text
from simulators.signals import Signals
from stanok.bench.accuracy_band import Lost, Width, allowed, lost
from stanok.bench.accuracy_sets import TOLERATED, Truth, World, set_of, world
from stanok.bench.path import STATE_EVERY_US, Way, over_mqtt
from stanok.bench.real import RealWay, on_ports
from stanok.bench.report import Figure
from stanok.bench.servers import a_broker
from stanok.compare import window
from stanok.embedded import EmbeddedPostgres
from storage.pg import reading
from storage.pg.connect import Connection, connect
from storage.pg.migrate import migrate

BEGIN_US = us_from_datetime(datetime(2026, 3, 24, tzinfo=UTC))
"""A Tuesday; in 24 hours every plant of the scenarios has at least one whole shift."""
SEED = 1
SPARE_WIDTH = 0.001
"""0.1 percentage points: a gap begins at the last proof of life, which is up to some seconds before what was lost."""
MOST_NAMED = 20
"""So many of what is wrong are named in a line of JSON."""
KPIS = ("availability", "effectiveness", "quality", "oee", "spindle")
_ROUNDED = 2e-6
_OUT = (TimeClass.PLANNED_CALENDAR, TimeClass.PLANNED_FAILURE, TimeClass.APT_OUT, TimeClass.AUST_OUT)
_UNKNOWN = (TimeClass.UNKNOWN, TimeClass.UNKNOWN_OUT)


@dataclass
class Verdict:
    """What one set came to."""

    faults: str
    seed: int
    machine_days: float = 0.0
    shifts: int = 0
    class_error: dict[str, float] = field(default_factory=dict)
    """Greatest error of each time class over the machines, percentage points of the window."""
    kpi_error: dict[str, float] = field(default_factory=dict)
    """Greatest difference of value and truth over the machine-shifts, percentage points."""
    parts_true: int = 0
    parts_wrong: int = 0
    wrong: list[str] = field(default_factory=list)
    """Machines whose parts are wrong, with both numbers."""
    outside: list[str] = field(default_factory=list)
    wider: list[str] = field(default_factory=list)
    """Machine-shifts whose band is wider than the definition gives for what their line lost."""
    excess: dict[str, float] = field(default_factory=dict)
    """Greatest width beyond that, percentage points."""
    width: float = 0.0
    """Mean width of OEE's band over the machine-shifts, percentage points."""
    unknown_us: int = 0
    """Unknown time that is not the machine's own (a machine that is off says so)."""
    cut_us: int = 0
    """How long lines were cut."""
    samples: int = 0
    rejected: int = 0
    broker: str = ""
    real_s: float = 0.0
    """How long the machines were played [s]."""


def measure(
    scenario: str,
    hours: int,
    seed: int,
    sets: Sequence[str],
    database: str | None = None,
    machines: Sequence[str] = (),
    *,
    direct: bool = False,
    jobs: int = 1,
) -> Iterator[Figure]:
    """The figures of each set and of all; `scenario`: zones, national or a scenario file; servers unless given.

    Set number n has the seed `seed` + n. `machines`: only these. `direct`: without servers (path.py). `jobs`: so many
    sets at a time, each with servers of its own; they wait for messages most of the time.
    """
    with ExitStack() as house:
        dsn = database or _server(house)
        pool = house.enter_context(ProcessPoolExecutor(jobs, get_context("spawn")))
        numbers = range(seed, seed + len(sets))
        judged = pool.map(partial(judge, dsn, scenario, hours, machines=machines, direct=direct), sets, numbers)
        found = []
        for verdict in judged:
            found.append(verdict)
            yield from _figures(verdict, scenario, hours, direct)
        if len(found) > 1:
            yield from _figures(total(found), scenario, hours, direct)


def judge(
    dsn: str,
    scenario: str,
    hours: int,
    faults: str,
    seed: int,
    machines: Sequence[str] = (),
    *,
    direct: bool = False,
) -> Verdict:
    """Play one set and compare: over real servers (real.py), or directly (path.py).

    `dsn`: a server on which databases can be made.
    """
    with ExitStack() as house:
        directory = Path(house.enter_context(tempfile.TemporaryDirectory(prefix="stanok-accuracy-")))
        return _judged(dsn, scenario, hours, faults, seed, machines, directory, house, direct=direct)


def _judged(
    dsn: str,
    scenario: str,
    hours: int,
    faults: str,
    seed: int,
    machines: Sequence[str],
    directory: Path,
    house: ExitStack,
    *,
    direct: bool,
) -> Verdict:
    chosen = set_of(faults)
    broker, placed = "none", over_mqtt
    if not direct:
        broker, host, port = a_broker(None, directory, house)
        placed = partial(on_ports, host=host, port=port)
    found = world(scenario, seed, chosen.faults, BEGIN_US, machines, placed)
    plant, signals = found.plant, found.signals
    until_us = BEGIN_US + hours * HOUR_US
    verdict = Verdict(faults, seed, machine_days=len(plant.machines) * hours / 24, broker=broker)
    began = time.monotonic()
    with _empty(dsn) as (address, connection):
        if direct:
            renewed = _directly(verdict, signals, connection, until_us)
        else:
            renewed = _really(verdict, found, directory, address, connection, until_us)
        verdict.real_s = time.monotonic() - began
        truth = by_their_clocks(signals) if chosen.truth is Truth.CLOCK else signals
        for machine in range(len(plant.machines)):
            mine = [at_us for at_us, told in renewed if machine in told]
            what = lost(signals, machine, until_us, mine)
            _compare(verdict, connection, truth, machine, until_us, what)
    return verdict


Renewed = Sequence[tuple[int, frozenset[int]]]
"""When present values were retained anew [µs], and of which machines."""


def _directly(verdict: Verdict, signals: Signals, connection: Connection, until_us: int) -> Renewed:
    way = Way(signals, connection)
    for _ in way.play(until_us):
        pass
    verdict.rejected = way.rejected
    verdict.samples = _samples(connection)
    return way.renewed


def _really(
    verdict: Verdict, found: World, directory: Path, address: str, connection: Connection, until_us: int
) -> Renewed:
    (directory / "plant.toml").write_text(toml_text(found.document), encoding="utf-8")
    way = RealWay(found.signals, directory, address, connection)
    way.play(until_us)
    verdict.rejected = way.rejected
    verdict.samples = _samples(connection)
    return way.renewed


def _samples(connection: Connection) -> int:
    """Rows of raw samples."""
    row = connection.execute("select count(*) from stanok.sample").fetchone()
    return int(row[0]) if row else 0


def total(verdicts: Sequence[Verdict]) -> Verdict:
    """All sets together: errors are the greatest, counts and days are added."""
    found = Verdict("all", verdicts[0].seed)
    for one in verdicts:
        found.machine_days += one.machine_days
        found.shifts += one.shifts
        found.parts_true += one.parts_true
        found.parts_wrong += one.parts_wrong
        found.wrong += one.wrong
        found.outside += one.outside
        found.wider += one.wider
        found.width += one.width
        found.real_s += one.real_s
        found.broker = one.broker
        found.samples += one.samples
        found.unknown_us += one.unknown_us
        found.cut_us += one.cut_us
        pairs = (
            (found.class_error, one.class_error),
            (found.kpi_error, one.kpi_error),
            (found.excess, one.excess),
        )
        for mine, theirs in pairs:
            for name, error in theirs.items():
                mine[name] = max(mine.get(name, 0.0), error)
    return found


def _compare(
    verdict: Verdict, connection: Connection, signals: Signals, machine: int, until_us: int, what: Lost
) -> None:
    """One machine: its classes and parts in the whole window, its figures in every whole shift."""
    plant = signals.plant
    _compare_classes(verdict, connection, signals, machine, until_us)
    whole = window(connection, plant, signals, machine, BEGIN_US, until_us)
    verdict.parts_true += whole["parts"]["true"]
    if wrong := whole["parts"]["measured"] - whole["parts"]["true"]:
        verdict.parts_wrong += abs(wrong)
        verdict.wrong.append(f"{whole['name']}: {whole['parts']['measured']} parts, {whole['parts']['true']} are true")
    site = plant.sites[plant.machines[machine].site]
    for shift in shift_instances(site, BEGIN_US, until_us):
        if shift.start_us >= BEGIN_US and shift.end_us <= until_us:
            found = window(connection, plant, signals, machine, shift.start_us, shift.end_us)
            where = f"{found['name']} shift {shift.name}"
            _compare_shift(verdict, found, where)
            _compare_width(verdict, found, allowed(signals, machine, shift.start_us, shift.end_us, what), where)


def _compare_classes(verdict: Verdict, connection: Connection, signals: Signals, machine: int, until_us: int) -> None:
    facts = reading.facts(connection, signals.plant, BEGIN_US, until_us, machine)
    measured = {kind: int(facts[column].sum()) for kind, column in zip(TimeClass, TIME_COLUMNS, strict=True)}
    true = classes(signals, machine, BEGIN_US, until_us)
    for kind in TimeClass:
        wrong_us = _wrong_us(kind, measured, true, exact=set_of(verdict.faults).truth is not Truth.LOSSES)
        name = kind.name.lower()
        verdict.class_error[name] = max(verdict.class_error.get(name, 0.0), 100.0 * wrong_us / (until_us - BEGIN_US))
    for kind in _UNKNOWN:
        verdict.unknown_us += measured[kind] - true[kind]
    verdict.cut_us += cut_us(signals, machine, until_us)


def _wrong_us(kind: TimeClass, measured: Mapping[TimeClass, int], true: Mapping[TimeClass, int], exact: bool) -> int:
    """By how much the truth lies outside what is claimed: the class, and up to all that is unknown beside it."""
    if kind in _UNKNOWN:
        return abs(measured[kind] - true[kind]) if exact else max(0, true[kind] - measured[kind])
    unknown = TimeClass.UNKNOWN_OUT if kind in _OUT else TimeClass.UNKNOWN
    spare_us = max(0, measured[unknown] - true[unknown])
    return max(measured[kind] - true[kind], true[kind] - measured[kind] - spare_us, 0)


def _compare_shift(verdict: Verdict, found: Mapping[str, Any], where: str) -> None:
    verdict.shifts += 1
    spare = TOLERATED if set_of(verdict.faults).truth is Truth.NEAR else _ROUNDED
    for name in KPIS:
        band = found[name]
        if band["true"] is None:
            continue
        if band["measured"] is not None:
            error = 100.0 * abs(band["measured"] - band["true"])
            verdict.kpi_error[name] = max(verdict.kpi_error.get(name, 0.0), error)
        if not _inside(band["true"], band["low"], band["high"], spare):
            verdict.outside.append(f"{where}: {name} {band['true']} is not in {band['low']} to {band['high']}")
    if found["oee"]["high"] is not None and found["oee"]["low"] is not None:
        verdict.width += 100.0 * (found["oee"]["high"] - found["oee"]["low"])


def _compare_width(verdict: Verdict, found: Mapping[str, Any], most: Width | None, where: str) -> None:
    """Whether the band is no wider than what was lost explains."""
    if most is None:
        return
    for name, width in (("availability", most.availability), ("oee", most.oee)):
        low, high = found[name]["low"], found[name]["high"]
        if low is None or high is None:
            continue
        excess = high - low - width
        verdict.excess[name] = max(verdict.excess.get(name, 0.0), 100.0 * excess)
        if excess > SPARE_WIDTH:
            verdict.wider.append(f"{where}: {name} has a band of {high - low:.6f}, {width:.6f} is explained")


def _inside(true: float, low: float | None, high: float | None, spare: float) -> bool:
    if low is not None and true < low - spare:
        return False
    return high is None or true <= high + spare


def _figures(verdict: Verdict, scenario: str, hours: int, direct: bool = False) -> Iterator[Figure]:
    conditions: dict[str, Any] = {
        "faults": verdict.faults,
        "scenario": scenario,
        "hours": hours,
        "seed": verdict.seed,
        "samples": verdict.samples,
        "direct": direct,
    }
    per_class = {name: round(error, 6) for name, error in verdict.class_error.items() if error}
    per_kpi = {name: round(error, 6) for name, error in verdict.kpi_error.items()}
    unknown = {"unknown_h": round(verdict.unknown_us / HOUR_US, 4), "cut_h": round(verdict.cut_us / HOUR_US, 4)}
    shifts = {"machine_shifts": verdict.shifts}
    parts = {**conditions, "parts_true": verdict.parts_true, "wrong": verdict.wrong[:MOST_NAMED]}
    worst = max(verdict.class_error.values(), default=0.0)
    yield Figure(
        "accuracy", "class_error_max", worst, "percentage points", {}, {**conditions, "errors": per_class, **unknown}
    )
    yield Figure("accuracy", "parts_wrong", verdict.parts_wrong, "1", {}, parts)
    band = {**conditions, **shifts, "value_errors": per_kpi, "outside": verdict.outside[:MOST_NAMED]}
    if verdict.shifts:
        band["oee_band_mean_width"] = round(verdict.width / verdict.shifts, 4)
    yield Figure("accuracy", "outside_band", len(verdict.outside), "1", {}, band)
    wider = {**conditions, **shifts, "wider": verdict.wider[:MOST_NAMED]}
    yield Figure("accuracy", "band_excess_max", _excess(verdict), "percentage points", {}, wider)
    played = {"broker": verdict.broker, "played_s": round(verdict.real_s, 1)}
    yield Figure("accuracy", "machine_days", verdict.machine_days, "1", {}, {**conditions, **played, **_way(direct)})


def _excess(verdict: Verdict) -> float:
    return max(0.0, *verdict.excess.values()) if verdict.excess else 0.0


def _way(direct: bool) -> dict[str, str]:
    """What stands between the machines and the facts, in words."""
    state = f"present values every {STATE_EVERY_US // 60_000_000} min"
    if not direct:
        return {
            "in the path": f"OPC UA servers and MQTT broker ({state}), collectors, spool file, engine, PostgreSQL",
            "not in the path": "networks between computers, a process of the collectors' own",
        }
    return {
        "in the path": f"payloads ({state}), decoder, clocks, gaps, spool rows, engine, repair, PostgreSQL",
        "not in the path": "network, broker, OPC UA servers, spool file, processes",
    }


def _server(house: ExitStack) -> str:
    directory = Path(house.enter_context(tempfile.TemporaryDirectory(prefix="stanok-bench-")))
    directory.chmod(0o755)  # as root the database server runs as another user
    server = EmbeddedPostgres(directory / "postgres")
    house.callback(server.stop)
    return server.start()


@contextmanager
def _empty(dsn: str) -> Iterator[tuple[str, Connection]]:
    """A new, migrated database on the server, dropped afterwards; its address too."""
    name = f"stanok_accuracy_{uuid4().hex[:12]}"
    with connect(dsn, "stanok bench") as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            # Nothing has to survive the run.
            admin.execute(sql.SQL("alter database {} set synchronous_commit = off").format(sql.Identifier(name)))
            address = make_conninfo(dsn, dbname=name)
            with connect(address, "stanok bench") as connection:
                migrate(connection)
                yield address, connection
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
