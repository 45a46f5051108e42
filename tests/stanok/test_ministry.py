"""Twelve simulated plants, each with its own database and engine, and the ministry that reads what they sign.

One file is tampered with on its way, one plant's first stick comes after its second, one plant sends a revision. The
ministry takes the good ones, refuses the bad ones by name, and its board shows what became of each.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from typer.testing import CliRunner

from core.facts.schema import INTERVAL, OPEN_END, REPORTED
from core.kpi.reliability import failures
from core.units import us_from_datetime
from stanok.cli import app
from storage.bundle import opened
from storage.pg.connect import connect
from storage.pg.roles import forget_grants, set_login, sync_roles
from tests.stanok.plants import Works, works

PLANTS = 12
TAMPERED, LATE, REVISED, HIDDEN = "plant-03", "plant-07", "plant-05", "plant-09"


def run(*arguments: object, code: int = 0) -> list[str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return [line for line in result.output.splitlines() if line]


@dataclass
class House:
    """The plants, the ministry's database, and the stick that travels between them."""

    plants: dict[str, Works]
    ministry: str
    stick: Path
    registry: Path

    def bundle(self, name: str, stick: Path | None = None) -> list[str]:
        plant = self.plants[name]
        more = ["--pseudonyms"] if name == HIDDEN else []
        return run(
            *("programme", "bundle", stick or self.stick, "--database", plant.dsn, "--data", plant.directory, *more)
        )

    def load(self, *paths: Path, code: int = 0) -> list[str]:
        return run("ministry", "load", *(paths or (self.stick,)), "--database", self.ministry, code=code)

    def ask(self, query: str) -> list[dict[str, Any]]:
        with connect(self.ministry) as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode()).fetchall()

    def board(self, view: str, *columns: str) -> dict[str, tuple[Any, ...]]:
        rows = self.ask(f"select * from board.{view} order by site")
        return {row["site"]: tuple(row[column] for column in columns) for row in rows}


@pytest.fixture(scope="module")
def house(
    empty_database: Callable[[str], str],
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
    logins: list[tuple[str, str]],
) -> House:
    place = tmp_path_factory.mktemp("ministry")
    plants = works(PLANTS, place, lambda: empty_database(migrated_template))
    registry = place / "registry.toml"
    registry.write_text("\n".join(["[[programme]]\nname = 'renewal'", *map(entries, plants)]), encoding="utf-8")
    dsn = empty_database("template0")
    run("ministry", "init", "--database", dsn)
    office = login(dsn, "registrar", logins)
    made = House({plant.name: plant for plant in plants}, office, place / "stick", registry)
    plants[0].dsn = login(plants[0].dsn, "maintenance", logins)
    run("programme", "load", registry, "--database", made.ministry)
    for name in made.plants:
        made.bundle(name)
        run("ministry", "trust", name, made.stick / f"{name}.pub", "--database", made.ministry)
    return made


@pytest.fixture(scope="module")
def logins() -> Iterator[list[tuple[str, str]]]:
    """Address of the database and name of every login that was made; they go in the end."""
    made: list[tuple[str, str]] = []
    yield made
    for dsn, name in made:
        with connect(dsn) as admin:
            admin.execute(f"drop owned by {name}; drop role {name}".encode())


def login(dsn: str, kind: str, made: list[tuple[str, str]]) -> str:
    """Address of a database for a login that may do no more than its kind."""
    name = f"{kind}_{os.getpid()}"
    with connect(dsn) as admin:
        forget_grants(admin)
        sync_roles(admin)  # rights to a database are not copied with a template
        set_login(admin, name, kind, [], "secret")
    made.append((dsn, name))
    return make_conninfo(dsn, user=name, password="secret")


def entries(plant: Works) -> str:
    """What the registry says of a plant: every second one gets a lathe."""
    site = f"[[site]]\nname = '{plant.name}'\ncountry = 'BY'\nstratum = 'turning'\n"
    cell = f"[[cell]]\nname = '{plant.name}/shafts'\nmachines = ['{plant.machine}']\n"
    if plant.seed % 2:
        return site + cell
    project = (
        f"[[project]]\nname = 'P-{plant.name}'\nprogramme = 'renewal'\nsite = '{plant.name}'\n"
        f"cells = ['{plant.name}/shafts']\nbaseline_from = 2025-01-06\nbaseline_to = 2025-12-28\nbaseline_tier = 'B0'\n"
        "begins = 2026-01-05\nact = 2026-02-02\ncost = 1000\ncurrency = 'BYN'\nprice_year = 2026\n"
    )
    asset = (
        f"[[asset]]\ninventory = '1'\nsite = '{plant.name}'\nproject = 'P-{plant.name}'\nmachine = '{plant.machine}'\n"
        "act = 2026-02-02\norigin = 'BY'\nregister = 'EAEU'\nregister_number = '7'\npoints = 60\nmax_points = 100\n"
        "rule_version = '1'\nmachine_class = 'turning'\n"
    )
    return site + cell + project + asset


