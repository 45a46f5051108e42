"""Every figure of the boards on the history of tests/dashboards/known, against numbers worked out by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from core.kpi import ru_by
from core.kpi.iso import allocation_efficiency, utilization_efficiency
from core.kpi.losses import waterfall
from core.kpi.sums import Sums
from core.units import MINUTE_US, SECOND_US
from dashboards.macros import Window, expand
from dashboards.queries import health, machine, plant, shift, shop_floor, spindle, stops
from tests.dashboards.known import MACHINE, SHIFT_NAME, at

ALL = Window(at(0), at(240))
CHOSEN = {"site": ["minsk"], "machine": [MACHINE], "shift": [SHIFT_NAME], "area": ["turning"]}
HALF_PAST = datetime(2025, 11, 22, 9, tzinfo=UTC)
"""The hour from half an hour after the start: 30 min producing, 20 min waiting, 10 min without data."""


@pytest.fixture
def ask(known_history: str) -> Callable[..., list[dict[str, Any]]]:
    def rows(sql: str, window: Window = ALL, **chosen: list[str]) -> list[dict[str, Any]]:
        with (
            psycopg.connect(known_history) as connection,
            connection.cursor(row_factory=psycopg.rows.dict_row) as cursor,
        ):
            return list(cursor.execute(expand(sql, window, {**CHOSEN, **chosen}).encode()).fetchall())

    return rows


Ask = Callable[..., list[dict[str, Any]]]


def figures(row: dict[str, Any], *names: str) -> list[Any]:
    return [row[name] for name in names]


def test_the_tile_and_the_row_of_a_machine_tell_its_shift(ask: Ask) -> None:
    (tile,) = (row for row in ask(shop_floor.TILES) if row["state"] == "idle")
    assert figures(tile, "title", "work", "made") == [
        "Станок lathe-1",
        "13:30 · SHAFT-40",  # waiting since 10:30 UTC, and Minsk is three hours ahead
        "28 / 30 · OEE 37 % (37–48 %)",
    ]
    (row,) = (row for row in ask(shop_floor.MACHINES) if row["machine"] == MACHINE)
    assert figures(row, "oee", "availability", "effectiveness", "quality_ratio", "coverage") == pytest.approx(
        [2660 / 7200, 0.5, 2850 / 3600, 2660 / 2850, 110 / 120]
    )
    assert figures(row, "since", "lag_s") == [at(120), 2.0]


def test_the_figures_of_a_shift_have_their_bounds_and_their_parts(ask: Ask) -> None:
    found = {row["figure"]: row for row in ask(shift.BOUNDS)}
    assert list(found) == ["oee", "availability", "effectiveness", "quality_ratio", "spindle_utilization", "coverage"]
    oee = figures(found["oee"], "value", "low", "high", "upper_h", "lower_h")
    # Ten minutes at 1.2 of the standard rate may hold 720 s of parts, and one of 95 s may have been begun before.
    assert oee == pytest.approx([2660 / 7200, 2660 / 7200, (2660 + 720 + 95) / 7200, 2660 / 3600, 2.0])
    assert figures(found["availability"], "value", "low", "high") == pytest.approx([0.5, 0.5, 70 / 120])
    assert figures(found["spindle_utilization"], "value", "low", "high") == pytest.approx(
        [40 / 120, 40 / 120, 50 / 120]
    )
    (row,) = ask(shift.FIGURES)
    assert figures(row, "parts_good", "parts_scrap", "coverage") == [28, 2, pytest.approx(110 / 120)]


def test_the_waterfall_of_a_shift_adds_up_in_minutes(ask: Ask) -> None:
    steps = ask(shift.LOSSES)
    assert {row["step"]: row["loss_min"] for row in steps} == pytest.approx(
        {
            "out_of_plan": 10, "planned_stop": 0, "unknown": 10, "no_order": 0, "setup": 10, "breakdown": 10,
            "waiting": 30, "speed": 60 - 47.5, "quality": 190 / 60,
        }
    )  # fmt: skip
    assert steps[-1]["left_min"] == pytest.approx(2660 / 60)
    assert sum(row["loss_min"] for row in steps) + steps[-1]["left_min"] == pytest.approx(130, abs=1e-9)
    bars = ask(shift.WATERFALL)
    heights = [sum(value or 0 for name, value in row.items() if name.endswith("_min")) for row in bars]
    assert [row["step"] for row in bars][:: len(bars) - 1] == ["calendar", "value"]
    assert heights[0] == pytest.approx(130)
    assert heights[0] - sum(heights[1:-1]) == pytest.approx(heights[-1])
    for above, below in itertools.pairwise(bars[1:-1]):
        top = below["base"] + sum(value or 0 for name, value in below.items() if name.endswith("_min"))
        assert top == pytest.approx(above["base"])


def test_stops_of_a_shift_are_cut_to_it_and_the_open_one_counts_to_as_of(ask: Ask) -> None:
    found = {row["name"]: row["lost_min"] for row in ask(shift.pareto("en", "no reason"))}
    assert found == pytest.approx(
        {
            "Waiting for the operator (no reason)": 30,
            "Alarm (no reason)": 10,
            "Setup (no reason)": 10,
            "— (no reason)": 10,
        }
    )
    assert [row["lost_min"] for row in ask(shift.stops("en"))] == pytest.approx([20, 10, 10, 10, 10])


def test_the_same_shift_of_other_weeks_begins_with_itself(ask: Ask) -> None:
    (row,) = ask(shift.WEEKS)
    assert figures(row, "shift", "oee", "parts_good") == [SHIFT_NAME, pytest.approx(2660 / 7200), 28]
    assert [row["machine"] for row in ask(shift.MACHINES)] == [MACHINE]
    assert ask(shift.WEEKS, shift=["2025-11-15 · 1"]) == []


def test_the_four_spindle_ratios_are_over_planned_busy_time(ask: Ask) -> None:
    (four,) = ask(spindle.FOUR)
    assert figures(four, "powered", "program_running", "turning", "in_cut") == pytest.approx(
        [110 / 120, 60 / 120, 40 / 120, 20 / 120]
    )
    (row,) = ask(spindle.MACHINES)
    assert figures(row, "air_cut", "feed_hold", "feed_override_loss", "spindle_override_loss") == pytest.approx(
        [10 / 60, 0, 6 / 60, 0]
    )
    assert figures(row, "mean_load", "energy_kwh", "energy_part_kwh") == pytest.approx([0.5, 6.0, 6 / 28])
    (hour,) = (row for row in ask(spindle.LOSSES) if row["time"] == HALF_PAST)
    assert figures(hour, "air_cut_min", "feed_override_min") == pytest.approx([5.0, 3.0])


def test_the_load_histogram_is_the_time_of_each_class_and_adds_up_to_the_known_load(ask: Ask) -> None:
    found = {row["bin"]: row["load_h"] * 60 for row in ask(spindle.HISTOGRAM)}
    assert list(found) == [f"{low}–{low + 10}" for low in range(0, 100, 10)] + ["≥ 100"]
    assert {name: held for name, held in found.items() if held} == pytest.approx({"30–40": 20, "70–80": 20})
    assert sum(found.values()) == pytest.approx(60 * 40 / 60)


def test_indicators_of_a_week_have_their_declared_bases(ask: Ask) -> None:
    week = Window(at(0) - timedelta(days=2), at(240))
    rows = [*ask(plant.SITES_WEEKS, week), *ask(plant.AREAS_WEEKS, week), *ask(plant.MACHINES, week)]
    assert len(rows) == 3
    for row in rows:
        assert row["week"].date().isoformat() == "2025-11-17"
        assert figures(row, "load_actual", "load_actual_high", "shift_factor") == pytest.approx([110 / 120, 1.0, 1.0])
        assert figures(row, "readiness", "equipment_use", "integral_use") == pytest.approx(
            [100 / 110, 60 / 130, 2850 / 7200]
        )
        assert figures(row, "oee", "oee_low", "oee_high", "calendar_oee") == pytest.approx(
            [2660 / 7200, 2660 / 7200, (2660 + 720) / 7200, 2660 / 7800]
        )
        assert figures(row, "allocation_efficiency", "utilization_efficiency") == pytest.approx([110 / 120, 60 / 110])
    (bar,) = ask(plant.RUNNING, week)
    assert bar["allocation_efficiency"] * bar["utilization_efficiency"] == pytest.approx(0.5)


def test_a_machine_is_told_with_its_tool_its_alarms_and_its_cycles(ask: Ask) -> None:
    (now,) = ask(machine.NOW_DOING)
    assert figures(now, "state", "cause", "program", "tool") == ["idle", "wait_operator", "SHAFT-40", "T07"]
    assert [figures(row, "at_time", "alarm", "edge", "length_s") for row in ask(machine.ALARMS)] == [
        [at(100), "EX1024", "cleared", 600.0],
        [at(90), "EX1024", "raised", None],
    ]
    assert [figures(row, "time", "cycle_s") for row in ask(machine.CYCLES)] == [
        [at(3), 120.0], [at(5), 120.0], [at(7.5), 150.0],
    ]  # fmt: skip
    assert [row["spindle_speed"] for row in ask(machine.SPINDLE_SPEED) if row["spindle_speed"]] == [1000.0, 2000.0]


def test_an_override_holds_until_the_next_one_and_from_before_the_window(ask: Ask) -> None:
    found = [figures(row, "time", "feed_override") for row in ask(machine.OVERRIDES, Window(at(60), at(100)))]
    assert found == [[at(60), 90.0], [at(70), 100.0], [at(100), 100.0]]


def test_the_target_of_an_hour_follows_its_planned_time(ask: Ask) -> None:
    found = {row["time"]: row for row in ask(machine.PARTS)}
    assert figures(found[HALF_PAST], "parts_good", "parts_scrap") == [13, 2]
    assert found[HALF_PAST]["parts_target"] == pytest.approx(3600 / 95)
    assert found[HALF_PAST + timedelta(hours=1)]["parts_target"] == pytest.approx(30 * 60 / 95)  # ten of 40 are a break


def test_gaps_are_shaded_and_counted(ask: Ask) -> None:
    assert [figures(row, "time", "timeend") for row in ask(machine.shaded("'x'"))] == [[at(80), at(90)]]
    (row,) = ask(health.CAUSES)
    assert figures(row, "scope", "cause", "gaps", "machines", "length_h") == [
        "state",
        "silent",
        1,
        1,
        pytest.approx(1 / 6),
    ]
    (row,) = ask(health.CAUSES, Window(at(85), at(240)))
    assert row["length_h"] == pytest.approx(5 / 60)
    (bar,) = ask(health.MACHINES)
    assert bar["coverage"] == pytest.approx(110 / 120)


HOURLY = {
    "oee": machine.OEE_HOURS,
    "coverage": machine.COVERAGE_HOURS,
    "parts": machine.PARTS,
    "spindle": spindle.BY_HOUR,
    "losses": spindle.LOSSES,
    "energy": spindle.ENERGY,
    "sites": health.COVERAGE,
}


@pytest.mark.parametrize("name", HOURLY)
def test_an_hour_is_the_same_in_a_window_of_an_hour_a_day_and_a_month(ask: Ask, name: str) -> None:
    ends = [HALF_PAST + timedelta(hours=1), HALF_PAST + timedelta(hours=20), HALF_PAST + timedelta(days=20)]
    starts = [HALF_PAST, HALF_PAST - timedelta(hours=4), HALF_PAST - timedelta(days=10)]
    seen = [
        [row for row in ask(HOURLY[name], Window(start, end)) if row["time"] == HALF_PAST]
        for start, end in zip(starts, ends, strict=True)
    ]
    assert len(seen[0]) == 1
    assert seen[0] == seen[1] == seen[2]


def test_a_shift_is_the_same_in_every_window(ask: Ask) -> None:
    windows = [Window(at(100), at(101)), ALL, Window(at(-9000), at(9000))]
    seen = [ask(machine.SHIFTS, window) for window in windows]
    assert seen[0] == seen[1] == seen[2]
    assert figures(seen[0][0], "shift", "oee") == [SHIFT_NAME, pytest.approx(2660 / 7200)]


@pytest.mark.parametrize("query", [stops.pareto("en"), machine.stops("en")], ids=["stops", "machine"])
def test_a_stop_from_before_the_window_counts_in_it_and_an_open_one_to_as_of(ask: Ask, query: str) -> None:
    found = {row["cause"]: row["length_s"] / 60 for row in ask(query, Window(at(70), at(100_000)))}
    assert found == pytest.approx({"wait_operator": 10 + 10, "alarm": 10, "setup": 10, "none": 10})
    (inside,) = ask(query, Window(at(72), at(75)))
    assert inside["length_s"] == pytest.approx(180)


def test_the_timeline_of_a_machine_is_cut_to_the_window_and_ends_at_as_of(ask: Ask) -> None:
    found = [figures(row, "time", "state") for row in ask(machine.STATES, Window(at(70), at(100_000)))]
    assert found[0] == [at(70), "idle"]
    assert found[-2:] == [[at(120), "idle"], [at(130), None]]
    assert [figures(row, "time", "program") for row in ask(machine.PROGRAMS)] == [[at(0), "SHAFT-40"], [at(130), None]]


SUMS = Sums(
    apt=60 * MINUTE_US,
    aust=10 * MINUTE_US,
    adet_idle=30 * MINUTE_US,
    adet_stop=10 * MINUTE_US,
    planned_calendar=10 * MINUTE_US,
    unknown=10 * MINUTE_US,
    credit_total_us=2850 * SECOND_US,
    credit_good_us=2660 * SECOND_US,
)
"""The known history in the sums of core/kpi."""


def test_views_and_core_give_the_same_indicators_with_the_same_bounds(known_history: str) -> None:
    expected = {
        "load_actual": ru_by.load_actual(SUMS.aubt, SUMS.unknown, SUMS.pbt, ru_by.Base.REGIME_FUND),
        "readiness": ru_by.technical_readiness(SUMS),
        "equipment_use": ru_by.equipment_use(SUMS.producing, SUMS.unknown, SUMS.calendar, ru_by.Base.CALENDAR_FUND),
        "shift_factor": ru_by.shift_factor(
            [(70 * MINUTE_US, 10 * MINUTE_US)], 1, 1, ru_by.Base.INSTALLED, 60 * MINUTE_US
        ),
    }
    with psycopg.connect(known_history) as connection, connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        (row,) = cursor.execute("select * from board.indicator_week where level = 'machine'").fetchall()
    for name, indicator in expected.items():
        band = indicator.band
        assert figures(row, name, f"{name}_low", f"{name}_high") == pytest.approx([band.value, band.low, band.high]), (
            name
        )
    assert row["allocation_efficiency"] == pytest.approx(allocation_efficiency(SUMS).value)
    assert row["utilization_efficiency"] == pytest.approx(utilization_efficiency(SUMS).value)


def test_the_steps_of_a_shift_are_those_of_core(ask: Ask) -> None:
    view = {row["step"]: row["loss_min"] for row in ask(shift.LOSSES)}
    core = {step.name: step.us / MINUTE_US for step in waterfall(SUMS)}
    shared = set(view) & set(core)
    assert shared == set(view) - {"out_of_plan"}
    # The break lies in the shift: core calls it a planned stop, the board a break.
    assert core.pop("planned_stop") == view["out_of_plan"] + view.pop("planned_stop")
    assert {name: view[name] for name in shared - {"planned_stop"}} == pytest.approx(
        {name: core[name] for name in shared - {"planned_stop"}}
    )
