"""A machine's own ways in the plant file: who tells what it does where the control does not, and each mistake."""

from __future__ import annotations

from typing import Any

import pytest

from core.plant.behaviour import Behaviour, ByPower, BySpindle, read_behaviour
from core.plant.reader import Reader


def read(content: dict[str, Any]) -> tuple[Behaviour, list[str]]:
    complaints: list[str] = []
    return read_behaviour(Reader(content, complaints, "machine[0].behaviour")), complaints


def test_waits_are_those_of_the_page_unless_the_file_says_others() -> None:
    assert read({"by_spindle": {}}) == (Behaviour(by_spindle=BySpindle(10_000_000, 30_000_000)), [])
    found, complaints = read({"by_spindle": {"feed_wait_s": 0, "stand_wait_s": 45.5}})
    assert (found.by_spindle, found.longest_wait_us, complaints) == (BySpindle(0, 45_500_000), 45_500_000, [])
    assert Behaviour().longest_wait_us == 0


def test_levels_are_whole_watts_or_milliamperes_and_work_begins_a_quarter_of_the_way_up() -> None:
    watts, complaints = read({"by_power": {"off": 20, "standby": 400, "cutting": 1400}})
    assert (watts.by_power, complaints) == (ByPower("power.active", 20, 400, 1400), [])
    assert watts.by_power is not None
    assert watts.by_power.limits == (650, 550, 210)
    amperes, complaints = read({"by_power": {"signal": "power.current.l2", "standby": 0.8, "cutting": 4}})
    assert (amperes.by_power, complaints) == (ByPower("power.current.l2", 0, 800, 4000), [])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"by_spindle": {"stand_wait_s": 601}}, "by_spindle.stand_wait_s: must be from 0 to 600, not 601"),
        ({"by_spindle": {"feed_wait_s": 31}}, "by_spindle.feed_wait_s: is 31 s, longer than stand_wait_s with 30 s"),
        ({"by_spindle": {"wait_s": 3}}, "by_spindle.wait_s: is not a known key"),
        ({"by_power": {"standby": 400}}, "by_power.cutting: is missing"),
        ({"by_power": {"standby": 400, "cutting": 300}}, "by_power.standby: must lie between off and cutting"),
        ({"by_power": {"signal": "power.factor", "standby": 1, "cutting": 2}}, "by_power.signal: must be one of"),
        ({"by_spindle": {}, "by_power": {"standby": 1, "cutting": 2}}, "by_power: stands beside by_spindle"),
    ],
)
def test_each_mistake_has_its_sentence(content: dict[str, Any], complaint: str) -> None:
    _, complaints = read(content)
    assert [found for found in complaints if found.startswith(f"machine[0].behaviour.{complaint}")], complaints
