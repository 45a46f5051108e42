"""MTConnect entity topics and UMH topics: payload -> samples, refusals, proofs of life; unmapped topics named once."""

from __future__ import annotations

import json
import logging
import math
import re
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.mqtt.decode import Message
from collectors.mqtt.intake import Intake
from collectors.mqtt.settings import complaints, source_settings
from collectors.mqtt.topics import build_routes
from core.plant.model import Plant
from core.samples.batch import SampleBatch
from core.samples.mtconnect import WORDS
from core.samples.records import (
    Gap,
    Quarantine,
    RowKind,
    unpack_gap,
    unpack_heartbeat,
    unpack_quarantine,
    unpack_samples,
)
from core.units import us_from_datetime
from core.vocabulary import AlarmClass, Cause, Execution, Flag, Mode, OpMode, Quality, WaitFor
from tests.collectors.mqtt_bench import make_plant

DOCS = Path(__file__).parents[2] / "docs"
NOW = 1_790_000_000_000_000
STAMP = "2026-09-21T14:13:10.1234567Z"
STAMP_US = 1_789_999_990_123_456
DEVICE = "MTConnect/Devices/OKUMA.1"
LINE = "umh/v1/plant/hall2/line1/lathe03"
LATHE = {
    "name": "lathe",
    "profile": "mtconnect-entity",
    "topic": DEVICE,
    "signals": {
        "conn.online": "avail",
        "ctrl.execution": "exec",
        "ctrl.mode": "mode",
        "ctrl.feed_hold": "mode",
        "ctrl.op_mode": "fmode",
        "ctrl.estop": "estop",
        "ctrl.wait_for": "wait",
        "ctrl.dry_run": "dry",
        "prog.name": "program",
        "part.total": "count",
        "spindle.1.speed": {"name": "S1rpm", "scale": 2.0},
        "alarm.edge": ["system", "servo"],
    },
}
PRESS = {
    "name": "press",
    "profile": "umh",
    "topic": LINE,
    "signals": {
        "ctrl.execution": {"name": "_raw/plc/state", "words": {"RUN": "active", "4": "stopped"}},
        "part.total": "_raw/part_total",
        "spindle.1.load": "_historian/spindle/load",
        "part.scrap": "_historian/scrap",
    },
}


class Bench:
    """An intake of both machines without a broker."""

    def __init__(self, lathe: dict[str, Any] | None = None, **settings: Any) -> None:
        wanted = {"liveness": "interval", "max_interval_s": 5.0, **settings}
        self.plant: Plant = make_plant(machines=0, own=[LATHE | (lathe or {}), PRESS], **wanted)
        assert complaints(self.plant) == []
        self.source = self.plant.sources[0]
        self.routes = build_routes(self.plant, self.source)
        self.start(None)

    def start(self, state: bytes | None) -> None:
        self.intake = Intake(self.plant, self.source, source_settings(self.source), self.routes, 1.0, state)
        self.rows: list[Any] = []

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.intake.message(Message(topic, payload, retain, NOW))
        self.rows += self.intake.take_rows(NOW)[0]

    def observe(self, item: str, result: Any, sequence: int = 1, stamp: Any = STAMP, **more: Any) -> None:
        content = {"dataItemId": item, "type": "X", "timestamp": stamp, "sequence": sequence, "result": result, **more}
        payload = json.dumps({key: value for key, value in content.items() if value is not None}).encode()
        self.send(f"{DEVICE}/Observations/{item}", payload)

    @property
    def samples(self) -> SampleBatch:
        return SampleBatch.concat(unpack_samples(row.payload) for row in self.rows if row.kind is RowKind.SAMPLES)

    @property
    def values(self) -> list[tuple[str, Any]]:
        """Name and value or text of each sample, in order."""
        batch = self.samples
        return [
            (self.plant.signals[s].name, batch.texts[t] if t >= 0 else v)
            for s, t, v in zip(batch.signal, batch.text, batch.value.tolist(), strict=True)
        ]

    @property
    def gaps(self) -> list[Gap]:
        return [unpack_gap(row.payload) for row in self.rows if row.kind is RowKind.GAP]

    @property
    def quarantine(self) -> list[Quarantine]:
        return [unpack_quarantine(row.payload) for row in self.rows if row.kind is RowKind.QUARANTINE]


