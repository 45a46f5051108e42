"""How a machine lives through its shifts, from a seed: orders, parts, tools, stops, breaks, maintenance, empty nights.

Invariants: the story is a pure function of script, site, begin, seed and interventions, and before an intervention
it is the one without; it never ends; a program is selected only while no part is unfinished; maintenance never follows
a breakdown without production between (it would count as a repair). Durations carry odd microseconds, so that
truncated times would show.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

from core.plant.calendar import ShiftInstance, shift_instances
from core.plant.model import Site
from core.units import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from core.vocabulary import Execution, Mode, State, WaitFor
from simulators.cycle import WORN_LOAD, Block, Tools, blocks
from simulators.fault_tables import Span
from simulators.interventions import Intervention, Kind
from simulators.script import WAITS, Hold, MachineScript, ProgramScript
from simulators.truth import Condition, Part, Phase

_READY = Condition(State.IDLE, Execution.READY)
_INTERRUPTED = Condition(State.IDLE, Execution.INTERRUPTED)
_STOPPED = {
    "estop": Condition(State.UNPLANNED_STOP, Execution.INTERRUPTED, estop=True),
    "item_state": Condition(State.UNPLANNED_STOP, Execution.INTERRUPTED, stopped=True),
}
"""A breakdown, by the script's `stop_shown`."""
_MAINTENANCE = Condition(State.PLANNED_STOP, Execution.READY, maintenance=True)
_OFF = Condition(State.UNKNOWN, Execution.READY, off=True)
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

_WEEK_US, _WEEKS = 7 * DAY_US, 53
_NEVER_US = 2**62
"""Longer than any scenario."""
_CYCLE_SPREAD = 0.02
"""Relative standard deviation of a cycle; an estimate for a CNC program with manual loading."""


def story(
    script: MachineScript, site: Site, begin_us: int, seed: int, done: Sequence[Intervention] = ()
) -> Iterator[Phase | Part]:
    """What happens on a machine from `begin_us` on, for ever: each part right after the phase that finished it.

    `done`: what somebody does to this machine meanwhile.
    """
    return _Machine(script, site, begin_us, seed, done).life()


def _can_break(condition: Condition) -> bool:
    """Nothing breaks that is off or in the hands of its fitters."""
    return not condition.off and not condition.maintenance


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
            return next(self._starts_after(us))
        return next((end for begin, end in shift.breaks if begin <= us < end), None)

    def _starts_after(self, us: int) -> Iterator[int]:
        """Where shifts begin after an instant, looked up week by week; where a site closes for good, in a year."""
        for week in range(_WEEKS):
            found = shift_instances(self._site, us + week * _WEEK_US, us + (week + 1) * _WEEK_US)
            yield from (shift.start_us for shift in found if shift.start_us > us)
        yield us + _WEEKS * _WEEK_US


