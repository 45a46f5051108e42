"""The demonstration plant as the front door reads it, and six hours of its life."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.plant.model import Plant
from core.units import us_from_datetime
from simulators.scenario import Scenario, parse_scenario, read_scenario
from stanok.bench.servers import a_broker
from stanok.plantfile import load_plant

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
def mosquitto_port(tmp_path: Path) -> Iterator[int]:
    """The port of a Mosquitto of the test's own."""
    with ExitStack() as house:
        kind, _, port = a_broker(None, tmp_path, house)
        if kind != "mosquitto":
            pytest.skip("Mosquitto is not installed")
        yield port
