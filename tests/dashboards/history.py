"""Thirty hours of the demonstration plant in a database, through the real engine, for tests and pictures of boards.

The server of the first source is away for a while, and what the past lacks is written beside it, so that no panel is
without data.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

from core.plant.model import Plant
from core.samples.records import Gap, RowKind, SpoolRow, pack_gap
from core.units import HOUR_US, MINUTE_US, datetime_from_us, us_from_datetime
from core.vocabulary import Cause
from simulators.backfill import backfill
from simulators.scenario import parse_scenario, read_scenario
from stanok.pipeline import Engine
from stanok.plantfile import load_plant
from stanok.settings import EngineSettings
from storage.pg.connect import connect
from storage.spool import SpoolWriter
from tests.dashboards.past import write_past
from tests.stanok.house import wait_for

PLANTS = Path(__file__).parents[2] / "simulators" / "plants"
END_US = us_from_datetime(datetime(2026, 3, 24, 9, 40, tzinfo=UTC))
"""12:40 in Minsk on a Tuesday: every machine is in the middle of a shift."""
BEGIN_US = END_US - 30 * HOUR_US
STEP_US = 10 * MINUTE_US
OUTAGE_US = END_US - 200 * MINUTE_US, END_US - 180 * MINUTE_US


class StandingClock:
    """Scenario time at the end of the history."""

    def now_us(self) -> int:
        return END_US

    def scale(self) -> float:
        return 1.0

    def running(self) -> bool:
        return True

    def catching_up(self) -> bool:
        return False


def live_through(dsn: str) -> None:
    """Fill a migrated database with the history; takes some seconds."""
    plant = load_plant(PLANTS / "demo.toml")
    directory = Path(tempfile.mkdtemp(prefix="stanok-history-"))
    try:
        (directory / "spool").mkdir()
        with SpoolWriter(directory / "spool" / "collect.spool") as spool:
            write(spool, plant)
        fold(plant, directory, dsn)
        write_past(dsn, datetime_from_us(END_US))
    finally:
        shutil.rmtree(directory)


def write(spool: SpoolWriter, plant: Plant) -> None:
    """The rows of both sources, with the edges of the outage where they belong."""
    scenario = parse_scenario(read_scenario(PLANTS / "demo.scenario.toml"), plant, BEGIN_US)
    steps = backfill(plant, scenario, BEGIN_US, END_US, STEP_US)
    missed: list[SpoolRow] = []
    for begin_us, rows in zip(range(BEGIN_US, END_US, STEP_US), steps, strict=True):
        if OUTAGE_US[0] <= begin_us < OUTAGE_US[1]:
            missed += [row for row in rows if row.source == plant.sources[0].name and row.kind is RowKind.SAMPLES]
            spool.append_now([row for row in rows if row.source != plant.sources[0].name])
            continue
        if begin_us == OUTAGE_US[1]:
            spool.append_now([edge(plant, at_us, opened=at_us < begin_us) for at_us in OUTAGE_US])
            spool.append_now(missed)
        spool.append_now(rows)


def edge(plant: Plant, at_us: int, *, opened: bool) -> SpoolRow:
    """The beginning or the end of the outage, as a collector tells it."""
    source = plant.sources[0].name
    gap = Gap(opened, at_us, Cause.DISCONNECTED, plant.machines_of(source))
    return SpoolRow(RowKind.GAP, source, plant.hash, at_us, pack_gap(gap))


def fold(plant: Plant, directory: Path, dsn: str) -> None:
    """Run an engine until its tick stands in the database."""
    stop = threading.Event()

    def work() -> None:
        # A clock by its methods only.
        engine = Engine(plant, directory, dsn, StandingClock(), EngineSettings(tick_s=0.02, commit_s=0.5))  # type: ignore[arg-type]  # a clock that stands
        try:
            engine.run(stop)
        finally:
            engine.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        wait_for(lambda: not thread.is_alive() or ticked(dsn), "the history is not folded", 100)
    finally:
        stop.set()
        thread.join(30)


def ticked(dsn: str) -> bool:
    """Whether the engine's tick and a figure of each machine are there."""
    with connect(dsn) as connection:
        query = "select count(*) from board.machine_live where oee is not null and lag_s < 15"
        row = connection.execute(query).fetchone()
    return row is not None and row[0] == 6