@pytest.mark.parametrize(
    ("item", "word", "signal", "code"),
    [
        ("exec", "ACTIVE", "ctrl.execution", Execution.ACTIVE),
        ("exec", "PROGRAM_COMPLETED", "ctrl.execution", Execution.COMPLETED),
        ("exec", "PROGRAM_OPTIONAL_STOP", "ctrl.execution", Execution.OPTIONAL_STOP),
        ("exec", "PROGRAM_STOPPED", "ctrl.execution", Execution.OPTIONAL_STOP),
        ("exec", "FEED_HOLD", "ctrl.execution", Execution.FEED_HOLD),
        ("exec", "DANCING", "ctrl.execution", Execution.OTHER),
        ("fmode", "PROCESS_DEVELOPMENT", "ctrl.op_mode", OpMode.SETUP),
        ("fmode", "TEARDOWN", "ctrl.op_mode", OpMode.SETUP),
        ("fmode", "PRODUCTION", "ctrl.op_mode", OpMode.PRODUCTION),
        ("fmode", "MAINTENANCE", "ctrl.op_mode", OpMode.MAINTENANCE),
        ("estop", "TRIGGERED", "ctrl.estop", 1),
        ("estop", "ARMED", "ctrl.estop", 0),
        ("wait", "MATERIAL_UNLOAD", "ctrl.wait_for", WaitFor.UNLOAD),
        ("wait", "TOOL_LOAD", "ctrl.wait_for", WaitFor.TOOL),
        ("wait", "PAUSING", "ctrl.wait_for", WaitFor.OTHER),
        ("dry", "ON", "ctrl.dry_run", 1),
        ("avail", "AVAILABLE", "conn.online", 1),
        ("avail", "UNAVAILABLE", "conn.online", 0),
        ("program", "UNAVAILABLE?", "prog.name", "UNAVAILABLE?"),
        ("count", "41", "part.total", 41),
        ("S1rpm", "-600.5", "spindle.1.speed", -1201.0),
    ],
)
def test_a_result_is_always_text_and_becomes_the_word_or_number_of_its_signal(
    item: str, word: str, signal: str, code: Any
) -> None:
    bench = Bench()
    bench.observe(item, word, sequence=903)
    assert bench.values == [(signal, code)]
    batch = bench.samples
    assert (batch.event_us[0], batch.seq[0], batch.quality[0]) == (STAMP_US, 903, Quality.GOOD)
    assert not bench.quarantine


def test_times_are_cut_to_microseconds_whatever_their_length() -> None:
    for stamp in ("2026-09-21T14:13:10.1234567Z", "2026-09-21T14:13:10.123456999Z", "2026-09-21T17:13:10.123456+03:00"):
        bench = Bench()
        bench.observe("exec", "ACTIVE", stamp=stamp)
        assert bench.samples.event_us.tolist() == [STAMP_US]


def test_unavailable_is_no_value_but_says_that_the_input_is_not_trusted() -> None:
    bench = Bench()
    for item in ("exec", "program", "count", "system"):
        bench.observe(item, "UNAVAILABLE")
    assert bench.samples.quality.tolist() == [Quality.BAD] * 4
    assert all(math.isnan(value) for _, value in bench.values)
    assert not bench.quarantine


def test_feed_hold_as_a_mode_holds_the_feed_and_leaves_the_mode() -> None:
    bench = Bench()
    for word in ("AUTOMATIC", "FEED_HOLD", "SEMI_AUTOMATIC", "MANUAL_DATA_INPUT"):
        bench.observe("mode", word)
    assert bench.values == [
        ("ctrl.mode", Mode.AUTOMATIC),
        ("ctrl.feed_hold", 0),
        ("ctrl.feed_hold", 1),
        ("ctrl.mode", Mode.AUTOMATIC),
        ("ctrl.feed_hold", 0),
        ("ctrl.mode", Mode.MDI),
        ("ctrl.feed_hold", 0),
    ]


