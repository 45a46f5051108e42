"""What plants reported -> weekly sums of cells for the panel, and the two periods of each project that are compared.

The frozen standard time of a part is the one in force when the time before ended. A part that has none is valued by
the standard that the registry links to its project; in cells that no project changes, by its first standard, because
nothing was replaced there that could make it shorter. What then is left without is unknown and makes a project not
comparable.

Calendar time of output is that of the cell, one clock however many machines it has: a second machine is a gain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from core.programme.decompose import decompose
from core.programme.panel import LEAST_COVERAGE, CellWeek
from core.programme.registry import AMOUNTS, Cell, Outcome, Project, Registry
from core.programme.standards import (
    Comparison,
    Made,
    Obstacle,
    Period,
    compare,
    factors,
    output_index,
    technology_at_mix,
)

WEEK_H = 168.0
DAYS = 7
AFTER = timedelta(weeks=52)
"""A year after the ramp-up tells why output changed; later other things have changed it too."""


@dataclass(frozen=True)
class MachineWeek:
    """Sums of a machine in the week from a Monday: days reported [1]; planned busy, observed and producing time [h]."""

    machine: str
    monday: date
    days: int
    planned_h: float
    observed_h: float
    producing_h: float
    energy_kwh: float


@dataclass(frozen=True)
class PartWeek:
    """Parts of a kind that a machine made in a week: good and all [1], with the standard times then in force [h]."""

    machine: str
    monday: date
    part: str
    good: int
    made: int
    standard_h: float


@dataclass(frozen=True)
class InForce:
    """A standard time of a plant [h] from a day of its site on."""

    site: str
    part: str
    since: date
    hours: float


@dataclass(frozen=True)
class Report:
    """Everything that plants reported."""

    machines: Sequence[MachineWeek]
    parts: Sequence[PartWeek]
    standards: Sequence[InForce]


@dataclass(frozen=True)
class Explained:
    """A project before and after: whether it can be compared, the change of its own output and what made it.

    Without a number where it cannot be compared. `change` is not the effect: other plants changed, too.
    """

    project: str
    comparison: Comparison
    change: float | None = None
    factors: Mapping[str, float] | None = None
    technology_at_mix: float | None = None


def cell_weeks(registry: Registry, programme: str, outcome: Outcome, report: Report) -> list[CellWeek]:
    """Weekly sums of every registered cell of which anything was reported."""
    by_machine: dict[str, list[MachineWeek]] = defaultdict(list)
    for week in report.machines:
        by_machine[week.machine].append(week)
    found = []
    for cell in registry.cells:
        frozen = frozen_hours_of(registry, programme, cell, report)
        valued: dict[date, float] = defaultdict(float)
        for part in _parts(cell, report):
            valued[part.monday] += part.good * (frozen.get(part.part) or 0.0)
        mondays: dict[date, list[MachineWeek]] = defaultdict(list)
        for machine in cell.machines:
            for week in by_machine[machine]:
                mondays[week.monday].append(week)
        for monday, rows in sorted(mondays.items()):
            amount, base = _sums(outcome, rows, valued[monday])
            found.append(CellWeek(cell.name, monday, amount, base, coverage(rows)))
    return found


def _sums(outcome: Outcome, rows: Sequence[MachineWeek], valued_h: float) -> tuple[float, float]:
    producing = sum(row.producing_h for row in rows)
    return {
        Outcome.OUTPUT: (valued_h, WEEK_H),
        Outcome.LOAD: (producing, WEEK_H * len(rows)),
        Outcome.AVAILABILITY: (producing, sum(row.planned_h for row in rows)),
        Outcome.ENERGY: (sum(row.energy_kwh for row in rows), valued_h),
    }[outcome]


def coverage(rows: Sequence[MachineWeek]) -> float:
    """Share of the planned time of a cell's week that was observed [1]; a day that nobody reported was not."""
    planned, observed = sum(row.planned_h for row in rows), sum(row.observed_h for row in rows)
    return (observed / planned if planned else 1.0) * max(row.days for row in rows) / DAYS


