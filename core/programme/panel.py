"""The registry and weekly sums of cells -> the panel that is evaluated: who started when, what was made and seen.

A plant's outcome is sum over sum: all of its cells' amounts by all of their hours. A week counts as observed if every
cell was observed in it for at least 80 % of its time. A plant is compared until something else is done to it: from the
beginning of any other project on, or of its own while that has no commissioning act, its weeks count no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from core.errors import InputError
from core.plant.reader import hint, shown
from core.programme.evaluate import Question
from core.programme.grouptime import NEVER, Floats, Panel, Window
from core.programme.registry import Outcome, Project, Registry

LEAST_COVERAGE = 0.8
"""Below 80 % of time observed a figure is not published (docs/en/ministry.md)."""


@dataclass(frozen=True)
class CellWeek:
    """Sums of a cell in the week that begins on a Monday: amount over base is the outcome; observed share of time [1].

    For output: frozen standard hours over calendar hours.
    """

    cell: str
    monday: date
    amount: float
    base: float
    coverage: float


@dataclass(frozen=True)
class Assembled:
    """A panel with its outcome (plants, weeks; NaN where not observed), its plants, and what is asked of it."""

    panel: Panel
    outcome: Floats
    sites: tuple[str, ...]
    first_monday: date
    question: Question


def assemble(
    registry: Registry, weeks: Iterable[CellWeek], programme: str, outcome: Outcome, seed: int = 1
) -> Assembled:
    """The panel of one programme. InputError if it is not registered, has no project, or nothing was observed."""
    names = [noun.name for noun in registry.programmes]
    if programme not in names:
        raise InputError(f"there is no programme named {shown(programme)}{hint(programme, names)}")
    own = [project for project in registry.projects if project.programme == programme]
    rows = list(weeks)
    if not own or not rows:
        raise InputError(f"programme {shown(programme)} has no {'weeks' if own else 'project'}: nothing to evaluate")
    mondays = [row.monday for row in rows]
    first, count = min(mondays), (max(mondays) - min(mondays)).days // 7 + 1
    cells = {site: _cells(registry, site, own) for site in sorted({cell.site for cell in registry.cells})}
    sums = _sums(rows, cells, first, count)
    sites = tuple(site for site in cells if np.isfinite(sums[site]).any())
    starts = [_start(site, own, first) for site in sites]
    for site in sites:
        sums[site][_until(site, registry.projects, own, first) :] = np.nan
    values = np.array([sums[site] for site in sites]).reshape(len(sites), count)
    strata = {noun.name: noun.stratum for noun in registry.sites}
    _, stratum = np.unique([strata[site] for site in sites], return_inverse=True)
    panel = Panel(np.array(starts, np.int64), stratum.astype(np.int64), np.isfinite(values))
    question = Question(outcome, max(project.tier for project in own), _window(own), seed)
    return Assembled(panel, values, sites, first, question)


def _cells(registry: Registry, site: str, own: list[Project]) -> tuple[str, ...]:
    """The cells that the programme changes at a site; those of a plant that only compares are all of its cells."""
    changed = [cell for project in own if project.site == site for cell in project.cells]
    return tuple(changed or (cell.name for cell in registry.cells if cell.site == site))


def _sums(rows: list[CellWeek], cells: Mapping[str, tuple[str, ...]], first: date, count: int) -> dict[str, Floats]:
    """Outcome of each site by week, NaN where one of its cells was not observed."""
    shape = (len(cells), count)
    amount, base, seen = np.zeros(shape), np.zeros(shape), np.zeros(shape, int)
    place = {cell: at for at, names in enumerate(cells.values()) for cell in names}
    for row in rows:
        if row.cell in place and row.coverage >= LEAST_COVERAGE:
            at = place[row.cell], (row.monday - first).days // 7
            amount[at] += row.amount
            base[at] += row.base
            seen[at] += 1
    needed = np.array([[len(set(names))] for names in cells.values()])
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where((seen >= needed) & (base > 0), amount / base, np.nan)
    return dict(zip(cells, value, strict=True))


def _week(day: date, first: date) -> int:
    """Position of the week that holds a day."""
    return (day - first).days // 7


def _start(site: str, own: list[Project], first: date) -> int:
    begun = [_week(project.begins, first) for project in own if project.site == site]
    return max(0, min(begun)) if begun else NEVER


def _until(site: str, projects: Iterable[Project], own: list[Project], first: date) -> int:
    """The week from which on something else is done to a plant."""
    here = sorted((project for project in projects if project.site == site), key=lambda project: project.begins)
    evaluated = next((project for project in here if project in own), None)
    others = [_week(p.begins, first) for p in here if p is not evaluated or p.act is None]
    return max(0, min(others, default=NEVER))


def _window(own: list[Project]) -> Window:
    """Ramp-up from the beginning to the last week that any project has declared as such, the same for all."""
    skips = [(p.act - p.begins).days // 7 + 1 + p.ramp_up_weeks for p in own if p.act is not None]
    return Window(skip=max(skips, default=0))
