"""The violence: a plant at speed on real servers, its processes and its database killed -9 at random, then the verdict.

    python -m tests.stanok.campaign --seed 7 --kills 50 [--broker mosquitto|amqtt]
                                    [--server debian|timescaledb] [--speed 60] [--keep DIR]

The seed decides about the machines, the victims and the pauses; moments still depend on the computer, so a run with the
same seed shoots at the same places, not at the same instructions. Compared is with an undisturbed fold of what the same
machines say (tests/stanok/verdict.py):
- machines over MQTT on Mosquitto: everything is equal. The broker keeps the session and the machine's own numbers prove
  that nothing is missing: a killed collector costs nothing, and a silence that was judged meanwhile is recovered;
- machines over OPC UA, and over MQTT on amqtt: equal outside the minutes of gaps; UNKNOWN is the gaps and nothing else;
  sums of parts are the truth's; nothing is stored that no machine said.
"""

# ruff: noqa: E402 - the place of compiled code is told before anything imports numba
from __future__ import annotations

from stanok.compiled import keep_compiled_code

keep_compiled_code()

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from core.units import MINUTE_US
from stanok.broker import DemoBroker
from stanok.pipeline import Engine
from stanok.settings import EngineSettings
from storage.pg.connect import connect
from storage.pg.migrate import migrate
from tests.servers import DEBIAN, TIMESCALE, Mosquitto, Postgres, free_port
from tests.stanok.hand import HandClock
from tests.stanok.house import wait_for
from tests.stanok.under_fire import UnderFire, write_past
from tests.stanok.verdict import Verdict, judge

SERVERS = {"debian": DEBIAN, "timescaledb": TIMESCALE}
WEIGHTS = {
    "mosquitto": {"collector": 3, "engine": 8, "both": 2, "database": 7},
    "amqtt": {"collector": 6, "engine": 2, "both": 3, "database": 2},
}
"""By broker. On Mosquitto collectors less often: while one is away, machines over OPC UA have nothing to compare. On
amqtt their deaths are what there is to see."""
BLIND = 0.4
"""Share of shots that do not wait until the victim is at work again: these hit processes that are just starting."""
LONG = 0.15
"""Share of the collectors that lie so long that their machines are judged silent."""
LONG_S = 11.0
"""Silence is judged after 9 s."""
BACK_S = 45.0


@dataclass(frozen=True)
class Shot:
    """Who is hit, after which pause, and how long it lies; real seconds."""

    victim: str
    blind: bool
    polite: bool
    pause_s: float
    rest_s: float

    @property
    def killed(self) -> int:
        """How many processes."""
        return 2 if self.victim == "both" else 1


@dataclass(frozen=True)
class Report:
    """What happened and what came out."""

    seed: int
    broker: str
    server: str
    shots: dict[str, int]
    killed: int
    """Processes that got kill -9, or a database's immediate stop."""
    commits_between: int
    """Shots between which the engine had got further."""
    real_s: float
    scenario_min: float
    verdicts: list[Verdict]

    def complaints(self) -> list[str]:
        return [complaint for verdict in self.verdicts for complaint in verdict.complaints()]

    def lines(self) -> Iterator[str]:
        """For people."""
        yield (
            f"seed {self.seed}: {self.killed} kills in {self.real_s:.0f} s on {self.broker} and {self.server},"
            f" {self.shots}; the engine got on between {self.commits_between} shots"
        )
        for found in self.verdicts:
            yield (
                f"{found.machine:16} {found.minutes:4} minutes compared, {len(found.different)} rows differ;"
                f" {found.gaps} gaps of {found.gap_min:.1f} min {found.causes or ''};"
                f" parts {found.parts[0]} of {found.parts[1]}; samples: {found.missing} missing,"
                f" {len(found.invented)} invented; {found.late} late; UNKNOWN wrong in {found.unknown_wrong} minutes"
            )


def plan(seed: int, kills: int, broker: str) -> list[Shot]:
    """The shots of a seed that kill so many processes; a shorter campaign begins like a longer one."""
    chance, weights = random.Random(seed), WEIGHTS[broker]
    shots: list[Shot] = []
    while sum(shot.killed for shot in shots) < kills:
        victim = chance.choices(list(weights), list(weights.values()))[0]
        long = chance.random() < LONG and victim == "collector"
        shots.append(
            Shot(
                victim=victim,
                blind=chance.random() < BLIND,
                polite=chance.random() < 0.3,
                pause_s=chance.uniform(0.0, 1.0),
                rest_s=LONG_S if long else chance.uniform(0.0, 0.3),
            )
        )
    return shots


def campaign(
    seed: int, kills: int, broker: str, server: str, speed: float, directory: Path, say: Callable[[str], None]
) -> Report:
    """Run it; raises tests.servers.Missing where a server is not on this computer."""
    started = time.monotonic()
    with ExitStack() as house:
        database = Postgres(SERVERS[server])
        house.callback(database.remove)
        database.make()
        plant = house.enter_context(_standing(directory, _broker(broker, house), database, speed, seed))
        say(f"seed {seed}: the plant stands after {time.monotonic() - started:.0f} s")
        shots = plan(seed, kills, broker)
        moved = shoot(plant, shots, say)
        plant.settle()
        verdicts = _verdicts(plant, database.dsn)
    return Report(
        seed=seed,
        broker=broker,
        server=SERVERS[server].name,
        shots=dict(Counter(shot.victim for shot in shots)),
        killed=sum(shot.killed for shot in shots),
        commits_between=moved,
        real_s=round(time.monotonic() - started, 1),
        scenario_min=round((plant.end_us - plant.begin_us) / MINUTE_US, 1),
        verdicts=verdicts,
    )


