"""The one place that asks numba to compile: no fast-math, no defaults, cached, and typed for the checker.

The cache directory must carry `core.engine.version.source_hash()`, because numba does not notice changes in functions
that a cached function calls. The front door sets NUMBA_CACHE_DIR before anything here is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, compiled at its first call for the types it is given."""
    return cast("Callable[P, R]", njit(cache=True, nogil=True)(function))
