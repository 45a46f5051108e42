"""Why output changed: the exact additive split of a product's change into its factors (LMDI-I, Ang 2004).

    effect of factor k = L(Y₁, Y₀) · ln(x_k1 / x_k0)        L(a, b) = (a − b) / ln(a / b), L(a, a) = a

Invariants: the effects sum to Y₁ − Y₀; the order of factors means nothing; exchanging the periods changes only signs.
Zeros follow Ang's small-value convention in the limit: a factor that is 0 on one side carries the whole change,
several such factors share it alike; one that is undefined (None) on a side did not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log, log1p, prod


def log_mean(one: float, other: float) -> float:
    """The logarithmic mean L of two values that are not negative; 0 if one of them is.

    >>> log_mean(2, 2)
    2.0
    """
    if one <= 0 or other <= 0:
        return 0.0
    change = (one - other) / other
    if change == 0:
        return float(one)
    return (one - other) / (log1p(change) if abs(change) < 0.5 else log(one / other))


def decompose(before: Mapping[str, float | None], later: Mapping[str, float | None]) -> Mapping[str, float]:
    """What each factor adds to the change of their product. Names are the same on both sides, values not negative.

    >>> decompose({"hours": 10.0, "rate": 2.0}, {"hours": 10.0, "rate": 3.0})
    {'hours': 0.0, 'rate': 10.0}
    """
    if set(before) != set(later):
        raise ValueError(f"different factors before and later: {sorted(set(before) ^ set(later))}")
    pairs = {name: _pair(before[name], later[name]) for name in before}
    old, new = (prod(pair[side] for pair in pairs.values()) for side in (0, 1))
    if old and new:
        mean = log_mean(new, old)
        return {name: mean * log(x1 / x0) if x0 != x1 else 0.0 for name, (x0, x1) in pairs.items()}
    carriers = [name for name, (x0, x1) in pairs.items() if (x0 == 0) != (x1 == 0)]
    change = (new - old) / len(carriers) if carriers and old != new else 0.0
    return {name: change if name in carriers else 0.0 for name in pairs}


def _pair(before: float | None, later: float | None) -> tuple[float, float]:
    """Both values of a factor; one that is undefined on a side takes the other's, one undefined on both is 1."""
    x0 = later if before is None else before
    x1 = before if later is None else later
    found = (1.0, 1.0) if x0 is None or x1 is None else (float(x0), float(x1))
    if min(found) < 0:
        raise ValueError(f"a factor of a product of shares is negative: {found}")
    return found
