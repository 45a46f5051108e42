"""How a machine lives through its shifts, from a seed: orders, parts, holds, breakdowns, breaks and empty nights.

Invariants: the story is a pure function of script, site, begin and seed; it never ends; a program is selected only
while no part is unfinished. Durations carry odd microseconds, so that truncated times would show.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain, count

from core.plant.calendar import ShiftInstance, shift_instances
from core.plant.model import Site
from core.units import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from core.vocabulary import Execution, Mode, State, WaitFor
from simulators.scenario import Hold, MachineScript, ProgramScript, Span
from simulators.truth import Condition, Part, Phase

_CUTTING = Condition(State.PRODUCING, Execution.ACTIVE, turning=True, feeding=True)
_CHANGING = Condition(State.PRODUCING, Execution.ACTIVE)
_READY = Condition(State.IDLE, Execution.READY)
_INTERRUPTED = Condition(State.IDLE, Execution.INTERRUPTED)
_ESTOP = Condition(State.UNPLANNED_STOP, Execution.INTERRUPTED, estop=True)
_WARM_UP = Condition(State.SETUP, Execution.ACTIVE, Mode.MDI, turning=True)
_SETUP: dict[str, tuple[Condition, Condition]] = {
    "mdi": (
        Condition(State.SETUP, Execution.ACTIVE, Mode.MDI),
        Condition(State.SETUP, Execution.ACTIVE, Mode.MDI, turning=True, feeding=True),
    ),
    # In manual the machine must move all the time: standing still in manual counts as idle.
    "manual": (
        Condition(State.SETUP, Execution.READY, Mode.MANUAL, turning=True),
        Condition(State.SETUP, Execution.READY, Mode.MANUAL, turning=True, feeding=True),
    ),
}
"""What alternates during a setup, by the script's `setup_mode`."""
_HOLDS: dict[Hold, Condition] = {
    "interrupted": _INTERRUPTED,
    "feed_hold": Condition(State.IDLE, Execution.ACTIVE, turning=True, feed_hold=True),
    "override": Condition(State.IDLE, Execution.ACTIVE, turning=True, override_zero=True),
}

_NEVER_US = 2**62
"""Longer than any scenario."""
_CHANGE_SHARE = 0.12
"""Share of a cycle in which parts and tools are changed; an estimate, turning centres need 5 to 20 %."""
_CYCLE_SPREAD = 0.02
"""Relative standard deviation of a cycle; an estimate for a CNC program with manual loading."""
_OVERRIDES = (100.0, 100.0, 100.0, 95.0, 90.0)
"""Feed override that an operator keeps for an order, % (equally likely)."""


def story(script: MachineScript, site: Site, begin_us: int, seed: int) -> Iterator[Phase | Part]:
    """What happens on a machine from `begin_us` on, for ever: each part right after the phase that finished it."""
    return _Machine(script, site, begin_us, seed).life()


