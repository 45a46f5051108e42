"""The engine dies at every statement of its commits and at every border of its spools; the day's rows are a calm one's.

Here it dies by an exception and the test turns its loop: quicker than killing processes (test_engine_restart), and it
comes to every place. What it had in memory is gone all the same, and the server rolls back what was not committed.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg import sql

from core.plant.model import Plant
from core.samples.records import Heartbeat, RowKind, SpoolRow, pack_heartbeat
from core.units import MINUTE_US, us_from_datetime
from core.vocabulary import Cause
from simulators.scenario import Scenario
from stanok import pipeline
from stanok.settings import EngineSettings
from storage.pg.commit import Store
from storage.pg.connect import connect
from storage.spool import SpoolWriter
from storage.spool_read import SpoolReader
from tests.seeds import seed as seed_of
from tests.stanok.conftest import TUESDAY_US
from tests.stanok.day import Step, day
from tests.stanok.hand import HandClock
from tests.stanok.house import Rows, difference, own_gaps, results

pytestmark = pytest.mark.timeout(300)

SETTINGS = EngineSettings(tick_s=1e-6, commit_s=1e-6, commit_samples=500, repair_quiet_s=0.05)
TURNS = 3000
"""More than enough to read a day in small pieces."""
MINUTES = 320
"""As long as the day is: it has every outage, and data that come late after the last one."""
STEPS = 4
"""Minutes between two turns; a calm engine has more to do in each."""
CALM_STEPS = 15
LEAST_DEATHS = 50
LEAST_PLACES = 20
"""A commit had 22 statements and their borders when this was written, but not all of them every time."""
STRUCK = 0.8
"""Share of the turns that lightning aims at."""


_COMMITS = ("commit", "begin", "finish")


class Died(BaseException):
    """No error: the process is gone."""


class Lightning:
    """Strikes at a moment of a turn: before a statement, or at either border of whatever else leaves the process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
        self._random = random.Random(seed)
        self._length = 0  # moments of the last turn that was lived to its end
        self._passed = 0
        self._aim = 0
        self._aims: list[int] = []
        self.struck: Counter[str] = Counter()
        self._committing = False
        borders = (SpoolWriter, "append_now"), (SpoolReader, "acknowledge"), *((Store, name) for name in _COMMITS)
        for owner, name in borders:
            self._watch_borders(monkeypatch, owner, name)
        for name in ("execute", "executemany", "copy"):
            self._watch_statements(monkeypatch, name)

    def aim(self) -> None:
        """At a moment of the next turn, at each of them in the course of time; some turns are spared."""
        self._passed = 0
        if self._random.random() < STRUCK:
            self._aims = self._aims or self._random.sample(range(1, self._length + 1), self._length)
            self._aim = self._aims.pop() if self._aims else 0

    def spare(self) -> None:
        """Collectors and the test are other processes."""
        self._aim = 0

    def over(self) -> None:
        """The turn has come to its end."""
        self._length = self._passed
        self.spare()

    def _watch_borders(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        method: Callable[..., Any] = getattr(owner, name)

        def watched(*args: Any, **named: Any) -> Any:
            if name == "finish" and args[0]._begun is None:
                return method(*args)
            self._moment(f"before {name}")
            self._committing = name in _COMMITS
            try:
                result = method(*args, **named)
            finally:
                self._committing = False
            self._moment(f"after {name}")
            return result

        monkeypatch.setattr(owner, name, watched)

    def _watch_statements(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """Those of commits; a start has as many again, which write nothing that counts."""
        method: Callable[..., Any] = getattr(psycopg.Cursor, name)

        def watched(mine: Any, query: Any, *args: Any, **named: Any) -> Any:
            if self._committing:
                self._moment(_beginning(query))
            return method(mine, query, *args, **named)

        monkeypatch.setattr(psycopg.Cursor, name, watched)

    def _moment(self, place: str) -> None:
        self._passed += 1
        if self._passed == self._aim:
            self.struck[place] += 1
            raise Died


def _beginning(query: object) -> str:
    """The first words of a statement."""
    text = query.as_string() if isinstance(query, sql.Composable) else query
    words = (text.decode() if isinstance(text, bytes) else str(text)).split()
    return " ".join(words[:4])


class Day:
    """A data directory that lives through a day; without lightning nothing ever happens to its engine."""

    def __init__(self, plant: Plant, directory: Path, dsn: str, lightning: Lightning | None) -> None:
        self._plant, self._directory, self._dsn, self._lightning = plant, directory, dsn, lightning
        self._clock: Any = HandClock(TUESDAY_US)
        self._spools: dict[str, SpoolWriter] = {}
        self._engine: pipeline.Engine | None = None
        (directory / "spool").mkdir(parents=True)

    def live(self, steps: list[Step]) -> Rows:
        """Feed the steps, let the engine take in all, and look at the database."""
        for number, step in enumerate(steps, 1):
            self.feed(step)
            if number % (CALM_STEPS if self._lightning is None else STEPS) == 0:
                self.turn()
        last_us = steps[-1].clock_us
        assert last_us is not None
        with connect(self._dsn) as connection:
            for _ in range(TURNS):
                self.turn(aimed=False)
                tick = connection.execute("select tick_time from stanok.engine_state").fetchone()
                asked = connection.execute("select exists (select from stanok.recompute_request)").fetchone()
                told = tick is not None and us_from_datetime(tick[0]) == last_us and self._all_read()
                if told and asked == (False,):
                    self.close()
                    return results(connection)
        raise AssertionError("the day does not end")

    def close(self) -> None:
        """End the engine and the collectors."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        for spool in self._spools.values():
            spool.close()
        self._spools.clear()

    def feed(self, step: Step) -> None:
        """What the collectors write, and the clock; silence is waited for."""
        for name, rows in step.rows.items():
            if name not in self._spools:
                self._spools[name] = SpoolWriter(self._directory / "spool" / f"{name}.spool")
            if rows:
                self._spools[name].append_now(rows)
        self._clock.now = step.clock_us or self._clock.now
        if step.judged is not None:
            at_us = TUESDAY_US + step.judged.first * MINUTE_US
            wanted = {(machine, at_us) for machine in self._plant.machines_of(step.judged.source)}
            for _ in range(TURNS):
                if wanted <= {(gap.machines[0], gap.at_us) for gap in own_gaps(self._directory) if gap.opened}:
                    return
                self.turn()
                self._clock.now += 1000  # an engine that died between a tick and its judgement leaves it to the next
            raise AssertionError(f"{step.judged} is not seen")

    def turn(self, *, aimed: bool = True) -> None:
        """One turn of the engine's loop, with a new engine where the last one died."""
        if self._lightning is not None and aimed:
            self._lightning.aim()
        try:
            if self._engine is None:
                self._engine = pipeline.Engine(self._plant, self._directory, self._dsn, self._clock, SETTINGS)
                self._engine._connect(threading.Event())
            self._engine._turn(threading.Event())
            if self._lightning is not None:
                self._lightning.over()
        except Died:
            assert self._lightning is not None
            self._lightning.spare()
            assert self._engine is not None
            self._engine.close()
            self._engine = None

    def _all_read(self) -> bool:
        return self._engine is not None and all(
            inlet.position == inlet.reader.end() for inlet in self._engine._inlets.values()
        )


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Day]]:
    """To be closed at the end. Their engines read a few rows a turn, do not rest, and nobody pulls their plug."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    monkeypatch.setattr(pipeline, "_READ_BYTES", 200_000)
    monkeypatch.setattr(pipeline, "_IDLE_S", 0.0)
    monkeypatch.setattr(pipeline, "_LOOK_FOR_SPOOLS_S", 0.0)
    made: list[Day] = []
    yield made
    for found in made:
        found.close()


@pytest.fixture
def new_database(empty_database: Callable[[str], str], migrated_template: str) -> Callable[[], str]:
    """Makes migrated databases."""
    return lambda: empty_database(migrated_template)


def test_a_stormy_day_leaves_the_rows_of_a_calm_one(
    plant: Plant,
    scenario: Scenario,
    tmp_path: Path,
    new_database: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    days: list[Day],
) -> None:
    seed = seed_of("storm")
    steps = list(day(plant, scenario, seed))[:MINUTES]
    days.append(Day(plant, tmp_path / "calm", new_database(), None))
    calm = days[0].live(steps)
    with monkeypatch.context() as storm:
        lightning = Lightning(storm, seed)
        days.append(Day(plant, tmp_path / "stormy", new_database(), lightning))
        stormy = days[1].live(steps)
    print("the engine died", lightning.struck.total(), "times in", len(lightning.struck), "places", lightning.struck)
    found = difference(calm, stormy)
    print(*found[:40], sep="\n")
    assert not found
    assert lightning.struck.total() >= LEAST_DEATHS
    assert len(lightning.struck) >= LEAST_PLACES


def beats(plant: Plant, *minutes: float) -> list[SpoolRow]:
    """Heartbeats of the first machine."""
    found = []
    for minute in minutes:
        at_us = TUESDAY_US + int(minute * MINUTE_US)
        payload = pack_heartbeat(Heartbeat(np.array([0], "<i4"), np.array([at_us], "<i8")))
        found.append(SpoolRow(RowKind.HEARTBEAT, plant.sources[0].name, plant.hash, at_us, payload))
    return found


def test_a_judgement_that_was_written_but_not_committed_acts_before_what_came_later(
    plant: Plant, tmp_path: Path, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch, days: list[Day]
) -> None:
    def struck(*_: Any) -> None:
        raise Died

    lightning = Lightning(monkeypatch, 0)
    made = Day(plant, tmp_path / "day", new_database(), lightning)
    days.append(made)
    monkeypatch.setattr(lightning, "aim", lambda: None)
    made.live([Step({"collect": beats(plant, 0, 2)}, TUESDAY_US + 2 * MINUTE_US)])
    with monkeypatch.context() as storm:
        storm.setattr(Store, "commit", struck)
        made.feed(Step({}, TUESDAY_US + 4 * MINUTE_US))
        for _ in range(TURNS):
            if own_gaps(tmp_path / "day"):
                break
            made.turn()
    found = made.live([Step({"collect": beats(plant, 62, 62.1, 63)}, TUESDAY_US + 63 * MINUTE_US)])
    gaps = [json.loads(row) for row in found["data_gap"]]
    (gap,) = (gap for gap in gaps if gap["cause"] == Cause.SILENT)
    assert (gap["from_time"], gap["to_time"]) == ("2026-03-24T07:02:00+00:00", "2026-03-24T08:02:00+00:00")
