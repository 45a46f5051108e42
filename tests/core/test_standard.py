"""Proposed standard times: an interval that holds what it promises, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.kpi.standard import Proposal, TooFew, clean_cycles, propose
from core.units import SECOND_US
from tests.core.rows import intervals

S = SECOND_US


def test_a_cycle_is_clean_if_the_machine_did_nothing_but_produce() -> None:
    rows = intervals("PPIPUP", [50, 50, 10, 100, 10, 100])
    parts = np.array([10, 40, 70, 95, 120, 150, 205, 230, 260, 320]) * S
    # 10-40-70-95 across a change of cause; 120-150-205; 230-260-320; not over the stop and not over the gap.
    assert (clean_cycles(parts, rows) // S).tolist() == [30, 30, 25, 30, 55, 30, 60]
    assert clean_cycles(parts[:1], rows).tolist() == []
    assert clean_cycles(parts, rows[:0]).tolist() == []


@pytest.mark.parametrize("n", [72, 100, 500, 3000])
def test_the_ranks_are_those_of_the_binomial(n: int) -> None:
    found = propose(np.arange(1, n + 1))
    assert isinstance(found, Proposal)
    low = max(rank for rank in range(n) if stats.binom.cdf(rank - 1, n, 0.05) <= 0.025)
    high = min(rank for rank in range(1, n + 1) if stats.binom.sf(rank - 1, n, 0.05) <= 0.025)
    assert (found.low_us, found.high_us) == (low, high)
    assert found.low_us <= found.pri_us <= found.high_us


def test_the_interval_holds_the_true_percentile_as_often_as_it_says() -> None:
    random = np.random.default_rng(5)
    truth = float(np.exp(stats.norm.ppf(0.05) * 0.2)) * 60 * S
    hits = 0
    for _ in range(400):
        cycles = (np.exp(random.normal(0, 0.2, 200)) * 60 * S).astype("i8")
        found = propose(cycles)
        assert isinstance(found, Proposal)
        hits += found.low_us <= truth <= found.high_us
    assert hits / 400 >= 0.93  # promised 0.95, three standard errors are 0.03


def test_a_cycle_of_several_parts_gives_the_time_of_one() -> None:
    found = propose(np.full(100, 120 * S), parts_per_cycle=2)
    assert isinstance(found, Proposal)
    assert (found.pri_us, found.cycles) == (60 * S, 100)
    with pytest.raises(ValueError, match="at least one part"):
        propose(np.full(100, 120 * S), parts_per_cycle=0)


def test_too_few_cycles_are_refused_with_how_many_are_needed() -> None:
    assert propose(np.arange(71)) == TooFew(71, 72)
    assert propose(np.empty(0, "i8")) == TooFew(0, 72)


def test_one_lucky_cycle_does_not_become_the_standard() -> None:
    found = propose(np.array([1] + [60 * S] * 99))
    assert isinstance(found, Proposal)
    assert found.pri_us == 60 * S
