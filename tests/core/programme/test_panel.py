"""The panel of a programme: sums over sums, who starts when, and from when on a plant counts no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from core.errors import InputError, RegistryError
from core.programme.grouptime import NEVER
from core.programme.panel import CellWeek, assemble
from core.programme.parse import parse_registry
from core.programme.registry import Outcome, Registry, Tier
from core.programme.weeks import parse_weeks

FIRST = date(2027, 1, 4)
SITES = "name,stratum\na,s\nb,s\nc,t\n"
CELLS = "name\na/x\na/y\nb/x\nb/z\nc/x\n"
PROJECTS = """name,programme,site,cells,begins,act,ramp_up_weeks,baseline_from,baseline_to,baseline_tier
1,P,a,a/x|a/y,2027-01-20,2027-01-27,2,2027-01-04,2027-01-17,B0
2,P,b,b/x,2027-01-25,2027-02-01,1,2027-01-04,2027-01-17,B1
3,Q,b,b/z,2027-03-01,2027-03-08,1,2027-01-04,2027-01-17,B0
"""


def registry(projects: str = PROJECTS) -> Registry:
    return parse_registry(
        {"site.csv": SITES, "programme.csv": "name\nP\nQ\n", "cell.csv": CELLS, "project.csv": projects}
    )


def weeks(count: int = 12) -> list[CellWeek]:
    cells = {"a/x": 1.0, "a/y": 3.0, "b/x": 2.0, "b/z": 9.0, "c/x": 5.0}
    return [
        CellWeek(cell, FIRST + timedelta(weeks=week), amount + week, 10.0, 1.0)
        for cell, amount in cells.items()
        for week in range(count)
    ]


def test_a_plant_is_the_sum_of_the_cells_that_the_programme_changes() -> None:
    found = assemble(registry(), weeks(), "P", Outcome.OUTPUT)
    assert found.sites == ("a", "b", "c")
    assert found.outcome[0] == pytest.approx([(4 + 2 * week) / 20 for week in range(12)])
    assert found.outcome[1, :8] == pytest.approx([(2 + week) / 10 for week in range(8)])
    assert found.panel.starts.tolist() == [2, 3, NEVER]
    assert found.panel.strata.tolist() == [0, 0, 1]
    assert found.question.tier is Tier.B1
    assert found.question.window.skip == 4  # project 1: act in the second week, and two weeks of ramp-up


def test_another_project_or_one_without_an_act_ends_the_comparison() -> None:
    found = assemble(registry(), weeks(), "P", Outcome.OUTPUT)
    assert found.panel.observed[1].tolist() == [week < 8 for week in range(12)]
    open_ended = registry(PROJECTS.replace("2027-01-20,2027-01-27", "2027-01-20,"))
    assert assemble(open_ended, weeks(), "P", Outcome.OUTPUT).panel.observed[0].tolist() == [w < 2 for w in range(12)]
    of_q = assemble(registry(), weeks(), "Q", Outcome.OUTPUT)
    assert of_q.panel.starts.tolist() == [NEVER, 8, NEVER]
    assert of_q.panel.observed.sum(axis=1).tolist() == [2, 3, 12]


def test_a_week_counts_only_if_every_cell_was_observed() -> None:
    rows = weeks()
    rows[0] = replace(rows[0], coverage=0.79)
    found = assemble(registry(), rows[:-1], "P", Outcome.OUTPUT)
    assert found.panel.observed.sum(axis=1).tolist() == [11, 8, 11]
    assert np.isnan(found.outcome[0, 0])


def test_what_cannot_be_evaluated_is_named() -> None:
    with pytest.raises(InputError, match='no programme named "p"'):
        assemble(registry(), weeks(), "p", Outcome.OUTPUT)
    with pytest.raises(InputError, match="no weeks"):
        assemble(registry(), [], "P", Outcome.OUTPUT)
    with pytest.raises(InputError, match="no project"):
        assemble(registry(PROJECTS.partition("\n")[0] + "\n"), weeks(), "P", Outcome.OUTPUT)


def test_weekly_sums_are_read_with_complaints_by_line() -> None:
    head = "cell;week;amount;base;coverage\n"
    assert parse_weeks("w.csv", head + "a/x;04.01.2027;12,5;168;0,97\n") == [CellWeek("a/x", FIRST, 12.5, 168.0, 0.97)]
    with pytest.raises(RegistryError) as caught:
        parse_weeks("w.csv", head + "a/x;2027-01-05;1;1;1\nb/x;2027-01-04;1;1;2\nb/x;2027-01-04;x;1;1\n")
    assert list(caught.value.complaints) == [
        "w.csv:2: week.week: 2027-01-05 is not a Monday",
        "w.csv:3: week.coverage: must be from 0 to 1, not 2.0",
        'w.csv:4: week.amount: must be a number, not "x"',
        'w.csv:4: week.week: 2027-01-04 of "b/x" is already there, at w.csv:3',
    ]
