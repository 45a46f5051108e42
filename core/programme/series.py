"""Before and after with nothing to compare with: an interrupted time series. Weaker evidence, always labelled so.

    y_t = a + b·t + δ·(t ≥ start + skip) + ε_t        ramp-up weeks left out

δ also holds everything else that changed at the same time. Errors that last for weeks are allowed for by Newey and
West (1987).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, pow

import numpy as np

from core.programme.grouptime import Floats, Panel, Window

LEAST_WEEKS = 12
"""A line, a step and their errors cannot be told apart from fewer weeks on a side."""


@dataclass(frozen=True)
class Step:
    """The step δ with its Newey-West standard error, and weeks less coefficients."""

    value: float
    error: float
    freedom: int


def lags_of(weeks: int) -> int:
    """The usual number of lags for so many weeks: ⌊4·(n/100)^(2/9)⌋ (Newey, West 1994)."""
    return floor(4 * pow(weeks / 100, 2 / 9))


def newey_west(outcome: Floats, design: Floats, lags: int) -> tuple[Floats, Floats]:
    """Least squares: coefficients and their covariance with Bartlett weights, corrected for n − k."""
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ (design.T @ outcome)
    scores = design * (outcome - design @ coefficients)[:, None]
    middle = scores.T @ scores
    for lag in range(1, lags + 1):
        part = (1 - lag / (lags + 1)) * scores[lag:].T @ scores[:-lag]
        middle += part + part.T
    rows, columns = design.shape
    return coefficients, rows / (rows - columns) * inverse @ middle @ inverse


def interrupted(before: Floats, later: Floats, gap: int = 0) -> Step | None:
    """The step between two stretches of weekly outcomes with `gap` weeks between them; None if one is too short."""
    if min(len(before), len(later)) < LEAST_WEEKS:
        return None
    outcome = np.concatenate([before, later])
    when = np.concatenate([np.arange(len(before)), len(before) + gap + np.arange(len(later))]).astype(float)
    step = np.repeat([0.0, 1.0], [len(before), len(later)])
    design = np.column_stack([np.ones(len(when)), when - when.mean(), step])
    coefficients, covariance = newey_west(outcome, design, lags_of(len(outcome)))
    return Step(float(coefficients[2]), float(np.sqrt(covariance[2, 2])), len(outcome) - 3)


def mean_step(panel: Panel, outcome: Floats, window: Window) -> Step | None:
    """The step of the mean of all plants that started, by weeks since their start; only weeks that all of them have."""
    started = np.flatnonzero(panel.starts < panel.weeks)
    if not len(started):
        return None
    known = np.where(panel.observed, outcome, np.nan)

    def mean_at(ages: range) -> Floats:
        at = panel.starts[started, None] + np.array(ages)
        inside = (at >= 0) & (at < panel.weeks)
        found = np.where(inside, known[started[:, None], np.clip(at, 0, panel.weeks - 1)], np.nan)
        return np.asarray(found.mean(axis=0))

    before, later = mean_at(range(-window.base, 0)), mean_at(range(window.skip, window.skip + window.horizon))
    return interrupted(before[np.isfinite(before)], later[np.isfinite(later)], window.skip)
