"""Payload bytes -> samples, refusals with a reason, or both; never an exception."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.clockwatch import ClockWatch
from collectors.mqtt.decode import Decoder, Message, Reading
from collectors.mqtt.payload import KEPT_BYTES, MOST_BYTES, kept
from collectors.mqtt.topics import Route, build_routes
from core.plant.model import Plant
from core.samples.batch import BatchBuilder, SampleBatch
from core.vocabulary import ClockChoice, Execution, Flag, Quality, WaitFor
from tests.collectors.mqtt_bench import make_plant

NOW = 1_790_000_000_000_000
FREE = {
    "name": "free",
    "topic": "free",
    "time": {"path": "meta.ts", "unit": "ms"},
    "seq": {"path": "n"},
    "signals": {
        "ctrl.execution": {"path": "st", "words": {"RUN": "active", "3": "stopped"}},
        "ctrl.estop": {"path": "safety.stop", "words": {"ON": "true", "OFF": "false"}},
        "power.active": {"path": "power.kw", "scale": 1000.0},
        "part.total": "parts",
        "spindle.1.speed": {"topic": "free/spindle", "path": ""},
    },
}
PLANT = make_plant(machines=1, own=[FREE])
ROUTES = build_routes(PLANT, PLANT.sources[0])
OWN_TOPIC = str(PLANT.machines[0].mapping["topic"])


def route_of(topic: str) -> Route:
    (route,) = ROUTES.by_topic[topic]
    return route


def read(topic: str, payload: bytes, *, retain: bool = False, expected: int = -1) -> tuple[Reading, SampleBatch]:
    builder = BatchBuilder()
    decoder = Decoder(ClockWatch(), expected)
    reading = decoder.read(route_of(topic), Message(topic, payload, retain, NOW), builder, settled=True)
    return reading, builder.build()


def own(*samples: Any, seq: int = 0, **keywords: Any) -> tuple[Reading, SampleBatch]:
    return read(OWN_TOPIC, json.dumps({"seq": seq, "s": samples}).encode(), **keywords)


def name_of(plant: Plant, batch: SampleBatch, at: int) -> str:
    return plant.signals[batch.signal[at]].name


def test_one_message_carries_samples_of_many_signals_and_times_numbered_by_position() -> None:
    reading, batch = own([NOW - 9, "ctrl.execution", "active"], [NOW - 5, "spindle.1.speed", 1200.5], seq=40)
    assert [name_of(PLANT, batch, at) for at in (0, 1)] == ["ctrl.execution", "spindle.1.speed"]
    assert batch.event_us.tolist() == [NOW - 9, NOW - 5]
    assert batch.seq.tolist() == [40, 41]
    assert batch.value.tolist() == [Execution.ACTIVE, 1200.5]
    assert batch.flags.tolist() == [ClockChoice.SOURCE] * 2
    assert (reading.seq, reading.next_seq, reading.live, reading.refused) == (40, 42, True, [])


def test_texts_and_switches_and_counters_are_taken_as_what_they_are() -> None:
    _, batch = own([NOW, "prog.name", "SHAFT-40"], [NOW, "ctrl.estop", True], [NOW, "part.total", 7])
    assert batch.texts[batch.text[0]] == "SHAFT-40"
    assert batch.value[1:].tolist() == [1.0, 7.0]


def test_a_counter_may_say_that_it_began_again() -> None:
    reading, batch = own([NOW, "part.total", 3, "reset"], [NOW, "part.scrap", 1], [NOW, "part.scrap", 1, "restart"])
    assert (batch.flags & Flag.RESET != 0).tolist() == [True, False]
    assert reading.refused == ['sample 2: the fourth word can only be "reset"']


def test_null_means_no_value_now() -> None:
    _, batch = own([NOW, "spindle.1.speed", None])
    assert batch.quality[0] == Quality.BAD
    assert math.isnan(batch.value[0])


def test_an_unknown_word_becomes_other_and_is_counted_and_a_number_is_kept() -> None:
    reading, batch = own([NOW, "ctrl.execution", "dancing"], [NOW, "ctrl.wait_for", 77])
    assert batch.value.tolist() == [Execution.OTHER, WaitFor.OTHER]
    assert batch.raw.tolist() == [-1, 77]
    assert reading.unknown_words == 2


@pytest.mark.parametrize(
    "bad",
    [
        [NOW, "spindle.1.speed", "fast"],
        [NOW, "spindle.1.speed", True],
        [NOW, "ctrl.execution", 1.5],
        [NOW, "ctrl.estop", "yes"],
        [NOW, "part.total", -1],
        [NOW, "part.total", 1.5],
        [NOW, "part.total", 10**400],
        [NOW, "prog.name", "nul\0"],
        [NOW, "prog.name", "x" * 5000],
        [NOW, "no.such", 1],
        ["now", "part.total", 1],
        [NOW, "part.total"],
        "rubbish",
        None,
    ],
    ids=lambda bad: str(bad)[:40],
)
def test_a_bad_value_is_refused_with_a_reason_and_the_good_ones_beside_it_are_kept(bad: Any) -> None:
    payload = json.dumps({"seq": 5, "s": [[NOW, "part.scrap", 1], bad, [NOW, "part.scrap", 2]]})
    reading, batch = read(OWN_TOPIC, payload.encode())
    good = batch.take(batch.quality == Quality.GOOD)
    if not reading.samples:  # numbers that no parser takes refuse the whole message
        assert "e400" in payload or len(payload) > 400
    else:
        assert good.seq.tolist() == [5, 7]
    assert len(reading.refused) == 1
    assert reading.refused[0]


def test_a_refused_value_ends_the_one_before_it_at_its_time() -> None:
    reading, batch = own([NOW - 9, "ctrl.execution", {"value": 1}], [NOW - 5, "no.such", 1], [NOW - 3, "part.total", 4])
    assert (len(reading.refused), reading.ended, reading.samples) == (2, 1, 2)
    assert batch.event_us.tolist() == [NOW - 9, NOW - 3]
    assert batch.quality.tolist() == [Quality.BAD, Quality.GOOD]
    assert batch.seq.tolist() == [0, 2]


@pytest.mark.parametrize(
    "poison",
    [
        b"",
        b"\xff\xfe",
        b"[1, 2]",
        b'{"seq": 1}',
        b'{"s": []}',
        b'{"seq": -4, "s": []}',
        b'{"seq": 1, "seq": 2, "s": []}',
        b'{"seq": 1, "\\u0073eq": 2, "s": []}',
        b'{"seq": 1, "s": [[1, "part.total", NaN]]}',
        b'{"seq": 1, "s": [[1, "part.total", Infinity]]}',
        b'{"seq": 1, "s": [[1, "part.total", 1e999]]}',
        b'{"seq": 1, "s": [[1, "prog.name", "\\ud800"]]}',
        b'{"seq": 1, "s": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"seq": 1, "s": [' + b"1," * MOST_BYTES + b"1]}",
    ],
    ids=lambda poison: repr(poison[:30]),
)
def test_poison_gives_no_sample_and_one_reason(poison: bytes) -> None:
    reading, batch = read(OWN_TOPIC, poison)
    assert len(batch) == 0
    assert len(reading.refused) == 1


def test_what_quarantine_keeps_of_a_huge_payload_is_cut_with_a_note() -> None:
    raw, note = kept(b"x" * (KEPT_BYTES + 1))
    assert len(raw) == KEPT_BYTES
    assert str(KEPT_BYTES + 1) in note
    assert kept(b"x") == (b"x", "")


def test_a_retained_message_is_initial_and_proves_no_life() -> None:
    reading, batch = own([NOW - 9, "ctrl.execution", "active"], seq=3, retain=True)
    assert not reading.live
    assert batch.flags[0] & Flag.RETAINED
    assert batch.flags[0] & Flag.INITIAL


def test_a_retained_message_with_the_next_number_is_only_queued_and_not_initial() -> None:
    reading, batch = own([NOW - 9, "ctrl.execution", "active"], seq=3, retain=True, expected=3)
    assert not reading.live
    assert not batch.flags[0] & (Flag.RETAINED | Flag.INITIAL)


@pytest.mark.parametrize("offset_us", [0, 3_600_000_000, -3_600_000_000])
def test_a_state_message_gives_initial_values_once_whatever_the_clock_of_its_author(offset_us: int) -> None:
    payload = json.dumps({"s": [[NOW - 9 + offset_us, "ctrl.execution", "active"]]}).encode()
    decoder, builder = Decoder(ClockWatch(offset_us=-offset_us)), BatchBuilder()
    message = Message(OWN_TOPIC + "/state", payload, True, NOW)
    first = decoder.read(route_of(message.topic), message, builder, settled=True)
    second = decoder.read(route_of(message.topic), message, builder, settled=True)
    assert (first.samples, second.samples, first.live) == (1, 0, False)
    batch = builder.build()
    assert batch.seq[0] == -1
    assert batch.flags[0] & Flag.INITIAL


def test_a_time_far_ahead_gives_way_to_the_arrival() -> None:
    _, batch = own([NOW + 3_600_000_000, "part.total", 1])
    assert batch.event_us[0] == NOW
    assert batch.flags[0] & Flag.CLOCK_MASK == ClockChoice.ARRIVAL


@pytest.mark.parametrize("us", [-11_644_473_600_000_000, -1, 0, 4_070_908_800_000_000, NOW * 1000, -(10**30), 1e300])
def test_a_time_that_cannot_be_gives_way_to_the_arrival_and_is_flagged_but_the_value_is_kept(us: float) -> None:
    reading, batch = own([us, "part.total", 1])
    assert (batch.event_us.tolist(), batch.value.tolist()) == ([NOW], [1.0])
    assert batch.flags.tolist() == [ClockChoice.ARRIVAL | Flag.CLOCK_SUSPECT]
    assert reading.refused == []


@pytest.mark.parametrize("text", ["1601-01-01T00:00:00Z", "2099-12-31T23:59:59+03:00"])
def test_a_written_time_that_cannot_be_gives_way_to_the_arrival_too(text: str) -> None:
    machine = {**FREE, "time": {"path": "ts", "unit": "iso"}, "topic": "iso", "signals": {"part.total": "parts"}}
    plant = make_plant(machines=0, own=[machine])
    (route,) = build_routes(plant, plant.sources[0]).by_topic["iso"]
    builder = BatchBuilder()
    message = Message("iso", json.dumps({"ts": text, "parts": 7}).encode(), False, NOW)
    Decoder(ClockWatch()).read(route, message, builder, settled=True)
    batch = builder.build()
    assert (batch.event_us.tolist(), batch.value.tolist()) == ([NOW], [7.0])
    assert batch.flags.tolist() == [ClockChoice.ARRIVAL | Flag.CLOCK_SUSPECT]


def test_a_free_mapping_finds_values_by_path_with_factor_words_time_and_number() -> None:
    content = {"n": 9, "st": "RUN", "safety": {"stop": "ON"}, "power": {"kw": 1.5}, "meta": {"ts": NOW / 1000 - 2}}
    reading, batch = read("free", json.dumps(content).encode())
    found = {name_of(PLANT, batch, at): batch.value[at] for at in range(len(batch))}
    assert found == {"ctrl.execution": Execution.ACTIVE, "ctrl.estop": 1.0, "power.active": 1500.0}
    assert set(batch.event_us.tolist()) == {NOW - 2000}
    assert (reading.seq, reading.next_seq) == (9, 10)


def test_a_number_stands_for_a_word_if_the_mapping_says_so_and_is_kept() -> None:
    _, batch = read("free", b'{"st": 3}')
    assert (batch.value[0], batch.raw[0]) == (Execution.STOPPED, 3)


def test_an_empty_path_is_the_whole_payload_and_without_a_time_arrival_counts() -> None:
    _, batch = read("free/spindle", b"830.5")
    assert batch.value.tolist() == [830.5]
    assert batch.flags[0] & Flag.CLOCK_MASK == ClockChoice.ARRIVAL


def test_a_status_says_whether_the_publisher_is_on_line() -> None:
    assert read(OWN_TOPIC + "/status", b'{"online": true}', retain=True)[0].online is True
    assert read(OWN_TOPIC + "/status", b'{"online": false, "t": 1790000000000000}')[0].online is False
    assert read(OWN_TOPIC + "/status", b"off")[0].refused


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["ctrl.mode", NOW]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["s", "seq", "st", "n"]), inner),
    max_leaves=12,
)
OWN_SHAPE = st.fixed_dictionaries({"seq": st.integers(-1, 5) | JSONISH, "s": st.lists(JSONISH) | JSONISH})
TOPICS = sorted(ROUTES.by_topic)


@settings(max_examples=400, deadline=None, print_blob=True)
@given(
    topic=st.sampled_from(TOPICS),
    payload=st.binary(max_size=60) | (JSONISH | OWN_SHAPE).map(lambda found: json.dumps(found).encode()),
    retain=st.booleans(),
)
def test_any_bytes_give_samples_or_reasons_and_never_an_exception(topic: str, payload: bytes, retain: bool) -> None:
    reading, batch = read(topic, payload, retain=retain)
    assert reading.samples == len(batch)
    assert all(isinstance(reason, str) and reason for reason in reading.refused)
    assert not (retain and reading.live)
