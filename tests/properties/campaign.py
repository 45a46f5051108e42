"""The fault campaign without servers: scenario, faults, payloads, the MQTT collector's decoder, spool rows, engine's
stream, database. Time goes in steps; the broker is ideal: what leaves a machine arrives at the end of the step.

A run is a pure function of its seed, and so are its rows. Replay one, and see what differs from the run without faults
(the address is that of a migrated database that may be emptied):

    python -m tests.properties.campaign --seed N --database DSN [--minutes M] [--faults '[{"kind": "late"}]']
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from collectors.mqtt.continuity import Track, decode, encode
from collectors.mqtt.decode import Message
from collectors.mqtt.intake import Intake
from collectors.mqtt.settings import source_settings
from collectors.mqtt.topics import build_routes
from core.engine.fold import CODE_VERSION
from core.engine.repair import RepairJob
from core.engine.stream import Stream
from core.plant.model import Plant, Source
from core.samples.records import RowKind, SpoolRow, StoredRow, Tick, pack_tick
from core.units import MINUTE_US, SECOND_US, us_from_datetime
from core.vocabulary import State
from simulators.faults import Line
from simulators.mqtt_publisher import STATE, STATUS, messages, state_message
from simulators.outlet import ONLINE, Sample, Value
from simulators.scenario import parse_scenario, read_scenario
from simulators.signals import Signals
from stanok.plantfile import load_plant
from storage.pg.commit import Store
from storage.pg.connect import Connection, connect
from storage.pg.past import PgPast
from storage.pg.plant import load_plant as store_plant

PLANTS = Path(__file__).parents[2] / "simulators" / "plants"
SOURCE = "ural-mqtt"
BEGIN_US = us_from_datetime(datetime(2026, 3, 24, 7, 0, tzinfo=UTC))
"""A full hour, noon in Yekaterinburg."""
STEP_US = 5 * SECOND_US
COMMIT_US = 10 * MINUTE_US
REPAIR_US = 30 * MINUTE_US
AFTER_US = 20 * SECOND_US
"""How long a run goes on after its window, so that the last minute is closed."""

NEVER_US = 2**62

Fault = Mapping[str, Any]

RECOVERABLE: Sequence[Fault] = (
    {"kind": "disorder", "within_s": 1.5},
    {"kind": "late", "share": 0.05, "by_s": [0.5, 1.5]},
    {"kind": "duplicate", "share": 0.1, "after_s": [0.0, 1.0]},
    {"kind": "reset", "every_parts": 15},
    {"kind": "nan", "share": 0.02},
    {"kind": "type", "share": 0.02},
    {"kind": "broken", "share": 0.02},
)
"""Everything that must not change a result; all delays together stay below the source's lateness of 5 s."""


@dataclass
class World:
    """One seed's machines, with or without faults."""

    plant: Plant
    signals: Signals


def world(seed: int, faults: Sequence[Fault] = ()) -> World:
    """The demonstration with another seed, and with faults at every machine over MQTT."""
    plant = load_plant(PLANTS / "demo.toml")
    found = dict(read_scenario(PLANTS / "demo.scenario.toml"))
    mine = {plant.machines[index].name for index in plant.machines_of(SOURCE)}
    scripts = [{**script, "fault": list(faults)} if script["name"] in mine else script for script in found["machine"]]
    scenario = parse_scenario({**found, "seed": seed, "machine": scripts}, plant, BEGIN_US)
    return World(plant, Signals(plant, scenario))


class Publisher:
    """One machine: its line, and what it retains."""

    def __init__(self, signals: Signals, machine: int) -> None:
        self.topic = str(signals.plant.machines[machine].mapping["topic"])
        self._line = Line(signals, machine, BEGIN_US)
        self._present: dict[str, tuple[int, Value]] = {}
        self._present.update(self._line.present())
        self._cut = False

    def born(self) -> Iterator[Message]:
        """What a collector gets that connects before anything happens."""
        yield Message(self.topic + STATUS, b'{"online": true}', True, BEGIN_US)
        yield Message(self.topic + STATE, state_message(self._present), True, BEGIN_US)

    def until(self, until_us: int) -> Iterator[Message]:
        """What arrives in a step, at its end."""
        samples: list[Sample] = [leaving.sample for leaving in self._line.leaving(until_us)]
        for suffix, payload in messages(samples, self._present):
            yield Message(self.topic + suffix, payload, False, until_us)
        self._cut = next((not sample.value for sample in reversed(samples) if sample.signal == ONLINE), self._cut)
        if not self._cut:
            yield Message(self.topic + STATE, state_message(self._present), False, until_us)


