"""Playing a scenario by a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from core.plant.model import Plant
from core.units import HOUR_US, MINUTE_US
from simulators.outlet import Sample, Value
from simulators.player import Player, play
from simulators.scenario import Scenario
from simulators.signals import Signals

from .conftest import TUESDAY_US

FROM_US = TUESDAY_US + HOUR_US


@dataclass
class HandClock:
    """A clock that the test sets."""

    at_us: int = FROM_US
    runs: bool = False

    def now_us(self) -> int:
        return self.at_us

    def from_real_us(self, real_us: int) -> int:
        return real_us

    def scale(self) -> float:
        return 1.0

    def running(self) -> bool:
        return self.runs


@dataclass
class Recorder:
    """An outlet that keeps what it was given, and when by the clock."""

    clock: HandClock
    present: Mapping[int, Mapping[str, tuple[int, Value]]] | None = None
    sent: list[Sample] = field(default_factory=list)
    stopped: bool = False
    stuck: asyncio.Event | None = None

    async def start(self, present: Mapping[int, Mapping[str, tuple[int, Value]]]) -> None:
        self.present = present

    async def send(self, samples: Sequence[Sample]) -> None:
        if self.stuck is not None:
            await self.stuck.wait()
        assert all(sample.event_us <= self.clock.at_us for sample in samples)
        self.sent += samples

    async def stop(self) -> None:
        self.stopped = True


@dataclass
class Stage:
    clock: HandClock
    outlets: dict[str, Recorder]
    player: Player
    signals: Signals

    def truth(self, source: str, to_us: int) -> list[Sample]:
        machines = self.signals.plant.machines_of(source)
        found = [sample for machine in machines for sample in self.signals.samples(machine, FROM_US, to_us)]
        return sorted(found, key=lambda sample: sample.event_us)


@pytest.fixture
def stage(plant: Plant, make_scenario: Callable[..., Scenario]) -> Stage:
    clock, signals = HandClock(), Signals(plant, make_scenario())
    outlets = {source.name: Recorder(clock) for source in plant.sources}
    return Stage(clock, outlets, Player(signals, clock, outlets, FROM_US), signals)


@asynccontextmanager
async def playing(player: Player) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(player.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):  # we cancelled it
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10.0):
        while not condition():  # noqa: ASYNC110 - the player tells nobody
            await asyncio.sleep(0.005)


async def test_outlets_start_with_the_present_and_wait_for_the_clock(stage: Stage) -> None:
    async with playing(stage.player):
        await until(lambda: all(outlet.present is not None for outlet in stage.outlets.values()))
        stage.clock.at_us += HOUR_US
        await asyncio.sleep(0.1)  # longer than three ticks: a player that does not wait would have sent by now
        assert not any(outlet.sent for outlet in stage.outlets.values())
    for source, outlet in stage.outlets.items():
        machines = stage.signals.plant.machines_of(source)
        assert outlet.present == {machine: stage.signals.present(machine, FROM_US) for machine in machines}


async def test_every_sample_is_sent_once_when_its_moment_has_come(stage: Stage) -> None:
    async with playing(stage.player):
        stage.clock.runs = True
        for step_us in (1, 7_654_321, 3 * MINUTE_US, 20 * MINUTE_US, HOUR_US):
            stage.clock.at_us += step_us
            await until(lambda: stage.player.sent_until > stage.clock.at_us)
            for source, outlet in stage.outlets.items():
                assert outlet.sent == stage.truth(source, stage.clock.at_us + 1)
    assert all(outlet.sent and outlet.stopped for outlet in stage.outlets.values())


async def test_everything_up_to_the_stop_is_sent_and_outlets_stay_on_line(stage: Stage) -> None:
    async with playing(stage.player) as task:
        stage.clock.runs = True
        await until(lambda: stage.player.sent_until > FROM_US)
        stage.clock.runs, stage.clock.at_us = False, FROM_US + 11 * MINUTE_US + 1
        await until(lambda: stage.player.sent_until == stage.clock.at_us + 1)
        assert not task.done()
        assert not any(outlet.stopped for outlet in stage.outlets.values())
    for source, outlet in stage.outlets.items():
        assert outlet.sent == stage.truth(source, stage.clock.at_us + 1)


async def test_a_stuck_outlet_does_not_hold_up_the_others(stage: Stage) -> None:
    stuck, free = stage.outlets["minsk-opcua"], stage.outlets["ural-mqtt"]
    stuck.stuck = asyncio.Event()
    async with playing(stage.player):
        stage.clock.runs, stage.clock.at_us = True, FROM_US + HOUR_US
        await until(lambda: bool(free.sent))
        assert not stuck.sent
        assert stage.player.sent_until == FROM_US
        stuck.stuck.set()
        await until(lambda: stage.player.sent_until > stage.clock.at_us)
        assert stuck.sent == stage.truth("minsk-opcua", stage.clock.at_us + 1)


async def test_an_outlet_that_fails_ends_the_play_and_all_outlets_are_stopped(
    plant: Plant, make_scenario: Callable[..., Scenario]
) -> None:
    clock = HandClock(FROM_US + HOUR_US, runs=True)
    outlets = {source.name: Recorder(clock) for source in plant.sources}

    async def fail(_samples: Sequence[Sample]) -> None:
        raise ConnectionError("the broker is gone")

    outlets["ural-mqtt"].send = fail  # type: ignore[method-assign]  # an outlet that fails
    with pytest.raises(ExceptionGroup) as caught:
        await play(plant, make_scenario(), clock, outlets, FROM_US)
    assert caught.group_contains(ConnectionError)
    assert all(outlet.stopped for outlet in outlets.values())