def test_a_fault_is_an_alarm_of_class_stop_that_ends_with_the_level_normal_also_after_a_restart() -> None:
    bench = Bench()
    bench.observe("system", None, level="FAULT", nativeCode="E001")
    bench.observe("system", "Warning", nativeCode="W7")
    bench.observe("servo", "FAULT")
    batch = bench.samples
    assert bench.values == [("alarm.edge", "system:E001"), ("alarm.edge", "system:W7"), ("alarm.edge", "servo")]
    assert batch.value.tolist() == [1, 1, 1]
    assert batch.raw.tolist() == [AlarmClass.STOP, AlarmClass.WARNING, AlarmClass.STOP]
    bench.start(bench.intake.state())
    bench.observe("system", "NORMAL")
    bench.observe("servo", "NORMAL")
    bench.observe("servo", "NORMAL")
    assert bench.values == [("alarm.edge", "system:E001"), ("alarm.edge", "system:W7"), ("alarm.edge", "servo")]
    assert bench.samples.value.tolist() == [0, 0, 0]
    assert bench.samples.raw.tolist() == batch.raw.tolist()


def test_a_normal_level_with_a_code_ends_only_that_alarm() -> None:
    bench = Bench()
    for level, code in (("FAULT", "1"), ("FAULT", "12"), ("NORMAL", "1")):
        bench.observe("servo", level, nativeCode=code)
    assert [value for _, value in bench.values] == ["servo:1", "servo:12", "servo:1"]
    assert bench.samples.value.tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("item", "result", "stamp"),
    [
        ("count", "many", STAMP),
        ("count", "NaN", STAMP),
        ("count", "1e999", STAMP),
        ("count", "1.5", STAMP),
        ("S1rpm", "1 2 3", STAMP),
        ("S1rpm", "", STAMP),
        ("exec", 7.5, STAMP),
        ("estop", "MAYBE", STAMP),
        ("system", "ODD", STAMP),
        ("program", "x" * 2000, STAMP),
        ("exec", None, STAMP),
        ("exec", "ACTIVE", "yesterday"),
        ("exec", "ACTIVE", "2026-09-21T14:13:10"),
        ("exec", "ACTIVE", None),
        ("exec", "ACTIVE", 1_790_000_000),
    ],
)
def test_what_cannot_be_taken_is_quarantined_with_a_reason(item: str, result: Any, stamp: Any) -> None:
    bench = Bench()
    bench.observe(item, result, stamp=stamp)
    assert set(bench.samples.quality.tolist()) <= {Quality.BAD}
    (refused,) = bench.quarantine
    assert refused.origin == f"{DEVICE}/Observations/{item}"
    assert refused.reason


@pytest.mark.parametrize("poison", [b"", b"ACTIVE", b"[]", b'{"dataItemId": 4}', b"{" + b" " * 300_000 + b"}"])
def test_a_payload_that_is_no_observation_is_quarantined(poison: bytes) -> None:
    bench = Bench()
    bench.send(f"{DEVICE}/Observations/exec", poison)
    assert len(bench.quarantine) == 1
    assert bench.intake.rejected == 1


def test_everything_of_a_device_is_subscribed_to_and_each_topic_once() -> None:
    assert Bench().routes.filters == [f"{DEVICE}/Observations/#", f"{LINE}/_historian/#", f"{LINE}/_raw/#"]


def test_what_no_signal_maps_proves_life_and_is_counted_and_named_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench()
    for sequence in (1, 2):
        bench.observe("X1load", "56", sequence)
        bench.send(f"{LINE}/_raw/vibration", b"0.3")
    assert bench.intake.unmapped == 4
    told = [record.getMessage() for record in caplog.records]
    assert sum(f"{DEVICE}/Observations/X1load" in line for line in told) == 1
    assert sum(f"{LINE}/_raw/vibration" in line for line in told) == 1
    assert not bench.quarantine
    bench.intake.beat(NOW + 60_000_000)
    kinds = [row.kind for row in bench.intake.take_rows(NOW)[0]]
    assert kinds == [RowKind.HEARTBEAT]


