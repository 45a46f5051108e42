"""Compilation changes nothing: same bytes compiled, with bounds checked, and as plain Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.engine.fold import Fold
from core.plant.behaviour import Behaviour
from core.plant.model import Plant
from core.samples.batch import SampleBatch
from core.samples.order import Columns, canonical_order, columns_of
from core.vocabulary import Flag
from tests.properties.scenes import BEGIN, SPAN, plant

ROOT = Path(__file__).parents[2]
SCRIPT = """
import hashlib
import numpy as np
from stanok.compiled import keep_compiled_code
keep_compiled_code()
from core.engine.fold import Fold
from core.samples.order import Columns, canonical_order, columns_of, gap_edges
from stanok.bench.kernel import BEGIN_US, PIECE_US, bench_batch, bench_plant
from tests.core.test_compilation import BEGIN, SPAN, plant_of_all_signals, wild_columns
plant = bench_plant(50)
fold = Fold(plant)
for machine in range(len(plant.machines)):
    fold.begin(machine, BEGIN_US + 7 * machine)
samples = columns_of(bench_batch(plant, 4000), fold.tables(BEGIN_US + PIECE_US))
opened = gap_edges([1, 2, 3], [BEGIN_US + PIECE_US // 90] * 3, True, 1, 100)
closed = gap_edges([1, 2], [BEGIN_US + PIECE_US // 60] * 2, False, 1, 0)
everything = Columns.concat([samples, opened, closed])
fold.fold(everything.take(canonical_order(everything)))
machines = np.arange(50)
fold.advance(machines, np.full(50, BEGIN_US + PIECE_US))
rows = fold.take()
states, shown = fold.shown(Columns.empty(), machines, np.full(50, BEGIN_US + PIECE_US + 1))
digest = hashlib.sha256()
wild = Fold(wild_plant := plant_of_all_signals())
for machine in range(3):
    wild.begin(machine, BEGIN)
wild.fold(wild_columns(wild_plant, wild, 4000))
wild.advance(np.arange(3), np.full(3, BEGIN + SPAN))
wild_rows = wild.take()
assert all(len(part) for part in vars(wild_rows).values())
for part in (*vars(wild_rows).values(), wild.states, *vars(rows).values(), *vars(shown).values(), fold.states, states):
    digest.update(np.ascontiguousarray(part).tobytes())
print(len(rows.facts), digest.hexdigest())
"""


def plant_of_all_signals() -> Plant:
    """Three machines with every signal that the fold knows, and ways that make each of them matter."""
    ways = Behaviour("job", 100, ((100.0, 5.0), (6000.0, 20.0)), 50.0, red_light_stops=True)
    return plant(3, ("part.total", "part.good"), ways, ())


def wild_columns(where: Plant, fold: Fold, count: int) -> Columns:
    """Samples without sense in canonical order: any value of any signal, some bad, some announcing resets."""
    rng = np.random.default_rng(5)
    batch = SampleBatch.of(
        {
            "event_us": BEGIN + np.sort(rng.integers(0, SPAN, count)),
            "machine": rng.integers(0, 3, count),
            "signal": rng.integers(0, len(where.signals), count),
            "value": rng.choice([-1.0, 0.0, 1.0, 2.0, 3.0, 5.0, 45.5, 99.0, 3000.0, 1e9, np.nan, np.inf], count),
            "raw": rng.integers(-1, 9, count),
            "text": rng.integers(0, 3, count),
            "quality": rng.choice([0, 0, 0, 0, 1, 2], count),
            "flags": rng.choice([0, 0, 0, Flag.RESET, Flag.RETAINED], count),
            "seq": np.arange(count),
            "received_us": BEGIN + np.zeros(count),
        },
        ("A-1", "B-2", ""),
    )
    samples = columns_of(batch, fold.tables(BEGIN + SPAN))
    return samples.take(canonical_order(samples))


def outcome(**flags: str) -> str:
    command = [sys.executable, "-c", SCRIPT]
    found = subprocess.run(command, cwd=ROOT, env={**os.environ, **flags}, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.mark.timeout(300)  # it compiles everything twice
@pytest.mark.parametrize("flag", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_the_same_bytes_come_out_whatever_the_compiler_is_told(flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    compiled = outcome()
    assert compiled.split()[0] != "0"
    assert outcome(**{flag: "1"}) == compiled


@pytest.mark.parametrize(("place", "cache"), [("", "NullCache"), ("here", "FunctionCache")])
def test_compiled_code_is_kept_only_where_the_front_door_says(place: str, cache: str, tmp_path: Path) -> None:
    program = "from core.engine.kernel import fold_samples; print(type(fold_samples._cache).__name__)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    environment |= {"NUMBA_CACHE_DIR": str(tmp_path / place)} if place else {}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == cache