def _broker(kind: str, house: ExitStack) -> Mosquitto | DemoBroker:
    if kind == "mosquitto":
        found = Mosquitto()
        house.callback(found.remove)
        found.start()
        return found
    broker = DemoBroker(free_port())
    house.callback(broker.stop)
    broker.start()
    return broker


@contextmanager
def _standing(
    directory: Path, broker: Mosquitto | DemoBroker, database: Postgres, speed: float, seed: int
) -> Iterator[UnderFire]:
    plant = UnderFire(directory, broker, database, speed, seed)
    try:
        plant.start()
        yield plant
    finally:
        plant.end()


def shoot(plant: UnderFire, shots: list[Shot], say: Callable[[str], None]) -> int:
    """Kill and revive; returns between how many shots the engine had got further."""
    moved, before, since = 0, plant.acknowledged(), time.monotonic()
    for number, shot in enumerate(shots, 1):
        if not shot.blind:
            wait_for(plant.at_work(shot.victim), f"{shot} after {number - 1} shots: it does not come back", BACK_S)
        time.sleep(shot.pause_s)
        plant.check()
        now = plant.acknowledged()
        moved, before = moved + (now > before), now
        plant.kill(shot.victim, politely=shot.polite)
        time.sleep(shot.rest_s)
        plant.revive(shot.victim)
        say(f"{number:3} {time.monotonic() - since:5.1f} s {shot.victim}{' (blind)' if shot.blind else ''}")
    return moved


def _verdicts(plant: UnderFire, dsn: str) -> list[Verdict]:
    """Fold the same truth undisturbed into a second database of the server, and compare."""
    with connect(dsn) as connection:
        connection.execute("create database calm template template0")
    calm_dsn = make_conninfo(dsn, dbname="calm")
    _fold_calmly(plant, calm_dsn)
    with connect(dsn) as fire, connect(calm_dsn) as calm:
        return judge(fire, calm, plant.plant, plant.signals, (plant.begin_us, plant.end_us))


def _fold_calmly(plant: UnderFire, dsn: str) -> None:
    """An engine of this process over one spool with everything in it, up to an hour after the end."""
    directory = plant.directory / "calm"
    (directory / "spool").mkdir(parents=True)
    end_us = plant.end_us // MINUTE_US * MINUTE_US + 60 * MINUTE_US
    write_past(directory / "spool" / "collect.spool", plant.plant, plant.scenario, plant.begin_us, end_us)
    with connect(dsn) as connection:
        migrate(connection)
    clock: Any = HandClock(end_us)
    engine = Engine(plant.plant, directory, dsn, clock, EngineSettings(tick_s=0.05, commit_s=0.2))
    stop = threading.Event()

    def fold() -> None:
        try:
            engine.run(stop)
        finally:
            engine.close()

    thread = threading.Thread(target=fold)
    thread.start()
    try:
        wait_for(lambda: _told(dsn) >= plant.end_us, "the undisturbed run does not come to its end")
    finally:
        stop.set()
        thread.join()


def _told(dsn: str) -> int:
    with connect(dsn) as connection:
        row = connection.execute(
            "select coalesce(extract(epoch from min(settled)), 0)::bigint * 1000000 from stanok.machine_live"
        ).fetchone()
    return 0 if row is None else int(row[0])


def main() -> int:
    """By hand: prints the report, and as JSON on the last line; exit code 1 if there is a complaint."""
    parser = argparse.ArgumentParser(prog="python -m tests.stanok.campaign", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--broker", choices=["mosquitto", "amqtt"], default="mosquitto")
    parser.add_argument("--server", choices=list(SERVERS), default="timescaledb")
    parser.add_argument("--speed", type=float, default=60.0)
    parser.add_argument("--keep", type=Path, help="a directory for spools and logs that stays")
    given = parser.parse_args()
    directory = given.keep or Path(tempfile.mkdtemp(prefix="stanok-campaign-"))
    try:
        report = campaign(
            given.seed,
            given.kills,
            given.broker,
            given.server,
            given.speed,
            directory,
            lambda line: print(line, flush=True),
        )
    finally:
        if given.keep is None:
            shutil.rmtree(directory, ignore_errors=True)
    print(*report.lines(), sep="\n")
    for verdict in report.verdicts:
        print(*[f"{verdict.machine} {line}" for line in [*verdict.different, *verdict.intervals][:20]], sep="\n")
    short = [
        replace(verdict, different=verdict.different[:5], invented=verdict.invented[:5]) for verdict in report.verdicts
    ]
    print(json.dumps(asdict(replace(report, verdicts=short)), default=str))
    print(*report.complaints(), sep="\n", file=sys.stderr)
    return 1 if report.complaints() else 0


if __name__ == "__main__":
    raise SystemExit(main())
