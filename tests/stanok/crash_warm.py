"""Importing this folds a little: a fork server that has done so has the kernel in memory; its forks begin at once."""

from __future__ import annotations

from stanok.bench.history import commits, fresh_stream
from stanok.bench.kernel import bench_plant
from tests.stanok import crash_child

for _ in commits(fresh_stream(bench_plant(2)), 500, 2):
    pass

__all__ = ["crash_child"]
