"""One clock for all processes: still before the start and after the stop, never backwards, never late for long."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from stanok.clock import (
    CATCH_UP,
    ClockFile,
    RealClock,
    ScenarioClock,
    read_clock,
    real_now_us,
    scenario_us,
    start_clock,
    stop_clock,
    write_clock,
)

REAL = 1_790_000_000_000_000
SPEEDS = st.sampled_from([0.5, 1.0, 60.0, 600.0])
INSTANTS = st.integers(REAL - 10**12, REAL + 10**12)


def file(speed: float = 60.0, **changes: int | None) -> ClockFile:
    return replace(ClockFile(0, REAL - 10**9, speed), **changes)


@given(SPEEDS, INSTANTS)
def test_time_stands_still_at_the_origin_before_the_start(speed: float, real_us: int) -> None:
    assert scenario_us(file(speed), real_us) == REAL - 10**9


@given(SPEEDS, INSTANTS, INSTANTS)
def test_time_never_runs_backwards(speed: float, one: int, other: int) -> None:
    running = file(speed, started_real_us=REAL)
    first, second = sorted((one, other))
    assert scenario_us(running, first) <= scenario_us(running, second)


@given(SPEEDS, INSTANTS, st.integers(0, 10**12))
def test_time_stands_still_after_the_stop(speed: float, real_us: int, run_us: int) -> None:
    running = file(speed, started_real_us=REAL)
    stop = scenario_us(running, REAL + run_us)
    assert scenario_us(replace(running, stop_us=stop), real_us) <= stop
    assert scenario_us(replace(running, stop_us=stop), REAL + run_us + 10**12) == stop


@given(st.integers(0, 10**11))
def test_a_demonstration_runs_at_its_speed(real_us: int) -> None:
    running = file(60.0, started_real_us=REAL)
    assert scenario_us(running, REAL + real_us) == REAL - 10**9 + 60 * real_us


def test_a_clock_that_started_late_catches_up_with_the_wall_clock_and_then_is_it() -> None:
    late_us = 76_000_000
    running = replace(file(1.0), origin_us=REAL - late_us, started_real_us=REAL)
    assert scenario_us(running, REAL + 1_000_000) == REAL - late_us + int(CATCH_UP) * 1_000_000
    assert scenario_us(running, REAL + 4_000_000) == REAL + 4_000_000
    assert scenario_us(running, REAL + 4_000_001) == REAL + 4_000_001


def test_two_processes_see_the_same_clock_started_and_stopped(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    write_clock(path, file())
    mine, other = ScenarioClock(path), ScenarioClock(path)
    assert not other.running()
    assert other.now_us() == REAL - 10**9
    start_clock(path)
    while not other.running():
        pass
    assert other.now_us() > REAL - 10**9
    end = stop_clock(path).stop_us
    while mine.running() or other.running():
        pass
    while mine.now_us() != end:
        pass
    assert other.now_us() == end
    assert read_clock(path).stop_us == end


def test_a_damaged_clock_file_is_named_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    path.write_text("{")
    with pytest.raises(InputError, match=r"clock\.json: the clock of this data directory cannot be read"):
        read_clock(path)


def test_in_production_scenario_time_is_the_wall_clock() -> None:
    clock = RealClock()
    before = real_now_us()
    assert before <= clock.now_us() <= real_now_us()
    assert clock.from_real_us(5) == 5
    assert (clock.scale(), clock.running(), clock.catching_up()) == (1.0, True, False)


def test_the_clock_of_a_replay_goes_on_from_its_origin_and_never_catches_up() -> None:
    started = file(1.0, started_real_us=REAL, replay=True)
    assert scenario_us(started, REAL) == REAL - 10**9
    assert scenario_us(started, REAL + 5_000_000) == REAL - 10**9 + 5_000_000
    assert scenario_us(replace(started, speed=4.0), REAL + 5_000_000) == REAL - 10**9 + 20_000_000
