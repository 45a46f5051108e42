"""Mistakes of the field with time and calendars, each with its number in docs/en/pitfalls.md."""

from __future__ import annotations

import numpy as np
import pytest

from core.facts.rollup import summed
from core.facts.schema import INTERVAL
from core.kpi.iso import indicators
from core.kpi.reliability import failures, mttr
from core.kpi.stops import flaps, micro_time, smoothed, stops
from core.kpi.sums import Sums, sums_of
from core.kpi.target import busy_us, target_by
from core.plant.calendar import Segments, segments, shift_instances
from core.plant.model import Break, CalendarRules, DayRule, Shift, Site
from core.units import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from core.vocabulary import Situation, State
from tests.core.rows import facts, intervals, programs, utc

S = SECOND_US
EVERY = frozenset(range(7))
NIGHT = Shift("night", EVERY, 1320, 1800)
DAY = Shift("day", EVERY, 480, 960, (Break(720, 750),))
BUSY_ALWAYS = Segments(np.zeros(1, "i8"), np.array([Situation.BUSY], "i1"), np.zeros(1, "i8"))


def test_pitfall_14_a_stop_that_began_before_the_window_counts_inside_it() -> None:
    day = utc("2026-01-05")
    rows = intervals("PIP", [6 * 3600, 4 * 3600, 3600], day)
    eight, nine = day + 8 * HOUR_US, day + 9 * HOUR_US
    known = failures(intervals("PSP", [6 * 3600, 4 * 3600, 3600], day), eight, nine)
    assert known.operating_us == HOUR_US  # the setup that began at six
    long = [stop for stop in stops(rows, programs(), {}, nine) if stop.from_us < nine and stop.to_us > eight]
    assert [(min(stop.to_us, nine) - max(stop.from_us, eight)) for stop in long] == [HOUR_US]


def test_pitfall_15_what_lasts_ends_at_as_of_and_at_nothing_later() -> None:
    rows = intervals("PF", [3600, None])
    found = failures(rows, 0, 7200 * S)
    assert (found.events, found.repaired, found.operating_us) == (1, 0, 3600 * S)
    assert mttr(found).value is None
    (stop,) = stops(rows, programs(), {}, 5000 * S)
    assert (stop.to_us, stop.micro) == (5000 * S, False)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-28", 7),
        ("Europe/Berlin", "2026-10-24", 9),
        ("Europe/Minsk", "2026-03-28", 8),
        ("Europe/Minsk", "2026-10-24", 8),
        ("Europe/Volgograd", "2020-12-25", 8),
        ("Europe/Volgograd", "2020-12-26", 9),
        ("Europe/Volgograd", "2020-12-27", 8),
    ],
)
def test_pitfall_21_shift_lengths_come_from_utc_and_the_history_of_the_zone(zone: str, day: str, hours: int) -> None:
    found = shift_instances(Site("s", "s", zone, (NIGHT,)), utc(day), utc(day) + 2 * DAY_US)
    (night,) = [shift for shift in found if shift.production_day == day]
    assert night.end_us - night.start_us == hours * HOUR_US


def test_pitfall_21_a_baseline_over_a_change_of_zone_keeps_its_wall_times() -> None:
    # Volgograd went from UTC+4 to UTC+3 on 2020-12-27: the shift of 08:00 begins an hour later in UTC.
    site = Site("s", "s", "Europe/Volgograd", (DAY,))
    starts = [
        shift_instances(site, utc(day), utc(day) + DAY_US)[0].start_us - utc(day)
        for day in ("2020-12-20", "2020-12-30")
    ]
    assert starts == [4 * HOUR_US, 5 * HOUR_US]


