"""A whole plant in real time on this computer: simulated machines, broker, one collector, the engine, the database.

500 machines tell ten signals each about every two seconds (2 500 changes a second). `changes_stored`: changes whose
event lies in the measured time and which the database has, a second; its peer is what the machines' ledgers say was
sent. `lag_p50`, `lag_p99`: how far a machine's figures are behind the clock, over machines and looks. `cores_used`: of
all processes, by process in its conditions. `limit` says which of them had no time left, if the plant did not keep up.

Machines are played by `stanok simulate`, with one MQTT client a machine and 250 of them a process; some stand behind
OPC UA servers of up to 50 machines, a process each.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from core.errors import OutsideError
from core.plant.model import Plant
from core.units import MINUTE_US, SECOND_US, datetime_from_us, floor_minute, us_from_datetime
from simulators.made import crowd
from simulators.replay_plant import toml_text
from simulators.scenario import parse_scenario
from simulators.signals import Signals
from stanok.bench.report import Figure
from stanok.bench.servers import a_broker, a_database
from stanok.clock import ClockFile, ScenarioClock, real_now_us, start_clock, stop_clock, write_clock
from stanok.collect import read_status
from stanok.embedded import free_port
from stanok.plantfile import load_plant
from stanok.processes import Child
from storage.pg.connect import Connection, connect
from storage.pg.migrate import migrate

MACHINES = 500
OPCUA = 50
"""So many of them over OPC UA."""
SECONDS = 120
EVERY_S = 1.6
"""At 2 s the spindles that stand between two cuts would bring the changes below 2 500 a second."""
_WORKED_US = 3 * MINUTE_US
"""How long the machines have been at work when it starts: each stands for up to a minute and a half first."""
_READY_S = 180.0
SETTLE_S = 15.0
"""Catching up with the start, and caches."""
_DRAIN_S = 60.0
OTHERS = "what runs here beside it"
_FULL = 0.9
"""A process that uses so much of a core, or all processes of all cores, has no time left."""
_KEPT_S = 10.0
"""Real time: a machine's figures are at most so far behind (the limit in which a dead source is seen)."""


@dataclass(frozen=True)
class Looks:
    """What was seen while it ran. `lags` [s] of machines; `cores` by process; `from_us`, `to_us` of the clock."""

    lags: list[float]
    cores: dict[str, float]
    from_us: int
    to_us: int


def measure(
    broker: str | None,
    database: str | None,
    *,
    machines: int = MACHINES,
    opcua: int = OPCUA,
    seconds: float = SECONDS,
    settle_s: float = SETTLE_S,
) -> Iterator[Figure]:
    """The figures; servers are started unless given."""
    with ExitStack() as house:
        directory = Path(house.enter_context(tempfile.TemporaryDirectory(prefix="stanok-bench-")))
        directory.chmod(0o755)  # as root the database server runs as another user
        kind, host, port = a_broker(broker, directory, house)
        dsn = a_database(database, directory, house)
        connection = house.enter_context(connect(dsn, "stanok bench"))
        migrate(connection)
        plant, signals = _make(directory, machines, min(opcua, machines), host, port)
        children = _start(directory, [source.name for source in plant.sources], dsn, house)
        _until(lambda: _ready(directory), children)
        start_clock(directory / "clock.json")
        _until(lambda: len(_as_of(connection)) == machines, children)
        looks = _run(connection, ScenarioClock(directory / "clock.json"), children, seconds, settle_s)
        stop_clock(directory / "clock.json")
        offered = sum(signals.count(machine, looks.from_us, looks.to_us) for machine in range(machines))
        stored = _stored(connection, plant, looks, offered, children)
        yield from _figures(
            looks,
            offered,
            stored,
            {"machines": machines, "over OPC UA": min(opcua, machines), "seconds": seconds, "broker": kind},
        )


def _make(directory: Path, machines: int, opcua: int, host: str, port: int) -> tuple[Plant, Signals]:
    """Plant, scenario and clock as files; and what the machines will say."""
    document, scenario = crowd(machines, EVERY_S, opcua)
    sources = [
        {**source, "host": host, "port": port}
        if source["protocol"] == "mqtt"
        else {**source, "endpoint": f"opc.tcp://127.0.0.1:{free_port()}/{source['name']}/"}
        for source in document["source"]
    ]
    (directory / "plant.toml").write_text(toml_text({**document, "source": sources}))
    (directory / "scenario.toml").write_text(toml_text({**scenario, "plant": "plant.toml"}))
    origin_us = floor_minute(real_now_us())
    begin_us = origin_us - _WORKED_US
    write_clock(directory / "clock.json", ClockFile(begin_us, origin_us, 1.0))
    plant = load_plant(directory / "plant.toml")
    return plant, Signals(plant, parse_scenario({**scenario, "plant": "plant.toml"}, plant, begin_us))


def _start(directory: Path, sources: list[str], dsn: str, house: ExitStack) -> list[Child]:
    plant, data = str(directory / "plant.toml"), ["--data", str(directory)]
    ports = {"STANOK__HEALTH__ENGINE_PORT": "0", "STANOK__HEALTH__COLLECTOR_PORT": "0"}
    secret = {**ports, "STANOK__DATABASE__DSN": dsn}
    simulate = ["simulate", str(directory / "scenario.toml"), *data]
    children = [
        Child("engine", ["engine", plant, *data], directory / "engine.log", secret),
        Child("collector", ["collect", plant, *data], directory / "collect.log", ports),
        *(Child(f"simulators {name}", [*simulate, "--source", name], directory / f"{name}.log") for name in sources),
    ]
    for child in children:
        child.start()
        house.callback(child.stop)
    return children


