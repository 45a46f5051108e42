"""The way from simulated machines to committed facts, as quick as it can be computed: for `stanok bench accuracy`.

In the path: ledger, faults, MQTT payloads, the collector's decoding, clock choice, continuity and gaps, packed spool
rows, the engine's stream with ticks, silence, late data and repair, PostgreSQL. Not in the path: network, broker and
OPC UA servers, the spool's file, processes. The broker is ideal: what leaves a machine arrives within a second.

A run is a pure function of plant, scenario and faults. Time goes in steps; a message arrives when its last sample
leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from collectors.mqtt.decode import Message
from collectors.mqtt.intake import Intake
from collectors.mqtt.settings import source_settings
from collectors.mqtt.topics import build_routes
from core.engine.fold import CODE_VERSION
from core.engine.repair import RepairJob
from core.engine.stream import Stream
from core.plant.model import Source
from core.samples.records import RowKind, SpoolRow, StoredRow, Tick, pack_tick
from core.units import HOUR_US, MINUTE_US, SECOND_US
from simulators.faults import Leaving, Line
from simulators.mqtt_publisher import STATE, STATUS, messages, state_message
from simulators.outlet import ONLINE, Value
from simulators.signals import Signals
from storage.pg.commit import Store
from storage.pg.connect import Connection
from storage.pg.past import PgPast
from storage.pg.plant import load_plant as store_plant

STEP_US = MINUTE_US
STATE_EVERY_US = 5 * MINUTE_US
"""Present values are retained anew this often. Publishers do it every 5 s, which would be most of the work."""
COMMIT_US = 10 * MINUTE_US
REPAIR_US = HOUR_US
AFTER_US = MINUTE_US
"""How long a run goes on after its window, so that the last minute is closed."""
_SPOOLS = ["collect", "engine"]


def over_mqtt(plant: Mapping[str, Any]) -> dict[str, Any]:
    """The same plant document with every OPC UA machine behind an MQTT publisher that shows the same signals."""
    others = {source["name"] for source in plant["source"] if source["protocol"] == "opcua"}
    return {
        **plant,
        "source": [_mqtt(source) if source["name"] in others else source for source in plant["source"]],
        "machine": [_shown(machine) if machine["source"] in others else machine for machine in plant["machine"]],
    }


def _mqtt(source: Mapping[str, Any]) -> dict[str, Any]:
    name = source["name"]
    found = {"name": name, "protocol": "mqtt", "host": "127.0.0.1", "port": 1883, "client_id": name}
    return {**found, "liveness": "birth", "renews_state": True}


def _shown(machine: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in machine.items() if key not in ("path", "profile", "signals")}
    signals = {name: {"name": name} for name in ("ctrl.op_mode", "ctrl.item_state")}
    return {**kept, "profile": "json", "topic": f"stanok/{machine['name']}", "signals": signals}


class _Publisher:
    """One machine: its line, and what it retains."""

    def __init__(self, signals: Signals, machine: int, begin_us: int) -> None:
        self.machine = machine
        self._topic = str(signals.plant.machines[machine].mapping["topic"])
        self._line = Line(signals, machine, begin_us)
        self._present: dict[str, tuple[int, Value]] = dict(self._line.present())
        self._cut = False
        self.state_us = begin_us

    def born(self, now_us: int) -> Iterator[Message]:
        """What a collector gets that connects before anything happens."""
        yield Message(self._topic + STATUS, b'{"online": true}', True, now_us)
        yield Message(self._topic + STATE, state_message(self._present), True, now_us)

    def until(self, until_us: int) -> Iterator[Message]:
        """What arrives in a step."""
        for _, second in groupby(self._line.leaving(until_us), key=_second):
            found = list(second)
            for suffix, payload in messages([leaving.sample for leaving in found], self._present):
                yield Message(self._topic + suffix, payload, False, found[-1].at_us)
            if found[-1].sample.signal == ONLINE:
                self._cut = not found[-1].sample.value
        if until_us - self.state_us >= STATE_EVERY_US and not self._cut:
            self.state_us = until_us
            yield Message(self._topic + STATE, state_message(self._present), False, until_us)


def _second(leaving: Leaving) -> tuple[int, int]:
    """Messages of a second; the line's own words stand alone, at their microsecond."""
    return leaving.at_us // SECOND_US, leaving.at_us if leaving.sample.signal == ONLINE else 0


