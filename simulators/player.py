"""Plays a scenario over protocol outlets in scenario time: every sample leaves when its moment has come.

Invariants: no sample with an event time after the clock's now is sent, none is left out or sent twice, and each
machine's samples leave in order; faults (faults.py) change what leaves, and when, and interventions (interventions.py)
what happens from then on. When the clock was stopped, everything up to the stop is sent and the outlets stay on line
until the player is cancelled. Outlets do not wait for each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from operator import attrgetter

from core.plant.model import Plant
from core.ports import Clock
from simulators.faults import Line
from simulators.interventions import Intervention, Kind, check
from simulators.outlet import Outlet, Sample, Value
from simulators.scenario import Scenario
from simulators.signals import Signals

_TICK_S = 0.03
"""Real time between two looks at the clock: short beside the 250 ms in which an OPC UA server publishes."""


class Player:
    """One run over some outlets by name of source; sources without an outlet are not played."""

    def __init__(self, signals: Signals, clock: Clock, outlets: Mapping[str, Outlet], from_us: int) -> None:
        self._signals = signals
        self._clock = clock
        self._outlets = outlets
        self._from_us = from_us
        self._sent_until = dict.fromkeys(outlets, from_us)
        self._lines = {
            machine: Line(signals, machine, from_us)
            for source in outlets
            for machine in signals.plant.machines_of(source)
        }

    def intervene(self, wanted: Intervention) -> Intervention:
        """Do something to a machine from the first instant on that has not left it; gives it with that instant.

        InputError if the machine cannot do it. Only for machines that are played here.
        """
        check(wanted, self._signals.plant, self._signals.scripts)
        line = self._lines[self._signals.plant.machine_index[wanted.machine]]
        done = replace(wanted, at_us=line.until_us)
        self._signals.intervene(done)
        if done.kind is Kind.CUT:
            line.cut(done.at_us, done.to_us)
        return done

    def plays(self, machine: str) -> bool:
        """False for a machine of the plant that other processes play; a stranger is whoever is asked."""
        known = self._signals.plant.machine_index
        return machine not in known or known[machine] in self._lines

    @property
    def sent_until(self) -> int:
        """Every sample with an event time before this (scenario µs) has been taken by its outlet."""
        return min(self._sent_until.values(), default=self._from_us)

    async def run(self) -> None:
        """Serve the present values of `from_us`, wait for the clock to run, then play until cancelled.

        What an outlet raises ends the run (as an ExceptionGroup once it plays); every outlet is stopped on the way out.
        """
        async with AsyncExitStack() as on_line:
            for source, outlet in self._outlets.items():
                on_line.push_async_callback(outlet.stop)
                await outlet.start(self._present(source))
            while not self._clock.running():  # noqa: ASYNC110 - a clock can only be asked
                await asyncio.sleep(_TICK_S)
            async with asyncio.TaskGroup() as group:
                for source in self._outlets:
                    group.create_task(self._feed(source), name=f"play {source}")

    def _present(self, source: str) -> Mapping[int, Mapping[str, tuple[int, Value]]]:
        machines = self._signals.plant.machines_of(source)
        return {machine: self._lines[machine].present() for machine in machines}

    async def _feed(self, source: str) -> None:
        while True:
            until_us = max(self._clock.now_us() + 1, self._sent_until[source])
            await self._outlets[source].send(self._due(source, until_us))
            self._sent_until[source] = until_us
            await asyncio.sleep(_TICK_S)

    def _due(self, source: str, until_us: int) -> list[Sample]:
        """What leaves the source's machines before `until_us`, in order of time."""
        machines = self._signals.plant.machines_of(source)
        found = [leaving for machine in machines for leaving in self._lines[machine].leaving(until_us)]
        found.sort(key=attrgetter("at_us"))
        return [leaving.sample for leaving in found]


async def play(plant: Plant, scenario: Scenario, clock: Clock, outlets: Mapping[str, Outlet], from_us: int) -> None:
    """`Player.run` for a scenario whose truth nobody else in this process needs."""
    await Player(Signals(plant, scenario), clock, outlets, from_us).run()
