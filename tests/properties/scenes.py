"""Random machines' lives for the properties: samples, gaps, a calendar; for the engine and for the oracle."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from core.plant.calendar import segments
from core.plant.model import Break, Machine, PartProgram, Plant, Shift, Site, Source
from core.units import MINUTE_US, natural_id
from core.vocabulary import Execution, ItemState, Mode, OpMode, Situation, WaitFor

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
)
PROGRAMS = ("A-1", "B-2", "NO-STANDARD")
WORDS = {
    "ctrl.execution": Execution,
    "ctrl.mode": Mode,
    "ctrl.op_mode": OpMode,
    "ctrl.item_state": ItemState,
    "ctrl.wait_for": WaitFor,
}
RANK = {"part.total": 10, "part.good": 11, "part.scrap": 12, "prog.name": 30, "gap-": 0, "gap+": 100}


@dataclass(frozen=True)
class Happening:
    """One sample or gap edge: what the oracle reads, and what the engine is sent."""

    event_us: int
    seq: int
    what: str
    value: object
    quality: str

    @property
    def rank(self) -> int:
        return RANK.get(self.what, 20)


def plant(machines: int, counters: tuple[str, ...] = ("part.total", "part.scrap")) -> Plant:
    """A plant whose calendar has a break and a shift's end inside the stretch that scenes cover."""
    start = (BEGIN // MINUTE_US + 180) % 1440  # Europe/Minsk is UTC+3
    shift = Shift("1", frozenset(range(7)), start - 60, start + 9, (Break(start + 2, start + 5),))
    signals = {name: {} for name in SIGNALS if not name.startswith("part.") or name in counters}
    return Plant(
        "test",
        (Site("s", "s", "Europe/Minsk", (shift,)),),
        (Source("src", "mqtt", 2_000_000, {}),),
        tuple(Machine(f"s/m{n}", "", 0, "", 0, signals, {}, 1.2) for n in range(machines)),
        (PartProgram("A-1", 61_000_000), PartProgram("B-2", 7_500_001)),
        b"plant",
    )


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


def standards() -> dict[int, int]:
    """PRI in µs by program id."""
    return {natural_id("part_program", "A-1"): 61_000_000, natural_id("part_program", "B-2"): 7_500_001}


@st.composite
def value_of(draw: st.DrawFn, what: str) -> object:
    """A plausible value of a signal."""
    if what in WORDS:
        return draw(st.sampled_from(list(WORDS[what]))).name.lower()
    if what in ("feed.1.override", "feed.1.rate"):
        return draw(st.sampled_from([0.0, 0.5, 100.0]))
    if what.endswith("speed"):
        return draw(st.sampled_from([0.0, 1.0, -1.5, 3000.0]))
    if what.startswith("part."):
        return draw(st.integers(0, 40) | st.sampled_from([1_000_041, 2**40]))
    if what == "prog.name":
        return draw(st.sampled_from(PROGRAMS))
    if what == "spindle.1.load":
        return draw(st.sampled_from([0.0, 45.5]))
    return draw(st.booleans())


@st.composite
def scenes(draw: st.DrawFn, signals: tuple[str, ...] = SIGNALS) -> list[Happening]:
    """Some happenings of one machine; several at one instant, at minute boundaries, with bad values among them."""
    count = draw(st.integers(0, 40))
    out = []
    for seq in range(count):
        coarse = draw(st.booleans())
        offset = draw(st.integers(0, 24)) * MINUTE_US // 2 if coarse else draw(st.integers(0, SPAN - 1))
        what = draw(st.sampled_from(signals))
        bad = draw(st.integers(0, 9)) == 0
        out.append(Happening(BEGIN + min(offset, SPAN - 1), seq, what, draw(value_of(what)), "bad" if bad else "good"))
    return sorted(out, key=lambda h: (h.event_us, h.rank, h.seq))
