"""The samples of a scenario against its ledger: the same truth, read back by an interpretation of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.plant.model import Plant
from core.units import HOUR_US
from core.vocabulary import State
from simulators.drawing import PLAYED
from simulators.outlet import Sample, Value
from simulators.scenario import Scenario
from simulators.signals import Signals
from simulators.truth import Stretch

from .conftest import TUESDAY_US

DAY_END_US = TUESDAY_US + 24 * HOUR_US
CUT_END_US = TUESDAY_US + 10 * HOUR_US

MACHINES = range(6)


@pytest.fixture(scope="module")
def signals(plant: Plant, make_scenario: Callable[..., Scenario]) -> Signals:
    return Signals(plant, make_scenario())


@pytest.fixture(scope="module")
def day(signals: Signals) -> list[list[Sample]]:
    """A day of every machine, asked for in one piece."""
    return [signals.samples(machine, TUESDAY_US, DAY_END_US) for machine in MACHINES]


def state_of(now: dict[str, Value]) -> State:
    """The rules 1 and 4 to 8 of machine states in the fewest words: an independent reading."""
    active, automatic = now["ctrl.execution"] == "active", now["ctrl.mode"] == "automatic"
    if now["ctrl.estop"]:
        return State.UNPLANNED_STOP
    if now.get("ctrl.op_mode") == "setup" or (
        not automatic and (active or now["spindle.1.rotating"] or float(now["feed.1.rate"]) > 0.0)
    ):
        return State.SETUP
    if automatic and active and not now["ctrl.feed_hold"] and float(now["feed.1.override"]) > 0.0:
        return State.PRODUCING
    return State.IDLE


def states_from(samples: list[Sample], end_us: int) -> list[Stretch]:
    """States read from samples; the samples of one microsecond take effect together."""
    stretches: list[Stretch] = []
    for from_us, to_us, now in held(samples, end_us):
        state = state_of(now)
        if stretches and stretches[-1].state == state:
            from_us = stretches.pop().from_us
        stretches.append(Stretch(from_us, to_us, state))
    return stretches


def held(samples: list[Sample], end_us: int) -> Iterator[tuple[int, int, dict[str, Value]]]:
    """From each instant with samples to the next one: what all signals show."""
    now: dict[str, Value] = {}
    for sample, following in zip(samples, [*samples[1:], None], strict=True):
        now[sample.signal] = sample.value
        next_us = end_us if following is None else following.event_us
        if next_us > sample.event_us:
            yield sample.event_us, next_us, now


@pytest.mark.parametrize("machine", MACHINES)
def test_states_read_back_from_the_samples_are_the_states_of_the_ledger(
    signals: Signals, day: list[list[Sample]], machine: int
) -> None:
    truth = signals.ledger(machine).states_in(TUESDAY_US, DAY_END_US)
    assert states_from(day[machine], DAY_END_US) == truth
    assert {stretch.state for stretch in truth} >= {State.PRODUCING, State.IDLE}


def test_every_state_and_every_kind_of_hold_occurs_somewhere(signals: Signals, day: list[list[Sample]]) -> None:
    states = {
        stretch.state for machine in MACHINES for stretch in signals.ledger(machine).states_in(TUESDAY_US, DAY_END_US)
    }
    said = {(sample.signal, sample.value) for samples in day for sample in samples}
    assert states == {State.PRODUCING, State.IDLE, State.SETUP, State.UNPLANNED_STOP}
    assert {
        ("ctrl.feed_hold", True),
        ("feed.1.override", 0.0),
        ("ctrl.execution", "wait"),
        ("ctrl.mode", "manual"),
    } <= said


@pytest.mark.parametrize("machine", MACHINES)
def test_samples_are_changes_only_in_order_and_numbered_without_holes(day: list[list[Sample]], machine: int) -> None:
    samples, last = day[machine], {}
    assert [sample.seq for sample in samples] == list(range(len(samples)))
    assert [sample.event_us for sample in samples] == sorted(sample.event_us for sample in samples)
    for sample in samples:
        before = last.get(sample.signal)
        assert before is None or (before.value != sample.value and before.event_us < sample.event_us), (before, sample)
        last[sample.signal] = sample


@pytest.mark.parametrize("machine", MACHINES)
def test_counters_rise_by_one_at_each_part_of_the_ledger(
    signals: Signals, day: list[list[Sample]], machine: int
) -> None:
    parts = signals.ledger(machine).parts_in(TUESDAY_US, DAY_END_US)
    totals = [sample for sample in day[machine] if sample.signal == "part.total"]
    scraps = [sample for sample in day[machine] if sample.signal == "part.scrap"]
    assert parts
    assert [sample.event_us for sample in totals[1:]] == [part.at_us for part in parts]
    assert [sample.event_us for sample in scraps[1:]] == [part.at_us for part in parts if not part.good]
    for found in (totals, scraps):
        assert [int(sample.value) for sample in found] == [int(found[0].value) + step for step in range(len(found))]


@pytest.mark.parametrize("machine", MACHINES)
def test_a_part_belongs_to_the_program_selected_before_its_instant(
    signals: Signals, day: list[list[Sample]], machine: int
) -> None:
    selections = [sample for sample in day[machine] if sample.signal == "prog.name"]
    for part in signals.ledger(machine).parts_in(TUESDAY_US, DAY_END_US):
        assert [sample.value for sample in selections if sample.event_us < part.at_us][-1] == part.program


def test_a_pallet_changer_selects_the_next_program_at_the_instant_of_a_part(
    day: list[list[Sample]], plant: Plant
) -> None:
    samples = day[plant.machine_index["ural/mill-2"]]
    parts = {sample.event_us: sample.seq for sample in samples if sample.signal == "part.total"}
    together = [sample for sample in samples[20:] if sample.signal == "prog.name" and sample.event_us in parts]
    assert together
    assert all(parts[sample.event_us] < sample.seq for sample in together)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_spindle_turns_by_its_switch_exactly_as_in_the_ledger(
    signals: Signals, day: list[list[Sample]], machine: int
) -> None:
    phases = signals.ledger(machine).phases_in(TUESDAY_US, DAY_END_US)
    truth = sum(min(one.to_us, DAY_END_US) - one.from_us for one in phases if one.condition.turning)
    read = sum(to_us - from_us for from_us, to_us, now in held(day[machine], DAY_END_US) if now["spindle.1.rotating"])
    by_speed = sum(
        to_us - from_us for from_us, to_us, now in held(day[machine], DAY_END_US) if float(now["spindle.1.speed"]) > 1.0
    )
    assert read == truth == by_speed


@given(cuts=st.lists(st.integers(TUESDAY_US, CUT_END_US), max_size=12), machine=st.sampled_from(list(MACHINES)))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cuts_do_not_matter(
    plant: Plant,
    make_scenario: Callable[..., Scenario],
    day: list[list[Sample]],
    cuts: list[int],
    machine: int,
) -> None:
    fresh = Signals(plant, make_scenario())
    edges = [TUESDAY_US, *sorted(cuts), CUT_END_US]
    found = [sample for from_us, to_us in pairwise(edges) for sample in fresh.samples(machine, from_us, to_us)]
    assert found == [sample for sample in day[machine] if sample.event_us < CUT_END_US]


@given(at_us=st.integers(TUESDAY_US, DAY_END_US), machine=st.sampled_from(list(MACHINES)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_present_is_the_last_sample_of_each_signal(
    signals: Signals, day: list[list[Sample]], at_us: int, machine: int
) -> None:
    last = {sample.signal: (sample.event_us, sample.value) for sample in day[machine] if sample.event_us < at_us}
    assert signals.present(machine, at_us) == last


def test_nothing_is_present_at_the_beginning_and_everything_is_said_there(signals: Signals, plant: Plant) -> None:
    assert signals.present(0, TUESDAY_US) == {}
    first = signals.samples(0, TUESDAY_US, TUESDAY_US + 1)
    assert {sample.signal for sample in first} == PLAYED & set(plant.machines[0].signals)


def test_another_seed_is_another_story(plant: Plant, make_scenario: Callable[..., Scenario]) -> None:
    one, other = (Signals(plant, make_scenario(seed=seed)).samples(0, TUESDAY_US, CUT_END_US) for seed in (1, 2))
    assert one != other


def test_event_times_are_odd_so_that_truncation_would_show(day: list[list[Sample]]) -> None:
    for samples in day:
        whole = [sample for sample in samples[20:] if sample.event_us % 1000 == 0]
        assert len(whole) < len(samples) / 100


def test_two_days_of_six_machines_are_made_quickly_enough(plant: Plant, make_scenario: Callable[..., Scenario]) -> None:
    started = time.process_time()
    fresh = Signals(plant, make_scenario())
    made = sum(len(fresh.samples(machine, TUESDAY_US, TUESDAY_US + 48 * HOUR_US)) for machine in MACHINES)
    print(f"{made} samples of two days in {time.process_time() - started:.2f} s of processor time")
    assert made > 100_000
