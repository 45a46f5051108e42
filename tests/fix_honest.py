"""Skips are listed at the end of a run (`-ra` in pyproject.toml), and where CI=true they are failures.

A test that lacks its server may be skipped on a laptop; a build that skips it would promise what nobody looked at.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest


def _judged(report: pytest.TestReport | pytest.CollectReport) -> None:
    """A skip becomes a failure with the same reason; an expected failure stays what it is."""
    if not report.skipped or hasattr(report, "wasxfail") or os.environ.get("CI") != "true":
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"CI skips nothing: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _judged(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _judged(report)
    return report
