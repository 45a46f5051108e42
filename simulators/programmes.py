"""Modernization programmes whose effect is known exactly: weekly output of plants, with and without the new machines.

A plant's cell makes parts of several kinds; each week it has so many productive hours, a mix, and a speed for each
kind that differs a little from its standard. What the same weeks would have been without the project is computed from
the same draws, so the true effect of every plant and week is the difference, not a parameter. Arrays are
(simulations, plants, weeks); the unit of output is frozen standard hours per calendar hour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WEEK_H = 168.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """How plants go on. Levels and shocks are shares of calendar time.

    `starts`: weeks in which the old machines stop; plants draw them at random, `never` of them draw none.
    """

    starts: tuple[int, ...] = (40, 40, 40, 54, 54, 54, 68, 68, 68)
    never: int = 3
    weeks: int = 120
    level_low: float = 0.35
    level_high: float = 0.55
    gain: float = 0.20
    """Mean rise of speed by a new machine; plants differ by `gain_spread`, a third of it comes only with the months."""
    gain_spread: float = 0.03
    common: float = 0.03
    """Shock that hits every plant in a week, with memory `memory`: orders of the whole branch."""
    shock: float = 0.04
    """Shock of a plant, with the same memory."""
    memory: float = 0.8
    noise: float = 0.03
    unevenness: float = 0.3
    """By how much (log) the shocks of plants differ in size."""
    parts: int = 4
    wrong_standard: float = 0.10
    """Error (log) of standard times, by which a change of mix moves the output although nothing changed."""
    mix_drift: float = 0.05
    mix_break: float = 1.0
    """Size (log) of one sudden change of mix, in a week of its own in every plant."""


@dataclass(frozen=True)
class Played:
    """What was observed, `truth` the effect of the project in each plant and week, `starts` by plant (weeks = none)."""

    outcome: Floats
    truth: Floats
    starts: NDArray[np.int64]


def play(scene: Scene, simulations: int, seed: int) -> Played:
    """So many programmes; all plants of one programme are drawn alike, so the order of plants means nothing."""
    rng = np.random.default_rng(seed)
    starts = np.array([*scene.starts, *[scene.weeks] * scene.never], np.int64)
    shape = (simulations, len(starts), scene.weeks)
    hours = WEEK_H * _busy(scene, rng, shape)
    cycles = _cycles(scene, rng, shape)
    faster = 1 + _gain(scene, rng, shape, starts)
    without = _output(hours, cycles)
    outcome = _output(hours * faster, cycles)
    return Played(outcome, outcome - without, starts)


def _busy(scene: Scene, rng: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """Share of calendar time in which the cell produces."""
    simulations, plants, weeks = shape
    level = rng.uniform(scene.level_low, scene.level_high, (simulations, plants, 1))
    size = np.exp(scene.unevenness * rng.standard_normal((simulations, plants, 1)))
    season = 0.03 * np.sin(2 * np.pi * (np.arange(weeks) / 52 + rng.random((simulations, 1, 1))))
    common = scene.common * _remembering(rng, (simulations, 1, weeks), scene.memory)
    own = scene.shock * size * _remembering(rng, shape, scene.memory)
    noise = scene.noise * size * rng.standard_normal(shape)
    return np.clip(level + season + common + own + noise, 0.02, 0.98)


def _remembering(rng: np.random.Generator, shape: tuple[int, int, int], memory: float) -> Floats:
    """An autoregressive process of order one with variance 1."""
    found = rng.standard_normal(shape)
    fresh = np.sqrt(1 - memory**2)
    for week in range(1, shape[2]):
        found[..., week] = memory * found[..., week - 1] + fresh * found[..., week]
    return found


def _cycles(scene: Scene, rng: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """Real hours that the old machine needs for a frozen standard hour of the week's mix."""
    simulations, plants, weeks = shape
    error = np.exp(scene.wrong_standard * rng.standard_normal((simulations, plants, scene.parts)))
    liking = rng.standard_normal((simulations, plants, scene.parts))
    broken = liking + scene.mix_break * rng.standard_normal(liking.shape)
    at = rng.integers(0, weeks, (simulations, plants))
    total, needed = np.zeros(shape), np.zeros(shape)
    after = np.arange(weeks) >= at[..., None]
    for part in range(scene.parts):
        drift = np.cumsum(scene.mix_drift * rng.standard_normal(shape), axis=2)
        share = np.exp(np.where(after, broken[..., part, None], liking[..., part, None]) + drift)
        total += share
        needed += share * error[..., part, None]
    return needed / total


def _gain(scene: Scene, rng: np.random.Generator, shape: tuple[int, int, int], starts: NDArray[np.int64]) -> Floats:
    """By how much the new machine is faster: worse than before in the first weeks, then two thirds, then all of it."""
    simulations, plants, weeks = shape
    full = scene.gain + scene.gain_spread * rng.standard_normal((simulations, plants, 1)) * (scene.gain != 0)
    age = np.arange(weeks) - starts[:, None]
    ramp = np.where(age < 6, -0.5, 2 / 3 + np.clip(age - 6, 0, 26) / 78)
    return np.asarray(np.where(age >= 0, full * ramp, 0.0))


def _output(hours: Floats, cycles: Floats) -> Floats:
    return hours / cycles / WEEK_H
