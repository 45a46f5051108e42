"""The engine is killed wherever it stands; what the database holds in the end is what one undisturbed run leaves."""

from __future__ import annotations

import json
import random
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.plant.model import Plant
from core.units import MINUTE_US, SECOND_US
from core.vocabulary import Cause
from simulators.scenario import Scenario, parse_scenario, read_scenario
from stanok.plantfile import load_plant
from storage.pg.connect import connect
from storage.pg.migrate import migrate
from tests.fix_postgres import need_binaries, temporary_postgres
from tests.seeds import seed as seed_of
from tests.stanok.conftest import PLANTS, TUESDAY_US
from tests.stanok.day import MINUTES, OUTAGES, Outage, Step, day
from tests.stanok.house import House, Rows, difference, results

DEATHS = 12
CHUNK = MINUTES // DEATHS


@pytest.fixture
def houses(plant_file: Path, tmp_path: Path) -> Iterator[Callable[..., House]]:
    made: list[House] = []

    def make(dsn: str, name: str, deaths: Iterator[int] | None = None, plant: Path = plant_file) -> House:
        made.append(House(plant, tmp_path / name, dsn, deaths))
        return made[-1]

    yield make
    for house in made:
        house.clean_up()


@pytest.fixture
def new_database(empty_database: Callable[[str], str], migrated_template: str) -> Callable[[], str]:
    """Makes migrated databases."""
    return lambda: empty_database(migrated_template)


