"""Adding facts up: the only way from minutes to anything longer. Integers in, integers out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import FACT, FACT_KEYS, MEASURES


def summed(facts: NDArray[np.void], keys: tuple[str, ...] = FACT_KEYS) -> NDArray[np.void]:
    """One row for each distinct combination of `keys`, measures added up, sorted by the keys; other keys become 0."""
    if not len(facts):
        return np.empty(0, FACT)
    order = np.lexsort([facts[key] for key in reversed(keys)])
    rows = facts[order]
    changed = np.zeros(len(rows), bool)
    changed[0] = True
    for key in keys:
        changed[1:] |= rows[key][1:] != rows[key][:-1]
    starts = np.flatnonzero(changed)
    out = np.zeros(len(starts), FACT)
    for key in keys:
        out[key] = rows[key][starts]
    for measure in MEASURES:
        out[measure] = np.add.reduceat(rows[measure], starts)
    return out
