"""Plants that are too large to be written by hand: a plant document and a scenario document, made from a few tables.

Invariants: deterministic, a name gives the same two documents in every run; every machine differs a little
from its like; old machines are slower and break down more often, and some of them have a modernization project.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError
from simulators.drawing import PHASE_W
from simulators.replay_plant import toml_text

PLANT_URI = "http://stanok.example/plant"
Document = dict[str, Any]

_EXTRA = ("ctrl.op_mode", "ctrl.item_state")
"""Signals that machines over MQTT send beside those of the profile "json"."""

_TOLD_BY_JSON = (
    *("ctrl.execution", "ctrl.mode", "ctrl.estop", "ctrl.feed_hold", "ctrl.wait_for", "prog.name", "tool.id"),
    *("part.total", "part.scrap", "spindle.1.rotating", "spindle.1.speed", "spindle.1.load"),
    *("feed.1.rate", "feed.1.override", "power.active"),
)
"""What the profile "json" takes as given, and a clamp does not tell."""
_STORY = ("ctrl.execution", "ctrl.mode", "prog.name", "part.total", "spindle.1.rotating")
_TEN = (
    *("spindle.1.speed", "spindle.1.load", "spindle.1.power", "spindle.1.torque", "feed.1.rate", "power.active"),
    *("power.voltage", "power.current.l1", "power.current.l2", "power.current.l3"),
)

AIR = [{"up_to": 20_000.0, "load": 7.0}]
"""The taught load in air of a simulated spindle."""


@dataclass(frozen=True)
class _Like:
    """Machines of a kind: real cycles [s], tools, spindle, feed, full power [W], parts until a wait or a worn tool."""

    kind: str
    title: str
    cycle_s: tuple[float, float]
    tools: tuple[int, int]
    spindle: tuple[float, float]
    feed: tuple[float, float]
    power_w: float
    wait_every_parts: float
    tool_life_parts: int
    batch: tuple[int, int]


_LIKES = {
    "lathe": _Like("turning", "Токарный центр", (70, 240), (2, 4), (600, 2600), (80, 420), 11_000, 16, 140, (40, 140)),
    "mill": _Like(
        "milling", "Фрезерный центр", (140, 420), (3, 5), (1800, 9000), (250, 1800), 15_000, 10, 80, (20, 60)
    ),
    "centre": _Like(
        "five_axis", "Пятикоординатный центр", (400, 1100), (4, 6), (2500, 14_000), (300, 2600), 22_000, 5, 35, (6, 20)
    ),
    "grinder": _Like(
        "grinding", "Шлифовальный станок", (90, 260), (1, 2), (1400, 3200), (40, 160), 7600, 12, 220, (40, 120)
    ),
    "eroder": _Like("edm", "Электроэрозионный станок", (900, 2600), (1, 2), (600, 2600), (2, 12), 6000, 3, 12, (3, 12)),
    "old": _Like("manual", "Старый токарный станок", (240, 900), (2, 3), (300, 900), (40, 160), 5500, 6, 60, (5, 20)),
}
_MIX = ("lathe", "mill", "lathe", "centre", "grinder", "mill", "lathe", "eroder")
"""What stands beside each other in a shop, again and again."""

_THREE = (("1", "06:00", "14:00", "09:30-10:00"), ("2", "14:00", "22:00", "17:30-18:00"), ("3", "22:00", "06:00", ""))
_TWO = (("1", "07:00", "15:30", "11:00-11:30"), ("2", "15:30", "00:00", "19:30-20:00"))
_ONE = (("1", "08:00", "16:30", "12:00-12:30"),)
_WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]


@dataclass(frozen=True)
class _Works:
    """A plant: its zone, shifts, number of machines, and how many of them stand behind an OPC UA server."""

    name: str
    title: str
    zone: str
    shifts: Sequence[tuple[str, str, str, str]]
    machines: int
    opcua: int = 0
    mix: Sequence[str] = _MIX


_ZONES = (
    _Works("minsk", "Минск", "Europe/Minsk", _THREE, 16, 4),
    _Works("ural", "Екатеринбург", "Asia/Yekaterinburg", _TWO, 14),
    _Works("almaty", "Алматы", "Asia/Almaty", _ONE, 10),
)
_NATIONAL = (
    _Works("minsk", "Минск", "Europe/Minsk", _THREE, 42, 20),
    _Works("gomel", "Гомель", "Europe/Minsk", _TWO, 41),
    _Works("moscow", "Москва", "Europe/Moscow", _THREE, 42, 20),
    _Works("tula", "Тула", "Europe/Moscow", _TWO, 42),
    _Works("kazan", "Казань", "Europe/Moscow", _THREE, 42),
    _Works("samara", "Самара", "Europe/Samara", _TWO, 42),
    _Works("saratov", "Саратов", "Europe/Saratov", _ONE, 41),
    _Works("perm", "Пермь", "Asia/Yekaterinburg", _TWO, 42),
    _Works("ural", "Екатеринбург", "Asia/Yekaterinburg", _THREE, 42),
    _Works("omsk", "Омск", "Asia/Omsk", _TWO, 41),
    _Works("novosibirsk", "Новосибирск", "Asia/Novosibirsk", _TWO, 42),
    _Works("irkutsk", "Иркутск", "Asia/Irkutsk", _ONE, 41),
)
_WORKSHOP = (_Works("vitebsk", "Витебск", "Europe/Minsk", _TWO, 8, mix=("old",)),)
MADE: Mapping[str, tuple[int, Sequence[_Works]]] = {
    "zones": (20260401, _ZONES),
    "national": (20260402, _NATIONAL),
    "workshop": (20260403, _WORKSHOP),
}
"""Name -> seed and plants: 40 machines in the zones of three countries; 500 machines in twelve plants; eight old lathes
of which a clamp on one phase is all that is known.
"""
HALL = 250
SERVER = 50
"""Machines of one simulated OPC UA server."""
_SPINDLE, _MAINS = (
    "CncInterface/CncSpindleList/<Spindle>",
    "MachineryBuildingBlocks/Monitoring/Consumption/Electricity/Main",
)
_BESIDE_PROFILE = {
    "spindle.1.power": f"{_SPINDLE}/ActPower",
    "spindle.1.torque": f"{_SPINDLE}/ActTorque",
    "power.voltage": f"{_MAINS}/nsu={PLANT_URI};AcVoltagePe",
    **{f"power.current.l{n}": f"{_MAINS}/nsu={PLANT_URI};AcCurrentL{n}" for n in (1, 2, 3)},
}
"""What machines over OPC UA tell of `_TEN` that the profile does not have."""
_CLAMPED = "power.current.l1"

PROJECTS: tuple[Document, ...] = (
    {"name": "replacement", "kind": "replacement", "install_h": 40.0, "cycle": 0.72, "breakdowns": 0.35, "scrap": 0.5},
    {"name": "retrofit", "kind": "retrofit", "install_h": 16.0, "cycle": 0.93, "breakdowns": 0.6, "setup": 0.8},
    {"name": "automation", "kind": "automation", "install_h": 24.0, "waits": 0.3, "setup": 0.6},
)
"""The true effect of each kind of project, as factors on what a machine did before."""
_PROJECT_AFTER_D = 60.0
"""Two months of before: the least that an evaluation accepts as a baseline is shorter."""


def crowd(machines: int, gauge_s: float, opcua: int = 0) -> tuple[Document, Document]:
    """So many machines in one hall that grind around the clock, ten gauges of each told every `gauge_s` [s].

    The first `opcua` stand behind servers of at most `SERVER` machines, the others behind MQTT sources of `HALL`.
    """
    work = _Works("hall", "Зал", "Europe/Minsk", (("1", "00:00", "00:00", ""),), machines, opcua, ("grinder",))
    document, scenario = _documents("crowd", 20260404, (work,), "")
    server, broker = document["source"][0], document["source"][-1]
    sources = [{**server, "name": f"server-{n}"} for n in range(-(-opcua // SERVER))]
    halls = [f"hall-{n}" for n in range(-(-(machines - opcua) // HALL))]
    sources += [{**broker, "name": name, "client_id": name} for name in halls]
    entries = [_crowded(entry, n, opcua) for n, entry in enumerate(document["machine"])]
    busy = {"scrap": 0.0, "sampled": True, "gauge_s": gauge_s, "breaks": "run", "warm_up_min": [0.0, 0.0]}
    calm = {"hold_every_min": 1e6, "wait_every_parts": 1e6, "setup_min": [0.0, 0.0]}
    own = ("name", "kind", "program", "first_part", "spindle", "feed", "power_w")
    scripts = [{**{key: script[key] for key in own}, **busy, **calm} for script in scenario["machine"]]
    return {**document, "source": sources, "machine": entries}, {**scenario, "machine": scripts}


def _crowded(entry: Document, n: int, opcua: int) -> Document:
    """Machine number n of a crowd, which tells its story and ten gauges."""
    told = (*_STORY, *_TEN)
    silent = {name: False for name in (*_TOLD_BY_JSON, *_EXTRA) if name not in told}
    if n < opcua:
        beside = {name: {"path": path} for name, path in _BESIDE_PROFILE.items()}
        return {**entry, "source": f"server-{n // SERVER}", "signals": {**silent, **beside}}
    given = {name: {"name": name} for name in told}
    return {**entry, "source": f"hall-{(n - opcua) // HALL}", "signals": {**silent, **given}}


def made(name: str, plant_file: str) -> tuple[Document, Document]:
    """Plant and scenario of that name (a key of MADE); the scenario names its plant file. KeyError for other names."""
    return _documents(name, *MADE[name], plant_file)


def _documents(name: str, seed: int, works: Sequence[_Works], plant_file: str) -> tuple[Document, Document]:
    machines = [machine for work in works for machine in _machines(work)]
    plant = {
        "enterprise": {"name": f"Stanok {name}"},
        "site": [_site(work) for work in works],
        "source": [source for index, work in enumerate(works) for source in _sources(work, 4840 + index)],
        "machine": [entry for entry, _, _ in machines],
        "part_program": [program for _, _, programs in machines for program in programs],
    }
    return plant, {"plant": plant_file, "seed": seed, "machine": [script for _, script, _ in machines]}


def write(name: str, scenario: Path) -> Path:
    """Write both documents as files, neither of which may be there yet; gives the plant file, beside the scenario.

    Raises InputError for a name that is not in MADE, or if a file cannot be written.
    """
    if name not in MADE:
        raise InputError(f"--make: {name!r} is none of {', '.join(MADE)}")
    plant = scenario.with_name(f"{name}.toml")
    try:
        for path, document in zip((plant, scenario), made(name, plant.name), strict=True):
            with path.open("x", encoding="utf-8") as file:
                file.write(toml_text(document))
    except OSError as error:
        raise InputError(f"--make: {error.filename} cannot be written: {error.strerror}") from error
    return plant


def _site(work: _Works) -> Document:
    days = {} if work.shifts is _THREE else {"days": _WORKDAYS}
    shifts = [
        {"name": name, "start": start, "end": end, **days, **({"breaks": [pause]} if pause else {})}
        for name, start, end, pause in work.shifts
    ]
    return {"name": work.name, "title": work.title, "zone": work.zone, "shift": shifts}


def _sources(work: _Works, port: int) -> Iterator[Document]:
    if work.opcua:
        endpoint = f"opc.tcp://127.0.0.1:{port}/{work.name}/"
        yield {"name": f"{work.name}-opcua", "protocol": "opcua", "endpoint": endpoint, "security": "none"}
    yield {
        "name": f"{work.name}-mqtt",
        "protocol": "mqtt",
        "host": "127.0.0.1",
        "port": 1883,
        "client_id": f"stanok-{work.name}",
        "liveness": "birth",
        "renews_state": True,
    }


def _machines(work: _Works) -> Iterator[tuple[Document, Document, list[Document]]]:
    """Plant entry, script and part programs of each machine."""
    numbers = dict.fromkeys(_LIKES, 0)
    for index in range(work.machines):
        word = work.mix[index % len(work.mix)]
        numbers[word] += 1
        name = f"{work.name}/{word}-{numbers[word]}"
        draw = random.Random(f"made {name}")
        programs = [_program(name, _LIKES[word], number, draw) for number in range(2)]
        over_opcua = index < work.opcua
        project = index // len(_MIX) % len(PROJECTS) if index % len(_MIX) == 0 and word != "old" else None
        script = _script(name, _LIKES[word], draw, [run for run, _ in programs], over_opcua, project)
        if word == "old":
            entry, script = _clamped(name, script)
        else:
            entry = _entry(name, word, over_opcua)
        yield entry, script, [standard for _, standard in programs]


def _program(machine: str, like: _Like, number: int, draw: random.Random) -> tuple[Document, Document]:
    """A program as the machine runs it, and as the plan has it."""
    cycle_s = round(draw.uniform(*like.cycle_s), 1)
    name = f"{machine.replace('/', '-').upper()}-{number + 1}"
    run = {"name": name, "cycle_s": cycle_s, "batch": list(like.batch), "tools": draw.randint(*like.tools)}
    return run, {"name": name, "pri_s": round(cycle_s * draw.uniform(0.82, 0.97), 1)}


def _entry(name: str, word: str, over_opcua: bool) -> Document:
    site, own = name.split("/")
    entry: Document = {"name": name, "title": f"{_LIKES[word].title} {own.rpartition('-')[2]}", "area": word}
    if over_opcua:
        entry |= {"source": f"{site}-opcua", "profile": "opc-40501-1", "path": f"nsu={PLANT_URI};{own}"}
    else:
        signals = {signal: {"name": signal} for signal in _EXTRA}
        entry |= {"source": f"{site}-mqtt", "profile": "json", "topic": f"stanok/{name}", "signals": signals}
    return entry | {"behaviour": {"idle": AIR}}


def _clamped(name: str, script: Document) -> tuple[Document, Document]:
    """Plant entry and script of a machine with nothing but a clamp on one phase, told every second."""
    site, own = name.split("/")
    standby, cutting = (round(watts / PHASE_W, 1) for watts in (550.0, 550.0 + 0.6 * 4950.0))
    entry = {
        "name": name,
        "title": f"{_LIKES['old'].title} {own.rpartition('-')[2]}",
        "area": "old",
        "source": f"{site}-mqtt",
        "profile": "json",
        "topic": f"stanok/{name}",
        "signals": {**dict.fromkeys(_TOLD_BY_JSON, False), _CLAMPED: {"name": _CLAMPED}},
        "behaviour": {"by_power": {"signal": _CLAMPED, "standby": standby, "cutting": cutting}},
    }
    left = ("scrap", "tool_break_every_parts", "off_when_free", "maintenance_every_d", "maintenance_h", "stop_shown")
    habits = {key: value for key, value in script.items() if key not in left}
    return entry, {**habits, "scrap": 0.0, "sampled": True, "gauge_s": 1.0, "wait_word": "interrupted"}


def _script(
    name: str, like: _Like, draw: random.Random, programs: list[Document], over_opcua: bool, project: int | None
) -> Document:
    old = project is not None or draw.random() < 0.25

    def about(value: float) -> float:
        return round(value * draw.uniform(0.75, 1.25), 3)

    script: Document = {
        "name": name,
        "kind": like.kind,
        "program": programs,
        "first_part": draw.randrange(100, 90_000),
        "scrap": round(draw.uniform(0.02, 0.05) if old else draw.uniform(0.004, 0.02), 4),
        "breakdown_every_h": about(12.0 if old else 40.0),
        "breakdown_min": [12.0, 70.0] if old else [8.0, 40.0],
        "stop_shown": "estop" if over_opcua else "item_state",
        "hold_every_min": about(26.0 if old else 45.0),
        "wait_every_parts": max(1.2, about(like.wait_every_parts * (0.6 if old else 1.0))),
        "wait_min": [0.8, 9.0],
        "wait_for": ["operator", "material", "program"],
        "wait_word": "interrupted" if over_opcua else "wait",
        "tool_life_parts": max(4, round(about(like.tool_life_parts))),
        "tool_break_every_parts": about(like.tool_life_parts * 7.0),
        "setup_min": [20.0, 50.0] if old else [12.0, 30.0],
        "setup_mode": draw.choice(["mdi", "manual"]),
        "off_when_free": True,
        "maintenance_every_d": about(25.0),
        "maintenance_h": [2.0, 5.0],
        "spindle": list(like.spindle),
        "feed": list(like.feed),
        "power_w": [round(like.power_w / 10), like.power_w],
        "gauge_s": 20.0,
    }
    if project is not None:
        script["project"] = [{**PROJECTS[project], "after_d": about(_PROJECT_AFTER_D)}]
    return script
