"""The width that the definition allows: what the line lost, and no more; and a published band is no wider."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.units import HOUR_US, MINUTE_US
from stanok.bench.accuracy import BEGIN_US, judge
from stanok.bench.accuracy_band import Lost, allowed, lost
from stanok.bench.accuracy_sets import World, world
from tests.seeds import seeds

DEMO = str(Path(__file__).parents[2] / "simulators/plants/demo.scenario.toml")
MACHINE = "ural/lathe-3"
FROM_US, TO_US = BEGIN_US + 4 * HOUR_US, BEGIN_US + 6 * HOUR_US
"""Inside a shift in Yekaterinburg."""


def found(*faults: dict[str, object]) -> World:
    return world(DEMO, 7, faults, BEGIN_US, [MACHINE])


def test_nothing_lost_allows_no_width() -> None:
    signals = found().signals
    what = lost(signals, 0, TO_US, [])
    assert (what.gaps, what.doubts) == ([], [])
    width = allowed(signals, 0, FROM_US, TO_US, what)
    assert width is not None
    assert width.availability == width.oee == 0.0


def test_a_stretch_without_news_allows_its_time_and_what_was_made_in_it() -> None:
    signals = found().signals
    gap = FROM_US + 30 * MINUTE_US, FROM_US + 42 * MINUTE_US
    width = allowed(signals, 0, FROM_US, TO_US, Lost([gap], [], TO_US + HOUR_US))
    longer = allowed(signals, 0, FROM_US, TO_US, Lost([(gap[0], gap[1] + 30 * MINUTE_US)], [], TO_US + HOUR_US))
    assert width is not None
    assert longer is not None
    assert width.availability == pytest.approx(12 / 120, rel=0.3), "a break may take some of the two hours"
    assert 0.0 < width.oee < longer.oee
    assert longer.availability > width.availability


def test_a_cut_line_is_a_gap_until_present_values_are_told_after_the_missing_numbers() -> None:
    signals = found({"kind": "cut", "every_min": 60.0, "for_s": [60.0, 120.0]}).signals
    never, soon = lost(signals, 0, TO_US, []), lost(signals, 0, TO_US, range(BEGIN_US, TO_US, MINUTE_US))
    assert sum(end - start for start, end in soon.gaps) < sum(end - start for start, end in never.gaps)
    assert never.gaps[-1][1] == TO_US


def test_a_reset_that_nobody_announces_leaves_a_counter_in_doubt_between_its_readings() -> None:
    signals = found({"kind": "reset", "every_parts": 10, "announced": False}).signals
    what = lost(signals, 0, TO_US, [])
    assert what.gaps == []
    assert len(what.doubts) > 3
    assert all(start < end and not in_sum for start, end, in_sum in what.doubts)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("faults", ["none", "recoverable"])
def test_without_losses_a_band_has_no_width(embedded_server: str, faults: str) -> None:
    """In spite of the power that is off between the shifts."""
    verdict = judge(embedded_server, "zones", 11, faults, seeds("no width", 1)[0], ["ural/lathe-1"], direct=True)
    print(verdict)
    assert verdict.shifts == 1
    assert (verdict.width, verdict.wider, verdict.outside, verdict.parts_wrong) == (0.0, [], [], 0)
