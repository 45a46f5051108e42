"""The model railway on real protocols: one OPC UA server and some MQTT publishers per source of the plant."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

from core.errors import InputError
from core.plant.model import Plant, Source
from core.units import DAY_US, ceil_minute
from simulators.mqtt_publisher import MqttPublisher
from simulators.opcua_server import OpcUaServer
from simulators.outlet import Outlet
from simulators.player import Player
from simulators.scenario import Scenario, parse_scenario, read_scenario
from simulators.signals import Signals
from stanok.clock import RealClock, ScenarioClock
from stanok.knobs import Knobs

_LOOK_S = 0.1
MOST_CLIENTS = 300
"""paho waits with select(), which knows files up to number 1023; a client has three."""
_PAST_US = DAY_US
"""Without a clock file a scenario begins a day ago, so that its machines are in the middle of their work."""


def load_scenario(path: Path, plant: Plant, clock: RealClock | ScenarioClock) -> tuple[Scenario, int]:
    """The scenario, begun where the clock says, and the instant from which its live samples are sent."""
    now = clock.now_us()
    begin = clock.file.begin_us if isinstance(clock, ScenarioClock) else ceil_minute(now - _PAST_US)
    return parse_scenario(read_scenario(path), plant, begin), now


def outlet_of(plant: Plant, source: Source) -> Outlet:
    """The one table of simulated protocols."""
    if source.protocol == "opcua":
        return OpcUaServer(plant, source.name, str(source.settings["endpoint"]))
    return MqttPublisher(
        plant, source.name, str(source.settings["host"]), int(source.settings["port"]), login_of(source)
    )


def login_of(source: Source) -> tuple[str, str] | None:
    """User and password of a broker that asks for them: the collector's, for a simulator has none of its own."""
    user, file = source.settings.get("user"), source.settings.get("password_file")
    if user is None or file is None:
        return None
    try:
        return str(user), Path(str(file)).read_text().strip()
    except OSError as error:
        raise InputError(f'source "{source.name}".password_file: {file} cannot be read: {error.strerror}') from error


def _played(plant: Plant, names: Sequence[str]) -> list[Source]:
    """The sources of these names, all without names; InputError for strangers, and for too many machines at once."""
    if strange := sorted(set(names) - {source.name for source in plant.sources}):
        raise InputError(f"--source: the plant has no source {', '.join(strange)}")
    found = [source for source in plant.sources if not names or source.name in names]
    clients = sum(len(plant.machines_of(source.name)) for source in found if source.protocol == "mqtt")
    if clients > MOST_CLIENTS:
        raise InputError(
            f"{clients} machines over MQTT are too many for one process, {MOST_CLIENTS} can be: "
            "start several, each with --source for some of the sources"
        )
    return found


async def simulate(
    plant: Plant,
    path: Path,
    clock: RealClock | ScenarioClock,
    stop: threading.Event,
    directory: Path,
    sources: Sequence[str] = (),
) -> None:
    """Serve and play until told to stop. What is asked for in `directory` (knobs.py) is done meanwhile.

    `sources`: only these; other processes play the others.
    """
    outlets = {source.name: outlet_of(plant, source) for source in _played(plant, sources)}
    scenario, from_us = load_scenario(path, plant, clock)
    knobs = Knobs(directory, goes_on=isinstance(clock, ScenarioClock))
    player = Player(Signals(plant, scenario, knobs.done), clock, outlets, from_us)
    playing = asyncio.create_task(player.run())
    while not stop.is_set():
        await asyncio.sleep(_LOOK_S)
        knobs.turn(player.intervene, player.plays)
        if playing.done():
            playing.result()
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)
