"""Compilation changes nothing: same bytes compiled, with bounds checked, and as plain Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import hashlib
import numpy as np
from stanok.compiled import keep_compiled_code
keep_compiled_code()
from core.engine.fold import Fold
from core.samples.order import Columns, canonical_order, columns_of, gap_edges
from stanok.bench.kernel import BEGIN_US, SPAN_US, bench_batch, bench_plant
plant = bench_plant()
fold = Fold(plant)
for machine in range(len(plant.machines)):
    fold.begin(machine, BEGIN_US + 7 * machine)
samples = columns_of(bench_batch(plant, 4000), fold.tables(BEGIN_US + SPAN_US))
opened = gap_edges([1, 2, 3], [BEGIN_US + SPAN_US // 3] * 3, True, 1, 100)
closed = gap_edges([1, 2], [BEGIN_US + SPAN_US // 2] * 2, False, 1, 0)
everything = Columns.concat([samples, opened, closed])
fold.fold(everything.take(canonical_order(everything)))
machines = np.arange(50)
fold.advance(machines, np.full(50, BEGIN_US + SPAN_US))
rows = fold.take()
states, shown = fold.shown(Columns.empty(), machines, np.full(50, BEGIN_US + SPAN_US + 1))
digest = hashlib.sha256()
for part in (*vars(rows).values(), *vars(shown).values(), fold.states, states):
    digest.update(np.ascontiguousarray(part).tobytes())
print(len(rows.facts), digest.hexdigest())
"""


def outcome(**flags: str) -> str:
    command = [sys.executable, "-c", SCRIPT]
    found = subprocess.run(command, cwd=ROOT, env={**os.environ, **flags}, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.mark.parametrize("flag", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_the_same_bytes_come_out_whatever_the_compiler_is_told(flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    compiled = outcome()
    assert compiled.split()[0] != "0"
    assert outcome(**{flag: "1"}) == compiled
