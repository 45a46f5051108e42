"""Numbers of the views against an example computed by hand: a shift of ten minutes, one of them a gap of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from psycopg.rows import dict_row

from core.facts.schema import BY_SPEED, COUNT_GAP, NOT_LIMITED, OPEN_END, UNSEEN, Live, ShiftRow
from core.units import MINUTE_US, SECOND_US, datetime_from_us
from core.vocabulary import Cause, State
from storage.pg import live
from storage.pg.commit import Store
from storage.pg.connect import Connection
from storage.pg.plant import load_plant
from tests.storage.pg_changes import PLANT, PROGRAM, SPOOL, START_US, fact, make_changes, rows

PRI_US = PROGRAM.pri_us
END_US = START_US + 10 * MINUTE_US
SHIFT = ShiftRow(77, 0, "1", "2025-11-22", START_US, END_US)
LIVE = Live(0, END_US, END_US - SECOND_US, State.PRODUCING, Cause.NONE, 8, START_US, PROGRAM.id, 77, True, 1200.0)
GAP = {
    "machine": 0,
    "from_us": START_US + 5 * MINUTE_US,
    "to_us": START_US + 7 * MINUTE_US,
    "state": State.UNKNOWN,
    "cause": Cause.SILENT,
}
CREDIT = {
    "machine": 0,
    "gap_from_us": GAP["from_us"],
    "credit_good_us": PRI_US,
    "credit_total_us": PRI_US,
    "parts": 1,
}


def shift_facts() -> list[dict[str, int]]:
    """Seven and a half minutes of production with three parts, half a minute idle, two minutes unknown."""
    minutes = [fact(minute, shift=77, apt=MINUTE_US, spindle_turning_us=40 * SECOND_US) for minute in range(10)]
    minutes[4].update(apt=30 * SECOND_US, adet_idle=30 * SECOND_US)
    for minute in (5, 6):
        minutes[minute].update(apt=0, unknown=MINUTE_US, spindle_turning_us=0)
    for minute in (1, 3, 9):
        minutes[minute].update(parts_total=1, parts_good=1, credit_total_us=PRI_US, credit_good_us=PRI_US)
    minutes[7].update(parts_total=1, parts_good=1, credit_gap_total_us=PRI_US, credit_gap_good_us=PRI_US)
    return minutes


@pytest.fixture
def connection(emptied: Connection) -> Connection:
    return emptied


@pytest.fixture
def store(connection: Connection) -> Store:
    load_plant(connection, PLANT, START_US)
    made = Store(connection, PLANT)
    made.take_ownership([SPOOL])
    return made


def write(store: Store, facts: Sequence[dict[str, int]], gap: dict[str, int] | None = GAP, **others: Any) -> None:
    settings: dict[str, Any] = {"live": [LIVE], "shifts": [SHIFT], "tick_us": END_US + 2 * SECOND_US, **others}
    store.commit(make_changes(1, facts=facts, intervals=[gap] if gap else [], **settings))


def look(connection: Connection, view: str) -> dict[str, Any]:
    """The only row of a view."""
    with connection.cursor(row_factory=dict_row) as cursor:
        (row,) = cursor.execute(f"select * from board.{view}".encode()).fetchall()
    return row


def ratios(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_a_shift_with_a_gap_has_the_band_computed_by_hand(store: Store, connection: Connection) -> None:
    write(store, shift_facts(), credits=[CREDIT])
    row = look(connection, "kpi_shift")
    assert ratios(row, "planned_busy_h", "unknown_h", "production_h", "delay_h") == pytest.approx(
        (600 / 3600, 120 / 3600, 450 / 3600, 30 / 3600)
    )
    # N = 3·95 s; the part booked after the gap lies wholly inside; r_max 1.2, so 95 s of credit take 79.17 s.
    assert ratios(row, "oee", "oee_low", "oee_high") == pytest.approx((380 / 600, 380 / 600, 380 / (480 + 95 / 1.2)))
    assert ratios(row, "availability", "availability_low", "availability_high") == pytest.approx((0.75, 0.75, 0.95))
    assert ratios(row, "effectiveness_low", "effectiveness", "effectiveness_high") == pytest.approx(
        (380 / 570, 380 / 450, 380 / 450)  # all of that part but its last moment may have been made before the gap
    )
    assert ratios(row, "quality_ratio", "quality_ratio_low", "quality_ratio_high") == pytest.approx((1, 1, 1))
    assert ratios(row, "spindle_utilization", "spindle_utilization_high") == pytest.approx((320 / 600, 440 / 600))
    assert ratios(row, "coverage", "parts_total", "parts_good", "reason") == (pytest.approx(0.8), 4, 4, None)


def test_a_gap_without_a_known_credit_may_hold_the_greatest_rate(store: Store, connection: Connection) -> None:
    write(store, [{**row, "credit_gap_total_us": 0, "credit_gap_good_us": 0} for row in shift_facts()])
    row = look(connection, "kpi_shift")
    possible = 120 * 1.2 + 95  # one part may have been begun before
    assert ratios(row, "oee", "oee_low", "oee_high") == pytest.approx((285 / 600, 285 / 600, (285 + possible) / 600))


def test_a_gap_that_reaches_into_the_shift_counts_with_its_part_of_it(store: Store, connection: Connection) -> None:
    facts = [fact(minute, shift=77, apt=MINUTE_US) for minute in range(10)]
    facts[0].update(apt=0, unknown=MINUTE_US)
    facts[1].update(parts_total=1, parts_good=1, credit_gap_total_us=PRI_US, credit_gap_good_us=PRI_US)
    gap = {**GAP, "from_us": START_US - 2 * MINUTE_US, "to_us": START_US + MINUTE_US}
    write(store, facts, gap, credits=[{**CREDIT, "gap_from_us": gap["from_us"]}])
    row = look(connection, "kpi_shift")
    # One minute at 1.2 can have made 72 s of the 95 s booked; the rest may have been made between gap and booking.
    high = 95 / (540 + 72 / 1.2)
    assert ratios(row, "oee_low", "oee", "oee_high") == pytest.approx((0, high, high))


def test_two_gaps_in_one_minute_count_with_their_own_lengths(store: Store, connection: Connection) -> None:
    facts = [fact(0, shift=77, apt=30 * SECOND_US, unknown=30 * SECOND_US)]
    gaps = [
        {**GAP, "from_us": START_US + start * SECOND_US, "to_us": START_US + end * SECOND_US}
        for start, end in ((0, 20), (40, 50))
    ]
    store.commit(make_changes(1, facts=facts, intervals=gaps, live=[LIVE], shifts=[SHIFT]))
    assert look(connection, "kpi_shift")["oee_high"] == pytest.approx((30 * 1.2 + 2 * 95) / 60)


def full_facts() -> list[dict[str, int]]:
    """Ten minutes of production with four parts."""
    minutes = [fact(minute, shift=77, apt=MINUTE_US) for minute in range(10)]
    for minute in (1, 3, 7, 9):
        minutes[minute].update(parts_total=1, parts_good=1, credit_total_us=PRI_US, credit_good_us=PRI_US)
    return minutes


def doubt(**settings: int) -> NDArray[np.void]:
    """One count gap of the total counter, over the third and the fourth minute of the shift."""
    row = {"machine": 0, "cause": Cause.COUNTER_RESET, "pri_us": PRI_US, "most_us": NOT_LIMITED}
    row |= {
        "from_us": START_US + 2 * MINUTE_US,
        "to_us": START_US + 4 * MINUTE_US,
        "booked_us": START_US + 4 * MINUTE_US,
    }
    return rows(COUNT_GAP, [{**row, **settings}])


def test_what_a_reset_hides_widens_the_band_as_computed_by_hand(store: Store, connection: Connection) -> None:
    write(store, full_facts(), None, count_gaps=doubt(credit_us=PRI_US, least_us=PRI_US), count_gaps_from={0: START_US})
    row = look(connection, "kpi_shift")
    # Two minutes at 1.2 and one part begun before, less the part that was booked for them.
    more = 144 + 95 - 95
    assert ratios(row, "oee_low", "oee_high") == pytest.approx((380 / 600, (380 + more) / 600))
    assert ratios(row, "effectiveness_low", "effectiveness_high") == pytest.approx((380 / 600, (380 + more) / 600))
    assert ratios(row, "quality_ratio_low", "quality_ratio_high", "coverage") == pytest.approx((1, 1, 1))
    gap = look(connection, "gap")
    assert ratios(gap, "scope", "cause", "outcome", "parts") == ("count", "counter_reset", "lost", 0)


def test_a_part_that_may_be_of_the_time_before_the_shift_is_taken_from_the_low_bound_once(
    store: Store, connection: Connection
) -> None:
    facts, before_us = full_facts(), START_US - 5 * MINUTE_US
    facts[1].update(credit_gap_total_us=PRI_US, credit_gap_good_us=PRI_US, credit_total_us=0, credit_good_us=0)
    first_us = START_US + MINUTE_US
    changed = doubt(
        cause=Cause.PROGRAM_CHANGED,
        from_us=before_us - MINUTE_US,
        to_us=first_us,
        booked_us=first_us,
        credit_us=PRI_US,
        most_us=PRI_US,
    )
    write(
        store,
        facts,
        {**GAP, "from_us": before_us, "to_us": START_US - 3 * MINUTE_US},
        credits=[{**CREDIT, "gap_from_us": before_us, "booked_us": first_us + MINUTE_US}],  # its scrap was told later
        count_gaps=changed,
        count_gaps_from={0: before_us - MINUTE_US},
    )
    assert ratios(look(connection, "kpi_shift"), "oee_low", "oee") == pytest.approx((3 * 95 / 600, 4 * 95 / 600))
    (read,) = live.count_gaps_touching(connection, PLANT.machines[0].id, START_US, END_US)
    assert (read.after_us, read.credit_us) == (before_us, PRI_US)


def test_of_parts_of_an_unknown_program_made_in_a_gap_of_the_shift_the_least_is_certain(
    store: Store, connection: Connection
) -> None:
    changed = doubt(
        cause=Cause.PROGRAM_CHANGED,
        from_us=START_US - 5 * MINUTE_US,
        to_us=GAP["to_us"],
        booked_us=GAP["to_us"],
        credit_us=PRI_US,
        least_us=PRI_US - 5 * SECOND_US,
        most_us=PRI_US,
    )
    credit = {**CREDIT, "booked_us": GAP["to_us"]}
    write(store, shift_facts(), credits=[credit], count_gaps=changed, count_gaps_from={0: START_US - 5 * MINUTE_US})
    assert look(connection, "kpi_shift")["oee_low"] == pytest.approx((380 - 5) / 600)


def test_a_scrap_counter_that_is_not_read_takes_good_parts_away(connection: Connection) -> None:
    lasting = {"counter": 2, "cause": Cause.BAD_DATA, "to_us": OPEN_END, "booked_us": OPEN_END}
    machine = replace(PLANT.machines[0], signals={**PLANT.machines[0].signals, "part.scrap": ""})
    plant = replace(PLANT, machines=(machine, *PLANT.machines[1:]))
    load_plant(connection, plant, START_US)
    scrapping = Store(connection, plant)
    scrapping.take_ownership([SPOOL])
    write(scrapping, full_facts(), None, count_gaps=doubt(**lasting), count_gaps_from={0: START_US})
    row = look(connection, "kpi_shift")
    assert ratios(row, "oee_low", "oee_high") == pytest.approx((0, 380 / 600))  # eight minutes: more than was made
    assert ratios(row, "effectiveness_low", "effectiveness_high") == pytest.approx((380 / 600, 380 / 600))
    assert ratios(row, "quality_ratio_low", "quality_ratio_high") == pytest.approx((0, 1))


def test_a_spindle_that_says_nothing_may_have_turned(store: Store, connection: Connection) -> None:
    blind = doubt(counter=UNSEEN, cause=Cause.BAD_DATA)
    write(store, shift_facts(), credits=[CREDIT], count_gaps=blind, count_gaps_from={0: START_US})
    row = look(connection, "kpi_shift")
    # In the third and fourth minute it stood still for 20 s each, and the gap of two minutes is unknown anyway.
    assert ratios(row, "spindle_utilization", "spindle_utilization_high") == pytest.approx((320 / 600, 480 / 600))
    assert ratios(row, "spindle_coverage", "coverage") == pytest.approx((440 / 600, 480 / 600))


def test_a_spindle_that_turns_by_its_speed_alone_may_have_stood(store: Store, connection: Connection) -> None:
    found = doubt(counter=BY_SPEED, cause=Cause.BAD_DATA)
    write(store, shift_facts(), credits=[CREDIT], count_gaps=found, count_gaps_from={0: START_US})
    row = look(connection, "kpi_shift")
    assert ratios(row, "spindle_utilization", "spindle_utilization_high") == pytest.approx((320 / 600, 440 / 600))
    assert ratios(row, "spindle_utilization_low", "spindle_coverage") == pytest.approx((240 / 600, 400 / 600))


ENDS = ("", "_low", "_high")


def test_what_a_machine_cannot_tell_is_undefined_and_not_0(store: Store, connection: Connection) -> None:
    mute = replace(PLANT.machines[0], signals={"ctrl.execution": ""})
    write(store, shift_facts(), credits=[CREDIT])
    load_plant(connection, replace(PLANT, machines=(mute, *PLANT.machines[1:])), START_US)
    row = look(connection, "kpi_shift")
    names = [
        f"{name}{end}" for name in ("oee", "effectiveness", "quality_ratio", "spindle_utilization") for end in ENDS
    ]
    assert {row[name] for name in (*names, "spindle_coverage")} == {None}
    assert row["reason"] == "no_signal"
    assert row["availability"] > 0
    assert row["coverage"] == pytest.approx(480 / 600)


def test_count_gaps_are_replaced_from_their_instant_on_and_lasting_ones_always(
    store: Store, connection: Connection
) -> None:
    query = "select from_time, to_time, cause from stanok.data_gap order by from_time"
    lasting = {"to_us": OPEN_END, "booked_us": OPEN_END, "from_us": START_US + 8 * MINUTE_US}
    found = np.concatenate([doubt(), doubt(**lasting)])
    store.commit(make_changes(1, count_gaps=found, count_gaps_from={0: START_US}))
    assert len(connection.execute(query).fetchall()) == 2
    store.commit(make_changes(2, count_gaps_from={0: START_US + 5 * MINUTE_US}))
    (kept,) = connection.execute(query).fetchall()
    assert kept[2] == Cause.COUNTER_RESET
    store.commit(make_changes(3, count_gaps_from={0: START_US}))
    assert connection.execute(query).fetchall() == []


def test_without_a_gap_the_band_is_a_point(store: Store, connection: Connection) -> None:
    whole = fact(0, shift=77, apt=MINUTE_US, parts_total=1, credit_total_us=50 * SECOND_US)
    write(store, [whole], None)
    row = look(connection, "kpi_shift")
    for name in ("oee", "availability", "effectiveness", "quality_ratio", "spindle_utilization"):
        assert row[name] == row[f"{name}_low"] == row[f"{name}_high"], name
    assert (row["effectiveness"], row["quality_ratio"], row["oee"]) == (pytest.approx(50 / 60), 0, 0)


def test_above_one_is_kept(store: Store, connection: Connection) -> None:
    fast = {"parts_total": 1, "parts_good": 1, "credit_total_us": 90 * SECOND_US, "credit_good_us": 90 * SECOND_US}
    write(store, [fact(0, shift=77, apt=MINUTE_US, **fast)], None)
    assert look(connection, "kpi_shift")["oee"] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("measures", "reason", "nulls", "oee"),
    [
        ({"planned_calendar": 60}, "no_planned_time", {"oee", "availability", "effectiveness", "coverage"}, None),
        (
            {"apt": 60, "parts_no_standard": 1, "parts_total": 1},
            "no_standard_time",
            {"oee_high", "effectiveness"},
            None,
        ),
        ({"apt": 60}, "no_parts", {"quality_ratio", "quality_ratio_low"}, 0),
        ({"adet_idle": 60}, "no_parts", {"quality_ratio", "effectiveness", "effectiveness_high"}, 0),
        ({"aust": 60, "credit_total_us": 9, "credit_good_us": 6}, "parts_without_runtime", {"effectiveness"}, 0.1),
    ],
)
def test_what_is_undefined_is_null_with_a_reason(
    store: Store, connection: Connection, measures: dict[str, int], reason: str, nulls: set[str], oee: float | None
) -> None:
    write(store, [fact(0, shift=77, **measures)], None)
    row = look(connection, "kpi_shift")
    assert row["reason"] == reason
    assert {name for name in nulls if row[name] is not None} == set()
    assert row["oee"] == (oee if oee is None else pytest.approx(oee))


def test_a_shift_that_is_all_unknown_is_anything_up_to_the_greatest_rate(store: Store, connection: Connection) -> None:
    gap = {**GAP, "from_us": START_US, "to_us": OPEN_END}
    write(store, [fact(minute, shift=77, unknown=MINUTE_US) for minute in range(10)], gap)
    row = look(connection, "kpi_shift")
    assert ratios(row, "oee_low", "oee_high", "availability_high", "coverage") == pytest.approx(
        (0, (720 + 95) / 600, 1, 0)
    )


def test_the_live_board_shows_the_running_shift(store: Store, connection: Connection) -> None:
    write(store, shift_facts(), credits=[CREDIT], live=[replace(LIVE, as_of_us=END_US - SECOND_US)])
    row = look(connection, "machine_live")
    assert ratios(row, "site", "machine", "state", "cause", "program", "shift") == (
        *("minsk", "minsk/lathe-1", "producing", "none", "SHAFT-40", "1"),
    )
    assert (row["lag_s"], row["oee"], row["parts_good"]) == (3.0, pytest.approx(380 / 600), 4)
    assert row["as_of"] == look(connection, "kpi_shift")["as_of"] == datetime_from_us(END_US - SECOND_US)


def test_outside_shifts_the_live_board_has_no_figures(store: Store, connection: Connection) -> None:
    write(store, [fact(0, planned_calendar=MINUTE_US)], None, live=[replace(LIVE, shift=0)])
    row = look(connection, "machine_live")
    assert (row["shift"], row["oee"], row["state"]) == (None, None, "producing")


def test_open_ends_reach_to_as_of(store: Store, connection: Connection) -> None:
    write(store, shift_facts(), {**GAP, "to_us": OPEN_END})
    timeline, gap = look(connection, "state_timeline"), look(connection, "gap")
    assert timeline["to_time"] == gap["to_time"] == datetime_from_us(END_US)
    assert (timeline["lasting"], timeline["state"], gap["length_s"], gap["outcome"]) == (True, "unknown", 300.0, None)


@pytest.mark.parametrize("closed_minutes", [0, 4, 6, 10])
def test_hour_and_day_of_a_lonely_shift_are_the_shift_whether_minutes_are_open_or_not(
    store: Store, connection: Connection, closed_minutes: int
) -> None:
    closed = {0: START_US + closed_minutes * MINUTE_US}
    write(store, shift_facts(), credits=[CREDIT], closed_until_us=closed)
    shift, hour, day = (look(connection, view) for view in ("kpi_shift", "kpi_hour", "kpi_day"))
    assert shift["oee"] == pytest.approx(380 / 600)
    same = set(shift) - {"shift", "production_day", "shift_start", "shift_end"}
    assert {name: hour[name] for name in same} == {name: day[name] for name in same} == {n: shift[n] for n in same}
    assert str(hour["hour"]) == "2025-11-22 08:00:00+00:00"
    assert day["production_day"] == shift["production_day"]


def test_an_hour_has_its_part_of_a_gap_and_a_day_all_of_it(store: Store, connection: Connection) -> None:
    minutes = [fact(minute, shift=77, apt=MINUTE_US) for minute in range(60)]
    for minute in range(20, 50):  # 08:50 to 09:20
        minutes[minute].update(apt=0, unknown=MINUTE_US)
    gap = {**GAP, "from_us": START_US + 20 * MINUTE_US, "to_us": START_US + 50 * MINUTE_US}
    shift = replace(SHIFT, end_us=START_US + 60 * MINUTE_US)
    write(store, minutes, gap, shifts=[shift], closed_until_us={0: START_US + 60 * MINUTE_US})
    rows = connection.execute("select oee_high, availability, coverage from board.kpi_hour order by hour").fetchall()
    part = 95 / 60  # one may have been begun before
    assert rows == [
        pytest.approx(((10 * 1.2 + part) / 30, 20 / 30, 20 / 30)),
        pytest.approx(((20 * 1.2 + part) / 30, 10 / 30, 10 / 30)),
    ]
    day = look(connection, "kpi_day")
    assert ratios(day, "oee_high", "availability", "coverage") == pytest.approx(((30 * 1.2 + part) / 60, 0.5, 0.5))


def test_platform_health_counts(store: Store, connection: Connection) -> None:
    write(store, shift_facts())
    row = look(connection, "platform_health")
    assert ratios(row, "spools", "records", "lag_s", "gaps_lasting", "quarantined", "recompute_requests") == (
        *(1, 1, 2.0, 0, 0, 0),
    )
