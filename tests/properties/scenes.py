"""Random machines' lives for the properties: samples, gaps, a calendar; for the engine and for the oracle."""

from __future__ import annotations

import os
from dataclasses import astuple, dataclass
from fractions import Fraction
from functools import cache
from random import Random

from hypothesis import strategies as st

from core.engine.fold import Fold
from core.plant.behaviour import USUAL, Behaviour
from core.plant.calendar import segments
from core.plant.model import Break, Machine, PartProgram, Plant, Shift, Site, Source, StandardTime
from core.plant.tables import PlantTables
from core.units import MINUTE_US, natural_id
from core.vocabulary import Execution, ItemState, JobState, Light, Mode, OpMode, Situation, WaitFor
from tests.oracle.naive_oee import Ways

_ASKED = os.environ.get("STANOK_TEST_EXAMPLES", "")
EXAMPLES = int(_ASKED or 150)
"""Of each central property. CI asks for 2 000 of each in a step of its own (.ci/run)."""
LIVES = int(_ASKED or 40)
"""Of properties that kill, restart and repair: one of these costs as much as ten of the others."""

BEGIN = 1_767_592_800_000_000 // MINUTE_US * MINUTE_US
SPAN = 12 * MINUTE_US
SIGNALS = (
    "conn.online",
    "ctrl.execution",
    "ctrl.mode",
    "ctrl.op_mode",
    "ctrl.item_state",
    "ctrl.estop",
    "ctrl.feed_hold",
    "ctrl.dry_run",
    "ctrl.single_block",
    "ctrl.warm_up",
    "ctrl.wait_for",
    "feed.1.override",
    "feed.1.rate",
    "spindle.1.rotating",
    "spindle.1.speed",
    "spindle.2.speed",
    "part.total",
    "part.good",
    "part.scrap",
    "prog.name",
    "spindle.1.load",
    "spindle.2.load",
    "spindle.1.override",
    "feed.1.rapid",
    "feed.1.rapid_override",
    "power.active",
    "energy.import",
    "alarm.edge",
    "job.id",
    "job.order",
    "job.state",
    "job.runs_done",
    "light.red",
    "light.green",
    "light.blue",
    "light.yellow",
    "ctrl.2.execution",
    "ctrl.2.mode",
    "feed.2.rate",
    "power.current.l2",
)
LIGHTS = ("light.red", "light.green", "light.blue", "light.yellow")
PROGRAMS = ("A-1", "B-2", "C-3", "NO-STANDARD", "")
WORDS = {
    "ctrl.execution": Execution,
    "ctrl.mode": Mode,
    "ctrl.2.execution": Execution,
    "ctrl.2.mode": Mode,
    "ctrl.op_mode": OpMode,
    "ctrl.item_state": ItemState,
    "ctrl.wait_for": WaitFor,
    "job.state": JobState,
    **dict.fromkeys(LIGHTS, Light),
}
NAMED = {"prog.name": "part_program", "job.id": "job_order", "job.order": "job_order"}
"""Signals whose text is a name, and of what."""
RANK = {
    "job.runs_done": 5,
    "job.id": 31,
    "job.order": 31,
    "job.state": 31,
    "part.total": 10,
    "part.good": 11,
    "part.scrap": 12,
    "prog.name": 30,
    "gap-": 0,
    "gap+": 100,
}


@dataclass(frozen=True)
class Happening:
    """One sample or gap edge: what the oracle reads, and what the engine is sent."""

    event_us: int
    seq: int
    what: str
    value: object
    quality: str
    reset: bool = False
    source: int = 0
    """Of the edge of a gap: the rank of its source."""

    @property
    def rank(self) -> int:
        return RANK.get(self.what, 20)


WITHOUT = ("energy.import",)
"""Signals that a machine usually does not have: with a meter, power makes no energy."""