class _Machine:
    """The state of the storyteller. `_now_us` is the end of the last phase told."""

    def __init__(
        self, script: MachineScript, site: Site, begin_us: int, seed: int, done: Sequence[Intervention]
    ) -> None:
        self._script = script
        in_order = sorted(done, key=lambda one: one.at_us)
        self._breaks = [one for one in in_order if one.kind is Kind.BREAK]
        self._rushes = [one for one in in_order if one.kind is Kind.RUSH]
        self._broke = False
        self._shifts = _Shifts(site)
        self._random = random.Random(f"{seed} {script.name}")
        self._begin_us = self._now_us = begin_us
        self._projects = sorted(script.project, key=lambda project: project.after_d)
        self._program = script.program[0]
        self._blocks = {program.name: blocks(script, program, seed) for program in script.program}
        self._tools = Tools(script.tool_life_parts, random.Random(f"{seed} {script.name} tools"))
        self._tool = 1
        self._override = 100.0
        self._parts = 0
        self._scraps = 0
        self._shift_seen = 0
        self._to_breakdown_us = self._breakdown_gap()
        self._to_hold_us = self._exponential(script.hold_every_min * MINUTE_US)
        passed_d = self._random.uniform(0.0, script.maintenance_every_d or 0.0)
        self._serviced_us = begin_us - int(passed_d * DAY_US)

    def life(self) -> Iterator[Phase | Part]:
        """The machine's own ways, with what somebody does to it."""
        for item in self._own_ways():
            if isinstance(item, Part):
                yield item
            else:
                yield from self._broken(item)

    def _broken(self, phase: Phase) -> Iterator[Phase]:
        """A phase with the breakdowns that fall into it: work goes on after them, a rest does not get longer."""
        if phase.condition.state == State.PRODUCING:
            self._broke = False
        while self._breaks and self._breaks[0].at_us < phase.to_us and _can_break(phase.condition):
            wanted = self._breaks.pop(0)
            at_us = max(wanted.at_us, phase.from_us)
            if at_us > phase.from_us:
                yield replace(phase, to_us=at_us)
            self._now_us, self._broke = at_us, True
            yield self._phase(_STOPPED[self._script.stop_shown], wanted.for_us)
            yield self._phase(_INTERRUPTED, self._between((10.0, 90.0), SECOND_US))
            rests = phase.condition.state == State.IDLE
            phase = replace(
                phase,
                from_us=self._now_us,
                to_us=max(phase.to_us, self._now_us) if rests else self._now_us + phase.to_us - at_us,
            )
            self._now_us = phase.to_us
        if phase.to_us > phase.from_us:
            yield phase

    def _own_ways(self) -> Iterator[Phase | Part]:
        """Order after order, each of another program than the one before if there are several."""
        yield self._phase(_READY, self._between((20.0, 90.0), SECOND_US))
        first = self._random.randrange(len(self._script.program))
        for number in count(first):
            yield from self._modernized()
            yield from self._order(self._script.program[number % len(self._script.program)])

    def _modernized(self) -> Iterator[Phase]:
        """Projects whose time has come, between two orders."""
        while (
            self._projects and not self._broke and self._now_us >= self._begin_us + self._projects[0].after_d * DAY_US
        ):
            project = self._projects.pop(0)
            yield self._phase(_MAINTENANCE, int(project.install_h * HOUR_US) + 1)
            self._script = self._script.after(project)

    def _order(self, program: ProgramScript, parts: int | None = None) -> Iterator[Phase | Part]:
        yield from self._setup(program)
        self._override = self._random.choice(self._script.override)
        for _ in range(parts or self._random.randint(*program.batch)):
            yield from self._rushed(program)
            yield from self._rest()
            if self._random.random() * self._script.wait_every_parts < 1.0:
                yield self._wait()
            yield from self._part()

    def _rushed(self, program: ProgramScript) -> Iterator[Phase | Part]:
        """Orders that may not wait; afterwards the machine is set up again for what it was making."""
        while self._rushes and self._rushes[0].at_us <= self._now_us:
            wanted = self._rushes.pop(0)
            others = [one for one in self._script.program if one.name != program.name] or [program]
            named = [one for one in self._script.program if one.name == wanted.program]
            yield from self._order((named or others)[0], wanted.parts)
            yield from self._setup(program)

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
        """Breaks, free time, maintenance, and shifts in which nobody comes; decided between two parts."""
        shift = self._shifts.at(self._now_us)
        if shift is not None and shift.id != self._shift_seen:
            self._shift_seen = shift.id
            if self._random.random() < self._script.idle_shifts.get(shift.name, 0.0):
                yield from self._stand_until(shift.end_us)
                yield self._warm_up()
            elif self._service_due():
                self._serviced_us = self._now_us
                yield self._phase(_MAINTENANCE, self._between(self._script.maintenance_h, HOUR_US))
                yield self._phase(_READY, self._between((30.0, 240.0), SECOND_US))
        if self._script.breaks == "stop":
            while (end_us := self._shifts.pause_end(self._now_us)) is not None:
                yield from self._stand_until(end_us)

    def _service_due(self) -> bool:
        every_d = self._script.maintenance_every_d
        return every_d is not None and not self._broke and self._now_us - self._serviced_us >= every_d * DAY_US

    def _stand_until(self, end_us: int) -> Iterator[Phase]:
        if self._script.off_when_free and self._shifts.at(self._now_us) is None and end_us > self._now_us + HOUR_US:
            yield self._phase(_READY, self._between((60.0, 600.0), SECOND_US))
            # Who comes first switches on, a few minutes before the shift.
            early_us = self._between((60.0, 300.0), SECOND_US)
            yield self._phase(_OFF, end_us - self._now_us - early_us)
            yield self._phase(_READY, early_us)
            yield self._warm_up()
            return
        yield self._phase(_READY, end_us - self._now_us + self._between((5.0, 150.0), SECOND_US))

    def _warm_up(self) -> Phase:
        return self._phase(_WARM_UP, self._between(self._script.warm_up_min, MINUTE_US))

    def _wait(self) -> Phase:
        word = WAITS[self._random.choice(self._script.wait_for)]
        return self._phase(self._waiting(word), self._between(self._script.wait_min, MINUTE_US))

    def _waiting(self, word: WaitFor) -> Condition:
        return Condition(State.IDLE, Execution[self._script.wait_word.upper()], wait_for=word)

    def _part(self) -> Iterator[Phase | Part]:
        """One cycle, block by block, with what comes in between; then the part."""
        cycle_us = self._program.cycle_s * SECOND_US * max(0.5, self._random.gauss(1.0, _CYCLE_SPREAD))
        found = self._blocks[self._program.name]
        breaks_at = self._break(found)
        yield from self._worn_tools()
        for index, block in enumerate(found):
            self._tool = block.tool
            # The switch slows (or speeds) the cut; rapid, probing and changes do not care.
            slow = 100.0 / self._override if block.condition.cutting else 1.0
            length_us = max(1, int(cycle_us * block.share * slow))
            if index == breaks_at:
                yield from self._produce(block, max(1, length_us // 2))
                yield from self._stopped(self._script.tool_break_min)
                self._tools.renew(self._edge(block.tool))
            yield from self._produce(block, length_us)
        good = self._random.random() >= self._script.scrap and breaks_at is None
        self._parts += 1
        self._scraps += not good
        yield Part(self._now_us, self._program.name, good, self._parts, self._scraps)

    def _break(self, found: Sequence[Block]) -> int | None:
        """In which block of the next cycle a tool breaks; None as a rule."""
        every = self._script.tool_break_every_parts
        if every is None or self._random.random() * every >= 1.0:
            return None
        return self._random.choice([index for index, block in enumerate(found) if block.condition.cutting])

    def _worn_tools(self) -> Iterator[Phase]:
        """Exchange what the last part has worn out."""
        for tool in range(1, self._program.tools + 1):
            edge = self._edge(tool)
            if self._tools.worn(edge) >= 1.0:
                self._tool = tool
                self._tools.renew(edge)
                yield self._phase(self._waiting(WaitFor.TOOL), self._between(self._script.tool_min, MINUTE_US))
            self._tools.cut(edge)

    def _edge(self, tool: int) -> str:
        return f"{self._program.name} {tool}"

    def _produce(self, block: Block, left_us: int) -> Iterator[Phase]:
        """A piece of a cycle, broken up by holds and breakdowns, which come by producing time."""
        while left_us:
            step_us = min(left_us, self._to_breakdown_us, self._to_hold_us)
            yield self._phase(block.condition, step_us, block)
            left_us -= step_us
            self._to_breakdown_us -= step_us
            self._to_hold_us -= step_us
            if not self._to_hold_us:
                self._to_hold_us = self._exponential(self._script.hold_every_min * MINUTE_US)
                hold = _HOLDS[self._random.choice(self._script.hold)]
                still = replace(hold, turning=hold.turning and block.condition.turning)
                yield self._phase(still, self._between(self._script.hold_s, SECOND_US), block)
            if not self._to_breakdown_us:
                self._to_breakdown_us = self._breakdown_gap()
                yield from self._stopped(self._script.breakdown_min)

    def _stopped(self, span_min: Span) -> Iterator[Phase]:
        """A breakdown, and the way back to the program."""
        yield self._phase(_STOPPED[self._script.stop_shown], self._between(span_min, MINUTE_US))
        yield self._phase(_INTERRUPTED, self._between((10.0, 90.0), SECOND_US))

    def _breakdown_gap(self) -> int:
        """Producing time to the next breakdown."""
        every_h = self._script.breakdown_every_h
        return _NEVER_US if every_h is None else self._exponential(every_h * HOUR_US)

    def _phase(self, condition: Condition, length_us: int, block: Block | None = None) -> Phase:
        """The next phase; without a block the spindle turns at any speed, and feeds gently."""
        begin_us, self._now_us = self._now_us, self._now_us + length_us
        if self._script.kind == "edm":  # nothing to turn: what would turn the spindle moves an axis
            condition = replace(condition, turning=False, feeding=condition.feeding or condition.turning)
        if self._script.kind == "manual" and block is None:  # without work its motor is off
            condition = replace(condition, turning=False, feeding=False)
        speed = round(self._random.uniform(*self._script.spindle), 1) if block is None else block.speed
        feed = round(self._random.uniform(*self._script.feed), 1) if block is None else block.feed
        if condition.cutting:
            feed = round(feed * self._override / 100.0, 1)
        return Phase(
            begin_us,
            self._now_us,
            condition,
            self._program.name,
            f"T{self._tool:02}",
            speed if condition.turning else 0.0,
            feed if condition.feeding else 0.0,
            self._override,
            self._load(block) if block is not None and condition.cutting else 0.0,
        )

    def _load(self, block: Block) -> float:
        """A worn tool and a quicker feed need more power."""
        worn = 1.0 + WORN_LOAD * min(1.0, self._tools.worn(self._edge(block.tool)))
        return round(block.load * worn * (0.5 + 0.5 * self._override / 100.0), 2)

    def _between(self, span: Span, unit_us: int) -> int:
        return max(1, int(self._random.uniform(*span) * unit_us))

    def _exponential(self, mean_us: float) -> int:
        return max(1, int(self._random.expovariate(1.0 / mean_us)))

    def _pieces(self, whole_us: float, number: int) -> list[int]:
        """`whole_us` in uneven pieces, none zero."""
        weights = [self._random.uniform(0.6, 1.4) for _ in range(number)]
        return [max(1, int(whole_us * weight / sum(weights))) for weight in weights]