class _Shifts:
    """The shifts of a site, looked up forwards in time."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._known: list[ShiftInstance] = []
        self._known_to = 0

    def at(self, us: int) -> ShiftInstance | None:
        """The shift at an instant, None outside all shifts."""
        if us >= self._known_to:
            self._known_to = us + DAY_US
            self._known = shift_instances(self._site, us, self._known_to)
        return next((shift for shift in self._known if shift.start_us <= us < shift.end_us), None)

    def pause_end(self, us: int) -> int | None:
        """When the break or the free time at `us` ends; None during work."""
        shift = self.at(us)
        if shift is None:
            return min((shift.start_us for shift in self._known if shift.start_us > us), default=self._known_to)
        return next((end for begin, end in shift.breaks if begin <= us < end), None)


class _Machine:
    """The state of the storyteller. `_now_us` is the end of the last phase told."""

    def __init__(self, script: MachineScript, site: Site, begin_us: int, seed: int) -> None:
        self._script = script
        self._shifts = _Shifts(site)
        self._random = random.Random(f"{seed} {script.name}")
        self._now_us = begin_us
        self._program = script.program[0]
        self._tool = 1
        self._override = 100.0
        self._parts = 0
        self._scraps = 0
        self._shift_seen = 0
        self._to_breakdown_us = self._breakdown_gap()
        self._to_hold_us = self._exponential(script.hold_every_min * MINUTE_US)

    def life(self) -> Iterator[Phase | Part]:
        """Order after order, each of another program than the one before if there are several."""
        yield self._phase(_READY, self._between((20.0, 90.0), SECOND_US))
        first = self._random.randrange(len(self._script.program))
        for number in count(first):
            yield from self._order(self._script.program[number % len(self._script.program)])

    def _order(self, program: ProgramScript) -> Iterator[Phase | Part]:
        yield from self._setup(program)
        self._override = self._random.choice(_OVERRIDES)
        for _ in range(self._random.randint(*program.batch)):
            yield from self._rest()
            if self._random.random() * self._script.wait_every_parts < 1.0:
                yield self._wait()
            yield from self._part()

    def _setup(self, program: ProgramScript) -> Iterator[Phase]:
        if self._script.setup_min[1] == 0.0:
            self._program, self._tool = program, 1
            return
        yield self._phase(_READY, self._between((15.0, 60.0), SECOND_US))
        conditions = _SETUP[self._script.setup_mode]
        pieces = self._pieces(self._between(self._script.setup_min, MINUTE_US), 6)
        for index, piece in enumerate(pieces):
            if index == 2:
                self._program = program
            self._tool = 1 + index % program.tools
            yield self._phase(conditions[index % 2], piece)
        yield self._phase(_READY, self._between((4.0, 20.0), SECOND_US))

    def _rest(self) -> Iterator[Phase]:
        """Breaks, free time, and shifts in which nobody comes; decided between two parts."""
        shift = self._shifts.at(self._now_us)
        if shift is not None and shift.id != self._shift_seen:
            self._shift_seen = shift.id
            if self._random.random() < self._script.idle_shifts.get(shift.name, 0.0):
                yield from self._stand_until(shift.end_us)
                yield self._phase(_WARM_UP, self._between(self._script.warm_up_min, MINUTE_US))
        if self._script.breaks == "stop":
            while (end_us := self._shifts.pause_end(self._now_us)) is not None:
                yield from self._stand_until(end_us)

    def _stand_until(self, end_us: int) -> Iterator[Phase]:
        yield self._phase(_READY, end_us - self._now_us + self._between((5.0, 150.0), SECOND_US))

    def _wait(self) -> Phase:
        word = WaitFor[self._random.choice(self._script.wait_for).upper()]
        execution = Execution[self._script.wait_word.upper()]
        condition = Condition(State.IDLE, execution, wait_for=word)
        return self._phase(condition, self._between(self._script.wait_min, MINUTE_US))

    def _part(self) -> Iterator[Phase | Part]:
        """One cycle, tool by tool, with what comes in between; then the part."""
        tools = self._program.tools
        cycle = self._program.cycle_s * SECOND_US * max(0.5, self._random.gauss(1.0, _CYCLE_SPREAD))
        changes = self._pieces(cycle * _CHANGE_SHARE, tools)
        cuts = self._pieces(cycle * (1.0 - _CHANGE_SHARE), tools)
        for index, piece in enumerate(chain.from_iterable(zip(changes, cuts, strict=True))):
            self._tool = 1 + index // 2
            yield from self._produce(_CUTTING if index % 2 else _CHANGING, piece)
        good = self._random.random() >= self._script.scrap
        self._parts += 1
        self._scraps += not good
        yield Part(self._now_us, self._program.name, good, self._parts, self._scraps)

    def _produce(self, condition: Condition, left_us: int) -> Iterator[Phase]:
        """A piece of a cycle, broken up by holds and breakdowns, which come by producing time."""
        while left_us:
            step_us = min(left_us, self._to_breakdown_us, self._to_hold_us)
            yield self._phase(condition, step_us)
            left_us -= step_us
            self._to_breakdown_us -= step_us
            self._to_hold_us -= step_us
            if not self._to_hold_us:
                self._to_hold_us = self._exponential(self._script.hold_every_min * MINUTE_US)
                hold = _HOLDS[self._random.choice(self._script.hold)]
                yield self._phase(hold, self._between(self._script.hold_s, SECOND_US))
            if not self._to_breakdown_us:
                self._to_breakdown_us = self._breakdown_gap()
                yield self._phase(_ESTOP, self._between(self._script.breakdown_min, MINUTE_US))
                yield self._phase(_INTERRUPTED, self._between((10.0, 90.0), SECOND_US))

    def _breakdown_gap(self) -> int:
        """Producing time to the next breakdown."""
        every_h = self._script.breakdown_every_h
        return _NEVER_US if every_h is None else self._exponential(every_h * HOUR_US)

    def _phase(self, condition: Condition, length_us: int) -> Phase:
        begin_us, self._now_us = self._now_us, self._now_us + length_us
        return Phase(
            begin_us,
            self._now_us,
            condition,
            self._program.name,
            f"T{self._tool:02}",
            round(self._random.uniform(*self._script.spindle), 1) if condition.turning else 0.0,
            round(self._random.uniform(*self._script.feed), 1) if condition.feeding else 0.0,
            self._override,
        )

    def _between(self, span: Span, unit_us: int) -> int:
        return max(1, int(self._random.uniform(*span) * unit_us))

    def _exponential(self, mean_us: float) -> int:
        return max(1, int(self._random.expovariate(1.0 / mean_us)))

    def _pieces(self, whole_us: float, number: int) -> list[int]:
        """`whole_us` in uneven pieces, none zero."""
        weights = [self._random.uniform(0.6, 1.4) for _ in range(number)]
        return [max(1, int(whole_us * weight / sum(weights))) for weight in weights]
