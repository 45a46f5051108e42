"""The demonstration plant and its scenario, as the simulators' tests use them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.profiles import expand
from core.plant.model import Plant
from core.plant.parse import parse_plant
from core.units import us_from_datetime
from simulators.scenario import Scenario, parse_scenario, plant_path, read_scenario

PLANTS = Path(__file__).parents[2] / "simulators" / "plants"

TUESDAY_US = us_from_datetime(datetime(2026, 3, 24, 7, 0, tzinfo=UTC))
"""10:00 in Minsk."""


@pytest.fixture(scope="session")
def plant() -> Plant:
    """The demonstration plant with the signals of its machines' profiles."""
    return parse_plant(expand(tomllib.loads((PLANTS / "demo.toml").read_text(encoding="utf-8"))))


@pytest.fixture(scope="session")
def make_scenario(plant: Plant) -> Callable[..., Scenario]:
    """The demonstration's scenario with another beginning or seed."""

    def make(begin_us: int = TUESDAY_US, **changes: object) -> Scenario:
        path = PLANTS / "demo.scenario.toml"
        found = read_scenario(path)
        assert plant_path(path, found) == PLANTS / "demo.toml"
        return parse_scenario({**found, **changes}, plant, begin_us)

    return make
