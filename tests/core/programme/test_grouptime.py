"""Group-time effects against arithmetic by hand and against their definition in loops."""

from __future__ import annotations

import numpy as np
import pytest

from core.programme.grouptime import (
    NEVER,
    Floats,
    Panel,
    Window,
    effect_weights,
    estimate,
    event_weights,
    group_times,
)
from tests.core.programme.panels import staggered
from tests.seeds import seeds

HAND = Panel(np.array([2, 3, NEVER]), np.zeros(3, int), np.ones((3, 5), bool))
OUTCOME = np.array([[1.0, 2.0, 7.0, 8.0, 12.0], [3.0, 3.0, 4.0, 9.0, 11.0], [5.0, 6.0, 6.0, 8.0, 7.0]])


def test_group_time_effects_worked_out_by_hand() -> None:
    first, second = group_times(HAND, Window(base=1, skip=0, horizon=5))
    # start 2, base week 1. Week 2: plants 1 and 2 have not started; from week 3 on only plant 2.
    assert first.weeks.tolist() == [2, 3, 4]
    assert first.compared.tolist() == [2, 1, 1]
    assert first.effects(OUTCOME) == pytest.approx([5 - ((1 + 0) / 2), 6 - 2, 10 - 1], abs=1e-9)
    # start 3, base week 2; only plant 2 compares.
    assert second.effects(OUTCOME) == pytest.approx([5 - 2, 7 - 1], abs=1e-9)
    weights = effect_weights(HAND, Window(base=1, skip=0, horizon=5))
    assert weights is not None
    assert estimate(weights, OUTCOME) == pytest.approx((4.5 + 4 + 9 + 3 + 6) / 5, abs=1e-9)


def test_the_ramp_up_is_left_out_and_the_base_is_a_mean() -> None:
    (first, second) = group_times(HAND, Window(base=2, skip=1, horizon=1))
    assert first.effects(OUTCOME) == pytest.approx([8 - 1.5 - (8 - 5.5)], abs=1e-9)
    assert second.effects(OUTCOME) == pytest.approx([11 - 3.5 - (7 - 6)], abs=1e-9)


def test_an_event_study_worked_out_by_hand() -> None:
    weights = {block: event_weights(HAND, block, 1) for block in (-2, 0, 1, 9)}
    assert weights[9] is None
    # block −2 against block −1: plant 0 weeks 0 and 1 against both others, plant 1 weeks 1 and 2 against plant 2.
    assert estimate(weights[-2], OUTCOME) == pytest.approx(((-1 - (0 - 1) / 2) + (-1 - 0)) / 2, abs=1e-9)
    assert estimate(weights[0], OUTCOME) == pytest.approx((4.5 + 3) / 2, abs=1e-9)
    assert estimate(weights[1], OUTCOME) == pytest.approx((4 + 6) / 2, abs=1e-9)


def naive(panel: Panel, outcome: Floats, window: Window) -> float:
    """The definition, plant by plant and week by week."""
    total, count = 0.0, 0
    for plant, start in enumerate(panel.starts):
        for week in range(start + window.skip, start + window.skip + window.horizon):
            if start == NEVER or week >= panel.weeks:
                continue
            base = [w for w in range(start - window.base, start) if w >= 0]
            rises = {}
            for other in np.flatnonzero(panel.strata == panel.strata[plant]):
                known = [outcome[other, w] for w in base if panel.observed[other, w]]
                if panel.observed[other, week] and known and len(known) >= len(base) / 2:
                    rises[other] = outcome[other, week] - sum(known) / len(known)
            compared = [rise for other, rise in rises.items() if panel.starts[other] > week]
            if plant in rises and compared:
                total += rises[plant] - sum(compared) / len(compared)
                count += 1
    return total / count


@pytest.mark.parametrize("drawn", seeds("group-time", 3))
@pytest.mark.parametrize(("missing", "strata"), [(0.0, 1), (0.3, 2)])
def test_the_effect_is_its_definition_in_loops(drawn: int, missing: float, strata: int) -> None:
    panel, outcome = staggered(drawn, missing=missing, strata=strata)
    for window in (Window(1, 0, 5), Window(8, 2, 30)):
        weights = effect_weights(panel, window)
        assert weights is not None
        assert estimate(weights, outcome) == pytest.approx(naive(panel, outcome, window), abs=1e-9)
        effects = [(cohort.effects(outcome), cohort.treated) for cohort in group_times(panel, window)]
        summed = sum(float(att @ treated) for att, treated in effects) / sum(treated.sum() for _, treated in effects)
        assert summed == pytest.approx(naive(panel, outcome, window), abs=1e-9)


def test_levels_of_plants_and_weeks_of_all_cancel() -> None:
    panel, _ = staggered(1, missing=0.3, strata=2)
    weights = effect_weights(panel, Window(8, 2, 30))
    assert weights is not None
    assert weights.sum(axis=1) == pytest.approx(np.zeros(panel.plants), abs=1e-12)
    for stratum in (0, 1):
        assert weights[panel.strata == stratum].sum(axis=0) == pytest.approx(np.zeros(panel.weeks), abs=0.2)
    full, _ = staggered(1)
    weights = effect_weights(full, Window(8, 2, 30))
    assert weights is not None
    assert weights.sum(axis=0) == pytest.approx(np.zeros(full.weeks), abs=1e-12)


def test_a_start_with_less_than_eight_weeks_before_it_is_not_compared() -> None:
    for start, compared in ((7, False), (8, True)):
        panel = Panel(np.array([start, NEVER]), np.zeros(2, int), np.ones((2, 30), bool))
        assert (effect_weights(panel, Window()) is not None) == compared


def test_nothing_can_be_compared_if_all_start_together_or_before_the_panel() -> None:
    for starts in ([3, 3, 3], [0, 0, NEVER], [NEVER, NEVER, NEVER]):
        panel = Panel(np.array(starts), np.zeros(3, int), np.ones((3, 9), bool))
        assert effect_weights(panel, Window(3, 0, 3)) is None
