"""Agreement with the packages `oee` and `digifact` and with a published example, where definitions coincide.

They differ from Stanok on purpose here: `oee` caps performance at 1 and calls a machine without production 0 %;
`digifact` divides by an ideal output of its whole time, rounds every factor, and calls MTBF without a failure infinite.
"""

from __future__ import annotations

import oee as peer
import pytest
from digifact import ProductionMetrics
from hypothesis import given
from hypothesis import strategies as st

from core.kpi.band import Reason
from core.kpi.iso import indicators
from core.kpi.losses import six_big_losses, waterfall
from core.kpi.reliability import Failures, mtbf, mttr
from core.kpi.sums import Sums, rolled_up
from core.units import MINUTE_US

MIN = MINUTE_US


def sums(planned: int, down: int, setup: int, total: int, reject: int, pri: int) -> Sums:
    return Sums(
        apt=planned - down - setup,
        aust=setup,
        adet_stop=down,
        parts_total=total,
        parts_good=total - reject,
        parts_scrap=reject,
        credit_total_us=total * pri,
        credit_good_us=(total - reject) * pri,
    )


VORNE = sums(420 * MIN, 47 * MIN, 0, 19_271, 423, MIN // 60)
"""Vorne, Fast Guide to OEE: a shift of 480 min with 60 min of breaks, 47 min down, 60 pieces a minute ideal."""


def test_the_worked_example_of_the_fast_guide() -> None:
    found = indicators(VORNE, [], 1.2)
    percent = {name: round(100 * (found[name].value or 0), 1) for name in ("availability", "quality_ratio", "oee")}
    assert percent == {"availability": 88.8, "quality_ratio": 97.8, "oee": 74.8}
    assert round(100 * (found["effectiveness"].value or 0), 1) == 86.1


COUNTS = st.tuples(st.integers(1, 500), st.integers(0, 200), st.integers(0, 100), st.integers(1, 1000)).flatmap(
    lambda some: st.tuples(st.just(some), st.integers(0, some[3]))
)


@given(COUNTS)
def test_package_oee_agrees_up_to_the_cap(case: tuple[tuple[int, int, int, int], int]) -> None:
    (running, down, setup, total), reject = case
    planned = running + down + setup
    cycle = 0.9 * running / total  # below the cap: definitions coincide
    ours = indicators(sums(planned * MIN, down * MIN, setup * MIN, total, reject, round(cycle * MIN)), [], 1.2)
    theirs = peer.oee(planned, downtime=down + setup, ideal_cycle_time=cycle, total_count=total, reject_count=reject)
    assert ours["availability"].value == pytest.approx(theirs.availability)
    assert ours["effectiveness"].value == pytest.approx(theirs.performance, rel=1e-4)  # our PRI is a whole number of µs
    assert ours["quality_ratio"].value == pytest.approx(theirs.quality)
    assert ours["oee"].value == pytest.approx(theirs.oee, rel=1e-4)


def test_package_oee_rolls_up_and_splits_losses_as_we_do() -> None:
    days = [(420, 47, 20, 300, 7, 1.1), (300, 10, 0, 200, 0, 1.3)]
    ours = rolled_up(sums(p * MIN, d * MIN, s * MIN, n, r, round(c * MIN)) for p, d, s, n, r, c in days)
    theirs = peer.aggregate(
        [
            peer.oee(p, downtime=d + s, setup_time=s, ideal_cycle_time=c, total_count=n, reject_count=r)
            for p, d, s, n, r, c in days
        ]
    )
    assert indicators(ours, [], 1.2)["oee"].value == pytest.approx(theirs.oee)
    losses = six_big_losses(ours)
    assert losses["breakdowns"] == theirs.six_losses["breakdowns"] * MIN
    assert losses["setup_and_adjustments"] == theirs.six_losses["setup_and_adjustments"] * MIN
    assert losses["reduced_speed"] / MIN == pytest.approx(theirs.six_losses["minor_stops_and_reduced_speed"])
    assert losses["process_defects"] / MIN == pytest.approx(theirs.six_losses["process_defects"])
    assert waterfall(ours)[-1].left_us / MIN == pytest.approx(theirs.fully_productive_time)


def test_package_oee_caps_what_we_keep() -> None:
    theirs = peer.oee(100, downtime=0, ideal_cycle_time=1.3, total_count=100, reject_count=0)
    ours = indicators(sums(100 * MIN, 0, 0, 100, 0, 13 * MIN // 10), [], 1.2)
    assert (theirs.performance, theirs.performance_raw) == (1.0, pytest.approx(1.3))
    assert ours["effectiveness"].value == pytest.approx(1.3)


def test_both_packages_agree_on_mtbf_and_mttr_and_differ_without_failures() -> None:
    found = Failures(events=4, repaired=4, repair_us=90 * MIN, operating_us=1200 * MIN)
    theirs = peer.reliability(1200, failures=4, total_repair_time=90)
    other = ProductionMetrics(1290, 100, 95, 100, 4, 90, 1200)
    assert mtbf(found).value == theirs.mtbf * MIN == other.calculate_mtbf() * MIN
    assert mttr(found).value == theirs.mttr * MIN == other.calculate_mttr() * MIN
    assert peer.reliability(1200, failures=0, total_repair_time=0).mtbf is None
    assert ProductionMetrics(1290, 100, 95, 100, 0, 0, 1200).calculate_mtbf() == float("inf")
    none = mtbf(Failures(operating_us=1200 * MIN))
    assert (none.value, none.low, none.reason) == (None, 1200 * MIN, Reason.NO_FAILURES)


@given(st.integers(1, 500), st.integers(0, 200), st.integers(1, 1000), st.integers(0, 1000))
def test_digifact_agrees_to_its_rounding(running: int, down: int, total: int, reject: int) -> None:
    reject = min(reject, total)
    pri = max(1, running * MIN // (2 * total))
    ideal = running * MIN / pri  # its ideal output is that of the running time: then definitions coincide
    ours = indicators(sums((running + down) * MIN, down * MIN, 0, total, reject, pri), [], 1.2)
    theirs = ProductionMetrics(running + down, ideal, total - reject, total, 1, down, running)
    names = ("availability", "effectiveness", "quality_ratio")
    factors = (theirs.calculate_availability(), theirs.calculate_performance(), theirs.calculate_quality())
    for name, percent in zip(names, factors, strict=True):
        assert 100 * (ours[name].value or 0) == pytest.approx(percent, abs=0.0051)
    assert 100 * (ours["oee"].value or 0) == pytest.approx(theirs.calculate_oee()["oee"], abs=0.03)