class Way:
    """Collectors and engine of one run into an empty, migrated database."""

    def __init__(self, signals: Signals, connection: Connection) -> None:
        plant, begin_us = signals.plant, signals.begin_us
        self.renewed: list[tuple[int, frozenset[int]]] = []
        """When present values were retained anew [µs], and of which machines."""
        self._begin_us = begin_us
        self._plant = plant
        self._sources = [_Collected(signals, source) for source in plant.sources]
        self._records = dict.fromkeys(_SPOOLS, 0)
        self._stream = Stream(plant, _SPOOLS)
        store_plant(connection, plant, begin_us)
        self._store = Store(connection, plant)
        self._store.take_ownership(_SPOOLS)
        self._past = PgPast(connection, plant, CODE_VERSION)

    @property
    def rejected(self) -> int:
        """Refused values and messages."""
        return sum(source.intake.rejected for source in self._sources)

    def play(self, until_us: int) -> Iterator[int]:
        """The whole run, to a while after `until_us`; yields the scenario time that is done."""
        for source in self._sources:
            self._take("collect", source.born(self._begin_us))
        for now_us in range(self._begin_us + STEP_US, until_us + AFTER_US + STEP_US, STEP_US):
            for source in self._sources:
                self._take("collect", source.rows(now_us))
                told = frozenset(of.machine for of in source.publishers if of.state_us == now_us)
                self.renewed += [(now_us, told)] if told else []
            tick = SpoolRow(RowKind.TICK, "engine", self._plant.hash, now_us, pack_tick(Tick(now_us)))
            self._take("engine", [tick])
            if now_us % COMMIT_US == 0:
                self._commit()
                yield now_us
            if now_us % REPAIR_US == 0:
                self._repair()
        self._repair()

    def _take(self, spool: str, rows: Sequence[SpoolRow]) -> None:
        for row in rows:
            self._records[spool] += 1
            record = self._records[spool]
            stored = StoredRow(record, row.kind, row.source, row.plant_hash, row.received_us, row.payload)
            self._stream.take_row(spool, stored, 1.0)
            self._take("engine", self._stream.judgements(row.received_us))

    def _repair(self) -> None:
        """Fold what came late where it belongs, as the engine does when it has been quiet for a while."""
        self._commit()
        while not (job := RepairJob(self._plant, self._past, self._stream.begin_us)).empty:
            while job.hour(self._stream.settled):
                pass
            self._stream.adopt(job.finish(self._stream.settled), job.upto)
            self._commit()

    def _commit(self) -> None:
        self._store.commit(self._stream.collect(1.0))


class _Collected:
    """One source with its machines, as its collector has it."""

    def __init__(self, signals: Signals, source: Source) -> None:
        plant = signals.plant
        machines = plant.machines_of(source.name)
        self.publishers = [_Publisher(signals, machine, signals.begin_us) for machine in machines]
        self.intake = Intake(plant, source, source_settings(source), build_routes(plant, source), 1.0, None)

    def born(self, now_us: int) -> Sequence[SpoolRow]:
        self.intake.connected(now_us, session_present=False)
        for publisher in self.publishers:
            for message in publisher.born(now_us):
                self.intake.message(message)
        self.intake.beat(now_us)
        return self.intake.take_rows(now_us)[0]

    def rows(self, now_us: int) -> Sequence[SpoolRow]:
        """What a step adds to the spool."""
        found = [message for publisher in self.publishers for message in publisher.until(now_us)]
        for message in sorted(found, key=lambda message: message.arrival_us):
            self.intake.message(message)
        self.intake.beat(now_us)
        return self.intake.take_rows(now_us)[0]
