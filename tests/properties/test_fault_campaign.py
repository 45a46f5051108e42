"""What faults may change: recoverable ones nothing, losses only inside the band, a wrong clock no more than its error.

Seeds are printed; `python -m tests.properties.campaign --seed N` replays one and shows what differs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

from core.units import MINUTE_US, SECOND_US
from core.vocabulary import State
from stanok.compare import compare
from storage.pg.connect import Connection
from tests.properties.campaign import BEGIN_US, RECOVERABLE, SOURCE, Fault, Run, difference, facts, played
from tests.seeds import seed as seed_of
from tests.seeds import seeds

UNTIL_US = BEGIN_US + 30 * MINUTE_US
SEEDS = 2


HOURS: dict[str, Sequence[Fault]] = {
    "late": [*RECOVERABLE, {"kind": "late", "share": 0.01, "by_s": [60.0, 2400.0]}],
    "twice": [
        *(fault for fault in RECOVERABLE if fault["kind"] != "duplicate"),
        {"kind": "duplicate", "share": 0.01, "after_s": [0.0, 2400.0]},
    ],
}
"""Long after their minutes were closed; a run goes on until the last of them has arrived."""
ARRIVED_US = 40 * MINUTE_US


def test_with_recoverable_faults_the_facts_are_those_of_the_run_without_row_for_row(emptied: Connection) -> None:
    for seed in seeds("recoverable", SEEDS):
        played(emptied, seed, UNTIL_US)
        expected = facts(emptied, UNTIL_US)
        assert len(expected) > 3 * 30
        run = played(emptied, seed, UNTIL_US, RECOVERABLE)
        assert difference(expected, facts(emptied, UNTIL_US)) == [], f"--seed {seed}"
        assert run.rejected > 50
        assert run.late == 0


def test_what_comes_hours_later_ends_in_the_same_facts_row_for_row(emptied: Connection) -> None:
    seed = seed_of("hours late")
    until_us = BEGIN_US + 20 * MINUTE_US
    played(emptied, seed, until_us)
    expected = facts(emptied, until_us)
    for name, faults in HOURS.items():
        run = played(emptied, seed, until_us + ARRIVED_US, faults, step_us=SECOND_US)
        assert difference(expected, facts(emptied, until_us)) == [], f"--seed {seed}: {name}"
        assert run.late > 3


COUNTED = ("part.total", "part.scrap")
SPINDLE = ("spindle.1.rotating", "spindle.1.speed")
LOSSES: dict[str, Sequence[Fault]] = {
    "cut": [{"kind": "cut", "every_min": 10.0, "for_s": [20.0, 200.0]}],
    "nan": [{"kind": "nan", "share": 0.01, "instead": True}],
    "broken": [{"kind": "broken", "share": 0.01, "instead": True}],
    "type": [{"kind": "type", "share": 0.5, "instead": True, "signals": ["ctrl.execution"]}],
    "count": [{"kind": "type", "share": 0.3, "instead": True, "signals": [*COUNTED]}],
    "spindle": [{"kind": "type", "share": 0.3, "instead": True, "signals": [*SPINDLE]}],
    "reset": [{"kind": "reset", "every_parts": 8, "announced": False}],
}
LOSSES["all"] = [
    {"kind": "reset", "every_parts": 30, "announced": False},
    *LOSSES["cut"],
    *LOSSES["nan"],
    *LOSSES["broken"],
    {"kind": "type", "share": 0.1, "instead": True, "signals": [*COUNTED, "ctrl.execution", *SPINDLE]},
]
FIGURES = ("oee", "availability", "effectiveness", "quality", "spindle")


def outside(run: Run, figures: Iterable[str]) -> list[str]:
    """Figures of the whole run whose truth is not in their band, or that claim nothing although they could."""
    found = compare(run.connection, run.world.plant, run.world.signals, BEGIN_US)
    assert len(found) == 3
    return [
        f"{entry['name']} {name}: {entry[name]}"
        for entry in found
        for name in figures
        if entry[name]["true"] is not None and not _in_band(**entry[name])
    ]


def _in_band(measured: float | None, true: float, low: float | None, high: float | None) -> bool:
    """An undefined figure claims nothing: no running time may be known of a machine whose every ACTIVE was lost."""
    rounded = 1e-6
    if measured is None or low is None or high is None:
        return measured is None and high is None and (low is None or low - rounded <= true)
    return low - rounded <= true <= high + rounded


@pytest.mark.parametrize("kind", LOSSES)
def test_with_losses_the_truth_lies_inside_the_band(emptied: Connection, kind: str) -> None:
    for seed in seeds(kind):
        run = played(emptied, seed, UNTIL_US, LOSSES[kind])
        assert run.rejected > 0 or kind in ("cut", "reset")
        assert outside(run, FIGURES) == [], f"--seed {seed} --faults {kind}"


CLOCKS = [(-4.0, 200.0), (-30.0, 0.0), (30.0, 0.0), (-3600.0, -100.0)]
"""Offset [s] and drift [ppm]."""
STEP_US = 2 * SECOND_US


@pytest.mark.parametrize(("offset_s", "drift_ppm"), CLOCKS)
def test_a_wrong_clock_changes_time_in_states_by_no_more_than_the_error_of_its_estimate(
    emptied: Connection, offset_s: float, drift_ppm: float
) -> None:
    seed = seed_of(f"clock {offset_s} {drift_ppm}")
    faults = [{"kind": "clock", "offset_s": offset_s, "drift_ppm": drift_ppm}]
    run = played(emptied, seed, UNTIL_US, faults, clock_offset_s=-offset_s, step_us=STEP_US)
    assert run.late == 0
    for machine in run.world.plant.machines_of(SOURCE):
        off_us, error_us = believed_offset(run, machine, offset_s, drift_ppm)
        inside = BEGIN_US + MINUTE_US, UNTIL_US - MINUTE_US
        truth = [(s.from_us, s.to_us, s.state) for s in run.world.signals.ledger(machine).states_in(*inside)]
        found = [(from_us + off_us, to_us + off_us, state) for from_us, to_us, state in run.states(machine)]
        true, measured = spent(truth, *inside), spent(found, *inside)
        for state in {*true, *measured}:
            edges = 2 * sum(state == other for _, _, other in truth) + 2
            assert abs(true[state] - measured[state]) <= edges * error_us, f"--seed {seed}: {state.name}"


def believed_offset(run: Run, machine: int, offset_s: float, drift_ppm: float) -> tuple[int, int]:
    """By how much results have to be moved to true time, and how far wrong that may be: µs."""
    estimate_us = run.offsets_us()[run.world.plant.machines[machine].name]
    assert estimate_us is not None
    drift_us = round((UNTIL_US - BEGIN_US) * drift_ppm / 1e6)
    error_us = abs(estimate_us + round(offset_s * SECOND_US) + drift_us) + abs(drift_us)
    if not -5 * SECOND_US <= estimate_us <= 60 * SECOND_US:  # arrival counts: late by a step at most
        return 0, STEP_US
    return estimate_us, error_us


def spent(spans: Iterable[tuple[int, int, State]], from_us: int, to_us: int) -> Counter[State]:
    total: Counter[State] = Counter()
    for start_us, end_us, state in spans:
        total[state] += max(0, min(end_us, to_us) - max(start_us, from_us))
    return total
