"""Output in frozen standard hours: what was made, valued at the standard times of the time before.

OEE of a new machine uses its own standard times; if it is three times faster and waits for work, OEE falls although
output rises. So a period is judged by Y = Σ(PRI⁰·GQ) / H, PRI⁰ the standard time before and H calendar time
(programmes.md §4.3), and

    Y = (PBT/H) · A · E · Q · T        A = APT/PBT, E = Σ(PRI·PQ)/APT, Q = Σ(PRI·GQ)/Σ(PRI·PQ), T =
    Σ(PRI⁰·GQ)/Σ(PRI·GQ)

telescopes exactly, PRI the standard time in force. T is the technology gain, 1 in the time before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

FACTORS = ("planned", "availability", "effectiveness", "quality", "technology")
"""PBT/H, A, E, Q, T: the factors of output, in the order of the identity."""

LEAST_COMMON = 0.6
"""Share of standard hours in parts that both periods made, below which they are not compared (programmes.md §4.3)."""


@dataclass(frozen=True)
class Made:
    """Parts of one kind in a period: good and all [1], standard hours an item, frozen (None: unknown) and in force.

    `linked`: the frozen time was not in force before, but was worked out later, by a technologist or from similar
    parts.
    """

    part: str
    good: float
    made: float
    frozen_h: float | None
    current_h: float
    linked: bool = False


@dataclass(frozen=True)
class Period:
    """A cell in a period: calendar, planned busy (PBT) and production (APT) hours of its machines, what they made."""

    calendar_h: float
    planned_h: float
    producing_h: float
    parts: tuple[Made, ...]


class Obstacle(StrEnum):
    """Why two periods are not compared."""

    MIX = "mix"
    """Too few of the parts are the same."""
    NO_STANDARD = "no_standard"
    """Parts without a frozen standard time were made, so the output is not known."""
    NO_OUTPUT = "no_output"
    """A period without time or without parts."""


@dataclass(frozen=True)
class Comparison:
    """Whether two periods can be compared.

    Shares of standard hours [1], None without output: `common` in parts that both made, the lesser of the two periods;
    `linked` and `unknown` of the later period, with linked and without frozen standard times.
    """

    common: float | None
    linked: float | None
    unknown: float | None
    obstacle: Obstacle | None


def frozen_hours(parts: Iterable[Made]) -> float:
    """Σ PRI⁰·GQ [h] of the parts whose frozen standard time is known."""
    return sum(part.frozen_h * part.good for part in parts if part.frozen_h is not None)


def current_hours(parts: Iterable[Made]) -> float:
    """Σ PRI·GQ [h] with the standard times in force."""
    return sum(part.current_h * part.good for part in parts)


def output_index(period: Period) -> float:
    """Frozen standard hours per calendar hour (Laspeyres) [1].

    >>> output_index(Period(168, 120, 60, (Made("a", 100, 100, 0.42, 0.14),)))
    0.25
    """
    return frozen_hours(period.parts) / period.calendar_h


def current_index(period: Period) -> float:
    """Standard hours in force per calendar hour (Paasche) [1]."""
    return current_hours(period.parts) / period.calendar_h


def factors(period: Period) -> Mapping[str, float | None]:
    """The five factors whose product is `output_index`; None for one whose denominator is 0."""
    good, made = current_hours(period.parts), sum(part.current_h * part.made for part in period.parts)
    parts = {
        "planned": (period.planned_h, period.calendar_h),
        "availability": (period.producing_h, period.planned_h),
        "effectiveness": (made, period.producing_h),
        "quality": (good, made),
        "technology": (frozen_hours(period.parts), good),
    }
    return {name: above / below if below else None for name, (above, below) in parts.items()}


def technology_at_mix(before: Period, later: Period) -> float | None:
    """Technology gain [1] at the mix of the time before, so that no change of mix enters; over parts made in both.

    Σ PRI⁰·GQ⁰ / Σ PRI¹·GQ⁰.
    """
    now = {part.part: part.current_h for part in later.parts if part.good}
    both = [part for part in before.parts if part.part in now and part.frozen_h is not None]
    needed = sum(now[part.part] * part.good for part in both)
    return frozen_hours(both) / needed if needed else None


def compare(before: Period, later: Period, least_common: float = LEAST_COMMON) -> Comparison:
    """Whether the output of two periods may be compared; "not comparable" is an answer, and then there is no number."""
    known = {part.part for part in before.parts if part.good} & {part.part for part in later.parts if part.good}
    hours = [_valued(period, known) for period in (before, later)]
    if any(total <= 0 for total, _ in hours) or not (before.calendar_h > 0 and later.calendar_h > 0):
        return Comparison(None, None, None, Obstacle.NO_OUTPUT)
    common = min(shared / total for total, shared in hours)
    total = hours[1][0]
    linked = frozen_hours(part for part in later.parts if part.linked) / total
    unknown = current_hours(part for part in later.parts if part.frozen_h is None) / total
    missing = any(part.frozen_h is None and part.good for part in (*before.parts, *later.parts))
    obstacle = Obstacle.MIX if common < least_common else Obstacle.NO_STANDARD if missing else None
    return Comparison(common, linked, unknown, obstacle)


def _valued(period: Period, known: set[str]) -> tuple[float, float]:
    """Standard hours of all parts and of the known ones; without a frozen time the one in force stands in."""
    hours = dict.fromkeys((made.part for made in period.parts), 0.0)
    for made in period.parts:
        hours[made.part] += made.good * (made.current_h if made.frozen_h is None else made.frozen_h)
    return sum(hours.values()), sum(value for part, value in hours.items() if part in known)