def _ready(directory: Path) -> bool:
    found = read_status(directory)
    return bool(found) and all(status.ready for status in found)


def _as_of(connection: Connection) -> list[int]:
    """How far the figures of each machine are [µs]."""
    rows = connection.execute("select as_of from board.machine_live where as_of is not null").fetchall()
    return [us_from_datetime(as_of) for (as_of,) in rows]


def _until(done: Callable[[], bool], children: list[Child]) -> None:
    deadline = time.monotonic() + _READY_S
    while not done():
        for child in children:
            child.check()
        if time.monotonic() > deadline:
            raise OutsideError(f"the plant was not ready in {_READY_S:.0f} s; {children[0].last_words()}")
        time.sleep(0.2)


def _run(connection: Connection, clock: ScenarioClock, children: list[Child], seconds: float, settle_s: float) -> Looks:
    """Let it settle, then look every second."""
    _pause(settle_s, children)
    before, from_us, began = _busy_s(children), clock.now_us(), time.monotonic()
    lags: list[float] = []
    while time.monotonic() - began < seconds:
        _pause(1.0, children)
        found, now_us = _as_of(connection), clock.now_us()
        lags += [(now_us - as_of) / SECOND_US for as_of in found]
    spent = time.monotonic() - began
    after = _busy_s(children)
    cores = {name: (busy - before.get(name, 0.0)) / spent for name, busy in after.items()}
    return Looks(lags, cores, from_us, clock.now_us())


def _pause(seconds: float, children: list[Child]) -> None:
    for child in children:
        child.check()
    time.sleep(seconds)


def _stored(connection: Connection, plant: Plant, looks: Looks, offered: int, children: list[Child]) -> int:
    """Distinct changes of the measured time in the database, once everything has arrived or nothing more does."""
    names = sorted({name for machine in plant.machines for name in machine.signals if name != "conn.online"})
    query = (
        "select count(*) from (select distinct e.machine_id, e.signal_id, e.event_time, e.seq from stanok.sample e"
        " join stanok.signal s on s.id = e.signal_id where s.name = any(%s) and e.event_time >= %s"
        " and e.event_time < %s and e.flags & 1 = 0) d"
    )
    window = [names, datetime_from_us(looks.from_us), datetime_from_us(looks.to_us)]
    deadline, stored = time.monotonic() + _DRAIN_S, -1
    while time.monotonic() < deadline:
        row = connection.execute(query, window).fetchone()
        found = int(row[0]) if row else 0
        if found >= offered or found == stored:
            return found
        stored = found
        _pause(3.0, children)
    return stored


def _busy_s(children: list[Child]) -> dict[str, float]:
    """Processor time so far [s] of this process, each of its children with its descendants, by name; and of others."""
    names = {child.process.pid: child.name for child in children if child.process is not None}
    parents, busy = {}, {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                words = (path / "stat").read_text().rpartition(")")[2].split()
                title = (path / "comm").read_text().strip()
            except OSError:  # it has ended meanwhile
                continue
            parents[int(path.name)] = int(words[1])
            busy[int(path.name)] = (title, (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK"))
    found: dict[str, float] = {}
    for pid, (title, spent) in busy.items():
        child = pid
        while child in parents and parents[child] != os.getpid():
            child = parents[child]
        if pid == os.getpid():
            found["looking on"] = spent
        elif child in parents:
            name = names.get(child, busy[child][0] if child in busy else title)
            found[name] = found.get(name, 0.0) + spent
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    everybody = sum(int(word) for word in (*words[:3], *words[5:8])) / os.sysconf("SC_CLK_TCK")
    found[OTHERS] = everybody - sum(found.values())
    return found


def _figures(looks: Looks, offered: int, stored: int, conditions: dict[str, object]) -> Iterator[Figure]:
    spent = (looks.to_us - looks.from_us) / SECOND_US
    lags = sorted(looks.lags)
    cores = {name: round(share, 3) for name, share in sorted(looks.cores.items()) if share >= 0.001}
    at = {name: lags[min(len(lags) - 1, int(share * len(lags)))] for name, share in (("p50", 0.5), ("p99", 0.99))}
    kept = stored >= offered and at["p99"] <= _KEPT_S
    found = {**conditions, "missing": offered - stored, "kept up": kept, "limit": "none" if kept else limit(cores)}
    yield Figure("plant", "changes_stored", stored / spent, "changes/s", {"sent": offered / spent}, found)
    for name, lag in at.items():
        yield Figure("plant", f"lag_{name}", lag, "s", {}, conditions)
    used = sum(share for name, share in looks.cores.items() if name != OTHERS)
    yield Figure("plant", "cores_used", used, "1", {}, {**conditions, **cores})


def limit(cores: dict[str, float]) -> str:
    """What had no time left: a process, or the computer; or what was busiest.

    >>> limit({"simulators": 0.97, "engine": 0.3})
    'simulators: 0.97 of a core'
    """
    total, all_of_it, others = sum(cores.values()), os.cpu_count() or 1, cores.get(OTHERS, 0.0)
    own = {name: share for name, share in cores.items() if name != OTHERS}
    name, most = max(own.items(), key=lambda item: item[1], default=("nothing", 0.0))
    if most < _FULL <= total / all_of_it:
        return f"the computer: {total:.2f} of {all_of_it} cores, {others:.2f} of them for what runs here beside it"
    return f"{name}: {most:.2f} of a core" + ("" if most >= _FULL else ", which is not all of it")
