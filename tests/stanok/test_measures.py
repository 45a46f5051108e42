"""What is measured beside the engine reaches the database, and nothing that is missing stops it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from core.plant.model import Plant
from core.samples.records import RowKind, SpoolRow
from core.units import HOUR_US
from stanok.measures import LONGEST_H, certificates, measuring, spools
from stanok.plantfile import load_plant
from storage.pg.measure import Measure
from storage.spool import SpoolWriter
from tests.collectors.test_opcua_security import make_certificate, make_key
from tests.stanok.house import wait_for

DEMO = Path(__file__).parents[2] / "simulators/plants/demo.toml"


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """The demonstration's, secured with a certificate that ends in a day."""
    make_certificate(tmp_path, "hall", "urn:x", make_key(), days=1)
    text = DEMO.read_text(encoding="utf-8")
    keys = {"certificate": "hall.der", "server_certificate": "hall.der", "private_key": "hall.pem"}
    secured = "".join(f'{key} = "{tmp_path / name}"\n' for key, name in keys.items())
    named = re.sub('security = "none".*\n', secured, text)
    (tmp_path / "plant.toml").write_text(named, encoding="utf-8")
    return load_plant(tmp_path / "plant.toml")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A data directory with a spool of three rows in two hours."""
    (tmp_path / "spool").mkdir()
    with SpoolWriter(tmp_path / "spool" / "collect.spool") as spool:
        spool.append_now(
            [SpoolRow(RowKind.HEARTBEAT, "a", b"\x01" * 32, hour * HOUR_US, bytes(5000)) for hour in range(1, 4)]
        )
    return tmp_path


def test_a_spool_tells_what_waits_and_how_long_its_disk_lasts(house: Path) -> None:
    waiting, left = spools(house)
    assert waiting == Measure("spool_waiting", "collect.spool", 3.0)
    assert (left.what, left.value) == ("spool_left_h", LONGEST_H)
    assert 0 < next(found.value for found in spools(house, scale=1e9) if found.what == "spool_left_h") < 100


def test_a_house_without_spools_and_a_file_that_is_none_measure_nothing(tmp_path: Path) -> None:
    assert list(spools(tmp_path)) == []
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "broken.spool").write_bytes(b"nothing of a spool")
    assert list(spools(tmp_path)) == []


def test_a_certificate_tells_the_days_that_are_left(plant: Plant) -> None:
    now = datetime.now(UTC)
    found, pinned = certificates(plant, now)
    assert pinned == found
    assert (found.what, found.subject) == ("certificate_left_d", "minsk-opcua: hall.der")
    assert found.value == pytest.approx(1, abs=0.1)
    later, _ = certificates(plant, now + timedelta(days=3))
    assert later.value == pytest.approx(-2, abs=0.1)


def test_measures_come_into_the_database_with_the_tick_as_their_time(plant: Plant, house: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("insert into stanok.engine_state values (true, '2026-03-24 09:40Z')")
        look = "select what, value, at_time from stanok.platform_measure where what = 'spool_waiting'"
        with measuring(plant, house, database, scale=1.0, every_s=0.02):
            wait_for(lambda: connection.execute(look).fetchone() is not None, "no measure came", 20)
            connection.execute("update stanok.engine_state set tick_time = '2026-03-24 09:50Z'")
            wait_for(lambda: (connection.execute(look).fetchone() or [0] * 3)[2].minute == 50, "no measure is new", 20)
        row = connection.execute(look).fetchone()
    assert row is not None
    assert (row[0], row[1]) == ("spool_waiting", 3.0)


def test_a_database_that_is_away_stops_nothing(plant: Plant, house: Path) -> None:
    with measuring(plant, house, "postgresql://nobody@127.0.0.1:9/none", scale=1.0, every_s=0.01):
        pass
