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


class Reset(Table):
    """Part counters begin again at 0. `every_parts` is a mean.

    `announced`: the first reading afterwards says so. Otherwise nobody is told, and the part made in that moment is
    on no reading.
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


Fault = Annotated[Duplicate | Disorder | Late | Cut | ClockError | Reset | Bad, Field(discriminator="kind")]
"""What goes wrong on the way from a machine to its reader; see faults.py."""

CARRIED = {
    "opcua": frozenset({"duplicate", "disorder", "late", "cut", "clock", "reset", "nan", "type"}),
    "mqtt": frozenset({"duplicate", "disorder", "late", "cut", "clock", "reset", "nan", "type", "broken"}),
}
"""A notification of OPC UA is either readable or no notification."""
