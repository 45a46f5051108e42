"""From a broker to committed facts on real servers: collector and engine as processes, as in a plant.

`samples_to_commit`: samples published as fast as the broker takes them until all are committed with their facts.
`latency_p50`, `latency_p99`: from the event time of a state change to the first sight of it in `board.machine_live`.
The peer is the do-it-yourself stack: a paho callback, json, and executemany into a table; it computes no facts.
"""

from __future__ import annotations

import itertools
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from core.errors import OutsideError
from core.units import datetime_from_us, us_from_datetime
from stanok.bench.report import Figure
from stanok.bench.servers import a_broker
from stanok.clock import real_now_us
from stanok.collect import read_status
from stanok.embedded import EmbeddedPostgres
from stanok.processes import Child
from storage.pg.connect import Connection, connect
from storage.pg.migrate import migrate

MACHINES = 20
SAMPLES = 300_000
PER_MESSAGE = 30
PEER_SAMPLES = 30_000
CHANGES = 300
SEED = 1
_LOOK_S = 0.005
_DEADLINE_S = 120.0

_VALUES = (
    ("spindle.1.speed", lambda n: 1000 + n % 997),
    ("spindle.1.load", lambda n: n % 89),
    ("feed.1.rate", lambda n: 100 + n % 301),
    ("power.active", lambda n: 900 + n % 4001),
)
"""What machines send most: gauges. The first message of each machine also sets its state, program and counter."""


def measure(
    broker: str | None,
    database: str | None,
    *,
    samples: int = SAMPLES,
    peer_samples: int = PEER_SAMPLES,
    changes: int = CHANGES,
) -> Iterator[Figure]:
    """The three figures; servers are started unless given."""
    with ExitStack() as house:
        directory = Path(house.enter_context(tempfile.TemporaryDirectory(prefix="stanok-bench-")))
        directory.chmod(0o755)  # as root the database server runs as another user
        kind, host, port = a_broker(broker, directory, house)
        dsn = database or _database(directory, house)
        connection = house.enter_context(connect(dsn, "stanok bench"))
        migrate(connection)
        children = _start(directory, host, port, dsn, house)
        publisher = _Publisher(host, port)
        house.callback(publisher.stop)
        conditions = {
            "broker": kind,
            "database": _version(connection),
            "machines": MACHINES,
            "values per message": PER_MESSAGE,
        }
        _wait_for(lambda: bool(s := read_status(directory)) and all(x.ready for x in s), children, "the collector")
        rate, late = _throughput(connection, publisher, children, samples)
        peer = _peer(dsn, host, port, peer_samples)
        peers = {"paho callback + executemany, no facts": peer}
        yield Figure(
            "end-to-end",
            "samples_to_commit",
            rate,
            "samples/s",
            peers,
            {**conditions, "samples": samples, "late stretches": late},
        )
        seen = sorted(_latencies(connection, publisher, children, changes))
        for name, share in (("latency_p50", 0.5), ("latency_p99", 0.99)):
            value = seen[min(len(seen) - 1, int(share * len(seen)))]
            yield Figure(
                "end-to-end", name, value, "s", {}, {**conditions, "changes": len(seen), "commit every": "1 s"}
            )


def _database(directory: Path, house: ExitStack) -> str:
    server = EmbeddedPostgres(directory / "postgres")
    house.callback(server.stop)
    return server.start()


def _version(connection: Connection) -> str:
    row = connection.execute("show server_version").fetchone()
    return f"PostgreSQL {row[0]}" if row else "PostgreSQL"


def _start(directory: Path, host: str, port: int, dsn: str, house: ExitStack) -> list[Child]:
    plant = directory / "plant.toml"
    plant.write_text(_plant_file(host, port))
    data = ["--data", str(directory)]
    secret = {"STANOK__DATABASE__DSN": dsn}
    children = [
        Child("the engine", ["engine", str(plant), *data], directory / "engine.log", secret),
        Child("the collector", ["collect", str(plant), *data], directory / "collect.log"),
    ]
    for child in children:
        child.start()
        house.callback(child.stop)
    return children


def _plant_file(host: str, port: int) -> str:
    machines = "".join(
        f'[[machine]]\nname = "b/m{n}"\narea = "bench"\nsource = "mqtt"\nprofile = "json"\ntopic = "bench/m{n}"\n'
        for n in range(MACHINES)
    )
    return (
        '[enterprise]\nname = "bench"\n[[site]]\nname = "b"\nzone = "Europe/Minsk"\n'
        '[[site.shift]]\nname = "1"\nstart = "00:00"\nend = "00:00"\n'
        f'[[source]]\nname = "mqtt"\nprotocol = "mqtt"\nhost = "{host}"\nport = {port}\nclient_id = "stanok-bench"\n'
        'liveness = "broker"\nlateness_s = 10.0\n' + machines + '[[part_program]]\nname = "P"\npri_s = 60.0\n'
    )


