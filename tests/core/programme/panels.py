"""Small panels for the tests of effects, drawn from a seed."""

from __future__ import annotations

import numpy as np

from core.programme.grouptime import NEVER, Floats, Panel


def staggered(
    seed: int, plants: int = 12, weeks: int = 40, missing: float = 0.0, strata: int = 1
) -> tuple[Panel, Floats]:
    """Plants, a third of which never start, with serially correlated outcomes; some weeks may be missing."""
    rng = np.random.default_rng(seed)
    choices = np.array([12, 18, NEVER])
    starts = choices[np.arange(plants) % 3]
    stratum = np.arange(plants) * strata // plants
    outcome = rng.normal(0.4, 0.1, (plants, 1)) + np.cumsum(rng.normal(0, 0.02, (plants, weeks)), axis=1)
    observed = rng.random((plants, weeks)) >= missing
    return Panel(starts, stratum, observed), np.where(observed, outcome, np.nan)
