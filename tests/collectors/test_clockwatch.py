"""Which clock is believed: plausibility, offset of the last ten minutes, switching and coming back."""

from __future__ import annotations

from collectors.clockwatch import ClockWatch
from core.units import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from core.vocabulary import ClockChoice, Flag

NOW = 1_790_000_000 * SECOND_US
SUSPECT = int(Flag.CLOCK_SUSPECT)


def test_a_plausible_source_time_is_the_event_time() -> None:
    assert ClockWatch().choose(NOW - 7, NOW - 3, NOW, fresh=True) == (NOW - 7, ClockChoice.SOURCE)


def test_a_source_time_over_five_seconds_ahead_gives_way_to_the_server_then_to_arrival() -> None:
    watch = ClockWatch()
    ahead = NOW + 6 * SECOND_US
    assert watch.choose(ahead, NOW - 3, NOW, fresh=False) == (NOW - 3, ClockChoice.SERVER | SUSPECT)
    assert watch.choose(ahead, None, NOW, fresh=False) == (NOW, ClockChoice.ARRIVAL | SUSPECT)
    assert watch.choose(NOW + 5 * SECOND_US, None, NOW, fresh=False)[1] == ClockChoice.SOURCE


def test_a_time_older_than_400_days_is_not_believed_but_a_replay_may_allow_it() -> None:
    old = NOW - 401 * DAY_US
    assert ClockWatch().choose(old, None, NOW, fresh=True)[1] == ClockChoice.ARRIVAL | SUSPECT
    assert ClockWatch(oldest_us=None).choose(old, None, NOW, fresh=False) == (old, ClockChoice.SOURCE)


def test_a_sample_without_a_time_takes_its_arrival_and_is_not_suspect() -> None:
    assert ClockWatch().choose(None, None, NOW, fresh=True) == (NOW, ClockChoice.ARRIVAL)


def test_limits_are_real_seconds_and_grow_with_the_speed_of_the_scenario() -> None:
    ahead = NOW + 200 * SECOND_US
    assert ClockWatch(scale=60).choose(ahead, None, NOW, fresh=False)[1] == ClockChoice.SOURCE


def test_the_offset_is_the_least_delay_of_the_last_ten_minutes() -> None:
    watch = ClockWatch()
    for at_s, delay_s in ((0, 3), (30, 1), (60, 2)):
        arrival = NOW + at_s * SECOND_US
        watch.choose(arrival - delay_s * SECOND_US, None, arrival, fresh=True)
    assert watch.offset_us == SECOND_US
    later = NOW + 11 * MINUTE_US
    for at_us in (later, later + 20 * SECOND_US, later + 40 * SECOND_US):
        watch.choose(at_us - 4 * SECOND_US, None, at_us, fresh=True)
    assert watch.offset_us == 4 * SECOND_US


def test_samples_that_are_not_fresh_say_nothing_about_the_offset() -> None:
    watch = ClockWatch()
    assert watch.choose(NOW - HOUR_US, None, NOW, fresh=False) == (NOW - HOUR_US, ClockChoice.SOURCE)
    assert watch.offset_us is None


def test_an_offset_over_a_minute_takes_the_clock_out_of_use_from_that_sample_on() -> None:
    watch = ClockWatch()
    assert watch.choose(NOW - 2 * MINUTE_US, None, NOW, fresh=True) == (NOW, ClockChoice.ARRIVAL | SUSPECT)
    assert watch.suspect
    assert watch.believed_us(NOW) == NOW


def test_a_trusted_clock_is_kept_in_use_and_heartbeats_follow_it() -> None:
    watch = ClockWatch(trusted=True)
    assert watch.choose(NOW - HOUR_US, None, NOW, fresh=True) == (NOW - HOUR_US, ClockChoice.SOURCE)
    assert watch.believed_us(NOW) == NOW - HOUR_US


def test_a_clock_ahead_is_not_half_believed_and_heartbeats_do_not_run_ahead_of_its_samples() -> None:
    watch = ClockWatch()
    ahead = 20 * SECOND_US
    assert watch.choose(NOW + ahead, None, NOW, fresh=True) == (NOW, ClockChoice.ARRIVAL | SUSPECT)
    assert watch.suspect
    assert watch.believed_us(NOW) == NOW
    delayed = NOW + 18 * SECOND_US
    assert watch.choose(NOW + ahead, None, delayed, fresh=True) == (delayed, ClockChoice.ARRIVAL | SUSPECT)
    assert ClockWatch(trusted=True, offset_us=-ahead).believed_us(NOW) == NOW
    watch = ClockWatch(offset_us=-4 * SECOND_US)
    assert not watch.suspect
    assert watch.believed_us(NOW) == NOW + 4 * SECOND_US


def test_a_clock_that_was_put_right_is_used_again() -> None:
    watch = ClockWatch(offset_us=HOUR_US)
    assert watch.suspect
    assert watch.choose(NOW - 9, None, NOW, fresh=True) == (NOW - 9, ClockChoice.SOURCE)


def test_one_absurd_time_does_not_move_the_offset() -> None:
    watch = ClockWatch()
    watch.choose(NOW - 9, None, NOW, fresh=True)
    watch.choose(NOW * 2, None, NOW, fresh=True)
    assert watch.offset_us == 9


def test_one_late_sample_of_a_quiet_machine_is_no_wrong_clock_but_three_late_by_the_same_are() -> None:
    watch = ClockWatch()
    watch.choose(NOW, None, NOW + SECOND_US, fresh=True)
    later = NOW + 3600 * SECOND_US
    assert watch.choose(later - 3000 * SECOND_US, None, later, fresh=True)[0] == later - 3000 * SECOND_US
    assert (watch.offset_us, watch.suspect) == (SECOND_US, False)
    for at_us in (later + 20 * SECOND_US, later + 40 * SECOND_US):
        watch.choose(at_us - 3000 * SECOND_US, None, at_us, fresh=True)
    assert (watch.offset_us, watch.suspect) == (3000 * SECOND_US, True)


def test_late_samples_of_a_machine_that_is_off_are_no_wrong_clock_however_many_come() -> None:
    watch = ClockWatch()
    watch.choose(NOW, None, NOW + SECOND_US, fresh=True)
    begin = NOW + HOUR_US
    for part, late_s in enumerate((3000, 2400, 1800, 3300, 700, 1200)):
        at_us = begin + part * 20 * SECOND_US
        source_us = at_us - late_s * SECOND_US
        assert watch.choose(source_us, None, at_us, fresh=True) == (source_us, ClockChoice.SOURCE)
    assert (watch.offset_us, watch.suspect) == (SECOND_US, False)
