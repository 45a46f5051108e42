"""Small plants of one machine, each with its own spools, engine and database, for the tests of a ministry."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from collectors.profiles import expand
from core.plant.model import Plant
from core.plant.parse import parse_plant
from core.units import HOUR_US, datetime_from_us, us_from_datetime
from simulators.backfill import backfill
from simulators.scenario import parse_scenario, read_scenario
from stanok.operator import Operator, known_from
from stanok.pipeline import Engine
from stanok.settings import EngineSettings
from storage.pg.connect import Connection, connect
from storage.spool import SpoolWriter
from tests.stanok.house import wait_for

PLANTS = Path(__file__).parents[2] / "simulators" / "plants"
MACHINE = "minsk/lathe-1"
SHIFT = {"name": "evening", "start": "18:00", "end": "22:00"}
QUIET = {"gauge_s": 600.0, "idle_shifts": {}}
"""Few samples, so that twelve engines are quick, and work in every shift."""
BEGIN_US = us_from_datetime(datetime(2026, 3, 23, 15, tzinfo=UTC))
"""Monday, 18:00 in Minsk: its shift begins."""
HOURS = 8
"""A shift, the rest of the day, and two hours more, so that the day is closed."""


@dataclass
class StandingClock:
    """Scenario time stands where the history ends, until a test moves it."""

    at_us: int = BEGIN_US + HOURS * HOUR_US

    def now_us(self) -> int:
        return self.at_us

    def scale(self) -> float:
        return 1.0

    def running(self) -> bool:
        return True

    def catching_up(self) -> bool:
        return False


@dataclass
class Works:
    """A plant of one machine, and where its things are."""

    name: str
    directory: Path
    dsn: str
    seed: int
    clock: StandingClock = field(default_factory=StandingClock)

    @property
    def machine(self) -> str:
        return f"{self.name}/lathe-1"

    def plant(self) -> Plant:
        """The first machine of the demonstration under the name of this plant."""
        found = tomllib.loads((PLANTS / "demo.toml").read_text(encoding="utf-8"))
        found["site"] = [
            {**site, "name": self.name, "shift": [SHIFT]} for site in found["site"] if site["name"] == "minsk"
        ]
        found["source"] = [source for source in found["source"] if source["name"] == "minsk-opcua"]
        found["machine"] = [{**one, "name": self.machine} for one in found["machine"] if one["name"] == MACHINE]
        return parse_plant(expand(found))

    def live(self) -> None:
        """An evening through the simulator, the spool and the engine into the database."""
        plant = self.plant()
        scenario = dict(read_scenario(PLANTS / "demo.scenario.toml"))
        mine = [{**one, "name": self.machine, **QUIET} for one in scenario["machine"] if one["name"] == MACHINE]
        script = parse_scenario({**scenario, "machine": mine, "seed": self.seed}, plant, BEGIN_US)
        (self.directory / "spool").mkdir(parents=True)
        with SpoolWriter(self.directory / "spool" / "collect.spool") as spool:
            for rows in backfill(plant, script, BEGIN_US, self.clock.at_us, HOUR_US):
                spool.append_now(rows)
        self.work()

    def tell_scrap(self) -> None:
        """A person finds a bad part of the shift afterwards, and the engine takes it in."""
        at_us = BEGIN_US + 3 * HOUR_US
        plant = self.plant()
        Operator(plant, self.directory, self.clock.at_us).add_scrap(
            self.machine, datetime_from_us(at_us).isoformat(), 1, "", "Olga", "", known_from(self.dsn, plant)
        )
        self.clock.at_us += 1
        self.work(told=1)

    def work(self, told: int = 0) -> None:
        """Run the engine until its clock, and what was told, stand in the database and nothing is left to repair."""
        stop, plant = threading.Event(), self.plant()

        def run() -> None:
            settings = EngineSettings(tick_s=0.02, commit_s=0.1, repair_quiet_s=0.05)
            # A clock by its methods only.
            engine = Engine(plant, self.directory, self.dsn, self.clock, settings)  # type: ignore[arg-type]  # a clock set by hand
            try:
                engine.run(stop)
            finally:
                engine.close()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            with connect(self.dsn) as connection:
                wait_for(
                    lambda: not thread.is_alive() or self._done(connection, told), f"{self.name} is not folded", 100
                )
                assert self._done(connection, told)
        finally:
            stop.set()
            thread.join(30)

    def _done(self, connection: Connection, told: int) -> bool:
        query = (
            "select coalesce(max(extract(epoch from tick_time) * 1000000)::bigint, 0),"
            " (select count(*) from stanok.operator_entry), (select count(*) from stanok.recompute_request)"
            " from stanok.engine_state"
        )
        row = connection.execute(query).fetchone()
        assert row is not None
        return bool(row[0] >= self.clock.at_us and row[1] >= told and row[2] == 0)


def works(count: int, directory: Path, database: Callable[[], str]) -> list[Works]:
    """So many plants that have lived through their evening."""
    made = [Works(f"plant-{n:02}", directory / f"plant-{n:02}", database(), 20260323 + n) for n in range(1, count + 1)]
    for plant in made:
        plant.live()
    return made