def test_a_machine_that_is_behind_sends_no_heartbeat_until_it_has_delivered_everything() -> None:
    bench = Bench(clock="trusted")
    bench.intake.connected(NOW, session_present=True)
    bench.observe("exec", "ACTIVE", stamp="2026-09-21T13:13:10Z")
    bench.intake.beat(NOW + 1_000_000)
    assert bench.intake.take_rows(NOW)[0] == []
    bench.intake.beat(NOW + 3_000_000)
    assert [row.kind for row in bench.intake.take_rows(NOW)[0]] == [RowKind.HEARTBEAT]


def test_a_replay_proves_life_only_up_to_its_latest_event() -> None:
    for given_, latest_us in (({"oldest_days": "none"}, STAMP_US), ({}, NOW)):
        bench = Bench(clock="trusted", **given_)
        bench.intake.connected(NOW, session_present=True)
        bench.observe("exec", "ACTIVE", 1)
        bench.observe("exec", "READY", 2, "2026-09-21T13:13:10Z")
        bench.intake.beat(NOW + 3_000_000)
        (row,) = bench.intake.take_rows(NOW)[0]
        assert unpack_heartbeat(row.payload).at_us.tolist() == [latest_us]


def test_a_years_old_time_is_believed_where_the_plant_file_says_so() -> None:
    old = "2022-08-08T13:51:34.7167146Z"
    for given_, believed in (({}, False), ({"oldest_days": "none"}, True), ({"oldest_days": 2000.0}, True)):
        bench = Bench(clock="trusted", **given_)
        bench.observe("exec", "ACTIVE", stamp=old)
        (event_us,) = bench.samples.event_us.tolist()
        assert (event_us == 1_659_966_694_716_714) == believed
        assert (bench.samples.flags[0] == 0) == believed


def test_a_hole_in_an_agents_numbers_says_nothing_unless_they_count_this_machine_alone() -> None:
    shared, own = Bench(), Bench({"sequence": "device"})
    for bench in (shared, own):
        bench.observe("exec", "ACTIVE", 1, "2026-09-21T14:13:08Z")
        bench.observe("exec", "READY", 4, "2026-09-21T14:13:09Z")
    assert shared.gaps == []
    assert [gap.cause for gap in own.gaps] == [Cause.SESSION_LOST, Cause.SESSION_LOST]


@pytest.mark.parametrize(("sequence", "pairs"), [(2, 0), (3, 1)])
def test_the_very_next_number_after_a_reconnect_proves_that_nothing_is_missing(sequence: int, pairs: int) -> None:
    bench = Bench()
    bench.intake.connected(NOW, session_present=False)
    bench.observe("exec", "ACTIVE", 1, "2026-09-21T14:13:08Z")
    bench.intake.connected(NOW, session_present=True)
    bench.observe("X1load", "8", sequence, "2026-09-21T14:13:09Z")
    assert len(bench.gaps) == 2 * pairs


def test_an_agent_that_counts_from_the_beginning_again_was_restarted() -> None:
    bench = Bench()
    bench.observe("exec", "ACTIVE", 900, "2026-09-21T14:13:08Z")
    bench.observe("exec", "READY", 1, "2026-09-21T14:13:09Z")
    assert [gap.cause for gap in bench.gaps] == [Cause.RESTART, Cause.RESTART]


def test_a_jump_back_in_time_with_the_next_number_is_no_gap_and_keeps_its_time() -> None:
    bench = Bench({"sequence": "device"}, clock="trusted")
    stamps = ["2026-09-21T14:13:08Z", "2026-09-21T13:37:18Z", "2026-09-21T14:00:00Z"]
    for sequence, stamp in enumerate(stamps):
        bench.observe("exec", "ACTIVE", sequence, stamp)
    assert bench.gaps == []
    assert bench.samples.event_us.tolist() == [us_from_datetime(datetime.fromisoformat(stamp)) for stamp in stamps]


