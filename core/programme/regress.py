"""Weighted least squares with errors that belong together within a plant, and the wild bootstrap for few plants.

Errors of one plant may depend on each other in any way; plants are independent. With fewer than about thirty plants
the cluster-robust standard error is too small: then `wild_bootstrap` (restricted, Webb's six weights; Cameron,
Gelbach, Miller 2008; Webb 2023) gives the p-value and the interval. Plain two-way fixed effects (`two_way`) are shown
beside the group-time effects only: with staggered starts and effects that differ or grow they compare later plants
with earlier treated ones and are biased (Goodman-Bacon 2021).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np

from core.programme.grouptime import Floats, Ints, Panel, after

WEBB = np.array([-sqrt(1.5), -1.0, -sqrt(0.5), sqrt(0.5), 1.0, sqrt(1.5)])
"""Six weights with mean 0 and variance 1: with few plants there are enough different draws of them."""
DRAWS = 1999


@dataclass(frozen=True)
class Fit:
    """Coefficients with cluster-robust (CR1) standard errors; `freedom` for t: clusters − 1."""

    coefficients: Floats
    covariance: Floats
    freedom: int

    @property
    def errors(self) -> Floats:
        """Standard errors."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))


@dataclass(frozen=True)
class Bootstrap:
    """p-value of "no effect", and the interval of the effects that are not rejected."""

    p: float
    low: float
    high: float


def fit(outcome: Floats, design: Floats, clusters: Ints, weights: Floats | None = None) -> Fit:
    """Weighted least squares of outcome (rows) on design (rows, columns); `clusters` says which plant a row is of."""
    y, x = _weighted(outcome, design, weights)
    inverse = np.linalg.pinv(x.T @ x, hermitian=True)
    coefficients = inverse @ (x.T @ y)
    scores = _by_cluster(x * (y - x @ coefficients)[:, None], clusters)
    count, (rows, columns) = len(scores), x.shape
    factor = count / (count - 1) * (rows - 1) / (rows - columns)
    return Fit(coefficients, factor * inverse @ (scores.T @ scores) @ inverse, count - 1)


def _weighted(outcome: Floats, design: Floats, weights: Floats | None) -> tuple[Floats, Floats]:
    root = np.ones(len(outcome)) if weights is None else np.sqrt(weights)
    return outcome * root, design * root[:, None]


def _by_cluster(rows: Floats, clusters: Ints) -> Floats:
    """Sums of rows by cluster."""
    names, position = np.unique(clusters, return_inverse=True)
    sums = np.zeros((len(names), rows.shape[1]))
    np.add.at(sums, position, rows)
    return sums


def two_way_design(panel: Panel, skip: int = 0) -> tuple[Floats, Ints, Ints]:
    """Design (observed rows, columns), and the plant and the week of each row.

    The first column is 1 after the start; the ramp-up weeks are left out. Then a dummy a plant, and a dummy for every
    week of a stratum but its first.
    """
    ramp = (after(panel, 0) > 0) & (after(panel, skip) == 0)
    plant, week = np.nonzero(panel.observed & ~ramp)
    treated = after(panel, skip)[plant, week]
    shared = panel.strata[plant] * panel.weeks + week
    firsts = {int(shared[panel.strata[plant] == stratum].min()) for stratum in np.unique(panel.strata[plant])}
    kept = [code for code in np.unique(shared).tolist() if code not in firsts]
    dummies = [plant[:, None] == np.unique(plant), shared[:, None] == np.array(kept)]
    return np.column_stack([treated, *dummies]).astype(float), plant, week


def two_way(panel: Panel, outcome: Floats, skip: int = 0, weights: Floats | None = None) -> Fit:
    """Plain two-way fixed effects of an outcome (plants, weeks); coefficient 0 is the effect."""
    design, plant, week = two_way_design(panel, skip)
    return fit(outcome[plant, week], design, plant, None if weights is None else weights[plant, week])


def wild_bootstrap(
    outcome: Floats,
    design: Floats,
    clusters: Ints,
    seed: int,
    weights: Floats | None = None,
    draws: int = DRAWS,
    level: float = 0.95,
) -> Bootstrap:
    """The restricted wild cluster bootstrap of the first column of a design, by its t statistic.

    A draw multiplies each plant's residuals under the hypothesis by one weight. Scores of all plants are linear in
    those weights and in the hypothesis, so a draw costs a small product, not a regression.
    """
    y, x = _weighted(outcome, design, weights)
    scores = Scores(y, x, clusters)
    signs = np.random.default_rng(seed).choice(WEBB, (draws, scores.clusters))

    def p_of(effect: float) -> float:
        return float((1 + (scores.drawn(effect, signs) >= scores.observed(effect) * (1 - 1e-12)).sum()) / (1 + draws))

    low, high = (_edge(p_of, scores.effect, side * scores.error, 1 - level) for side in (-1, 1))
    return Bootstrap(p_of(0.0), low, high)


def _edge(p_of: Callable[[float], float], effect: float, step: float, alpha: float) -> float:
    """The end of the interval in the direction of a step, infinite if there is none within a thousand of them."""
    inside, outside = effect, effect + step
    while p_of(outside) > alpha:
        inside, outside = outside, effect + 2 * (outside - effect)
        if abs(outside - effect) > 1000 * abs(step):
            return float("inf") if step > 0 else float("-inf")
    for _ in range(50):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if p_of(middle) > alpha else (inside, middle)
    return (inside + outside) / 2


class Scores:
    """The t statistic of the first column after the others are taken out (Frisch, Waugh, Lovell), as sums by plant."""

    def __init__(self, y: Floats, x: Floats, clusters: Ints) -> None:
        basis = _basis(x[:, 1:])
        d, y = x[:, 0] - basis @ (basis.T @ x[:, 0]), y - basis @ (basis.T @ y)
        self._square = float(d @ d)
        self.effect = float(d @ y) / self._square
        both = [self._matrix(d, residual, basis, clusters) for residual in (y, d)]
        (self._own_y, self._score_y), (self._own_d, self._score_d) = both
        self.clusters = len(self._own_y)
        self.error = float(np.sqrt((self._score_y.sum(axis=1) ** 2).sum())) / self._square

    def _matrix(self, d: Floats, residual: Floats, basis: Floats, clusters: Ints) -> tuple[Floats, Floats]:
        """Σ d·r by plant, and how the score of plant g depends on the weight of plant h."""
        own = _by_cluster((d * residual)[:, None], clusters)[:, 0]
        taken = _by_cluster(d[:, None] * basis, clusters) @ _by_cluster(residual[:, None] * basis, clusters).T
        squares = _by_cluster((d * d)[:, None], clusters)[:, 0]
        return own, np.diag(own) - taken - np.outer(squares, own) / self._square

    def _t(self, effect: float, signs: Floats) -> Floats:
        own, score = self._own_y - effect * self._own_d, self._score_y - effect * self._score_d
        return np.asarray((signs @ own) / np.sqrt(((signs @ score.T) ** 2).sum(axis=1)))

    def drawn(self, effect: float, signs: Floats) -> Floats:
        """|t| of each draw under the hypothesis."""
        return np.abs(self._t(effect, signs))

    def observed(self, effect: float) -> float:
        """|t| of what was observed."""
        return float(abs(self._t(effect, np.ones((1, self.clusters)))[0]))


def _basis(x: Floats) -> Floats:
    """An orthonormal basis of the columns."""
    left, sizes, _ = np.linalg.svd(x, full_matrices=False)
    return np.asarray(left[:, sizes > sizes.max(initial=0) * 1e-10])
