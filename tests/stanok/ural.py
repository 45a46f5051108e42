"""The half of the demonstration plant that speaks MQTT, and an engine's life in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from collectors.profiles import expand
from core.plant.model import Plant
from core.plant.parse import parse_plant
from core.ports import Clock
from simulators.scenario import Scenario, parse_scenario, read_scenario
from stanok.pipeline import Engine
from stanok.settings import EngineSettings
from tests.properties.campaign import BEGIN_US, PLANTS, SOURCE


def ural(port: int, **settings: Any) -> Plant:
    """Its broker listens on `port`; `settings` of the source besides."""
    found = tomllib.loads((PLANTS / "demo.toml").read_text(encoding="utf-8"))
    found["site"] = [site for site in found["site"] if site["name"] == "ural"]
    sources = [source for source in found["source"] if source["name"] == SOURCE]
    found["source"] = [{**source, "port": port, **settings} for source in sources]
    found["machine"] = [machine for machine in found["machine"] if machine["source"] == SOURCE]
    return parse_plant(expand(found))


def script(plant: Plant, seed: int, faults: list[Mapping[str, Any]]) -> Scenario:
    """The demonstration's scenario for its machines, with faults at each of them."""
    found = dict(read_scenario(PLANTS / "demo.scenario.toml"))
    mine = [{**one, "fault": faults} for one in found["machine"] if one["name"] in plant.machine_index]
    return parse_scenario({**found, "machine": mine, "seed": seed}, plant, BEGIN_US)


@asynccontextmanager
async def engine(
    plant: Plant, directory: Path, dsn: str, clock: Clock, stuck_s: float | None = None
) -> AsyncIterator[None]:
    """An engine at work; at the end it commits what the spools hold. `stuck_s`: patience of its watchdog."""
    stop = threading.Event()

    def work() -> None:
        # A clock by its methods only.
        made = Engine(plant, directory, dsn, clock, EngineSettings(tick_s=0.5, commit_s=0.2))  # type: ignore[arg-type]  # a clock set by hand
        if stuck_s is not None:
            made._guard._stuck_s = stuck_s
        try:
            made.run(stop)
        finally:
            made.close()

    working = asyncio.create_task(asyncio.to_thread(work))
    try:
        yield
    finally:
        stop.set()
        await working
