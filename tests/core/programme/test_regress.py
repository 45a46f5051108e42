"""Regressions equal those of statsmodels, and the wild bootstrap equals its definition, regression by regression."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from core.programme.grouptime import NEVER, Floats, Panel, Window, effect_weights, estimate
from core.programme.regress import WEBB, Scores, fit, two_way, two_way_design, wild_bootstrap
from core.programme.series import interrupted, lags_of, newey_west
from tests.core.programme.panels import staggered
from tests.seeds import seed


def test_weighted_least_squares_with_clustered_errors_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(seed("clustered"))
    design = np.column_stack([rng.normal(size=(90, 3)), np.ones(90)])
    clusters, outcome, weights = rng.integers(0, 9, 90), rng.normal(size=90), rng.uniform(1, 5, 90)
    for given in (None, weights):
        model = sm.WLS(outcome, design, weights=np.ones(90) if given is None else given)
        theirs = model.fit(cov_type="cluster", cov_kwds={"groups": clusters})
        ours = fit(outcome, design, clusters, given)
        assert ours.coefficients == pytest.approx(theirs.params, abs=1e-9)
        assert ours.errors == pytest.approx(theirs.bse, abs=1e-9)


@pytest.mark.parametrize(("missing", "strata"), [(0.0, 1), (0.2, 2)])
def test_two_way_fixed_effects_are_those_of_statsmodels(missing: float, strata: int) -> None:
    panel, outcome = staggered(seed("two way"), missing=missing, strata=strata)
    ours = two_way(panel, outcome, skip=2)
    design, plant, week = two_way_design(panel, 2)
    theirs = sm.OLS(outcome[plant, week], design).fit(cov_type="cluster", cov_kwds={"groups": plant})
    assert ours.coefficients[0] == pytest.approx(theirs.params[0], abs=1e-9)
    assert ours.errors[0] == pytest.approx(theirs.bse[0], abs=1e-9)
    assert np.linalg.matrix_rank(design) == design.shape[1]


def test_two_way_fixed_effects_of_two_plants_are_the_difference_of_differences() -> None:
    panel = Panel(np.array([2, NEVER]), np.zeros(2, int), np.ones((2, 4), bool))
    outcome = np.array([[1.0, 1.0, 5.0, 6.0], [2.0, 2.0, 3.0, 3.0]])
    assert two_way(panel, outcome).coefficients[0] == pytest.approx(4.5 - 1.0)


def test_growing_effects_mislead_plain_two_way_fixed_effects_but_not_group_time_effects() -> None:
    weeks = 30
    panel = Panel(np.array([8, 8, 16, 16, NEVER]), np.zeros(5, int), np.ones((5, weeks), bool))
    truth = np.maximum(0, np.arange(weeks) - panel.starts[:, None] + 1) * 0.1
    outcome = truth + np.arange(5)[:, None] + np.sin(np.arange(weeks))
    weights = effect_weights(panel, Window(base=8, skip=0, horizon=weeks))
    assert weights is not None
    assert estimate(weights, outcome) == pytest.approx(float(estimate(weights, truth)), abs=1e-12)
    assert estimate(weights, truth) == pytest.approx(truth[truth > 0].mean(), abs=1e-12)
    assert two_way(panel, outcome).coefficients[0] < 0.85 * truth[truth > 0].mean()


def naive_bootstrap_t(outcome: Floats, design: Floats, clusters: np.ndarray, effect: float, signs: Floats) -> float:
    """One draw by two regressions: the restricted one gives the residuals, the drawn outcome is regressed in full."""
    rest = design[:, 1:]
    under = outcome - effect * design[:, 0]
    fitted = rest @ np.linalg.lstsq(rest, under, rcond=None)[0]
    drawn = fitted + effect * design[:, 0] + signs[clusters] * (under - fitted)
    found = fit(drawn, design, clusters)
    return float(abs((found.coefficients[0] - effect) / found.errors[0]))


def test_the_wild_bootstrap_is_its_definition() -> None:
    panel, outcome = staggered(seed("wild"), plants=6, weeks=20)
    design, plant, week = two_way_design(panel)
    y, draws, chosen = outcome[plant, week], 79, seed("draws")
    signs = np.random.default_rng(chosen).choice(WEBB, (draws, 6))
    ours = wild_bootstrap(y, design, plant, chosen, draws=draws)
    found = fit(y, design, plant)
    for effect in (0.0, 0.05):
        observed = abs((found.coefficients[0] - effect) / found.errors[0])
        drawn = [naive_bootstrap_t(y, design, plant, effect, row) for row in signs]
        scores = Scores(y, design, plant)  # its t lacks a constant, which cancels
        assert scores.drawn(effect, signs) / scores.observed(effect) == pytest.approx(
            np.array(drawn) / observed, abs=1e-9
        )
        p = (1 + sum(t >= observed for t in drawn)) / (1 + draws)
        if effect == 0:
            assert ours.p == pytest.approx(p)
        else:
            assert (ours.low <= effect <= ours.high) == (p > 0.05)


def test_newey_west_errors_are_those_of_statsmodels() -> None:
    rng = np.random.default_rng(seed("newey"))
    outcome = np.cumsum(rng.normal(size=80))
    design = np.column_stack([np.ones(80), np.arange(80.0), np.arange(80) >= 50])
    theirs = sm.OLS(outcome, design).fit(cov_type="HAC", cov_kwds={"maxlags": 3, "use_correction": True})
    coefficients, covariance = newey_west(outcome, design, 3)
    assert coefficients == pytest.approx(theirs.params, abs=1e-9)
    assert np.sqrt(np.diag(covariance)) == pytest.approx(theirs.bse, abs=1e-9)


def test_a_step_in_a_line_is_found_and_too_few_weeks_are_refused() -> None:
    line = 0.3 + 0.01 * np.arange(40.0)
    step = interrupted(line[:16], line[20:] + 0.25, gap=4)
    assert step is not None
    assert step.value == pytest.approx(0.25)
    assert lags_of(100) == 4
    assert interrupted(line[:11], line[20:]) is None
