"""The ledger: what really happened on one machine, written before any sample exists.

Invariants: phases follow each other without gap or overlap from the scenario's beginning, each longer than zero;
everything a control shows is constant during a phase, so all changes of one transition carry the same microsecond.
A part is finished at the end of a phase and belongs to that phase's program. The ledger only ever grows, and what it
says does not depend on the steps in which it was extended.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from operator import attrgetter

from core.vocabulary import Execution, Mode, State, WaitFor


@dataclass(frozen=True, slots=True)
class Condition:
    """What a machine does and what its control shows while it does it.

    `cutting`: metal is cut (or eroded). `stopped`: the control is out of service; `off`: it has no power, and the state
    is UNKNOWN, because nobody hears of it.
    """

    state: State
    execution: Execution
    mode: Mode = Mode.AUTOMATIC
    turning: bool = False
    feeding: bool = False
    cutting: bool = False
    estop: bool = False
    feed_hold: bool = False
    override_zero: bool = False
    wait_for: WaitFor = WaitFor.NOTHING
    stopped: bool = False
    maintenance: bool = False
    off: bool = False


@dataclass(frozen=True, slots=True)
class Phase:
    """A half-open stretch [from_us, to_us) of one condition with one program and tool selected.

    `speed` [min⁻¹] and `feed` [mm/min] are what the spindle and the path run at if the condition lets them;
    `override` [%] is the feed override switch unless the condition has it at zero. `load` [%] is that of the cut, if
    the condition cuts.
    """

    from_us: int
    to_us: int
    condition: Condition
    program: str
    tool: str
    speed: float
    feed: float
    override: float
    load: float = 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """A part finished at an instant. `number` and `scraps` count all parts and the scrap so far, this one included."""

    at_us: int
    program: str
    good: bool
    number: int
    scraps: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A half-open stretch in one state."""

    from_us: int
    to_us: int
    state: State


class Ledger:
    """The truth of one machine, extended lazily from the story that its behaviour tells."""

    def __init__(self, begin_us: int, story: Iterator[Phase | Part]) -> None:
        self.begin_us = begin_us
        self.phases: list[Phase] = []
        self.parts: list[Part] = []
        self._story = story

    @property
    def end_us(self) -> int:
        """Up to here everything is known."""
        return self.phases[-1].to_us if self.phases else self.begin_us

    def until(self, us: int) -> None:
        """Know everything up to and including the instant `us`."""
        while self.end_us <= us:
            item = next(self._story)
            if isinstance(item, Part):
                self.parts.append(item)
            else:
                self.phases.append(item)

    def shown_by(self, clock: Callable[[int], int]) -> Ledger:
        """The same story as a clock tells it that runs fast, slow or aside: true µs -> its own, rising."""
        return Ledger(clock(self.begin_us), (_moved(item, clock) for item in self._again()))

    def _again(self) -> Iterator[Phase | Part]:
        """The whole story once more."""
        parts = 0
        for number in count():
            while number + 1 >= len(self.phases):  # the parts of a phase are known when the next one is
                self.until(self.end_us)
            yield self.phases[number]
            while parts < len(self.parts) and self.parts[parts].at_us <= self.phases[number].to_us:
                yield self.parts[parts]
                parts += 1

    def phases_in(self, from_us: int, to_us: int) -> list[Phase]:
        """The phases that touch [from_us, to_us), whole."""
        self.until(to_us)
        first = bisect_right(self.phases, from_us, key=attrgetter("to_us"))
        return self.phases[first : bisect_left(self.phases, to_us, key=attrgetter("from_us"))]

    def parts_in(self, from_us: int, to_us: int) -> list[Part]:
        """The parts finished in [from_us, to_us)."""
        self.until(to_us)
        at = attrgetter("at_us")
        return self.parts[bisect_left(self.parts, from_us, key=at) : bisect_left(self.parts, to_us, key=at)]

    def states_in(self, from_us: int, to_us: int) -> list[Stretch]:
        """The states in [from_us, to_us), cut there; neighbours differ."""
        return _merged(
            Stretch(max(phase.from_us, from_us), min(phase.to_us, to_us), phase.condition.state)
            for phase in self.phases_in(from_us, to_us)
        )


def _moved(item: Phase | Part, clock: Callable[[int], int]) -> Phase | Part:
    if isinstance(item, Part):
        return replace(item, at_us=clock(item.at_us))
    return replace(item, from_us=clock(item.from_us), to_us=clock(item.to_us))


def _merged(stretches: Iterator[Stretch]) -> list[Stretch]:
    merged: list[Stretch] = []
    for stretch in stretches:
        if merged and merged[-1].state == stretch.state:
            merged[-1] = Stretch(merged[-1].from_us, stretch.to_us, stretch.state)
        else:
            merged.append(stretch)
    return merged
