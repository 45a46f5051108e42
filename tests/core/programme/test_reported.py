"""What plants reported -> weeks of cells and periods of projects: which standard values a part, what is observed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from core.programme.parse import parse_registry
from core.programme.registry import Outcome, Registry
from core.programme.reported import (
    InForce,
    MachineWeek,
    PartWeek,
    Report,
    cell_weeks,
    comparable,
    explain,
    frozen_hours_of,
    obstacle_of,
)
from core.programme.standards import Obstacle

MONDAY = date(2026, 1, 5)
REGISTRY = """
[[programme]]
name = "p"
[[site]]
name = "a"
[[site]]
name = "b"
[[cell]]
name = "a/x"
machines = ["a/old", "a/new"]
[[cell]]
name = "b/x"
machines = ["b/one"]
[[project]]
name = "P"
programme = "p"
site = "a"
cells = ["a/x"]
baseline_from = 2026-01-05
baseline_to = 2026-02-01
baseline_tier = "B0"
begins = 2026-02-02
act = 2026-02-03
ramp_up_weeks = 1
"""
LINKED = '[[standard]]\nproject = "P"\npart = "NEW"\nfrozen_h = 2.0\nprovenance = "technologist, from SHAFT"\n'


def registry(more: str = "") -> Registry:
    return parse_registry({"r.toml": REGISTRY + more})


def week(number: int) -> date:
    return MONDAY + timedelta(weeks=number)


def machine(name: str, number: int, days: int = 7, planned: float = 40.0, observed: float = 40.0) -> MachineWeek:
    return MachineWeek(name, week(number), days, planned, observed, 20.0, 0.0)


def part(name: str, number: int, kind: str, good: int, standard_h: float) -> PartWeek:
    return PartWeek(name, week(number), kind, good, good, standard_h)


IN_FORCE = [
    InForce("a", "SHAFT", date(2025, 1, 1), 1.0),
    InForce("a", "SHAFT", date(2026, 2, 2), 0.5),
    InForce("b", "SHAFT", date(2025, 1, 1), 3.0),
    InForce("b", "LATER", date(2026, 3, 1), 4.0),
    InForce("a", "LATER", date(2026, 3, 1), 4.0),
    InForce("a", "NONE", date(2025, 1, 1), 0.0),
]


@pytest.fixture
def report() -> Report:
    """Four weeks before, eight after; the new machine makes twice as many shafts in half the time each."""
    old = [(machine("a/old", n), part("a/old", n, "SHAFT", 10, 10.0)) for n in range(4)]
    new = [(machine("a/new", n), part("a/new", n, "SHAFT", 20, 10.0)) for n in range(4, 12)]
    one = [(machine("b/one", n), part("b/one", n, "SHAFT", 5, 15.0)) for n in range(12)]
    rows = [*old, *new, *one]
    return Report([row for row, _ in rows], [row for _, row in rows], IN_FORCE)


def test_a_part_is_valued_by_the_standard_in_force_when_the_time_before_ended(report: Report) -> None:
    found = registry(LINKED)
    cells = {cell.name: cell for cell in found.cells}
    assert frozen_hours_of(found, "p", cells["a/x"], report) == {"SHAFT": 1.0, "NEW": 2.0}
    # Nothing was replaced in b: a part that came later has its own first standard.
    assert frozen_hours_of(found, "p", cells["b/x"], report) == {"SHAFT": 3.0, "LATER": 4.0}


def test_weeks_are_sums_over_the_calendar_of_the_cell(report: Report) -> None:
    found = {(w.cell, w.monday): w for w in cell_weeks(registry(), "p", Outcome.OUTPUT, report)}
    assert len(found) == 24
    before, after = found["a/x", week(0)], found["a/x", week(5)]
    assert (before.amount, before.base, before.coverage) == (10.0, 168.0, 1.0)
    assert (after.amount, after.base) == (20.0, 168.0), "frozen: the new standard would say 10"
    load = {(w.cell, w.monday): w for w in cell_weeks(registry(), "p", Outcome.LOAD, report)}
    assert (load["a/x", week(0)].amount, load["a/x", week(0)].base) == (20.0, 168.0)


def test_days_that_nobody_reported_and_time_without_data_lower_the_coverage() -> None:
    rows = [machine("b/one", 0, days=6, planned=40, observed=30), machine("b/one", 1, planned=0, observed=0)]
    found = cell_weeks(registry(), "p", Outcome.LOAD, Report(rows, [], []))
    assert [w.coverage for w in found] == [pytest.approx(0.75 * 6 / 7), 1.0]


def test_a_project_is_explained_by_its_observed_weeks_without_the_ramp_up(report: Report) -> None:
    (found,) = explain(registry(), "p", report)
    assert found.comparison.obstacle is None
    assert found.change == pytest.approx((20 - 10) / 168)
    assert found.factors is not None
    assert sum(found.factors.values()) == pytest.approx(found.change, abs=1e-12)
    assert found.factors["technology"] == pytest.approx(found.change), "half the time for a part, and nothing else"
    assert found.technology_at_mix == pytest.approx(2.0)


def test_parts_without_a_frozen_standard_make_a_project_not_comparable_unless_they_are_linked(report: Report) -> None:
    later = [part("a/new", n, "NEW", 4, 4.0) for n in range(6, 12)]
    more = Report(report.machines, [*report.parts, *later], report.standards)
    (found,) = explain(registry(), "p", more)
    assert found.comparison.obstacle is Obstacle.NO_STANDARD
    assert found.change is None
    assert obstacle_of(Outcome.OUTPUT, [found]) is Obstacle.NO_STANDARD
    assert obstacle_of(Outcome.LOAD, [found]) is None, "hours of production need no standard time"
    weeks = cell_weeks(registry(), "p", Outcome.OUTPUT, more)
    assert {w.cell for w in comparable(weeks, registry(), [found])} == {"b/x"}
    (linked,) = explain(registry(LINKED), "p", more)
    assert linked.comparison.obstacle is None
    assert linked.comparison.linked == pytest.approx(4 * 2.0 / (20 + 8))


def test_a_project_that_mostly_makes_other_parts_is_not_comparable(report: Report) -> None:
    parts = [row for row in report.parts if row.machine != "a/new"]
    other = [part("a/new", n, "NEW", 20, 10.0) for n in range(4, 12)]
    (found,) = explain(registry(LINKED), "p", Report(report.machines, [*parts, *other], IN_FORCE))
    assert found.comparison.obstacle is Obstacle.MIX
    assert obstacle_of(Outcome.OUTPUT, [found]) is Obstacle.MIX
