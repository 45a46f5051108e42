"""The examples in the docstrings of the KPI package and of the production calendars run and are right."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import core.kpi

MODULES = [f"core.kpi.{found.name}" for found in pkgutil.iter_modules(core.kpi.__path__)]


@pytest.mark.parametrize("name", [*MODULES, "core.plant.production_calendar"])
def test_examples_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    found = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(found) >= 15
