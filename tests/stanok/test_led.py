"""A clock that is led shows what it was told, everywhere, and never runs backwards."""

from __future__ import annotations

from pathlib import Path

from stanok.bench.led import LedClock
from stanok.clock import ClockFile, ScenarioClock, real_now_us, scenario_us, write_clock

AT_US = 1_774_335_600_000_000


def test_it_stands_until_it_is_moved_and_never_runs_backwards() -> None:
    clock = LedClock(AT_US)
    assert (clock.now_us(), clock.scale(), clock.running()) == (AT_US, 1.0, True)
    clock.move(AT_US + 5)
    clock.move(AT_US + 3)
    assert clock.now_us() == AT_US + 5


def test_a_real_instant_becomes_what_it_showed_then() -> None:
    before_us = real_now_us() - 1_000_000
    clock = LedClock(AT_US)
    first_us = real_now_us()
    while real_now_us() == first_us:
        pass
    clock.move(AT_US + 7)
    assert clock.from_real_us(before_us) == AT_US
    assert clock.from_real_us(first_us) == AT_US
    assert clock.from_real_us(real_now_us() + 1) == AT_US + 7


def test_what_is_long_ago_is_forgotten_and_what_it_shows_is_not() -> None:
    clock = LedClock(AT_US)
    for step in range(1, 120_000):
        clock.move(AT_US + step)
    assert clock.now_us() == AT_US + 119_999
    assert clock.from_real_us(0) > AT_US


def test_processes_read_a_led_clock_from_its_file(tmp_path: Path) -> None:
    file = ClockFile(AT_US, AT_US + 9, 1.0, started_real_us=real_now_us() - 5_000_000, led=True)
    assert scenario_us(file, real_now_us()) == AT_US + 9
    write_clock(tmp_path / "clock.json", file)
    clock = ScenarioClock(tmp_path / "clock.json")
    assert (clock.now_us(), clock.running(), clock.catching_up(), clock.scale()) == (AT_US + 9, True, False, 1.0)
