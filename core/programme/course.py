"""The event study: how treated and compared plants went apart, block by block of weeks before and after the start.

It is a picture beside the one effect, never a second chance to find one: the bands are those of chance for each point
alone, and ramp-up weeks, which the effect leaves out, are shown as they were.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from core.programme.evaluate import LEAST_PLANTS, Question, compared_plants, pattern_of
from core.programme.grouptime import Floats, Panel, effect_weights, estimate, event_weights
from core.programme.randomisation import draw, reassigned

BLOCKS = range(-6, 13)
"""Half a year before and a year after, in blocks of four weeks."""


@dataclass(frozen=True)
class Point:
    """Difference against the last block before the start, in the unit of the outcome, and the band that chance makes.

    `block` 0 begins with the start. The band is None where too few plants allow a description only.
    """

    block: int
    value: float
    low: float | None
    high: float | None


def course(panel: Panel, outcome: Floats, question: Question, blocks: Iterable[int] = BLOCKS) -> list[Point]:
    """The points that can be compared, in the order of their blocks; none without plants to compare with."""
    weights = effect_weights(panel, question.window)
    if weights is None:
        return []
    pattern = pattern_of(panel, outcome, question, weights)
    flat = outcome - pattern * float(estimate(weights, outcome) / estimate(weights, pattern))
    sure = compared_plants(panel, question.window)[0] >= LEAST_PLANTS
    orders = draw(panel, question.seed, question.draws)
    points = []
    for block in blocks:
        weigh = partial(event_weights, block=block)
        found = weigh(panel)
        if found is None or block == -1:
            continue
        value, half = float(estimate(found, outcome)), None
        if sure:
            half = float(
                np.nanquantile(np.abs(reassigned(panel, weigh, flat, orders)), question.level, method="higher")
            )
        points.append(
            Point(block, value, None if half is None else value - half, None if half is None else value + half)
        )
    return points
