"""Mistakes of the field in arithmetic, each with its number in docs/en/pitfalls.md."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from core.kpi.band import Reason
from core.kpi.iso import indicators, piece_quality
from core.kpi.losses import NOT_CLASSIFIED, Stretch, not_classified_share, pareto, waterfall
from core.kpi.oee import DEFINITION, Gap, kpi, oee, output
from core.kpi.profiles import PROFILES, side_by_side
from core.kpi.reliability import failures, mtbf
from core.kpi.spindle import RATIOS, SpindleSums, utilization
from core.kpi.standard import Proposal, propose
from core.kpi.stops import micro_time, stops
from core.kpi.sums import Sums, rolled_up, sums_of
from core.plant.calendar import segments, shift_instances
from core.plant.model import Break, CalendarRules, Maintenance, PartProgram, Shift, Site, StandardTime
from core.plant.parse import parse_plant
from core.units import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from core.vocabulary import Situation
from tests.core.rows import ISO_EXAMPLE, facts, intervals, programs, utc

MIN, S = MINUTE_US, SECOND_US
EVER = 10**12
DAY = Shift("day", frozenset(range(7)), 480, 960, (Break(720, 750),))


def made(good: int, pri_us: int, scrap: int = 0) -> dict[str, int]:
    return {
        "parts_total": good + scrap,
        "parts_good": good,
        "parts_scrap": scrap,
        "credit_total_us": (good + scrap) * pri_us,
        "credit_good_us": good * pri_us,
    }


def test_pitfall_01_effectiveness_above_one_is_kept_and_hides_no_availability_loss() -> None:
    sums = Sums(apt=70 * MIN, adet_idle=30 * MIN, **made(104, 52_500_000, 26))
    found = indicators(sums, [], 1.2)
    assert found["effectiveness"].value == pytest.approx(130 * 52.5 / 60 / 70)
    assert found["effectiveness"].value > 1
    assert found["oee"].value == sums.credit_good_us / sums.pbt


def test_pitfall_02_twenty_hours_at_80_and_two_at_20_per_cent_are_74_5() -> None:
    long = Sums(apt=16 * HOUR_US, adet_idle=4 * HOUR_US, **made(16 * 60, MIN))
    short = Sums(apt=24 * MIN, adet_idle=96 * MIN, **made(24, MIN))
    assert [indicators(sums, [], 1.2)["oee"].value for sums in (long, short)] == pytest.approx([0.8, 0.2])
    assert round(indicators(rolled_up([long, short]), [], 1.2)["oee"].value or 0, 3) == 0.745


def test_pitfall_03_quality_of_mixed_products_is_weighted_by_standard_hours() -> None:
    quick = Sums(apt=200 * MIN, **made(90, MIN, 10))
    slow = Sums(apt=250 * MIN, adet_idle=50 * MIN, **made(4, 30 * MIN, 4))
    both = rolled_up([quick, slow])
    found = indicators(both, [], 1.2)
    product = found["availability"].value * found["effectiveness"].value * found["quality_ratio"].value
    assert product == pytest.approx(found["oee"].value, rel=1e-12)
    assert piece_quality(both).value == 94 / 108  # shown apart, because with it the product is another number
    assert found["quality_ratio"].value == pytest.approx(210 / 340)


def test_pitfall_04_overlapping_planned_stops_are_subtracted_once() -> None:
    repair = Maintenance("m", (date(2026, 1, 5), 735), (date(2026, 1, 5), 780))
    site = Site("s", "s", "UTC", (DAY,), CalendarRules(maintenance=(repair,)))
    found = segments(site, utc("2026-01-05"), utc("2026-01-06"))
    lengths = np.diff(np.append(found.start_us, utc("2026-01-06")))
    assert lengths[found.situation == Situation.PLANNED_DOWN].sum() == 60 * MIN  # 12:00-12:30 and 12:15-13:00


def test_pitfall_05_a_micro_stop_is_a_stop_and_no_speed_loss_as_well() -> None:
    rows = intervals("PI" * 100 + "P", [220, 20] * 100 + [100])
    site = Site("s", "s", "UTC", (Shift("all", frozenset(range(7)), 0, 1440),))
    total_us = 24_100 * S
    calendar = segments(site, 0, total_us)
    micro = micro_time(rows, stops(rows, programs(), {}, EVER), calendar, 0, total_us)
    assert micro["adet_idle_micro"] == 2000 * S
    row = {"shift": 1, "apt": 22_100 * S, "adet_idle": 2000 * S, **made(300, 70 * S, 10)}
    steps = {step.name: step.us for step in waterfall(sums_of(facts(row), micro))}
    assert (steps["micro_stops"], steps["waiting"], steps["speed"]) == (2000 * S, 0, 400 * S)
    value = 300 * 70 * S
    assert steps["micro_stops"] + steps["speed"] + steps["quality"] + value == total_us


def test_pitfall_06_the_limit_of_a_micro_stop_follows_the_cycle() -> None:
    rows = intervals("PIPIP", [60, 15, 60, 100, 60])
    short_cycle, long_cycle = (
        stops(rows, programs((0, 1000, 1)), {1: pri_us}, EVER) for pri_us in (20 * S, 3 * HOUR_US)
    )
    assert [stop.micro for stop in short_cycle] == [False, False]  # 15 s is nearly a whole cycle of 20 s
    assert [stop.micro for stop in long_cycle] == [True, True]


def test_pitfall_07_an_instant_belongs_to_what_begins_there() -> None:
    site = Site("s", "s", "UTC", (Shift("a", frozenset(range(7)), 0, 480), Shift("b", frozenset(range(7)), 480, 960)))
    eight = utc("2026-01-05T08:00")
    (before,) = shift_instances(site, eight - 1, eight)
    (after,) = shift_instances(site, eight, eight + 1)
    assert (before.name, before.end_us, after.name, after.start_us) == ("a", eight, "b", eight)
    failed_at_eight = intervals("PFP", [8 * 3600, 60, 60], utc("2026-01-05"))
    counts = [failures(failed_at_eight, *window).events for window in ((0, eight), (eight, eight + DAY_US))]
    assert counts == [0, 1]


def test_pitfall_08_nothing_is_rounded_before_it_is_printed() -> None:
    sums = Sums(apt=2 * MIN, adet_idle=MIN, **made(10, 7 * S + 1, 1))
    found = indicators(sums, [], 1.2)
    assert found["oee"].value == sums.credit_good_us / sums.pbt
    rounded = round(found["availability"].value, 2) * round(found["effectiveness"].value, 2) * round(10 / 11, 2)
    assert abs(rounded - found["oee"].value) > 1e-3


@pytest.mark.parametrize(
    ("sums", "reason"), [(Sums(), Reason.NO_PLANNED_TIME), (Sums(planned_calendar=MIN), Reason.NO_PLANNED_TIME)]
)
def test_pitfall_09_an_empty_shift_machine_or_plant_is_undefined_and_says_why(sums: Sums, reason: Reason) -> None:
    for total in (sums, rolled_up([]), rolled_up([sums, sums])):
        assert (indicators(total, [], 1.2)["oee"].value, indicators(total, [], 1.2)["oee"].reason) == (None, reason)
        for name, band in indicators(total, [], 1.2).items():
            assert band.value is not None or band.reason is not None, name
    stood = indicators(Sums(adet_idle=MIN), [], 1.2)
    assert (stood["oee"].value, stood["quality_ratio"].reason) == (0.0, Reason.NO_PARTS)


def test_pitfall_10_quicker_cycles_change_no_standard_and_no_past_figure() -> None:
    approved = StandardTime(60 * S, 0, approved_by="technologist")
    quicker = propose(np.full(200, 40 * S))
    assert isinstance(quicker, Proposal)
    proposed = StandardTime(quicker.pri_us, 1000, provenance="measured")  # nobody has approved it
    program = PartProgram("P", 60 * S, (approved, proposed))
    assert [program.pri_at(at) for at in (500, 2000)] == [60 * S, 60 * S]
    later = PartProgram("P", 60 * S, (approved, StandardTime(40 * S, 1000, approved_by="technologist")))
    assert [later.pri_at(at) for at in (999, 1000)] == [60 * S, 40 * S]


def test_pitfall_11_a_cycle_of_two_parts_has_the_standard_time_of_one_part() -> None:
    document = {
        "enterprise": {"name": "w"},
        "site": [{"name": "s", "zone": "UTC"}],
        "source": [{"name": "c", "protocol": "opcua"}],
        "machine": [{"name": "s/m", "area": "a", "source": "c"}],
        "part_program": [{"name": "PALLET", "cycle_s": 90.0, "parts_per_cycle": 2}],
    }
    (program,) = parse_plant(document).programs
    assert program.pri_us == 45 * S
    proposal = propose(np.full(100, 90 * S), parts_per_cycle=2)
    assert isinstance(proposal, Proposal)
    assert proposal.pri_us == 45 * S


def test_pitfall_12_mtbf_counts_failures_only_and_operating_time_only() -> None:
    nights = intervals("PSLIPP", [3600, 600, 7200, 50_000, 3600, 600])
    none = mtbf(failures(nights, 0, EVER))
    assert (none.value, none.low, none.reason) == (None, 8400 * S, Reason.NO_FAILURES)  # more than 2 h 20 min observed
    one = mtbf(failures(intervals("PFIP", [3600, 600, 9000, 3600]), 0, EVER))
    assert one.value == 7200 * S
    two = mtbf(failures(intervals("PFPFP", [3600, 60, 600, 60, 3000]), 0, EVER))
    assert two.value == 3600 * S


def test_pitfall_13_what_runs_outside_the_plan_raises_no_share_of_the_plan_above_one() -> None:
    # A machine that runs through its break and its evening: only time inside the plan is in the numerator.
    sums = Sums(apt=450 * MIN, apt_out=90 * MIN, planned_calendar=0)
    found = indicators(sums, [], 1.2)
    assert found["availability"].value == 1.0
    assert found["allocation_efficiency"].value == 1.0
    assert {step.name: step.us for step in waterfall(sums)}["made_outside_plan"] == 90 * MIN


def test_pitfall_17_no_data_neither_punishes_nor_rewards() -> None:
    sums = Sums(apt=70 * MIN, unknown=30 * MIN, **made(63, MIN, 7))
    band = oee(sums, output(sums, [Gap(30 * MIN, None, None, False, True)], 1.2))
    assert (band.low, band.high) == (63 / 100, pytest.approx((63 + 36) / 100))
    assert sums.coverage == pytest.approx(0.7)


def test_pitfall_37_every_figure_is_of_a_named_definition_and_several_stand_side_by_side() -> None:
    assert DEFINITION == "stanok-iso22400-1"
    readings = {(r.profile.id, r.profile.version): r.figures.get("oee") for r in side_by_side(ISO_EXAMPLE)}
    assert len(readings) == len(PROFILES)
    shown = {round(100 * (figure.band.value or 0), 1) for figure in readings.values() if figure}
    assert shown == {52.8, 60.9, 49.5, 16.5}


def test_pitfall_40_what_nobody_classified_stays_so_and_its_share_is_shown() -> None:
    rows = pareto([Stretch(0, 90, 1), Stretch(100, 110, 2)], [])
    assert [row.reason for row in rows] == [NOT_CLASSIFIED, NOT_CLASSIFIED]
    assert not_classified_share(rows) == 1.0


def test_pitfall_42_spindle_utilization_is_four_figures_that_never_stand_in_for_each_other() -> None:
    sums = SpindleSums(powered_us=95, program_running_us=60, spindle_turning_us=45)
    values = {which: utilization(sums, which, 0, 100) for which in RATIOS}
    assert [values[which].value for which in RATIOS] == [0.95, 0.6, 0.45, None]
    assert values["in_cut"].reason is Reason.NO_SIGNAL


def test_pitfall_43_planning_a_stop_raises_oee_but_not_calendar_oee() -> None:
    honest = Sums(apt=60 * MIN, adet_idle=40 * MIN, **made(60, MIN))
    gamed = Sums(apt=60 * MIN, planned_state=40 * MIN, **made(60, MIN))
    before, after = indicators(honest, [], 1.2), indicators(gamed, [], 1.2)
    assert (before["oee"].value, after["oee"].value) == (0.6, 1.0)
    assert before["calendar_oee"] == after["calendar_oee"]


def test_pitfall_45_a_machine_without_a_standard_time_spoils_its_own_oee_only() -> None:
    machines = {
        "bad": facts({"shift": 1, "apt": 60 * MIN, "adet_idle": 60 * MIN, "parts_total": 5, "parts_no_standard": 5}),
        "good": facts({"shift": 1, "apt": 60 * MIN, "adet_idle": 60 * MIN, **made(50, MIN)}),
    }
    found = {name: kpi(rows, [], 1.2) for name, rows in machines.items()}
    assert (found["bad"].oee.value, found["bad"].oee.reason) == (None, Reason.NO_STANDARD_TIME)
    assert found["bad"].availability.value == 0.5
    assert found["good"].oee.value == pytest.approx(50 / 120)
