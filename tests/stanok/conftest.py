"""The demonstration plant as the front door reads it, and six hours of its life."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.plant.model import Plant
from core.units import us_from_datetime
from simulators.scenario import Scenario, parse_scenario, read_scenario
from stanok.plantfile import load_plant
from tests.servers import Missing, Mosquitto

PLANTS = Path(__file__).parents[2] / "simulators" / "plants"

TUESDAY_US = us_from_datetime(datetime(2026, 3, 24, 7, 0, tzinfo=UTC))
"""10:00 in Minsk, a full hour."""


@pytest.fixture(scope="session")
def plant_file() -> Path:
    return PLANTS / "demo.toml"


@pytest.fixture(scope="session")
def plant(plant_file: Path) -> Plant:
    return load_plant(plant_file)


@pytest.fixture(scope="session")
def scenario(plant: Plant) -> Scenario:
    return parse_scenario(read_scenario(PLANTS / "demo.scenario.toml"), plant, TUESDAY_US)


@pytest.fixture
def mosquitto_port() -> Iterator[int]:
    """The port of a Mosquitto of the test's own, without anybody's sessions and retained messages."""
    try:
        broker = Mosquitto()
    except Missing as missing:
        pytest.skip(str(missing))  # in CI that is a failure (tests/fix_honest.py)
    try:
        broker.start()
        yield broker.port
    finally:
        broker.remove()