def test_bundles_of_twelve_plants_reach_the_board_and_bad_ones_are_refused_by_name(
    house: House, tmp_path: Path
) -> None:
    names = sorted(house.plants)
    assert len(house.bundle(names[0])) == 1, "nothing is new"
    bad, good = house.stick / f"{TAMPERED}-000001.bundle", house.stick / f"{TAMPERED}.kept"
    shutil.copy(bad, good)
    content = bad.read_bytes()
    bad.write_bytes(content.replace(b'"failures":', b'"failures":1', 1))
    post = tmp_path / "post"
    post.mkdir()
    held_back = shutil.move(house.stick / f"{LATE}-000001.bundle", post)
    house.plants[LATE].tell_scrap()
    house.bundle(LATE)
    assert "was changed after it was signed" in " ".join(run("programme", "verify", house.stick, code=1))

    # The first stick: ten plants are good, one was tampered with, of one the first bundle is missing.
    told = house.load(code=1)
    refused = [line for line in told if "refused" in line]
    assert [line.partition(" ")[0].rstrip(":") for line in refused] == [
        f"{TAMPERED}-000001.bundle",
        f"{LATE}-000002.bundle",
    ]
    assert "was changed after it was signed" in refused[0]
    assert "follows bundle 1, which was not loaded" in refused[1]
    assert len(told) == PLANTS
    plants = house.board("programme_plant", "bundles", "refused", "last_day", "connected", "bought")
    assert list(plants) == names
    for name, (bundles, wrong, last_day, connected, bought) in plants.items():
        expected = (0, 1) if name in (TAMPERED, LATE) else (1, 0)
        assert (bundles, wrong) == expected, name
        assert (str(last_day) == "2026-03-23") == (bundles == 1)
        assert connected == (bought if bundles and name != HIDDEN else 0)

    # The late stick arrives, the tampered bundle is sent again, and one plant has revised a shift.
    house.plants[REVISED].tell_scrap()
    house.bundle(REVISED)
    shutil.move(good, bad)
    told = house.load(house.stick, Path(held_back))
    assert sum("was loaded before" in line for line in told) == PLANTS - 2
    assert {line.partition(":")[0] for line in told if "of them revisions" in line} == {
        f"{REVISED}-000002.bundle",
        f"{LATE}-000002.bundle",
    }
    plants = house.board("programme_plant", "bundles", "revised", "coverage")
    assert plants == {name: (2, 1, 1.0) if name in (REVISED, LATE) else (1, 0, 1.0) for name in names}
    held = house.ask(
        "select revision, parts_scrap from stanok.plant_result join stanok.plant_shift using"
        " (site, machine, day, shift, revision) where site = 'plant-05' and shift = 'evening' and parts_good > 0"
        " order by revision"
    )
    assert {row["revision"] for row in held} == {1, 2}

    # What the ministry has is what each plant's own boards show.
    for name in names:
        with connect(house.plants[name].dsn) as connection:
            own = connection.execute(
                "select round(sum(production_h)::numeric, 6), sum(parts_good) from board.kpi_day"
                " where production_day = '2026-03-23'"
            ).fetchone()
        (theirs,) = house.ask(
            "select round((sum(r.apt + r.apt_no_order) / 3.6e9)::numeric, 6), sum(r.parts_good) from"
            " (select distinct on (machine, day, shift) * from stanok.plant_shift"
            f" where site = '{name}' order by machine, day, shift, revision desc) h"
            " join stanok.plant_result r using (site, machine, day, shift, revision)"
        )
        assert tuple(theirs.values()) == own
        assert own is not None
        assert own[1] > 0

    told = run("programme", "evaluate", "--programme", "renewal", "--database", house.ministry)
    assert told[0].startswith("Not comparable: there is no output before or after the start.")
    effects = house.ask("select finding, report, verdict_ru from board.programme_effect where outcome = 'output'")
    assert [row["finding"] for row in effects] == ["not_comparable"]
    assert effects[0]["verdict_ru"].startswith("Несопоставимо")
    run("programme", "evaluate", "--programme", "renewal", "--database", house.ministry)
    run("report", "programme", "--lang", "ru", "--out", tmp_path / "report.html", "--database", house.ministry)
    printed = (tmp_path / "report.html").read_text(encoding="utf-8")
    for shown in (*names, f"{TAMPERED}-000001.bundle", "was changed after it was signed", effects[0]["verdict_ru"]):
        assert shown in printed
    again = house.ask("select finding, report, verdict_ru from board.programme_effect where outcome = 'output'")
    assert again == effects, "the same again is the same report"


