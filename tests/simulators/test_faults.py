"""Faults are the same for the same seed, do what they say, and leave alone what they do not name."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest

from core.plant.model import Plant
from core.units import HOUR_US, MINUTE_US, SECOND_US
from simulators.faults import Leaving, Line
from simulators.outlet import LEFTOVER, ONLINE, Damage, Sample
from simulators.scenario import Scenario, parse_scenario
from simulators.signals import Signals
from tests.seeds import seed as seed_of

from .conftest import PLANTS, TUESDAY_US, read_scenario

MACHINE, OTHER = 3, 4
SPAN_US = 2 * HOUR_US
EVERYTHING: Sequence[Mapping[str, Any]] = (
    {"kind": "duplicate", "share": 0.2},
    {"kind": "disorder", "within_s": 2.0},
    {"kind": "late", "share": 0.1, "by_s": [1.0, 4000.0]},
    {"kind": "cut", "every_min": 20.0},
    {"kind": "clock", "offset_s": 3.5, "drift_ppm": -300.0},
    {"kind": "reset", "every_parts": 9},
    {"kind": "nan", "share": 0.05},
    {"kind": "type", "share": 0.05, "instead": True},
    {"kind": "broken", "share": 0.05, "instead": True},
    {"kind": "jump", "every_min": 30.0},
    {"kind": "restart", "every_min": 40.0},
    {"kind": "frozen", "every_min": 30.0},
    {"kind": "flap", "share": 0.2},
    {"kind": "flood", "share": 0.05},
    {"kind": "rollover", "width": 1000},
    {"kind": "preset", "every_parts": 9},
    {"kind": "leftover", "every_min": 20.0},
)

Make = Callable[..., Signals]


@pytest.fixture(scope="module")
def make(plant: Plant) -> Make:
    """Signals of the demonstration where the fourth machine has the given faults."""

    def made(*faults: Mapping[str, Any], other: Sequence[Mapping[str, Any]] = (), seed: int = 7) -> Signals:
        found = dict(read_scenario(PLANTS / "demo.scenario.toml"))
        scripts = [dict(script) for script in found["machine"]]
        scripts[MACHINE]["fault"], scripts[OTHER]["fault"] = list(faults), list(other)
        scenario: Scenario = parse_scenario({**found, "machine": scripts, "seed": seed}, plant, TUESDAY_US)
        return Signals(plant, scenario)

    return made


def left(signals: Signals, steps_us: Sequence[int] = (SPAN_US,), machine: int = MACHINE) -> list[Leaving]:
    """Everything that leaves in two hours, asked for in steps."""
    line = Line(signals, machine, TUESDAY_US)
    return [leaving for until_us in steps_us for leaving in line.leaving(TUESDAY_US + until_us)]


def truth(signals: Signals) -> list[Sample]:
    return signals.samples(MACHINE, TUESDAY_US, TUESDAY_US + SPAN_US)


def good(leavings: Sequence[Leaving]) -> list[Sample]:
    return [leaving.sample for leaving in leavings if leaving.sample.damage is Damage.NONE]


def content(samples: Sequence[Sample]) -> Counter[tuple[int, str, object]]:
    """Samples without their numbers."""
    return Counter((sample.event_us, sample.signal, sample.value) for sample in samples)


def test_without_faults_exactly_the_machines_samples_leave(make: Make) -> None:
    signals = make()
    assert left(signals) == [Leaving(sample.event_us, sample) for sample in truth(signals)]


def test_the_same_seed_gives_the_same_faults_in_whatever_steps_they_are_asked_for(make: Make) -> None:
    seed = seed_of("steps of faults")
    draw = random.Random(seed)
    whole = left(make(*EVERYTHING))
    steps = sorted(draw.sample(range(SPAN_US), 40))
    assert left(make(*EVERYTHING), [*steps, SPAN_US]) == whole
    assert left(make(*EVERYTHING, seed=8)) != whole


def test_the_faults_of_a_machine_depend_on_no_other(make: Make) -> None:
    alone = make(other=EVERYTHING)
    assert left(make(*EVERYTHING, other=EVERYTHING), machine=OTHER) == left(alone, machine=OTHER)
    assert left(alone) == left(make())


def test_samples_leave_late_and_in_disorder_but_all_of_them_once_and_numbered_as_they_leave(make: Make) -> None:
    signals = make({"kind": "disorder", "within_s": 2.0}, {"kind": "late", "share": 0.1, "by_s": [3.0, 5.0]})
    found = left(signals, [SPAN_US + 10 * SECOND_US])
    kept = [leaving for leaving in found if leaving.sample.event_us < TUESDAY_US + SPAN_US]
    assert content(good(kept)) == content(truth(signals))
    assert [leaving.sample.seq for leaving in found] == list(range(len(found)))
    delays = [leaving.at_us - leaving.sample.event_us for leaving in kept]
    assert min(delays) >= 0
    assert max(delays) <= 7 * SECOND_US
    assert 0.05 < sum(delay >= 3 * SECOND_US for delay in delays) / len(delays) < 0.15
    events = [leaving.sample.event_us for leaving in found]
    assert events != sorted(events)


def test_duplicates_are_the_same_sample_with_the_same_number_again(make: Make) -> None:
    signals = make({"kind": "duplicate", "share": 0.2, "after_s": [1.0, 2.0]})
    found = Counter(leaving.sample for leaving in left(signals, [SPAN_US + 10 * SECOND_US]))
    assert set(truth(signals)) <= set(found)
    assert set(found.values()) == {1, 2}
    assert 0.15 < sum(count == 2 for count in found.values()) / len(found) < 0.25


@pytest.mark.parametrize("kind", ["nan", "type", "broken"])
def test_bad_values_come_before_the_good_one_or_instead_of_it(make: Make, kind: str) -> None:
    signals = make({"kind": kind, "share": 0.1})
    found = left(signals)
    assert content(good(found)) == content(truth(signals))
    bad = [n for n, leaving in enumerate(found) if leaving.sample.damage is Damage(kind)]
    assert len(bad) > 50
    for n in bad:
        spoilt, after = found[n].sample, found[n + 1].sample
        assert (spoilt.event_us, spoilt.signal, spoilt.value) == (after.event_us, after.signal, after.value)
        assert (spoilt.seq == after.seq) == (kind != "type")
    instead = make({"kind": kind, "share": 0.1, "instead": True, "signals": ["spindle.1.speed"]})
    found = left(instead)
    assert len(found) == len(truth(instead))
    assert {leaving.sample.signal for leaving in found if leaving.sample.damage is Damage(kind)} == {"spindle.1.speed"}


def test_a_cut_line_is_told_at_both_ends_and_carries_nothing_between(make: Make) -> None:
    found = left(make({"kind": "cut", "every_min": 15.0, "for_s": [60.0, 90.0]}))
    cut, words, lost = False, [], 0
    for leaving in found:
        if leaving.sample.signal == ONLINE:
            words.append((leaving.sample.value, leaving.at_us))
            cut = not leaving.sample.value
        else:
            assert (leaving.sample.damage is Damage.LOST) == cut
            lost += cut
    assert [word for word, _ in words] == [False, True] * (len(words) // 2)
    assert len(words) >= 4
    assert lost > 20
    lengths = [end - start for (_, start), (_, end) in zip(words[::2], words[1::2], strict=True)]
    assert all(60 * SECOND_US <= length <= 91 * SECOND_US for length in lengths)


def test_a_wrong_clock_moves_event_times_and_nothing_else(make: Make) -> None:
    signals = make({"kind": "clock", "offset_s": -20.0, "drift_ppm": 500.0})
    for leaving, sample in zip(left(signals), truth(signals), strict=True):
        assert leaving.at_us == sample.event_us
        since_us = sample.event_us - TUESDAY_US
        assert leaving.sample.event_us == sample.event_us - 20 * SECOND_US + round(since_us * 5e-4)
    shown = Line(signals, MACHINE, TUESDAY_US + MINUTE_US).present()
    for name, (us, value) in signals.present(MACHINE, TUESDAY_US + MINUTE_US).items():
        assert shown[name][1] == value
        assert abs(shown[name][0] - us + 20 * SECOND_US) <= 30_001


@pytest.mark.parametrize("announced", [True, False])
def test_a_reset_counter_begins_again_and_says_so_or_hides_a_part(make: Make, announced: bool) -> None:
    signals = make({"kind": "reset", "every_parts": 8, "announced": announced})
    readings = [s for s in good(left(signals)) if s.signal == "part.total"]
    made = sum(s.signal == "part.total" for s in truth(signals)) - 1
    assert len(readings) == made + 1
    count = resets = 0
    for before, reading in pairwise(readings):
        assert isinstance(before.value, int)
        assert isinstance(reading.value, int)
        fell = reading.value <= before.value
        assert reading.reset == (fell and announced)
        count += reading.value if fell else reading.value - before.value
        resets += fell
    assert resets >= 3
    assert count == made - (0 if announced else resets)


def test_a_jumping_clock_is_wrong_for_a_while_by_no_more_than_it_may(make: Make) -> None:
    signals = make({"kind": "jump", "every_min": 20.0, "for_min": [2.0, 10.0], "by_s": [1.0, 4.0]})
    off = [
        leaving.sample.event_us - sample.event_us for leaving, sample in zip(left(signals), truth(signals), strict=True)
    ]
    wrong = {us for us in off if us}
    assert 2 <= len(wrong) <= 12
    assert all(SECOND_US <= abs(us) <= 4 * SECOND_US for us in wrong)
    assert 0.05 < sum(us != 0 for us in off) / len(off) < 0.6


def test_a_publisher_that_starts_anew_numbers_from_nought(make: Make) -> None:
    found = left(make({"kind": "restart", "every_min": 20.0, "for_s": [5.0, 10.0]}))
    births = [n for n, leaving in enumerate(found) if leaving.sample.signal == ONLINE and leaving.sample.value]
    assert len(births) >= 3
    for n in births:
        assert found[n + 1].sample.seq == 0
        assert found[n].sample.seq == -1
        assert found[n - 1].sample.seq > 0 or found[n - 1].sample.signal == ONLINE


def test_a_frozen_server_holds_back_and_then_tells_everything_in_order(make: Make) -> None:
    signals = make({"kind": "frozen", "every_min": 8.0, "for_s": [60.0, 90.0]})
    found = [one for one in left(signals, [SPAN_US + 100 * SECOND_US]) if one.sample.event_us < TUESDAY_US + SPAN_US]
    assert [leaving.sample for leaving in found] == truth(signals)
    delays = Counter(leaving.at_us for leaving in found if leaving.at_us > leaving.sample.event_us)
    assert len(delays) >= 3
    assert max(leaving.at_us - leaving.sample.event_us for leaving in found) <= 91 * SECOND_US


def test_a_flap_ends_where_the_value_was_going(make: Make) -> None:
    signals = make({"kind": "flap", "share": 0.5, "within_ms": 50.0, "signals": ["ctrl.execution"]})
    extra = content(good(left(signals))) - content(truth(signals))
    assert extra
    assert {name for _, name, _ in extra} == {"ctrl.execution"}
    true = [(s.event_us, s.value) for s in truth(signals) if s.signal == "ctrl.execution"]
    told = [(s.event_us, s.value) for s in good(left(signals)) if s.signal == "ctrl.execution"]
    for at_us, value in true:
        after = [found for us, found in told if at_us <= us <= at_us + 50_001]
        assert len(after) in (1, 3)
        assert after[-1] == value


def test_a_flood_tells_the_same_value_again_at_other_instants(make: Make) -> None:
    signals = make({"kind": "flood", "share": 0.02, "times": [20, 30]})
    found = good(left(signals))
    assert not content(truth(signals)) - content(found)
    assert len(found) > 1.2 * len(truth(signals))
    assert len({(sample.event_us, sample.signal) for sample in found}) == len(found)
    assert [sample.seq for sample in found] == list(range(len(found)))


def test_counters_roll_over_and_are_set_by_hand(make: Make) -> None:
    rolled = [s for s in good(left(make({"kind": "rollover", "width": 550}))) if s.signal == "part.total"]
    assert all(isinstance(s.value, int) and 0 <= s.value < 550 for s in rolled)
    assert [s.value for s in rolled] == [(541 + n) % 550 for n in range(len(rolled))]
    signals = make({"kind": "preset", "every_parts": 12, "to": [5000, 6000]})
    readings = [s.value for s in good(left(signals)) if s.signal == "part.total"]
    steps = [int(after) - int(before) for before, after in pairwise(readings)]
    assert sum(step != 1 for step in steps) >= 2
    assert len(readings) == sum(s.signal == "part.total" for s in truth(signals))


def test_a_counter_that_begins_again_has_forgotten_the_number_that_it_was_set_to(make: Make) -> None:
    signals = make(
        {"kind": "reset", "every_parts": 7, "announced": False}, {"kind": "preset", "every_parts": 7, "to": [10, 20]}
    )
    readings = [int(s.value) for s in good(left(signals)) if s.signal == "part.total"]
    assert min(readings) >= 0
    assert any(before > 20 and after < 10 for before, after in pairwise(readings))


def test_what_is_left_over_is_what_the_machine_showed_then(make: Make) -> None:
    signals = make({"kind": "leftover", "every_min": 20.0, "age_min": [30.0, 40.0]})
    found = [one for one in left(signals) if one.sample.signal == LEFTOVER]
    assert len(found) >= 3
    assert good([one for one in left(signals) if one.sample.signal != LEFTOVER]) == truth(signals)
    for leaving in found[-2:]:
        values = {name: (us, value) for us, name, value in json.loads(str(leaving.sample.value))["s"]}
        newest_us = max(us for us, _ in values.values())
        assert newest_us < leaving.at_us - 29 * MINUTE_US
        assert values == signals.present(MACHINE, newest_us + 1)
