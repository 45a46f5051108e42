"""Whether the evaluation of programmes keeps its word: intervals hold the truth, and nothing is found where nothing is.

Simulated programmes of twelve plants with staggered starts, plant shocks that last, and changes of mix; the effect of
every plant and week is known. Beside it, on the same data, plain two-way fixed effects with errors clustered by plant.
Every share is printed with its Monte-Carlo interval.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from core.programme.grouptime import NEVER, Panel, Window, after, effect_weights, estimate
from core.programme.randomisation import DRAWS, LEVEL, certainty, draw, proportional
from core.programme.student import t_quantile
from simulators.programmes import Played, Scene, play
from stanok.bench.report import Figure

SIMULATIONS = 4000
CHUNK = 250
"""Programmes simulated at once: 250 of twelve plants and 120 weeks are 3 MB an array."""
SEED = 8
WINDOW = Window(base=26, skip=8, horizon=52)
UNEVEN = replace(Scene(), gain_spread=0.15, level_low=0.25, level_high=0.65)
"""Plants that gain very different amounts, some nothing: the inference assumes one share, and has to be wider."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """Of each simulated programme: estimate, interval, p-value, and the true effect on its own plants."""

    value: Floats
    low: Floats
    high: Floats
    p: Floats
    truth: Floats

    def covers(self, truth: Floats | float) -> float:
        """The share of intervals that hold the truth."""
        return float(((self.low <= truth) & (truth <= self.high)).mean())

    def bias_in_se(self) -> float:
        """Mean error of the estimate in units of its own spread."""
        error = self.value - self.truth
        return float(error.mean() / error.std())


def measure(simulations: int = SIMULATIONS, draws: int = DRAWS) -> Iterator[Figure]:
    """`ci_coverage`, `false_positive_rate`, `bias_in_se`, each with the same of plain two-way fixed effects as a peer.

    The truth of `ci_coverage` is the effect on the plants of each programme; the condition `covers_mean_effect` is
    about the mean effect of all programmes. `ci_coverage_uneven`: the same where plants gain very different amounts.
    """
    scene = Scene()
    ours, plain = run(scene, simulations, draws)
    conditions = {
        "simulations": simulations, "draws": draws, "plants": len(scene.starts) + scene.never, "level": LEVEL,
        "seed": SEED, "base_weeks": WINDOW.base, "skip_weeks": WINDOW.skip, **asdict(scene),
    }  # fmt: skip
    yield _coverage("ci_coverage", ours, plain, conditions)
    none, plain_none = run(replace(scene, gain=0.0), simulations, draws)
    found, peer = (float((trial.p <= 1 - LEVEL).mean()) for trial in (none, plain_none))
    shown = {**conditions, "gain": 0.0, "monte_carlo": _share_interval(found, simulations)}
    yield Figure("programme", "false_positive_rate", found, "1", {PEER: peer}, shown)
    error = ours.value - ours.truth
    half = t_quantile(0.975, simulations - 1) / sqrt(simulations)
    bias = float(error.mean() / error.std())
    shown = {
        **conditions,
        "monte_carlo": [round(bias - half, 6), round(bias + half, 6)],
        "effect": float(ours.truth.mean()),
    }
    yield Figure("programme", "bias_in_se", bias, "1", {PEER: plain.bias_in_se()}, shown)
    yield _coverage("ci_coverage_uneven", *run(UNEVEN, simulations, draws), {**conditions, **asdict(UNEVEN)})


PEER = "two-way fixed effects"


def _coverage(name: str, ours: Trial, plain: Trial, conditions: dict[str, object]) -> Figure:
    mean, found = float(ours.truth.mean()), ours.covers(ours.truth)
    shown = {
        **conditions,
        "monte_carlo": _share_interval(found, len(ours.value)),
        "effect": mean,
        "effect_shown": float((ours.p <= 1 - LEVEL).mean()),
        "width": float(np.median(ours.high - ours.low)),
        "covers_mean_effect": ours.covers(mean),
    }
    return Figure("programme", name, found, "1", {PEER: plain.covers(plain.truth)}, shown)


def _share_interval(share: float, count: int) -> list[float]:
    """The 95 % interval of a simulated share (Wilson)."""
    z = t_quantile(0.975, float("inf"))
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * sqrt(share * (1 - share) / count + z * z / (4 * count**2)) / (1 + z * z / count)
    return [round(middle - half, 6), round(middle + half, 6)]


def run(scene: Scene, simulations: int, draws: int) -> tuple[Trial, Trial]:
    """So many programmes of a scene, judged by the evaluation of Stanok and by plain two-way fixed effects."""
    pieces = [
        _judge(play(scene, min(CHUNK, simulations - first), SEED + first), draws)
        for first in range(0, simulations, CHUNK)
    ]
    found = (np.concatenate([piece[side] for piece in pieces], axis=1) for side in (0, 1))
    ours, plain = (Trial(*columns) for columns in found)
    return ours, plain


def _judge(played: Played, draws: int) -> tuple[Floats, Floats]:
    plants, weeks = played.outcome.shape[1:]
    starts = np.where(played.starts >= weeks, NEVER, played.starts)
    panel = Panel(starts, np.zeros(plants, np.int64), np.ones((plants, weeks), bool))
    weigh = partial(effect_weights, window=WINDOW)
    sure = certainty(
        panel, weigh, played.outcome, draw(panel, SEED, draws), proportional(panel, played.outcome, WINDOW.skip)
    )
    weights = weigh(panel)
    assert weights is not None
    ours = np.array([sure.value, sure.low, sure.high, sure.p, estimate(weights, played.truth)])
    return ours, plain_two_way(panel, played, WINDOW.skip)


def plain_two_way(panel: Panel, played: Played, skip: int) -> Floats:
    """(estimate, low, high, p, truth) by simulation of two-way fixed effects without the ramp-up weeks.

    Errors are clustered by plant (CR1), t with plants − 1 degrees of freedom, as usual software does it. The truth is
    what it claims to estimate: the mean effect of all treated weeks.
    """
    treated, kept = after(panel, skip), (after(panel, 0) == 0) | (after(panel, skip) == 1)
    plant, week = np.nonzero(kept)
    dummies = np.column_stack([plant[:, None] == np.arange(panel.plants), week[:, None] == np.arange(1, panel.weeks)])
    basis, _ = np.linalg.qr(dummies.astype(float))
    taken = treated[plant, week] - basis @ (basis.T @ treated[plant, week])
    y = played.outcome[:, plant, week]
    value = y @ taken / (taken @ taken)
    errors = y - (y @ basis) @ basis.T - value[:, None] * taken
    scores = (errors * taken) @ (plant[:, None] == np.arange(panel.plants))
    rows, columns = len(plant), dummies.shape[1] + 1
    factor = panel.plants / (panel.plants - 1) * (rows - 1) / (rows - columns)
    se = np.sqrt(factor * (scores**2).sum(axis=1)) / (taken @ taken)
    half = t_quantile((1 + LEVEL) / 2, panel.plants - 1) * se
    p = np.where(np.abs(value) > half, 0.0, 1.0)
    truth = (played.truth * treated).sum(axis=(1, 2)) / treated.sum()
    return np.array([value, value - half, value + half, p, truth])
