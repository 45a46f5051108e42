"""What a ledger is for: the engine's facts of back-filled rows are the truth, to the microsecond and to the part."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np
import pytest
from numpy.typing import NDArray

from core.engine.stream import Stream
from core.plant.model import Plant
from core.samples.records import SpoolRow, StoredRow
from core.units import HOUR_US, MINUTE_US
from simulators.backfill import backfill
from simulators.figures import Figures, figures
from simulators.scenario import Scenario
from simulators.signals import Signals

from .conftest import TUESDAY_US

TO_US = TUESDAY_US + 14 * HOUR_US
PBT = ("apt", "apt_no_order", "aust", "adet_idle", "adet_stop", "adot_idle", "adot_setup", "adot_stop", "unknown")


@pytest.fixture(scope="module")
def signals(plant: Plant, make_scenario: Callable[..., Scenario]) -> Signals:
    return Signals(plant, make_scenario())


@pytest.fixture(scope="module")
def facts(plant: Plant, make_scenario: Callable[..., Scenario], signals: Signals) -> NDArray[np.void]:
    """The engine's minutes of a day's back-fill, as the last commit of each minute left them."""
    stream, kept = Stream(plant, ["backfill"]), []
    records = count(1)
    for step in backfill(plant, make_scenario(), TUESDAY_US, TO_US, signals=signals):
        for row in step:
            stream.take_row("backfill", stored(next(records), row), 1.0)
        changes = stream.collect(1.0)
        for machine, from_us in changes.facts_from.items():
            kept = [rows[(rows["machine"] != machine) | (rows["minute_us"] < from_us)] for rows in kept]
        kept.append(changes.facts)
    return np.concatenate(kept)


def stored(record: int, row: SpoolRow) -> StoredRow:
    return StoredRow(record, row.kind, row.source, row.plant_hash, row.received_us, row.payload)


def measured(facts: NDArray[np.void], machine: int, from_us: int, to_us: int) -> dict[str, int]:
    inside = facts[(facts["machine"] == machine) & (facts["minute_us"] >= from_us) & (facts["minute_us"] < to_us)]
    total = {name: int(inside[name].sum()) for name in inside.dtype.names or ()}
    return {
        "pbt_us": sum(total[name] for name in PBT),
        "apt_us": total["apt"],
        "turning_us": total["spindle_turning_us"],
        "credit_total_us": total["credit_total_us"],
        "credit_good_us": total["credit_good_us"],
        "parts": total["parts_total"],
        "scrap": total["parts_scrap"],
    }


def true(found: Figures) -> dict[str, int | None]:
    """All but the samples, and the time in cut, which needs a load in air that nobody taught these machines."""
    return {name: getattr(found, name) for name in Figures.__dataclass_fields__ if name not in ("sent", "in_cut_us")}


@pytest.mark.parametrize(("first_min", "last_min"), [(0, 13 * 60), (120, 180), (97, 411)])
def test_the_engine_measures_the_truth_exactly(
    signals: Signals, facts: NDArray[np.void], plant: Plant, first_min: int, last_min: int
) -> None:
    window = TUESDAY_US + first_min * MINUTE_US, TUESDAY_US + last_min * MINUTE_US
    for machine in range(len(plant.machines)):
        assert measured(facts, machine, *window) == true(figures(signals, machine, *window)), plant.machines[
            machine
        ].name