def test_birth_and_will_of_an_agent_are_bare_words_beside_its_devices() -> None:
    plant = make_plant(machines=0, own=[LATHE])
    (topic,) = [t for t in build_routes(plant, plant.sources[0]).by_topic if "/Probe/" in t]
    assert topic == "MTConnect/Probe/OKUMA.1/Availability"
    bench = Bench.__new__(Bench)
    bench.plant, bench.source = plant, plant.sources[0]
    bench.routes = build_routes(plant, bench.source)
    bench.start(None)
    bench.send(topic, b"AVAILABLE")
    bench.send(topic, b"UNAVAILABLE")
    bench.send(topic, b"gone")
    assert bench.values == [("conn.online", 1), ("conn.online", 0)]
    assert len(bench.quarantine) == 1


def umh(**content: Any) -> bytes:
    return json.dumps({"timestamp_ms": STAMP_US // 1000, **content}).encode()


def test_a_tag_of_umh_is_a_value_with_a_time_in_milliseconds() -> None:
    bench = Bench()
    bench.send(f"{LINE}/_raw/part_total", umh(value=1041))
    bench.send(f"{LINE}/_raw/plc/state", umh(value="RUN"))
    bench.send(f"{LINE}/_raw/plc/state", umh(value=4))
    assert bench.values == [
        ("part.total", 1041),
        ("ctrl.execution", Execution.ACTIVE),
        ("ctrl.execution", Execution.STOPPED),
    ]
    assert set(bench.samples.event_us.tolist()) == {STAMP_US // 1000 * 1000}
    assert bench.samples.seq.tolist() == [-1, -1, -1]


def test_the_historian_carries_several_tags_nested_or_by_topic_or_one_by_one() -> None:
    for topic, content in (
        ("_historian", {"scrap": 3, "spindle": {"load": 41.0}, "other": 1}),
        ("_historian/spindle", {"load": 41.0, "torque": 2}),
        ("_historian/spindle/load", {"value": 41.0}),
    ):
        bench = Bench()
        bench.send(f"{LINE}/{topic}", umh(**content))
        assert ("spindle.1.load", 41.0) in bench.values
        assert (("part.scrap", 3) in bench.values) == ("scrap" in content)
        assert not bench.quarantine


def test_null_in_umh_is_no_value_now_and_a_wrong_one_is_quarantined() -> None:
    bench = Bench()
    bench.send(f"{LINE}/_raw/part_total", umh(value=None))
    bench.send(f"{LINE}/_raw/part_total", umh(value="seven"))
    bench.send(f"{LINE}/_raw/part_total", b'{"timestamp_ms": "now", "value": 1}')
    assert set(bench.samples.quality.tolist()) == {Quality.BAD}
    assert len(bench.quarantine) == 2


def test_a_retained_observation_seeds_and_proves_no_life() -> None:
    bench = Bench()
    content = {"dataItemId": "exec", "timestamp": STAMP, "sequence": 5, "result": "ACTIVE"}
    bench.send(f"{DEVICE}/Observations/exec", json.dumps(content).encode(), retain=True)
    assert bench.samples.flags[0] & Flag.RETAINED
    assert bench.samples.flags[0] & Flag.INITIAL
    bench.intake.beat(NOW)
    assert bench.intake.take_rows(NOW)[0] == []


@pytest.mark.parametrize(
    ("machine", "path"),
    [
        (LATHE | {"time": {"path": "t", "unit": "ms"}}, 'machine "lathe": profile "mtconnect-entity" has time'),
        (LATHE | {"topic": "MTConnect/#"}, 'machine "lathe".topic: must name one topic'),
        (LATHE | {"sequence": "none"}, 'machine "lathe".sequence: '),
        (LATHE | {"signals": {"ctrl.mode": {"path": "x"}}}, 'machine "lathe".signals.ctrl.mode: profile "mtconnect-'),
        (LATHE | {"signals": {"ctrl.mode": "a/#"}}, 'machine "lathe".signals.ctrl.mode: '),
        (LATHE | {"signals": {"ctrl.mode": ["a", "b"]}}, 'machine "lathe".signals.ctrl.mode: only alarm.edge'),
        (LATHE | {"signals": {"ctrl.mode": {"name": "a", "words": {"X": "auto"}}}}, 'machine "lathe".signals.ctrl.mo'),
        (PRESS | {"sequence": "device"}, 'machine "press": sequence belongs to profile'),
        (PRESS | {"signals": {"part.total": {"topic": "a"}}}, 'machine "press".signals.part.total: profile "umh"'),
    ],
)
def test_what_is_wrong_in_a_machines_section_is_named_by_its_path(machine: dict[str, Any], path: str) -> None:
    (complaint,) = complaints(make_plant(machines=0, own=[machine], liveness="broker"))
    assert complaint.startswith(path)


def test_a_machine_whose_birth_nobody_publishes_is_refused() -> None:
    for machine in (PRESS, LATHE | {"topic": "elsewhere/OKUMA.1"}):
        (complaint,) = complaints(make_plant(machines=0, own=[machine]))
        assert 'liveness "interval"' in complaint


@pytest.mark.parametrize("days", [0, -1, 1e6, "never", True])
def test_a_wrong_age_limit_is_refused(days: Any) -> None:
    assert len(complaints(make_plant(oldest_days=days))) >= 1


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_section_that_the_documents_show_can_be_copied(language: str) -> None:
    page = (DOCS / language / "engineer.md").read_text(encoding="utf-8")
    (shown,) = [block for block in page.split("```toml\n") if 'profile = "umh"' in block.split("```")[0]]
    document = tomllib.loads(shown.split("```")[0])
    source = {key: value for key, value in document["source"][0].items() if key not in ("name", "protocol")}
    sections = [
        {key: value for key, value in machine.items() if key not in ("area", "source")}
        for machine in document["machine"]
    ]
    assert complaints(make_plant(machines=0, own=sections, **source)) == []


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_page_of_signals_names_every_word_of_mtconnect_that_is_known(language: str) -> None:
    page = (DOCS / language / "signals.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"\b[A-Z_]{4,}\b", page))
    others = {"POWERING_UP", "POWERING_DOWN", "PAUSING", "RESUMING", "SECONDARY_PROCESS", "OPEN", "CLOSED"}
    assert {word for words in WORDS.values() for word in words} - others <= listed


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from([STAMP, "FAULT", "NORMAL", "UNAVAILABLE", "FEED_HOLD", "12", NOW // 1000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "load", "spindle"]), inner),
    max_leaves=6,
)
KEYS = ["dataItemId", "timestamp", "sequence", "result", "level", "nativeCode", "timestamp_ms", "value", "spindle"]
PLAIN = {"dataItemId": "x", "timestamp": STAMP, "sequence": 4, "timestamp_ms": NOW // 1000}
TOPICS = [*sorted(Bench().routes.by_topic), f"{DEVICE}/Observations/other", f"{LINE}/_raw/other"]


@settings(max_examples=200, deadline=None, print_blob=True)
@given(
    topic=st.sampled_from(TOPICS),
    payload=st.binary(max_size=60)
    | (st.dictionaries(st.sampled_from(KEYS), ANYTHING)).map(lambda found: json.dumps(PLAIN | found).encode()),
    retain=st.booleans(),
)
def test_any_bytes_give_samples_or_one_quarantine_row_and_never_an_exception(
    topic: str, payload: bytes, retain: bool
) -> None:
    bench = Bench()
    bench.send(topic, payload, retain=retain)
    assert len(bench.quarantine) == (bench.intake.rejected > 0)
    assert len(bench.samples) <= bench.intake.received <= len(bench.samples) + bench.intake.rejected
    bench.start(bench.intake.state())
