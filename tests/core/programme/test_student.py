"""Student's t against scipy."""

from __future__ import annotations

from math import inf

import pytest
from scipy import stats

from core.programme.student import t_cdf, t_quantile, t_two_sided

FREEDOMS = (1, 2, 2.7, 5, 11, 29, 240, 5000, inf)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_the_distribution_is_that_of_scipy(freedom: float) -> None:
    for value in (-40.0, -3.1, -1.0, -1e-3, 0.0, 0.3, 1.96, 6.0, 200.0):
        assert t_cdf(value, freedom) == pytest.approx(stats.t.cdf(value, freedom), abs=1e-12)
        assert t_two_sided(value, freedom) == pytest.approx(2 * stats.t.sf(abs(value), freedom), rel=1e-9)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_quantiles_are_those_of_scipy(freedom: float) -> None:
    for probability in (0.001, 0.025, 0.5, 0.8, 0.95, 0.975, 0.9999):
        assert t_quantile(probability, freedom) == pytest.approx(
            stats.t.ppf(probability, freedom), rel=1e-11, abs=1e-13
        )


def test_a_quantile_of_certainty_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        t_quantile(1.0, 5)
