"""The engine dies at every border of what it does, dozens of times a day; the day's rows are those of a calm one.

Here it dies by an exception and the test turns its loop, which is quicker than killing processes (test_engine_restart)
and comes to more places. What it had in memory is gone all the same.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.plant.model import Plant
from core.samples.records import Heartbeat, RowKind, SpoolRow, pack_heartbeat
from core.units import MINUTE_US
from simulators.scenario import Scenario
from stanok import pipeline
from stanok.settings import EngineSettings
from storage.pg.commit import Store
from storage.pg.connect import connect
from storage.spool import SpoolWriter
from storage.spool_read import SpoolReader
from tests.stanok.conftest import TUESDAY_US
from tests.stanok.day import Step, day
from tests.stanok.hand import HandClock
from tests.stanok.house import Rows, difference, own_gaps, results

SETTINGS = EngineSettings(tick_s=1e-6, commit_s=1e-6, commit_samples=500)
TURNS = 3000
"""More than enough to read a day in small pieces."""


class Died(BaseException):
    """No error: the process is gone."""


class Lightning:
    """Strikes a number of moments after it was aimed; a moment is a border of whatever leaves the process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        for owner, name in ((SpoolWriter, "append_now"), (Store, "commit"), (SpoolReader, "acknowledge")):
            self._watch(monkeypatch, owner, name)

    def _watch(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        method: Callable[..., Any] = getattr(owner, name)

        def watched(*args: Any, **named: Any) -> Any:
            self._moment()
            result = method(*args, **named)
            self._moment()
            return result

        monkeypatch.setattr(owner, name, watched)

    def _moment(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Died


class Day:
    """A data directory that lives through a day; without lightning nothing ever happens to its engine."""

    def __init__(self, plant: Plant, directory: Path, dsn: str, lightning: Lightning | None, seed: int = 0) -> None:
        self._plant, self._directory, self._dsn = plant, directory, dsn
        self._lightning, self._random = lightning, random.Random(seed)
        self._clock = HandClock(TUESDAY_US)
        self._spools: dict[str, SpoolWriter] = {}
        self._engine: pipeline.Engine | None = None
        self.deaths = 0
        (directory / "spool").mkdir(parents=True)

    def live(self, steps: list[Step]) -> Rows:
        for step in steps:
            self.feed(step)
            if self._lightning is None or self._random.random() < 0.5:
                self.turn()
        assert steps[-1].clock_us is not None
        with connect(self._dsn) as connection:
            for _ in range(TURNS):
                self.turn(aimed=False)
                tick = connection.execute("select extract(epoch from tick_time) * 1000000 from stanok.engine_state")
                if tick.fetchone() == (steps[-1].clock_us,) and self._committed():
                    self.close()
                    return results(connection)
        raise AssertionError("the day does not end")

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        for spool in self._spools.values():
            spool.close()
        self._spools.clear()

    def feed(self, step: Step) -> None:
        for name, rows in step.rows.items():
            if name not in self._spools:
                self._spools[name] = SpoolWriter(self._directory / "spool" / f"{name}.spool")
            if rows:
                self._spools[name].append_now(rows)
        self._clock.now = step.clock_us or self._clock.now
        if step.judged is not None:
            at_us = TUESDAY_US + step.judged.first * MINUTE_US
            wanted = {(machine, at_us) for machine in self._plant.machines_of(step.judged.source)}
            while not wanted <= {(gap.machines[0], gap.at_us) for gap in own_gaps(self._directory) if gap.opened}:
                self.turn()
                self._clock.now += 1000  # an engine that died between a tick and its judgement leaves it to the next

    def turn(self, *, aimed: bool = True) -> None:
        if self._lightning is not None:
            self._lightning.left = self._random.randrange(1, 24) if aimed else 0
        try:
            if self._engine is None:
                self._engine = pipeline.Engine(self._plant, self._directory, self._dsn, self._clock, SETTINGS)
                self._engine._connect()
            self._engine._turn(threading.Event())
        except Died:
            self.deaths += 1
            assert self._engine is not None
            self._engine.close()
            self._engine = None
        finally:
            if self._lightning is not None:
                self._lightning.left = 0  # collectors are other processes: nothing strikes them

    def _committed(self) -> bool:
        return self._engine is not None and all(
            inlet.position == inlet.reader.end() for inlet in self._engine._inlets.values()
        )


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows a turn, and no rest between."""
    monkeypatch.setattr(pipeline, "_READ_BYTES", 60_000)
    monkeypatch.setattr(pipeline, "_IDLE_S", 0.0)
    monkeypatch.setattr(pipeline, "_LOOK_FOR_SPOOLS_S", 0.0)


@pytest.fixture
def days() -> Iterator[list[Day]]:
    made: list[Day] = []
    yield made
    for found in made:
        found.close()


@pytest.mark.usefixtures("small_steps")
def test_a_stormy_day_leaves_the_rows_of_a_calm_one(
    plant: Plant,
    scenario: Scenario,
    tmp_path: Path,
    new_database: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    days: list[Day],
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print("seed", seed)
    steps = list(day(plant, scenario, seed))
    days.append(Day(plant, tmp_path / "calm", new_database(), None))
    calm = days[-1].live(steps)
    days.append(Day(plant, tmp_path / "stormy", new_database(), Lightning(monkeypatch), seed))
    stormy = days[-1].live(steps)
    print("the engine died", days[-1].deaths, "times")
    assert days[-1].deaths > 30
    found = difference(calm, stormy)
    print(*found, sep="\n")
    assert not found


def beats(plant: Plant, *minutes: float) -> list[SpoolRow]:
    """Heartbeats of the first machine."""
    found = []
    for minute in minutes:
        at_us = TUESDAY_US + int(minute * MINUTE_US)
        payload = pack_heartbeat(Heartbeat(np.array([0], "<i4"), np.array([at_us], "<i8")))
        found.append(SpoolRow(RowKind.HEARTBEAT, plant.sources[0].name, plant.hash, at_us, payload))
    return found


@pytest.mark.usefixtures("small_steps")
def test_a_judgement_that_was_written_but_not_committed_acts_before_what_came_later(
    plant: Plant, tmp_path: Path, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch, days: list[Day]
) -> None:
    def struck(*_: Any) -> None:
        raise Died

    made = Day(plant, tmp_path / "day", new_database(), None)
    days.append(made)
    made.live([Step({"collect": beats(plant, 0, 2)}, TUESDAY_US + 2 * MINUTE_US)])
    with monkeypatch.context() as storm:
        storm.setattr(Store, "commit", struck)
        made.feed(Step({}, TUESDAY_US + 4 * MINUTE_US))
        while not own_gaps(tmp_path / "day"):
            made.turn()
    found = made.live([Step({"collect": beats(plant, 62, 62.1, 63)}, TUESDAY_US + 63 * MINUTE_US)])
    (gap,) = (json.loads(row) for row in found["data_gap"])
    assert (gap["from_time"], gap["to_time"]) == ("2026-03-24T07:02:00+00:00", "2026-03-24T08:02:00+00:00")
