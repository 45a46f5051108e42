"""Every way a commit can end too early: the rows are those of an undisturbed day, every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.plant.model import Plant
from simulators.scenario import Scenario
from storage.pg.connect import connect
from storage.pg.migrate import migrate
from tests.fix_postgres import system_postgres
from tests.seeds import seed as seed_of
from tests.servers import DEBIAN
from tests.stanok.crash import Crash, Outcome
from tests.stanok.day import Step, day
from tests.stanok.house import difference

pytestmark = pytest.mark.timeout(300)

MINUTES = 110
"""With a silence that is judged, and what people told of the past."""


@pytest.fixture(scope="module")
def steps(plant: Plant, scenario: Scenario) -> list[Step]:
    return list(day(plant, scenario, seed_of("crashed day")))[:MINUTES]


@pytest.fixture(scope="module")
def new_database(empty_database: Callable[[str], str], migrated_template: str) -> Callable[[], str]:
    return lambda: empty_database(migrated_template)


@pytest.fixture(scope="module")
def calm(
    plant: Plant, steps: list[Step], new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    return Crash(plant, tmp_path_factory.mktemp("calm") / "day", new_database()).live(steps)


def compared(calm: Outcome, found: Outcome, least: int) -> None:
    print(found.line())
    wrong = difference(calm.rows, found.rows)
    print(*wrong[:40], sep="\n")
    assert not wrong
    assert found.struck.total() >= least


@pytest.mark.parametrize(("kind", "least"), [("kill", 150), ("cut", 3), ("duel", 4)])
def test_a_day_of_faults_leaves_the_rows_of_a_calm_one(
    kind: str,
    least: int,
    plant: Plant,
    steps: list[Step],
    new_database: Callable[[], str],
    calm: Outcome,
    tmp_path: Path,
) -> None:
    compared(calm, Crash(plant, tmp_path / "day", new_database(), kind, seed_of(kind)).live(steps), least)


def test_a_database_that_dies_in_the_middle_of_a_copy_costs_no_row(
    plant: Plant, steps: list[Step], calm: Outcome, tmp_path: Path
) -> None:
    with system_postgres(DEBIAN) as server:
        with connect(server.dsn) as connection:
            migrate(connection)
        compared(calm, Crash(plant, tmp_path / "day", server.dsn, "restart", seed_of("restart"), server).live(steps), 2)
