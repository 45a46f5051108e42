"""Where the time went: waterfall, six big losses, Pareto of stops, idle machines. Integers until the last line.

Invariants: the steps of a waterfall and what is left add up to calendar time to the microsecond, also where a standard
time is too generous and the speed loss is a gain; the rows of a Pareto add up to the stopped time they were made from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.kpi.band import Band
from core.kpi.iso import allocation_efficiency
from core.kpi.oee import availability
from core.kpi.sums import Sums

NOT_CLASSIFIED = ""
"""The reason of a stop nobody has given one: shown as "not yet classified", with its share."""


@dataclass(frozen=True)
class Step:
    """One loss [µs] and what remains after it; `us` of speed is negative where output beat the standard time."""

    name: str
    us: int
    left_us: int


def waterfall(sums: Sums) -> list[Step]:
    """From calendar time down to good standard hours; the last step's `left_us` is the value, Σ PRI·GQ.

    The step before `unknown` leaves planned busy time (PBT), the one before `speed` production time (APT). Without a
    standard time for every part it ends with production time. Speed loss is what remains of APT after micro-stops, so
    no stop counts twice.

    >>> [(step.name, step.us) for step in waterfall(Sums(apt=60, aust=40, credit_total_us=50, credit_good_us=45))][-2:]
    [('speed', 10), ('quality', 5)]
    """
    cells = sums.cells()
    off = cells["planned_calendar_off"] + cells["planned_failure_off"]
    micro = sum(us for name, us in cells.items() if name.endswith("_micro"))
    losses = [
        ("not_scheduled", off),
        ("made_outside_plan", sums.apt_out + sums.aust_out),
        ("unknown_outside_plan", sums.unknown_out),
        ("planned_stop", sums.planned_down - off),
        ("unknown", sums.unknown),
        ("no_order", cells["adot_idle"] + cells["adot_setup"] + cells["adot_stop"]),
        ("setup", sums.aust),
        ("breakdown", cells["adet_stop"]),
        ("waiting", cells["adet_idle"]),
        ("micro_stops", micro),
    ]
    if sums.parts_no_standard == 0:
        losses.append(("speed", sums.producing - sums.booked_total_us))
        losses.append(("quality", sums.booked_total_us - sums.booked_good_us))
    return list(_steps(sums.calendar, losses))


def _steps(left: int, losses: Iterable[tuple[str, int]]) -> Iterator[Step]:
    for name, us in losses:
        left -= us
        yield Step(name, us, left)


def six_big_losses(sums: Sums) -> dict[str, int | None]:
    """µs of the six big losses of TPM; None where nothing tells.

    Reduced yield at start-up needs to know which scrap was made while starting up, which no signal says; it is inside
    process defects. Speed and defects are None with a part that has no standard time.
    """
    steps = {step.name: step.us for step in waterfall(sums)}
    return {
        "breakdowns": steps["breakdown"],
        "setup_and_adjustments": steps["setup"],
        "idling_and_minor_stops": steps["waiting"] + steps["micro_stops"],
        "reduced_speed": steps.get("speed"),
        "process_defects": steps.get("quality"),
        "reduced_yield": None,
    }


@dataclass(frozen=True)
class Stretch:
    """A stopped stretch [from_us, to_us) in UTC µs with its cause."""

    from_us: int
    to_us: int
    cause: int


@dataclass(frozen=True)
class Note:
    """A reason that a person gave for a stretch; of notes that overlap, the later in a list holds."""

    from_us: int
    to_us: int
    reason: str


@dataclass(frozen=True)
class Row:
    """A bar of a Pareto: time [µs], number of stops touched, share of all and share up to here [1]."""

    cause: int
    reason: str
    us: int
    stops: int
    share: float
    cumulative: float


def pareto(stretches: Iterable[Stretch], notes: Sequence[Note]) -> list[Row]:
    """Stopped time by cause and reason, longest first; what has no note has the reason NOT_CLASSIFIED.

    Stretches are those of one or more machines, disjoint for each; notes must belong to the same machine as what they
    explain, so call it by machine and add with `merged` for several.
    """
    us: dict[tuple[int, str], int] = defaultdict(int)
    count: dict[tuple[int, str], int] = defaultdict(int)
    for stretch in stretches:
        found: dict[str, int] = defaultdict(int)
        for begin, end in pairwise(_cuts(stretch, notes)):
            found[_reason_at(begin, notes)] += end - begin
        for reason, length in found.items():
            us[stretch.cause, reason] += length
            count[stretch.cause, reason] += 1
    return _rows(us, count)


def merged(paretos: Iterable[Sequence[Row]]) -> list[Row]:
    """The Pareto of several machines, from their sums."""
    us: dict[tuple[int, str], int] = defaultdict(int)
    count: dict[tuple[int, str], int] = defaultdict(int)
    for row in (row for rows in paretos for row in rows):
        us[row.cause, row.reason] += row.us
        count[row.cause, row.reason] += row.stops
    return _rows(us, count)


def not_classified_share(rows: Sequence[Row]) -> float | None:
    """Stopped time without a reason by all stopped time [1]; None without a stop."""
    total = sum(row.us for row in rows)
    return sum(row.us for row in rows if row.reason == NOT_CLASSIFIED) / total if total else None


def _cuts(stretch: Stretch, notes: Sequence[Note]) -> list[int]:
    """Where a reason can change inside a stretch, with its ends."""
    edges = {edge for note in notes for edge in (note.from_us, note.to_us) if stretch.from_us < edge < stretch.to_us}
    return sorted(edges | {stretch.from_us, stretch.to_us})


def _reason_at(at_us: int, notes: Sequence[Note]) -> str:
    holds = [note.reason for note in notes if note.from_us <= at_us < note.to_us]
    return holds[-1] if holds else NOT_CLASSIFIED


def _rows(us: Mapping[tuple[int, str], int], count: Mapping[tuple[int, str], int]) -> list[Row]:
    total, running, rows = sum(us.values()), 0, []
    for key in sorted(us, key=lambda key: (-us[key], key)):
        running += us[key]
        rows.append(Row(*key, us[key], count[key], us[key] / (total or 1), running / (total or 1)))
    return rows


@dataclass(frozen=True)
class Idle:
    """A machine of the idle list: its load over the weeks looked at, how it was supplied, and its longest losses."""

    machine: str
    load: Band
    supplied: Band
    losses: tuple[Step, ...]


IDLE_BELOW = 0.20
IDLE_WEEKS = 4
IDLE_COVERAGE = 0.80
"""A machine under 20 % load for four weeks stands idle, as ministries ask; under 80 % coverage nobody knows."""


def idle_list(
    weeks: Mapping[str, Sequence[Sums]],
    below: float = IDLE_BELOW,
    last: int = IDLE_WEEKS,
    coverage: float = IDLE_COVERAGE,
) -> list[Idle]:
    """Machines whose load (APT / PBT) stayed surely under `below` in each of the `last` weeks, least loaded first.

    `weeks`: sums by machine, oldest week first. Weeks without planned time or with too little coverage accuse nobody.
    """
    found = []
    for machine, sums in weeks.items():
        looked_at = list(sums[-last:])
        if len(looked_at) == last and all(_idle(week, below, coverage) for week in looked_at):
            total = sum(looked_at[1:], looked_at[0])
            found.append(Idle(machine, availability(total), allocation_efficiency(total), _longest(total)))
    return sorted(found, key=lambda idle: (idle.load.value or 0.0, idle.machine))


def _idle(week: Sums, below: float, coverage: float) -> bool:
    load = availability(week)
    return load.high is not None and load.high < below and (week.coverage or 0.0) >= coverage


def _longest(total: Sums) -> tuple[Step, ...]:
    """The losses of planned busy time before production, longest first."""
    inside = [step for step in waterfall(total) if step.name in _BEFORE_APT and step.us > 0]
    return tuple(sorted(inside, key=lambda step: -step.us))


_BEFORE_APT = ("no_order", "setup", "breakdown", "waiting", "micro_stops", "unknown")
