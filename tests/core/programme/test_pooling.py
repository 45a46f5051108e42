"""Plants as bands: by hand for three, and by chance alone for many."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from core.programme.pooling import BLOCK, PlantWeek, Standing, between_plants, plant_bands
from tests.seeds import seeds


def weeks(site: str, blocks: list[float], hours: float = 10.0, coverage: float = 1.0) -> list[PlantWeek]:
    """Blocks of four weeks, each with this OEE."""
    return [
        PlantWeek(site, BLOCK * block + week, oee * hours * coverage, hours, hours * coverage)
        for block, oee in enumerate(blocks)
        for week in range(BLOCK)
    ]


def test_a_plant_alone_has_its_ratio_and_the_interval_of_its_blocks() -> None:
    (band,) = plant_bands(weeks("a", [0.4, 0.5, 0.6]), {"a": "x"})
    assert band.value == pytest.approx(0.5)
    assert (band.hours, band.coverage, band.standing) == (120, 1.0, Standing.SAME)
    # Blocks of 40 h differ by ∓4 h from the mean: error = sqrt(3/2 · 32) / 120, t with 2 degrees of freedom.
    half = 4.302652729911275 * sqrt(1.5 * 32) / 120
    assert (band.low, band.high) == (pytest.approx(0.5 - half), pytest.approx(0.5 + half))
    assert band.expected_low is None


def test_below_the_gate_nothing_is_published_nor_pooled() -> None:
    rows = [*weeks("a", [0.4, 0.5, 0.6]), *weeks("b", [0.5, 0.4, 0.6]), *weeks("c", [0.5, 0.6, 0.4])]
    alone = plant_bands(rows, {})
    hidden = [*rows, *weeks("d", [0.0, 0.1, 0.9], coverage=0.79)]
    found = plant_bands(hidden, {})
    assert found[3].standing is Standing.NOT_PUBLISHED
    assert found[3].value is None
    assert found[3].coverage == pytest.approx(0.79)
    assert found[:3] == alone


def test_plants_of_other_strata_do_not_matter() -> None:
    rows = [*weeks("a", [0.4, 0.5, 0.6]), *weeks("b", [0.5, 0.4, 0.6]), *weeks("c", [0.5, 0.6, 0.4])]
    strata = dict.fromkeys("abc", "x")
    alone = plant_bands(rows, strata)
    found = plant_bands([*rows, *weeks("z", [0.9, 0.8, 0.9])], {**strata, "z": "y"})
    assert found[:3] == alone
    assert found[3].stratum == "y"


def test_the_less_is_known_of_a_plant_the_more_it_is_drawn_to_the_mean() -> None:
    rows = [
        *weeks("a", [0.30, 0.31, 0.29, 0.30], 1000),
        *weeks("b", [0.70, 0.71, 0.69, 0.70], 1000),
        *weeks("c", [0.10, 0.50, 0.90, 0.90], 10),
    ]
    bands = {band.site: band for band in plant_bands(rows, {})}
    assert bands["a"].value is not None
    assert bands["c"].value is not None
    assert bands["c"].pooled is not None
    assert bands["a"].pooled == pytest.approx(bands["a"].value, abs=0.001)
    assert bands["c"].value == pytest.approx(0.6)
    assert 0.5 < bands["c"].pooled < 0.59
    assert bands["c"].standing is Standing.SAME, "so few hours can lie there by chance"
    assert (bands["a"].standing, bands["b"].standing) == (Standing.BELOW, Standing.ABOVE)


def test_variance_between_plants_is_that_of_the_known_formula() -> None:
    # Three plants with errors 0.1: Q = 100·(0.04 + 0 + 0.04) = 8, C = 300 − 30000/300 = 200.
    assert between_plants([0.3, 0.5, 0.7], [0.1, 0.1, 0.1]) == pytest.approx((8 - 2) / 200)
    assert between_plants([0.5, 0.5, 0.51], [0.1, 0.1, 0.1]) == 0


@pytest.mark.parametrize("seed", seeds("funnel", 1))
def test_of_plants_that_are_alike_few_lie_outside_the_funnel_the_small_no_more_than_the_large(seed: int) -> None:
    random = np.random.default_rng(seed)
    outside = {"small": 0, "large": 0}
    for _ in range(60):
        rows: list[PlantWeek] = []
        for plant in range(20):
            hours = 20.0 if plant % 2 else 400.0
            blocks = 0.6 + random.standard_normal(6) * 0.3 / sqrt(hours)
            rows += weeks(f"{'small' if plant % 2 else 'large'}-{plant}", blocks.tolist(), hours)
        for band in plant_bands(rows, {}):
            outside[band.site.partition("-")[0]] += band.standing is not Standing.SAME
    assert 0.02 < outside["small"] / 600 < 0.09
    assert 0.02 < outside["large"] / 600 < 0.09
