"""Plants beside those of their stratum, as bands: never a league table.

Of each plant the ratio sum over sum of the weeks observed, with an interval from how blocks of four weeks differ, since
neighbouring weeks are alike. Then, within a stratum:
- pooled: drawn to the mean of the stratum, the more the less is known of a plant (empirical Bayes: DerSimonian and
  Laird's variance between plants);
- funnel: where a plant with so many observed hours lies by chance alone, if all were alike. Only what lies outside is
  called above or below; the small are not punished.
Nothing is published of a plant of which less than 80 % of planned time was observed, and nothing it made is pooled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import sqrt

from core.programme.panel import LEAST_COVERAGE
from core.programme.student import t_quantile

BLOCK = 4
"""Weeks that are added up before they are compared: a month of work is little like the next by its orders."""
LEAST_BLOCKS = 3
"""Fewer do not tell how they differ."""
LEAST_PLANTS = 3
"""A stratum of fewer has no funnel."""


class Standing(StrEnum):
    """Where a plant lies beside its stratum."""

    ABOVE = "above"
    SAME = "same"
    BELOW = "below"
    NOT_PUBLISHED = "not_published"


@dataclass(frozen=True)
class PlantWeek:
    """Standard time of good parts, planned and observed time of a plant in a week [h]."""

    site: str
    week: int
    good_h: float
    planned_h: float
    observed_h: float


@dataclass(frozen=True)
class PlantBand:
    """A plant's OEE over observed time with its interval [1]; None where it is not published or not known."""

    site: str
    stratum: str
    hours: float
    coverage: float | None
    standing: Standing = Standing.NOT_PUBLISHED
    value: float | None = None
    low: float | None = None
    high: float | None = None
    pooled: float | None = None
    pooled_low: float | None = None
    pooled_high: float | None = None
    expected_low: float | None = None
    expected_high: float | None = None


@dataclass(frozen=True)
class _Known:
    """A plant of which something may be said: ratio, its standard error, and blocks less one."""

    band: PlantBand
    value: float
    error: float
    freedom: int


def plant_bands(weeks: Sequence[PlantWeek], strata: Mapping[str, str], level: float = 0.95) -> list[PlantBand]:
    """Every plant that reported, ordered by stratum and name."""
    rows: dict[str, list[PlantWeek]] = defaultdict(list)
    for week in weeks:
        rows[week.site].append(week)
    found: list[PlantBand] = []
    by_stratum: dict[str, list[_Known]] = defaultdict(list)
    for site in sorted(rows):
        planned, observed = sum(w.planned_h for w in rows[site]), sum(w.observed_h for w in rows[site])
        band = PlantBand(site, strata.get(site, ""), observed, observed / planned if planned else None)
        known = _known(band, rows[site]) if band.coverage is not None and band.coverage >= LEAST_COVERAGE else None
        if known is None:
            found.append(band)
        else:
            by_stratum[band.stratum].append(known)
    for plants in by_stratum.values():
        found += _beside(plants, level)
    return sorted(found, key=lambda band: (band.stratum, band.site))


def _known(band: PlantBand, weeks: Sequence[PlantWeek]) -> _Known | None:
    """The ratio over observed time and its error by the delta method over blocks; None for too few blocks."""
    blocks: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for week in weeks:
        blocks[week.week // BLOCK][0] += week.good_h
        blocks[week.week // BLOCK][1] += week.observed_h
    seen = [(above, below) for above, below in blocks.values() if below > 0]
    base = sum(below for _, below in seen)
    if len(seen) < LEAST_BLOCKS:
        return None
    value = sum(above for above, _ in seen) / base
    spread = sum((above - value * below) ** 2 for above, below in seen)
    return _Known(band, value, sqrt(len(seen) / (len(seen) - 1) * spread) / base, len(seen) - 1)


def _beside(plants: Sequence[_Known], level: float) -> list[PlantBand]:
    """Intervals, pooled values and the funnel of one stratum."""
    upper = (1 + level) / 2
    if len(plants) < LEAST_PLANTS or any(plant.error == 0 for plant in plants):
        return [_alone(plant, upper) for plant in plants]
    between = between_plants([plant.value for plant in plants], [plant.error for plant in plants])
    weights = [1 / (plant.error**2 + between) for plant in plants]
    mean = sum(w * plant.value for w, plant in zip(weights, plants, strict=True)) / sum(weights)
    of_mean = 1 / sum(weights)
    # All alike: what is left is the variance of an hour, the same for all.
    hourly = sum(plant.error**2 * plant.band.hours for plant in plants) / len(plants)
    freedom = sum(plant.freedom for plant in plants)
    bands = []
    for plant in plants:
        drawn = plant.error**2 / (plant.error**2 + between)
        pooled = drawn * mean + (1 - drawn) * plant.value
        half = t_quantile(upper, plant.freedom) * sqrt(plant.error**2 * (1 - drawn) + drawn**2 * of_mean)
        chance = t_quantile(upper, freedom) * sqrt(hourly / plant.band.hours)
        low, high = mean - chance, mean + chance
        standing = Standing.ABOVE if plant.value > high else Standing.BELOW if plant.value < low else Standing.SAME
        bands.append(
            replace(
                _alone(plant, upper),
                standing=standing,
                pooled=pooled,
                pooled_low=pooled - half,
                pooled_high=pooled + half,
                expected_low=low,
                expected_high=high,
            )
        )
    return bands


def _alone(plant: _Known, upper: float) -> PlantBand:
    half = t_quantile(upper, plant.freedom) * plant.error
    low, high = plant.value - half, plant.value + half
    return replace(plant.band, standing=Standing.SAME, value=plant.value, low=low, high=high)


def between_plants(values: Sequence[float], errors: Sequence[float]) -> float:
    """The variance between plants that the differences show beyond their errors (DerSimonian and Laird 1986).

    >>> between_plants([1.0, 3.0], [0.0001, 0.0001])
    1.99999999
    """
    weights = [1 / error**2 for error in errors]
    total = sum(weights)
    mean = sum(w * value for w, value in zip(weights, values, strict=True)) / total
    chi = sum(w * (value - mean) ** 2 for w, value in zip(weights, values, strict=True))
    return max(0.0, (chi - (len(values) - 1)) / (total - sum(w**2 for w in weights) / total))