class _Publisher:
    """Publishes for all machines in Stanok's own shape, QoS 1, a counter a machine."""

    def __init__(self, host: str, port: int) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="stanok-bench-publisher")
        self._client.max_inflight_messages_set(200)
        self._client.max_queued_messages_set(0)
        self._client.connect(host, port)
        self._client.loop_start()
        self._seq = [0] * MACHINES

    def send(self, machine: int, samples: list[list[object]]) -> paho.MQTTMessageInfo:
        payload = json.dumps({"seq": self._seq[machine], "s": samples})
        self._seq[machine] += len(samples)
        return self._client.publish(f"bench/m{machine}", payload, qos=1)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _throughput(connection: Connection, publisher: _Publisher, children: list[Child], count: int) -> tuple[float, int]:
    """Samples a second from the first publish to the last commit, and how many stretches came late."""
    before = _stored(connection)
    started = time.perf_counter()
    sent = 0
    info: paho.MQTTMessageInfo | None = None
    for machine in itertools.cycle(range(MACHINES)):
        now = real_now_us()
        samples: list[list[object]] = [
            [now + n // len(_VALUES), _VALUES[n % len(_VALUES)][0], _VALUES[n % len(_VALUES)][1](sent + n)]
            for n in range(PER_MESSAGE)
        ]
        if sent < MACHINES * PER_MESSAGE:
            samples[0] = [now, "ctrl.execution", "active"]
            samples[1] = [now, "prog.name", "P"]
            samples[2] = [now, "part.total", 1]
        info = publisher.send(machine, samples)
        sent += PER_MESSAGE
        if sent >= count:
            break
        if sent % (PER_MESSAGE * 200) == 0:
            info.wait_for_publish(30)  # a real machine does not publish without end either
    _wait_for(lambda: _stored(connection) - before >= sent, children, "the last commit", 0.05)
    rate = sent / (time.perf_counter() - started)
    row = connection.execute("select count(*) from stanok.recompute_request").fetchone()
    return rate, int(row[0]) if row else 0


def _stored(connection: Connection) -> int:
    row = connection.execute("select count(*) from stanok.sample").fetchone()
    return int(row[0]) if row else 0


def _latencies(connection: Connection, publisher: _Publisher, children: list[Child], count: int) -> Iterator[float]:
    """Seconds from a state change to its sight on the live board: many changes at instants that nothing else sets.

    Each machine has one change on its way at a time; the next comes after a pause drawn at random.
    """
    rng = random.Random(SEED)
    words = {machine: itertools.cycle(["interrupted", "active"]) for machine in range(MACHINES)}
    waiting: dict[int, int] = {}
    next_at = {machine: time.monotonic() + rng.random() for machine in range(MACHINES)}
    seen = 0
    deadline = time.monotonic() + _DEADLINE_S
    while seen < count:
        for machine, due in list(next_at.items()):
            if time.monotonic() >= due:
                waiting[machine] = real_now_us()
                publisher.send(machine, [[waiting[machine], "ctrl.execution", next(words[machine])]])
                del next_at[machine]
        shown, now = _since(connection), real_now_us()
        for machine, event_us in list(waiting.items()):
            if shown.get(machine, 0) >= event_us:
                yield (now - event_us) / 1e6
                seen += 1
                del waiting[machine]
                next_at[machine] = time.monotonic() + rng.random()
        for child in children:
            child.check()
        if time.monotonic() > deadline:
            raise OutsideError(f"waited {_DEADLINE_S:.0f} s for {count} state changes, {seen} were seen")
        time.sleep(_LOOK_S)


def _since(connection: Connection) -> dict[int, int]:
    """Start of the present state of each machine on the live board."""
    rows = connection.execute("select machine, since from board.machine_live").fetchall()
    return {int(name.removeprefix("b/m")): us_from_datetime(since) for name, since in rows}


def _wait_for(done: Callable[[], bool], children: list[Child], what: str, look_s: float = 0.1) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not done():
        for child in children:
            child.check()
        if time.monotonic() > deadline:
            raise OutsideError(f"waited {_DEADLINE_S:.0f} s for {what}")
        time.sleep(look_s)


def _peer(dsn: str, host: str, port: int, count: int) -> float:
    """Samples/s of the do-it-yourself stack on the same servers."""
    rows: list[tuple[object, ...]] = []

    def on_message(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        found = json.loads(message.payload)
        rows.extend((message.topic, name, datetime_from_us(at), float(value)) for at, name, value in found["s"])

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="stanok-bench-peer")
    client.on_message = on_message
    subscribed: list[object] = []
    client.on_subscribe = lambda *given: subscribed.append(given)
    client.connect(host, port)
    client.subscribe("peer/#", qos=1)
    client.loop_start()
    publisher = paho.Client(CallbackAPIVersion.VERSION2, client_id="stanok-bench-peer-publisher")
    publisher.connect(host, port)
    publisher.loop_start()
    stored = 0
    with psycopg.connect(dsn, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("create temporary table peer (machine text, signal text, at timestamptz, value float8)")
        _wait_for(lambda: bool(subscribed), [], "the peer's subscription", 0.01)
        started = time.perf_counter()
        for n in range(count // PER_MESSAGE):
            now = real_now_us()
            samples = [[now, _VALUES[i % len(_VALUES)][0], n + i] for i in range(PER_MESSAGE)]
            publisher.publish(f"peer/m{n % MACHINES}", json.dumps({"s": samples}), qos=1)
        while stored < count:
            taken, rows[:] = rows[:5000], rows[5000:]
            if taken:
                cursor.executemany("insert into peer values (%s, %s, %s, %s)", taken)
                stored += len(taken)
            else:
                time.sleep(0.005)
        spent = time.perf_counter() - started
    for one in (client, publisher):
        one.disconnect()
        one.loop_stop()
    return count / spent
