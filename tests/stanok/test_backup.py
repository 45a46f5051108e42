"""A restored older database and the spools that were kept end with the rows of an undisturbed run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.errors import InputError
from core.plant.model import Plant
from simulators.scenario import Scenario
from stanok import dump
from stanok.backup import backup, restore
from stanok.settings import DatabaseSettings, DataSettings, Settings
from storage.pg.connect import connect
from storage.spool import SpoolWriter
from storage.spool_copy import contents
from tests.stanok.conftest import TUESDAY_US
from tests.stanok.day import Step, day
from tests.stanok.house import House, difference, results

HALF = 12
ALL = 24


def settings(dsn: str, directory: Path) -> Settings:
    return Settings(data=DataSettings(directory=directory), database=DatabaseSettings(dsn=dsn))


@pytest.fixture
def house(plant_file: Path, tmp_path: Path, database: str) -> Iterator[House]:
    made = House(plant_file, tmp_path / "data", database)
    made.set_clock(TUESDAY_US)
    yield made
    made.clean_up()


def live(house: House, steps: list[Step]) -> None:
    """Everything that the steps bring is in the database."""
    for step in steps:
        for spool, rows in step.rows.items():
            house.append(spool, rows)
        assert step.clock_us is not None
        house.set_clock(step.clock_us)
    last_us = steps[-1].clock_us
    assert last_us is not None
    house.until(lambda: house.committed() and house.ticked(last_us) and house.repaired(), "not everything is committed")


def test_an_older_database_and_the_kept_spools_end_with_the_same_rows(
    plant: Plant, scenario: Scenario, house: House, empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    steps = list(day(plant, scenario, 1))[:ALL]
    live(house, steps[:HALF])
    done = backup(settings(house.dsn, house.directory), tmp_path / "backup")  # while collector and engine have it open
    assert done.spools == 3
    live(house, steps[HALF:])
    house.stop()
    with connect(house.dsn) as connection:
        undisturbed = results(connection)

    older = empty_database("template0")
    restore(settings(older, house.directory), tmp_path / "backup")
    with connect(older) as connection:
        assert len(results(connection)["sample"]) < len(undisturbed["sample"])
    house.move(older)
    house.until(lambda: house.committed() and house.ticked(steps[-1].clock_us or 0) and house.repaired(), "no replay")
    house.stop()
    with connect(older) as connection:
        assert difference(undisturbed, results(connection)) == []


def test_a_lost_computer_comes_back_as_it_was_at_the_backup(
    plant: Plant,
    scenario: Scenario,
    house: House,
    plant_file: Path,
    empty_database: Callable[[str], str],
    tmp_path: Path,
) -> None:
    steps = list(day(plant, scenario, 2))[:HALF]
    live(house, steps)
    house.stop()
    with connect(house.dsn) as connection:
        before = results(connection)
    backup(settings(house.dsn, house.directory), tmp_path / "backup")
    target = empty_database("template0")
    fresh = House(plant_file, tmp_path / "other", target)
    restore(settings(target, fresh.directory), tmp_path / "backup")
    assert (fresh.directory / "plants").is_dir()
    fresh.set_clock(steps[-1].clock_us or 0)
    try:
        fresh.until(lambda: fresh.log.exists() and "up" in fresh.log.read_text() and fresh.committed(), "no engine")
        fresh.stop()
    finally:
        fresh.clean_up()
    with connect(target) as connection:
        assert difference(before, results(connection)) == []


def test_a_strange_spool_of_the_same_name_stays_and_the_copy_lies_beside_it(
    database: str, empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    target = empty_database("template0")
    for directory in ("data", "other"):
        (tmp_path / directory / "spool").mkdir(parents=True)
        SpoolWriter(tmp_path / directory / "spool" / "hall.spool").close()
    backup(settings(database, tmp_path / "data"), tmp_path / "backup")
    restore(settings(target, tmp_path / "other"), tmp_path / "backup")
    ids = {contents(path).spool_id for path in (tmp_path / "other" / "spool").glob("hall*.spool")}
    assert contents(tmp_path / "data" / "spool" / "hall.spool").spool_id in ids
    assert len(ids) == 2


@pytest.fixture
def small(database: str, tmp_path: Path) -> Path:
    """A backup of an empty database."""
    backup(settings(database, tmp_path / "none"), tmp_path / "backup")
    return tmp_path / "backup"


def test_a_damaged_or_newer_backup_is_refused(small: Path, database: str, tmp_path: Path) -> None:
    manifest = json.loads((small / "manifest.json").read_text())
    wish = settings(database, tmp_path / "new")
    spoiled = tmp_path / "spoiled"
    for name in ("database/toc.dat", "spool/extra.spool"):
        shutil.copytree(small, spoiled)
        with (spoiled / name).open("ab") as file:
            file.write(b"x")
        with pytest.raises(InputError, match=f"{name} is not as it was written"):
            restore(wish, spoiled)
        shutil.rmtree(spoiled)
    shutil.copytree(small, spoiled)
    (spoiled / "manifest.json").write_text(json.dumps({**manifest, "migrations": ["9999_later"]}))
    with pytest.raises(InputError, match="which is newer; update"):
        restore(wish, spoiled)
    (spoiled / "manifest.json").unlink()
    with pytest.raises(InputError, match="no complete backup"):
        restore(wish, spoiled)


def test_a_backup_never_overwrites(small: Path, database: str) -> None:
    with pytest.raises(InputError, match="exists already"):
        backup(settings(database, small.parent / "none"), small)


def test_a_restore_beside_a_running_engine_is_refused(
    plant: Plant, scenario: Scenario, house: House, empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    live(house, list(day(plant, scenario, 1))[:2])
    backup(settings(house.dsn, house.directory), tmp_path / "backup")
    target = empty_database("template0")
    with pytest.raises(Exception, match="already being written"):
        restore(settings(target, house.directory), tmp_path / "backup")
    with connect(target) as connection:
        assert connection.execute("select to_regnamespace('stanok') is null").fetchone() == (True,)


def test_the_fitting_pg_dump_is_chosen_and_an_older_one_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [dump.Program(Path(f"/{major}/pg_dump"), major) for major in (18, 15, 17)]
    monkeypatch.setattr(dump, "_installed", lambda _: there)
    assert [dump.choose("pg_dump", wanted).major for wanted in (15, 16, 17)] == [15, 17, 17]
    assert dump.choose("pg_restore", 15, 18).major == 18
    with pytest.raises(InputError, match=r"pg_dump of PostgreSQL 19 or newer .* there is 15, 17, 18; install"):
        dump.choose("pg_dump", 19)
