"""Group-time effects for staggered starts: differences of differences against plants that have not started yet.

    ATT(g, t) = mean over plants that start in week g of (y_t − their mean before)
              − mean over plants that have not started by week t of (y_t − their mean in the same weeks before)

after Callaway and Sant'Anna (2021), without covariates; with one base week it is their formula, the mean of more base
weeks is steadier. Plants are compared within their stratum, and each plant weighs the same. Every estimate here is
linear in the outcome: weights by plant and week. Their rows sum to 0 (a plant's level cancels) and their columns too
(what a week does to all plants of a stratum cancels).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEVER = 1 << 30
"""The start of a plant that only compares."""

BASE_WEEKS = 26
"""Half a year before the start: shocks that last for weeks average out, and it is still the same plant."""
SKIP_WEEKS = 8
"""The ramp-up that is left out (programmes.md §4.4: 8 to 12 weeks, declared beforehand)."""
HORIZON_WEEKS = 52
BLOCK_WEEKS = 4
"""A point of the event study: single weeks are mostly noise."""
LEAST_BASE = 8
"""A start with fewer weeks before it is not compared (programmes.md §4.4), unless fewer are asked for."""
_SEEN = 0.5
"""A plant is compared if at least this share of its base weeks was observed."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Panel:
    """Who starts when, and what was observed: the design, without outcomes.

    `starts` int64 (plants): position of the week in which the old machine stops, NEVER for plants that only compare.
    `strata` int64 (plants). `observed` bool (plants, weeks).
    """

    starts: Ints
    strata: Ints
    observed: NDArray[np.bool_]

    @property
    def plants(self) -> int:
        """Number of plants."""
        return len(self.starts)

    @property
    def weeks(self) -> int:
        """Number of weeks."""
        return int(self.observed.shape[1])


@dataclass(frozen=True)
class Window:
    """What is compared: `base` weeks before the start with `horizon` weeks that begin `skip` weeks after it."""

    base: int = BASE_WEEKS
    skip: int = SKIP_WEEKS
    horizon: int = HORIZON_WEEKS


@dataclass(frozen=True)
class Cohort:
    """The group-time effects of the plants of a stratum that start in one week.

    `weeks`, `treated`, `compared` (effects): the week of each, and how many plants are on either side.
    `shares` (plants, effects): +1/treated or −1/compared. `before` (plants, weeks): weights of each plant's base mean.
    """

    stratum: int
    start: int
    weeks: Ints
    treated: Ints
    compared: Ints
    shares: Floats
    before: Floats

    def effects(self, outcome: Floats) -> Floats:
        """ATT(g, t) (effects) of an outcome (plants, weeks)."""
        known = np.nan_to_num(outcome)
        rise = known[:, self.weeks] - (self.before * known).sum(axis=1, keepdims=True)
        return np.asarray((self.shares * rise).sum(axis=0))


def after(panel: Panel, skip: int) -> Floats:
    """1.0 in the weeks of a plant from `skip` weeks after its start on, else 0.0 (plants, weeks)."""
    return (np.arange(panel.weeks) >= panel.starts[:, None] + skip).astype(float)


def group_times(panel: Panel, window: Window) -> list[Cohort]:
    """Every group-time effect of the window that has a plant on both sides, by cohort."""
    found = []
    for stratum, start in starts_of(panel):
        first = start + window.skip
        weeks = range(first, first + window.horizon)
        found.append(_cohort(panel, stratum, start, range(start - window.base, start), weeks))
    return [cohort for cohort in found if len(cohort.weeks)]


def starts_of(panel: Panel) -> list[tuple[int, int]]:
    """The different (stratum, start) of the plants that start."""
    started = panel.starts < NEVER
    return sorted(set(zip(panel.strata[started].tolist(), panel.starts[started].tolist(), strict=True)))


def _cohort(panel: Panel, stratum: int, start: int, base: Sequence[int], weeks: Sequence[int]) -> Cohort:
    within = np.array([week for week in weeks if 0 <= week < panel.weeks], np.int64)
    before = np.zeros(panel.observed.shape)
    basis = [week for week in base if 0 <= week < panel.weeks]
    before[:, basis] = panel.observed[:, basis]
    seen = before.sum(axis=1, keepdims=True)
    enough = len(basis) >= min(len(base), LEAST_BASE)
    known = (
        enough & (panel.strata[:, None] == stratum) & (seen >= max(1, _SEEN * len(basis))) & panel.observed[:, within]
    )
    starts = panel.starts[:, None]
    treated = known & (starts == start)
    compared = known & (starts > np.maximum(within, start))
    both = treated.any(axis=0) & compared.any(axis=0)
    treated, compared = treated[:, both], compared[:, both]
    counts = treated.sum(axis=0), compared.sum(axis=0)
    shares = treated / counts[0] - compared / counts[1]
    return Cohort(stratum, start, within[both], *counts, shares, before / np.maximum(1, seen))


def overall(cohorts: Iterable[Cohort], shape: tuple[int, ...]) -> Floats | None:
    """The mean of group-time effects over treated plants and weeks, as weights (plants, weeks); None without any."""
    weights, total = np.zeros(shape), 0
    for cohort in cohorts:
        parts = cohort.shares * cohort.treated
        weights[:, cohort.weeks] += parts
        weights -= parts.sum(axis=1, keepdims=True) * cohort.before
        total += int(cohort.treated.sum())
    return weights / total if total else None


def effect_weights(panel: Panel, window: Window) -> Floats | None:
    """The weights (plants, weeks) of the one effect that is reported; None if nothing can be compared."""
    return overall(group_times(panel, window), panel.observed.shape)


def event_weights(panel: Panel, block: int, length: int = BLOCK_WEEKS) -> Floats | None:
    """Weights of one point of the event study: a block of weeks against the last block before the start (block −1).

    Block k of a plant are its weeks from start + k·length on. Negative ones are leads, which are 0 if the plants ran
    in parallel before; from 0 on the ramp-up and the effect.
    """
    found = []
    for stratum, start in starts_of(panel):
        first = start + block * length
        found.append(_cohort(panel, stratum, start, range(start - length, start), range(first, first + length)))
    return overall(found, panel.observed.shape)


def estimate(weights: Floats, outcome: Floats) -> Floats:
    """The estimate(s): sum of weights by outcomes (..., plants, weeks). Unobserved outcomes weigh nothing, even NaN."""
    known = np.where(weights == 0, 0.0, outcome)
    return np.asarray(np.einsum("pt,...pt->...", weights, known))
