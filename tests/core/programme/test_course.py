"""The event study shows what went on: leads around 0, the ramp-up, the effect, each with the band of chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.programme.course import course
from core.programme.evaluate import Question
from core.programme.grouptime import NEVER, Floats, Panel, Window, estimate, event_weights
from core.programme.registry import Outcome
from tests.seeds import seed

ASKED = Question(outcome=Outcome.LOAD, window=Window(26, 4, 40), draws=399)


def scene(noise: float, plants: int = 12) -> tuple[Panel, Floats]:
    """A dip in the four weeks of ramp-up, then a rise."""
    rng = np.random.default_rng(seed("course"))
    starts = np.array([40, 50, NEVER])[np.arange(plants) % 3]
    panel = Panel(starts, np.zeros(plants, int), np.ones((plants, 90), bool))
    age = np.arange(90) - starts[:, None]
    effect = np.where(age < 0, 0.0, np.where(age < 4, -0.1, 0.05))
    return panel, 0.4 + effect + noise * rng.standard_normal((plants, 90))


def test_without_noise_every_point_is_the_truth() -> None:
    points = {point.block: point.value for point in course(*scene(0.0), ASKED)}
    assert -1 not in points
    for block, value in points.items():
        assert value == pytest.approx(0.0 if block < 0 else -0.1 if block == 0 else 0.05, abs=1e-12)
    assert min(points) == -6
    assert max(points) == 12


def test_points_are_event_effects_and_bands_hold_the_truth_of_most() -> None:
    panel, outcome = scene(0.02)
    points = course(panel, outcome, ASKED)
    inside = 0
    for point in points:
        weights = event_weights(panel, point.block)
        assert weights is not None
        assert point.value == pytest.approx(float(estimate(weights, outcome)))
        assert point.low is not None
        assert point.high is not None
        truth = 0.0 if point.block < 0 else -0.1 if point.block == 0 else 0.05
        inside += point.low <= truth <= point.high
    assert inside >= len(points) - 3
    ramp = next(point for point in points if point.block == 0)
    assert ramp.high is not None
    assert ramp.high < 0


def test_few_plants_have_points_without_bands_and_none_to_compare_have_no_points() -> None:
    assert {point.low for point in course(*scene(0.02, 5), ASKED)} == {None}
    panel, outcome = scene(0.02)
    assert course(replace(panel, starts=np.full(12, 40)), outcome, ASKED) == []
