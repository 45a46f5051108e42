"""Did the plants run in parallel before the start? If not, what looks like an effect may be an old difference.

Only weeks before the first start of a stratum are looked at, which no project has touched. Each plant has there a
rise from each block of weeks to the last one, and the slope of a line. They are added up with the very weights that
the plant has in the effect, so the slopes give the effect that the plants' own lines would make without any project.
Whether these sums are more than chance is asked by the same draws of starts as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.programme.grouptime import NEVER, Floats, Ints, Panel, Window, group_times, overall

BLOCKS = 6
BLOCK_WEEKS = 4
"""Half a year before the first start, in blocks, as single weeks are mostly noise."""
LEAST_WEEKS = 8
"""A line through fewer weeks is none."""


@dataclass(frozen=True)
class Leads:
    """`p`: of no difference before. `line`: what the plants' own lines would have made of the effect by themselves."""

    p: float
    line: float


def leads(panel: Panel, outcome: Floats, window: Window, orders: Ints) -> Leads | None:
    """The joint test (farthest sum of all, in errors of its draws); None if there are too few weeks before."""
    rises, slopes, weeks = _before(panel, outcome)
    if weeks < LEAST_WEEKS:
        return None
    share, moment = _weights(panel, window)
    if panel.observed.all():
        drawn = [(share[order], moment[order]) for order in orders]
    else:
        drawn = [_weights(replace(panel, starts=panel.starts[order]), window) for order in orders]
    sums = _sums(rises, slopes, np.array([pair[0] for pair in drawn]), np.array([pair[1] for pair in drawn]))
    found = _sums(rises, slopes, share[None], moment[None])[0]
    errors = np.sqrt((sums**2).mean(axis=0))
    told = errors > 0
    farthest = (np.abs(sums[:, told]) / errors[told]).max(axis=1, initial=0)
    observed = float((np.abs(found[told]) / errors[told]).max(initial=0))
    beyond = int((farthest >= observed * (1 - 1e-12)).sum())
    return Leads((1 + beyond) / (1 + len(orders)), float(found[-1]))


def _sums(rises: Floats, slopes: Floats, shares: Floats, moments: Floats) -> Floats:
    """(draws, blocks + 1): the sum for each block, and last the effect that the lines make."""
    return np.column_stack([shares @ rises, moments @ slopes])


def _weights(panel: Panel, window: Window) -> tuple[Floats, Floats]:
    """By plant: its share as treated less as compared, and by how much a slope of 1 a week would move the effect."""
    cohorts = group_times(panel, window)
    weights = overall(cohorts, panel.observed.shape)
    if weights is None:
        return np.zeros(panel.plants), np.zeros(panel.plants)
    total = sum(int(cohort.treated.sum()) for cohort in cohorts)
    share = np.sum([cohort.shares @ cohort.treated for cohort in cohorts], axis=0) / total
    return share, weights @ np.arange(panel.weeks)


def _before(panel: Panel, outcome: Floats) -> tuple[Floats, Floats, int]:
    """Rises (plants, blocks) to the last block, slopes (plants), and the fewest weeks of a stratum before its start."""
    rises, slopes = np.zeros((panel.plants, BLOCKS - 1)), np.zeros(panel.plants)
    least = panel.weeks
    for stratum in np.unique(panel.strata):
        members = np.flatnonzero(panel.strata == stratum)
        first = int(panel.starts[members].min())
        if first >= NEVER:
            continue
        last = min(first, panel.weeks)
        weeks = np.arange(max(0, last - BLOCKS * BLOCK_WEEKS), last)
        least = min(least, len(weeks))
        for plant in members:
            seen = weeks[panel.observed[plant, weeks]]
            rises[plant], slopes[plant] = _rises(outcome[plant], seen, last), _slope(outcome[plant], seen)
    return rises, slopes, least


def _rises(outcome: Floats, weeks: Ints, last: int) -> Floats:
    """Mean of each block less that of the last; 0 where a block was not observed."""
    block = (last - 1 - weeks) // BLOCK_WEEKS
    counts = np.bincount(block, minlength=BLOCKS)
    means = np.bincount(block, outcome[weeks], minlength=BLOCKS) / np.maximum(1, counts)
    both = (counts[1:] > 0) & (counts[0] > 0)
    return np.where(both, means[1:] - means[0], 0.0)


def _slope(outcome: Floats, weeks: Ints) -> float:
    """Of the least-squares line, a week; 0 with too few weeks."""
    if len(weeks) < LEAST_WEEKS:
        return 0.0
    centred = weeks - weeks.mean()
    return float(centred @ outcome[weeks] / (centred @ centred))
