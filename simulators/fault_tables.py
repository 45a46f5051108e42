"""What may go wrong on the way from a machine to its reader, as a scenario file says it; faults.py does it.

Invariants: durations end in their unit, a pair is [least, greatest]; every kind has defaults that do something.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

_Pair = TypeVar("_Pair", tuple[float, float], tuple[int, int])


def in_order(pair: _Pair) -> _Pair:
    """The pair, if it is one of least and greatest."""
    if not 0 <= pair[0] <= pair[1]:
        raise ValueError("give [least, greatest], neither below 0")
    return pair


Span = Annotated[tuple[float, float], AfterValidator(in_order)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Table(BaseModel):
    """A table of a scenario file: unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Duplicate(Table):
    """Samples that leave once more, with the same number."""

    kind: Literal["duplicate"]
    share: Share = 0.05
    after_s: Span = (0.0, 2.0)


class Disorder(Table):
    """Every sample leaves at some moment within this time after its event, so the order is lost."""

    kind: Literal["disorder"]
    within_s: PositiveFloat = 2.0


class Late(Table):
    """Some samples leave later than the others, by seconds or by hours, while the machine goes on living."""

    kind: Literal["late"]
    share: Share = 0.02
    by_s: Span = (1.0, 2.0)


class Cut(Table):
    """The line is cut, again and again: what would leave meanwhile is lost. `every_min` is a mean."""

    kind: Literal["cut"]
    every_min: PositiveFloat = 60.0
    for_s: Span = (20.0, 300.0)


class ClockError(Table):
    """The machine's clock is ahead (behind if negative), and gains (loses) as time goes on."""

    kind: Literal["clock"]
    offset_s: float = 0.0
    drift_ppm: float = Field(default=0.0, gt=-1e6)


class Jump(Table):
    """The clock is set wrong by `by_s`, ahead or behind, for a while, and set right again. `every_min`: a mean."""

    kind: Literal["jump"]
    every_min: PositiveFloat = 240.0
    for_min: Span = (5.0, 40.0)
    by_s: Span = (1.0, 4.0)


class Restart(Table):
    """The publisher is started anew: its line is cut for a while, and its numbers begin again at 0."""

    kind: Literal["restart"]
    every_min: PositiveFloat = 240.0
    for_s: Span = (5.0, 60.0)


class Frozen(Table):
    """The server holds everything back for a while, although its connection lives; then all of it leaves at once."""

    kind: Literal["frozen"]
    every_min: PositiveFloat = 120.0
    for_s: Span = (20.0, 300.0)


class Flap(Table):
    """A change of a switch or word bounces: the new value, the old one, and the new one again, within `within_ms`."""

    kind: Literal["flap"]
    share: Share = 0.05
    within_ms: PositiveFloat = 50.0
    signals: tuple[str, ...] = ("ctrl.execution", "spindle.1.rotating", "ctrl.estop")


class Flood(Table):
    """A value is told `times` more, in the same millisecond or two, each time with a time of its own."""

    kind: Literal["flood"]
    share: Share = 0.01
    times: Annotated[tuple[PositiveInt, PositiveInt], AfterValidator(in_order)] = (20, 50)


class Rollover(Table):
    """Part counters have only so many values, and begin again at 0 after the last of them."""

    kind: Literal["rollover"]
    width: Annotated[int, Field(ge=100)] = 10_000


class Preset(Table):
    """Somebody sets the part counters to another number by hand. `every_parts` is a mean."""

    kind: Literal["preset"]
    every_parts: PositiveInt = 100
    to: Annotated[tuple[PositiveInt, PositiveInt], AfterValidator(in_order)] = (1000, 90_000)


class Leftover(Table):
    """A broker hands out again what was retained long ago: the values of some time before. `every_min`: a mean."""

    kind: Literal["leftover"]
    every_min: PositiveFloat = 60.0
    age_min: Span = (10.0, 120.0)


class Reset(Table):
    """Part counters begin again at 0. `every_parts` is a mean.

    `announced`: the first reading afterwards says so. Otherwise nobody is told: the counter shows 0, and the part made
    in that moment is on no reading.
    """

    kind: Literal["reset"]
    every_parts: PositiveInt = 50
    announced: bool = True


class Bad(Table):
    """A value that is no number, a value of the wrong type, or a message that is not readable at all.

    It comes a moment before the good one, or `instead` of it. `signals`: only these; all if empty.
    """

    kind: Literal["nan", "type", "broken"]
    share: Share = 0.01
    instead: bool = False
    signals: tuple[str, ...] = ()


_OfTime = Disorder | Late | ClockError | Jump | Frozen
_OfLine = Duplicate | Cut | Restart | Flood | Leftover
_OfValue = Reset | Rollover | Preset | Bad | Flap

Fault = Annotated[_OfTime | _OfLine | _OfValue, Field(discriminator="kind")]
"""What goes wrong on the way from a machine to its reader; see faults.py."""

_EVERYWHERE = frozenset(
    {"duplicate", "disorder", "late", "cut", "clock", "jump", "reset", "rollover", "preset", "nan", "type"}
) | {"frozen", "flap", "flood"}
CARRIED = {"opcua": _EVERYWHERE, "mqtt": _EVERYWHERE | {"broken", "restart", "leftover"}}
"""By protocol. A notification of OPC UA is either readable or no notification, without numbers, and never retained."""
