"""What every test shares: our own rooms and nobody else's, compiled code of this very source, honest skips."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import core  # noqa: E402  # the path above decides which one
from stanok.compiled import keep_compiled_code  # noqa: E402  # likewise

keep_compiled_code()

import numpy as np  # noqa: E402  # after the place of compiled code is known, like all below
import pytest  # noqa: E402  # likewise

from core.engine.fold import Fold  # noqa: E402  # likewise
from core.samples.order import Columns, columns_of  # noqa: E402  # likewise
from stanok.bench.kernel import BEGIN_US, bench_batch, bench_plant  # noqa: E402  # likewise

assert core.__file__ is not None
assert Path(core.__file__).parent == ROOT / "core", f"core is imported from {core.__file__}"


def pytest_configure(config: pytest.Config) -> None:
    """Compile the fold once: before any test's time runs, and before two workers would do it at the same time."""
    if hasattr(config, "workerinput"):
        return
    plant = bench_plant(1)
    fold = Fold(plant)
    fold.begin(0, BEGIN_US)
    fold.fold(columns_of(bench_batch(plant, 10), fold.tables(BEGIN_US)))
    fold.advance(np.array([0]), np.array([BEGIN_US + 1]))
    fold.shown(Columns.empty(), np.array([0]), np.array([BEGIN_US + 1]))


LONGEST = ("campaign", "demo", "engine_restart", "crash", "sources_end_to_end", "faults_end_to_end", "replay", "backup")
"""Files of tests/stanok that start programs and wait for them."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Two workers (`-n 2 --dist loadfile --no-loadscope-reorder`) begin with the longest files: none is left last."""
    if hasattr(config, "workerinput"):
        longest = {ROOT / "tests" / "stanok" / f"test_{name}.py" for name in LONGEST}
        items.sort(key=lambda item: item.path not in longest)


pytest_plugins = [f"tests.fix_{name}" for name in ("honest", "postgres", "broker", "opcua", "history", "browser")]