def test_pitfall_22_an_hour_is_the_same_in_a_board_of_an_hour_a_day_and_a_month() -> None:
    rng = np.random.default_rng(3)
    rows = facts(
        *(
            {"minute_us": minute * MINUTE_US, "shift": 1, "apt": int(us), "adet_idle": MINUTE_US - int(us)}
            for minute, us in enumerate(rng.integers(0, MINUTE_US, 30 * 24 * 6))
        )
    )

    def hour(of: np.ndarray) -> Sums:
        return sums_of(of[(of["minute_us"] >= 3 * HOUR_US) & (of["minute_us"] < 4 * HOUR_US)])

    whole, day, own = rows, rows[rows["minute_us"] < DAY_US], rows[180:240]
    assert hour(whole) == hour(day) == hour(own) == hour(summed(whole)) == sums_of(own)
    log = intervals("PI" * 200 + "P", [600, 90] * 200 + [600])
    known = stops(log, programs(), {}, 10**12)
    wide = micro_time(log, known, BUSY_ALWAYS, 0, 10 * HOUR_US)
    cut = [micro_time(log, known, BUSY_ALWAYS, n * HOUR_US, (n + 1) * HOUR_US) for n in range(10)]
    assert sum(part["adet_idle_micro"] for part in cut) == wide["adet_idle_micro"]


def test_pitfall_23_a_night_shift_is_of_one_production_day_by_the_rule_of_its_site() -> None:
    window = utc("2026-01-05T23:00"), utc("2026-01-06T01:00")
    for rule, day in ((DayRule.START, "2026-01-05"), (DayRule.END, "2026-01-06"), (DayRule.MOST, "2026-01-06")):
        (found,) = shift_instances(Site("s", "s", "UTC", (NIGHT,), CalendarRules(day_rule=rule)), *window)
        assert found.production_day == day  # before and after midnight alike


def test_pitfall_25_a_running_shift_is_divided_by_its_past_and_its_target_stands_still_in_breaks() -> None:
    site = Site("s", "s", "UTC", (DAY,))
    begin, end = utc("2026-01-05T08:00"), utc("2026-01-05T16:00")
    calendar = segments(site, begin, end)
    assert busy_us(calendar, begin, end) == 450 * MINUTE_US
    due = [target_by(450, calendar, begin, end, utc(f"2026-01-05T{at}")) for at in ("11:37", "12:00", "12:30", "16:00")]
    assert due == [217, 240, 240, 450]
    assert target_by(450, calendar, begin, end, end + HOUR_US) == 450
    half = Sums(apt=217 * MINUTE_US, credit_good_us=108 * MINUTE_US, credit_total_us=108 * MINUTE_US)
    assert indicators(half, [], 1.2)["oee"].value == pytest.approx(108 / 217)


def test_pitfall_26_flapping_is_counted_and_smoothed_for_the_eye_and_the_raw_rows_stay() -> None:
    rows = np.zeros(50, INTERVAL)  # 5 Hz for ten seconds
    rows["from_us"] = np.arange(50) * S // 5
    rows["to_us"] = rows["from_us"] + S // 5
    rows["state"] = np.where(np.arange(50) % 2, State.IDLE, State.PRODUCING)
    rows[0]["from_us"] = -60 * S
    before = rows.copy()
    assert smoothed(rows, S) == [(-60 * S, 10 * S, State.PRODUCING)]
    assert flaps(rows, S) == 48
    assert (rows == before).all()


def test_pitfall_27_short_stops_are_judged_in_one_pass_whatever_the_order_and_the_repetition() -> None:
    rows = intervals("PIPIFIPIP", [60, 30, 5, 30, 30, 30, 60, 200, 60])
    first = stops(rows, programs(), {}, 10**12)
    assert first == stops(rows[::-1], programs(), {}, 10**12) == stops(rows, programs(), {}, 10**12)
    assert [stop.micro for stop in first] == [True, True, False]
    once = smoothed(rows, 40 * S)
    again = np.array([(0, begin, end, state, 0, 0) for begin, end, state in once], INTERVAL)
    assert smoothed(again, 40 * S) == once
