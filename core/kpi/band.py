"""A figure inside its bounds, why it is undefined, and whether it may be published.

Invariants: low <= value <= high where they are given; an undefined figure has no value and says why; nothing is
capped at 1 and nothing is rounded. A bound may be known where the value is not: MTBF without a failure is "more than
observed".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Reason(StrEnum):
    """Why a figure is undefined (reference: docs/en/indicators.md)."""

    NO_PLANNED_TIME = "no_planned_time"
    NO_CALENDAR_TIME = "no_calendar_time"
    NO_STANDARD_TIME = "no_standard_time"
    NO_PARTS = "no_parts"
    PARTS_WITHOUT_RUNTIME = "parts_without_runtime"
    NO_PRODUCTION = "no_production"
    NO_ORDER_TIME = "no_order_time"
    NO_SIGNAL = "no_signal"
    NO_FAILURES = "no_failures"
    NO_REPAIRS = "no_repairs"
    NO_FUND = "no_fund"
    NO_MACHINES = "no_machines"


@dataclass(frozen=True)
class Band:
    """A value inside its bounds, mostly a ratio [1]; without a value `reason` says why.

    `high` None beside a value: nothing bounds it from above.
    """

    value: float | None
    low: float | None
    high: float | None
    reason: Reason | None = None


class Verdict(Enum):
    """What may be done with a figure of some coverage."""

    PUBLISH = "publish"
    FLAG = "flag"
    WITHHOLD = "withhold"


PUBLISH_FROM = 0.95
FLAG_FROM = 0.80
"""From 95 % coverage publish, from 80 % with a remark, below do not. Parameters of a plant."""


def gate(coverage: float | None, publish_from: float = PUBLISH_FROM, flag_from: float = FLAG_FROM) -> Verdict:
    """What coverage [1] allows; None (no planned time) allows nothing. The limits belong to the better side.

    >>> gate(0.95), gate(0.949), gate(0.8), gate(0.79), gate(None)
    (<Verdict.PUBLISH: 'publish'>, <Verdict.FLAG: 'flag'>, <Verdict.FLAG: 'flag'>, <Verdict.WITHHOLD: 'withhold'>, \
<Verdict.WITHHOLD: 'withhold'>)
    """
    if coverage is None or coverage < flag_from:
        return Verdict.WITHHOLD
    return Verdict.PUBLISH if coverage >= publish_from else Verdict.FLAG


def undefined(reason: Reason, low: float | None = None) -> Band:
    """No value, for a reason; `low` where at least that is known."""
    return Band(None, low, None, reason)


def exact(value: float) -> Band:
    """A value about which nothing is uncertain."""
    return Band(value, value, value)


def held(value: float, low: float, high: float) -> Band:
    """A value inside its band: parts booked after a gap may have been made in it, before the window."""
    high = max(low, high)
    return Band(min(max(value, low), high), low, high)


def share(part: int, unknown: int, whole: int, reason: Reason = Reason.NO_PLANNED_TIME) -> Band:
    """`part` of `whole`, which holds the unknown time [all µs]: that may all have been such time, or none of it.

    >>> share(30, 10, 60)
    Band(value=0.5, low=0.5, high=0.6666666666666666, reason=None)
    """
    if whole == 0:
        return undefined(reason)
    return Band(part / whole, part / whole, (part + unknown) / whole)


def fraction(part: int, rest: int, unknown: int, reason: Reason) -> Band:
    """`part` of `part` and `rest`; the unknown time [all µs] may have belonged to either, or to neither.

    >>> fraction(30, 10, 20, Reason.NO_PRODUCTION)
    Band(value=0.75, low=0.5, high=0.8333333333333334, reason=None)
    """
    if part + rest == 0:
        return undefined(reason)
    every = part + rest + unknown
    return Band(part / (part + rest), part / every, (part + unknown) / every)
