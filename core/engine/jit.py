"""The one place that asks numba to compile: no fast-math, no defaults, cached, and typed for the checker.

The cache directory must carry `core.engine.version.source_hash()`, because numba does not notice changes in functions
that a cached function calls. The front door sets NUMBA_CACHE_DIR before anything here is imported; where nobody has set
it, nothing is cached: numba's own place, beside the source, would answer with code of before a change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numpy as np
from numba import njit
from numba.core import config
from numpy.typing import NDArray

_SWITCH, _PLACE = "DISABLE_JIT", "CACHE_DIR"  # numba makes its settings while it is imported; a checker sees none

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, compiled at its first call for the types it is given."""
    return cast("Callable[P, R]", njit(cache=bool(getattr(config, _PLACE)), nogil=True)(function))


def records(array: NDArray[np.void]) -> NDArray[np.void]:
    """The array so that compiled functions can read fields of its rows as attributes, also when they run as Python.

    Only then it becomes a recarray: numba takes microseconds at every call to tell one from an array.
    """
    return array.view(np.recarray) if getattr(config, _SWITCH) else array