def judged(house: House, plant: Plant, outage: Outage) -> Callable[[], bool]:
    """Whether the engine has written down the silence of all machines of the outage; time goes on meanwhile.

    An engine that died between a tick and its judgement leaves it to the next tick.
    """
    wanted = {(machine, TUESDAY_US + outage.first * MINUTE_US) for machine in plant.machines_of(outage.source)}
    now_us = TUESDAY_US + (outage.first + 2) * MINUTE_US

    def looked() -> bool:
        house.set_clock(now_us + house.died * SECOND_US // 10)
        return wanted <= {(gap.machines[0], gap.at_us) for gap in house.gaps() if gap.opened}

    return looked


def feed(house: House, plant: Plant, steps: list[Step]) -> None:
    """The engine dies as planned, and is killed once a chunk if it did not."""
    for number, step in enumerate(steps, 1):
        for spool, rows in step.rows.items():
            house.append(spool, rows)
        if step.clock_us is not None:
            house.set_clock(step.clock_us)
        house.keep()
        if step.judged is not None:
            house.until(judged(house, plant, step.judged), f"{step.judged} is not seen")
        if house.mortal and number % CHUNK == 0 and house.died < number // CHUNK:
            # A default argument keeps the one of this round.
            house.until(lambda n=number: house.committed() or house.died >= n // CHUNK, "no progress")  # type: ignore[misc]  # mypy takes no default of a lambda
            house.kill()


def live_through(house: House, plant: Plant, steps: list[Step]) -> Rows:
    """Feed the steps, wait until everything is in the database, and look at it."""
    house.set_clock(TUESDAY_US)
    feed(house, plant, steps)
    last_us = steps[-1].clock_us
    assert last_us is not None
    house.until(lambda: house.committed() and house.ticked(last_us), "the last rows are not committed")
    house.until(house.repaired, "late data is not folded in")
    house.stop()
    with connect(house.dsn) as connection:
        return results(connection)


def test_however_often_the_engine_is_killed_the_rows_are_those_of_an_undisturbed_run(
    plant: Plant, scenario: Scenario, houses: Callable[..., House], new_database: Callable[[], str]
) -> None:
    seed = seed_of("killed engine")
    steps = list(day(plant, scenario, seed))
    calm = live_through(houses(new_database(), "calm"), plant, steps)
    gaps = Counter(json.loads(row)["cause"] for row in calm["data_gap"])
    assert gaps[Cause.SILENT] == 3 * sum(not outage.told for outage in OUTAGES)
    assert gaps[Cause.RESTART] == 3 * sum(outage.told for outage in OUTAGES)
    assert len(calm["sample"]) > 50_000

    rng = random.Random(seed)
    house = houses(new_database(), "stormy", iter([rng.randrange(2, 80) for _ in range(DEATHS)]))
    stormy = live_through(house, plant, steps)
    print("the engine died", house.died, "times")
    assert house.died >= 10
    found = difference(calm, stormy)
    print(*found, sep="\n")
    assert not found


def test_a_database_server_that_goes_down_and_comes_back_costs_no_result(
    plant: Plant,
    scenario: Scenario,
    houses: Callable[..., House],
    new_database: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need_binaries()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setattr("stanok.embedded.free_port", lambda: port)
    steps = list(day(plant, scenario, 1))[:60]
    calm = live_through(houses(new_database(), "calm"), plant, steps)
    with temporary_postgres() as server:
        with connect(server.dsn) as connection:
            migrate(connection)
        house = houses(server.dsn, "outage")
        house.set_clock(TUESDAY_US)
        feed(house, plant, steps[:30])
        house.until(lambda: house.acknowledged() > 0, "nothing is committed")
        assert server._server is not None
        server._server.send_signal(signal.SIGQUIT)  # PostgreSQL's immediate stop: as if it had crashed
        server._server.wait()
        feed(house, plant, steps[30:])
        house.until(lambda: "trying again" in house.log.read_text(), "the engine has not noticed")
        assert server.start() == house.dsn
        assert difference(calm, live_through(house, plant, [Step(clock_us=steps[-1].clock_us)])) == []
        assert house.died == 0


def test_a_second_engine_on_one_data_directory_is_refused(
    plant: Plant, scenario: Scenario, houses: Callable[..., House], new_database: Callable[[], str]
) -> None:
    house = houses(new_database(), "shared")
    house.set_clock(TUESDAY_US)
    feed(house, plant, list(day(plant, scenario, 1))[:2])
    house.until(lambda: house.acknowledged() > 0, "nothing is committed")
    code, words = house.second()
    assert code == 1
    assert "SpoolError" in words
    assert "engine.spool" in words
    house.stop()


def renamed(found: object) -> object:
    """A plant or scenario with other names for sites, sources and machines."""
    if isinstance(found, str):
        return found.replace("minsk", "grodno").replace("ural", "perm")
    if isinstance(found, list | tuple):
        return [renamed(item) for item in found]
    return {key: renamed(value) for key, value in found.items()} if isinstance(found, dict) else found


def test_two_engines_with_directories_of_their_own_share_a_database(
    plant: Plant,
    plant_file: Path,
    scenario: Scenario,
    houses: Callable[..., House],
    new_database: Callable[[], str],
    tmp_path: Path,
) -> None:
    other_file = tmp_path / "other.toml"
    other_file.write_text(str(renamed(plant_file.read_text(encoding="utf-8"))), encoding="utf-8")
    other = load_plant(other_file)
    found = renamed(read_scenario(PLANTS / "demo.scenario.toml"))
    assert isinstance(found, dict)
    plants = ((plant, plant_file, scenario), (other, other_file, parse_scenario(found, other, TUESDAY_US)))
    both = new_database()
    pairs = []
    alone: list[Rows] = []
    for number, (mine, file, script) in enumerate(plants):
        steps = list(day(mine, script, number))[:20]
        alone.append(live_through(houses(new_database(), f"alone-{number}", plant=file), mine, steps))
        pairs.append((houses(both, f"both-{number}", plant=file), mine, steps))
    for house, mine, steps in pairs:
        house.set_clock(TUESDAY_US)
        feed(house, mine, steps)
    for house, mine, steps in pairs:
        together = live_through(house, mine, [Step(clock_us=steps[-1].clock_us)])
    expected = {table: rows + alone[1][table] for table, rows in alone[0].items() if table != "part_program"}
    assert difference(expected, together) == []
