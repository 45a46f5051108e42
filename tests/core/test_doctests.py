"""The examples in the docstrings of KPIs, programmes and production calendars run and are right."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import core.kpi
import core.programme

MODULES = [
    f"{package.__name__}.{found.name}"
    for package in (core.kpi, core.programme)
    for found in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", [*MODULES, "core.plant.production_calendar"])
def test_examples_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    found = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(found) >= 15
