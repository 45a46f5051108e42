"""Back-fill rows against the samples that a player would have sent."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from core.plant.model import Plant
from core.samples.records import RowKind, SpoolRow, unpack_heartbeat, unpack_samples
from core.units import HOUR_US
from core.vocabulary import meaning, word_code
from simulators.backfill import backfill
from simulators.outlet import Value
from simulators.scenario import Scenario
from simulators.signals import Signals

from .conftest import TUESDAY_US

TO_US = TUESDAY_US + 3 * HOUR_US + 12_345_678


@pytest.fixture(scope="module")
def rows(plant: Plant, make_scenario: Callable[..., Scenario]) -> list[SpoolRow]:
    return [row for step in backfill(plant, make_scenario(), TUESDAY_US, TO_US) for row in step]


def code(signal: str, value: Value) -> float:
    """A value as a collector decodes it."""
    words = getattr(meaning(signal), "words", None)
    if words is not None:
        found = word_code(words, str(value))
        assert found is not None
        return float(found)
    return float(value)


def test_rows_hold_exactly_the_samples_of_the_scenario(
    plant: Plant, make_scenario: Callable[..., Scenario], rows: list[SpoolRow]
) -> None:
    signals = Signals(plant, make_scenario())
    for source in plant.sources:
        found: dict[int, list[tuple[object, ...]]] = {machine: [] for machine in plant.machines_of(source.name)}
        for row in rows:
            if row.kind is not RowKind.SAMPLES or row.source != source.name:
                continue
            batch = unpack_samples(row.payload)
            for i in range(len(batch)):
                name = plant.signals[batch.signal[i]].name
                is_text = batch.text[i] >= 0
                assert math.isnan(batch.value[i]) == is_text
                value = batch.texts[batch.text[i]] if is_text else batch.value[i]
                found[batch.machine[i]].append((int(batch.event_us[i]), name, value, int(batch.seq[i])))
        for machine, got in found.items():
            numbered = source.protocol == "mqtt"
            assert got == [
                (
                    sample.event_us,
                    sample.signal,
                    sample.value if sample.signal in ("prog.name", "tool.id") else code(sample.signal, sample.value),
                    sample.seq if numbered else -1,
                )
                for sample in signals.samples(machine, TUESDAY_US, TO_US)
            ]


def test_each_step_ends_with_a_heartbeat_and_the_last_one_with_the_window(plant: Plant, rows: list[SpoolRow]) -> None:
    for source in plant.sources:
        beats = [row for row in rows if row.source == source.name and row.kind is RowKind.HEARTBEAT]
        ends = [TUESDAY_US + HOUR_US, TUESDAY_US + 2 * HOUR_US, TUESDAY_US + 3 * HOUR_US, TO_US]
        assert [row.received_us for row in beats] == ends
        for row in beats:
            beat = unpack_heartbeat(row.payload)
            assert tuple(beat.machine) == plant.machines_of(source.name)
            assert set(beat.at_us.tolist()) == {row.received_us}


def test_rows_carry_the_plant_and_no_sample_from_after_they_were_received(plant: Plant, rows: list[SpoolRow]) -> None:
    assert {row.plant_hash for row in rows} == {plant.hash}
    for row in rows:
        if row.kind is RowKind.SAMPLES:
            batch = unpack_samples(row.payload)
            assert (batch.event_us[1:] >= batch.event_us[:-1]).all()
            assert batch.event_us[0] >= row.received_us - HOUR_US
            assert batch.event_us[-1] < row.received_us
            assert (batch.received_us == row.received_us).all()