@cache
def plant(
    machines: int,
    counters: tuple[str, ...] = ("part.total", "part.scrap"),
    behaviour: Behaviour = USUAL,
    without: tuple[str, ...] = WITHOUT,
) -> Plant:
    """A plant whose calendar has a break and a shift's end inside the stretch that scenes cover."""
    start = (BEGIN // MINUTE_US + 180) % 1440  # Europe/Minsk is UTC+3
    shift = Shift("1", frozenset(range(7)), start - 60, start + 9, (Break(start + 2, start + 5),))
    known = [name for name in SIGNALS if name not in without]
    signals = {name: {} for name in known if not name.startswith("part.") or name in counters}
    return Plant(
        "test",
        (Site("s", "s", "Europe/Minsk", (shift,)),),
        (Source("src", "mqtt", 2_000_000, {}),),
        tuple(Machine(f"s/m{n}", "", 0, "", 0, signals, {}, 1.2, behaviour) for n in range(machines)),
        (PartProgram("A-1", 61_000_000), program("B-2"), program("C-3")),
        b"plant",
    )


_TABLES: dict[int, PlantTables] = {}


def tables_of(where: Plant) -> PlantTables:
    """Tables of a plant made by `plant` that many folds can share."""
    if id(where) not in _TABLES:
        _TABLES[id(where)] = Fold(where).tables(BEGIN + SPAN)
    return _TABLES[id(where)]


@cache
def oracle_segments(site: Site) -> list[tuple[int, int, str, int]]:
    """The calendar as the oracle reads it."""
    found = segments(site, BEGIN - 3_600_000_000, BEGIN + SPAN + 3_600_000_000)
    ends = [*found.start_us.tolist()[1:], BEGIN + SPAN + 3_600_000_000]
    return [
        (start, end, "busy" if situation == Situation.BUSY else "out", shift)
        for start, end, situation, shift in zip(
            found.start_us.tolist(), ends, found.situation.tolist(), found.shift_id.tolist(), strict=True
        )
    ]


CHANGED = BEGIN + SPAN // 2 + 1
"""When another standard time of B-2 comes into force; that of C-3 is the first one."""


def standards() -> dict[int, list[tuple[int, int]]]:
    """[(in force from, PRI in µs)] by program id."""
    named = {"A-1": [(0, 61_000_000)], "B-2": [(0, 7_500_001), (CHANGED, 11_000_003)], "C-3": [(CHANGED, 5_000_000)]}
    return {natural_id("part_program", name): found for name, found in named.items()}


def program(name: str) -> PartProgram:
    """A part program with its history; what nobody approved stands between and never counts."""
    history = standards()[natural_id("part_program", name)]
    approved = [StandardTime(pri, since, approved_by="T. Smith") for since, pri in history]
    return PartProgram(name, history[-1][1], (*approved[:1], StandardTime(1, CHANGED - 1), *approved[1:]))


def ways(where: Plant) -> Ways:
    """The plant's first machine as the oracle reads it."""
    machine = where.machines[0]
    return Ways(
        signals=machine.signal_names,
        rate=Fraction(round(1000 * machine.max_rate), 1000),
        counter=machine.behaviour.counter,
        width=machine.behaviour.counter_width,
        idle=machine.behaviour.idle_load,
        off_w=round(machine.behaviour.off_below_w),
        red_stops=machine.behaviour.red_light_stops,
        by_spindle=astuple(machine.behaviour.by_spindle) if machine.behaviour.by_spindle else (),
        by_power=astuple(machine.behaviour.by_power) if machine.behaviour.by_power else (),
        source={name: rank for rank, feed in enumerate(machine.feeds) for name in feed.signals},
    )


BEHAVIOURS = st.builds(
    Behaviour,
    counter=st.sampled_from(["life", "life", "job", "run"]),
    counter_width=st.sampled_from([0, 0, 41, 65_536]),
    idle_load=st.sampled_from([(), ((6000.0, 20.0),), ((100.0, 5.0), (6000.0, 40.0))]),
    off_below_w=st.sampled_from([0.0, 50.0]),
    red_light_stops=st.booleans(),
)
CHANNEL = ("ctrl.2.execution", "ctrl.2.mode")
ABSENT = st.sampled_from(
    [
        ("energy.import",),
        CHANNEL,
        ("job.order", "energy.import", *CHANNEL),
        ("ctrl.execution", "ctrl.item_state"),
        ("ctrl.execution", "ctrl.item_state", *CHANNEL),
    ]
)


def value_of(rng: Random, what: str) -> object:
    """A plausible value of a signal."""
    if what in WORDS:
        return rng.choice(list(WORDS[what])).name.lower()
    if what.endswith(".rate") or what.endswith("override"):
        return rng.choice([0.0, 0.04, 0.5, 100.0, 120.05])
    if what.endswith("speed"):
        return rng.choice([0.0, 1.0, -1.5, 3000.0])
    if what.startswith("part."):
        return rng.choice([*range(40), 500, 9_990, 9_998, 65_530, 1_000_041, 1_000_045, 2**40])
    if what in NAMED:
        return rng.choice(PROGRAMS)
    if what == "alarm.edge":
        return rng.choice("abc"), rng.random() < 0.5, rng.choice(["stop", "warning", None])
    if what == "job.runs_done":
        return rng.randrange(4)
    if what.endswith("load"):
        return rng.choice([0.0, -9.95, 9.949, 24.95, 45.5, 99.9, 99.95, 130.0, 1e9])
    if what == "power.active":
        return rng.choice([-1.0, 0.4, 50.0, 1234.5, 99_999.0])
    if what == "power.current.l2":
        return rng.choice([0.0, 0.0004, 1.5, 2.0, -1.0])
    if what == "energy.import":
        return rng.choice([0.0, 10.0003, 11.5, 1e6])
    return rng.random() < 0.5


def happening(number: int, seq: int, signals: tuple[str, ...]) -> Happening:
    """What a number stands for: one number is one draw, which is what makes thousands of scenes affordable."""
    rng = Random(number)
    coarse = rng.randrange(24) * MINUTE_US // 2
    offset = coarse if rng.random() < 0.5 else rng.randrange(SPAN)
    what = rng.choice(signals)
    quality = rng.choice(["good"] * 10 + ["uncertain", "bad"])
    reset = what.startswith("part.") and rng.random() < 0.1
    return Happening(BEGIN + offset, seq, what, value_of(rng, what), quality, reset)


def scenes(signals: tuple[str, ...] = SIGNALS) -> st.SearchStrategy[list[Happening]]:
    """Some happenings of one machine; several at one instant, at minute boundaries, with bad values among them."""

    def scene(numbers: list[int]) -> list[Happening]:
        found = [happening(number, seq, signals) for seq, number in enumerate(numbers)]
        return sorted(found, key=lambda h: (h.event_us, h.rank, h.seq))

    return st.lists(st.integers(0, 2**32), max_size=45).map(scene)
