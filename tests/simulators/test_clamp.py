"""Old lathes of which a clamp is all that is known: what the engine makes of the current is when they worked."""

from __future__ import annotations

from itertools import count

import numpy as np

from collectors.profiles import expand
from core.engine.stream import Stream
from core.plant.parse import parse_plant
from core.samples.records import StoredRow
from core.units import HOUR_US, SECOND_US
from core.vocabulary import State
from simulators.backfill import backfill
from simulators.figures import figures
from simulators.made import made
from simulators.scenario import parse_scenario
from simulators.signals import Signals

from .conftest import TUESDAY_US

TO_US = TUESDAY_US + 6 * HOUR_US


def test_the_engine_finds_from_the_current_when_an_old_lathe_worked_and_when_it_stood() -> None:
    document, script = made("workshop", "")
    plant = parse_plant(expand({**document, "machine": document["machine"][:3]}))
    assert plant.machines[0].signal_names == {"conn.online", "power.current.l1"}
    scenario = parse_scenario({**script, "machine": script["machine"][:3]}, plant, TUESDAY_US)
    signals, stream, records = Signals(plant, scenario), Stream(plant, ["past"]), count(1)
    for step in backfill(plant, scenario, TUESDAY_US, TO_US, signals=signals):
        for row in step:
            stored = StoredRow(next(records), row.kind, row.source, row.plant_hash, row.received_us, row.payload)
            stream.take_row("past", stored, 1.0)
    facts = stream.collect(1.0).facts
    for machine in range(3):
        until_us = int(facts[facts["machine"] == machine]["minute_us"].max())
        true = figures(signals, machine, TUESDAY_US, until_us)
        mine = facts[(facts["machine"] == machine) & (facts["minute_us"] < until_us)]
        edges = len(signals.ledger(machine).states_in(TUESDAY_US, until_us))
        assert true.apt_us > HOUR_US
        assert edges > 20
        # A clamp that tells its current each second is at most a second late at each edge.
        assert abs(int(mine["apt"].sum()) - true.apt_us) <= edges * SECOND_US
        assert abs(int(mine["apt"].sum()) - true.apt_us) <= 0.002 * true.apt_us


def test_an_old_lathe_is_idle_while_it_is_handled_and_its_motor_stands_then() -> None:
    document, script = made("workshop", "")
    plant = parse_plant(expand(document))
    signals = Signals(plant, parse_scenario(script, plant, TUESDAY_US))
    for machine in range(len(plant.machines)):
        phases = signals.ledger(machine).phases_in(TUESDAY_US, TO_US)
        assert all(phase.condition.turning == (phase.condition.state == State.PRODUCING) for phase in phases)
        currents = signals.streams[machine].columns(TUESDAY_US, TO_US)
        levels = plant.machines[machine].behaviour.by_power
        assert levels is not None
        work, rest, _ = (limit / 1000 for limit in levels.limits)
        assert not np.any((currents.value > rest) & (currents.value < work)), "taught levels tell work from rest"
