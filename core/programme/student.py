"""Student's t distribution, as numpy has none. Compared with another library to 1e-11."""

from __future__ import annotations

from functools import cache
from math import exp, inf, isinf, lgamma, log
from statistics import NormalDist

_TINY = 1e-300
_STEPS = 500
"""Terms of the continued fraction; it converges in about sqrt(max(a, b)) of them."""


def t_cdf(value: float, freedom: float) -> float:
    """Probability of at most `value` [1]; infinitely many degrees of freedom are the normal distribution."""
    if isinf(freedom):
        return NormalDist().cdf(value)
    square = value * value
    if square < freedom:  # near 0 the other tail of the beta function is the exact one
        tail = 0.5 * (1 - _incomplete_beta(0.5, freedom / 2, square / (freedom + square)))
    else:
        tail = 0.5 * _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + square))
    return 1 - tail if value > 0 else tail


def t_two_sided(value: float, freedom: float) -> float:
    """p-value of a t statistic: the probability of one at least as far from 0."""
    return 2 * t_cdf(-abs(value), freedom)


@cache
def t_quantile(probability: float, freedom: float) -> float:
    """The value that is not exceeded with a probability between 0 and 1.

    >>> round(t_quantile(0.975, 11), 6)
    2.200985
    """
    if not 0 < probability < 1:
        raise ValueError(f"a probability between 0 and 1 is needed, not {probability}")
    if isinf(freedom):
        return NormalDist().inv_cdf(probability)
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    low, high = 0.0, 1.0
    while t_cdf(high, freedom) < probability:
        low, high = high, high * 2
        if high == inf:
            return inf
    while high - low > 1e-14 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if t_cdf(middle, freedom) < probability else (low, middle)
    return high


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b) (DLMF 8.17.22)."""
    if x in (0, 1):
        return x
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of I_x(a, b), by the method of Lentz."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _STEPS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            found *= d * c
        if abs(d * c - 1) < 1e-16:
            break
    return found


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