@dataclass
class Run:
    """Collector and engine of one run; `clock_offset_s`: how far off the collector knows the machines' clocks to be."""

    world: World
    connection: Connection
    clock_offset_s: float | None = None
    step_us: int = STEP_US
    records: dict[str, int] = field(default_factory=dict)
    rejected: int = 0
    late: int = 0

    def __post_init__(self) -> None:
        plant = self.world.plant
        self._source: Source = next(source for source in plant.sources if source.name == SOURCE)
        settings = source_settings(self._source)
        self.intake = Intake(plant, self._source, settings, build_routes(plant, self._source), 1.0, self._known())
        self._stream = Stream(plant, ["collect", "engine"])
        store_plant(self.connection, plant, BEGIN_US)
        self._store = Store(self.connection, plant)
        self._store.take_ownership(["collect", "engine"])
        self._past = PgPast(self.connection, plant, CODE_VERSION)

    def _known(self) -> bytes | None:
        if self.clock_offset_s is None:
            return None
        names = [self.world.plant.machines[index].name for index in self.world.plant.machines_of(SOURCE)]
        return encode([Track(name, offset_us=round(self.clock_offset_s * SECOND_US)) for name in names])

    def offsets_us(self) -> dict[str, int | None]:
        """The collector's estimate of each machine's delay."""
        return {name: track.offset_us for name, track in decode(self.intake.state()).items()}

    def states(self, machine: int) -> list[tuple[int, int, State]]:
        """The machine's stored states in order: from, to, state."""
        rows = self.connection.execute(
            "select from_time, to_time, state from stanok.state_interval where machine_id = %s order by from_time",
            [self.world.plant.machines[machine].id],
        ).fetchall()
        return [
            (us_from_datetime(start), NEVER_US if end is None else us_from_datetime(end), State(state))
            for start, end, state in rows
        ]

    def play(self, until_us: int) -> None:
        """The whole run, from the beginning to a while after `until_us`."""
        publishers = [Publisher(self.world.signals, index) for index in self.world.plant.machines_of(SOURCE)]
        self.intake.connected(BEGIN_US, session_present=False)
        self._arrive([message for publisher in publishers for message in publisher.born()], BEGIN_US)
        for now_us in range(BEGIN_US + self.step_us, until_us + AFTER_US + 1, self.step_us):
            self._arrive([message for publisher in publishers for message in publisher.until(now_us)], now_us)
            if now_us % COMMIT_US == 0:
                self._commit()
            if now_us % REPAIR_US == 0:
                self._repair()
        self._commit()
        self._repair()

    def _arrive(self, found: Sequence[Message], now_us: int) -> None:
        for message in found:
            self.intake.message(message)
        self.intake.beat(now_us)
        rows, _ = self.intake.take_rows(now_us)
        self._take("collect", rows)
        tick = SpoolRow(RowKind.TICK, "engine", self.world.plant.hash, now_us, pack_tick(Tick(now_us)))
        self._take("engine", [tick])

    def _take(self, spool: str, rows: Sequence[SpoolRow]) -> None:
        for row in rows:
            record = self.records[spool] = self.records.get(spool, 0) + 1
            stored = StoredRow(record, row.kind, row.source, row.plant_hash, row.received_us, row.payload)
            self._stream.take_row(spool, stored, 1.0)
            self._take("engine", self._stream.judgements(row.received_us))

    def _repair(self) -> None:
        """Fold what came late where it belongs, as the engine does when it has been quiet for a while."""
        self._commit()
        while not (job := RepairJob(self.world.plant, self._past, self._stream.begin_us)).empty:
            while job.hour(self._stream.settled):
                pass
            self._stream.adopt(job.finish(self._stream.settled), job.upto)
            self._commit()

    def _commit(self) -> None:
        changes = self._stream.collect(1.0)
        self.late += len(changes.late)
        self._store.commit(changes)
        self.rejected = self.intake.rejected


FACTS = ("fact_minute", "state_interval", "program_interval", "data_gap")


def facts(connection: Connection, until_us: int) -> list[str]:
    """Every row of the results in closed minutes before `until_us`; intervals that last longer end there."""
    moment = datetime.fromtimestamp(until_us / SECOND_US, UTC)
    found: list[str] = []
    for table in FACTS:
        key = "minute" if table == "fact_minute" else "from_time"
        rows = connection.execute(f"select to_jsonb(t) from stanok.{table} t where {key} < %s".encode(), [moment])
        for (row,) in rows.fetchall():
            if row.get("to_time") is None or row["to_time"] > moment.isoformat():
                row["to_time"] = None
            found.append(f"{table} {sorted(row.items())}")
    return sorted(found)


def clean(connection: Connection) -> None:
    """Forget every row of earlier runs."""
    tables = connection.execute(
        "select string_agg(oid::regclass::text, ', ') from pg_class where relkind = 'r'"
        " and relnamespace = 'stanok'::regnamespace"
        " and relname not in ('schema_migration', 'view_build', 'grant_build', 'role_site')"
    ).fetchone()
    assert tables is not None
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")  # tables that only grow are emptied, too
        connection.execute(f"truncate {tables[0]} restart identity cascade".encode())


def played(connection: Connection, seed: int, until_us: int, faults: Sequence[Fault] = (), **known: Any) -> Run:
    """A finished run in an empty database."""
    clean(connection)
    run = Run(world(seed, faults), connection, **known)
    run.play(until_us)
    return run


def difference(expected: Sequence[str], found: Sequence[str]) -> list[str]:
    """Rows that only one of them has, marked - and +."""
    missing, strange = Counter(expected) - Counter(found), Counter(found) - Counter(expected)
    return sorted([f"- {row}" for row in missing.elements()] + [f"+ {row}" for row in strange.elements()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--faults", type=json.loads, default=list(RECOVERABLE))
    given = parser.parse_args()
    until_us = BEGIN_US + given.minutes * MINUTE_US
    with connect(given.database) as connection:
        played(connection, given.seed, until_us)
        expected = facts(connection, until_us)
        run = played(connection, given.seed, until_us, given.faults)
        print(*difference(expected, facts(connection, until_us)), sep="\n")
        print(f"{run.rejected} rejected, {run.late} late stretches")


if __name__ == "__main__":
    main()