def test_a_bundle_holds_the_sums_and_the_failures_of_the_whole_day(house: House) -> None:
    failed = 0
    day_us = (
        us_from_datetime(datetime(2026, 3, 22, 21, tzinfo=UTC)),
        us_from_datetime(datetime(2026, 3, 23, 21, tzinfo=UTC)),
    )
    for name in sorted(set(house.plants) - {TAMPERED, LATE, HIDDEN}):
        results = opened((house.stick / f"{name}-000001.bundle").read_bytes()).bundle.results
        assert [(str(result.day), result.shift) for result in results] == [
            ("2026-03-23", ""),
            ("2026-03-23", "evening"),
        ]
        if name == REVISED:
            continue  # its database has gone on
        sums = [sum(column) for column in zip(*(made.sums for r in results for made in r.made), strict=True)]
        columns = ", ".join(f"sum({column})::bigint" for column in REPORTED)
        with connect(house.plants[name].dsn) as connection:
            whole = connection.execute(f"select {columns} from stanok.fact_day where day = '2026-03-23'".encode())
            assert sums == list(whole.fetchone() or ())
            rows = connection.execute("select 0, from_time, to_time, state, cause, rule from stanok.state_interval")
            intervals = np.array(
                [
                    (0, us_from_datetime(row[1]), OPEN_END if row[2] is None else us_from_datetime(row[2]), *row[3:])
                    for row in rows
                ],
                INTERVAL,
            )
        expected = failures(intervals, *day_us)
        found = [sum(getattr(r, field) for r in results) for field in ("failures", "repaired", "repair_us")]
        assert found == [expected.events, expected.repaired, expected.repair_us], name
        evening = next(result for result in results if result.shift)
        # Four planned hours less what was produced in: all of it stands under a reason or none.
        stood = sum(made.sums[REPORTED.index(c)] for made in evening.made for c in REPORTED[1:12])
        assert sum(lost.us for lost in evening.lost) == stood
        failed += expected.events
    assert failed > 0, "choose other seeds"


def test_a_plant_writes_a_lost_bundle_again_byte_for_byte(house: House, tmp_path: Path) -> None:
    plant = house.plants["plant-01"]
    run(
        *("programme", "bundle", tmp_path, "--number", 1, "--database", plant.dsn, "--data", plant.directory),
    )
    assert (tmp_path / "plant-01-000001.bundle").read_bytes() == (house.stick / "plant-01-000001.bundle").read_bytes()


def test_pseudonyms_hide_machines_and_parts_but_not_the_sums(house: House) -> None:
    content = (house.stick / f"{HIDDEN}-000001.bundle").read_bytes()
    assert b"lathe" not in content
    assert b"SHAFT" not in content
    bundle = opened(content).bundle
    assert bundle.pseudonyms
    assert len({result.machine for result in bundle.results}) == 1
    assert sum(sum(made.sums) for result in bundle.results for made in result.made) > 0
    plant = house.plants[HIDDEN]
    with pytest.raises(Exception, match="made with pseudonyms"):
        run("programme", "bundle", house.stick, "--database", plant.dsn, "--data", plant.directory)


def test_a_private_key_is_its_owners_only(house: House) -> None:
    path = house.plants["plant-01"].directory / "bundle.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not list(house.stick.glob("*.key"))


def test_ministry_init_makes_a_login_that_sees_programmes_only_and_its_boards(
    empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    dsn = empty_database("template0")
    (tmp_path / "password").write_text("secret\n")
    name = f"minister_{os.getpid()}"
    asked = ["ministry", "init", "--database", dsn, "--login", name, "--password-file", tmp_path / "password"]
    told = run(*asked, "--boards", tmp_path / "boards")
    try:
        assert (tmp_path / "boards/ru/programmes.json").exists()
        assert any(line.endswith("reads programmes") for line in told)
        assert "database: up to date" in run(*asked), "may be repeated"
        with psycopg.connect(make_conninfo(dsn, user=name, password="secret"), autocommit=True) as reader:
            assert reader.execute("select count(*) from board.programme_plant").fetchone() == (0,)
            for private in ("stanok.plant_result", "stanok.bundle_key", "board.operator_entry"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reader.execute(f"select * from {private}".encode())
    finally:
        with connect(dsn) as admin:
            admin.execute(f"drop owned by {name}; drop role {name}".encode())
