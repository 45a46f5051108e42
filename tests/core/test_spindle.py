"""Spindle figures: four ratios, losses in time, load and energy; what no signal tells is not 0."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from core.kpi.band import Band, Reason
from core.kpi.spindle import (
    LOSSES,
    RATIOS,
    SpindleSums,
    energy_per_good_part,
    histogram_mean,
    loss,
    mean_load,
    spindle_sums,
    utilization,
)

FULL = SpindleSums(
    powered_us=90,
    program_running_us=60,
    spindle_turning_us=50,
    in_cut_us=30,
    air_cut_us=10,
    feed_hold_us=5,
    feed_override_loss=-6000,
    rapid_override_loss=2000,
    spindle_override_loss=3000,
    spindle_load=15_000,
    spindle_load_us=50,
    energy_mj=7_200_000,
)


def test_the_four_ratios_are_four_figures_over_planned_time() -> None:
    assert [utilization(FULL, which, 0, 100).value for which in RATIOS] == [0.9, 0.6, 0.5, 0.3]
    assert utilization(FULL, "turning", 10, 100) == Band(0.5, 0.5, 0.6)
    assert utilization(FULL, "turning", 0, 0).reason is Reason.NO_PLANNED_TIME


def test_what_no_signal_tells_is_undefined_and_not_zero() -> None:
    for which in RATIOS:
        assert utilization(SpindleSums(), which, 0, 100).reason is Reason.NO_SIGNAL
    for which in LOSSES:
        assert loss(SpindleSums(), which, 100).reason is Reason.NO_SIGNAL
    assert mean_load(SpindleSums()).reason is Reason.NO_SIGNAL
    assert energy_per_good_part(SpindleSums(), 5).reason is Reason.NO_SIGNAL
    assert (FULL + SpindleSums(in_cut_us=1)) == SpindleSums(in_cut_us=31)


def test_losses_are_shares_of_producing_time_and_negative_above_100_per_cent_override() -> None:
    assert [loss(FULL, which, 50).value for which in LOSSES] == [0.2, 0.1, -0.12, 0.04, 0.06]
    assert loss(FULL, "air_cut", 0).reason is Reason.NO_PRODUCTION


def test_load_and_energy() -> None:
    assert mean_load(FULL).value == 0.3
    assert energy_per_good_part(FULL, 4).value == 1_800_000
    assert energy_per_good_part(FULL, 4, unseen=4).low == 900_000
    assert energy_per_good_part(FULL, 0).reason is Reason.NO_PARTS


def test_a_histogram_bounds_its_mean_by_the_edges_of_its_bins() -> None:
    edges = np.array([0.0, 20, 40, 100])
    assert histogram_mean(edges, np.array([10, 0, 10])) == Band(40.0, 20.0, 60.0)
    assert histogram_mean(edges, np.zeros(3, "i8")).reason is Reason.NO_SIGNAL
    with pytest.raises(ValueError, match="3 bins need 4 edges, not 3"):
        histogram_mean(edges[:3], np.zeros(3, "i8"))


def test_a_misspelt_ratio_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'cutting' is no spindle utilization"):
        utilization(FULL, "cutting", 0, 1)
    with pytest.raises(ValueError, match="no spindle loss"):
        loss(FULL, "turning", 1)


def test_a_column_counts_only_if_the_machines_signals_can_tell_it() -> None:
    columns = [(field.name, "i8") for field in fields(SpindleSums)]
    facts = np.ones(2, np.dtype(columns))
    plain = spindle_sums(facts, ["ctrl.execution", "spindle.1.speed", "part.good"], idle_taught=True)
    assert plain == SpindleSums(powered_us=2, program_running_us=2, spindle_turning_us=2, feed_hold_us=2)
    cutting = ["spindle.1.rotating", "feed.1.rate", "spindle.1.load"]
    assert spindle_sums(facts, cutting, idle_taught=True).in_cut_us == 2
    assert spindle_sums(facts, cutting, idle_taught=False).in_cut_us is None
    assert spindle_sums(facts[["powered_us"]], cutting, idle_taught=True) == SpindleSums()
    rest = ["feed.1.override", "spindle.1.override", "feed.1.rapid_override", "energy.import", "ctrl.item_state"]
    assert None not in vars(spindle_sums(facts, [*cutting, *rest, "ctrl.feed_hold"], idle_taught=True)).values()