def frozen_hours_of(registry: Registry, programme: str, cell: Cell, report: Report) -> Mapping[str, float]:
    """Frozen standard time [h] by part for a cell; parts of which none is known are not there."""
    own = [project for project in registry.projects if project.programme == programme]
    mine = next((project for project in own if cell.name in project.cells), None)
    until = mine.baseline_to if mine else min((project.baseline_to for project in own), default=date.max)
    found: dict[str, float] = {}
    for standard in sorted(report.standards, key=lambda row: row.since):
        if standard.site == cell.site and standard.hours > 0:
            first = standard.part not in found and mine is None
            if standard.since <= until or first:
                found[standard.part] = standard.hours
    return {**_linked(registry, mine), **found}


def _linked(registry: Registry, project: Project | None) -> dict[str, float]:
    return {row.part: row.frozen_h for row in registry.standards if project and row.project == project.name}


def _parts(cell: Cell, report: Report) -> Iterable[PartWeek]:
    machines = set(cell.machines)
    return (part for part in report.parts if part.machine in machines)


def explain(registry: Registry, programme: str, report: Report) -> list[Explained]:
    """Each project of a programme that has an act, before and after."""
    own = [project for project in registry.projects if project.programme == programme and project.act is not None]
    return [_explain(registry, project, report) for project in own]


def _explain(registry: Registry, project: Project, report: Report) -> Explained:
    assert project.act is not None
    after = project.act + timedelta(weeks=project.ramp_up_weeks)
    before = _period(registry, project, report, project.baseline_from, project.baseline_to)
    later = _period(registry, project, report, after, after + AFTER)
    comparison = compare(before, later)
    if comparison.obstacle is not None:
        return Explained(project.name, comparison)
    split = decompose(factors(before), factors(later))
    change = output_index(later) - output_index(before)
    return Explained(project.name, comparison, change, split, technology_at_mix(before, later))


def _period(registry: Registry, project: Project, report: Report, first: date, last: date) -> Period:
    """The whole weeks of [first, last] in which the cells of a project were observed."""
    cells = [cell for cell in registry.cells if cell.name in project.cells]
    calendar = planned = producing = 0.0
    parts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    frozen: dict[str, float] = {}
    for cell in cells:
        frozen |= frozen_hours_of(registry, project.programme, cell, report)
        mondays: dict[date, list[MachineWeek]] = defaultdict(list)
        for week in report.machines:
            if week.machine in cell.machines and first <= week.monday and week.monday + timedelta(6) <= last:
                mondays[week.monday].append(week)
        seen = {monday for monday, rows in mondays.items() if coverage(rows) >= LEAST_COVERAGE}
        calendar += WEEK_H * len(seen)
        planned += sum(row.planned_h for monday in seen for row in mondays[monday])
        producing += sum(row.producing_h for monday in seen for row in mondays[monday])
        for part in _parts(cell, report):
            if part.monday in seen:
                for at, amount in enumerate((part.good, part.made, part.standard_h)):
                    parts[part.part][at] += amount
    linked = _linked(registry, project)
    made = tuple(
        Made(name, good, every, frozen.get(name), hours / every if every else 0.0, name in linked)
        for name, (good, every, hours) in sorted(parts.items())
        if name
    )
    return Period(calendar, planned, producing, made)


def comparable(weeks: Iterable[CellWeek], registry: Registry, explained: Iterable[Explained]) -> list[CellWeek]:
    """The weeks without the cells of projects that cannot be compared."""
    out = {found.project for found in explained if found.comparison.obstacle is not None}
    cells = {cell for project in registry.projects if project.name in out for cell in project.cells}
    return [week for week in weeks if week.cell not in cells]


def obstacle_of(outcome: Outcome, explained: Sequence[Explained]) -> Obstacle | None:
    """Why nothing of a programme can be compared: the obstacle of its first project, if all have one."""
    found = [one.comparison.obstacle for one in explained]
    return found[0] if outcome in AMOUNTS and found and all(found) else None
