"""Randomisation inference equals its definition: every draw worked out anew, every hypothesis taken off and tested."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import inf

import numpy as np
import pytest

from core.programme.grouptime import NEVER, Floats, Panel, Window, after, effect_weights, estimate
from core.programme.randomisation import (
    Certainty,
    assignments,
    certainty,
    constant,
    draw,
    proportional,
    reassigned,
)
from tests.core.programme.panels import staggered
from tests.seeds import seed

WINDOW = Window(8, 2, 30)
WEIGH = partial(effect_weights, window=WINDOW)
DRAWS = 199


def drawn(missing: float = 0.0) -> tuple[Panel, Floats, np.ndarray]:
    panel, outcome = staggered(seed("randomisation"), missing=missing, strata=2)
    return panel, outcome, draw(panel, 7, DRAWS)


def naive_draws(panel: Panel, outcome: Floats, orders: np.ndarray) -> Floats:
    found = []
    for order in orders:
        weights = WEIGH(replace(panel, starts=panel.starts[order]))
        assert weights is not None
        found.append(float(estimate(weights, outcome)))
    return np.array(found)


def p_of(panel: Panel, outcome: Floats, orders: np.ndarray, pattern: Floats, effect: float) -> float:
    """The hypothesis that the effect is so much, tested by taking it off."""
    weights = WEIGH(panel)
    assert weights is not None
    left = outcome - effect / float(estimate(weights, pattern)) * pattern
    beyond = np.abs(naive_draws(panel, left, orders)) >= abs(float(estimate(weights, left))) * (1 - 1e-12)
    return float((1 + beyond.sum()) / (1 + len(orders)))


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_draws_are_the_estimates_of_other_starts(missing: float) -> None:
    panel, outcome, orders = drawn(missing)
    orders = orders[:40]
    assert reassigned(panel, WEIGH, outcome, orders) == pytest.approx(naive_draws(panel, outcome, orders), abs=1e-12)
    for order in orders:
        assert (panel.strata[order] == panel.strata).all()


@pytest.mark.parametrize("amounts", [False, True])
def test_the_interval_holds_exactly_the_effects_that_are_not_rejected(amounts: bool) -> None:
    panel, outcome, orders = drawn()
    pattern = proportional(panel, outcome, WINDOW.skip) if amounts else constant(panel, WINDOW.skip)
    found = certainty(panel, WEIGH, outcome, orders, pattern)
    assert found.p == pytest.approx(p_of(panel, outcome, orders, pattern, 0.0))
    for end, inward in ((float(found.low), 1), (float(found.high), -1)):
        assert p_of(panel, outcome, orders, pattern, end + inward * 1e-9) > 0.05
        assert p_of(panel, outcome, orders, pattern, end - inward * 1e-9) <= 0.05
    assert found.low < found.value < found.high


def test_many_programmes_at_once_are_each_of_them_alone() -> None:
    panel, outcome, orders = drawn()
    many = np.stack([outcome, outcome[::-1], 2 * outcome])
    both = certainty(panel, WEIGH, many, orders, proportional(panel, many, WINDOW.skip))
    for at, one in enumerate(many):
        alone = certainty(panel, WEIGH, one, orders, proportional(panel, one, WINDOW.skip))
        assert [alone.value, alone.low, alone.high, alone.p] == pytest.approx(
            [both.value[at], both.low[at], both.high[at], both.p[at]], abs=1e-12
        )


def test_a_constant_effect_moves_estimate_and_interval_by_itself() -> None:
    panel, outcome, orders = drawn()
    pattern = constant(panel, WINDOW.skip)
    plain = certainty(panel, WEIGH, outcome, orders, pattern)
    moved = certainty(panel, WEIGH, outcome + 0.3 * pattern, orders, pattern)
    for end in ("value", "low", "high"):
        assert getattr(moved, end) == pytest.approx(getattr(plain, end) + 0.3, abs=1e-9)
    assert moved.p < plain.p


def test_a_factor_on_all_treated_weeks_is_found_whatever_the_levels() -> None:
    panel, _, orders = drawn()
    levels = np.linspace(0.2, 0.7, panel.plants)[:, None] * np.ones(panel.weeks)
    found = certainty(
        panel,
        WEIGH,
        levels * (1 + 0.25 * after(panel, 0)),
        orders,
        proportional(panel, levels * (1 + 0.25 * after(panel, 0)), WINDOW.skip),
    )
    weights = WEIGH(panel)
    assert weights is not None
    truth = float(estimate(weights, 0.25 * levels * after(panel, 0)))
    assert found.value == pytest.approx(truth)
    assert found.se < 0.25 * truth


def test_too_few_draws_leave_the_interval_open() -> None:
    panel, outcome, orders = drawn()
    found: Certainty = certainty(panel, WEIGH, outcome, orders[:10], constant(panel, WINDOW.skip))
    assert (found.low, found.high) == (-inf, inf)


def test_how_many_ways_the_starts_could_have_fallen() -> None:
    panel = Panel(np.array([2, 2, 3, NEVER, 5, NEVER]), np.array([0, 0, 0, 0, 1, 1]), np.ones((6, 9), bool))
    assert assignments(panel) == 12 * 2


def test_nothing_to_compare_is_an_error() -> None:
    panel = Panel(np.array([3, 3]), np.zeros(2, int), np.ones((2, 9), bool))
    with pytest.raises(ValueError, match="no plant"):
        certainty(panel, WEIGH, np.zeros((2, 9)), draw(panel, 1, 9), constant(panel, 2))
