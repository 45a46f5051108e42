"""The habits of one machine as a scenario file says them: rates and durations, no events. Words and checks only.

Invariants: durations end in their unit, a pair is [least, greatest]; times "every" are means of exponential
distributions over producing time unless they say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt

from core.vocabulary import WaitFor
from simulators.fault_tables import Fault, Share, Span, Table, in_order

Hold = Literal["interrupted", "feed_hold", "override"]
"""How an operator holds a running program: by interrupting it, by feed hold, or by turning the feed override to 0."""

Kind = Literal["turning", "milling", "five_axis", "grinding", "edm", "manual"]
"""What a machine is: which blocks its programs are made of, see cycle.py. manual: an old lathe, worked by hand."""

WAITS = {word.name.lower(): word for word in WaitFor if word} | {"program": WaitFor.OTHER}
"""What a machine may wait for. No control has a word for a program that has not come."""


class ProgramScript(Table):
    """A part program on a machine: mean real cycle at full override, parts of an order, number of tools in a cycle.

    `cut`: share of the cycle in which metal is cut; by the kind of machine if it is not given.
    """

    name: str
    cycle_s: PositiveFloat
    batch: Annotated[tuple[PositiveInt, PositiveInt], AfterValidator(in_order)] = (20, 60)
    tools: PositiveInt = 2
    cut: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None


class Project(Table):
    """A modernization of one machine and its true effect: factors on what the machine did before, 1 changes nothing.

    It begins with the first order that ends `after_d` days after the scenario's beginning or later, with an
    installation of `install_h` hours, which is a planned stop.
    """

    name: str
    kind: Literal["replacement", "retrofit", "automation"]
    after_d: PositiveFloat
    install_h: PositiveFloat = 8.0
    cycle: PositiveFloat = 1.0
    setup: PositiveFloat = 1.0
    breakdowns: PositiveFloat = 1.0
    """On their number, not their length."""
    waits: PositiveFloat = 1.0
    scrap: Annotated[float, Field(ge=0.0)] = 1.0


class MachineScript(Table):
    """The habits of one machine."""

    name: str
    kind: Kind = "turning"
    program: tuple[ProgramScript, ...] = Field(min_length=1)
    scrap: Share = 0.02
    first_part: int = Field(default=1001, ge=0)
    """What the part counter shows when the scenario begins."""
    first_scrap: int = Field(default=17, ge=0)
    breakdown_every_h: PositiveFloat | None = None
    breakdown_min: Span = (8.0, 30.0)
    """How long the emergency stop stays pressed, or the control stays out of service, in a breakdown."""
    stop_shown: Literal["estop", "item_state"] = "estop"
    """By which signal a machine shows that it is broken down."""
    hold_every_min: PositiveFloat = 40.0
    hold_s: Span = (8.0, 120.0)
    hold: tuple[Hold, ...] = Field(default=("interrupted",), min_length=1)
    wait_every_parts: PositiveFloat = 15.0
    wait_min: Span = (0.5, 5.0)
    wait_for: tuple[str, ...] = Field(default=("operator",), min_length=1)
    wait_word: Literal["wait", "interrupted"] = "interrupted"
    """`ctrl.execution` while waiting; not every protocol profile knows the word wait."""
    override: tuple[Annotated[float, Field(gt=0.0, le=150.0)], ...] = Field(
        default=(100.0, 100.0, 100.0, 95.0, 90.0), min_length=1
    )
    """Feed overrides that an operator keeps for an order, % (equally likely)."""
    tool_life_parts: PositiveInt | None = None
    """How many parts a tool cuts before it is worn; None: tools last for ever."""
    tool_min: Span = (1.0, 4.0)
    """How long the exchange of a tool takes."""
    tool_break_every_parts: PositiveFloat | None = None
    """A mean; a broken tool is a breakdown, and the part is scrap."""
    tool_break_min: Span = (6.0, 20.0)
    setup_min: Span = (10.0, 25.0)
    """Setup between orders; [0, 0] selects the next program at the instant of the last part."""
    setup_mode: Literal["manual", "mdi"] = "mdi"
    warm_up_min: Span = (3.0, 8.0)
    """Warm-up after a shift of standing, and after the power was off."""
    breaks: Literal["stop", "run"] = "stop"
    idle_shifts: Mapping[str, Share] = {}
    """By name of shift: the share of them in which nobody comes."""
    off_when_free: bool = False
    """Whether the machine is switched off while the calendar has no shift."""
    maintenance_every_d: PositiveFloat | None = None
    """Planned maintenance, counted in days of the calendar; the first one comes within that time."""
    maintenance_h: Span = (1.0, 3.0)
    spindle: Span = (800.0, 2400.0)
    """Speed range, min⁻¹."""
    feed: Span = (80.0, 400.0)
    """Path feed range while cutting, mm/min."""
    power_w: Span = (900.0, 9000.0)
    """Standby and full load."""
    gauge_s: PositiveFloat = 5.0
    """Interval of speed, load, feed, power and currents while the spindle turns."""
    sampled: bool = False
    """Gauges are told at that interval always and only, as a clamp or a meter does, not where the machine changes."""
    project: tuple[Project, ...] = ()
    fault: tuple[Fault, ...] = ()
    """What goes wrong on the way to the reader. The truth is not touched by it."""

    def after(self, project: Project) -> MachineScript:
        """The habits of the machine that a project has left behind."""
        programs = tuple(
            program.model_copy(update={"cycle_s": program.cycle_s * project.cycle}) for program in self.program
        )
        every_h = self.breakdown_every_h
        return self.model_copy(
            update={
                "program": programs,
                "setup_min": tuple(length * project.setup for length in self.setup_min),
                "breakdown_every_h": None if every_h is None else every_h / project.breakdowns,
                "wait_every_parts": self.wait_every_parts / project.waits,
                "scrap": min(1.0, self.scrap * project.scrap),
            }
        )
