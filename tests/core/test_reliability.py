"""Failures, MTBF and MTTR: what counts as a failure, and what is said without one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.kpi.band import Reason
from core.kpi.reliability import Failures, failures, mtbf, mttr
from core.units import SECOND_US
from tests.core.rows import intervals

S = SECOND_US
EVER = 10**12


def test_only_unplanned_stops_are_failures_and_only_operation_is_time_between() -> None:
    rows = intervals("PSLIFPIFP", [100, 50, 30, 20, 40, 200, 10, 60, 100])
    found = failures(rows, 0, EVER)
    assert found == Failures(events=2, repaired=2, repair_us=100 * S, operating_us=450 * S)
    assert mtbf(found).value == 225 * S
    assert mttr(found).value == 50 * S
    assert mtbf(found, censored=True).value == 150 * S


def test_a_control_switched_off_during_its_repair_does_not_fail_twice() -> None:
    rows = intervals("PFIFUFIP", [100, 10, 20, 30, 5, 10, 50, 100])
    found = failures(rows, 0, EVER)
    assert (found.events, found.repair_us) == (1, 75 * S)  # waiting for an operator afterwards is no repair


def test_an_open_failure_leaves_the_mean_repair_open_above() -> None:
    found = failures(intervals("PFPF", [100, 30, 100, None]), 0, 500 * S)
    assert (found.events, found.repaired) == (2, 1)
    band = mttr(found)
    assert (band.value, band.low, band.high) == (30 * S, 15 * S, None)


def test_unknown_time_may_hide_failures_or_operation() -> None:
    band = mtbf(failures(intervals("PFPU", [100, 10, 100, 50]), 0, EVER))
    assert (band.value, band.low, band.high) == (200 * S, 0.0, 250 * S)
    hidden = mtbf(failures(intervals("PU", [100, 50]), 0, EVER))
    assert (hidden.value, hidden.low, hidden.reason) == (None, None, Reason.NO_FAILURES)


def test_short_events_can_be_left_out() -> None:
    rows = intervals("PFPFP", [100, 5, 100, 60, 100])
    assert failures(rows, 0, EVER, shortest_us=10 * S).events == 1


@given(
    st.lists(st.tuples(st.sampled_from("PSFIU"), st.integers(1, 50)), min_size=1, max_size=12),
    st.integers(0, 400),
)
def test_windows_add_up(log: list[tuple[str, int]], cut: int) -> None:
    rows = intervals("".join(state for state, _ in log), [length for _, length in log])
    whole = failures(rows, 0, 1000 * S)
    assert failures(rows, 0, cut * S) + failures(rows, cut * S, 1000 * S) == whole


@pytest.mark.parametrize(
    ("found", "reason"), [(Failures(), Reason.NO_FAILURES), (Failures(events=1), Reason.NO_REPAIRS)]
)
def test_no_repair_has_no_mean(found: Failures, reason: Reason) -> None:
    assert (mttr(found).value, mttr(found).reason) == (None, reason)
